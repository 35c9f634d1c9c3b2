/** EncryptMessage and DecryptMessage of streams: contract M1-M14, on a package whose records can be written by hand. */
import { describe, expect, test } from 'vitest';
import type { CtxtHandle, Sspi } from '../../src/api/index.ts';
import {
  SECBUFFER,
  SECBUFFER_MODIFIER,
  type SecBuffer,
  type SecBufferDesc,
  SspiError,
  type StreamProtection,
  secBuffer,
} from '../../src/sspi/index.ts';
import { desc, door, named, pair, present } from './door.ts';
import { ascii, record, recordPackage, streamProtection, textOf } from './toys.ts';

/** A client's context whose stream is the toy's, or another. */
async function established(overrides: Partial<StreamProtection> = {}): Promise<{ sspi: Sspi; context: CtxtHandle }> {
  const toy = recordPackage({
    async *initiate() {
      yield { token: record(22, ascii('hello')) };
      return {
        token: record(22, ascii('finished')),
        flags: 0,
        messages: streamProtection(overrides),
      };
    },
  });
  const sspi = door(toy);
  const { client } = await pair(sspi, 'RECORDS');
  return { sspi, context: client };
}

/** The four buffers of EncryptMessage. */
function toEncrypt(text: string, headerSize = 5, trailerSize = 4) {
  const header = secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(headerSize));
  const data = secBuffer(SECBUFFER.DATA, ascii(text));
  const trailer = secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(trailerSize));
  return { header, data, trailer, message: desc(header, data, trailer, secBuffer(SECBUFFER.EMPTY)) };
}

/** The four buffers of DecryptMessage. */
function toDecrypt(octets: Uint8Array): { buffers: SecBuffer[]; message: SecBufferDesc } {
  const empty = (): SecBuffer => secBuffer(SECBUFFER.EMPTY);
  const buffers = [secBuffer(SECBUFFER.DATA, octets), empty(), empty(), empty()];
  return { buffers, message: desc(...buffers) };
}

function contents(...buffers: SecBuffer[]): Uint8Array {
  return Uint8Array.from(buffers.flatMap(({ buffer, count }) => [...(buffer?.subarray(0, count) ?? [])]));
}

/** `data` with every bit flipped, and `tail`. */
function sealedRecord(text: string): Uint8Array {
  return record(23, Uint8Array.from([...ascii(text).map((octet) => octet ^ 0xff), ...ascii('tail')]));
}

describe('EncryptMessage', () => {
  test('M1: header, data and trailer one after the other are the record, with the data in place', async () => {
    const { sspi, context } = await established();
    const { header, data, trailer, message } = toEncrypt('data');
    const place = data.buffer;
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect(contents(header, data, trailer)).toEqual(sealedRecord('data'));
    expect([header.count, data.count, trailer.count]).toEqual([5, 4, 4]);
    expect(data.buffer).toBe(place);
  });

  test('M1: buffers with more room than is needed; the counts say what was used', async () => {
    const { sspi, context } = await established();
    const { header, data, trailer, message } = toEncrypt('data', 9, 20);
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect([header.count, trailer.count]).toEqual([5, 4]);
    expect(contents(header, data, trailer)).toEqual(sealedRecord('data'));
  });

  test('M1: one array for all, as C callers have it', async () => {
    const { sspi, context } = await established();
    const whole = Uint8Array.from([0, 0, 0, 0, 0, ...ascii('data'), 0, 0, 0, 0]);
    const message = desc(
      secBuffer(SECBUFFER.STREAM_HEADER, whole.subarray(0, 5)),
      secBuffer(SECBUFFER.DATA, whole.subarray(5, 9)),
      secBuffer(SECBUFFER.STREAM_TRAILER, whole.subarray(9)),
      secBuffer(SECBUFFER.EMPTY),
    );
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect(whole).toEqual(sealedRecord('data'));
  });

  test('M1: a missing EMPTY buffer is tolerated', async () => {
    const { sspi, context } = await established();
    const { message } = toEncrypt('data');
    const { status } = await sspi.encryptMessage({ context, message: desc(...message.buffers.slice(0, 3)) });
    expect(status).toBe(0);
  });

  test('M2: more than cbMaximumMessage is SEC_E_INVALID_TOKEN, as much as it is fine, and nothing is fine too', async () => {
    const { sspi, context } = await established();
    const tooLong = toEncrypt('x'.repeat(33));
    expect(named(await sspi.encryptMessage({ context, message: tooLong.message }))).toBe('SEC_E_INVALID_TOKEN');
    expect(contents(tooLong.data)).toEqual(ascii('x'.repeat(33)));
    expect(named(await sspi.encryptMessage({ context, message: toEncrypt('x'.repeat(32)).message }))).toBe('SEC_E_OK');
    const empty = toEncrypt('');
    expect(named(await sspi.encryptMessage({ context, message: empty.message }))).toBe('SEC_E_OK');
    expect(contents(empty.header, empty.data, empty.trailer)).toEqual(sealedRecord(''));
  });

  test.each([
    ['header', 4, 4, 'SEC_E_BUFFER_TOO_SMALL'],
    ['trailer', 5, 3, 'SEC_E_BUFFER_TOO_SMALL'],
  ])('M2: too small a %s is SEC_E_BUFFER_TOO_SMALL, and the data stays in the clear', async (name, h, t, status) => {
    const { sspi, context } = await established();
    const { message, data, header, trailer } = toEncrypt('data', h, t);
    expect(named(await sspi.encryptMessage({ context, message }))).toBe(status);
    expect(textOf(contents(data))).toBe('data');
    expect(name === 'header' ? header.count : trailer.count).toBe(name === 'header' ? 5 : 4);
  });

  test.each([SECBUFFER.STREAM_HEADER, SECBUFFER.DATA, SECBUFFER.STREAM_TRAILER])(
    'M2: without buffer type %s SEC_E_INVALID_TOKEN',
    async (type) => {
      const { sspi, context } = await established();
      const { message } = toEncrypt('data');
      const without = desc(...message.buffers.filter((buffer) => buffer.type !== type));
      expect(named(await sspi.encryptMessage({ context, message: without }))).toBe('SEC_E_INVALID_TOKEN');
    },
  );

  test('M2: a second DATA buffer would go out in the clear: SEC_E_INVALID_TOKEN', async () => {
    const { sspi, context } = await established();
    const { message } = toEncrypt('data');
    const two = desc(...message.buffers, secBuffer(SECBUFFER.DATA, ascii('more')));
    expect(named(await sspi.encryptMessage({ context, message: two }))).toBe('SEC_E_INVALID_TOKEN');
  });

  test.each([SECBUFFER_MODIFIER.READONLY, SECBUFFER_MODIFIER.READONLY_WITH_CHECKSUM])(
    'T3: a buffer that is written to and marked 0x%s is SEC_E_INVALID_TOKEN, and stays as it is',
    async (modifier) => {
      const { sspi, context } = await established();
      for (const type of [SECBUFFER.STREAM_HEADER, SECBUFFER.DATA, SECBUFFER.STREAM_TRAILER]) {
        const { message, header, data, trailer } = toEncrypt('data');
        for (const buffer of message.buffers) if (buffer.type === type) buffer.type = (type | modifier) >>> 0;
        expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_INVALID_TOKEN');
        expect(contents(header, data, trailer)).toEqual(Uint8Array.from([0, 0, 0, 0, 0, ...ascii('data'), 0, 0, 0, 0]));
      }
    },
  );

  test.each([0x40000000, 0x80000001, -0x7fffffff, 1])('M3: fQOP %s is SEC_E_QOP_NOT_SUPPORTED', async (qop) => {
    const { sspi, context } = await established();
    const { message, data } = toEncrypt('data');
    expect(named(await sspi.encryptMessage({ context, qop, message }))).toBe('SEC_E_QOP_NOT_SUPPORTED');
    expect(textOf(contents(data))).toBe('data');
  });

  test('M1, M2: what does not fit behind the data ends the stream; the data stays in the clear, and is sealed once', async () => {
    let sealings = 0;
    const { sspi, context } = await established({
      encrypt: async () => {
        sealings++;
        return Uint8Array.from([...record(21, ascii('an answer')), ...sealedRecord('data')]);
      },
    });
    const { message, data } = toEncrypt('data');
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_CONTEXT_EXPIRED');
    expect(textOf(contents(data))).toBe('data');
    expect(named(await sspi.encryptMessage({ context, message: toEncrypt('data', 5, 99).message }))).toBe(
      'SEC_E_CONTEXT_EXPIRED',
    );
    expect(sealings).toBe(1);
  });

  test('M1, M10: an answer of TLS in front of the record goes into the same three buffers, where they have room', async () => {
    const both = Uint8Array.from([...record(21, ascii('an answer')), ...sealedRecord('data')]);
    const { sspi, context } = await established({ encrypt: async () => both });
    const { header, data, trailer, message } = toEncrypt('data', 5, both.length - 9);
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect(contents(header, data, trailer)).toEqual(both);
  });

  test('M4: MessageSeqNo is not looked at', async () => {
    const { sspi, context } = await established();
    const { message } = toEncrypt('data');
    expect(named(await sspi.encryptMessage({ context, message, messageSeqNo: 7 }))).toBe('SEC_E_OK');
  });

  test('M5: a channel that was shut down is SEC_E_CONTEXT_EXPIRED', async () => {
    const { sspi, context } = await established({
      encrypt: () => Promise.reject(new SspiError('CONTEXT_EXPIRED', { stage: 'toy' })),
    });
    const result = await sspi.encryptMessage({ context, message: toEncrypt('data').message });
    expect(named(result)).toBe('SEC_E_CONTEXT_EXPIRED');
  });

  test('M12: one encryption and one decryption at a time, each beside the other', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const plain = streamProtection();
    const { sspi, context } = await established({
      encrypt: async (plaintext) => {
        await gate;
        return plain.encrypt(plaintext);
      },
      decrypt: async (input) => {
        await gate;
        return plain.decrypt(input);
      },
    });
    const encrypting = sspi.encryptMessage({ context, message: toEncrypt('data').message });
    const decrypting = sspi.decryptMessage({ context, message: toDecrypt(sealedRecord('data')).message });
    const second = await sspi.encryptMessage({ context, message: toEncrypt('data').message });
    expect(named(second)).toBe('SEC_E_OUT_OF_SEQUENCE');
    const third = await sspi.decryptMessage({ context, message: toDecrypt(sealedRecord('data')).message });
    expect(named(third)).toBe('SEC_E_OUT_OF_SEQUENCE');
    release();
    expect(named(await encrypting)).toBe('SEC_E_OK');
    expect(named(await decrypting)).toBe('SEC_E_OK');
    expect(named(await sspi.encryptMessage({ context, message: toEncrypt('data').message }))).toBe('SEC_E_OK');
  });
});

describe('DecryptMessage', () => {
  test('M6: DATA and three EMPTY become HEADER, DATA, TRAILER and EXTRA, all of them views of the input', async () => {
    const { sspi, context } = await established();
    const octets = Uint8Array.from([...sealedRecord('data'), ...sealedRecord('more')]);
    const { buffers, message } = toDecrypt(octets);
    const { status, qop } = await sspi.decryptMessage({ context, message });
    expect(status).toBe(0);
    expect(qop).toBe(0);
    expect(buffers.map(({ type }) => type)).toEqual([
      SECBUFFER.STREAM_HEADER,
      SECBUFFER.DATA,
      SECBUFFER.STREAM_TRAILER,
      SECBUFFER.EXTRA,
    ]);
    expect(buffers.map(({ count }) => count)).toEqual([5, 4, 4, 13]);
    expect(textOf(contents(present(buffers[1])))).toBe('data');
    expect(contents(present(buffers[3]))).toEqual(sealedRecord('more'));
    for (const { buffer } of buffers) expect(buffer?.buffer).toBe(octets.buffer);
    expect(textOf(octets.subarray(5, 9))).toBe('data');
  });

  test('M6: without a further record the fourth buffer stays EMPTY', async () => {
    const { sspi, context } = await established();
    const { buffers, message } = toDecrypt(sealedRecord('data'));
    await sspi.decryptMessage({ context, message });
    expect(buffers[3]).toEqual({ type: SECBUFFER.EMPTY, count: 0, buffer: null });
  });

  test('M6: plaintext that the package has put in place already is not moved', async () => {
    const octets = sealedRecord('data');
    const { sspi, context } = await established({
      decrypt: async (input) => {
        input.set(ascii('DATA'), 7);
        return { kind: 'data', plaintext: input.subarray(7, 11), consumed: 13 };
      },
    });
    const { buffers, message } = toDecrypt(octets);
    expect(named(await sspi.decryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect(buffers.map(({ count }) => count)).toEqual([7, 4, 2, 0]);
    expect(present(buffers[1]).buffer?.byteOffset).toBe(octets.byteOffset + 7);
  });

  test('M7: one record per call, and an empty one is not the end', async () => {
    const { sspi, context } = await established();
    const { buffers, message } = toDecrypt(Uint8Array.from([...sealedRecord(''), ...sealedRecord('data')]));
    expect(named(await sspi.decryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect(buffers[1]).toMatchObject({ type: SECBUFFER.DATA, count: 0 });
    expect(buffers[3]).toMatchObject({ type: SECBUFFER.EXTRA, count: 13 });
    const next = toDecrypt(contents(present(buffers[3])));
    expect(named(await sspi.decryptMessage({ context, message: next.message }))).toBe('SEC_E_OK');
    expect(textOf(contents(present(next.buffers[1])))).toBe('data');
  });

  test.each(Array.from(sealedRecord('data'), (_, cut) => cut))(
    'M8: %s of 13 octets give SEC_E_INCOMPLETE_MESSAGE and MISSING, and change nothing',
    async (cut) => {
      const { sspi, context } = await established();
      const octets = sealedRecord('data').slice(0, cut);
      const { buffers, message } = toDecrypt(octets);
      const result = await sspi.decryptMessage({ context, message });
      expect(named(result)).toBe('SEC_E_INCOMPLETE_MESSAGE');
      expect(result.error).toBeUndefined();
      expect(buffers[1]).toEqual({ type: SECBUFFER.MISSING, count: cut < 5 ? 5 - cut : 13 - cut, buffer: null });
      expect(buffers[0]).toMatchObject({ type: SECBUFFER.DATA, count: cut });
      expect(octets).toEqual(sealedRecord('data').slice(0, cut));
      const whole = toDecrypt(sealedRecord('data'));
      expect(named(await sspi.decryptMessage({ context, message: whole.message }))).toBe('SEC_E_OK');
    },
  );

  test('M9: close_notify is SEC_I_CONTEXT_EXPIRED, a success, with what follows as EXTRA', async () => {
    const { sspi, context } = await established();
    const { buffers, message } = toDecrypt(Uint8Array.from([...record(21, Uint8Array.of(1, 0)), 9, 9]));
    const result = await sspi.decryptMessage({ context, message });
    expect(named(result)).toBe('SEC_I_CONTEXT_EXPIRED');
    expect(result.status).toBe(0x00090317);
    expect(buffers[1]).toMatchObject({ type: SECBUFFER.DATA, count: 0 });
    expect(buffers[3]).toMatchObject({ type: SECBUFFER.EXTRA, count: 2 });
  });

  test('M10: a record that held nothing for the application gives empty DATA', async () => {
    const { sspi, context } = await established({
      decrypt: async (input) => ({ kind: 'data', plaintext: new Uint8Array(0), consumed: input.length }),
    });
    const { buffers, message } = toDecrypt(sealedRecord('ticket'));
    expect(named(await sspi.decryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect(buffers[1]).toMatchObject({ type: SECBUFFER.DATA, count: 0 });
    expect(buffers[3]).toMatchObject({ type: SECBUFFER.EMPTY, count: 0 });
  });

  test.each(['MESSAGE_ALTERED', 'DECRYPT_FAILURE'] as const)(
    'M11: after %s the context is dead both ways',
    async (code) => {
      let failures = 0;
      const { sspi, context } = await established({
        decrypt: () => {
          failures += 1;
          return Promise.reject(new SspiError(code, { stage: 'toy' }));
        },
      });
      const first = await sspi.decryptMessage({ context, message: toDecrypt(sealedRecord('data')).message });
      expect(named(first)).toBe(`SEC_E_${code}`);
      const second = await sspi.decryptMessage({ context, message: toDecrypt(sealedRecord('data')).message });
      expect(named(second)).toBe(`SEC_E_${code}`);
      expect(failures).toBe(1);
      expect(named(await sspi.encryptMessage({ context, message: toEncrypt('x').message }))).toBe(`SEC_E_${code}`);
      expect(named(await sspi.deleteSecurityContext({ context }))).toBe('SEC_E_OK');
    },
  );

  test('M11: an altered record is SEC_E_MESSAGE_ALTERED', async () => {
    const { sspi, context } = await established();
    const altered = sealedRecord('data');
    altered[12] = 0;
    const result = await sspi.decryptMessage({ context, message: toDecrypt(altered).message });
    expect(named(result)).toBe('SEC_E_MESSAGE_ALTERED');
  });

  test.each<[string, SecBufferDesc]>([
    ['no DATA', desc(...Array.from({ length: 4 }, () => secBuffer(SECBUFFER.EMPTY)))],
    ['two DATA', desc(...Array.from({ length: 4 }, () => secBuffer(SECBUFFER.DATA, sealedRecord('data'))))],
    ['two EMPTY', desc(...toDecrypt(sealedRecord('data')).buffers.slice(0, 3))],
    ['READONLY DATA', desc(secBuffer(0x80000001, sealedRecord('data')), ...toDecrypt(ascii('')).buffers.slice(1))],
    ['ulVersion 1', { version: 1, buffers: toDecrypt(sealedRecord('data')).buffers }],
  ])('M11: %s is SEC_E_INVALID_TOKEN, and the context stays good', async (_, message) => {
    const { sspi, context } = await established();
    expect(named(await sspi.decryptMessage({ context, message }))).toBe('SEC_E_INVALID_TOKEN');
    const good = toDecrypt(sealedRecord('data'));
    expect(named(await sspi.decryptMessage({ context, message: good.message }))).toBe('SEC_E_OK');
  });
});

test('M14, Z11: streams are neither signed nor verified', async () => {
  const { sspi, context } = await established();
  const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('data')));
  expect(named(await sspi.makeSignature({ context, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  expect(named(await sspi.verifySignature({ context, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
});
