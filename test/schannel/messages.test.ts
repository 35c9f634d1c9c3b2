/** EncryptMessage, DecryptMessage and shutdown over TLS records (contract §2.4). */
import { createCipheriv, createHmac, randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { schannelPackage } from '../../src/schannel/index.ts';
import {
  contentOf,
  SEC_E,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  type StreamProtection,
  secBuffer,
} from '../../src/sspi/index.ts';
import { accept, desc, door, named, present } from '../api/door.ts';
import {
  connected,
  EMPTY,
  failureOf,
  inbound,
  octetsOf,
  pair,
  selfSigned,
  stepped,
  streamOf,
  TLS1_2,
  TLS1_3,
  VARIANTS,
} from './support.ts';

async function streams(
  enabledProtocols: number,
  key = 'ec',
): Promise<{ client: StreamProtection; server: StreamProtection }> {
  const { client, server } = await connected({ enabledProtocols, key });
  return { client: streamOf(client), server: streamOf(server) };
}

describe.each(VARIANTS)('$version with $key', ({ key, enabledProtocols }) => {
  test('M1 M6: what one side encrypts, the other decrypts, both ways and many times', async () => {
    const { client, server } = await streams(enabledProtocols, key);
    for (const length of [1, 2, 100, 4096, 16_383, 16_384]) {
      for (const [from, to] of [
        [client, server],
        [server, client],
      ] as const) {
        const plaintext = new Uint8Array(randomBytes(length));
        const record = await from.encrypt(plaintext);
        const opened = await to.decrypt(record);
        expect(opened).toMatchObject({ kind: 'data', consumed: record.length });
        // Octet arrays of this size compare a hundred times faster this way.
        expect(opened.kind === 'data' && Buffer.from(plaintext).equals(opened.plaintext)).toBe(true);
      }
    }
  });
});

describe.each([
  ['TLSv1.2', TLS1_2],
  ['TLSv1.3', TLS1_3],
] as const)('%s', (version, enabledProtocols) => {
  test('X4 Q8: up to 16,384 octets make exactly one record, of the sizes that STREAM_SIZES promises', async () => {
    const { client } = await streams(enabledProtocols);
    const { header, trailer, maximumMessage, buffers } = client.streamSizes;
    expect([maximumMessage, buffers]).toEqual([16_384, 4]);
    for (const length of [1, 1000, 16_384]) {
      const record = await client.encrypt(new Uint8Array(length));
      expect(record.length).toBe(version === 'TLSv1.3' ? 5 + length + 17 : header + length + trailer);
      expect(new DataView(record.buffer).getUint16(3)).toBe(record.length - 5);
      expect(record[0]).toBe(23);
    }
    // Contract Q8: TLS 1.3: 5 and 17, with 27 for a KeyUpdate. TLS 1.2 with AES-GCM: 13 and 16; that is what OpenSSL prefers.
    expect([header, trailer]).toEqual(version === 'TLSv1.3' ? [5, 17 + 27] : [13, 16]);
  });

  test('M2: more than a record holds is refused, and the context lives on', async () => {
    const { client, server } = await streams(enabledProtocols);
    expect((await failureOf(client.encrypt(new Uint8Array(16_385)))).status).toBe(SEC_E.INVALID_TOKEN);
    const record = await client.encrypt(octetsOf('still here'));
    expect(await server.decrypt(record)).toMatchObject({ kind: 'data', plaintext: octetsOf('still here') });
  });

  test('M2: nothing encrypts to nothing', async () => {
    const { client } = await streams(enabledProtocols);
    expect(await client.encrypt(EMPTY)).toEqual(EMPTY);
  });

  test('M7: one record per call; the rest stays with the caller', async () => {
    const { client, server } = await streams(enabledProtocols);
    const one = await client.encrypt(octetsOf('one'));
    const two = await client.encrypt(octetsOf('two'));
    const both = Uint8Array.from([...one, ...two]);
    expect(await server.decrypt(both)).toEqual({ kind: 'data', plaintext: octetsOf('one'), consumed: one.length });
    expect(await server.decrypt(both.subarray(one.length))).toEqual({
      kind: 'data',
      plaintext: octetsOf('two'),
      consumed: two.length,
    });
  });

  test('M8: at every cut of a record the shortfall is told, and nothing changes', async () => {
    const { client, server } = await streams(enabledProtocols);
    const record = await client.encrypt(octetsOf('piecemeal'));
    for (let cut = 0; cut < record.length; cut++) {
      const before = record.slice();
      const missing = cut < 5 ? 5 - cut : record.length - cut;
      expect(await server.decrypt(record.subarray(0, cut))).toEqual({ kind: 'incomplete', missing });
      expect(record).toEqual(before);
    }
    expect(await server.decrypt(record)).toMatchObject({ kind: 'data', plaintext: octetsOf('piecemeal') });
  });

  test('M11: a record with any octet of its contents changed is MESSAGE_ALTERED, and the context is dead', async () => {
    const sample = await streams(enabledProtocols);
    const { length } = await sample.client.encrypt(octetsOf('change me'));
    for (let at = 5; at < length; at += 3) {
      const { client, server } = await streams(enabledProtocols);
      const record = await client.encrypt(octetsOf('change me'));
      record[at] = (record[at] ?? 0) ^ 0x10;
      const failure = await failureOf(server.decrypt(record));
      expect(failure.status).toBe(SEC_E.MESSAGE_ALTERED);
      // The alert is a record; the sender understands it.
      expect(await failureOf(client.decrypt(failure.token ?? EMPTY))).toMatchObject({
        code: 'TLS_ALERT',
        status: SEC_E.MESSAGE_ALTERED,
      });
      const good = await failureOf(server.decrypt(record));
      expect(good.status).toBe(SEC_E.MESSAGE_ALTERED);
      expect((await failureOf(server.encrypt(octetsOf('more')))).status).toBe(SEC_E.MESSAGE_ALTERED);
    }
  });

  test('M11: records out of order or a second time do not verify', async () => {
    const { client, server } = await streams(enabledProtocols);
    const one = await client.encrypt(octetsOf('one'));
    await server.decrypt(one);
    expect((await failureOf(server.decrypt(one))).status).toBe(SEC_E.MESSAGE_ALTERED);
  });

  test('M11: what is no record is refused before TLS sees it', async () => {
    const { client, server } = await streams(enabledProtocols);
    const failure = await failureOf(server.decrypt(octetsOf('GET / HTTP/1.1\r\n\r\n')));
    expect(failure).toMatchObject({ code: 'NOT_TLS', status: SEC_E.INVALID_TOKEN });
    expect(await server.decrypt(await client.encrypt(octetsOf('x')))).toMatchObject({ kind: 'data' });
  });

  test('M9 M16: close_notify from either side, and data the other way until both are closed', async () => {
    const { client, server } = await streams(enabledProtocols);
    const goodbye = await client.close();
    expect(goodbye.length).toBeGreaterThan(0);
    expect(await server.decrypt(goodbye)).toEqual({ kind: 'closed', consumed: goodbye.length });
    // Half closed: the server may still speak.
    const late = await server.encrypt(octetsOf('late'));
    expect(await client.decrypt(late)).toMatchObject({ kind: 'data', plaintext: octetsOf('late') });
    const reply = await server.close();
    expect(await client.decrypt(reply)).toEqual({ kind: 'closed', consumed: reply.length });
    expect(await client.decrypt(reply)).toEqual({ kind: 'closed', consumed: 0 });
    expect(await client.close()).toEqual(EMPTY);
  });

  test('M5: after close_notify nothing can be encrypted', async () => {
    const { client, server } = await streams(enabledProtocols);
    await server.close();
    expect((await failureOf(server.encrypt(octetsOf('no')))).status).toBe(SEC_E.CONTEXT_EXPIRED);
    expect(await server.decrypt(await client.encrypt(octetsOf('yes')))).toMatchObject({ kind: 'data' });
  });

  test('M12: one of each kind may be under way, two of one kind may not', async () => {
    const { client, server } = await streams(enabledProtocols);
    const incoming = await server.encrypt(octetsOf('in'));
    const [sent, received] = await Promise.all([client.encrypt(octetsOf('out')), client.decrypt(incoming)]);
    expect(received).toMatchObject({ kind: 'data', plaintext: octetsOf('in') });
    expect(await server.decrypt(sent)).toMatchObject({ kind: 'data', plaintext: octetsOf('out') });
    await client.encrypt(octetsOf('first')); // its write is still under way when the next two come
    const results = await Promise.allSettled([client.encrypt(octetsOf('second')), client.encrypt(octetsOf('third'))]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  test('the plaintext belongs to the caller again as soon as the record is there', async () => {
    const { client, server } = await streams(enabledProtocols);
    const plaintext = octetsOf('secret');
    const record = await client.encrypt(plaintext);
    plaintext.fill(0);
    expect(await server.decrypt(record)).toMatchObject({ plaintext: octetsOf('secret') });
  });
});

describe('TLS 1.3 messages that are not for the application', () => {
  test('M10 X13 R15: session tickets decrypt to nothing', async () => {
    const { client, server } = await pair({ enabledProtocols: TLS1_3 });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const { token: tickets } = await stepped(server, (await stepped(client, flight)).token);
    // OpenSSL sends two, of the kind that only a server with a store could honour; ours has none.
    expect(tickets.length).toBeGreaterThan(0);
    const first = 5 + new DataView(tickets.buffer, tickets.byteOffset).getUint16(3);
    expect(first).toBeLessThan(tickets.length);
    const alone = tickets.subarray(0, first);
    expect(await streamOf(client).decrypt(alone)).toEqual({ kind: 'data', plaintext: EMPTY, consumed: first });
    const second = tickets.subarray(first);
    expect(await streamOf(client).decrypt(second)).toEqual({ kind: 'data', plaintext: EMPTY, consumed: second.length });
    const record = await streamOf(server).encrypt(octetsOf('data'));
    expect(await streamOf(client).decrypt(record)).toMatchObject({ kind: 'data', plaintext: octetsOf('data') });
  });

  test('M7 M10: tickets in front of data are swallowed with it; what is behind the data stays', async () => {
    const { client, server } = await pair({ enabledProtocols: TLS1_3 });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const { token: tickets } = await stepped(server, (await stepped(client, flight)).token);
    const data = await streamOf(server).encrypt(octetsOf('data'));
    const more = await streamOf(server).encrypt(octetsOf('more'));
    const all = Uint8Array.from([...tickets, ...data, ...more]);
    const consumed = tickets.length + data.length;
    expect(await streamOf(client).decrypt(all)).toEqual({ kind: 'data', plaintext: octetsOf('data'), consumed });
    expect(await streamOf(client).decrypt(all.subarray(consumed))).toMatchObject({ plaintext: octetsOf('more') });
  });

  test.each([
    ['a record that is not whole', (data: Uint8Array) => data.subarray(0, data.length - 1)],
    ['what is no record', () => octetsOf('GET / HTTP/1.1')],
  ])('M8 M10 M11: tickets in front of %s are swallowed alone; the rest is for the next call', async (_, made) => {
    const { client, server } = await pair({ enabledProtocols: TLS1_3 });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const { token: tickets } = await stepped(server, (await stepped(client, flight)).token);
    const data = await streamOf(server).encrypt(octetsOf('data'));
    const opened = await streamOf(client).decrypt(Uint8Array.from([...tickets, ...made(data)]));
    expect(opened).toEqual({ kind: 'data', plaintext: EMPTY, consumed: tickets.length });
    expect(await streamOf(client).decrypt(data)).toMatchObject({ plaintext: octetsOf('data') });
  });

  test('M7 M10: an empty record is data of length zero, and not the end', async () => {
    const credential = await inbound({ certificates: [selfSigned('ec')], enabledProtocols: TLS1_3 });
    const server = credential.accept({ flags: 0 });
    const peer = new MemoryPeer();
    const { token } = await stepped(server, await peer.hello());
    await stepped(server, await peer.feed(token));
    const stream = streamOf(server);
    // RFC 8446 5.4: TLSInnerPlaintext of the content type alone. Sealed by hand: OpenSSL makes no such record.
    const empty = sealed(peer.trafficSecret, 0, Uint8Array.of(23));
    expect(await stream.decrypt(empty)).toEqual({ kind: 'data', plaintext: EMPTY, consumed: empty.length });
    const data = sealed(peer.trafficSecret, 1, Uint8Array.from([...octetsOf('hi'), 23]));
    expect(await stream.decrypt(data)).toEqual({ kind: 'data', plaintext: octetsOf('hi'), consumed: data.length });
  });

  test('M10: a KeyUpdate that asks for one in return is answered with the next message', async () => {
    const credential = await inbound({ certificates: [selfSigned('ec')], enabledProtocols: TLS1_3 });
    const server = credential.accept({ flags: 0 });
    const peer = new MemoryPeer();
    const { token } = await stepped(server, await peer.hello());
    const { token: tickets } = await stepped(server, await peer.feed(token));
    await peer.feed(tickets);
    const stream = streamOf(server);
    const update = sealed(peer.trafficSecret, 0, Uint8Array.from([...KEY_UPDATE_REQUESTED, 22]));
    expect(await stream.decrypt(update)).toEqual({ kind: 'data', plaintext: EMPTY, consumed: update.length });
    const next = expandLabel(peer.trafficSecret, 'traffic upd', 48);
    const data = sealed(next, 0, Uint8Array.from([...octetsOf('new keys'), 23]));
    expect(await stream.decrypt(data)).toMatchObject({ kind: 'data', plaintext: octetsOf('new keys') });
    const answer = await stream.encrypt(octetsOf('mine too'));
    // RFC 8446 4.6.3, 5.2: the KeyUpdate goes in front, in a record of its own: five octets, their type, the tag.
    expect(answer.length).toBe(5 + 5 + 17 + 5 + 8 + 17);
    expect(answer.subarray(0, 5)).toEqual(Uint8Array.of(23, 3, 3, 0, 22));
    await peer.feed(answer);
    expect(peer.received).toEqual(octetsOf('mine too'));
  });

  test('M1 M2 M10 Q8: behind a KeyUpdate, the buffers of STREAM_SIZES have room for the answer as well', async () => {
    const sspi = door(schannelPackage);
    const { credential } = await sspi.acquireCredentialsHandle({
      package: 'Schannel',
      credentialUse: SECPKG_CRED.INBOUND,
      authData: { kind: 'schannel', certificates: [selfSigned('ec')], enabledProtocols: TLS1_3 },
    });
    const peer = new MemoryPeer();
    const flight = await accept(sspi, { credential: present(credential), input: await peer.hello() });
    const { context } = flight;
    const done = await accept(sspi, { context, input: await peer.feed(flight.token) });
    await peer.feed(done.token);
    const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.STREAM_SIZES });
    const { header, trailer } = present(value);

    let secret = peer.trafficSecret;
    let expected = '';
    const encrypted = async (text: string, room = trailer) => {
      const parts = [
        secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(header)),
        secBuffer(SECBUFFER.DATA, octetsOf(text)),
        secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(room)),
        secBuffer(SECBUFFER.EMPTY),
      ];
      const result = await sspi.encryptMessage({ context, message: desc(...parts) });
      return { result, octets: Uint8Array.from(parts.flatMap((part) => [...contentOf(part)])) };
    };
    for (const [updates, room] of [
      [0, trailer],
      [1, trailer],
      [1, trailer],
      [3, trailer + 2 * 27], // RFC 8446 would let one answer do; OpenSSL answers each
      [0, 17], // the count that a buffer has which is used again
    ] as const) {
      for (let update = 0; update < updates; update++) {
        const record = sealed(secret, 0, Uint8Array.from([...KEY_UPDATE_REQUESTED, 22]));
        const opening = [secBuffer(SECBUFFER.DATA, record), ...[1, 2, 3].map(() => secBuffer(SECBUFFER.EMPTY))];
        const opened = await sspi.decryptMessage({ context, message: desc(...opening) });
        expect([named(opened), opening[1]?.count]).toEqual(['SEC_E_OK', 0]);
        secret = expandLabel(secret, 'traffic upd', 48);
      }
      for (const text of [`behind ${updates}`, ' and one more. ']) {
        const { result, octets } = await encrypted(text, room);
        expect(named(result)).toBe('SEC_E_OK');
        await peer.feed(octets);
        expected += text;
        expect(new TextDecoder().decode(peer.received)).toBe(expected);
      }
    }
  });
});

const KEY_UPDATE_REQUESTED = [24, 0, 0, 1, 1];

/** A bare node:tls client in memory that gives its keys away. */
class MemoryPeer {
  readonly #wire = new Pipe();
  trafficSecret: Uint8Array = EMPTY;
  readonly #socket = connectTls({
    socket: this.#wire,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_256_GCM_SHA384',
  });

  received: Uint8Array = EMPTY;

  constructor() {
    this.#socket.on('error', () => this.#socket.destroy());
    this.#socket.on('data', (chunk) => {
      this.received = Uint8Array.from([...this.received, ...chunk]);
    });
    this.#socket.on('keylog', (line) => {
      const [, secret] = /^CLIENT_TRAFFIC_SECRET_0 \w+ (\w+)/.exec(line.toString('latin1')) ?? [];
      if (secret !== undefined) this.trafficSecret = Uint8Array.from(Buffer.from(secret, 'hex'));
    });
  }

  hello(): Promise<Uint8Array> {
    return this.#wire.settled();
  }

  feed(octets: Uint8Array): Promise<Uint8Array> {
    this.#wire.push(octets);
    return this.#wire.settled();
  }
}

class Pipe extends Duplex {
  #written: Uint8Array[] = [];
  override _read(): void {
    // input is pushed
  }
  override _write(chunk: Uint8Array, _: BufferEncoding, done: () => void): void {
    this.#written.push(chunk);
    done();
  }
  async settled(): Promise<Uint8Array> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
    return Uint8Array.from(Buffer.concat(this.#written.splice(0)));
  }
}

/** RFC 8446 7.1, for SHA-384. */
function expandLabel(secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([length >> 8, length & 255, name.length]), name, Buffer.from([0])]);
  const block = createHmac('sha384', secret).update(info).update(Uint8Array.of(1)).digest();
  return Uint8Array.from(block.subarray(0, length));
}

/** RFC 8446 5.2, for AES-256-GCM. */
function sealed(secret: Uint8Array, sequence: number, inner: Uint8Array): Uint8Array {
  const key = expandLabel(secret, 'key', 32);
  const nonce = expandLabel(secret, 'iv', 12);
  nonce[11] = (nonce[11] ?? 0) ^ sequence;
  const header = Uint8Array.of(23, 3, 3, 0, inner.length + 16);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(header);
  return Uint8Array.from(Buffer.concat([header, cipher.update(inner), cipher.final(), cipher.getAuthTag()]));
}
