import { describe, expect, test, vi } from 'vitest';
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import { hmacMd5 } from '../../src/crypto/index.ts';
import { decode, encode } from '../../src/der/index.ts';
import type { Host } from '../../src/host/index.ts';
import { KerberosCredential } from '../../src/kerberos/credential.ts';
import {
  AD_TYPE,
  AP_OPTIONS,
  ApRep,
  ApReq,
  Authenticator,
  AuthorizationData,
  decodeAuthenticatorChecksum,
  decodeGssToken,
  EncApRepPart,
  encodeGssToken,
  findAuthorizationData,
  GSS_FLAG,
  GSS_MECHANISM,
  KEY_USAGE,
  KerbErrorData,
  type KerberosKey,
  type KerberosTicket,
  KerbTgtReply,
  KerbTgtRequest,
  KRB_ERROR_CODE,
  KrbError,
  readTickets,
  ServiceKeys,
  seal,
  TICKET_FLAGS,
  TOKEN_ID,
  unseal,
} from '../../src/kerberos/index.ts';
import { OpenTickets } from '../../src/kerberos/open-tickets.ts';
import {
  ASC_REQ,
  ASC_RET,
  type ChannelBindings,
  ISC_REQ,
  ISC_RET,
  NTSTATUS,
  SEC_E,
  SspiError,
  type TokenProtection,
  toFileTime,
} from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { number, octets, text, toHex, vectorCases } from '../support/vectors.ts';
import {
  acceptor,
  clientWith,
  failureOf,
  initiator,
  MUTUAL,
  NOW,
  passMessages,
  realmOf,
  SERVICE,
  stillHost,
  tokenOf,
} from './ap-support.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const realm = realmOf();

function protection(context: { readonly messages: unknown }): TokenProtection {
  return context.messages as TokenProtection; // every Kerberos context protects messages by tokens
}

/** A client whose ticket the test knows. */
function observedClient(options: Parameters<typeof clientWith>[1] = {}, host = stillHost(), settings = {}) {
  const ticket = realm.ticket({ service: SERVICE, ...options });
  const source = { ticketFor: async () => ticket.clone() };
  return { ticket, credential: clientWith(realm, {}, settings, host, source) };
}

function openRequest(token: Uint8Array, ticket: KerberosTicket) {
  const { mechanism, tokenId, message } = decodeGssToken(token);
  const apReq = decode(ApReq, message);
  const authenticator = unseal(Authenticator, apReq.authenticator, ticket.sessionKey, KEY_USAGE.AP_REQ_AUTHENTICATOR);
  return { mechanism, tokenId, apReq, authenticator };
}

/** An AP-REP as a service would make it, or as somebody else would. */
function reply(
  part: Partial<EncApRepPart>,
  authenticator: Authenticator,
  key: KerberosKey,
  usage: number = KEY_USAGE.AP_REP,
) {
  const { ctime, cusec } = authenticator;
  const encPart = seal(EncApRepPart, { ctime, cusec, seqNumber: 7, ...part }, { key, usage, random: realm.random });
  return encodeGssToken(GSS_MECHANISM.KERBEROS, TOKEN_ID.AP_REP, encode(ApRep, { pvno: 5, msgType: 15, encPart }));
}

function errorToken(error: Partial<KrbError>): Uint8Array {
  const sname = { nameType: 2, nameString: SERVICE.split('/') };
  const whole = { pvno: 5, msgType: 30, stime: NOW, susec: 0, errorCode: 60, realm: 'EXAMPLE.TEST', sname, ...error };
  return encodeGssToken(GSS_MECHANISM.KERBEROS, TOKEN_ID.KRB_ERROR, encode(KrbError, whole));
}

describe('AP-REQ, RFC 4120 3.2.2 and RFC 4121 4.1.1', () => {
  test('K1, K2: the token, its ticket and its flags', async () => {
    const { ticket, credential } = observedClient();
    const token = await tokenOf(initiator(credential));
    const { mechanism, tokenId, apReq, authenticator } = openRequest(token, ticket);
    expect(mechanism).toBe('1.2.840.113554.1.2.2');
    expect(tokenId).toBe(0x0100);
    expect(apReq.apOptions).toBe(AP_OPTIONS.MUTUAL_REQUIRED);
    expect(apReq.ticket.sname.nameString).toEqual(['HTTP', 'server.example.test']);
    expect(authenticator.cname.nameString).toEqual(['alice']);
    expect(authenticator.ctime).toBe(NOW);
    expect(authenticator.subkey?.keytype).toBe(18);
    // mutual, replay, sequence, confidentiality, integrity: kerberos-gss.json has this very checksum
    expect(authenticator.cksum).toEqual({
      cksumtype: 0x8003,
      checksum: Uint8Array.from(Buffer.from('10000000000000000000000000000000000000003e000000', 'hex')),
    });
  });

  test.each([
    [0, 0],
    [ISC_REQ.INTEGRITY, GSS_FLAG.INTEG],
    [ISC_REQ.CONFIDENTIALITY, GSS_FLAG.CONF | GSS_FLAG.INTEG],
    [ISC_REQ.REPLAY_DETECT, GSS_FLAG.REPLAY | GSS_FLAG.INTEG],
    [ISC_REQ.MUTUAL_AUTH, GSS_FLAG.MUTUAL],
    [ISC_REQ.IDENTIFY, GSS_FLAG.IDENTIFY],
    [ISC_REQ.EXTENDED_ERROR, GSS_FLAG.EXTENDED_ERROR],
    [ISC_REQ.USE_DCE_STYLE, GSS_FLAG.DCE_STYLE | GSS_FLAG.MUTUAL],
    // and as RFC 4121 4.1.1.1 and RFC 4757 7.1 number them
    [ISC_REQ.MUTUAL_AUTH, 0x2],
    [ISC_REQ.REPLAY_DETECT, 0x4 | 0x20],
    [ISC_REQ.SEQUENCE_DETECT, 0x8 | 0x20],
    [ISC_REQ.CONFIDENTIALITY, 0x10 | 0x20],
    [ISC_REQ.INTEGRITY, 0x20],
    [ISC_REQ.USE_DCE_STYLE, 0x1000 | 0x2],
    [ISC_REQ.IDENTIFY, 0x2000],
    [ISC_REQ.EXTENDED_ERROR, 0x4000],
  ])('K2: flags %i', async (flags, expected) => {
    const { ticket, credential } = observedClient();
    const { authenticator } = openRequest(await tokenOf(initiator(credential, { flags })), ticket);
    expect(decodeAuthenticatorChecksum(authenticator.cksum?.checksum ?? new Uint8Array(0)).flags).toBe(expected);
  });

  test.each(vectorCases('channel-bindings').filter((one) => 'gss_packed' in one))(
    'Z52: the channel bindings of the caller: $name',
    async (one) => {
      const { ticket, credential } = observedClient();
      const channelBindings: ChannelBindings = {
        initiatorAddressType: number(one, 'initiator_addrtype'),
        initiatorAddress: octets(one, 'initiator_address'),
        acceptorAddressType: number(one, 'acceptor_addrtype'),
        acceptorAddress: octets(one, 'acceptor_address'),
        applicationData: octets(one, 'application_data'),
      };
      const { authenticator } = openRequest(await tokenOf(initiator(credential, { channelBindings })), ticket);
      // RFC 4121 4.1.1: Lgth, and Bnd behind it.
      const checksum = authenticator.cksum?.checksum ?? new Uint8Array(0);
      expect(toHex(checksum.subarray(0, 20))).toBe(`10000000${text(one, 'md5')}`);
      // K15: KERB_AP_OPTIONS_CBT, little-endian
      const [apOptions] = findAuthorizationData(authenticator.authorizationData, AD_TYPE.AP_OPTIONS);
      expect(apOptions).toEqual(Uint8Array.of(0, 0x40, 0, 0));
    },
  );

  test('K15: the target in the authenticator, and that nobody checked it', async () => {
    const { ticket, credential } = observedClient();
    const flags = MUTUAL | ISC_REQ.UNVERIFIED_TARGET_NAME;
    const { authenticator } = openRequest(await tokenOf(initiator(credential, { flags })), ticket);
    const [target] = findAuthorizationData(authenticator.authorizationData, AD_TYPE.TARGET_PRINCIPAL);
    expect(new TextDecoder('utf-16le').decode(target)).toBe('HTTP/server.example.test@EXAMPLE.TEST');
    const [apOptions] = findAuthorizationData(authenticator.authorizationData, AD_TYPE.AP_OPTIONS);
    expect(apOptions).toEqual(Uint8Array.of(0, 0x80, 0, 0));
  });

  test('K15: 143 and 144 stand in 1, and nothing beside it', async () => {
    const { ticket, credential } = observedClient();
    const flags = MUTUAL | ISC_REQ.UNVERIFIED_TARGET_NAME;
    const { authenticator } = openRequest(await tokenOf(initiator(credential, { flags })), ticket);
    const [outer, ...others] = authenticator.authorizationData ?? [];
    expect(others).toEqual([]);
    expect(outer?.adType).toBe(1);
    expect(decode(AuthorizationData, outer?.adData ?? new Uint8Array(0)).map(({ adType }) => adType)).toEqual([
      143, 144,
    ]);
  });

  test('no two authenticators of a credential have one time', async () => {
    const { ticket, credential } = observedClient();
    const times = new Set<string>();
    for (let i = 0; i < 2000; i++) {
      const { authenticator } = openRequest(await tokenOf(initiator(credential)), ticket);
      times.add(`${authenticator.ctime} ${authenticator.cusec}`);
    }
    expect(times.size).toBe(2000);
  }, 30_000);

  test('the client speaks first', async () => {
    const failure = await failureOf(initiator(observedClient().credential).step(Uint8Array.of(1)));
    expect(failure.code).toBe('MESSAGE_OUT_OF_ORDER');
  });

  test.each([ISC_REQ.DATAGRAM, ISC_REQ.NULL_SESSION])('flag %i is not for Kerberos', async (flags) => {
    expect(await failureOf(initiator(observedClient().credential, { flags }).step())).toMatchObject({
      code: 'UNSUPPORTED_FUNCTION',
    });
  });
});

describe('the AP exchange', () => {
  test.each([17, 18, 19, 20])('K10: mutual authentication with etype %i, and messages both ways', async (etype) => {
    const own = realmOf(etype);
    const client = initiator(clientWith(own));
    const server = await acceptor(own, {}, { flags: ASC_REQ.CONFIDENTIALITY | ASC_REQ.CONNECTION });
    const { initiatorError, acceptorError, tokens } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(tokens).toHaveLength(2);
    const message = new TextEncoder().encode('hello');
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      expect(protection(to).unwrap(protection(from).wrap(message))).toEqual(message);
      protection(to).verify(message, protection(from).sign(message));
    }
    expect(client.query('SESSION_KEY').sessionKey.reveal()).toEqual(server.query('SESSION_KEY').sessionKey.reveal());
  });

  test('Z50: the AP-REP has the type of the session key, whatever that of the ticket is', async () => {
    const options = { serviceKey: realm.key(SERVICE, 17), sessionType: 20 };
    const { ticket, credential } = observedClient(options);
    expect(ticket.ticket.encPart.etype).toBe(17);
    const client = initiator(credential);
    const server = await acceptor(realm, { keytab: realm.keytab({ principal: SERVICE, etype: 17 }) });
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect([client.state, server.state]).toEqual(['established', 'established']);
    const answer = decode(ApRep, decodeGssToken(tokens[1]?.token ?? new Uint8Array(0)).message);
    expect(answer.encPart.etype).toBe(20);
    passMessages(client, server);
  });

  test('Z55: flags, expiry and attributes say what there is', async () => {
    const client = initiator(clientWith(realm));
    const server = await acceptor(realm, {}, { flags: ASC_REQ.CONNECTION });
    const { tokens } = await converse(client, server);
    expect(tokens).toHaveLength(2);
    expect(client.query('FLAGS').flags).toBe(MUTUAL | ISC_RET.INTEGRITY);
    const { MUTUAL_AUTH, REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY, INTEGRITY, CONNECTION } = ASC_RET;
    expect(server.query('FLAGS').flags).toBe(
      MUTUAL_AUTH | REPLAY_DETECT | SEQUENCE_DETECT | CONFIDENTIALITY | INTEGRITY | CONNECTION,
    );
    for (const context of [client, server]) {
      expect(context.query('LIFESPAN')).toEqual({ start: toFileTime(NOW - HOUR), expiry: toFileTime(NOW + 9 * HOUR) });
      expect(context.query('KEY_INFO')).toMatchObject({
        encryptAlgorithmName: 'AES256-CTS-HMAC-SHA1-96',
        keySize: 256,
      });
      expect(context.query('SIZES')).toEqual({ maxToken: 48_000, maxSignature: 28, blockSize: 1, securityTrailer: 60 });
    }
    expect(client.query('NATIVE_NAMES')).toEqual({ clientName: 'alice@EXAMPLE.TEST', serverName: SERVICE });
    expect(client.query('NAMES').userName).toBe('alice@EXAMPLE.TEST');
    expect(server.query('NAMES').userName).toBe('EXAMPLE\\alice');
  });

  test('one leg without mutual authentication: nobody is authenticated but the client', async () => {
    const flags = ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT;
    const client = initiator(clientWith(realm), { flags });
    const server = await acceptor(realm);
    const { tokens } = await converse(client, server);
    expect(tokens).toHaveLength(1);
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).toBe(0);
    const message = new TextEncoder().encode('hello');
    expect(protection(server).unwrap(protection(client).wrap(message))).toEqual(message);
    expect(protection(client).unwrap(protection(server).wrap(message))).toEqual(message);
  });

  test('K13: DCE style takes three legs, without frame', async () => {
    const flags = ISC_REQ.USE_DCE_STYLE | ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT;
    const client = initiator(clientWith(realm), { flags });
    const server = await acceptor(realm);
    const { tokens, acceptorError } = await converse(client, server);
    expect(acceptorError).toBeUndefined();
    expect(tokens.map(({ from, token }) => [from, token[0]])).toEqual([
      ['initiator', 0x6e],
      ['acceptor', 0x6f],
      ['initiator', 0x6f],
    ]);
    expect(server.state).toBe('established');
    expect(server.query('FLAGS').flags & ASC_RET.USED_DCE_STYLE).not.toBe(0);
    const message = new TextEncoder().encode('hello');
    expect(protection(server).unwrap(protection(client).wrap(message))).toEqual(message);
    expect(protection(client).unwrap(protection(server).wrap(message))).toEqual(message);
  });

  test('K13: every octet of the third leg flipped', async () => {
    const flags = ISC_REQ.USE_DCE_STYLE | ISC_REQ.CONFIDENTIALITY;
    let length = Number.POSITIVE_INFINITY;
    for (let at = 0; at < length; at++) {
      const server = await acceptor(realm);
      const { acceptorError } = await converse(initiator(clientWith(realm), { flags }), server, (_, token, index) => {
        if (index !== 2) return token;
        length = token.length;
        return token.with(at, (token[at] ?? 0) ^ 0x01);
      });
      expect(acceptorError).toBeInstanceOf(SspiError);
      expect(server.state).toBe('failed');
    }
  });

  test('K13: a third leg for another exchange', async () => {
    const { ticket, credential } = observedClient();
    const client = initiator(credential, { flags: ISC_REQ.USE_DCE_STYLE });
    const server = await acceptor(realm);
    const first = await tokenOf(client);
    await server.step(first);
    const { authenticator } = openRequest(first, ticket);
    const wrong = decodeGssToken(reply({ seqNumber: 1 }, authenticator, ticket.sessionKey)).message;
    expect(await failureOf(server.step(wrong))).toMatchObject({ code: 'MESSAGE_ALTERED' });
  });

  test('S9: a bare AP-REQ is answered by a bare AP-REP', async () => {
    const { ticket, credential } = observedClient();
    const { message } = decodeGssToken(await tokenOf(initiator(credential)));
    const answer = await tokenOf(await acceptor(realm), message);
    expect(answer[0]).toBe(0x6f);
    expect(unseal(EncApRepPart, decode(ApRep, answer).encPart, ticket.sessionKey, KEY_USAGE.AP_REP).ctime).toBe(NOW);
  });

  test("S9: a token under Microsoft's name is answered under it", async () => {
    const { message } = decodeGssToken(await tokenOf(initiator(observedClient().credential)));
    const token = encodeGssToken(GSS_MECHANISM.MICROSOFT_KERBEROS, TOKEN_ID.AP_REQ, message);
    const answer = await tokenOf(await acceptor(realm), token);
    expect(decodeGssToken(answer).mechanism).toBe('1.2.840.48018.1.2.2');
  });

  test('K4: the key of the acceptor is used, and said to be', async () => {
    const { ticket, credential } = observedClient();
    const client = initiator(credential);
    const token = await tokenOf(client);
    const { authenticator } = openRequest(token, ticket);
    const server = await acceptor(realm, {}, {}, stillHost(NOW, 4711));
    const answer = await tokenOf(server, token);
    await client.step(answer);
    const { subkey, seqNumber } = unseal(
      EncApRepPart,
      decode(ApRep, decodeGssToken(answer).message).encPart,
      ticket.sessionKey,
      KEY_USAGE.AP_REP,
    );
    expect(client.query('SESSION_KEY').sessionKey.reveal()).toEqual(subkey?.keyvalue);
    expect(subkey?.keyvalue).not.toEqual(authenticator.subkey?.keyvalue);
    const mic = protection(client).sign(new Uint8Array(1));
    expect(mic[2]).toBe(0x04); // AcceptorSubkey, sent by the initiator
    const view = new DataView(mic.buffer, mic.byteOffset);
    expect(view.getBigUint64(8)).toBe(BigInt(authenticator.seqNumber ?? -1));
    const other = protection(server).sign(new Uint8Array(1));
    expect(other[2]).toBe(0x05); // AcceptorSubkey, SentByAcceptor
    expect(new DataView(other.buffer, other.byteOffset).getBigUint64(8)).toBe(BigInt(seqNumber ?? -1));
    expect(protection(server).wrap(new Uint8Array(1))[2]).toBe(0x07); // and Sealed
    expect(protection(client).wrap(new Uint8Array(1))[2]).toBe(0x06);
  });
});

describe('AP-REP, RFC 4120 3.2.5', () => {
  async function answered(answer: (authenticator: Authenticator, ticket: KerberosTicket) => Uint8Array, settings = {}) {
    const { ticket, credential } = observedClient({}, stillHost(), settings);
    const client = initiator(credential);
    const { authenticator } = openRequest(await tokenOf(client), ticket);
    return { client, step: client.step(answer(authenticator, ticket)) };
  }

  test.each([
    [
      'another time',
      (one: Authenticator, { sessionKey }: KerberosTicket) => reply({ ctime: one.ctime + 1000 }, one, sessionKey),
    ],
    [
      'other microseconds',
      (one: Authenticator, { sessionKey }: KerberosTicket) => reply({ cusec: one.cusec + 1 }, one, sessionKey),
    ],
    ['another key', (one: Authenticator) => reply({}, one, realm.key('somebody'))],
    [
      'the key in another usage',
      (one: Authenticator, { sessionKey }: KerberosTicket) =>
        reply({}, one, sessionKey, KEY_USAGE.AP_REQ_AUTHENTICATOR),
    ],
  ])('K10, Z50: %s: the wrong principal', async (_, answer) => {
    const { client, step } = await answered(answer);
    expect(await failureOf(step)).toMatchObject({ code: 'MUTUAL_AUTH_FAILED', status: SEC_E.WRONG_PRINCIPAL });
    expect(client.state).toBe('failed');
  });

  test.each([
    ['none', undefined],
    ['one octet', 5],
    ['three octets', 0x123456],
    ['the highest there is', 0xffffffff],
  ])('Z50: a sequence number of any length: %s', async (_, seqNumber) => {
    const { client, step } = await answered((one, { sessionKey }) => reply({ seqNumber }, one, sessionKey));
    expect(await step).toMatchObject({ status: SEC_E.OK });
    expect(client.state).toBe('established');
  });

  test('K4: without a key of the acceptor ours is used', async () => {
    let ours: Uint8Array | undefined;
    let ofTicket: Uint8Array | undefined;
    const { client, step } = await answered((one, { sessionKey }) => {
      ours = one.subkey?.keyvalue.slice();
      ofTicket = sessionKey.reveal().keyvalue.slice();
      return reply({}, one, sessionKey);
    });
    await step;
    expect(protection(client).sign(new Uint8Array(1))[2]).toBe(0);
    const used = client.query('SESSION_KEY').sessionKey.reveal();
    expect(used).toEqual(ours);
    expect(used).not.toEqual(ofTicket);
  });

  test('Z39: a key of the acceptor of a type that is not allowed', async () => {
    const subkey = { keytype: 23, keyvalue: hmacMd5(new Uint8Array(1)) };
    const { step } = await answered((one, { sessionKey }) => reply({ subkey }, one, sessionKey));
    expect(await failureOf(step)).toMatchObject({ code: 'ENCRYPTION_TYPE_REFUSED' });
  });

  test('Z37: every octet of an AP-REP flipped: a typed error, never a context', async () => {
    const { ticket, credential } = observedClient();
    const client = initiator(credential);
    const { authenticator } = openRequest(await tokenOf(client), ticket);
    const right = reply({ subkey: ticket.sessionKey.reveal() }, authenticator, ticket.sessionKey);
    for (let at = 0; at < right.length; at++) {
      const again = clientWith(realm, {}, {}, stillHost(), { ticketFor: async () => ticket.clone() });
      const context = initiator(again);
      await tokenOf(context); // of the same time, so that the answer belongs to it
      const failure = await failureOf(context.step(right.with(at, (right[at] ?? 0) ^ 0x01)));
      expect(failure.code).not.toBe('INTERNAL_ERROR');
      expect(context.state).toBe('failed');
    }
    expect(await client.step(right)).toMatchObject({ status: SEC_E.OK });
  }, 20_000);

  test('every cut of an AP-REP', async () => {
    const { ticket, credential } = observedClient();
    const { authenticator } = openRequest(await tokenOf(initiator(credential)), ticket);
    const right = reply({}, authenticator, ticket.sessionKey);
    for (let length = 0; length < right.length; length++) {
      const context = initiator(credential);
      await tokenOf(context);
      expect(await failureOf(context.step(right.subarray(0, length)))).toMatchObject({ code: 'MALFORMED_TOKEN' });
    }
  });

  test('an AP-REQ in its place', async () => {
    const { step } = await answered(() => encodeGssToken(GSS_MECHANISM.KERBEROS, TOKEN_ID.AP_REQ, new Uint8Array(3)));
    expect(await failureOf(step)).toMatchObject({ code: 'UNEXPECTED_MESSAGE' });
  });

  test('a token of another mechanism', async () => {
    const { step } = await answered(() => encodeGssToken('1.3.6.1.4.1.311.2.2.10', TOKEN_ID.AP_REP, new Uint8Array(3)));
    expect(await failureOf(step)).toMatchObject({ code: 'UNEXPECTED_MESSAGE' });
  });

  // contract K11
  test.each([
    [KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED, 'TICKET_UNREADABLE', SEC_E.WRONG_PRINCIPAL],
    [KRB_ERROR_CODE.KRB_AP_ERR_NOT_US, 'SERVICE_UNKNOWN', SEC_E.WRONG_PRINCIPAL],
    [KRB_ERROR_CODE.KRB_AP_ERR_SKEW, 'TIME_SKEW', SEC_E.TIME_SKEW],
    [KRB_ERROR_CODE.KRB_AP_ERR_TKT_EXPIRED, 'TICKET_EXPIRED', SEC_E.CONTEXT_EXPIRED],
    [KRB_ERROR_CODE.KRB_AP_ERR_TKT_NYV, 'TICKET_NOT_YET_VALID', SEC_E.TIME_SKEW],
    [KRB_ERROR_CODE.KRB_AP_ERR_REPEAT, 'REPLAY_DETECTED', SEC_E.LOGON_DENIED],
    [KRB_ERROR_CODE.KRB_AP_ERR_NOKEY, 'SERVICE_KEY_MISSING', SEC_E.NO_KERB_KEY],
    [KRB_ERROR_CODE.KRB_AP_ERR_BADKEYVER, 'KEY_VERSION_UNKNOWN', SEC_E.NO_KERB_KEY],
    [6, 'LOGON_DENIED', SEC_E.LOGON_DENIED], // KDC_ERR_C_PRINCIPAL_UNKNOWN
    [7, 'SPN_UNKNOWN', SEC_E.TARGET_UNKNOWN], // KDC_ERR_S_PRINCIPAL_UNKNOWN
    [18, 'ACCOUNT_RESTRICTED', SEC_E.LOGON_DENIED], // KDC_ERR_CLIENT_REVOKED
    [23, 'ACCOUNT_RESTRICTED', SEC_E.LOGON_DENIED], // KDC_ERR_KEY_EXPIRED
    [24, 'LOGON_DENIED', SEC_E.LOGON_DENIED], // KDC_ERR_PREAUTH_FAILED
    [KRB_ERROR_CODE.KDC_ERR_POLICY, 'LOGON_DENIED', SEC_E.LOGON_DENIED],
    [KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP, 'ENCRYPTION_TYPE_REFUSED', SEC_E.KDC_UNKNOWN_ETYPE],
    [KRB_ERROR_CODE.KRB_ERR_GENERIC, 'KERBEROS_ERROR', SEC_E.INTERNAL_ERROR],
    [4711, 'KERBEROS_ERROR', SEC_E.INTERNAL_ERROR],
  ] as const)('K11: KRB-ERROR %i is %s', async (errorCode, code, status) => {
    const { step } = await answered(() => errorToken({ errorCode }));
    const failure = await failureOf(step);
    expect(failure).toMatchObject({ code, status });
    expect(failure.detail).toContain(`said by ${SERVICE}@EXAMPLE.TEST`);
  });

  test('K11: the NTSTATUS of a Windows server', async () => {
    const dataValue = Uint8Array.of(0x72, 0, 0, 0xc0, 0, 0, 0, 0, 1, 0, 0, 0);
    const eData = encode(KerbErrorData, { dataType: 3, dataValue });
    const { step } = await answered(() => errorToken({ errorCode: 60, eData }));
    expect(await failureOf(step)).toMatchObject({ ntStatus: NTSTATUS.ACCOUNT_DISABLED });
  });

  test('Z29: a context that failed stays failed', async () => {
    const { client, step } = await answered(() => errorToken({ errorCode: 60 }));
    await failureOf(step);
    expect(await failureOf(client.step(errorToken({})))).toMatchObject({ code: 'KERBEROS_ERROR' });
  });
});

describe('clock skew in the AP exchange, contract K11', () => {
  const late = () => stillHost(NOW - 20 * MINUTE);
  const eData = encode(KerbErrorData, { dataType: 2 });

  test('K11: a server that invites us gets an AP-REQ of its own time, and both establish', async () => {
    const { credential } = observedClient({}, late());
    const client = initiator(credential);
    const server = await acceptor(realm, { skewRecovery: true });
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(tokens).toHaveLength(4);
    expect([client.state, server.state]).toEqual(['established', 'established']);
    expect(protection(server).unwrap(protection(client).wrap(Uint8Array.of(1)))).toEqual(Uint8Array.of(1));
  });

  test('K11: one that does not is taken at its word', async () => {
    const client = initiator(observedClient({}, late()).credential);
    await tokenOf(client);
    const failure = await failureOf(client.step(errorToken({ errorCode: 37 })));
    expect(failure).toMatchObject({ code: 'TIME_SKEW' });
    expect(failure.detail).toContain('the clock of the service is 1200 s ahead');
  });

  test('K11: one that invites us twice is not followed', async () => {
    const client = initiator(observedClient({}, late()).credential);
    await tokenOf(client);
    await tokenOf(client, errorToken({ errorCode: 37, eData }));
    expect(await failureOf(client.step(errorToken({ errorCode: 37, eData })))).toMatchObject({ code: 'TIME_SKEW' });
  });

  test.each([
    ['before the ticket', NOW - 2 * HOUR],
    ['behind it', NOW + 10 * HOUR],
  ])('a time %s is not followed: nobody vouches for it', async (_, stime) => {
    const client = initiator(observedClient().credential);
    await tokenOf(client);
    expect(await failureOf(client.step(errorToken({ errorCode: 37, eData, stime })))).toMatchObject({
      code: 'TIME_SKEW',
    });
  });

  test('K11: other errors with such data are none of this', async () => {
    const client = initiator(observedClient().credential);
    await tokenOf(client);
    expect(await failureOf(client.step(errorToken({ errorCode: 41, eData })))).toMatchObject({
      code: 'TICKET_UNREADABLE',
    });
  });
});

describe('delegation, RFC 4121 4.1.1', () => {
  const OK_AS_DELEGATE = { flags: TICKET_FLAGS.OK_AS_DELEGATE | TICKET_FLAGS.FORWARDABLE };
  const flags = MUTUAL | ISC_REQ.DELEGATE;

  test('Y6: to a service that the KDC trusts, and the ticket is of use there', async () => {
    const client = initiator(clientWith(realm, OK_AS_DELEGATE), { flags });
    const server = await acceptor(realm);
    const { acceptorError } = await converse(client, server);
    expect(acceptorError).toBeUndefined();
    expect(client.query('FLAGS').flags & ISC_RET.DELEGATE).not.toBe(0);
    expect(server.query('FLAGS').flags & ASC_RET.DELEGATE).not.toBe(0);
    const { delegated } = server.query('ACCESS_TOKEN');
    if (delegated === undefined) throw new TypeError('nothing was delegated');
    const { owner, tickets } = readTickets(delegated.ccache.reveal(), [18]);
    expect(owner).toEqual({ name: { nameType: 1, nameString: ['alice'] }, realm: 'EXAMPLE.TEST' });
    expect(tickets.map(({ server: one, sessionKey }) => [one.nameString, sessionKey.etype])).toEqual([
      [['krbtgt', 'EXAMPLE.TEST'], 18],
    ]);
    expect(`${JSON.stringify(delegated)}`).toContain('[redacted]');
  });

  test.each([
    ['a service that it does not trust', {}, {}, 0],
    ['such a service, when the user does', {}, { delegation: 'always' }, ISC_RET.DELEGATE],
    ['nobody, when the user says so', OK_AS_DELEGATE, { delegation: 'never' }, 0],
  ] as const)('Y6: to %s', async (_, ticket, settings, expected) => {
    const client = initiator(clientWith(realm, ticket, settings), { flags });
    const server = await acceptor(realm);
    await converse(client, server);
    expect(client.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(expected);
    expect(server.query('ACCESS_TOKEN').delegated === undefined).toBe(expected === 0);
  });

  test('X25: nothing is handed on that was not asked for', async () => {
    const forwardedTicket = vi.fn();
    const client = initiator(clientWith(realm, OK_AS_DELEGATE, {}, stillHost(), { forwardedTicket }));
    await tokenOf(client);
    expect(forwardedTicket).not.toHaveBeenCalled();
  });

  test('a ticket that cannot be forwarded is not, and the flags say so', async () => {
    const forwardedTicket = (): Promise<KerberosTicket> =>
      Promise.reject(new SspiError('KDC_POLICY', { stage: 'KDC' }));
    const client = initiator(clientWith(realm, OK_AS_DELEGATE, {}, stillHost(), { forwardedTicket }), { flags });
    await converse(client, await acceptor(realm));
    expect(client.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(0);
  });

  test('a delegated ticket of somebody else is refused', async () => {
    const forwardedTicket = async (): Promise<KerberosTicket> => realm.grantingTicket({ client: 'bob' });
    const client = initiator(clientWith(realm, OK_AS_DELEGATE, {}, stillHost(), { forwardedTicket }), { flags });
    const { acceptorError } = await converse(client, await acceptor(realm));
    expect(acceptorError).toMatchObject({ code: 'PRINCIPAL_MISMATCH' });
  });
});

describe('which targets are tried', () => {
  test.each([
    ['no target', undefined],
    ['an IPv4 address', 'TERMSRV/10.0.0.1'],
    ['an IPv4 address with a port', 'TERMSRV/10.0.0.1:3389'],
    ['an IPv6 address', 'TERMSRV/[fe80::1]:3389'],
    ['an IPv6 address without brackets', 'TERMSRV/fe80::1'],
    ['a bare address', '10.0.0.1'],
    ['no host', 'TERMSRV/'],
  ])('S11, X24: %s is not, and at once', async (_, targetName) => {
    const ticketFor = vi.fn();
    const client = initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor }), { targetName });
    expect(await failureOf(client.step())).toMatchObject({ code: 'TARGET_UNKNOWN' });
    expect(ticketFor).not.toHaveBeenCalled();
  });

  test.each([
    ['TERMSRV/host.example.test', ['TERMSRV', 'host.example.test'], 2, undefined],
    ['MSSQLSvc/db.example.test:1433', ['MSSQLSvc', 'db.example.test:1433'], 2, undefined],
    ['ldap/dc1.example.test/example.test', ['ldap', 'dc1.example.test', 'example.test'], 2, undefined],
    ['HTTP/www.other.test@OTHER.TEST', ['HTTP', 'www.other.test'], 2, 'OTHER.TEST'],
    ['svc-web', ['svc-web'], 1, undefined],
  ] as const)('K9: %s', async (targetName, nameString, nameType, named) => {
    const ticketFor = vi.fn(async () => realm.ticket());
    await tokenOf(initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor }), { targetName }));
    expect(ticketFor).toHaveBeenCalledWith(
      expect.objectContaining({ service: { nameType, nameString }, realm: named }),
    );
  });
});

describe('a KDC that is away', () => {
  /** A timer whose time the test lets pass. */
  function patientHost(): Host & { pass(milliseconds: number): void } {
    const waiting: { at: number; callback: () => void }[] = [];
    let time = 0;
    return {
      ...stillHost(),
      timer: {
        after(milliseconds, callback) {
          const entry = { at: time + milliseconds, callback };
          waiting.push(entry);
          return () => waiting.splice(waiting.indexOf(entry), 1);
        },
      },
      pass(milliseconds) {
        time += milliseconds;
        for (const { at, callback } of [...waiting]) if (at <= time) callback();
      },
    };
  }

  test.each([
    [{}, undefined, 10_000],
    [{ deadline: 3000 }, undefined, 3000],
    [{ deadline: 3000 }, { deadline: 1000 }, 1000],
  ])('the first token ends within %o %o as SEC_E_NO_AUTHENTICATING_AUTHORITY', async (settings, limits, expected) => {
    const host = patientHost();
    let signal: AbortSignal | undefined;
    const ticketFor = (target: { signal?: AbortSignal | undefined }): Promise<KerberosTicket> => {
      signal = target.signal;
      return new Promise(() => undefined);
    };
    const context = initiator(clientWith(realm, {}, settings, stillHost(), { ticketFor }), { host, limits });
    const outcome = failureOf(context.step());
    await Promise.resolve();
    host.pass(expected - 1);
    expect(signal?.aborted).toBe(false);
    host.pass(1);
    expect(await outcome).toMatchObject({
      code: 'KDC_UNREACHABLE',
      status: SEC_E.NO_AUTHENTICATING_AUTHORITY,
      ntStatus: NTSTATUS.NO_LOGON_SERVERS,
    });
    expect(signal?.aborted).toBe(true);
  });

  test('a ticket that is at hand is waited for by nobody', async () => {
    const after = vi.fn(() => () => undefined);
    const host = { ...stillHost(), timer: { after } };
    const ticketAtHand = () => realm.ticket({ service: SERVICE });
    const ticketFor = () => Promise.reject(new TypeError('not asked for'));
    const client = initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor, ticketAtHand }), { host });
    const { initiatorError, acceptorError } = await converse(client, await acceptor(realm));
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(after).not.toHaveBeenCalled();
  });

  test('a ticket that comes too late is wiped', async () => {
    const host = patientHost();
    let give: (ticket: KerberosTicket) => void = () => undefined;
    const ticketFor = (): Promise<KerberosTicket> =>
      new Promise((resolve) => {
        give = resolve;
      });
    const outcome = failureOf(initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor }), { host }).step());
    await Promise.resolve();
    host.pass(10_000);
    await outcome;
    const ticket = realm.ticket();
    give(ticket);
    await new Promise(setImmediate);
    expect(() => ticket.sessionKey.reveal()).toThrow('disposed');
  });
});

describe('user to user, contract K12', () => {
  /** A service without keys: bob is logged on there. */
  function userService(host = stillHost()) {
    const grantingTicket = realm.grantingTicket({ client: 'bob' });
    const ticketFor = vi.fn(async ({ secondTicket }: { readonly secondTicket?: unknown }) => {
      if (secondTicket === undefined) throw new SspiError('USER_TO_USER_REQUIRED', { stage: 'KDC' });
      return realm.ticket({ service: 'bob', serviceKey: grantingTicket.sessionKey, kvno: undefined });
    });
    return { grantingTicket, ticketFor, host };
  }

  test.each(['when-required', 'always'] as const)('TGT-REQ, TGT-REP, AP-REQ, AP-REP: %s', async (userToUser) => {
    const { grantingTicket, ticketFor } = userService();
    const client = initiator(clientWith(realm, {}, { userToUser }, stillHost(), { ticketFor }), { targetName: 'bob' });
    const server = userAcceptor(grantingTicket);
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(
      tokens.map(({ token }) => decodeGssToken(token)).map(({ mechanism, tokenId }) => [mechanism, tokenId]),
    ).toEqual(
      [TOKEN_ID.TGT_REQ, TOKEN_ID.TGT_REP, TOKEN_ID.AP_REQ, TOKEN_ID.AP_REP].map((id) => [
        GSS_MECHANISM.USER_TO_USER,
        id,
      ]),
    );
    expect(ticketFor).toHaveBeenLastCalledWith(expect.objectContaining({ secondTicket: grantingTicket.ticket }));
    const { apOptions } = decode(ApReq, decodeGssToken(tokens[2]?.token ?? new Uint8Array(0)).message);
    expect(apOptions).toBe(AP_OPTIONS.USE_SESSION_KEY | AP_OPTIONS.MUTUAL_REQUIRED);
    expect(protection(server).unwrap(protection(client).wrap(Uint8Array.of(1)))).toEqual(Uint8Array.of(1));
  });

  /** A KDC that knows the service's key, though the service does not. */
  function unaware() {
    const { grantingTicket } = userService();
    const ticketFor = vi.fn(async ({ secondTicket }: { readonly secondTicket?: unknown }) =>
      secondTicket === undefined
        ? realm.ticket({ service: 'bob' })
        : realm.ticket({ service: 'bob', serviceKey: grantingTicket.sessionKey, kvno: undefined }),
    );
    return { grantingTicket, ticketFor };
  }

  test('K11, K12: a service that answers with error 69 is asked for its ticket, and both establish', async () => {
    const { grantingTicket, ticketFor } = unaware();
    const client = initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor }), { targetName: 'bob' });
    const server = userAcceptor(grantingTicket);
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    const [, error] = tokens.map(({ token }) => decodeGssToken(token));
    expect(decode(KrbError, error?.message ?? new Uint8Array(0)).errorCode).toBe(69);
    expect(
      tokens.map(({ token }) => decodeGssToken(token)).map(({ mechanism, tokenId }) => [mechanism, tokenId]),
    ).toEqual([
      ['1.2.840.113554.1.2.2', 0x0100],
      ['1.2.840.113554.1.2.2', 0x0300],
      ['1.2.840.113554.1.2.2.3', 0x0400],
      ['1.2.840.113554.1.2.2.3', 0x0401],
      ['1.2.840.113554.1.2.2.3', 0x0100],
      ['1.2.840.113554.1.2.2.3', 0x0200],
    ]);
    expect(ticketFor).toHaveBeenLastCalledWith(expect.objectContaining({ secondTicket: grantingTicket.ticket }));
    expect(protection(server).unwrap(protection(client).wrap(Uint8Array.of(1)))).toEqual(Uint8Array.of(1));
    expect(protection(client).unwrap(protection(server).wrap(Uint8Array.of(2)))).toEqual(Uint8Array.of(2));
  });

  test('K11: what is handed on goes under the key of the new ticket', async () => {
    const { grantingTicket, ticketFor } = unaware();
    const flags = MUTUAL | ISC_REQ.DELEGATE;
    const credential = clientWith(realm, {}, { delegation: 'always' }, stillHost(), { ticketFor });
    const server = userAcceptor(grantingTicket);
    const { acceptorError } = await converse(initiator(credential, { targetName: 'bob', flags }), server);
    expect(acceptorError).toBeUndefined();
    expect(server.query('ACCESS_TOKEN').delegated).toBeDefined();
  });

  test('K11: error 69 is followed once, and not for those who do not want it', async () => {
    const { ticketFor } = unaware();
    const asked = initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor }), { targetName: 'bob' });
    await tokenOf(asked);
    expect(decodeGssToken(await tokenOf(asked, errorToken({ errorCode: 69 }))).tokenId).toBe(0x0400);
    const refused = await failureOf(asked.step(errorToken({ errorCode: 69 })));
    expect(refused).toMatchObject({ code: 'USER_TO_USER_REQUIRED', status: SEC_E.NO_TGT_REPLY });

    const never = initiator(clientWith(realm, {}, { userToUser: 'never' }, stillHost(), { ticketFor }));
    await tokenOf(never);
    const failure = await failureOf(never.step(errorToken({ errorCode: 69 })));
    expect(failure).toMatchObject({ code: 'USER_TO_USER_REQUIRED', status: SEC_E.NO_TGT_REPLY });
  });

  test('K12: the messages as they are on the wire', () => {
    const serverName = { nameType: 1, nameString: ['bob'] };
    const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
    // By hand from draft-swift-win2k-krb-user2user-03 3: pvno [0], msg-type [1], server-name [2], realm [3].
    expect(hex(encode(KerbTgtRequest, { pvno: 5, msgType: 16, serverName }))).toBe(
      '301ca003020105a103020110a210300ea003020101a10730051b03626f62',
    );
    expect(hex(encode(KerbTgtRequest, { pvno: 5, msgType: 16 }))).toBe('300aa003020105a103020110');
    const { ticket } = userService().grantingTicket;
    const answer = hex(encode(KerbTgtReply, { pvno: 5, msgType: 17, ticket }));
    expect(answer).toMatch(/^3082....a003020105a103020111a282....61/); // [2] Ticket, which is [APPLICATION 1]
  });

  test('not for those who do not want it', async () => {
    const { ticketFor } = userService();
    const client = initiator(clientWith(realm, {}, { userToUser: 'never' }, stillHost(), { ticketFor }));
    expect(await failureOf(client.step())).toMatchObject({ code: 'USER_TO_USER_REQUIRED' });
  });

  test('a service where nobody is logged on', async () => {
    const { ticketFor } = userService();
    const client = initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor }), { targetName: 'bob' });
    const { acceptorError } = await converse(client, await acceptor(realm));
    expect(acceptorError).toMatchObject({ code: 'UNSUPPORTED_FUNCTION' });
  });

  test('a user-to-user ticket without TGT-REQ', async () => {
    const { ticket, credential } = observedClient();
    const token = await tokenOf(initiator(credential));
    const { apReq } = openRequest(token, ticket);
    const changed = encode(ApReq, { ...apReq, apOptions: AP_OPTIONS.USE_SESSION_KEY });
    const failure = await failureOf(
      (await acceptor(realm)).step(encodeGssToken(GSS_MECHANISM.KERBEROS, TOKEN_ID.AP_REQ, changed)),
    );
    expect(failure).toMatchObject({ code: 'SERVICE_KEY_MISSING' });
  });

  test('an error instead of a ticket', async () => {
    const { ticketFor } = userService();
    const client = initiator(clientWith(realm, {}, {}, stillHost(), { ticketFor }), { targetName: 'bob' });
    await tokenOf(client);
    expect(await failureOf(client.step(errorToken({ errorCode: 45 })))).toMatchObject({ code: 'SERVICE_KEY_MISSING' });
  });
});

function userAcceptor(grantingTicket: KerberosTicket) {
  const host = stillHost();
  const userToUser = {
    kdc: { clock: host.clock },
    ticketFor: () => Promise.reject(new TypeError('not asked for')),
    ticketAtHand: () => undefined,
    forwardedTicket: () => Promise.reject(new TypeError('not asked for')),
    grantingTicket: async () => grantingTicket.clone(),
  };
  const settings = { replayCache: memoryReplayCache({ clock: host.clock }) };
  const service = {
    settings,
    keys: new ServiceKeys([]),
    tickets: new OpenTickets(),
    userToUser,
    dispose: () => undefined,
  };
  return new KerberosCredential({ use: 1, host, expiry: 0n, service }).accept({ flags: 0 });
}
