/**
 * Tokens in one line, for traces and for people. Says what is there, shows no content, and takes whatever octets it is given.
 * @module
 */
import { describeNtlm } from '../ntlm/index.ts';
import { SspiError } from '../sspi/index.ts';
import { afterLength, detectToken } from './detect.ts';
import { OID, oidName } from './oids.ts';
import { decodeNegTokenInit, decodeNegTokenResp, NEG_STATE } from './tokens.ts';

const STATE_NAMES: ReadonlyMap<number | undefined, string> = new Map([
  [NEG_STATE.ACCEPT_COMPLETED, 'accept-completed'],
  [NEG_STATE.ACCEPT_INCOMPLETE, 'accept-incomplete'],
  [NEG_STATE.REJECT, 'reject'],
  [NEG_STATE.REQUEST_MIC, 'request-mic'],
]);

/** RFC 4121 4.1, [MS-KILE], by the two octets behind the object identifier. */
const KERBEROS_TOKENS: ReadonlyMap<number, string> = new Map([
  [0x0100, 'Kerberos AP-REQ'],
  [0x0200, 'Kerberos AP-REP'],
  [0x0300, 'Kerberos KRB-ERROR'],
  [0x0400, 'Kerberos TGT-REQ'],
  [0x0401, 'Kerberos TGT-REP'],
]);

/**
 * One line about a token of SPNEGO, or a bare one of NTLM or Kerberos.
 * @returns for example `NegTokenInit [NTLM] {NTLM NEGOTIATE}` or `NegTokenResp accept-completed, mechListMIC`; in brackets the
 *   mechanisms, in braces the mechanism's own token
 * @example
 * describeSpnego(fromHex('a1153013a0030a0103a10c060a2b06010401823702020a')); // 'NegTokenResp request-mic [NTLM]'
 */
export function describeSpnego(token: Uint8Array): string {
  try {
    switch (detectToken(token)) {
      case 'spnego-init':
        return describeInit(token);
      case 'spnego-resp':
        return describeResp(token);
      default:
        return describeMechanismToken(token);
    }
  } catch (error) {
    if (error instanceof SspiError) return `malformed SPNEGO token, ${token.length} octets`;
    throw error;
  }
}

function describeInit(token: Uint8Array): string {
  const { mechTypes, mechToken, mechListMIC, hints } = decodeNegTokenInit(token);
  const name = hints === undefined ? 'NegTokenInit' : 'NegTokenInit2';
  return `${name} [${mechTypes.map(oidName).join(', ')}]${parts(mechToken, mechListMIC)}`;
}

function describeResp(token: Uint8Array): string {
  const { negState, supportedMech, responseToken, mechListMIC } = decodeNegTokenResp(token);
  const state = negState === undefined ? '' : ` ${STATE_NAMES.get(negState) ?? negState}`;
  const mechanism = supportedMech === undefined ? '' : ` [${oidName(supportedMech)}]`;
  return `NegTokenResp${state}${mechanism}${parts(responseToken, mechListMIC)}`;
}

function parts(mechanismToken: Uint8Array | undefined, mechListMIC: Uint8Array | undefined): string {
  const inside = mechanismToken === undefined ? '' : ` {${describeMechanismToken(mechanismToken)}}`;
  return mechListMIC === undefined ? inside : `${inside}, mechListMIC`;
}

function describeMechanismToken(token: Uint8Array): string {
  switch (detectToken(token)) {
    case 'ntlm':
      return describeNtlm(token);
    case 'kerberos': {
      const at = afterLength(token) + 2 + (token[afterLength(token) + 1] ?? 0); // behind the object identifier
      return KERBEROS_TOKENS.get(((token[at] ?? 0) << 8) | (token[at + 1] ?? 0)) ?? oidName(OID.KERBEROS);
    }
    case 'kerberos-ap-req':
      return 'Kerberos AP-REQ';
    default:
      return token.length === 0 ? 'empty' : `${token.length} octets`;
  }
}
