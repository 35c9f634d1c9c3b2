/**
 * What both roles do when the exchange is over: tell what was agreed upon in SSPI's terms, and answer queries.
 * @module
 */
import {
  ASC_RET,
  type ClientIdentity,
  type ExchangeEvent,
  ISC_REQ,
  ISC_RET,
  type KeyInfo,
  NEVER,
  type Scope,
  type Secret,
  toFileTime,
} from '../sspi/index.ts';
import { describeNtlm } from './fields.ts';
import { hasAny, hasSessionSecurity, NEGOTIATE } from './flags.ts';
import type { Side } from './keys.ts';
import { NtlmMessageSecurity, type Progress } from './message-security.ts';

/** The attributes of an NTLM context (contract N21). */
export const NTLM_ATTRIBUTES = [
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
] as const;

/** What the two sides have in common now. */
export interface Agreement {
  /** NegotiateFlags. */
  readonly flags: number;
  /** 16 octets, owned by the scope already; absent for anonymous clients, whose key everybody knows. */
  readonly exportedSessionKey: Secret | undefined;
  readonly side: Side;
  /** `DOMAIN\user` of the client. */
  readonly clientName: string;
  readonly targetName: string;
  /** Known to servers only. */
  readonly client?: ClientIdentity | undefined;
  /** When it was established, in milliseconds, and where it stood: of a context that is imported. */
  readonly resume?: { readonly start: number; readonly progress: Progress } | undefined;
}

/** Makes the message protection and lets the context answer queries. */
export function establish(scope: Scope, agreement: Agreement): NtlmMessageSecurity {
  const { flags, exportedSessionKey, side, clientName, targetName, client, resume } = agreement;
  const key = exportedSessionKey?.reveal() ?? new Uint8Array(16);
  const messages = scope.own(
    new NtlmMessageSecurity({ flags, exportedSessionKey: key, side, resume: resume?.progress }),
  );
  const start = resume?.start ?? scope.host.clock.now();
  scope.publish('SIZES', () => messages.sizes);
  scope.publish('NAMES', () => ({ userName: clientName }));
  scope.publish('NATIVE_NAMES', () => ({ clientName, serverName: targetName }));
  scope.publish('CLIENT_SPECIFIED_TARGET', () => ({ targetName }));
  scope.publish('LIFESPAN', () => ({ start: toFileTime(start), expiry: NEVER }));
  scope.publish('KEY_INFO', () => keyInfo(flags));
  if (client !== undefined) scope.publish('ACCESS_TOKEN', () => client);
  if (exportedSessionKey !== undefined)
    scope.publish('SESSION_KEY', () => ({ sessionKey: exportedSessionKey.clone() }));
  return messages;
}

/** CALG_RC4 and the checksum numbers that Kerberos has for the same things; NTLM has none of its own. */
const CALG_RC4 = 0x6801;
const CHECKSUM = { 'HMAC-MD5': 0xffffff76, CRC32: 1 } as const;

function keyInfo(flags: number): KeyInfo {
  const extended = hasAny(flags, NEGOTIATE.EXTENDED_SESSIONSECURITY);
  const signatureAlgorithmName = extended ? 'HMAC-MD5' : 'CRC32';
  return {
    signatureAlgorithmName,
    encryptAlgorithmName: 'RSADSI RC4',
    keySize: !extended || hasAny(flags, NEGOTIATE.KEY_128) ? 128 : hasAny(flags, NEGOTIATE.KEY_56) ? 56 : 40,
    signatureAlgorithm: CHECKSUM[signatureAlgorithmName],
    encryptAlgorithm: CALG_RC4,
  };
}

/** `ISC_RET`: what the client got. Of what it asked for, MUTUAL_AUTH and DELEGATE are not to be had from NTLM. */
export function initiatorFlags(flags: number, requested: number): number {
  let result = requested & (ISC_REQ.CONNECTION | ISC_REQ.USE_DCE_STYLE);
  if (hasSessionSecurity(flags)) result |= ISC_RET.INTEGRITY | ISC_RET.REPLAY_DETECT | ISC_RET.SEQUENCE_DETECT;
  if (hasAny(flags, NEGOTIATE.SEAL)) result |= ISC_RET.CONFIDENTIALITY;
  if (hasAny(flags, NEGOTIATE.KEY_EXCH)) result |= requested & ISC_REQ.USE_SESSION_KEY;
  if (hasAny(flags, NEGOTIATE.IDENTIFY)) result |= ISC_RET.IDENTIFY;
  if (hasAny(flags, NEGOTIATE.ANONYMOUS)) result |= ISC_RET.NULL_SESSION;
  return result;
}

/** `ASC_RET`: what the server got. */
export function acceptorFlags(flags: number, requested: number): number {
  let result = requested & (ASC_RET.CONNECTION | ASC_RET.USED_DCE_STYLE);
  if (hasSessionSecurity(flags)) result |= ASC_RET.INTEGRITY | ASC_RET.REPLAY_DETECT | ASC_RET.SEQUENCE_DETECT;
  if (hasAny(flags, NEGOTIATE.SEAL)) result |= ASC_RET.CONFIDENTIALITY;
  if (hasAny(flags, NEGOTIATE.KEY_EXCH)) result |= requested & ASC_RET.USE_SESSION_KEY;
  if (hasAny(flags, NEGOTIATE.IDENTIFY)) result |= ASC_RET.IDENTIFY;
  if (hasAny(flags, NEGOTIATE.ANONYMOUS)) result |= ASC_RET.NULL_SESSION;
  return result;
}

/** For the observer. */
export function messageEvent(direction: ExchangeEvent['direction'], message: Uint8Array): ExchangeEvent {
  return { protocol: 'NTLM', direction, message: describeNtlm(message), size: message.length };
}

/** `DOMAIN\user`, or the user alone without a domain. */
export function qualifiedName(domain: string, user: string): string {
  return domain === '' ? user : `${domain}\\${user}`;
}
