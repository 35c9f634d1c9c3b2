/**
 * The server's side, [MS-NLMP] 3.2.5.1: a challenge, and then the proof, in the order that tells an attacker least.
 * @module
 */
import { equalInConstantTime } from '../crypto/index.ts';
import {
  type AcceptOptions,
  type AcceptorIdentity,
  ASC_REQ,
  type ClientIdentity,
  type ComputerNames,
  type Established,
  type Exchange,
  NEVER,
  NTSTATUS,
  type Scope,
  Secret,
  SspiError,
} from '../sspi/index.ts';
import {
  agreedFlags,
  assertProtection,
  checkAge,
  checkChannelBindings,
  checkTarget,
  clientTarget,
} from './acceptor-policy.ts';
import { type AuthenticateMessage, decodeAuthenticate } from './authenticate.ts';
import { AV_ID, type AvPair, avValue, fileTimeOctets, textPair } from './av-pairs.ts';
import { encodeChallenge } from './challenge.ts';
import { acceptorFlags, establish, messageEvent, qualifiedName } from './established.ts';
import { hasAny, hasSessionSecurity, NEGOTIATE } from './flags.ts';
import { messageIntegrityCode, rc4k } from './keys.ts';
import { decodeNegotiate } from './negotiate.ts';
import { verifyLogon } from './verify.ts';
import { OUR_VERSION } from './version.ts';

const STAGE = 'NTLM AUTHENTICATE';

/** A server that belongs to no domain is its own. */
const STAND_ALONE: ComputerNames = {
  netbiosComputer: 'SERVER',
  netbiosDomain: 'SERVER',
  dnsComputer: 'server',
  dnsDomain: 'server',
};

/** A server. */
export interface Acceptor {
  readonly identity: AcceptorIdentity;
  /** 16 octets that are nobody's NT hash, for users that do not exist. */
  readonly decoyHash: Uint8Array;
}

/** The conversation: NEGOTIATE, CHALLENGE, AUTHENTICATE. */
export async function* accept(
  { identity, decoyHash }: Acceptor,
  options: AcceptOptions,
  scope: Scope,
  first: Uint8Array,
): Exchange {
  if (hasAny(options.flags, ASC_REQ.DATAGRAM))
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'NTLM NEGOTIATE', detail: 'datagram contexts' });

  // 3.2.5.1.1: choose of what the client can do. The MIC needs the octets later, and the caller may use the buffer again.
  const negotiate = first.slice();
  scope.trace(() => messageEvent('received', negotiate));
  const computer = identity.computer ?? STAND_ALONE;
  const offered = challengeFlags(decodeNegotiate(negotiate).flags, computer);
  assertProtection(offered, options.flags, identity, 'NTLM NEGOTIATE');
  const serverChallenge = scope.host.random.bytes(8);
  const timestamp = fileTimeOctets(scope.host.clock.now());
  const sent = targetInfo(computer, timestamp);
  const challenge = encodeChallenge({
    flags: offered,
    serverChallenge,
    targetName: isMember(computer) ? computer.netbiosDomain : computer.netbiosComputer,
    targetInfo: sent,
    version: OUR_VERSION,
  });
  scope.trace(() => messageEvent('sent', challenge));
  const received = yield { token: challenge.slice() };
  scope.trace(() => messageEvent('received', received));

  // 3.2.5.1.2: first whether the response is right. Whoever does not know the password learns nothing else (fault Z22).
  const message = decodeAuthenticate(received);
  if (isAnonymous(message)) return acceptAnonymous(identity, options, scope, offered & message.flags);
  const flags = agreedFlags(offered, message.flags);
  assertProtection(flags, options.flags, identity, STAGE);
  assertSessionKey(message, flags);
  const logon = await verifyLogon(identity, { message, serverChallenge, flags, decoyHash });

  // Then whether the messages are those that the client saw and sent, and meant for us, and now.
  const exportedSessionKey = scope.own(new Secret(exportSessionKey(message, flags, logon.keyExchangeKey)));
  const expectedMic = (at: number): Uint8Array =>
    messageIntegrityCode(exportedSessionKey.reveal(), negotiate, challenge, received, at);
  checkMic(identity, message, { targetInfo: sent, expectedMic });
  const { ntResponse } = message;
  const avPairs = ntResponse.kind === 'ntlm-v2' ? ntResponse.clientChallenge.avPairs : [];
  checkChannelBindings(identity, options, avPairs);
  const targetName = clientTarget(avPairs);
  checkTarget(identity, targetName);
  if (ntResponse.kind === 'ntlm-v2') checkAge(identity, ntResponse.clientChallenge.timestamp, scope.host.clock.now());

  // Last, what only the owner of the account may be told.
  if (logon.restriction !== undefined)
    throw new SspiError('ACCOUNT_RESTRICTED', { stage: STAGE, ntStatus: logon.restriction });

  const client: ClientIdentity = {
    domain: logon.domain,
    user: logon.user,
    name: qualifiedName(logon.domain, logon.user),
    mechanism: 'NTLM',
    identifyOnly: hasAny(flags, NEGOTIATE.IDENTIFY),
    anonymous: false,
  };
  const agreement = { flags, exportedSessionKey, side: 'server', clientName: client.name, targetName, client } as const;
  const messages = establish(scope, agreement);
  return { flags: acceptorFlags(flags, options.flags), expiry: NEVER, messages };
}

/** What we can do; everything else that a client asks for it does not get. */
const SUPPORTED =
  NEGOTIATE.SIGN |
  NEGOTIATE.SEAL |
  NEGOTIATE.EXTENDED_SESSIONSECURITY |
  NEGOTIATE.IDENTIFY |
  NEGOTIATE.KEY_128 |
  NEGOTIATE.KEY_EXCH |
  NEGOTIATE.KEY_56;

/** VERSION too, as Windows does: without it some clients move their MIC. */
const ALWAYS =
  NEGOTIATE.REQUEST_TARGET | NEGOTIATE.NTLM | NEGOTIATE.ALWAYS_SIGN | NEGOTIATE.TARGET_INFO | NEGOTIATE.VERSION;

function challengeFlags(requested: number, computer: ComputerNames): number {
  if (!hasAny(requested, NEGOTIATE.UNICODE | NEGOTIATE.OEM))
    throw new SspiError('MALFORMED_TOKEN', { stage: 'NTLM NEGOTIATE', detail: 'neither UNICODE nor OEM' });
  let flags = (requested & SUPPORTED) | ALWAYS;
  flags |= hasAny(requested, NEGOTIATE.UNICODE) ? NEGOTIATE.UNICODE : NEGOTIATE.OEM;
  flags |= isMember(computer) ? NEGOTIATE.TARGET_TYPE_DOMAIN : NEGOTIATE.TARGET_TYPE_SERVER;
  // A key without a use: implementations disagree on whether it is sent then, so that it is better not negotiated.
  if (!hasSessionSecurity(flags)) flags &= ~NEGOTIATE.KEY_EXCH;
  return flags >>> 0;
}

function isMember({ netbiosComputer, netbiosDomain }: ComputerNames): boolean {
  return netbiosDomain.toUpperCase() !== netbiosComputer.toUpperCase();
}

/** In the order of Windows. The time makes clients add a MIC. */
function targetInfo(computer: ComputerNames, timestamp: Uint8Array): AvPair[] {
  const { netbiosDomain, netbiosComputer, dnsDomain, dnsComputer, dnsTree } = computer;
  const pairs = [textPair(AV_ID.NB_DOMAIN_NAME, netbiosDomain), textPair(AV_ID.NB_COMPUTER_NAME, netbiosComputer)];
  if (dnsDomain !== undefined) pairs.push(textPair(AV_ID.DNS_DOMAIN_NAME, dnsDomain));
  if (dnsComputer !== undefined) pairs.push(textPair(AV_ID.DNS_COMPUTER_NAME, dnsComputer));
  if (dnsTree !== undefined) pairs.push(textPair(AV_ID.DNS_TREE_NAME, dnsTree));
  pairs.push({ id: AV_ID.TIMESTAMP, value: timestamp });
  return pairs;
}

/** The whole form, not the flag: that a client may set or not. */
function isAnonymous({ user, ntResponse, lmResponse }: AuthenticateMessage): boolean {
  return (
    user === '' &&
    ntResponse.kind === 'none' &&
    (lmResponse.length === 0 || (lmResponse.length === 1 && lmResponse[0] === 0))
  );
}

/** A client that proves nothing gets no more than a name: no key, so no protection, no bindings, no target. */
function acceptAnonymous(
  identity: AcceptorIdentity,
  options: AcceptOptions,
  scope: Scope,
  common: number,
): Established {
  if (identity.allowAnonymous !== true)
    throw new SspiError('ANONYMOUS_REFUSED', { stage: STAGE, ntStatus: NTSTATUS.LOGON_FAILURE });
  const flags = ((common & ~(NEGOTIATE.SIGN | NEGOTIATE.SEAL | NEGOTIATE.KEY_EXCH)) | NEGOTIATE.ANONYMOUS) >>> 0;
  assertProtection(flags, options.flags, identity, STAGE);
  if (identity.requireMic === true) throw micMissing();
  checkChannelBindings(identity, options, []);
  checkTarget(identity, '');
  const name = 'NT AUTHORITY\\ANONYMOUS LOGON';
  const identifyOnly = hasAny(flags, NEGOTIATE.IDENTIFY);
  const client = {
    domain: 'NT AUTHORITY',
    user: 'ANONYMOUS LOGON',
    name,
    mechanism: 'NTLM',
    identifyOnly,
    anonymous: true,
  };
  const agreement = {
    flags,
    exportedSessionKey: undefined,
    side: 'server',
    clientName: name,
    targetName: '',
    client,
  } as const;
  const messages = establish(scope, agreement);
  return { flags: acceptorFlags(flags, options.flags), expiry: NEVER, messages };
}

/** @throws SspiError MALFORMED_TOKEN (contract N19) */
function assertSessionKey({ encryptedRandomSessionKey }: AuthenticateMessage, flags: number): void {
  if (hasAny(flags, NEGOTIATE.KEY_EXCH) && encryptedRandomSessionKey.length !== 16)
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'the EncryptedRandomSessionKey is missing' });
}

function exportSessionKey(message: AuthenticateMessage, flags: number, keyExchangeKey: Uint8Array): Uint8Array {
  if (!hasAny(flags, NEGOTIATE.KEY_EXCH)) return keyExchangeKey;
  const exportedSessionKey = rc4k(keyExchangeKey, message.encryptedRandomSessionKey);
  keyExchangeKey.fill(0);
  return exportedSessionKey;
}

/**
 * A MIC is demanded of whoever announces one. That cannot be taken away on the way, for the announcement is under the proof of
 * the password (CVE-2019-1040, fault Z12). Of clients that announce none it is demanded only on request (`requireMic`): our
 * timestamp asks everybody for one, but impacket and GSS-NTLMSSP do not comply (fault Z43).
 *
 * Somebody in between could take the timestamp out of the CHALLENGE, and an honest client would leave the MIC out. But clients
 * sign what they were sent: without MIC, all that we sent has to be among the pairs under the proof. The names in it are ours, so
 * that nobody logs on here with what was meant for another server (CVE-2019-1019, fault Z15).
 */
function checkMic(identity: AcceptorIdentity, message: AuthenticateMessage, sent: SentChallenge): void {
  const { mic, micAt, ntResponse } = message;
  if (mic !== undefined) {
    if (!equalInConstantTime(mic, sent.expectedMic(micAt)))
      throw new SspiError('MIC_INVALID', { stage: STAGE, ntStatus: NTSTATUS.LOGON_FAILURE });
    return;
  }
  if (identity.requireMic === true) throw micMissing();
  if (ntResponse.kind !== 'ntlm-v2') return;
  const { avPairs } = ntResponse.clientChallenge;
  for (const { id, value } of sent.targetInfo) {
    const seen = avValue(avPairs, id);
    if (seen === undefined || !equalInConstantTime(seen, value))
      throw micMissing('and the client was sent another CHALLENGE than ours');
  }
}

/** What the client's messages are held against. */
interface SentChallenge {
  /** Our names and the time. */
  readonly targetInfo: readonly AvPair[];
  expectedMic(at: number): Uint8Array;
}

function micMissing(detail?: string): SspiError {
  return new SspiError('MIC_MISSING', { stage: STAGE, detail, ntStatus: NTSTATUS.LOGON_FAILURE });
}
