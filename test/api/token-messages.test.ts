/** Messages with tokens: EncryptMessage, DecryptMessage, MakeSignature, VerifySignature of NTLM and its like (contract M, Z21). */
import { describe, expect, test } from 'vitest';
import type { CtxtHandle, Sspi } from '../../src/api/index.ts';
import {
  SECBUFFER,
  SECBUFFER_MODIFIER,
  type SecBuffer,
  secBuffer,
  type TokenProtection,
} from '../../src/sspi/index.ts';
import { desc, door, named, pair } from './door.ts';
import { ascii, textOf, tokenPackage, tokenProtection } from './toys.ts';

/** A client's context whose protection is the toy's, or another. */
async function established(overrides: Partial<TokenProtection> = {}): Promise<{ sspi: Sspi; context: CtxtHandle }> {
  const toy = tokenPackage({
    async *initiate() {
      yield { token: ascii('hello') };
      return { token: ascii('proof'), flags: 0, messages: tokenProtection(overrides) };
    },
  });
  const sspi = door(toy);
  const { client } = await pair(sspi, 'TOKENS');
  return { sspi, context: client };
}

function tokenRoom(size = 16): SecBuffer {
  return secBuffer(SECBUFFER.TOKEN, new Uint8Array(size));
}

function data(text: string): SecBuffer {
  return secBuffer(SECBUFFER.DATA, ascii(text));
}

function content({ buffer, count }: SecBuffer): string {
  return textOf(buffer?.subarray(0, count) ?? new Uint8Array(0));
}

/** Text with every bit flipped. */
function flipped(text: string): Uint8Array {
  return ascii(text).map((octet) => octet ^ 0xff);
}

describe('EncryptMessage', () => {
  test('M1: TOKEN is filled and DATA encrypted in place', async () => {
    const { sspi, context } = await established();
    const [token, message, padding] = [tokenRoom(20), data('data'), secBuffer(SECBUFFER.PADDING, new Uint8Array(4))];
    const place = message.buffer;
    const result = await sspi.encryptMessage({ context, message: desc(token, message, padding) });
    expect(named(result)).toBe('SEC_E_OK');
    expect(content(token)).toBe('HEADER.........0');
    expect(message.buffer).toBe(place);
    expect(message.buffer).toEqual(flipped('data'));
    expect(padding.count).toBe(0);
  });

  test('M1: several DATA buffers are one message', async () => {
    const { sspi, context } = await established();
    const [first, second, third] = [data('da'), data(''), data('ta')];
    const message = desc(first, tokenRoom(), second, third);
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_OK');
    expect([first.buffer, third.buffer]).toEqual([flipped('da'), flipped('ta')]);
  });

  test('M2: too small a TOKEN is SEC_E_BUFFER_TOO_SMALL, and the data stays in the clear', async () => {
    const { sspi, context } = await established();
    const [token, message] = [tokenRoom(15), data('data')];
    expect(named(await sspi.encryptMessage({ context, message: desc(token, message) }))).toBe('SEC_E_BUFFER_TOO_SMALL');
    expect(token.count).toBe(16);
    expect(content(message)).toBe('data');
  });

  test.each([
    ['TOKEN', desc(data('data'))],
    ['DATA', desc(tokenRoom())],
  ])('M2: without %s SEC_E_INVALID_TOKEN', async (_, message) => {
    const { sspi, context } = await established();
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_INVALID_TOKEN');
  });

  test('T3: READONLY buffers are not written to', async () => {
    const { sspi, context } = await established();
    for (const type of [SECBUFFER.TOKEN, SECBUFFER.DATA, SECBUFFER.PADDING]) {
      const message = desc(tokenRoom(), data('data'), secBuffer(SECBUFFER.PADDING, new Uint8Array(1)));
      for (const buffer of message.buffers)
        if (buffer.type === type) buffer.type = (type | SECBUFFER_MODIFIER.READONLY) >>> 0;
      expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_INVALID_TOKEN');
      expect(message.buffers.map(content)).toEqual(['\0'.repeat(16), 'data', '\0']);
    }
  });

  test('T3, Z11: data that is to be signed and not encrypted is refused, not left out', async () => {
    const { sspi, context } = await established();
    const signedOnly = secBuffer(SECBUFFER.DATA | SECBUFFER_MODIFIER.READONLY_WITH_CHECKSUM, ascii('header'));
    const message = desc(tokenRoom(), signedOnly, data('data'));
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(content(signedOnly)).toBe('header');
  });

  test('Z11: without confidentiality nothing is encrypted, and that is no success', async () => {
    const { sspi, context } = await established({ confidentiality: false });
    const message = desc(tokenRoom(), data('data'));
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(named(await sspi.decryptMessage({ context, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(named(await sspi.makeSignature({ context, message }))).toBe('SEC_E_OK');
  });

  test('M3: other qualities of protection are SEC_E_QOP_NOT_SUPPORTED', async () => {
    const { sspi, context } = await established();
    const message = desc(tokenRoom(), data('data'));
    for (const qop of [1, 0x80000001, -0x7fffffff]) {
      expect(named(await sspi.encryptMessage({ context, qop, message }))).toBe('SEC_E_QOP_NOT_SUPPORTED');
      expect(named(await sspi.makeSignature({ context, qop, message }))).toBe('SEC_E_QOP_NOT_SUPPORTED');
    }
  });
});

describe('DecryptMessage', () => {
  test('M6: TOKEN and DATA, decrypted in place', async () => {
    const { sspi, context } = await established();
    const message = secBuffer(SECBUFFER.DATA, flipped('data'));
    const token = secBuffer(SECBUFFER.TOKEN, ascii('HEADER.........0'));
    const { status, qop } = await sspi.decryptMessage({ context, message: desc(message, token) });
    expect(status).toBe(0);
    expect(qop).toBe(0);
    expect(content(message)).toBe('data');
  });

  test('M6: several DATA buffers are one message', async () => {
    const { sspi, context } = await established();
    const parts = [secBuffer(SECBUFFER.DATA, flipped('da')), secBuffer(SECBUFFER.DATA, flipped('ta'))];
    const token = secBuffer(SECBUFFER.TOKEN, ascii('HEADER.........0'));
    expect(named(await sspi.decryptMessage({ context, message: desc(token, ...parts) }))).toBe('SEC_E_OK');
    expect(parts.map(content)).toEqual(['da', 'ta']);
  });

  test('M6: a whole token in STREAM, of which DATA becomes the plaintext', async () => {
    const { sspi, context } = await established();
    const octets = Uint8Array.from([...ascii('HEADER.........0'), ...flipped('data')]);
    const plaintext = secBuffer(SECBUFFER.DATA);
    const stream = secBuffer(SECBUFFER.STREAM, octets);
    expect(named(await sspi.decryptMessage({ context, message: desc(stream, plaintext) }))).toBe('SEC_E_OK');
    expect(content(plaintext)).toBe('data');
    expect(plaintext.buffer?.buffer).toBe(octets.buffer);
    expect(plaintext.buffer?.byteOffset).toBe(16);
  });

  test.each([
    ['TOKEN', desc(data('data'))],
    ['DATA', desc(secBuffer(SECBUFFER.TOKEN, ascii('HEADER.........0')))],
    ['DATA beside STREAM', desc(secBuffer(SECBUFFER.STREAM, ascii('HEADER.........0')))],
    ['writable STREAM', desc(secBuffer(0x8000000a, ascii('HEADER.........0')), secBuffer(SECBUFFER.DATA))],
    ['writable DATA', desc(secBuffer(SECBUFFER.TOKEN, ascii('HEADER.........0')), secBuffer(0x80000001, ascii('x')))],
  ])('M11: without %s SEC_E_INVALID_TOKEN', async (_, message) => {
    const { sspi, context } = await established();
    expect(named(await sspi.decryptMessage({ context, message }))).toBe('SEC_E_INVALID_TOKEN');
  });

  test('Z21: a token that is too short is an error', async () => {
    const { sspi, context } = await established();
    for (let length = 0; length < 16; length++) {
      const token = secBuffer(SECBUFFER.TOKEN, ascii('HEADER.........0').subarray(0, length));
      const result = await sspi.decryptMessage({ context, message: desc(token, data('data')) });
      expect(named(result)).toBe('SEC_E_INVALID_TOKEN');
    }
  });

  test('Z21: a message that comes twice is SEC_E_OUT_OF_SEQUENCE, and its data is gone', async () => {
    const { sspi, context } = await established();
    const message = () =>
      desc(secBuffer(SECBUFFER.TOKEN, ascii('HEADER.........0')), secBuffer(SECBUFFER.DATA, flipped('data')));
    expect(named(await sspi.decryptMessage({ context, message: message() }))).toBe('SEC_E_OK');
    const replayed = message();
    expect(named(await sspi.decryptMessage({ context, message: replayed }))).toBe('SEC_E_OUT_OF_SEQUENCE');
    expect(replayed.buffers.map(content)).toEqual(['HEADER.........0', '\0\0\0\0']);
  });
});

describe('MakeSignature and VerifySignature', () => {
  // The sum of the octets of "data" is 100 + 97 + 116 + 97 = 410.
  test('M14: the signature goes into TOKEN, the data stays as it is', async () => {
    const { sspi, context } = await established();
    const [token, message] = [tokenRoom(), data('data')];
    expect(named(await sspi.makeSignature({ context, message: desc(message, token) }))).toBe('SEC_E_OK');
    expect(content(token)).toBe('SIGNED000410');
    expect(content(message)).toBe('data');
    const { status, qop } = await sspi.verifySignature({ context, message: desc(message, token) });
    expect([status, qop]).toEqual([0, 0]);
  });

  test('M14, T3: READONLY data is left out, READONLY_WITH_CHECKSUM is signed', async () => {
    const { sspi, context } = await established();
    const token = tokenRoom();
    const message = desc(
      token,
      secBuffer(SECBUFFER.DATA | SECBUFFER_MODIFIER.READONLY_WITH_CHECKSUM, ascii('da')),
      secBuffer(SECBUFFER.DATA | SECBUFFER_MODIFIER.READONLY, ascii('left out')),
      data('ta'),
    );
    expect(named(await sspi.makeSignature({ context, message }))).toBe('SEC_E_OK');
    expect(content(token)).toBe('SIGNED000410');
    expect(named(await sspi.verifySignature({ context, message }))).toBe('SEC_E_OK');
  });

  test('M14: what was altered, or never signed, is SEC_E_MESSAGE_ALTERED', async () => {
    const { sspi, context } = await established();
    const signature = ascii('SIGNED000410');
    for (let at = 0; at < signature.length; at++) {
      const altered = signature.slice();
      altered[at] = (altered[at] ?? 0) ^ 1;
      const message = desc(secBuffer(SECBUFFER.TOKEN, altered), data('data'));
      expect(named(await sspi.verifySignature({ context, message }))).toBe('SEC_E_MESSAGE_ALTERED');
    }
    const none = desc(secBuffer(SECBUFFER.TOKEN), data('data'));
    expect(named(await sspi.verifySignature({ context, message: none }))).toBe('SEC_E_MESSAGE_ALTERED');
  });

  test('Z21: too small a TOKEN is SEC_E_BUFFER_TOO_SMALL', async () => {
    const { sspi, context } = await established();
    const token = tokenRoom(11);
    expect(named(await sspi.makeSignature({ context, message: desc(token, data('data')) }))).toBe(
      'SEC_E_BUFFER_TOO_SMALL',
    );
    expect(token.count).toBe(12);
  });

  test('M14: without TOKEN, DATA or anything that is signed SEC_E_INVALID_TOKEN', async () => {
    const { sspi, context } = await established();
    const readOnly = secBuffer(SECBUFFER.DATA | SECBUFFER_MODIFIER.READONLY, ascii('data'));
    for (const message of [desc(data('data')), desc(tokenRoom()), desc(tokenRoom(), readOnly)]) {
      expect(named(await sspi.makeSignature({ context, message }))).toBe('SEC_E_INVALID_TOKEN');
      expect(named(await sspi.verifySignature({ context, message }))).toBe('SEC_E_INVALID_TOKEN');
    }
  });

  test('Z11: without integrity SEC_E_UNSUPPORTED_FUNCTION', async () => {
    const { sspi, context } = await established({ integrity: false });
    const message = desc(tokenRoom(), data('data'));
    expect(named(await sspi.makeSignature({ context, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(named(await sspi.verifySignature({ context, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });
});
