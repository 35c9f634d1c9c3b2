/**
 * fContextReq and pfContextAttr: which requests are refused at once, and which bits of the answer are the door's own rather than
 * the package's (contract R19, R26, R27, R44, C5, C6).
 *
 * A request that is only not granted is no mistake: the caller looks at the answer. Refused is what would change the form of the
 * exchange, so that going on would mean something else than was asked for.
 * @module
 */
import {
  ASC_REQ,
  ASC_RET,
  flagNames,
  ISC_REQ,
  ISC_RET,
  type PackageInfo,
  SEC_I,
  SECPKG_FLAG,
  type SecurityStatus,
  SspiError,
} from '../sspi/index.ts';

/** The two sides of an exchange, as `SecurityContext.role` names them. */
export type Role = 'initiator' | 'acceptor';

/** A requirement, and the capability of a package that can meet it; without one, no package here can. */
interface Refusable {
  readonly flag: number;
  readonly capability?: number;
}

const REFUSED: Readonly<
  Record<Role, { readonly names: Readonly<Record<string, number>>; readonly flags: Refusable[] }>
> = {
  initiator: {
    names: ISC_REQ,
    flags: [
      { flag: ISC_REQ.PROMPT_FOR_CREDS },
      { flag: ISC_REQ.USE_DCE_STYLE },
      { flag: ISC_REQ.DATAGRAM, capability: SECPKG_FLAG.DATAGRAM },
      { flag: ISC_REQ.CALL_LEVEL },
      { flag: ISC_REQ.FRAGMENT_SUPPLIED },
      { flag: ISC_REQ.FRAGMENT_TO_FIT, capability: SECPKG_FLAG.FRAGMENT },
      { flag: ISC_REQ.USE_HTTP_STYLE },
    ],
  },
  acceptor: {
    names: ASC_REQ,
    flags: [
      { flag: ASC_REQ.USE_DCE_STYLE },
      { flag: ASC_REQ.DATAGRAM, capability: SECPKG_FLAG.DATAGRAM },
      { flag: ASC_REQ.CALL_LEVEL },
      { flag: ASC_REQ.FRAGMENT_SUPPLIED },
      { flag: ASC_REQ.FRAGMENT_TO_FIT, capability: SECPKG_FLAG.FRAGMENT },
    ],
  },
};

/**
 * Refuses requirements that the package cannot meet.
 * @throws SspiError UNSUPPORTED_FUNCTION (contract R27, R60, C6)
 */
export function checkRequirements(role: Role, { name, capabilities }: PackageInfo, requested: number): void {
  const { names, flags } = REFUSED[role];
  let refused = 0;
  for (const { flag, capability } of flags) {
    if (capability === undefined || (capabilities & capability) === 0) refused |= requested & flag;
  }
  // TLS knows no anonymous logon; NTLM has one, and decides for itself.
  const nullSession = role === 'initiator' ? ISC_REQ.NULL_SESSION : ASC_REQ.ALLOW_NULL_SESSION;
  if ((capabilities & SECPKG_FLAG.STREAM) !== 0) refused |= requested & nullSession;
  // A stream of datagrams is a contradiction, whatever the package can do.
  const [stream, datagram] =
    role === 'initiator' ? [ISC_REQ.STREAM, ISC_REQ.DATAGRAM] : [ASC_REQ.STREAM, ASC_REQ.DATAGRAM];
  if ((requested & stream) !== 0) refused |= requested & datagram;
  if (refused !== 0)
    throw new SspiError('UNSUPPORTED_FUNCTION', {
      stage: `fContextReq (${name})`,
      detail: `cannot be met: ${flagNames(names, refused >>> 0).join(', ')}`,
    });
}

/** Requested bits that come back because the package, or the door in its place, does what they ask for. */
const ECHOED: Readonly<
  Record<Role, readonly { readonly request: number; readonly answer: number; readonly capability?: number }[]>
> = {
  initiator: [
    { request: ISC_REQ.ALLOCATE_MEMORY, answer: ISC_RET.ALLOCATED_MEMORY },
    { request: ISC_REQ.EXTENDED_ERROR, answer: ISC_RET.EXTENDED_ERROR },
    { request: ISC_REQ.CONNECTION, answer: ISC_RET.CONNECTION, capability: SECPKG_FLAG.CONNECTION },
    { request: ISC_REQ.STREAM, answer: ISC_RET.STREAM, capability: SECPKG_FLAG.STREAM },
  ],
  acceptor: [
    { request: ASC_REQ.ALLOCATE_MEMORY, answer: ASC_RET.ALLOCATED_MEMORY },
    { request: ASC_REQ.EXTENDED_ERROR, answer: ASC_RET.EXTENDED_ERROR },
    { request: ASC_REQ.CONNECTION, answer: ASC_RET.CONNECTION, capability: SECPKG_FLAG.CONNECTION },
    { request: ASC_REQ.STREAM, answer: ASC_RET.STREAM, capability: SECPKG_FLAG.STREAM },
  ],
};

/**
 * pfContextAttr: what the package granted, and what the door adds.
 * @param granted - bits that the package reports
 * @param requested - bits of the request
 */
export function contextAttributes(
  role: Role,
  { capabilities }: PackageInfo,
  status: SecurityStatus,
  granted: number,
  requested: number,
): number {
  let attributes = granted;
  for (const { request, answer, capability } of ECHOED[role]) {
    const able = capability === undefined || (capabilities & capability) !== 0;
    if (able && (requested & request) !== 0) attributes |= answer;
  }
  const intermediate = status === SEC_I.CONTINUE_NEEDED || status === SEC_I.INCOMPLETE_CREDENTIALS;
  if (role === 'initiator' && intermediate) attributes |= ISC_RET.INTERMEDIATE_RETURN;
  return attributes >>> 0;
}

/** Whether output buffers are to be allocated for the caller (contract R38): the bit is the same on both sides. */
export function allocatesMemory(requested: number): boolean {
  return (requested & ISC_REQ.ALLOCATE_MEMORY) !== 0;
}

/**
 * Whether what a failed exchange still has to say goes out. A client says it only when asked to (contract R25); a server always
 * does, because it is the only way in which the client learns why (C12, C13).
 */
export function reportsErrors(role: Role, requested: number): boolean {
  return role === 'acceptor' || (requested & ISC_REQ.EXTENDED_ERROR) !== 0;
}
