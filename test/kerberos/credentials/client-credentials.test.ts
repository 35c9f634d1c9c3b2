/** A client and its tickets, against a scripted KDC. */
import { describe, expect, test } from 'vitest';
import {
  ClientCredentials,
  type ClientCredentialsOptions,
  readTickets,
  writeTickets,
} from '../../../src/kerberos/credentials/index.ts';
import { parseKrb5Conf } from '../../../src/kerberos/files/index.ts';
import type { KerberosPolicy } from '../../../src/kerberos/kdc/index.ts';
import { KRB_ERROR_CODE, parsePrincipal, TICKET_FLAGS } from '../../../src/kerberos/messages/index.ts';
import { Secret } from '../../../src/sspi/index.ts';
import {
  ALICE,
  clientOf,
  HTTP,
  keysOf,
  NOON,
  networkOf,
  refusalOf,
  ScriptedKdc,
  type ScriptedKdcOptions,
  TestClock,
} from '../kdc/scripted-kdc.ts';

const REALM = 'EXAMPLE.COM';
const HOUR = 3_600_000;
const ALLOWED = [18];

function scene(
  more: Partial<ClientCredentialsOptions> = {},
  policy: Partial<KerberosPolicy> = {},
  options: Partial<ScriptedKdcOptions> = {},
) {
  const clock = new TestClock();
  const kdc = new ScriptedKdc({
    realm: REALM,
    clock,
    users: ['alice', 'bob'],
    services: ['HTTP/www.example.com', 'ldap/dc'],
    ...options,
  });
  const credentials = new ClientCredentials({
    kdc: clientOf(kdc, clock, policy),
    client: ALICE,
    realm: REALM,
    keys: keysOf('alice'),
    ...more,
  });
  return { clock, kdc, credentials };
}

const LOG_ON = ['AS alice', 'AS alice'];

describe('tickets of a credential handle', () => {
  test('a hundred contexts at once log on once and ask for the service once', async () => {
    const { kdc, credentials } = scene();
    const tickets = await Promise.all(Array.from({ length: 100 }, () => credentials.ticketFor({ service: HTTP })));
    expect(kdc.asked).toEqual([...LOG_ON, 'TGS HTTP/www.example.com']);
    expect(tickets).toHaveLength(100);
  });

  test('another service is asked for with the same ticket-granting ticket', async () => {
    const { kdc, credentials } = scene();
    await credentials.ticketFor({ service: HTTP });
    await credentials.ticketFor({ service: parsePrincipal('ldap/dc').name });
    await credentials.ticketFor({ service: HTTP });
    expect(kdc.asked).toEqual([...LOG_ON, 'TGS HTTP/www.example.com', 'TGS ldap/dc']);
  });

  test('what has ended is got anew', async () => {
    const { clock, kdc, credentials } = scene();
    await credentials.ticketFor({ service: HTTP });
    clock.time += 8 * HOUR;
    const ticket = await credentials.ticketFor({ service: HTTP });
    expect(ticket.endTime).toBe(NOON + 16 * HOUR);
    expect(kdc.asked).toHaveLength(6);
  });

  test('a renewable ticket is renewed instead, without the password', async () => {
    const { clock, kdc, credentials } = scene({}, { renewableLifetime: 48 * HOUR });
    await credentials.grantingTicket();
    clock.time += 8 * HOUR - 30_000;
    const renewed = await credentials.grantingTicket();
    expect(kdc.asked).toEqual([...LOG_ON, 'TGS krbtgt/EXAMPLE.COM']);
    expect(renewed.endTime).toBe(NOON + 16 * HOUR - 30_000);
  });

  test('when renewal is refused the password is used', async () => {
    const { clock, kdc, credentials } = scene({}, { renewableLifetime: 48 * HOUR });
    await credentials.grantingTicket();
    clock.time += 8 * HOUR - 30_000;
    kdc.lies = {
      error: (request) => (request === 'TGS' ? { errorCode: KRB_ERROR_CODE.KDC_ERR_TGT_REVOKED } : undefined),
    };
    await credentials.grantingTicket();
    expect(kdc.asked).toEqual([...LOG_ON, 'TGS krbtgt/EXAMPLE.COM', ...LOG_ON]);
  });

  test.each(['KRB_AP_ERR_TKT_EXPIRED', 'KRB_AP_ERR_MODIFIED'] as const)(
    'a KDC that no longer takes the ticket (%s) is given a fresh one, once',
    async (name) => {
      const { kdc, credentials } = scene();
      await credentials.grantingTicket();
      let refusals = 0;
      kdc.lies = {
        error: (request) => (request === 'TGS' && refusals++ === 0 ? { errorCode: KRB_ERROR_CODE[name] } : undefined),
      };
      await credentials.ticketFor({ service: HTTP });
      expect(kdc.asked).toEqual([...LOG_ON, 'TGS HTTP/www.example.com', ...LOG_ON, 'TGS HTTP/www.example.com']);
      kdc.lies = { error: (request) => (request === 'TGS' ? { errorCode: KRB_ERROR_CODE[name] } : undefined) };
      await refusalOf(() => credentials.ticketFor({ service: parsePrincipal('ldap/dc').name }));
      expect(kdc.asked).toHaveLength(6 + 4);
    },
  );

  test('a service that is not there is not remembered', async () => {
    const { kdc, credentials } = scene();
    const service = parsePrincipal('HTTP/nowhere').name;
    for (let i = 0; i < 2; i++)
      expect((await refusalOf(() => credentials.ticketFor({ service }))).code).toBe('SPN_UNKNOWN');
    expect(kdc.asked).toEqual([...LOG_ON, 'TGS HTTP/nowhere', 'TGS HTTP/nowhere']);
  });

  test('K12: user-to-user tickets are kept apart from others, and by the ticket of the other', async () => {
    const { kdc, credentials } = scene({}, {}, { services: ['bob'] });
    const bob = new ClientCredentials({
      kdc: credentials.kdc,
      client: parsePrincipal('bob').name,
      realm: REALM,
      keys: keysOf('bob'),
    });
    const secondTicket = (await bob.grantingTicket()).ticket;
    const service = parsePrincipal('bob').name;
    kdc.asked.length = 0;
    const first = await credentials.ticketFor({ service, secondTicket });
    await credentials.ticketFor({ service, secondTicket });
    const plain = await credentials.ticketFor({ service });
    expect(kdc.asked).toEqual([...LOG_ON, 'TGS bob', 'TGS bob']);
    expect([first.secondTicket === undefined, plain.secondTicket === undefined]).toEqual([false, true]);
  });

  test('a forwarded ticket is made of the own one', async () => {
    const { credentials } = scene({}, { forwardable: true });
    expect((await credentials.forwardedTicket()).has(TICKET_FLAGS.FORWARDED)).toBe(true);
  });

  test('the caller can give up, and others go on', async () => {
    const { credentials } = scene();
    const controller = new AbortController();
    const gone = refusalOf(() => credentials.ticketFor({ service: HTTP, signal: controller.signal }));
    const waits = credentials.ticketFor({ service: HTTP });
    controller.abort();
    expect((await gone).code).toBe('DEADLINE_EXCEEDED');
    expect((await waits).description).toContain('HTTP/www.example.com');
  });

  test('after dispose there is nothing left', async () => {
    const { credentials } = scene();
    const ticket = await credentials.ticketFor({ service: HTTP });
    credentials.dispose();
    expect((await refusalOf(() => credentials.ticketFor({ service: HTTP }))).code).toBe('INVALID_HANDLE');
    expect(() => ticket.sessionKey.reveal()).not.toThrow(); // a context under way keeps its own copy
  });
});

describe('across realms', () => {
  test('ticket-granting tickets on the way are kept, and krb5.conf says where a host is', async () => {
    const clock = new TestClock();
    const services = ['HTTP/a.other.com', 'HTTP/b.other.com'];
    const [here, there] = [
      new ScriptedKdc({ realm: REALM, clock, trusts: ['OTHER.COM'] }),
      new ScriptedKdc({ realm: 'OTHER.COM', clock, services }),
    ];
    const kdc = clientOf(networkOf([REALM, here], ['OTHER.COM', there]), clock);
    const settings = parseKrb5Conf('[domain_realm]\n.other.com = OTHER.COM\n');
    const credentials = new ClientCredentials({ kdc, client: ALICE, realm: REALM, keys: keysOf('alice'), settings });
    for (const service of services) await credentials.ticketFor({ service: parsePrincipal(service).name });
    expect(here.asked).toEqual([...LOG_ON, 'TGS krbtgt/OTHER.COM']);
    expect(there.asked).toEqual(['TGS HTTP/a.other.com', 'TGS HTTP/b.other.com']);
  });
});

describe('credential caches', () => {
  test('what is written is read again: tickets, times, flags, the offset of the clock', async () => {
    const { credentials } = scene({}, { forwardable: true, renewableLifetime: 24 * HOUR });
    const ticket = await credentials.ticketFor({ service: HTTP });
    credentials.kdc.clock.adopt(NOON + 90_000);
    const { owner, kdcOffset, tickets } = readTickets(credentials.toCredentialCache(), ALLOWED);
    expect([owner.name.nameString, owner.realm, kdcOffset]).toEqual([['alice'], REALM, 90_000]);
    expect(tickets.map(({ description }) => description)).toEqual([
      'krbtgt/EXAMPLE.COM@EXAMPLE.COM for alice@EXAMPLE.COM',
      'HTTP/www.example.com@EXAMPLE.COM for alice@EXAMPLE.COM',
    ]);
    const [, read] = tickets;
    expect(read?.ticket).toEqual(ticket.ticket);
    expect(read?.sessionKey.reveal()).toEqual(ticket.sessionKey.reveal());
    expect([read?.flags, read?.startTime, read?.endTime]).toEqual([ticket.flags, ticket.startTime, ticket.endTime]);
  });

  test('tickets from a file do without a key', async () => {
    const first = scene();
    await first.credentials.grantingTicket();
    const { tickets } = readTickets(first.credentials.toCredentialCache(), ALLOWED);
    const { kdc, credentials, clock } = scene({ keys: undefined, tickets });
    await credentials.ticketFor({ service: HTTP });
    expect(kdc.asked).toEqual(['TGS HTTP/www.example.com']);
    clock.time += 9 * HOUR;
    const refusal = await refusalOf(() => credentials.ticketFor({ service: HTTP }));
    expect([refusal.code, refusal.statusName]).toEqual(['NO_CREDENTIALS', 'SEC_E_NO_CREDENTIALS']);
  });

  test('a service ticket from a file is used as it is, with and without its realm', async () => {
    const first = scene();
    await first.credentials.ticketFor({ service: HTTP });
    const { tickets } = readTickets(first.credentials.toCredentialCache(), ALLOWED);
    const { kdc, credentials } = scene({ keys: undefined, tickets });
    await credentials.ticketFor({ service: HTTP });
    await credentials.ticketFor({ service: HTTP, realm: REALM });
    expect(kdc.asked).toEqual([]);
  });

  test('users.md: tickets of somebody else are not taken', async () => {
    const other = scene({ client: parsePrincipal('bob').name, keys: keysOf('bob') });
    const ticket = await other.credentials.grantingTicket();
    expect(() => scene({ tickets: [ticket] })).toThrow('is not of alice@EXAMPLE.COM');
  });

  test('users.md: a file that holds tickets of several clients gives those of its owner', async () => {
    const [own, strange] = [scene(), scene({ client: parsePrincipal('bob').name, keys: keysOf('bob') })];
    const both = [await own.credentials.grantingTicket(), await strange.credentials.ticketFor({ service: HTTP })];
    const file = writeTickets({ owner: { name: ALICE, realm: REALM }, kdcOffset: 0, tickets: both });
    const { tickets } = readTickets(file, ALLOWED);
    expect(tickets.map(({ client }) => client.nameString[0])).toEqual(['alice']);
  });

  test('Z39: tickets with session keys of types that are not allowed are left out', async () => {
    const { credentials } = scene();
    await credentials.grantingTicket();
    expect(readTickets(credentials.toCredentialCache(), [20]).tickets).toEqual([]);
  });

  test('a file cut off anywhere is FILE_MALFORMED or a shorter list', async () => {
    const { credentials } = scene();
    await credentials.ticketFor({ service: HTTP });
    const octets = credentials.toCredentialCache();
    for (let length = 0; length < octets.length; length++) {
      const outcome = (() => {
        try {
          return readTickets(octets.subarray(0, length), ALLOWED).tickets.length;
        } catch (error) {
          return error;
        }
      })();
      if (typeof outcome === 'number') expect(outcome).toBeLessThan(2);
      else expect(outcome).toMatchObject({ code: 'FILE_MALFORMED' });
    }
  });
});

describe('passwords', () => {
  test('without the old one none can be changed', async () => {
    const { credentials } = scene({ keys: undefined });
    const refusal = await refusalOf(() => credentials.changePassword(Secret.fromText('new')));
    expect(refusal.code).toBe('NO_CREDENTIALS');
  });
});
