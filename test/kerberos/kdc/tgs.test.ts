/** The TGS exchange and the way across realms: RFC 4120 3.3, RFC 6806 8. */
import { describe, expect, test } from 'vitest';
import {
  exchangeTicket,
  forwardTicket,
  type KerberosPolicy,
  type KerberosTicket,
  renewTicket,
  requestInitialTicket,
  requestServiceTicket,
} from '../../../src/kerberos/kdc/index.ts';
import {
  KDC_OPTIONS,
  KRB_ERROR_CODE,
  parsePrincipal,
  samePrincipal,
  TICKET_FLAGS,
} from '../../../src/kerberos/messages/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import {
  ALICE,
  clientOf,
  flip,
  HTTP,
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

async function scene(options: Partial<ScriptedKdcOptions> = {}, policy: Partial<KerberosPolicy> = {}) {
  const clock = new TestClock();
  const kdc = new ScriptedKdc({
    realm: REALM,
    clock,
    users: ['alice', 'bob'],
    services: ['HTTP/www.example.com'],
    ...options,
  });
  const client = clientOf(kdc, clock, policy);
  const logOn = (name: string): Promise<KerberosTicket> =>
    requestInitialTicket(client, { client: parsePrincipal(name).name, realm: REALM, keys: keysOf(name) });
  const grantingTicket = await logOn('alice');
  const ask = (lies: Lies = {}) => {
    kdc.lies = lies;
    return exchangeTicket(client, { grantingTicket, service: HTTP, options: KDC_OPTIONS.CANONICALIZE });
  };
  return { clock, kdc, client, logOn, grantingTicket, ask };
}

describe('TGS exchange', () => {
  test('K9: a ticket-granting ticket gives a ticket for a service', async () => {
    const { ask } = await scene();
    const ticket = await ask();
    expect(ticket.description).toBe('HTTP/www.example.com@EXAMPLE.COM for alice@EXAMPLE.COM');
    expect(ticket.endTime).toBe(NOON + 8 * HOUR);
    expect(ticket.grantsIn).toBeUndefined();
  });

  test('K9: a service that nobody knows is SPN_UNKNOWN, with its name', async () => {
    const { client, grantingTicket } = await scene();
    const service = parsePrincipal('HTTP/elsewhere.example.com').name;
    const refusal = await refusalOf(() => exchangeTicket(client, { grantingTicket, service, options: 0 }));
    expect([refusal.code, refusal.statusName]).toEqual(['SPN_UNKNOWN', 'SEC_E_TARGET_UNKNOWN']);
    expect(refusal.message).toContain('HTTP/elsewhere.example.com@EXAMPLE.COM');
  });

  test('with a wrong clock the KDC is asked once more with its own time', async () => {
    const { client, kdc, ask } = await scene();
    let count = 0;
    const stime = NOON + 2 * HOUR;
    await ask({ error: () => (count++ === 0 ? { errorCode: KRB_ERROR_CODE.KRB_AP_ERR_SKEW, stime } : undefined) });
    expect(client.clock.offset).toBe(2 * HOUR);
    expect(kdc.asked.filter((one) => one.startsWith('TGS'))).toHaveLength(2);
  });

  test('a service ticket grants nothing', async () => {
    const { client, ask } = await scene();
    const grantingTicket = await ask();
    const refusal = await refusalOf(() => exchangeTicket(client, { grantingTicket, service: HTTP, options: 0 }));
    expect(refusal.code).toBe('INVALID_PARAMETER');
  });

  test('Z39: a ticket whose session key is of a type that is not allowed is not used', async () => {
    const { client, grantingTicket } = await scene();
    const strict = { ...client, policy: { ...client.policy, encryptionTypes: [20] } };
    const refusal = await refusalOf(() => exchangeTicket(strict, { grantingTicket, service: HTTP, options: 0 }));
    expect(refusal.code).toBe('ENCRYPTION_TYPE_REFUSED');
  });
});

describe('Z41, Z50: every check of a TGS-REP', () => {
  const bob = parsePrincipal('bob').name;
  const cases: [string, Lies, string][] = [
    ['another nonce', { part: (part) => ({ ...part, nonce: part.nonce ^ 1 }) }, 'KDC_REPLY_MISMATCH'],
    ['another client', { reply: (reply) => ({ ...reply, cname: bob }) }, 'KDC_REPLY_MISMATCH'],
    ['another client realm', { reply: (reply) => ({ ...reply, crealm: 'EVIL.COM' }) }, 'KDC_REPLY_MISMATCH'],
    ['another service', { part: (part) => ({ ...part, sname: bob }), ticketName: bob }, 'KDC_REPLY_MISMATCH'],
    ['a name on the ticket that is not the one inside', { ticketName: bob }, 'KDC_REPLY_MISMATCH'],
    [
      'a realm on the ticket that is not the one inside',
      { reply: (reply) => ({ ...reply, ticket: { ...reply.ticket, realm: 'EVIL.COM' } }) },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a realm whose KDC was not asked',
      {
        part: (part) => ({ ...part, srealm: 'EVIL.COM' }),
        reply: (reply) => ({ ...reply, ticket: { ...reply.ticket, realm: 'EVIL.COM' } }),
      },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a referral to the realm itself',
      {
        part: (part) => ({ ...part, sname: parsePrincipal('krbtgt/EXAMPLE.COM').name }),
        ticketName: parsePrincipal('krbtgt/EXAMPLE.COM').name,
      },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a forwarded ticket',
      { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.FORWARDED }) },
      'KDC_REPLY_MISMATCH',
    ],
    ['a proxy ticket', { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.PROXY }) }, 'KDC_REPLY_MISMATCH'],
    [
      'an anonymous ticket',
      { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.ANONYMOUS }) },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'an invalid ticket',
      { part: (part) => ({ ...part, flags: part.flags | TICKET_FLAGS.INVALID }) },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a ticket bound to addresses',
      { part: (part) => ({ ...part, caddr: [{ addrType: 2, address: new Uint8Array(4) }] }) },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a longer life than that of the ticket-granting ticket',
      { part: (part) => ({ ...part, endtime: NOON + 20 * HOUR }) },
      'KDC_REPLY_MISMATCH',
    ],
    [
      'a ticket that has ended',
      { part: (part) => ({ ...part, starttime: NOON - 3 * HOUR, endtime: NOON - HOUR }) },
      'TICKET_EXPIRED',
    ],
    ['a beginning in the future', { part: (part) => ({ ...part, starttime: NOON + HOUR }) }, 'TICKET_NOT_YET_VALID'],
    [
      'a session key of a type that is not allowed',
      { part: (part) => ({ ...part, key: { keytype: 23, keyvalue: new Uint8Array(16) } }) },
      'ENCRYPTION_TYPE_REFUSED',
    ],
    [
      'another encryption type outside than inside',
      { reply: (reply) => ({ ...reply, encPart: { ...reply.encPart, etype: 17 } }) },
      'DECRYPT_FAILURE',
    ],
  ];
  test.each(cases)('Z50: %s', async (_, lies, code) => {
    const { ask } = await scene();
    expect((await refusalOf(() => ask(lies))).code).toBe(code);
  });

  test('Z41: without canonicalisation a referral is another service', async () => {
    const { client, grantingTicket } = await scene({ trusts: ['OTHER.COM'], services: [] });
    const refusal = await refusalOf(() => exchangeTicket(client, { grantingTicket, service: HTTP, options: 0 }));
    expect(refusal.code).toBe('KDC_REPLY_MISMATCH');
  });

  test('Z33: the KDC refuses a TGS-REQ whose body was changed on the way', async () => {
    const { kdc, client, grantingTicket } = await scene();
    const tampered = {
      ...client,
      network: {
        exchange: (request: { realm: string; message: Uint8Array }) =>
          kdc.exchange({ ...request, message: replaced(request.message, 'www.example.com', 'ww2.example.com') }),
      },
    };
    const refusal = await refusalOf(() => exchangeTicket(tampered, { grantingTicket, service: HTTP, options: 0 }));
    expect(refusal.code).toBe('TICKET_UNREADABLE'); // KRB_AP_ERR_MODIFIED
  });

  test('Z42: every octet of a TGS-REP, flipped, is a typed error or changes nothing that counts', async () => {
    const { ask } = await scene();
    let length = 0;
    await ask({
      octets(reply) {
        length = reply.length;
        return reply;
      },
    });
    let refused = 0;
    for (let at = 0; at < length; at++) {
      const outcome = await ask({ octets: (reply) => flip(reply, at) }).catch((error: unknown) => error);
      if (outcome instanceof SspiError) {
        expect(outcome.code, `octet ${at}: ${outcome.message}`).not.toBe('INTERNAL_ERROR');
        refused++;
      } else {
        expect(outcome, `octet ${at}`).toMatchObject({
          description: 'HTTP/www.example.com@EXAMPLE.COM for alice@EXAMPLE.COM',
          endTime: NOON + 8 * HOUR,
        });
      }
    }
    expect(refused).toBeGreaterThan(length / 2);
  }, 20_000);
});

function replaced(octets: Uint8Array, from: string, to: string): Uint8Array {
  const text = Buffer.from(octets).toString('latin1');
  expect(text).toContain(from);
  return Uint8Array.from(Buffer.from(text.replace(from, to), 'latin1'));
}

describe('other tickets', () => {
  test('a forwardable ticket is forwarded', async () => {
    const { client, grantingTicket } = await scene({}, { forwardable: true });
    const forwarded = await forwardTicket(client, grantingTicket);
    expect(forwarded.has(TICKET_FLAGS.FORWARDED)).toBe(true);
    expect(forwarded.grantsIn).toBe(REALM);
  });

  test('one that is not is not', async () => {
    const { client, grantingTicket } = await scene();
    expect((await refusalOf(() => forwardTicket(client, grantingTicket))).code).toBe('KDC_POLICY');
  });

  test('a KDC that forwards nothing although it says so is found out', async () => {
    const { client, kdc, grantingTicket } = await scene({}, { forwardable: true });
    kdc.lies = { part: (part) => ({ ...part, flags: part.flags & ~TICKET_FLAGS.FORWARDED }) };
    expect((await refusalOf(() => forwardTicket(client, grantingTicket))).code).toBe('KDC_REPLY_MISMATCH');
  });

  test('a renewable ticket is renewed, as long as it lasts', async () => {
    const { clock, client, kdc, grantingTicket } = await scene({}, { renewableLifetime: 24 * HOUR });
    clock.time += 4 * HOUR;
    const renewed = await renewTicket(client, grantingTicket);
    expect((kdc.bodies.at(-1)?.kdcOptions ?? 0) & KDC_OPTIONS.RENEW).not.toBe(0);
    expect(renewed.endTime).toBe(NOON + 12 * HOUR);
    clock.time += 12 * HOUR;
    expect((await refusalOf(() => renewTicket(client, renewed))).code).toBe('TICKET_EXPIRED');
  });

  test('K12: a user-to-user ticket is encrypted with the session key of the other', async () => {
    const { client, logOn, grantingTicket, kdc } = await scene();
    const other = await logOn('bob');
    const service = parsePrincipal('bob').name;
    const { ticket } = await requestServiceTicket(client, { grantingTicket, service, secondTicket: other.ticket });
    expect((kdc.bodies.at(-1)?.kdcOptions ?? 0) & KDC_OPTIONS.ENC_TKT_IN_SKEY).not.toBe(0);
    expect(ticket.secondTicket).toEqual(other.ticket);
    // The other can open it with what only it and the KDC have.
    expect(other.sessionKey.decrypt(2, ticket.ticket.encPart.cipher).length).toBeGreaterThan(0);
  });

  test('K11: a service that takes user-to-user tickets only says so', async () => {
    const { ask } = await scene();
    const error = () => ({ errorCode: KRB_ERROR_CODE.KDC_ERR_MUST_USE_USER2USER });
    expect((await refusalOf(() => ask({ error }))).code).toBe('USER_TO_USER_REQUIRED');
  });
});

describe('K9: across realms', () => {
  /** Realms in a row, each trusting the next; services in the last. */
  async function row(...realms: readonly string[]) {
    const clock = new TestClock();
    const kdcs = realms.map(
      (realm, index) =>
        new ScriptedKdc({
          realm,
          clock,
          services: index === realms.length - 1 ? ['HTTP/www.example.com'] : [],
          trusts: realms.slice(index + 1, index + 2),
        }),
    );
    const network = networkOf(...kdcs.map((kdc, index) => [realms[index] ?? '', kdc] as const));
    const client = clientOf(network, clock);
    const grantingTicket = await requestInitialTicket(client, {
      client: ALICE,
      realm: realms[0] ?? '',
      keys: keysOf('alice'),
    });
    return { client, kdcs, grantingTicket };
  }

  test('K9: the client follows where the KDCs refer to', async () => {
    const { client, grantingTicket } = await row('A', 'B', 'C');
    const { ticket, way } = await requestServiceTicket(client, { grantingTicket, service: HTTP });
    expect(ticket.description).toBe('HTTP/www.example.com@C for alice@A');
    expect(way.map((step) => step.description)).toEqual(['krbtgt/B@A for alice@A', 'krbtgt/C@B for alice@A']);
  });

  test('when the realm is known it is asked for by name', async () => {
    const { client, kdcs, grantingTicket } = await row('A', 'B');
    const { ticket } = await requestServiceTicket(client, { grantingTicket, service: HTTP, realm: 'B' });
    expect(ticket.serverRealm).toBe('B');
    expect(kdcs[0]?.asked).toEqual(['AS alice', 'AS alice', 'TGS krbtgt/B']);
  });

  test('the way of [capaths] is gone', async () => {
    const { client, kdcs, grantingTicket } = await row('A', 'B', 'C');
    const path = (from: string, to: string) => (from === 'A' && to === 'C' ? ['B'] : undefined);
    const { ticket } = await requestServiceTicket(client, { grantingTicket, service: HTTP, realm: 'C', path });
    expect(ticket.serverRealm).toBe('C');
    expect(kdcs.map((kdc) => kdc.asked.at(-1))).toEqual(['TGS krbtgt/B', 'TGS krbtgt/C', 'TGS HTTP/www.example.com']);
  });

  test('Z41: KDCs that refer to each other are left', async () => {
    const clock = new TestClock();
    const [a, b] = [
      new ScriptedKdc({ realm: 'A', clock, trusts: ['B'] }),
      new ScriptedKdc({ realm: 'B', clock, trusts: ['A'] }),
    ];
    const client = clientOf(networkOf(['A', a], ['B', b]), clock);
    const grantingTicket = await requestInitialTicket(client, { client: ALICE, realm: 'A', keys: keysOf('alice') });
    const refusal = await refusalOf(() => requestServiceTicket(client, { grantingTicket, service: HTTP }));
    expect(refusal.code).toBe('TOO_MANY_REFERRALS');
    expect(refusal.message).toContain('A > B > A');
    expect([a.asked.length, b.asked.length]).toEqual([3, 1]);
  });

  test('Z41: referrals without end stop after ten', async () => {
    const names = Array.from({ length: 13 }, (_, index) => `R${index}`);
    const { client, grantingTicket } = await row(...names);
    const refusal = await refusalOf(() => requestServiceTicket(client, { grantingTicket, service: HTTP }));
    expect([refusal.code, refusal.statusName]).toEqual(['TOO_MANY_REFERRALS', 'SEC_E_MAX_REFERRALS_EXCEEDED']);
  });

  test('ten realms on the way are not too many', async () => {
    const names = Array.from({ length: 11 }, (_, index) => `R${index}`);
    const { client, grantingTicket } = await row(...names);
    const { ticket } = await requestServiceTicket(client, { grantingTicket, service: HTTP });
    expect(samePrincipal(ticket.server, HTTP)).toBe(true);
  });
});
