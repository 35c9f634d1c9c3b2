/**
 * What somebody in between does to TSRequests on request, so that it can be seen who notices.
 * @module
 */
import type { TSRequest } from '../credssp/index.ts';
import { decodeNegTokenInit, encodeMechTypeList, encodeNegTokenInit, OID } from '../negotiate/index.ts';

/** Which way a message goes. */
export type MessageFrom = 'client' | 'server';

/** What becomes of a TSRequest on its way. Undefined: both connections are cut. */
export type ChangeRequest = (
  request: TSRequest,
  from: MessageFrom,
) => TSRequest | undefined | Promise<TSRequest | undefined>;

/** What somebody in between can do: see `Lab.middle`. */
export type MiddleFault =
  | 'swapped-certificate'
  | 'stripped-mic'
  | 'old-version'
  | 'struck-kerberos'
  | 'replayed'
  | 'oversize'
  | 'reset'
  | 'slow'
  | 'stalled';

/** What becomes of TSRequests with a fault; undefined: nothing. Each call begins anew. */
export function changeOf(fault: MiddleFault): ChangeRequest | undefined {
  switch (fault) {
    case 'swapped-certificate':
      return undefined;
    case 'stripped-mic':
      return withoutMic;
    case 'old-version':
      return asVersion(2);
    case 'struck-kerberos':
      return withoutKerberos;
    case 'replayed':
      return replayed();
    case 'oversize':
      return oversize;
    case 'reset':
      return reset;
    case 'slow':
      return slow;
    case 'stalled':
      return stalled;
  }
}

/** NTLMSSP, and the type of an AUTHENTICATE ([MS-NLMP] 2.2.1.3). */
const AUTHENTICATE = new TextEncoder().encode('NTLMSSP\0\u0003\0\0\0');
const MIC = { OFFSET: 72, LENGTH: 16 } as const;
/** The first octet of SPNEGO's first message (RFC 2743 3.1). */
const INITIAL_CONTEXT_TOKEN = 0x60;
/** How long a slow answer takes; milliseconds. */
const SLOW = 200;
const HUGE = 4 * 1024 * 1024;

/** Takes the message integrity code out of NTLM's AUTHENTICATE, wherever in a token it stands (CVE-2019-1040). */
function withoutMic(request: TSRequest): TSRequest {
  return withTokens(request, (negoToken) => {
    const token = Uint8Array.from(negoToken);
    const start = indexOf(token, AUTHENTICATE);
    if (start >= 0) token.fill(0, start + MIC.OFFSET, start + MIC.OFFSET + MIC.LENGTH);
    return token;
  });
}

/** Says that its sender knows no newer version than this (CVE-2018-0886). */
function asVersion(version: number): ChangeRequest {
  return (request) => ({ ...request, version, clientNonce: version < 5 ? undefined : request.clientNonce });
}

/** Strikes Kerberos from what the client offers, so that the two fall back to NTLM: what the mechListMIC is there for. */
function withoutKerberos(request: TSRequest): TSRequest {
  return withTokens(request, (negoToken) => {
    if (negoToken[0] !== INITIAL_CONTEXT_TOKEN) return negoToken;
    const { mechTypes } = decodeNegTokenInit(negoToken);
    if (mechTypes.every((mechanism) => mechanism === OID.NTLM)) return negoToken;
    return encodeNegTokenInit({ mechTypeList: encodeMechTypeList([OID.NTLM]) });
  });
}

/** Keeps the first client's first words, and says them again in the place of those of all that come later. */
function replayed(): ChangeRequest {
  let overheard: TSRequest | undefined;
  return (request) => {
    if (request.negoTokens?.[0]?.negoToken[0] !== INITIAL_CONTEXT_TOKEN) return request;
    overheard ??= request;
    return overheard;
  };
}

/** The server's answers grow beyond every limit. */
function oversize(request: TSRequest, from: MessageFrom): TSRequest {
  return from === 'client' ? request : { ...request, negoTokens: [{ negoToken: new Uint8Array(HUGE) }] };
}

/** The connection is cut when the server answers. */
function reset(request: TSRequest, from: MessageFrom): TSRequest | undefined {
  return from === 'client' ? request : undefined;
}

/** Every message is on its way for a while. */
async function slow(request: TSRequest): Promise<TSRequest> {
  await new Promise<void>((resolve) => setTimeout(resolve, SLOW));
  return request;
}

/** The server's answers come never. */
function stalled(request: TSRequest, from: MessageFrom): TSRequest | Promise<never> {
  return from === 'client' ? request : new Promise<never>(() => undefined);
}

function withTokens(request: TSRequest, change: (negoToken: Uint8Array) => Uint8Array): TSRequest {
  return { ...request, negoTokens: request.negoTokens?.map(({ negoToken }) => ({ negoToken: change(negoToken) })) };
}

function indexOf(octets: Uint8Array, wanted: Uint8Array): number {
  for (let at = 0; at + wanted.length <= octets.length; at++)
    if (wanted.every((octet, offset) => octets[at + offset] === octet)) return at;
  return -1;
}
