import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/der/index.ts';
import { type KerberosTicket, requestServiceTicket } from '../../src/kerberos/kdc/index.ts';
import { KRB_ERROR_CODE, KrbError, parsePrincipal, Ticket } from '../../src/kerberos/messages/index.ts';
import type { KdcFaults, LabAccountState } from '../../src/lab/index.ts';
import { NTSTATUS, SspiError } from '../../src/sspi/index.ts';
import { clientOf, labKdc, logOn, NOW, opened, PASSWORD, SERVICE } from './realm.ts';

const HOUR = 3_600_000;
const service = parsePrincipal(SERVICE).name;

describe('accounts that may not log on', () => {
  const statuses: readonly [LabAccountState, string, number][] = [
    ['disabled', PASSWORD, NTSTATUS.ACCOUNT_DISABLED],
    ['disabled', 'wrong', NTSTATUS.ACCOUNT_DISABLED],
    ['locked', PASSWORD, NTSTATUS.ACCOUNT_LOCKED_OUT],
    ['expired', PASSWORD, NTSTATUS.ACCOUNT_EXPIRED],
    ['must-change', PASSWORD, NTSTATUS.PASSWORD_MUST_CHANGE],
  ];

  test.each(statuses)('K11: %s, password %s', async (state, password, ntStatus) => {
    using kdc = labKdc({ accounts: [{ user: 'dora', password: PASSWORD, state }] });
    const logon = logOn(clientOf([kdc]), 'dora', { password });
    await expect(logon).rejects.toMatchObject({ code: 'ACCOUNT_RESTRICTED', ntStatus });
  });

  test('K11: who does not know the password does not learn that it must be changed', async () => {
    using kdc = labKdc({ accounts: [{ user: 'dora', password: PASSWORD, state: 'must-change' }] });
    const logon = logOn(clientOf([kdc]), 'dora', { password: 'wrong' });
    await expect(logon).rejects.toMatchObject({ code: 'LOGON_DENIED', ntStatus: NTSTATUS.WRONG_PASSWORD });
  });

  test('K11: a wrong password, a user that is not there', async () => {
    using kdc = labKdc();
    const denied = { code: 'LOGON_DENIED' };
    await expect(logOn(clientOf([kdc]), 'alice', { password: 'wrong' })).rejects.toMatchObject(denied);
    await expect(logOn(clientOf([kdc]), 'nobody')).rejects.toMatchObject({
      ...denied,
      ntStatus: NTSTATUS.NO_SUCH_USER,
    });
  });
});

describe('faults on request', () => {
  const inAs: readonly [string, KdcFaults, string][] = [
    ['tickets that are over', { expiredTickets: true }, 'TICKET_EXPIRED'],
    ['an encryption type that was not offered', { encryptionType: 23 }, 'ENCRYPTION_TYPE_REFUSED'],
    ['another key than the client has', { wrongKey: 'answer' }, 'DECRYPT_FAILURE'],
    ['an answer cut short', { truncateTo: 100 }, 'MALFORMED_TOKEN'],
    ['the last octet flipped', { answers: ['AS-REP'], flipOctet: -1 }, 'DECRYPT_FAILURE'],
    ['silence', { silent: true }, 'KDC_UNREACHABLE'],
    ['an answer that comes too late', { slow: 1_000 }, 'KDC_UNREACHABLE'],
    ['a clock that it insists on', { errorCode: KRB_ERROR_CODE.KRB_AP_ERR_SKEW }, 'TIME_SKEW'],
    ['a policy', { errorCode: KRB_ERROR_CODE.KDC_ERR_POLICY }, 'KDC_POLICY'],
    [
      'no pre-authentication that we have',
      { errorCode: KRB_ERROR_CODE.KDC_ERR_PADATA_TYPE_NOSUPP },
      'PREAUTHENTICATION_UNSUPPORTED',
    ],
    ['another nonce', { forgeAnswer: (part) => ({ ...part, nonce: part.nonce ^ 1 }) }, 'KDC_REPLY_MISMATCH'],
    ['another realm', { forgeAnswer: (part) => ({ ...part, srealm: 'EVIL.EXAMPLE' }) }, 'KDC_REPLY_MISMATCH'],
    ['another service', { forgeAnswer: (part) => ({ ...part, sname: service }) }, 'KDC_REPLY_MISMATCH'],
    [
      'a longer life than was asked for',
      { forgeAnswer: (part) => ({ ...part, endtime: part.endtime + HOUR }) },
      'KDC_REPLY_MISMATCH',
    ],
  ];

  test.each(inAs)('Z41, Z50: AS exchange: %s', async (_, faults, code) => {
    using kdc = labKdc();
    kdc.faults = faults;
    await expect(logOn(clientOf([kdc]))).rejects.toMatchObject({ name: 'SspiError', code });
  });

  const inTgs: readonly [string, KdcFaults, string][] = [
    ['services that it does not know', { unknownServices: true }, 'SPN_UNKNOWN'],
    ['tickets that are over', { expiredTickets: true }, 'TICKET_EXPIRED'],
    ['an encryption type that was not offered', { encryptionType: 23 }, 'DECRYPT_FAILURE'],
    ['another key than the subkey', { wrongKey: 'answer' }, 'DECRYPT_FAILURE'],
    ['an answer cut short', { truncateTo: 700 }, 'MALFORMED_TOKEN'],
    ['the last octet flipped', { flipOctet: -1 }, 'DECRYPT_FAILURE'],
    ['silence', { silent: true }, 'KDC_UNREACHABLE'],
    ['a ticket that has expired', { errorCode: KRB_ERROR_CODE.KRB_AP_ERR_TKT_EXPIRED }, 'TICKET_EXPIRED'],
    ['another nonce', { forgeAnswer: (part) => ({ ...part, nonce: part.nonce ^ 1 }) }, 'KDC_REPLY_MISMATCH'],
    [
      'another service',
      { forgeAnswer: (part) => ({ ...part, sname: parsePrincipal('HTTP/evil.example').name }) },
      'KDC_REPLY_MISMATCH',
    ],
    ['another realm', { forgeAnswer: (part) => ({ ...part, srealm: 'EVIL.EXAMPLE' }) }, 'KDC_REPLY_MISMATCH'],
  ];

  test.each(inTgs)('Z41, Z50: TGS exchange: %s', async (_, faults, code) => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    kdc.faults = faults;
    const asked = requestServiceTicket(client, { grantingTicket: granting, service });
    await expect(asked).rejects.toMatchObject({ name: 'SspiError', code });
  });

  test('K8: a client whose clock is wrong goes by the clock of the KDC', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc], { ahead: -HOUR });
    using ticket = await logOn(client);
    expect(ticket.authTime).toBe(NOW);
    expect(client.clock.offset).toBe(HOUR);
  });

  test('K8: the other way round, a KDC whose clock is wrong', async () => {
    using kdc = labKdc();
    kdc.faults = { clockAhead: 2 * HOUR };
    const client = clientOf([kdc]);
    using ticket = await logOn(client);
    expect(ticket.authTime).toBe(NOW + 2 * HOUR);
  });

  test('an answer that is only slow is an answer', async () => {
    using kdc = labKdc();
    kdc.faults = { slow: 10 };
    using ticket = await logOn(clientOf([kdc]));
    expect(ticket.authTime).toBe(NOW);
  });

  test('a ticket that its service cannot read', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    kdc.faults = { wrongKey: 'ticket' };
    const { ticket } = await requestServiceTicket(client, { grantingTicket: granting, service });
    await expect(opened(kdc, ticket, SERVICE)).rejects.toMatchObject({ code: 'DECRYPT_FAILURE' });
  });

  test('a ticket with other contents than the KDC would have written', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    kdc.faults = { forgeTicket: (part) => ({ ...part, crealm: 'EVIL.EXAMPLE' }) };
    const { ticket } = await requestServiceTicket(client, { grantingTicket: granting, service });
    expect((await opened(kdc, ticket, SERVICE)).crealm).toBe('EVIL.EXAMPLE');
  });
});

describe('bad input to the KDC', () => {
  const codeOf = (answer: Uint8Array): number => decode(KrbError, answer).errorCode;

  test('C17: whatever comes, there is an answer, and it is a KRB-ERROR', async () => {
    using kdc = labKdc();
    const inputs = [
      new Uint8Array(0),
      Uint8Array.of(0x6a),
      Uint8Array.of(0x6a, 0x84, 0xff, 0xff, 0xff, 0xff),
      Uint8Array.of(0x6c, 0x80),
      new Uint8Array(5_000).fill(0x6a),
      new Uint8Array(100).fill(0x30),
    ];
    for (const input of inputs) expect([40, 60]).toContain(codeOf(await kdc.handle(input)));
  });

  test('Z6, C17: every cut of real requests', async () => {
    using kdc = labKdc();
    const requests: Uint8Array[] = [];
    const handle = kdc.handle.bind(kdc);
    kdc.handle = async (request) => {
      requests.push(request);
      return await handle(request);
    };
    kdc.handleDatagram = kdc.handle;
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    await requestServiceTicket(client, { grantingTicket: granting, service });
    expect(requests.length).toBeGreaterThanOrEqual(3); // AS twice and TGS; one more when a reply takes the way over TCP
    for (const request of requests)
      for (let end = 1; end < request.length; end += 3)
        expect(codeOf(await handle(request.subarray(0, end)))).toBe(KRB_ERROR_CODE.KRB_ERR_GENERIC);
  });

  test('Z33, Z41: a TGS-REQ with any octet flipped is refused, or is a request that the client may make', async () => {
    using kdc = labKdc();
    let message: Uint8Array = new Uint8Array(0);
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    const handle = kdc.handle.bind(kdc);
    kdc.handle = async (request) => {
      message = request;
      return await handle(request);
    };
    await requestServiceTicket(client, { grantingTicket: granting, service });
    const accepted: number[] = [];
    for (let at = 0; at < message.length; at++) {
      const flipped = Uint8Array.from(message);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      if ((await handle(flipped))[0] !== 0x7e) accepted.push(at);
    }
    expect(message.length).toBeGreaterThan(1_000);
    // Nobody protects the ap-options (five octets), which mean nothing here, and the type of a name, which is a hint (RFC 4120 6.2).
    expect(accepted.length).toBeLessThanOrEqual(6);
  });
});

test('Z41: an answer with any octet flipped is a typed error, or changes nothing that the client goes by', async () => {
  using kdc = labKdc();
  const recorded = await recordedTgs(kdc);
  const passed: number[] = [];
  for (let at = 0; at < recorded.answer.length; at++) {
    const flipped = Uint8Array.from(recorded.answer);
    flipped[at] = (flipped[at] ?? 0) ^ 1;
    const result = await recorded.replay(flipped).catch((error: unknown) => error);
    if (result instanceof SspiError) continue;
    expect(result).toMatchObject(recorded.facts);
    passed.push(at);
  }
  // What is encrypted for the service is for the service to judge. Outside of it only name types, which are hints (RFC 4120 6.2).
  const { start, end } = recorded.ticket;
  expect(passed.filter((at) => at < start || at >= end).length).toBeLessThanOrEqual(1);
  expect(passed.filter((at) => at >= start && at < end).length).toBeGreaterThan(500);
});

/** A TGS exchange that can be run again octet for octet with another answer. */
async function recordedTgs(kdc: ReturnType<typeof labKdc>) {
  const client = clientOf([kdc]);
  const granting = await logOn(client);
  let answer: Uint8Array = new Uint8Array(0);
  const run = async (exchange: (message: Uint8Array) => Promise<Uint8Array>): Promise<KerberosTicket> => {
    let seed = 0;
    const random = { bytes: (length: number) => Uint8Array.from({ length }, () => (seed = (seed * 31 + 7) & 0xff)) };
    const network = { exchange: ({ message }: { readonly message: Uint8Array }) => exchange(message) };
    const found = await requestServiceTicket({ ...client, random, network }, { grantingTicket: granting, service });
    return found.ticket;
  };
  const first = await run(async (message) => (answer = await kdc.handle(message)));
  const { client: name, clientRealm, server, serverRealm, startTime, endTime, flags } = first;
  const facts = {
    client: { nameString: name.nameString },
    clientRealm,
    server: { nameString: server.nameString },
    serverRealm,
    startTime,
    endTime,
    flags,
  };
  const ticket = Buffer.from(encode(Ticket, first.ticket));
  const start = Buffer.from(answer).indexOf(ticket);
  return {
    answer,
    facts,
    ticket: { start, end: start + ticket.length },
    replay: (flipped: Uint8Array) => run(async () => flipped),
  };
}
