/**
 * What a service demands of a client beyond a genuine ticket: protection, channel bindings, the right target, a checked path.
 * @module
 */
import { decodeUtf16, equalInConstantTime } from '../crypto/index.ts';
import {
  type AcceptOptions,
  ASC_REQ,
  type ChannelBindingPolicy,
  hashChannelBindings,
  NTSTATUS,
  SspiError,
} from '../sspi/index.ts';
import type { ApRequest } from './ap-request.ts';
import { CHECKSUM_TYPE, KEY_USAGE } from './encryption/index.ts';
import { printable } from './failures.ts';
import { type AuthenticatorChecksum, decodeAuthenticatorChecksum, GSS_FLAG } from './gss/index.ts';
import {
  AD_TYPE,
  AP_OPTIONS_DATA,
  findAuthorizationData,
  formatPrincipal,
  TICKET_FLAGS,
  type Ticket,
} from './messages/index.ts';
import type { OpenTicket } from './open-tickets.ts';

const STAGE = 'Kerberos AP-REQ';
/**
 * Reads the checksum of the authenticator, which for GSS-API is none but carries flags and bindings (RFC 4121 4.1.1). Without it
 * no flag is set ([MS-KILE] 3.4.5). Samba sends a real one, over nothing.
 * @throws SspiError AUTHENTICATOR_INVALID for a checksum that does not verify or has no key (fault Z33)
 */
export function readChecksum({ authenticator: { cksum }, ticket: { sessionKey } }: ApRequest): AuthenticatorChecksum {
  if (cksum === undefined) return { flags: 0 };
  if (cksum.cksumtype === CHECKSUM_TYPE.GSS) return decodeAuthenticatorChecksum(cksum.checksum);
  if (sessionKey.verifies(KEY_USAGE.AP_REQ_CHECKSUM, cksum)) return { flags: 0 };
  throw new SspiError('AUTHENTICATOR_INVALID', { stage: STAGE, detail: `a checksum of type ${cksum.cksumtype}` });
}

/** What the caller of the service asked for, the client must offer. */
export function assertProtection(flags: number, requested: number): void {
  if ((requested & ASC_REQ.CONFIDENTIALITY) !== 0 && (flags & GSS_FLAG.CONF) === 0)
    throw new SspiError('INTEGRITY_REQUIRED', { stage: STAGE, detail: 'the client does not seal' });
  const signed = ASC_REQ.INTEGRITY | ASC_REQ.REPLAY_DETECT | ASC_REQ.SEQUENCE_DETECT;
  if ((requested & signed) !== 0 && (flags & (GSS_FLAG.CONF | GSS_FLAG.INTEG)) === 0)
    throw new SspiError('INTEGRITY_REQUIRED', { stage: STAGE, detail: 'the client does not sign' });
}

/**
 * Extended protection: is the client at the other end of our TLS channel (fault Z52)? Sixteen zeros say that it has no bindings. A
 * client that says that it always sends them when it knows them (CBT) is then not on a TLS channel at all, but we are.
 */
export function checkChannelBindings(
  bindings: Uint8Array | undefined,
  { authenticator }: ApRequest,
  { channelBindings, flags }: AcceptOptions,
  configured: ChannelBindingPolicy | undefined,
): void {
  const missingAllowed = channelBindings === undefined || (flags & ASC_REQ.ALLOW_MISSING_BINDINGS) !== 0;
  const policy = configured ?? (missingAllowed ? 'when-supported' : 'required');
  if (policy === 'never') return;
  if (bindings === undefined) {
    if (policy === 'required') throw badBindings('the client sent none');
    const [octets] = findAuthorizationData(authenticator.authorizationData, AD_TYPE.AP_OPTIONS);
    if (channelBindings !== undefined && (apOptions(octets) & AP_OPTIONS_DATA.CBT) !== 0)
      throw badBindings('the client knows of them and sent none');
    return;
  }
  if (channelBindings !== undefined && !equalInConstantTime(bindings, hashChannelBindings(channelBindings)))
    throw badBindings('the client is bound to another channel');
}

function apOptions(octets: Uint8Array | undefined): number {
  if (octets === undefined || octets.length < 4) return 0;
  return new DataView(octets.buffer, octets.byteOffset).getUint32(0, true);
}

function badBindings(detail: string): SspiError {
  return new SspiError('BAD_BINDINGS', { stage: STAGE, detail, ntStatus: NTSTATUS.BAD_BINDINGS });
}

/**
 * The service that the client wants. The name beside the ticket can be changed by anybody on the way, as long as the key stays the
 * right one; Windows clients repeat it in the authenticator, where nobody can, with the realm ([MS-KILE] 3.2.5.8).
 */
export function clientTarget({ authenticator }: ApRequest, { sname }: Ticket): string {
  const [octets] = findAuthorizationData(authenticator.authorizationData, AD_TYPE.TARGET_PRINCIPAL);
  if (octets === undefined || octets.length === 0) return formatPrincipal(sname);
  if (octets.length % 2 !== 0)
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'the target principal is no UTF-16' });
  return decodeUtf16(octets).replace(/\0$/, '');
}

/** A request made for another service was made for another server: it is being relayed. */
export function checkTarget(target: string, targetNames: readonly string[] | undefined): void {
  if (targetNames === undefined) return;
  const wanted = nameOf(target).toLowerCase();
  if (targetNames.some((name) => nameOf(name).toLowerCase() === wanted)) return;
  throw new SspiError('TARGET_NAME_REFUSED', {
    stage: STAGE,
    detail: printable(target),
    ntStatus: NTSTATUS.ACCESS_DENIED,
  });
}

/** Without the realm. What cannot be read is compared as it is. */
function nameOf(target: string): string {
  const at = target.lastIndexOf('@');
  return at > target.lastIndexOf('/') && at > 0 ? target.slice(0, at) : target;
}

/**
 * The realms between the client's and ours (RFC 4120 2.7). The KDC says whether it trusts all of them; KDCs of Active Directory do
 * not say, but filter what a PAC of another domain may claim, so that a PAC which verifies stands for it.
 */
export function checkTransited({ facts, authorization }: OpenTicket, realm: string): void {
  const { flags, crealm, transited } = facts;
  const isChecked = (flags & TICKET_FLAGS.TRANSITED_POLICY_CHECKED) !== 0;
  if (isChecked || authorization?.client !== undefined || crealm === realm || transited.contents.length === 0) return;
  throw new SspiError('TRANSIT_REFUSED', { stage: STAGE, detail: `a client of ${crealm}` });
}
