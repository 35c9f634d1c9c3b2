/**
 * What both roles do when the exchange is over: tell what was agreed upon in SSPI's terms, and answer queries.
 * @module
 */
import {
  ASC_REQ,
  ASC_RET,
  type ClientIdentity,
  ISC_REQ,
  ISC_RET,
  type KeyInfo,
  NEVER,
  type Scope,
  Secret,
  SspiError,
  toFileTime,
} from '../sspi/index.ts';
import { ETYPE, type KerberosKey } from './encryption/index.ts';
import { GSS_FLAG, type KerberosProtection, protectionOf, type Received, type SequenceMode } from './gss/index.ts';
import { KERBEROS_INFO } from './info.ts';

/** The attributes of a Kerberos context. */
export const KERBEROS_ATTRIBUTES = [
  'SIZES',
  'NAMES',
  'LIFESPAN',
  'KEY_INFO',
  'SESSION_KEY',
  'PACKAGE_INFO',
  'NATIVE_NAMES',
  'FLAGS',
  'ACCESS_TOKEN',
  'CLIENT_SPECIFIED_TARGET',
  'PASSWORD_EXPIRY',
] as const;

/** What the two sides have in common now. */
export interface Agreement {
  /** Bits of `GSS_FLAG`. */
  readonly flags: number;
  readonly role: 'initiator' | 'acceptor';
  /** What messages are protected with (contract K4). The context takes it over. */
  readonly key: KerberosKey;
  /** Whether the acceptor made it. */
  readonly acceptorSubkey: boolean;
  readonly sendSequence: number;
  readonly receiveSequence: number | Received;
  /** Milliseconds since 1970. */
  readonly start: number;
  readonly end: number;
  readonly clientName: string;
  readonly targetName: string;
  /** Known to servers only. Computed when asked for. */
  readonly client?: (() => ClientIdentity) | undefined;
}

/** Makes the message protection and lets the context answer queries. */
export function establish(scope: Scope, agreement: Agreement): KerberosProtection {
  const { flags, role, key, clientName, targetName, start, end, client } = agreement;
  const messages = scope.own(
    protectionOf({
      key,
      role,
      acceptorSubkey: agreement.acceptorSubkey,
      sendSequence: agreement.sendSequence,
      receiveSequence: agreement.receiveSequence,
      sequence: sequenceMode(flags),
      confidentiality: (flags & GSS_FLAG.CONF) !== 0,
      integrity: (flags & (GSS_FLAG.INTEG | GSS_FLAG.CONF)) !== 0,
      random: scope.host.random,
      dceStyle: (flags & GSS_FLAG.DCE_STYLE) !== 0,
      maxToken: KERBEROS_INFO.maxToken,
    }),
  );
  scope.publish('SIZES', () => messages.sizes);
  scope.publish('NAMES', () => ({ userName: client?.().name ?? clientName }));
  scope.publish('NATIVE_NAMES', () => ({ clientName, serverName: targetName }));
  scope.publish('CLIENT_SPECIFIED_TARGET', () => ({ targetName }));
  scope.publish('LIFESPAN', () => ({ start: toFileTime(start), expiry: toFileTime(end) }));
  scope.publish('KEY_INFO', () => keyInfo(key));
  scope.publish('SESSION_KEY', () => ({ sessionKey: new Secret(key.reveal().keyvalue.slice()) }));
  if (client !== undefined) {
    scope.publish('ACCESS_TOKEN', client);
    scope.publish('PASSWORD_EXPIRY', () => ({ expires: passwordExpiry(client()) }));
  }
  return messages;
}

/** The PAC knows when the password has to be changed; the ticket alone does not. */
function passwordExpiry({ authorization }: ClientIdentity): bigint {
  if (authorization === undefined)
    throw new SspiError('UNSUPPORTED_FUNCTION', {
      stage: 'attribute PASSWORD_EXPIRY',
      detail: 'the ticket says nothing of the account',
    });
  return authorization.passwordMustChange ?? NEVER;
}

function sequenceMode(flags: number): SequenceMode {
  if ((flags & GSS_FLAG.SEQUENCE) !== 0) return 'strict';
  return (flags & GSS_FLAG.REPLAY) !== 0 ? 'replay' : 'none';
}

/** ALG_ID of wincrypt.h; Kerberos has numbers of its own for checksums. */
const CALG_AES_128 = 0x660e;
const CALG_AES_256 = 0x6610;
const CALG_RC4 = 0x6801;

function keyInfo({ type: { etype, name, keyLength, checksumType } }: KerberosKey): KeyInfo {
  const rc4 = etype === ETYPE.RC4_HMAC;
  return {
    signatureAlgorithmName: rc4 ? 'HMAC-MD5' : name.slice(name.indexOf('hmac')).toUpperCase(),
    encryptAlgorithmName: rc4 ? 'RSADSI RC4-HMAC' : name.toUpperCase(),
    keySize: keyLength * 8,
    signatureAlgorithm: checksumType >>> 0,
    encryptAlgorithm: rc4 ? CALG_RC4 : keyLength === 16 ? CALG_AES_128 : CALG_AES_256,
  };
}

/** What a client's flags ask of its peer. */
export function gssFlagsOf(requested: number): number {
  let flags = 0;
  if ((requested & ISC_REQ.MUTUAL_AUTH) !== 0) flags |= GSS_FLAG.MUTUAL;
  if ((requested & ISC_REQ.REPLAY_DETECT) !== 0) flags |= GSS_FLAG.REPLAY;
  if ((requested & ISC_REQ.SEQUENCE_DETECT) !== 0) flags |= GSS_FLAG.SEQUENCE;
  if ((requested & ISC_REQ.CONFIDENTIALITY) !== 0) flags |= GSS_FLAG.CONF | GSS_FLAG.INTEG;
  // Neither order nor replay can be told without a signature.
  if ((requested & (ISC_REQ.INTEGRITY | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT)) !== 0)
    flags |= GSS_FLAG.INTEG;
  // DCE style is a form of mutual authentication ([MS-KILE] 3.4.5.1).
  if ((requested & ISC_REQ.USE_DCE_STYLE) !== 0) flags |= GSS_FLAG.DCE_STYLE | GSS_FLAG.MUTUAL;
  if ((requested & ISC_REQ.IDENTIFY) !== 0) flags |= GSS_FLAG.IDENTIFY;
  if ((requested & ISC_REQ.EXTENDED_ERROR) !== 0) flags |= GSS_FLAG.EXTENDED_ERROR;
  return flags;
}

/** `ISC_RET`: what the client got. */
export function initiatorFlags(flags: number, requested: number): number {
  let result = requested & (ISC_REQ.CONNECTION | ISC_REQ.USE_SESSION_KEY);
  if ((flags & GSS_FLAG.DELEG) !== 0) result |= ISC_RET.DELEGATE;
  if ((flags & GSS_FLAG.MUTUAL) !== 0) result |= ISC_RET.MUTUAL_AUTH;
  if ((flags & GSS_FLAG.REPLAY) !== 0) result |= ISC_RET.REPLAY_DETECT;
  if ((flags & GSS_FLAG.SEQUENCE) !== 0) result |= ISC_RET.SEQUENCE_DETECT;
  if ((flags & GSS_FLAG.CONF) !== 0) result |= ISC_RET.CONFIDENTIALITY;
  if ((flags & GSS_FLAG.INTEG) !== 0) result |= ISC_RET.INTEGRITY;
  if ((flags & GSS_FLAG.DCE_STYLE) !== 0) result |= ISC_RET.USED_DCE_STYLE;
  if ((flags & GSS_FLAG.IDENTIFY) !== 0) result |= ISC_RET.IDENTIFY;
  if ((flags & GSS_FLAG.EXTENDED_ERROR) !== 0) result |= ISC_RET.EXTENDED_ERROR;
  return result;
}

/** `ASC_RET`: what the server got. */
export function acceptorFlags(flags: number, requested: number): number {
  let result = requested & (ASC_REQ.CONNECTION | ASC_REQ.USE_SESSION_KEY);
  if ((flags & GSS_FLAG.DELEG) !== 0) result |= ASC_RET.DELEGATE;
  if ((flags & GSS_FLAG.MUTUAL) !== 0) result |= ASC_RET.MUTUAL_AUTH;
  if ((flags & GSS_FLAG.REPLAY) !== 0) result |= ASC_RET.REPLAY_DETECT;
  if ((flags & GSS_FLAG.SEQUENCE) !== 0) result |= ASC_RET.SEQUENCE_DETECT;
  if ((flags & GSS_FLAG.CONF) !== 0) result |= ASC_RET.CONFIDENTIALITY;
  if ((flags & (GSS_FLAG.INTEG | GSS_FLAG.CONF)) !== 0) result |= ASC_RET.INTEGRITY;
  if ((flags & GSS_FLAG.DCE_STYLE) !== 0) result |= ASC_RET.USED_DCE_STYLE;
  if ((flags & GSS_FLAG.IDENTIFY) !== 0) result |= ASC_RET.IDENTIFY;
  if ((flags & GSS_FLAG.EXTENDED_ERROR) !== 0) result |= ASC_RET.EXTENDED_ERROR;
  return result;
}
