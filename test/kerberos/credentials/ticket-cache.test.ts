/** Tickets that are there already. */
import { describe, expect, test } from 'vitest';
import { systemHost } from '../../../src/host/index.ts';
import { TicketCache, type TicketKey } from '../../../src/kerberos/credentials/index.ts';
import { encryptionType, KerberosKey } from '../../../src/kerberos/encryption/index.ts';
import { KerberosTicket, type KerberosTicketFields } from '../../../src/kerberos/kdc/index.ts';
import { parsePrincipal, TICKET_FLAGS } from '../../../src/kerberos/messages/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { NOON, refusalOf, TestClock } from '../kdc/scripted-kdc.ts';
import { settled } from '../kdc/test-timer.ts';

const HOUR = 3_600_000;

function ticket(fields: Partial<KerberosTicketFields> = {}): KerberosTicket {
  const server = parsePrincipal('HTTP/www.example.com').name;
  return new KerberosTicket({
    client: parsePrincipal('alice').name,
    clientRealm: 'R',
    server,
    serverRealm: 'R',
    ticket: {
      tktVno: 5,
      realm: 'R',
      sname: server,
      encPart: { etype: 18, kvno: undefined, cipher: new Uint8Array(1) },
    },
    sessionKey: KerberosKey.generate(encryptionType(18), systemHost.random),
    flags: 0,
    authTime: NOON,
    startTime: NOON,
    endTime: NOON + HOUR,
    ...fields,
  });
}

function key(owner = 'alice@R', service = 'HTTP/www.example.com', more: Partial<TicketKey> = {}): TicketKey {
  return { owner, service: parsePrincipal(service).name, ...more };
}

function scene(options: { capacity?: number; margin?: number } = {}) {
  const clock = new TestClock();
  return { clock, cache: new TicketCache({ clock, ...options }) };
}

const never = (): Promise<KerberosTicket> => Promise.reject(new Error('it was to be there'));
const octetsOf = (one: KerberosTicket): string => Buffer.from(one.sessionKey.reveal().keyvalue).toString('hex');

describe('single flight', () => {
  test('a hundred at once ask once, and each has a copy of its own', async () => {
    const { cache } = scene();
    let asked = 0;
    const acquire = async (): Promise<KerberosTicket> => {
      asked++;
      await settled();
      return ticket();
    };
    const got = await Promise.all(Array.from({ length: 100 }, () => cache.get(key(), acquire)));
    expect(asked).toBe(1);
    expect(new Set(got.map(octetsOf)).size).toBe(1);
    got[0]?.dispose();
    expect(() => got[1]?.sessionKey.reveal()).not.toThrow();
    expect(octetsOf(await cache.get(key(), never))).toBe(octetsOf(got[1] ?? ticket()));
  });

  test('all of them hear of a failure, and the next one tries again', async () => {
    const { cache } = scene();
    let asked = 0;
    const acquire = async (): Promise<KerberosTicket> => {
      await settled();
      if (asked++ === 0) throw new SspiError('KDC_UNREACHABLE', { stage: 'test' });
      return ticket();
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => cache.get(key(), acquire)));
    expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
    await cache.get(key(), acquire);
    expect(asked).toBe(2);
  });

  test('one who gives up leaves the others waiting; the last one ends it', async () => {
    const { cache } = scene();
    let landed: (one: KerberosTicket) => void = () => undefined;
    let within: AbortSignal | undefined;
    const acquire = (signal: AbortSignal): Promise<KerberosTicket> => {
      within = signal;
      return new Promise((resolve) => {
        landed = resolve;
      });
    };
    const [first, second, third] = [new AbortController(), new AbortController(), new AbortController()];
    const waiting = [first, second, third].map((one) =>
      cache.get(key(), acquire, one.signal).catch((error: unknown) => error),
    );
    first.abort(new Error('first'));
    expect(await waiting[0]).toEqual(new Error('first'));
    expect(within?.aborted).toBe(false);
    second.abort(new Error('second'));
    third.abort(new Error('third'));
    expect(await waiting[2]).toEqual(new Error('third'));
    expect(within?.aborted).toBe(true);
    landed(ticket()); // too late: it goes nowhere
    await settled();
    expect(cache.size).toBe(0);
  });

  test('who has given up already gets nothing and starts nothing that lasts', async () => {
    const { cache } = scene();
    const gone = AbortSignal.abort(new Error('gone'));
    let within: AbortSignal | undefined;
    const acquire = (signal: AbortSignal): Promise<KerberosTicket> => {
      within = signal;
      return new Promise(() => undefined);
    };
    await expect(cache.get(key(), acquire, gone)).rejects.toThrow('gone');
    expect(within?.aborted).toBe(true);
  });
});

describe('whose ticket it is', () => {
  test('users.md: a cache that many share never gives one the ticket of another', async () => {
    const { cache } = scene();
    const owners = Array.from({ length: 20 }, (_, index) => `user${index}@R`);
    const acquire = async (owner: string): Promise<KerberosTicket> => {
      await settled();
      return ticket({ client: parsePrincipal(owner).name });
    };
    const asks = Array.from({ length: 400 }, (_, index) => owners[index % 20] ?? '');
    const got = await Promise.all(asks.map((owner) => cache.get(key(owner), () => acquire(owner))));
    for (const [index, owner] of asks.entries()) expect(`${got[index]?.client.nameString[0]}@R`).toBe(owner);
    expect(cache.size).toBe(20);
  });

  test('names that read alike when joined are not the same', () => {
    const { cache } = scene();
    cache.put({ owner: 'a@R', service: { nameType: 1, nameString: ['b/c'] } }, ticket());
    expect(cache.find({ owner: 'a@R', service: { nameType: 1, nameString: ['b', 'c'] } })).toBeUndefined();
    expect(cache.find({ owner: 'a@R","b', service: { nameType: 1, nameString: ['c'] } })).toBeUndefined();
    cache.put(key('alice@R'), ticket());
    expect(cache.of('alice@R","HTTP')).toEqual([]);
    expect(cache.of('alice@R')).toHaveLength(1);
  });

  test('realm and variant tell tickets apart', () => {
    const { cache } = scene();
    cache.put(key('a@R', 'HTTP/x', { realm: 'A' }), ticket());
    expect(cache.find(key('a@R', 'HTTP/x', { realm: 'B' }))).toBeUndefined();
    expect(cache.find(key('a@R', 'HTTP/x', { realm: 'A', variant: 'u2u' }))).toBeUndefined();
    expect(cache.find(key('a@R', 'HTTP/x', { realm: 'A' }))).toBeDefined();
  });

  test('the name type does not', () => {
    const { cache } = scene();
    cache.put({ owner: 'a@R', service: parsePrincipal('HTTP/x', 2).name }, ticket());
    expect(cache.find({ owner: 'a@R', service: parsePrincipal('HTTP/x', 3).name })).toBeDefined();
  });
});

describe('time', () => {
  test('a ticket that ends within a minute is not given out', async () => {
    const { cache, clock } = scene();
    cache.put(key(), ticket());
    clock.time += HOUR - 60_001;
    expect(cache.find(key())).toBeDefined();
    clock.time += 1;
    expect(cache.find(key())).toBeUndefined();
    expect(cache.size).toBe(1); // it can still be renewed, if it can be renewed
    clock.time += 60_000;
    expect(cache.find(key())).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  test('one that has not begun is not given out, except within the skew', () => {
    const { cache } = scene();
    cache.put(key(), ticket({ startTime: NOON + 300_000 }));
    expect(cache.find(key())).toBeDefined();
    cache.put(key(), ticket({ startTime: NOON + 300_001 }));
    expect(cache.find(key())).toBeUndefined();
  });

  test('an invalid one is not given out', () => {
    const { cache } = scene();
    cache.put(key(), ticket({ flags: TICKET_FLAGS.INVALID }));
    expect(cache.find(key())).toBeUndefined();
  });

  test('what can be renewed is found as long as it lasts', () => {
    const { cache, clock } = scene();
    cache.put(key(), ticket({ flags: TICKET_FLAGS.RENEWABLE, renewTill: NOON + 2 * HOUR }));
    expect(cache.findRenewable(key())).toBeDefined();
    clock.time += HOUR;
    expect(cache.findRenewable(key())).toBeUndefined();
    cache.put(key(), ticket({ endTime: NOON + 3 * HOUR }));
    expect(cache.findRenewable(key())).toBeUndefined();
  });
});

describe('room', () => {
  test('the one that was not used for longest goes first, and is wiped', () => {
    const { cache } = scene({ capacity: 2 });
    const first = ticket();
    cache.put(key('a@R', 'x/1'), first);
    cache.put(key('a@R', 'x/2'), ticket());
    cache.find(key('a@R', 'x/1'));
    cache.put(key('a@R', 'x/3'), ticket());
    expect(cache.find(key('a@R', 'x/2'))).toBeUndefined();
    expect(cache.find(key('a@R', 'x/1'))).toBeDefined();
    cache.put(key('a@R', 'x/4'), ticket());
    cache.put(key('a@R', 'x/5'), ticket());
    expect(cache.size).toBe(2);
    expect(() => first.sessionKey.reveal()).toThrow('disposed');
  });

  test('a ticket that is replaced or removed is wiped', () => {
    const { cache } = scene();
    const [old, other] = [ticket(), ticket()];
    cache.put(key(), old);
    cache.put(key(), other);
    expect(() => old.sessionKey.reveal()).toThrow('disposed');
    cache.remove(key());
    expect(() => other.sessionKey.reveal()).toThrow('disposed');
  });

  test('dispose wipes all, and ends what is under way', async () => {
    const { cache } = scene();
    const kept = ticket();
    cache.put(key(), kept);
    let within: AbortSignal | undefined;
    const waiting = cache.get(key('bob@R'), (signal) => {
      within = signal;
      return new Promise(() => undefined);
    });
    cache.dispose();
    expect((await refusalOf(() => waiting)).code).toBe('INVALID_HANDLE');
    expect(within?.aborted).toBe(true);
    expect(() => kept.sessionKey.reveal()).toThrow('disposed');
    expect((await refusalOf(() => cache.get(key(), never))).code).toBe('INVALID_HANDLE');
  });
});
