/** The AS exchange against a KDC that lies on request: RFC 4120 3.1, RFC 6806. */
import { describe, expect, test, vi } from 'vitest';
import { encode } from '../../../src/der/index.ts';
import {
  encryptedTimestamp,
  type InitialTicketRequest,
  type KerberosPolicy,
  type PreAuthentication,
  requestInitialTicket,
} from '../../../src/kerberos/kdc/index.ts';
import {
  EtypeInfo2,
  KDC_OPTIONS,
  KerbErrorData,
  KRB_ERROR_CODE,
  MethodData,
  NAME_TYPE,
  PA_TYPE,
  parsePrincipal,
  TICKET_FLAGS,
} from '../../../src/kerberos/messages/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import {
  ALICE,
  clientOf,
  flip,
  flipLast,
  keysOf,
  type Lies,
  NOON,
  networkOf,
  refusalOf,
  ScriptedKdc,
  type ScriptedKdcOptions,
  TestClock,
} from './scripted-kdc.ts';

const REALM = 'EXAMPLE.COM';
const HOUR = 3_600_000;

interface Scene {
  readonly kdc?: Partial<ScriptedKdcOptions>;
  readonly lies?: Lies;
  readonly policy?: Partial<KerberosPolicy>;
  readonly request?: Partial<InitialTicketRequest>;
  /** How far the client's clock is ahead of the KDC's. */
  readonly ahead?: number;
}

function scene({ kdc: options = {}, lies = {}, policy, request = {}, ahead = 0 }: Scene = {}) {
  const clock = new TestClock();
  const own = { now: () => clock.now() + ahead };
  const kdc = new ScriptedKdc({ realm: REALM, clock, ...options });
  kdc.lies = lies;
  const client = clientOf(kdc, own, policy);
  const logon = () => requestInitialTicket(client, { client: ALICE, realm: REALM, keys: keysOf('alice'), ...request });
  return { kdc, client, logon };
}

describe('AS exchange', () => {
  test.each([
    [{}, 'a10402020080a20904073005a0030101ff'],
    [{ pac: false }, 'a10402020080a20904073005a003010100'],
  ])('K8: PA-PAC-REQUEST with %o, as [MS-KILE] 2.2.3 has it', async (policy, padata) => {
    const { client, logon } = scene({ policy });
    const exchange = vi.spyOn(client.network, 'exchange');
    await logon();
    expect(exchange).toHaveBeenCalledTimes(2); // without pre-authentication, and with
    for (const [{ message }] of exchange.mock.calls) expect(Buffer.from(message).toString('hex')).toContain(padata);
  });

  test('K8: without a proof the KDC asks for one, with an encrypted timestamp it gives a ticket', async () => {
    const { kdc, logon } = scene();
    const ticket = await logon();
    expect(kdc.asked).toEqual(['AS alice', 'AS alice']);
    expect(ticket.description).toBe('krbtgt/EXAMPLE.COM@EXAMPLE.COM for alice@EXAMPLE.COM');
    expect(ticket.has(TICKET_FLAGS.INITIAL)).toBe(true);
    expect(ticket.endTime).toBe(NOON + 8 * HOUR);
    expect(ticket.sessionKey.etype).toBe(18);
  });

  test('K8: an account without pre-authentication gets its ticket at once', async () => {
    const { kdc, logon } = scene({ kdc: { requirePreAuthentication: false } });
    await logon();
    expect(kdc.asked).toEqual(['AS alice']);
  });

  test('what is asked for is in the request', async () => {
    const { kdc, logon } = scene({
      policy: { forwardable: true, renewableLifetime: 24 * HOUR, encryptionTypes: [20, 18, 17] },
    });
    const ticket = await logon();
    const [body] = kdc.bodies;
    expect(body?.kdcOptions).toBe((KDC_OPTIONS.FORWARDABLE | KDC_OPTIONS.RENEWABLE | KDC_OPTIONS.CANONICALIZE) >>> 0);
    expect(body?.etype).toEqual([18, 20, 17]); // what there is a key of, then what the session key may be
    expect(body?.till).toBe(NOON + 10 * HOUR);
    expect(body?.rtime).toBe(NOON + 24 * HOUR);
    expect(ticket.isRenewable(NOON)).toBe(true);
  });

  test('an enterprise name is always to be canonicalised', async () => {
    const { kdc, logon } = scene({
      policy: { canonicalize: false },
      kdc: { users: ['alice@example.com'] },
      request: {
        client: parsePrincipal('alice@example.com', NAME_TYPE.ENTERPRISE).name,
        keys: keysOf('alice@example.com'),
      },
    });
    await logon();
    expect((kdc.bodies[0]?.kdcOptions ?? 0) & KDC_OPTIONS.CANONICALIZE).not.toBe(0);
  });

  test('a wrong password is LOGON_DENIED, and is tried once: lockout policies count', async () => {
    const { kdc, logon } = scene({ request: { keys: keysOf('mallory') } });
    const error = await refusalOf(logon);
    expect([error.code, error.ntStatus]).toEqual(['LOGON_DENIED', 0xc000006a]);
    expect(kdc.asked).toHaveLength(2);
  });

  test('a wrong password without pre-authentication is LOGON_DENIED too', async () => {
    const { logon } = scene({ kdc: { requirePreAuthentication: false }, request: { keys: keysOf('mallory') } });
    expect((await refusalOf(logon)).code).toBe('LOGON_DENIED');
  });

  test('a KDC that asks again and again after a timestamp gets no second one', async () => {
    const offer = encode(MethodData, [{ padataType: PA_TYPE.ENC_TIMESTAMP, padataValue: new Uint8Array(0) }]);
    const error = () => ({ errorCode: KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, eData: offer });
    const { kdc, logon } = scene({ lies: { error } });
    expect((await refusalOf(logon)).code).toBe('PREAUTHENTICATION_UNSUPPORTED');
    expect(kdc.asked).toHaveLength(2);
  });

  test('a kind of pre-authentication that is not there is named', async () => {
    const info = encode(EtypeInfo2, [{ etype: 18, salt: undefined, s2kparams: undefined }]);
    const offer = encode(MethodData, [
      { padataType: PA_TYPE.ETYPE_INFO2, padataValue: info },
      { padataType: PA_TYPE.PK_AS_REQ, padataValue: new Uint8Array(0) },
    ]);
    const error = () => ({ errorCode: KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, eData: offer });
    const refusal = await refusalOf(scene({ lies: { error } }).logon);
    expect([refusal.code, refusal.statusName]).toEqual(['PREAUTHENTICATION_UNSUPPORTED', 'SEC_E_UNSUPPORTED_PREAUTH']);
    expect(refusal.message).toContain('19, 16');
  });
});

describe('other ways of pre-authentication fit in', () => {
  const offerOf = (...types: readonly number[]) =>
    encode(MethodData, [
      ...types.map((padataType) => ({ padataType, padataValue: new Uint8Array(0) })),
      {
        padataType: PA_TYPE.ETYPE_INFO2,
        padataValue: encode(EtypeInfo2, [{ etype: 18, salt: 'x', s2kparams: undefined }]),
      },
    ]);

  /** A way that takes as many rounds as it is told to, as SPAKE does. */
  function inRounds(padataType: number, log: string[]): PreAuthentication {
    return {
      name: `way ${padataType}`,
      padataType,
      begin({ requestBody }) {
        let round = 0;
        log.push(`begin ${padataType}, ${requestBody.length > 0 ? 'with the body' : 'without'}`);
        return {
          answer: (offered) => {
            log.push(`round ${++round} of ${padataType}, offered ${offered.map((one) => one.padataType).join(' ')}`);
            return Promise.resolve([{ padataType, padataValue: Uint8Array.of(round) }]);
          },
          dispose: () => log.push(`end ${padataType}`),
        };
      },
    };
  }

  test('one that takes several rounds, with the cookie of the KDC', async () => {
    const log: string[] = [];
    const offer = offerOf(PA_TYPE.SPAKE, PA_TYPE.FX_COOKIE);
    const errors = [KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, KRB_ERROR_CODE.KDC_ERR_MORE_PREAUTH_DATA_REQUIRED];
    const error: Lies['error'] = (_, count) => {
      const errorCode = errors[count - 1];
      return errorCode === undefined ? undefined : { errorCode, eData: offer };
    };
    const { kdc, logon } = scene({
      kdc: { requirePreAuthentication: false },
      lies: { error },
      request: { preAuthentication: [inRounds(PA_TYPE.SPAKE, log), encryptedTimestamp] },
    });
    await logon();
    expect(log).toEqual([
      'begin 151, with the body',
      'round 1 of 151, offered 151 133 19',
      'round 2 of 151, offered 151 133 19',
      'end 151',
    ]);
    expect(kdc.padata.map((list) => list.map(({ padataType }) => padataType))).toEqual([
      [149, 128],
      [151, 149, 133, 128],
      [151, 149, 133, 128],
    ]);
  });

  test('when the KDC stops offering one, the next is begun', async () => {
    const log: string[] = [];
    const offers = [offerOf(PA_TYPE.SPAKE, PA_TYPE.ENC_TIMESTAMP), offerOf(PA_TYPE.ENC_TIMESTAMP)];
    const error: Lies['error'] = (_, count) => {
      const eData = offers[count - 1];
      return eData === undefined ? undefined : { errorCode: KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, eData };
    };
    const { logon } = scene({
      lies: { error },
      request: { preAuthentication: [inRounds(PA_TYPE.SPAKE, log), encryptedTimestamp] },
    });
    expect((await logon()).has(TICKET_FLAGS.PRE_AUTHENT)).toBe(true);
    expect(log.at(-1)).toBe('end 151');
  });

  test('one that puts all into an envelope from the first request on, and opens what comes back', async () => {
    const opened: string[] = [];
    const tunnel: PreAuthentication = {
      name: 'tunnel',
      padataType: PA_TYPE.FX_FAST,
      unasked: true,
      begin: (scope) => ({
        answer: (offered) =>
          Promise.resolve(offered.map(({ padataType }) => ({ padataType, padataValue: new Uint8Array(0) }))),
        envelop: (padata) => [{ padataType: PA_TYPE.FX_FAST, padataValue: encode(MethodData, [...padata]) }],
        openError: (error) => {
          opened.push('error');
          return {
            ...error,
            errorCode: KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED,
            eData: offerOf(PA_TYPE.ENCRYPTED_CHALLENGE),
          };
        },
        openReply: (reply) => {
          opened.push('reply');
          return reply;
        },
        replyKey: (reply) => {
          opened.push('key');
          return scope.replyKey(reply);
        },
        dispose: () => undefined,
      }),
    };
    const error: Lies['error'] = (_, count) =>
      count === 1 ? { errorCode: KRB_ERROR_CODE.KRB_ERR_GENERIC } : undefined;
    const { kdc, logon } = scene({
      kdc: { requirePreAuthentication: false },
      lies: { error },
      request: { preAuthentication: [tunnel] },
    });
    await logon();
    expect(opened).toEqual(['error', 'reply', 'key']);
    expect(kdc.padata.map((list) => list.map(({ padataType }) => padataType))).toEqual([[136], [136]]);
  });

  test('one that never ends is ended', async () => {
    const error = () => ({
      errorCode: KRB_ERROR_CODE.KDC_ERR_MORE_PREAUTH_DATA_REQUIRED,
      eData: offerOf(PA_TYPE.SPAKE),
    });
    const { kdc, logon } = scene({ lies: { error }, request: { preAuthentication: [inRounds(PA_TYPE.SPAKE, [])] } });
    expect((await refusalOf(logon)).code).toBe('PREAUTHENTICATION_UNSUPPORTED');
    expect(kdc.asked).toHaveLength(10);
  });
});

describe('Z39: encryption types and string-to-key', () => {
  test('Z39: RC4 is not offered, and a KDC that wants it is refused', async () => {
    const { kdc, logon } = scene({
      kdc: { etype: 23, info: [{ etype: 23, salt: undefined, s2kparams: undefined }] },
      request: { keys: { ...keysOf('alice', 23), encryptionTypes: () => undefined } },
    });
    expect((await refusalOf(logon)).code).toBe('ENCRYPTION_TYPE_REFUSED');
    expect(kdc.bodies[0]?.etype).toEqual([18, 17, 20, 19]);
  });

  test('Z39: RC4 is used where it is allowed knowingly', async () => {
    const { logon } = scene({
      kdc: { etype: 23 },
      policy: { encryptionTypes: [18, 23] },
      request: { keys: keysOf('alice', 23) },
    });
    expect((await logon()).sessionKey.etype).toBe(18);
  });

  test('an NT hash alone and RC4 forbidden: nothing is sent', async () => {
    const { kdc, logon } = scene({ request: { keys: keysOf('alice', 23) } });
    expect((await refusalOf(logon)).code).toBe('NO_KERBEROS_KEY');
    expect(kdc.asked).toEqual([]);
  });

  test.each([
    ['one round, which would make guessing easy', '00000001'],
    ['4,095 rounds', '00000fff'],
  ])('Z39: string-to-key with %s is refused', async (_, hex) => {
    const s2kparams = Uint8Array.from(Buffer.from(hex, 'hex'));
    const { logon } = scene({ kdc: { info: [{ etype: 18, salt: 'x', s2kparams }] } });
    expect((await refusalOf(logon)).code).toBe('MALFORMED_TOKEN');
  });

  test('the first entry of ETYPE-INFO2 that is allowed counts, with its salt', async () => {
    const wanted: unknown[] = [];
    const keys = keysOf('alice');
    const { logon } = scene({
      kdc: {
        info: [
          { etype: 23, salt: undefined, s2kparams: undefined },
          { etype: 18, salt: 'pepper', s2kparams: undefined },
        ],
      },
      request: {
        keys: {
          ...keys,
          keyFor(one) {
            wanted.push([one.etype, new TextDecoder().decode(one.salt)]);
            return keys.keyFor(one);
          },
        },
      },
    });
    await logon();
    expect(wanted).toEqual([
      [18, 'pepper'],
      [18, 'pepper'],
    ]); // for the timestamp, and for the answer
  });

  test('a KDC that says nothing about the salt means realm and name', async () => {
    const salts: string[] = [];
    const keys = keysOf('alice');
    const { logon } = scene({
      kdc: { requirePreAuthentication: false },
      lies: { reply: (reply) => ({ ...reply, padata: undefined }) },
      request: {
        keys: {
          ...keys,
          keyFor(one) {
            salts.push(new TextDecoder().decode(one.salt));
            return keys.keyFor(one);
          },
        },
      },
    });
    await logon();
    expect(salts).toEqual(['EXAMPLE.COMalice']);
  });
});

describe('Z41, Z50: every check of an AS-REP', () => {
  const bob = parsePrincipal('bob').name;
  const cases: [string, Lies, Partial<KerberosPolicy>, string][] = [
    ['another nonce', { part: (part) => ({ ...part, nonce: part.nonce ^ 1 }) }, {}, 'KDC_REPLY_MISMATCH'],
    ['another client', { reply: (reply) => ({ ...reply, cname: bob }) }, { canonicalize: false }, 'KDC_REPLY_MISMATCH'],
    [
      'another client realm',
      { reply: (reply) => ({ ...reply, crealm: 'EVIL.COM' }) },
      { canonicalize: false },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a service that was not asked for',
      { part: (part) => ({ ...part, sname: bob }), ticketName: bob },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'another realm, without canonicalisation',
      {
        part: (part) => ({ ...part, srealm: 'EVIL.COM' }),
        reply: (reply) => ({ ...reply, ticket: { ...reply.ticket, realm: 'EVIL.COM' } }),
      },
      { canonicalize: false },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a ticket-granting ticket of a third realm',
      {
        part: (part) => ({ ...part, sname: parsePrincipal('krbtgt/EVIL.COM').name }),
        ticketName: parsePrincipal('krbtgt/EVIL.COM').name,
      },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    ['a name on the ticket that is not the one inside', { ticketName: bob }, {}, 'KDC_REPLY_MISMATCH'],
    [
      'a realm on the ticket that is not the one inside',
      { reply: (reply) => ({ ...reply, ticket: { ...reply.ticket, realm: 'EVIL.COM' } }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a ticket that is not initial',
      { part: (part) => ({ ...part, flags: part.flags & ~TICKET_FLAGS.INITIAL }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'an anonymous ticket',
      { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.ANONYMOUS }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a forwarded ticket',
      { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.FORWARDED }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'an invalid ticket',
      { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.INVALID }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a postdated ticket',
      { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.POSTDATED }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a ticket bound to addresses',
      { part: (part) => ({ ...part, caddr: [{ addrType: 2, address: new Uint8Array(4) }] }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a longer life than was asked for',
      { part: (part) => ({ ...part, endtime: part.endtime + 10 * HOUR }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    ['an end before the beginning', { part: (part) => ({ ...part, endtime: NOON - HOUR }) }, {}, 'KDC_REPLY_MISMATCH'],
    [
      'renewable for longer than was asked for',
      { part: (part) => ({ ...part, renewTill: NOON + 90 * HOUR }) },
      { renewableLifetime: 24 * HOUR },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a beginning in the future',
      { part: (part) => ({ ...part, starttime: NOON + HOUR }) },
      {},
      'TICKET_NOT_YET_VALID',
    ],
    [
      'a session key of a type that is not allowed',
      { part: (part) => ({ ...part, key: { keytype: 23, keyvalue: new Uint8Array(16) } }) },
      {},
      'ENCRYPTION_TYPE_REFUSED',
    ],
    [
      'a session key of a wrong length',
      { part: (part) => ({ ...part, key: { keytype: 18, keyvalue: new Uint8Array(16) } }) },
      {},
      'MALFORMED_TOKEN',
    ],
    [
      'another encryption type outside than inside',
      { reply: (reply) => ({ ...reply, encPart: { ...reply.encPart, etype: 17 } }) },
      {},
      'ENCRYPTION_TYPE_REFUSED',
    ],
    [
      'a signature over another request',
      {
        part: (part) => ({
          ...part,
          encryptedPaData: part.encryptedPaData?.map((one) => ({ ...one, padataValue: flipLast(one.padataValue) })),
        }),
      },
      {},
      'KDC_REPLY_MISMATCH',
    ],
    [
      'no signature although there has to be one',
      { part: (part) => ({ ...part, encryptedPaData: undefined }) },
      {},
      'KDC_REPLY_MISMATCH',
    ],
  ];
  test.each(cases)('Z50: %s', async (_, lies, policy, code) => {
    expect((await refusalOf(scene({ lies, policy }).logon)).code).toBe(code);
  });

  test('a KDC that does not sign requests is believed without', async () => {
    expect((await scene({ kdc: { signs: false } }).logon()).has(TICKET_FLAGS.ENC_PA_REP)).toBe(false);
  });

  test('with canonicalisation the KDC says what name and realm the client has', async () => {
    const { logon } = scene({
      lies: { reply: (reply) => ({ ...reply, crealm: 'CORP.EXAMPLE.COM', cname: parsePrincipal('alice.l').name }) },
    });
    const ticket = await logon();
    expect([ticket.client.nameString, ticket.clientRealm]).toEqual([['alice.l'], 'CORP.EXAMPLE.COM']);
  });

  test('an answer to a TGS-REQ is none to an AS-REQ', async () => {
    const octets = (reply: Uint8Array) => (reply[0] === 0x6b ? Uint8Array.of(0x6d, ...reply.subarray(1)) : reply);
    expect((await refusalOf(scene({ lies: { octets } }).logon)).code).toBe('MALFORMED_TOKEN');
  });

  test('Z42: every octet of an AS-REP, flipped, is a typed error or changes nothing that counts', async () => {
    let length = 0;
    await scene({
      kdc: { requirePreAuthentication: false },
      lies: {
        octets(reply) {
          length = reply.length;
          return reply;
        },
      },
    }).logon();
    expect(length).toBeGreaterThan(500);
    let refused = 0;
    for (let at = 0; at < length; at++) {
      const octets = (reply: Uint8Array) => flip(reply, at);
      const { logon } = scene({
        kdc: { requirePreAuthentication: false },
        lies: { octets },
        policy: { canonicalize: false },
      });
      const outcome = await logon().catch((error: unknown) => error);
      if (outcome instanceof SspiError) {
        expect(outcome.code, `octet ${at}: ${outcome.message}`).not.toBe('INTERNAL_ERROR');
        refused++;
      } else {
        expect(outcome, `octet ${at}`).toMatchObject({
          description: 'krbtgt/EXAMPLE.COM@EXAMPLE.COM for alice@EXAMPLE.COM',
          endTime: NOON + 8 * HOUR,
        });
      }
    }
    // What nobody signs: the inside of the ticket, which only the service can read; name types; the salt that is not used.
    expect(refused).toBeGreaterThan(length / 2);
  }, 20_000);

  test('Z42: an AS-REP cut off anywhere is a typed error', async () => {
    for (const part of [0, 1, 2, 3, 10, 50, 100, 200, 400]) {
      const octets = (reply: Uint8Array) => (reply[0] === 0x6b ? reply.subarray(0, part) : reply);
      expect((await refusalOf(scene({ lies: { octets } }).logon)).code).toBe('MALFORMED_TOKEN');
    }
  });
});

describe('the clock', () => {
  test('K8: with a wrong clock the KDC is asked once more with its own time, which is remembered', async () => {
    const { kdc, client, logon } = scene({ ahead: 2 * HOUR });
    const ticket = await logon();
    expect(kdc.asked).toHaveLength(3);
    expect(client.clock.offset).toBe(-2 * HOUR);
    expect(ticket.endTime).toBe(NOON + 8 * HOUR);
    await logon();
    expect(kdc.asked).toHaveLength(5); // no third request this time
  });

  test('a clock that is days behind asks for an end in the past, and is put right as well', async () => {
    const error: Lies['error'] = (_, count) =>
      count === 1 ? { errorCode: KRB_ERROR_CODE.KDC_ERR_NEVER_VALID } : undefined;
    const { client, logon } = scene({ ahead: -48 * HOUR, lies: { error } });
    expect((await logon()).endTime).toBe(NOON + 8 * HOUR);
    expect(client.clock.offset).toBe(48 * HOUR);
  });

  test('a KDC that says so a second time is an error with the measured skew', async () => {
    const error = () => ({ errorCode: KRB_ERROR_CODE.KRB_AP_ERR_SKEW });
    const { kdc, logon } = scene({ ahead: 412_000, lies: { error } });
    const refusal = await refusalOf(logon);
    expect([refusal.code, refusal.statusName]).toEqual(['TIME_SKEW', 'SEC_E_TIME_SKEW']);
    expect(refusal.message).toContain('412 s behind');
    expect(kdc.asked).toHaveLength(2);
  });

  test('without pre-authentication the time in the answer is the time of the KDC', async () => {
    const { client, logon } = scene({
      ahead: -HOUR,
      kdc: { requirePreAuthentication: false },
      policy: { lifetime: 24 * HOUR },
    });
    await logon();
    expect(client.clock.offset).toBe(HOUR);
  });
});

describe('referrals of clients (RFC 6806 7)', () => {
  const to = (crealm: string): Lies => ({ error: () => ({ errorCode: KRB_ERROR_CODE.KDC_ERR_WRONG_REALM, crealm }) });

  test('the KDC of the realm that is named is asked next', async () => {
    const clock = new TestClock();
    const first = new ScriptedKdc({ realm: REALM, clock });
    first.lies = to('CORP.EXAMPLE.COM');
    const second = new ScriptedKdc({ realm: 'CORP.EXAMPLE.COM', clock });
    const client = clientOf(networkOf([REALM, first], ['CORP.EXAMPLE.COM', second]), clock);
    const ticket = await requestInitialTicket(client, { client: ALICE, realm: REALM, keys: keysOf('alice') });
    expect(ticket.clientRealm).toBe('CORP.EXAMPLE.COM');
  });

  test('Z41: round and round ends', async () => {
    const clock = new TestClock();
    const [a, b] = [new ScriptedKdc({ realm: 'A', clock }), new ScriptedKdc({ realm: 'B', clock })];
    [a.lies, b.lies] = [to('B'), to('A')];
    const client = clientOf(networkOf(['A', a], ['B', b]), clock);
    const refusal = await refusalOf(() =>
      requestInitialTicket(client, { client: ALICE, realm: 'A', keys: keysOf('alice') }),
    );
    expect([refusal.code, refusal.statusName]).toEqual(['TOO_MANY_REFERRALS', 'SEC_E_MAX_REFERRALS_EXCEEDED']);
  });

  test('Z41: on and on ends', async () => {
    const clock = new TestClock();
    let asked = 0;
    const network = {
      exchange(request: { realm: string; message: Uint8Array }) {
        const kdc = new ScriptedKdc({ realm: request.realm, clock });
        kdc.lies = to(`R${++asked}.COM`);
        return kdc.exchange(request);
      },
    };
    const client = clientOf(network, clock);
    const refusal = await refusalOf(() =>
      requestInitialTicket(client, { client: ALICE, realm: REALM, keys: keysOf('alice') }),
    );
    expect(refusal.code).toBe('TOO_MANY_REFERRALS');
    expect(asked).toBe(11);
  });
});

describe('K11: errors of the KDC', () => {
  test.each([
    ['KDC_ERR_C_PRINCIPAL_UNKNOWN', 'LOGON_DENIED', 'SEC_E_LOGON_DENIED', 0xc0000064],
    ['KDC_ERR_PREAUTH_FAILED', 'LOGON_DENIED', 'SEC_E_LOGON_DENIED', 0xc000006a],
    ['KDC_ERR_CLIENT_REVOKED', 'ACCOUNT_RESTRICTED', 'SEC_E_LOGON_DENIED', 0xc0000072],
    ['KDC_ERR_KEY_EXPIRED', 'ACCOUNT_RESTRICTED', 'SEC_E_LOGON_DENIED', 0xc0000071],
    ['KDC_ERR_NAME_EXP', 'ACCOUNT_RESTRICTED', 'SEC_E_LOGON_DENIED', 0xc0000193],
    ['KDC_ERR_POLICY', 'KDC_POLICY', 'SEC_E_LOGON_DENIED', undefined],
    ['KDC_ERR_S_PRINCIPAL_UNKNOWN', 'SPN_UNKNOWN', 'SEC_E_TARGET_UNKNOWN', undefined],
    ['KDC_ERR_ETYPE_NOSUPP', 'ENCRYPTION_TYPE_UNSUPPORTED', 'SEC_E_KDC_UNKNOWN_ETYPE', undefined],
    ['KRB_AP_ERR_TKT_EXPIRED', 'TICKET_EXPIRED', 'SEC_E_CONTEXT_EXPIRED', undefined],
    ['KRB_AP_ERR_MODIFIED', 'TICKET_UNREADABLE', 'SEC_E_WRONG_PRINCIPAL', undefined],
    ['KRB_AP_ERR_NOKEY', 'NO_KERBEROS_KEY', 'SEC_E_NO_KERB_KEY', undefined],
    ['KRB_ERR_GENERIC', 'KDC_REFUSED', 'SEC_E_INTERNAL_ERROR', undefined],
  ] as const)('K11: %s is %s', async (name, code, statusName, ntStatus) => {
    const error = () => ({ errorCode: KRB_ERROR_CODE[name] });
    const refusal = await refusalOf(scene({ lies: { error } }).logon);
    expect([refusal.code, refusal.statusName, refusal.ntStatus]).toEqual([code, statusName, ntStatus]);
    expect(refusal.message).toContain(name);
  });

  /** KERB-ERROR-DATA of type 3: a KERB-EXT-ERROR. */
  function windowsSays(ntStatus: number): Uint8Array {
    const dataValue = new Uint8Array(12);
    new DataView(dataValue.buffer).setUint32(0, ntStatus, true);
    return encode(KerbErrorData, { dataType: 3, dataValue });
  }

  test.each([
    [0xc0000234, 'ACCOUNT_RESTRICTED', 'SEC_E_LOGON_DENIED', 'STATUS_ACCOUNT_LOCKED_OUT'],
    [0xc0000224, 'ACCOUNT_RESTRICTED', 'SEC_E_LOGON_DENIED', 'STATUS_PASSWORD_MUST_CHANGE'],
    [0xc00002fa, 'ACCOUNT_RESTRICTED', 'SEC_E_SMARTCARD_LOGON_REQUIRED', 'STATUS_SMARTCARD_LOGON_REQUIRED'],
  ])('K11: what Windows says in e-data comes through: %i', async (ntStatus, code, statusName, text) => {
    const error = () => ({ errorCode: KRB_ERROR_CODE.KDC_ERR_CLIENT_REVOKED, eData: windowsSays(ntStatus) });
    const refusal = await refusalOf(scene({ lies: { error } }).logon);
    expect([refusal.code, refusal.statusName, refusal.ntStatus]).toEqual([code, statusName, ntStatus]);
    expect(refusal.message).toContain(text);
  });

  test('what a KDC writes does not reach a terminal as it is', async () => {
    const error = () => ({ errorCode: KRB_ERROR_CODE.KRB_ERR_GENERIC, eText: `a\u001b[31mb\n${'x'.repeat(500)}` });
    const refusal = await refusalOf(scene({ lies: { error } }).logon);
    expect(refusal.message).toContain('a?[31mb?');
    expect(refusal.message.length).toBeLessThan(400);
  });

  test('e-data that is not what it should be is a typed error', async () => {
    const error = () => ({ errorCode: KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, eData: Uint8Array.of(0x30, 0x80) });
    expect((await refusalOf(scene({ lies: { error } }).logon)).code).toBe('MALFORMED_TOKEN');
  });
});
