/** Contexts of Kerberos that go on in another process (L6): messages, numbers, who the client is; and states that are none. */
import { describe, expect, test } from 'vitest';
import { concat, toHex } from '../../src/crypto/index.ts';
import { DerError } from '../../src/der/index.ts';
import { kerberosPackage, PAC_TYPE, pacAuthorizationData, signPac, TICKET_FLAGS } from '../../src/kerberos/index.ts';
import { ISC_REQ, type SecurityContext, SspiError, type TokenProtection, toFileTime } from '../../src/sspi/index.ts';
import { present } from '../api/door.ts';
import { pacContents, type TestRealm, type TicketOptions } from '../support/kdc.ts';
import { converse } from '../support/loop.ts';
import { hex, octets, vectorCases } from '../support/vectors.ts';
import { acceptor, clientWith, initiator, MUTUAL, NOW, realmOf, SERVICE, stillHost } from './ap-support.ts';

const text = new TextEncoder();

interface Ends {
  readonly client: SecurityContext;
  readonly server: SecurityContext;
}

async function established(realm: TestRealm, ticket: TicketOptions = {}, flags: number = MUTUAL): Promise<Ends> {
  const encryptionTypes = [realm.etype]; // RC4 only for who asks for it
  const [client, server] = [
    initiator(clientWith(realm, ticket, { encryptionTypes }), { flags }),
    await acceptor(realm, { encryptionTypes }),
  ];
  const { initiatorError, acceptorError } = await converse(client, server);
  expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
  return { client, server };
}

function stateOf(context: SecurityContext): Uint8Array {
  return present(kerberosPackage.exportContext)(context);
}

async function arrived(state: Uint8Array): Promise<SecurityContext> {
  // Another host: nothing but the state comes with it.
  return present(kerberosPackage.importContext)(state, stillHost(NOW + 1000, 77));
}

function messagesOf({ messages }: SecurityContext): TokenProtection {
  if (messages.kind !== 'token') throw new TypeError('Kerberos protects messages by tokens');
  return messages;
}

function passes(from: SecurityContext, to: SecurityContext, message: string): void {
  const token = messagesOf(from).wrap(text.encode(message));
  expect(Buffer.from(messagesOf(to).unwrap(token)).toString()).toBe(message);
}

describe('a context that moves', () => {
  test.each([17, 18, 19, 20, 23])('L6: goes on where it stood, whichever side it is: etype %i', async (etype) => {
    for (const moved of ['client', 'server'] as const) {
      const ends = await established(realmOf(etype));
      passes(ends.client, ends.server, 'one');
      passes(ends.client, ends.server, 'two');
      passes(ends.server, ends.client, 'back');
      const there = { ...ends, [moved]: await arrived(stateOf(ends[moved])) };
      passes(there.client, there.server, 'three');
      passes(there.server, there.client, 'back again');
      const signature = messagesOf(there.client).sign(text.encode('signed'));
      messagesOf(there.server).verify(text.encode('signed'), signature);
      // What was heard before the move is not heard again behind it.
      expect(() => messagesOf(there.server).verify(text.encode('signed'), signature)).toThrow(
        expect.objectContaining({ code: 'MESSAGE_OUT_OF_ORDER' }),
      );
      for (const attribute of ['FLAGS', 'LIFESPAN', 'NATIVE_NAMES', 'NAMES', 'SIZES', 'KEY_INFO'] as const)
        expect(there[moved].query(attribute)).toEqual(ends[moved].query(attribute));
      expect(there[moved].query('SESSION_KEY').sessionKey.reveal()).toEqual(
        ends[moved].query('SESSION_KEY').sessionKey.reveal(),
      );
    }
  });

  test('L6: where messages may be missing, one that was here stays refused, and one that was not is taken', async () => {
    const flags = ISC_REQ.CONFIDENTIALITY | ISC_REQ.REPLAY_DETECT;
    const { client, server } = await established(realmOf(), {}, flags);
    const [first, late, third] = ['first', 'late', 'third'].map((word) => messagesOf(client).wrap(text.encode(word)));
    messagesOf(server).unwrap(present(first));
    messagesOf(server).unwrap(present(third));
    const there = await arrived(stateOf(server));
    expect(() => messagesOf(there).unwrap(present(third))).toThrow(SspiError);
    expect(Buffer.from(messagesOf(there).unwrap(present(late))).toString()).toBe('late');
    expect(() => messagesOf(there).unwrap(present(late))).toThrow(SspiError);
  });

  test('L6, Q3: a server knows elsewhere what it knew of its client: names, groups, claims, the ticket handed on', async () => {
    const realm = realmOf();
    const published = present(
      vectorCases('kerberos-files-pac').find((one) => one['name'] === 'MarshaledPAC_ClientClaimsInfoStr'),
    );
    const claims = { type: PAC_TYPE.CLIENT_CLAIMS, data: octets(published, 'hex') };
    const { server } = await established(
      realm,
      {
        pac: 'none',
        flags: TICKET_FLAGS.OK_AS_DELEGATE | TICKET_FLAGS.FORWARDABLE,
        changePart: (part) => ({
          ...part,
          authorizationData: pacAuthorizationData(
            signPac([...pacContents(part), claims], {
              serviceKey: realm.key(SERVICE),
              krbtgtKey: realm.krbtgtKey,
              ticketPart: undefined,
            }),
          ),
        }),
      },
      MUTUAL | ISC_REQ.DELEGATE | ISC_REQ.IDENTIFY,
    );
    const before = server.query('ACCESS_TOKEN');
    const there = await arrived(stateOf(server));
    const { delegated, ...after } = there.query('ACCESS_TOKEN');
    const { delegated: handedOn, ...expected } = before;
    expect(after).toEqual(expected);
    expect(after.authorization?.claims).toEqual([
      { id: 'ad://ext/sAMAccountName:88d5d9085ea5c0c0', type: 'string', values: ['testuser1'] },
    ]);
    expect([after.identifyOnly, after.principal]).toEqual([true, 'alice@EXAMPLE.TEST']);
    expect(present(delegated).ccache.reveal()).toEqual(present(handedOn).ccache.reveal());
    expect(there.query('PASSWORD_EXPIRY')).toEqual(server.query('PASSWORD_EXPIRY'));
    // Each one who asks gets a copy, and the context keeps its own.
    delegated?.ccache.dispose();
    expect(present(there.query('ACCESS_TOKEN').delegated).ccache.disposed).toBe(false);
    there.dispose();
    expect(() => there.query('ACCESS_TOKEN')).toThrow(SspiError);
  });

  test('L6: neither a stream that broke nor a context of another package', async () => {
    const { client, server } = await established(realmOf());
    expect(() => messagesOf(server).unwrap(new Uint8Array(40))).toThrow(SspiError);
    expect(() => stateOf(server)).toThrow(expect.objectContaining({ code: 'MALFORMED_TOKEN' }));
    client.dispose();
    expect(() => stateOf(client)).toThrow(SspiError);
  });
});

/** Header and contents of the values one behind the other: enough DER to take a state apart and put it together again. */
function valuesIn(der: Uint8Array): { readonly tag: number; readonly contents: Uint8Array }[] {
  const values: { tag: number; contents: Uint8Array }[] = [];
  for (let at = 0; at < der.length; ) {
    const first = der[at + 1] ?? 0;
    const size = first < 128 ? 0 : first & 127;
    const length = size === 0 ? first : Number.parseInt(toHex(der.subarray(at + 2, at + 2 + size)), 16);
    const start = at + 2 + size;
    values.push({ tag: der[at] ?? 0, contents: der.subarray(start, start + length) });
    at = start + length;
  }
  return values;
}

function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const contents = concat(...content);
  const { length } = contents;
  const header = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255];
  // Lengths of 128 to 255 have a shorter form.
  return concat(Uint8Array.from(length > 127 && length < 256 ? [tag, 0x81, length] : header), contents);
}

const number = (octetsOfIt: string): Uint8Array => tlv(0x02, hex(octetsOfIt));
const flag = (value: boolean): Uint8Array => tlv(0x01, Uint8Array.of(value ? 0xff : 0));

/** @param changes - by number of the field; undefined leaves it out */
function changed(state: Uint8Array, changes: Readonly<Record<number, Uint8Array | undefined>>): Uint8Array {
  const fields = valuesIn(present(valuesIn(state)[0]).contents).filter(({ tag }) => !(tag - 0xa0 in changes));
  const written = fields.map(({ tag, contents }) => ({ tag, octets: tlv(tag, contents) }));
  for (const [at, value] of Object.entries(changes))
    if (value !== undefined) written.push({ tag: 0xa0 + Number(at), octets: tlv(0xa0 + Number(at), value) });
  return tlv(0x30, ...written.toSorted((a, b) => a.tag - b.tag).map(({ octets: one }) => one));
}

async function refused(state: Uint8Array): Promise<void> {
  const error: unknown = await arrived(state).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof DerError) return;
  expect(error).toBeInstanceOf(SspiError);
  expect(['MALFORMED_TOKEN', 'ENCRYPTION_TYPE_REFUSED']).toContain((error as SspiError).code);
}

describe('L6: a state that is none', () => {
  test('cut anywhere, or with something behind it', async () => {
    const whole = stateOf((await established(realmOf())).server);
    expect(toHex(changed(whole, {}))).toBe(toHex(whole));
    for (let cut = 0; cut < whole.length; cut++) await refused(whole.subarray(0, cut));
    await refused(concat(whole, Uint8Array.of(0)));
    for (let at = 0; at <= 10; at++) await refused(changed(whole, { [at]: undefined }));
  });

  const received = (next: string) =>
    tlv(0x30, ...[number(next), number('00'), flag(true), flag(false)].map((value, at) => tlv(0xa0 + at, value)));
  const key = (etype: number, length: number) =>
    tlv(0x30, tlv(0xa0, tlv(2, Uint8Array.of(etype))), tlv(0xa1, tlv(4, new Uint8Array(length))));

  test.each<[string, Record<number, Uint8Array | undefined>]>([
    ['a server without a client', { 11: undefined }],
    ['a client that knows its client', { 0: flag(false) }],
    ['a key of a type that there is not', { 2: key(99, 16) }],
    ['a key that is too short', { 2: key(18, 31) }],
    ['no key', { 2: key(18, 0) }],
    ['a number below zero', { 4: number('ff') }],
    ['a number of 54 bits', { 4: number('20000000000000') }],
    ['the same of the other direction', { 5: received('20000000000000') }],
    ['33 bits under RC4', { 2: key(23, 16), 4: number('0100000000') }],
    ['the same of the other direction, under RC4', { 2: key(23, 16), 4: number('00'), 5: received('0100000000') }],
    ['flags of 33 bits', { 1: number('0100000000') }],
    ['a name that is no text', { 9: tlv(0x0c, hex('ff')) }],
    ['a client without a name', { 11: tlv(0x30) }],
  ])('%s', async (_, changes) => {
    await refused(changed(stateOf((await established(realmOf())).server), changes));
  });

  test('controls: what the changes above are made of is good', async () => {
    const state = stateOf((await established(realmOf())).server);
    const good = { 2: key(18, 32), 4: number('1fffffffffffff'), 5: received('1fffffffffffff') };
    expect((await arrived(changed(state, good))).state).toBe('established');
    const rc4 = { 2: key(23, 16), 4: number('00ffffffff'), 5: received('00ffffffff') };
    expect((await arrived(changed(state, rc4))).query('LIFESPAN').start).toBe(toFileTime(NOW - 3_600_000));
  });
});
