/**
 * What a message is, told by its first octets; and who decodes it. One instance follows one conversation, because some things can
 * only be told from what came before.
 * @module
 */
import { concat } from '../../crypto/index.ts';
import { decodeChangePassword, KdcProxyMessage } from '../../kerberos/index.ts';
import { detectToken, MechTypeList, oidName } from '../../negotiate/index.ts';
import { isNtlmToken } from '../../ntlm/index.ts';
import { cutMessages } from '../input/framing.ts';
import type { KeyLog } from '../input/key-log.ts';
import type { Reading } from '../reading.ts';
import { counted, hexText } from '../text.ts';
import { contentOf, reasonOf, traceDer } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import { describeCertificate } from './certificate.ts';
import { describeAuthorization, describeTSCredentials, describeTSRequest } from './credssp.ts';
import { describeCfx, describeGss, isCfxToken } from './gss.ts';
import { describeKerberos, kerberosMessageName } from './kerberos.ts';
import { kerberosText } from './kerberos-fields.ts';
import { describeNtlmMessage } from './ntlm.ts';
import { describeNegTokenInit, describeNegTokenResp } from './spnego.ts';
import { describeTls, isTls, type TakePlaintext } from './tls.ts';
import { TlsSession } from './tls-session.ts';
import { describeWinRm, isWinRm } from './winrm.ts';
import { describeX224, isTpkt } from './x224.ts';

/** What a message belongs to. */
export type Protocol = 'RDP' | 'TLS' | 'CredSSP' | 'SPNEGO' | 'NTLM' | 'Kerberos' | 'WinRM' | 'X.509' | 'unknown';

/** A message, in one word and in one line. */
export interface Described {
  readonly protocol: Protocol;
  readonly summary: string;
}

/** Decodes the messages of one conversation, in their order. */
export class MessageDecoder {
  readonly #tls: TlsSession;
  #delegated = false;

  constructor(keyLog: KeyLog) {
    this.#tls = new TlsSession(keyLog);
  }

  /** Decodes a message below `branch`, whose name becomes that of the message. Never throws for what is in the octets. */
  describe(octets: Uint8Array, branch: Branch, reading: Reading): Described {
    const described = this.#describe(octets, branch, reading);
    if (reading.facts.some(({ kind }) => kind === 'delegated')) this.#delegated = true;
    return described;
  }

  #describe(octets: Uint8Array, branch: Branch, reading: Reading): Described {
    const named = (protocol: Protocol, name: string, describe: () => string): Described => {
      if (reading.depth === 0) branch.name = name;
      return { protocol, summary: describe() };
    };
    if (octets.length === 0) return named('unknown', 'nothing', () => 'empty');
    if (isTpkt(octets)) return named('RDP', 'X.224', () => describeX224(octets, branch, reading));
    if (isTls(octets))
      return named('TLS', 'TLS', () => describeTls(octets, branch, reading, this.#tls, this.#takePlaintext));
    if (isNtlmToken(octets)) return named('NTLM', 'NTLM', () => describeNtlmMessage(octets, branch, reading));
    if (isWinRm(octets)) return named('WinRM', 'WinRM', () => describeWinRm(octets, branch, reading, this.#inside));
    switch (detectToken(octets)) {
      case 'spnego-init':
        return named('SPNEGO', 'NegTokenInit', () => describeNegTokenInit(octets, branch, reading, this.#inside));
      case 'spnego-resp':
        return named('SPNEGO', 'NegTokenResp', () => describeNegTokenResp(octets, branch, reading, this.#inside));
      case 'ntlm':
      case 'kerberos':
      case 'kerberos-ap-req':
      case 'unknown':
        break;
    }
    if (isGss(octets)) return named('Kerberos', 'GSS token', () => describeGss(octets, branch, reading, this.#inside));
    const kerberos = kerberosMessageName(octets[0]);
    if (kerberos !== undefined) return named('Kerberos', kerberos, () => describeKerberos(octets, branch, reading));
    if (isCfxToken(octets)) return named('Kerberos', 'GSS message', () => describeCfx(octets, branch, reading));
    if (octets[0] === 0x30) return this.#describeSequence(octets, branch, reading, named);
    return this.#describeFramed(octets, branch, reading, named);
  }

  /** Everything that is a SEQUENCE: the first field tells them apart. */
  #describeSequence(octets: Uint8Array, branch: Branch, reading: Reading, named: Named): Described {
    switch (sequenceKind(octets)) {
      case 'TSRequest':
        return named('CredSSP', 'TSRequest', () => describeTSRequest(octets, branch, reading, this.#inside));
      case 'TSCredentials':
        return named('CredSSP', 'TSCredentials', () => describeTSCredentials(octets, branch));
      case 'certificate':
        return named('X.509', 'Certificate', () => describeCertificate(octets, branch));
      case 'KDC-PROXY-MESSAGE':
        return named('Kerberos', 'KDC-PROXY-MESSAGE', () => this.#proxyMessage(octets, branch, reading));
      case 'MechTypeList':
        return named('SPNEGO', 'MechTypeList', () => mechTypeList(octets, branch, reading));
      case undefined:
        return unknownMessage(octets, branch);
    }
  }

  /** What stands behind a length of its own, or has no mark at all. */
  #describeFramed(octets: Uint8Array, branch: Branch, reading: Reading, named: Named): Described {
    const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    const kerberos = kerberosMessageName(octets[4]);
    if (octets.length > 4 && kerberos !== undefined && view.getUint32(0) === octets.length - 4) {
      branch.add('length', branch.offset, 4, String(octets.length - 4));
      return named('Kerberos', `${kerberos} (TCP)`, () =>
        this.#within(octets.subarray(4), branch.add(kerberos, branch.offset + 4, octets.length - 4), reading),
      );
    }
    if (
      octets.length > 6 &&
      view.getUint16(0) === octets.length &&
      (view.getUint16(2) === 1 || view.getUint16(2) === 0xff80)
    )
      return named('Kerberos', 'change password', () => this.#changePassword(octets, branch, reading));
    if (octets.length === 4 && this.#isDelegated(reading))
      return named('CredSSP', 'Early User Authorization Result', () => describeAuthorization(octets, branch, reading));
    if (startsWithText(octets, 'NEGOEXTS')) {
      branch.note('UNKNOWN', 'NEGOEX is recognised and not taken apart');
      return named('SPNEGO', 'NEGOEX', () => 'NEGOEX message');
    }
    return unknownMessage(octets, branch);
  }

  #changePassword(octets: Uint8Array, branch: Branch, reading: Reading): string {
    try {
      const { version, ap, rest } = decodeChangePassword(octets);
      branch.add('version', branch.offset + 2, 2, version === 1 ? 'change (1)' : 'set (0xff80)');
      const parts: string[] = [];
      if (ap.length > 0) parts.push(this.#within(ap, branch.add('AP', branch.offset + 6, ap.length), reading));
      if (rest.length > 0)
        parts.push(this.#within(rest, branch.add('message', branch.offset + 6 + ap.length, rest.length), reading));
      return `Kerberos change password {${parts.join(', ')}}`;
    } catch (error) {
      branch.note('MALFORMED', reasonOf(error));
      return 'Kerberos change password, malformed';
    }
  }

  #proxyMessage(octets: Uint8Array, branch: Branch, reading: Reading): string {
    let said = '';
    traceDer({
      schema: KdcProxyMessage,
      octets,
      branch,
      dress: (field) => {
        if (field.name !== 'kerbMessage' || !(field.value instanceof Uint8Array)) return kerberosText(field);
        const { value } = field;
        said = this.#within(value, contentOf(field.branch, value), reading);
        return undefined;
      },
    });
    return `KDC-PROXY-MESSAGE {${said}}`;
  }

  /** What TLS hid, message by message; one may come in several records. */
  #takePlaintext: TakePlaintext = (content, branch, reading, direction) => {
    const waiting = direction.plaintext;
    const { messages, rest, lost } = cutMessages(waiting.length === 0 ? content : concat(waiting, content), false);
    direction.plaintext = lost ? new Uint8Array(0) : rest;
    const said: string[] = [];
    let at = -waiting.length; // what began in another record has no place of its own here
    for (const message of messages) {
      said.push(this.#within(message, branch.add('message', Math.max(0, at), message.length), reading));
      at += message.length;
    }
    if (lost && rest.length === 4 && this.#isDelegated(reading)) {
      said.push(this.#within(rest, branch.add('message', Math.max(0, at), rest.length), reading));
    } else if (lost) {
      // What an application says to the other is none of our business.
      branch.note('REMARK', `${counted(rest.length, 'octet')} of plaintext that are not known here, and not shown`);
      said.push(`application data (${rest.length})`);
    } else if (rest.length > 0 && messages.length === 0) {
      said.push('the beginning of a message');
    }
    return said.join(', ');
  };

  #isDelegated(reading: Reading): boolean {
    return this.#delegated || reading.facts.some(({ kind }) => kind === 'delegated');
  }

  #inside = (token: Uint8Array, field: Branch, reading: Reading): string =>
    this.#within(token, contentOf(field, token, 'token'), reading);

  #within(token: Uint8Array, branch: Branch, reading: Reading): string {
    const inner = reading.inside();
    if (inner === undefined) {
      branch.note('LIMIT', 'messages within messages, too deep to be true');
      return 'too deep';
    }
    return this.#describe(token, branch, inner).summary;
  }
}

type Named = (protocol: Protocol, name: string, describe: () => string) => Described;

function unknownMessage(octets: Uint8Array, branch: Branch): Described {
  // Nothing but the beginning is shown: whatever it is, it may be somebody's secret.
  branch.note('UNKNOWN', `not a message that is known here; it begins with ${hexText(octets.subarray(0, 4))}`);
  return { protocol: 'unknown', summary: `not recognised, ${counted(octets.length, 'octet')}` };
}

function mechTypeList(octets: Uint8Array, branch: Branch, reading: Reading): string {
  reading.observe({ kind: 'mech-types', list: octets, branch });
  const list = traceDer({
    schema: MechTypeList,
    octets,
    branch,
    dress: ({ value }) => (typeof value === 'string' ? oidName(value) : undefined),
  });
  return list === undefined ? 'MechTypeList, malformed' : `MechTypeList [${list.map(oidName).join(', ')}]`;
}

/** Tags of the first fields: enough to tell the SEQUENCEs apart that have no tag of their own. */
function sequenceKind(octets: Uint8Array) {
  const at = behindHeader(octets, 0);
  switch (octets[at]) {
    case 0x30: // TBSCertificate begins with its version, or its serial number
      return [0xa0, 0x02].includes(octets[behindHeader(octets, at)] ?? 0) ? 'certificate' : undefined;
    case 0x06:
      return 'MechTypeList';
    case 0xa0: {
      const inner = behindHeader(octets, at);
      if (octets[inner] === 0x04) return 'KDC-PROXY-MESSAGE';
      if (octets[inner] !== 0x02) return undefined;
      const next = behindHeader(octets, inner) + (octets[inner + 1] ?? 0);
      const isCredentials = octets[next] === 0xa1 && octets[behindHeader(octets, next)] === 0x04;
      return isCredentials ? 'TSCredentials' : 'TSRequest';
    }
    default:
      return undefined;
  }
}

/** A token of GSS-API begins with the mechanism's object identifier (RFC 2743 3.1), unless it was cut before that. */
function isGss(octets: Uint8Array): boolean {
  return octets[0] === 0x60 && (octets[behindHeader(octets, 0)] ?? 0x06) === 0x06;
}

/** Where the contents of the value at `at` begin. */
function behindHeader(octets: Uint8Array, at: number): number {
  const first = octets[at + 1] ?? 0;
  return at + 2 + (first < 0x80 ? 0 : first & 0x7f);
}

function startsWithText(octets: Uint8Array, text: string): boolean {
  return [...text].every((character, at) => octets[at] === character.charCodeAt(0));
}

/** Whether these octets are a message, or its beginning: for telling what a text stands for. */
export function isRecognised(octets: Uint8Array): boolean {
  if (octets.length < 2) return false;
  if (isTpkt(octets) || isTls(octets) || isNtlmToken(octets) || isWinRm(octets) || isCfxToken(octets)) return true;
  if (detectToken(octets) !== 'unknown' || isGss(octets)) return true;
  if (kerberosMessageName(octets[0]) !== undefined) return true;
  // Behind a length of four octets, which for messages of any sense begins with a zero.
  if (octets[0] === 0 && kerberosMessageName(octets[4]) !== undefined) return true;
  return octets[0] === 0x30 && sequenceKind(octets) !== undefined;
}
