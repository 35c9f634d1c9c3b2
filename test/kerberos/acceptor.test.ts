import { describe, expect, test, vi } from 'vitest';
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import { decode, encode } from '../../src/der/index.ts';
import {
  AD_TYPE,
  AP_OPTIONS_DATA,
  ApReq,
  Authenticator,
  type AuthorizationData,
  decodeGssToken,
  encodeGssToken,
  GSS_MECHANISM,
  KEY_USAGE,
  type KerberosKey,
  type KerberosTicket,
  KRB_ERROR_CODE,
  KrbError,
  seal,
  TICKET_FLAGS,
  TOKEN_ID,
  unseal,
} from '../../src/kerberos/index.ts';
import {
  ASC_REQ,
  ASC_RET,
  ISC_REQ,
  type KerberosAcceptorIdentity,
  NTSTATUS,
  SEC_E,
  type SspiError,
} from '../../src/sspi/index.ts';
import { nested, type TicketOptions } from '../support/kdc.ts';
import {
  acceptor,
  clientWith,
  failureOf,
  initiator,
  MUTUAL,
  NOW,
  realmOf,
  SERVICE,
  serviceWith,
  stillHost,
  tokenOf,
} from './ap-support.ts';

const MINUTE = 60_000;
const realm = realmOf();

/** Our client's first token with a ticket of this kind. */
function request(ticket: TicketOptions = {}, flags = MUTUAL, host = stillHost()): Promise<Uint8Array> {
  return tokenOf(initiator(clientWith(realm, ticket, {}, host), { flags }));
}

/** How a service refuses a token. */
async function refusal(
  token: Uint8Array,
  settings: Partial<KerberosAcceptorIdentity> = {},
  flags = 0,
): Promise<SspiError> {
  return failureOf((await acceptor(realm, settings, { flags })).step(token));
}

/** The KRB-ERROR that goes to the client. */
function answerOf({ token }: SspiError): KrbError {
  const { tokenId, message } = decodeGssToken(token ?? new Uint8Array(0));
  expect(tokenId).toBe(TOKEN_ID.KRB_ERROR);
  return decode(KrbError, message);
}

/** A token whose authenticator is another one; everything around it stays. */
async function forged(
  change: (authenticator: Authenticator, sessionKey: KerberosKey) => Authenticator,
  flags = MUTUAL,
): Promise<Uint8Array> {
  const tickets: KerberosTicket[] = [];
  const source = {
    ticketFor: async () => {
      const ticket = realm.ticket({ service: SERVICE });
      tickets.push(ticket.clone());
      return ticket;
    },
  };
  const token = await tokenOf(initiator(clientWith(realm, {}, {}, stillHost(), source), { flags }));
  const [ticket] = tickets;
  if (ticket === undefined) throw new TypeError('no ticket was asked for');
  const apReq = decode(ApReq, decodeGssToken(token).message);
  const usage = KEY_USAGE.AP_REQ_AUTHENTICATOR;
  const changed = change(unseal(Authenticator, apReq.authenticator, ticket.sessionKey, usage), ticket.sessionKey);
  const authenticator = seal(Authenticator, changed, { key: ticket.sessionKey, usage, random: realm.random });
  return framed(encode(ApReq, { ...apReq, authenticator }));
}

function framed(message: Uint8Array): Uint8Array {
  return encodeGssToken(GSS_MECHANISM.KERBEROS, TOKEN_ID.AP_REQ, message);
}

function changed(token: Uint8Array, change: (request: ApReq) => ApReq): Uint8Array {
  return framed(encode(ApReq, change(decode(ApReq, decodeGssToken(token).message))));
}

describe('RFC 4120 3.2.3: which key opens the ticket', () => {
  test('K14: a service that is not in the keytab', async () => {
    const failure = await refusal(await request({ service: 'cifs/server.example.test' }));
    expect(failure).toMatchObject({ code: 'SERVICE_UNKNOWN', status: SEC_E.WRONG_PRINCIPAL });
    expect(failure.detail).toBe('cifs/server.example.test@EXAMPLE.TEST');
    expect(answerOf(failure).errorCode).toBe(KRB_ERROR_CODE.KRB_AP_ERR_NOT_US);
  });

  test('K14: another realm', async () => {
    const token = changed(await request(), (apReq) => ({ ...apReq, ticket: { ...apReq.ticket, realm: 'OTHER.TEST' } }));
    expect(await refusal(token)).toMatchObject({ code: 'SERVICE_UNKNOWN', detail: `${SERVICE}@OTHER.TEST` });
  });

  test('K14: a version that is not in the keytab; the error says which there are', async () => {
    const keytab = realm.keytab({ principal: SERVICE, kvno: 3 }, { principal: SERVICE, kvno: 4 });
    const failure = await refusal(await request({ kvno: 2 }), { keytab });
    expect(failure).toMatchObject({ code: 'KEY_VERSION_UNKNOWN', status: SEC_E.NO_KERB_KEY });
    expect(failure.detail).toContain('the ticket has version 2, the keytab 4, 3');
    expect(answerOf(failure).errorCode).toBe(KRB_ERROR_CODE.KRB_AP_ERR_BADKEYVER);
  });

  test('K14: an encryption type that is not in the keytab; the error says both', async () => {
    const failure = await refusal(await request(), { keytab: realm.keytab({ principal: SERVICE, etype: 17 }) });
    expect(failure).toMatchObject({ code: 'SERVICE_KEY_MISSING', status: SEC_E.NO_KERB_KEY });
    expect(failure.detail).toContain(
      'the ticket has aes256-cts-hmac-sha1-96 (18), the keytab aes128-cts-hmac-sha1-96 (17)',
    );
    expect(answerOf(failure).errorCode).toBe(KRB_ERROR_CODE.KRB_AP_ERR_NOKEY);
  });

  test('Z39: RC4 is refused unless it is allowed', async () => {
    const rc4 = realmOf(23);
    const token = await tokenOf(initiator(clientWith(rc4, {}, { encryptionTypes: [23] })));
    const keytab = rc4.keytab(SERVICE, { principal: SERVICE, etype: 18 });
    expect(await refusal(token, { keytab })).toMatchObject({ code: 'ENCRYPTION_TYPE_REFUSED' });
    const server = await acceptor(rc4, { keytab, encryptionTypes: [18, 23] });
    expect(await server.step(token)).toMatchObject({ status: SEC_E.OK });
  });

  test('K14: a key of another password', async () => {
    const keytab = realm.keytab({ principal: SERVICE, keyOf: 'another' });
    const failure = await refusal(await request(), { keytab });
    expect(failure).toMatchObject({
      code: 'TICKET_UNREADABLE',
      status: SEC_E.LOGON_DENIED,
      detail: `${SERVICE}@EXAMPLE.TEST`,
    });
    expect(answerOf(failure)).toMatchObject({ errorCode: KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED, realm: 'EXAMPLE.TEST' });
  });

  test('K14: of several principals, versions and encryption types the right key is found', async () => {
    const keytab = realm.keytab(
      'cifs/server.example.test',
      { principal: SERVICE, etype: 17 },
      { principal: SERVICE, kvno: 7, keyOf: 'new' },
      { principal: SERVICE, kvno: 2 },
      { principal: SERVICE, etype: 20 },
    );
    const server = await acceptor(realm, { keytab });
    expect(await server.step(await request({ kvno: 2 }))).toMatchObject({ status: SEC_E.OK });
  });

  test('K14: a ticket without version is tried with all keys', async () => {
    const keytab = realm.keytab({ principal: SERVICE, kvno: 7, keyOf: 'new' }, { principal: SERVICE, kvno: 6 });
    const server = await acceptor(realm, { keytab });
    const token = changed(await request(), (apReq) => {
      const { etype, cipher } = apReq.ticket.encPart;
      return { ...apReq, ticket: { ...apReq.ticket, encPart: { etype, cipher } } };
    });
    expect(await server.step(token)).toMatchObject({ status: SEC_E.OK });
  });

  test('K14: a version that did not fit into an old keytab', async () => {
    const server = await acceptor(realm, { keytab: realm.keytab({ principal: SERVICE, kvno: 2 }) });
    expect(await server.step(await request({ kvno: 258 }))).toMatchObject({ status: SEC_E.OK });
  });

  test('K14: the name of a service is the same in any case', async () => {
    const server = await acceptor(realm);
    const token = changed(await request(), (apReq) => {
      const sname = { nameType: 2, nameString: ['http', 'SERVER.Example.test'] };
      return { ...apReq, ticket: { ...apReq.ticket, sname } };
    });
    expect(await server.step(token)).toMatchObject({ status: SEC_E.OK });
  });

  test('K14: an alias has the key of its principal', async () => {
    const settings = { keytab: realm.keytab('svc-web'), aliases: { [SERVICE]: 'svc-web@EXAMPLE.TEST' } };
    const server = await acceptor(realm, settings);
    expect(await server.step(await request({ serviceKey: realm.key('svc-web') }))).toMatchObject({ status: SEC_E.OK });
  });

  test('an alias of somebody without keys is a mistake', async () => {
    const failure = await failureOf(serviceWith(realm, { aliases: { 'HTTP/www.example.test': 'svc-web' } }));
    expect(failure.code).toBe('INVALID_PARAMETER');
  });
});

describe('RFC 4120 3.2.3: the ticket is good now', () => {
  test.each([
    ['the flag INVALID', { flags: TICKET_FLAGS.INVALID }, 'TICKET_NOT_YET_VALID', SEC_E.TIME_SKEW, 33],
    ['a start in the future', { startTime: NOW + 6 * MINUTE }, 'TICKET_NOT_YET_VALID', SEC_E.TIME_SKEW, 33],
    ['an end in the past', { endTime: NOW - 6 * MINUTE }, 'TICKET_EXPIRED', SEC_E.CONTEXT_EXPIRED, 32],
  ] as const)('K14: %s', async (_, ticket, code, status, errorCode) => {
    const failure = await refusal(await request(ticket));
    expect(failure).toMatchObject({ code, status });
    expect(answerOf(failure).errorCode).toBe(errorCode);
  });

  test('K14: the error of a ticket that ended says when', async () => {
    const { detail } = await refusal(await request({ endTime: NOW - 6 * MINUTE }));
    expect(detail).toBe('valid until 2026-01-15T11:54:00.000Z, here it is 2026-01-15T12:00:00.000Z');
  });

  test.each([{ startTime: NOW + 5 * MINUTE }, { endTime: NOW - 5 * MINUTE }])(
    'K14: %o is within the skew',
    async (ticket) => {
      const server = await acceptor(realm);
      expect(await server.step(await request(ticket))).toMatchObject({ status: SEC_E.OK });
    },
  );

  test('Z32: flags count only where they are encrypted', async () => {
    // The client believes that its ticket is good; the KDC wrote INVALID into it.
    const changePart: TicketOptions['changePart'] = (part) => ({ ...part, flags: TICKET_FLAGS.INVALID });
    expect(await refusal(await request({ changePart }))).toMatchObject({ code: 'TICKET_NOT_YET_VALID' });
  });
});

describe('RFC 4120 3.2.3: the authenticator', () => {
  test('K14: of another session key', async () => {
    const other = realmOf();
    const changePart: TicketOptions['changePart'] = (part) => ({ ...part, key: other.key('x').reveal() });
    const failure = await refusal(await request({ changePart }));
    expect(failure).toMatchObject({ code: 'AUTHENTICATOR_INVALID', status: SEC_E.MESSAGE_ALTERED });
    expect(answerOf(failure).errorCode).toBe(KRB_ERROR_CODE.KRB_AP_ERR_BAD_INTEGRITY);
  });

  test('K14: a session key of a type that is not allowed', async () => {
    const failure = await refusal(await request({ sessionType: 23 }));
    expect(failure).toMatchObject({ code: 'ENCRYPTION_TYPE_REFUSED' });
  });

  test.each([
    ['name', (one: Authenticator) => ({ ...one, cname: { nameType: 1, nameString: ['bob'] } })],
    [
      'name of another form',
      (one: Authenticator) => ({ ...one, cname: { nameType: 1, nameString: ['alice', 'admin'] } }),
    ],
    ['realm', (one: Authenticator) => ({ ...one, crealm: 'OTHER.TEST' })],
  ])('K14: with the %s of another client', async (_, change) => {
    const failure = await refusal(await forged(change));
    expect(failure).toMatchObject({
      code: 'PRINCIPAL_MISMATCH',
      status: SEC_E.LOGON_DENIED,
      ntStatus: NTSTATUS.LOGON_FAILURE,
    });
    expect(answerOf(failure).errorCode).toBe(KRB_ERROR_CODE.KRB_AP_ERR_BADMATCH);
  });

  test.each([
    [412, 'the clock of the client is 412 s ahead, 300 s are allowed'],
    [-3600, 'the clock of the client is 3600 s behind, 300 s are allowed'],
  ])('K14: a clock that is %i s off; the error says how much', async (seconds, detail) => {
    const failure = await refusal(await request({}, MUTUAL, stillHost(NOW + seconds * 1000)));
    expect(failure).toMatchObject({ code: 'TIME_SKEW', status: SEC_E.TIME_SKEW, detail });
    expect(answerOf(failure)).toMatchObject({ errorCode: KRB_ERROR_CODE.KRB_AP_ERR_SKEW, stime: NOW, susec: 0 });
    expect(answerOf(failure).eData).toBeUndefined();
  });

  test.each([300, -300])('K14: a clock that is %i s off is within the skew', async (seconds) => {
    const server = await acceptor(realm);
    const token = await request({ startTime: NOW - 60 * MINUTE }, MUTUAL, stillHost(NOW + seconds * 1000));
    expect(await server.step(token)).toMatchObject({ status: SEC_E.OK });
  });

  test('K14: how much skew is allowed can be set', async () => {
    const token = await request({}, MUTUAL, stillHost(NOW + 2 * MINUTE));
    expect(await refusal(token, { maxSkew: MINUTE })).toMatchObject({ code: 'TIME_SKEW' });
  });
});

describe('RFC 4121 4.1.1: the checksum of the authenticator', () => {
  test('K14: without one no flag is set, and nobody is answered', async () => {
    const server = await acceptor(realm);
    const token = changed(await forged((one) => ({ ...one, cksum: undefined })), (apReq) => ({
      ...apReq,
      apOptions: 0,
    }));
    expect(await server.step(token)).toMatchObject({ status: SEC_E.OK, token: new Uint8Array(0), flags: 0 });
    expect(server.messages).toMatchObject({ integrity: false, confidentiality: false });
  });

  test('RFC 4120 3.2.4: without one, ap-options may still ask for an answer', async () => {
    const server = await acceptor(realm);
    const step = await server.step(await forged((one) => ({ ...one, cksum: undefined })));
    expect(step).toMatchObject({ status: SEC_E.OK, flags: ASC_RET.MUTUAL_AUTH });
    expect(decodeGssToken('token' in step ? step.token : new Uint8Array(0)).tokenId).toBe(TOKEN_ID.AP_REP);
  });

  test.each([
    ['without a key', { cksumtype: 7, checksum: new Uint8Array(16) }],
    ['too short', { cksumtype: 16, checksum: new Uint8Array(4) }],
    ['wrong', { cksumtype: 16, checksum: new Uint8Array(12) }],
  ])('Z33: a real checksum that is %s', async (_, cksum) => {
    const failure = await refusal(await forged((one) => ({ ...one, cksum })));
    expect(failure).toMatchObject({ code: 'AUTHENTICATOR_INVALID' });
  });

  test('Z33: one that is right, over nothing, is taken, and sets no flag', async () => {
    const usage = 10; // RFC 4120 7.5.1: AP-REQ Authenticator cksum
    const token = await forged((one, sessionKey) => ({ ...one, cksum: sessionKey.checksum(usage) }));
    const server = await acceptor(realm);
    expect(await server.step(token)).toMatchObject({ status: SEC_E.OK, flags: ASC_RET.MUTUAL_AUTH });
    expect(server.messages).toMatchObject({ integrity: false, confidentiality: false });
    const other = await forged((one, sessionKey) => ({ ...one, cksum: sessionKey.checksum(usage + 1) }));
    expect(await refusal(other)).toMatchObject({ code: 'AUTHENTICATOR_INVALID' });
  });

  test.each([
    ['without length', new Uint8Array(23)],
    ['with bindings of another length', Uint8Array.of(17, ...new Uint8Array(23))],
    ['that announces a delegation', Uint8Array.of(16, ...new Uint8Array(19), 1, 0, 0, 0)],
  ])('K2: one %s', async (_, checksum) => {
    const failure = await refusal(await forged((one) => ({ ...one, cksum: { cksumtype: 0x8003, checksum } })));
    expect(failure).toMatchObject({ code: 'MALFORMED_TOKEN' });
  });

  test.each([
    [ASC_REQ.CONFIDENTIALITY, ISC_REQ.INTEGRITY],
    [ASC_REQ.INTEGRITY, ISC_REQ.MUTUAL_AUTH],
    [ASC_REQ.SEQUENCE_DETECT, 0],
  ])('Z17: a server that asks for %i of a client that offers %i', async (required, offered) => {
    const failure = await refusal(await request({}, offered), {}, required);
    expect(failure).toMatchObject({ code: 'INTEGRITY_REQUIRED', status: SEC_E.SECURITY_QOS_FAILED });
  });
});

describe('a client without a key of its own', () => {
  test('K4: the session key is used, and a context that ends does not take it from the ticket', async () => {
    const service = await serviceWith(realm);
    const ticket = realm.ticket({ service: SERVICE });
    const source = { ticketFor: async () => ticket.clone() };
    const credential = clientWith(realm, {}, {}, stillHost(), source);
    for (let i = 0; i < 3; i++) {
      const token = await tokenOf(initiator(credential, { flags: ISC_REQ.INTEGRITY }));
      const apReq = decode(ApReq, decodeGssToken(token).message);
      const usage = KEY_USAGE.AP_REQ_AUTHENTICATOR;
      const { subkey: _, ...rest } = unseal(Authenticator, apReq.authenticator, ticket.sessionKey, usage);
      const authenticator = seal(Authenticator, rest, { key: ticket.sessionKey, usage, random: realm.random });
      const server = service.accept({ flags: 0 });
      await server.step(framed(encode(ApReq, { ...apReq, authenticator })));
      expect(server.query('SESSION_KEY').sessionKey.reveal()).toEqual(ticket.sessionKey.reveal().keyvalue);
      server.dispose();
    }
  });
});

test('what a peer calls itself does no harm to a terminal', async () => {
  const token = changed(await request(), (apReq) => {
    const sname = { nameType: 2, nameString: ['HTTP', '\u001b[31mred'] };
    return { ...apReq, ticket: { ...apReq.ticket, sname } };
  });
  expect((await refusal(token)).detail).toBe('HTTP/?[31mred@EXAMPLE.TEST');
});

describe('extended protection', () => {
  const channelBindings = { applicationData: new TextEncoder().encode('tls-server-end-point:one') };
  const otherBindings = { applicationData: new TextEncoder().encode('tls-server-end-point:two') };
  const bound = (bindings?: typeof channelBindings) =>
    tokenOf(initiator(clientWith(realm), { channelBindings: bindings }));
  const outcome = async (
    token: Uint8Array,
    settings: Partial<KerberosAcceptorIdentity>,
    options: object,
  ): Promise<unknown> =>
    (await acceptor(realm, settings, options)).step(token).then(
      ({ status }) => status,
      (error: SspiError) => error.code,
    );

  test.each([
    // client's, server's, policy, ASC_REQ
    ['the same', channelBindings, channelBindings, undefined, 0, SEC_E.OK],
    ['others', otherBindings, channelBindings, undefined, 0, 'BAD_BINDINGS'],
    ['others, never looked at', otherBindings, channelBindings, 'never', 0, SEC_E.OK],
    ['none', undefined, channelBindings, undefined, 0, 'BAD_BINDINGS'],
    ['none, when supported', undefined, channelBindings, 'when-supported', 0, SEC_E.OK],
    ['none, allowed by the caller', undefined, channelBindings, undefined, ASC_REQ.ALLOW_MISSING_BINDINGS, SEC_E.OK],
    ['none, required', undefined, undefined, 'required', 0, 'BAD_BINDINGS'],
    ['some, the server has none', channelBindings, undefined, undefined, 0, SEC_E.OK],
    ['some, the server has none and requires them', channelBindings, undefined, 'required', 0, SEC_E.OK],
  ] as const)('K14, Z52: the client sends %s', async (_, clients, servers, channelBindingPolicy, flags, expected) => {
    expect(await outcome(await bound(clients), { channelBindingPolicy }, { channelBindings: servers, flags })).toBe(
      expected,
    );
  });

  test('K15: a client that knows of bindings and sends none is not on our channel', async () => {
    const adData = Uint8Array.of(0, 0x40, 0, 0);
    expect(AP_OPTIONS_DATA.CBT).toBe(0x4000);
    const inner = [{ adType: AD_TYPE.AP_OPTIONS, adData }];
    const authorizationData: AuthorizationData = [{ adType: AD_TYPE.IF_RELEVANT, adData: nested(inner) }];
    const token = await forged((one) => ({ ...one, authorizationData }));
    expect(await outcome(token, { channelBindingPolicy: 'when-supported' }, { channelBindings })).toBe('BAD_BINDINGS');
    const second = await forged((one) => ({ ...one, authorizationData, cusec: 7 }));
    expect(await outcome(second, { channelBindingPolicy: 'when-supported' }, {})).toBe(SEC_E.OK);
  });

  test.each([141, 142])('K15: %i, which is for the machine of the client, is ignored', async (adType) => {
    const inner = [{ adType, adData: Uint8Array.of(1, 2, 3) }];
    const within = await forged((one) => ({ ...one, authorizationData: [{ adType: 1, adData: nested(inner) }] }));
    expect(await outcome(within, {}, {})).toBe(SEC_E.OK);
    const outside = await forged((one) => ({ ...one, authorizationData: inner }));
    expect(await outcome(outside, {}, {})).toBe(SEC_E.OK); // known, and it restricts nothing here
  });

  test('K14: addresses in a ticket are not looked at', async () => {
    const caddr = [{ addrType: 2, address: Uint8Array.of(192, 0, 2, 1) }];
    const changePart: TicketOptions['changePart'] = (part) => ({ ...part, caddr });
    expect(await outcome(await request({ changePart }), {}, {})).toBe(SEC_E.OK);
  });

  test('K14: the status and the NTSTATUS of bad bindings', async () => {
    const failure = await failureOf((await acceptor(realm, {}, { channelBindings })).step(await bound(otherBindings)));
    expect(failure).toMatchObject({ status: SEC_E.BAD_BINDINGS, ntStatus: NTSTATUS.BAD_BINDINGS });
  });
});

describe('the target', () => {
  test('a service may take requests for some of its names only', async () => {
    const keytab = realm.keytab(SERVICE, { principal: 'cifs/server.example.test', keyOf: SERVICE });
    const targetNames = ['http/SERVER.example.test'];
    const server = await acceptor(realm, { keytab, targetNames });
    expect(await server.step(await request())).toMatchObject({ status: SEC_E.OK });
    const ticket = { service: 'cifs/server.example.test', serviceKey: realm.key(SERVICE) };
    const failure = await refusal(await request(ticket), { keytab, targetNames });
    expect(failure).toMatchObject({ code: 'TARGET_NAME_REFUSED', ntStatus: NTSTATUS.ACCESS_DENIED });
  });

  test('K15: a name beside the ticket that somebody changed does not count', async () => {
    const keytab = realm.keytab(SERVICE, { principal: 'cifs/server.example.test', keyOf: SERVICE });
    const relayed = changed(await request(), (apReq) => {
      const sname = { nameType: 2, nameString: ['cifs', 'server.example.test'] };
      return { ...apReq, ticket: { ...apReq.ticket, sname } };
    });
    const failure = await refusal(relayed, { keytab, targetNames: ['cifs/server.example.test'] });
    expect(failure).toMatchObject({ code: 'TARGET_NAME_REFUSED', detail: `${SERVICE}@EXAMPLE.TEST` });
  });

  test('CLIENT_SPECIFIED_TARGET is what the client asked for', async () => {
    const server = await acceptor(realm);
    await server.step(await request());
    expect(server.query('CLIENT_SPECIFIED_TARGET').targetName).toBe(`${SERVICE}@EXAMPLE.TEST`);
  });
});

describe('authorization data', () => {
  test('RFC 4120 5.2.6: a restriction that is not understood is not passed over', async () => {
    const authorizationData = [{ adType: 999, adData: new Uint8Array(1) }];
    const failure = await refusal(await request({ authorizationData }));
    expect(failure).toMatchObject({ code: 'AUTHORIZATION_DATA_UNKNOWN', detail: 'type 999' });
    const inAuthenticator = await forged((one) => ({ ...one, authorizationData }));
    expect(await refusal(inAuthenticator)).toMatchObject({ code: 'AUTHORIZATION_DATA_UNKNOWN' });
  });

  test('K15: inside AD-IF-RELEVANT it is', async () => {
    const inner = [{ adType: 999, adData: new Uint8Array(1) }];
    const authorizationData = [{ adType: AD_TYPE.IF_RELEVANT, adData: nested(inner) }];
    const server = await acceptor(realm);
    expect(await server.step(await request({ authorizationData }))).toMatchObject({ status: SEC_E.OK });
  });

  test('Z42: AD-IF-RELEVANT without end', async () => {
    let authorizationData: AuthorizationData = [{ adType: 999, adData: new Uint8Array(1) }];
    for (let i = 0; i < 10; i++)
      authorizationData = [{ adType: AD_TYPE.IF_RELEVANT, adData: nested(authorizationData) }];
    expect(await refusal(await request({ authorizationData }))).toMatchObject({ code: 'MALFORMED_TOKEN' });
  });

  const foreign = (flags: number, contents: Uint8Array): TicketOptions => ({
    client: 'alice@OTHER.TEST',
    flags,
    changePart: (part) => ({ ...part, flags, transited: { trType: 1, contents } }),
  });
  const path = new TextEncoder().encode('MIDDLE.TEST');

  test.each([
    ['that nobody checked', foreign(0, path), 'none', 'TRANSIT_REFUSED'],
    ['that the KDC checked', foreign(TICKET_FLAGS.TRANSITED_POLICY_CHECKED, path), 'none', undefined],
    ['of no realms', foreign(0, new Uint8Array(0)), 'none', undefined],
    ['that a PAC stands for', foreign(0, path), 'full', undefined],
    ['with a PAC that says nothing', foreign(0, path), 'minimal', 'TRANSIT_REFUSED'],
  ] as const)('RFC 4120 2.7: a path %s', async (_, ticket, pac, code) => {
    const server = await acceptor(realm);
    const outcome = server.step(await request({ ...ticket, pac }));
    if (code === undefined) expect(await outcome).toMatchObject({ status: SEC_E.OK });
    else expect(await failureOf(outcome)).toMatchObject({ code });
  });
});

describe('replay', () => {
  test('Z40, Z51: the same AP-REQ twice, in two contexts of one credential', async () => {
    const service = await serviceWith(realm);
    const token = await request();
    expect(await service.accept({ flags: 0 }).step(token)).toMatchObject({ status: SEC_E.OK });
    const failure = await failureOf(service.accept({ flags: 0 }).step(token));
    expect(failure).toMatchObject({ code: 'REPLAY_DETECTED', status: SEC_E.LOGON_DENIED });
    expect(answerOf(failure).errorCode).toBe(KRB_ERROR_CODE.KRB_AP_ERR_REPEAT);
  });

  test('Z40: to two contexts at once, 1,000 rounds: exactly one accepts', async () => {
    const service = await serviceWith(realm);
    const credential = clientWith(realm);
    for (let round = 0; round < 1000; round++) {
      const token = await tokenOf(initiator(credential));
      const verdicts = await Promise.allSettled([1, 2].map(() => service.accept({ flags: 0 }).step(token)));
      expect(verdicts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const [failed] = verdicts.filter((one) => one.status === 'rejected');
      expect(failed?.reason).toMatchObject({ code: 'REPLAY_DETECTED' });
    }
  }, 30_000);

  test('Z40: a replay under another name of the same account', async () => {
    const alias = 'cifs/server.example.test';
    const service = await serviceWith(realm, { keytab: realm.keytab(SERVICE, { principal: alias, keyOf: SERVICE }) });
    const token = await forged((one) => ({ ...one, authorizationData: undefined }));
    const renamed = changed(token, (apReq) => {
      const sname = { nameType: 2, nameString: alias.split('/') };
      return { ...apReq, ticket: { ...apReq.ticket, sname } };
    });
    expect(await service.accept({ flags: 0 }).step(token)).toMatchObject({ status: SEC_E.OK });
    expect(await failureOf(service.accept({ flags: 0 }).step(renamed))).toMatchObject({ code: 'REPLAY_DETECTED' });
  });

  test('K14: what is claimed tells nobody who it was, and is remembered for as long as it could be repeated', async () => {
    const claim = vi.fn(async () => 'fresh' as const);
    await (await acceptor(realm, { replayCache: { claim } })).step(await request());
    expect(claim).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^[\da-f]{64}$/), NOW + 10 * MINUTE);
  });

  test('K14: who is refused anyway claims nothing', async () => {
    const claim = vi.fn(async () => 'fresh' as const);
    await refusal(await request({ endTime: NOW - 6 * MINUTE }), { replayCache: { claim } });
    await refusal(await request({}, 0), { replayCache: { claim } }, ASC_REQ.INTEGRITY);
    expect(claim).not.toHaveBeenCalled();
  });

  test.each([
    ['cannot be reached', () => Promise.reject(new Error('connection lost'))],
    [
      'throws at once',
      () => {
        throw new TypeError('closed');
      },
    ],
  ])('a replay cache that %s lets nobody in', async (_, claim) => {
    const failure = await refusal(await request(), { replayCache: { claim } });
    expect(failure).toMatchObject({ code: 'REPLAY_CACHE_UNAVAILABLE', status: SEC_E.INSUFFICIENT_MEMORY });
  });

  test('a full replay cache lets nobody in', async () => {
    const { clock } = stillHost();
    const service = await serviceWith(realm, { replayCache: memoryReplayCache({ maxClaims: 1, clock }) });
    const credential = clientWith(realm);
    await service.accept({ flags: 0 }).step(await tokenOf(initiator(credential)));
    const failure = await failureOf(service.accept({ flags: 0 }).step(await tokenOf(initiator(credential))));
    expect(failure).toMatchObject({ code: 'REPLAY_CACHE_UNAVAILABLE' });
  });
});

describe('hostile octets', () => {
  const accepts = async (token: Uint8Array): Promise<SspiError | 'established'> => {
    const server = await acceptor(realm);
    try {
      await server.step(token);
      return 'established';
    } catch (error) {
      if (error instanceof Error && 'code' in error) return error as SspiError; // every test below looks at its code
      throw error;
    }
  };

  test('Z37: every octet of an AP-REQ flipped: a typed error; what nothing protects changes nothing', async () => {
    const token = await request();
    const unprotected: number[] = [];
    for (let at = 0; at < token.length; at++) {
      const altered = Uint8Array.from(token);
      altered[at] = (altered[at] ?? 0) ^ 0x01;
      const outcome = await accepts(altered);
      if (outcome === 'established') unprotected.push(at);
      else expect(outcome.code).not.toBe('INTERNAL_ERROR');
    }
    // ap-options, whose bits the flags in the authenticator make up for (39 to 43), and the type of the name, which is a hint
    // (85; RFC 4120 6.2). Everything else of the message is a length, a constant, a name that has no key, or encrypted.
    expect(unprotected).toEqual([39, 40, 41, 42, 43, 85]);
  }, 30_000);

  test('Z37, Z40: every octet of an AP-REQ flipped, at a service that has taken it and knows the ticket', async () => {
    const service = await serviceWith(realm);
    const token = await request();
    await service.accept({ flags: 0 }).step(token);
    for (let at = 0; at < token.length; at++) {
      const altered = token.with(at, (token[at] ?? 0) ^ 0x01);
      expect((await failureOf(service.accept({ flags: 0 }).step(altered))).code).not.toBe('INTERNAL_ERROR');
    }
  }, 30_000);

  test('every cut of an AP-REQ', async () => {
    const token = await request();
    for (let length = 0; length < token.length; length++) {
      const outcome = await accepts(token.subarray(0, length));
      expect(outcome).toMatchObject({ code: 'MALFORMED_TOKEN' });
    }
  });

  test('Z42: octets behind the AP-REQ', async () => {
    expect(await accepts(Uint8Array.of(...(await request()), 0))).toMatchObject({ code: 'MALFORMED_TOKEN' });
  });
});
