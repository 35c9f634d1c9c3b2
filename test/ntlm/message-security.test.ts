import { describe, expect, test } from 'vitest';
import { NEGOTIATE, NtlmMessageSecurity, type Side } from '../../src/ntlm/index.ts';
import { SEC_E } from '../../src/sspi/index.ts';
import { hex, number, octets, text, toHex, type VectorCase, vectorCases } from '../support/vectors.ts';
import { thrown } from './support.ts';

const KEY = new Uint8Array(16).fill(0x55);
const EXTENDED =
  (NEGOTIATE.SIGN | NEGOTIATE.SEAL | NEGOTIATE.EXTENDED_SESSIONSECURITY | NEGOTIATE.KEY_128 | NEGOTIATE.KEY_EXCH) >>> 0;
const LEGACY = NEGOTIATE.SIGN | NEGOTIATE.SEAL;
const MESSAGE = hex('50006c00610069006e007400650078007400');

function security(side: Side, flags = EXTENDED): NtlmMessageSecurity {
  return new NtlmMessageSecurity({ flags, exportedSessionKey: KEY, side });
}

function list(of: VectorCase, name: string): VectorCase[] {
  const value = of[name];
  if (!Array.isArray(value)) throw new TypeError(`${name} is not a list`);
  return value;
}

describe('published sequences', () => {
  test.each(vectorCases('ntlm-seal-sequences'))('N14, N16: $name', (one) => {
    const side = text(one, 'side') === 'client' ? 'client' : 'server';
    const flags = number(one, 'flags');
    const sender = security(side, flags);
    const receiver = security(side === 'client' ? 'server' : 'client', flags);
    for (const { plaintext, sealed, signature } of list(one, 'seal_sequence').map(texts)) {
      const token = sender.wrap(hex(plaintext));
      expect(toHex(token)).toBe(signature + sealed);
      expect(toHex(receiver.unwrap(token))).toBe(plaintext);
    }

    const signer = security(side, flags);
    const verifier = security(side === 'client' ? 'server' : 'client', flags);
    for (const { message, signature } of list(one, 'sign_only_sequence').map(texts)) {
      const made = signer.sign(hex(message));
      expect(toHex(made)).toBe(signature);
      expect(verifier.verify(hex(message), made)).toBeUndefined();
    }
  });

  function texts(of: VectorCase) {
    const get = (name: string): string => (name in of ? text(of, name) : '');
    return { plaintext: get('plaintext'), sealed: get('sealed'), signature: get('signature'), message: get('message') };
  }

  test('X28, S7: after a mechListMIC the key stream starts anew and the number goes on (V20g)', () => {
    const client = security('client');
    const mic = client.sign(hex('300c060a2b06010401823702020a'));
    expect(toHex(mic)).toBe('0100000022a3984fefbb9c3200000000');
    client.restart('sent');
    const proof = client.wrap(hex('e6a14178085738d55436d45601fea4d96108d31ae7537a44cb89aac5c9ceead1'));
    expect(toHex(proof)).toBe(
      '01000000cec97f1e9a83e39401000000e2442c1dd64e6709a3568097e5e5d3dfee57dc9c41c74d4fc1f69e06ad2e1573',
    );

    const server = security('server');
    server.verify(hex('300c060a2b06010401823702020a'), mic);
    server.restart('received');
    expect(toHex(server.unwrap(proof))).toBe('e6a14178085738d55436d45601fea4d96108d31ae7537a44cb89aac5c9ceead1');
  });

  test('X27: without SPNEGO the first message has number 0 (V20g)', () => {
    expect(
      toHex(security('server').wrap(hex('df02973b1aec56336ad9c2f8fef5b187d8c0057b6213f90fde38af264a0af9ce'))),
    ).toBe('01000000fa1eda48642d61f000000000990a8a8c4b564bda421de52fddae9da0211011f043109d17cbeac29e881290f8');
  });
});

describe.each([
  ['extended session security', EXTENDED],
  ['without extended session security', LEGACY],
])('%s', (_, flags) => {
  test('N21, Q7: sizes and what is protected', () => {
    const { kind, sizes, confidentiality, integrity } = security('client', flags);
    expect({ kind, sizes, confidentiality, integrity }).toEqual({
      kind: 'token',
      sizes: { maxToken: 2888, maxSignature: 16, blockSize: 0, securityTrailer: 16 },
      confidentiality: true,
      integrity: true,
    });
  });

  test('X27: seal works in place, wrap leaves the message as it is, and both give the same', () => {
    const message = MESSAGE.slice();
    const token = security('client', flags).wrap(message);
    expect(message).toEqual(MESSAGE);
    const header = security('client', flags).seal(message);
    expect(toHex(token)).toBe(toHex(header) + toHex(message));
    security('server', flags).unseal(header, message);
    expect(message).toEqual(MESSAGE);
  });

  test('Z21: every octet of token and signature counts', () => {
    const token = security('client', flags).wrap(MESSAGE);
    for (let at = 0; at < token.length; at++) {
      const changed = token.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      const legacyPad = flags === LEGACY && at >= 4 && at < 8; // 3.4.4.1: the RandomPad says nothing
      if (legacyPad) expect(toHex(security('server', flags).unwrap(changed))).toBe(toHex(MESSAGE));
      else {
        const { status } = thrown(() => security('server', flags).unwrap(changed));
        expect(status).toBe(at < 12 || at >= 16 ? SEC_E.MESSAGE_ALTERED : SEC_E.OUT_OF_SEQUENCE);
      }
    }
    const signature = security('client', flags).sign(MESSAGE);
    for (const [at, code] of [
      [0, 'MESSAGE_ALTERED'],
      [8, 'MESSAGE_ALTERED'],
      [12, 'MESSAGE_OUT_OF_ORDER'],
    ] as const) {
      const changed = signature.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(thrown(() => security('server', flags).verify(MESSAGE, changed)).code).toBe(code);
    }
  });

  test('Z21: every cut of a token is refused', () => {
    const token = security('client', flags).wrap(MESSAGE);
    for (let length = 0; length < token.length; length++) {
      const { code } = thrown(() => security('server', flags).unwrap(token.slice(0, length)));
      expect(code).toBe(length < 16 ? 'MALFORMED_TOKEN' : 'MESSAGE_ALTERED');
    }
    for (const length of [0, 15, 17])
      expect(thrown(() => security('server', flags).verify(MESSAGE, new Uint8Array(length))).code).toBe(
        'MALFORMED_TOKEN',
      );
  });

  test('Z21: what does not verify is wiped, and its direction is at an end', () => {
    const client = security('client', flags);
    const server = security('server', flags);
    const data = MESSAGE.slice();
    const header = client.seal(data);
    header[8] = (header[8] ?? 0) ^ 1;
    expect(thrown(() => server.unseal(header, data)).code).toBe('MESSAGE_ALTERED');
    expect(data).toEqual(new Uint8Array(MESSAGE.length));
    const next = client.wrap(MESSAGE);
    expect(thrown(() => server.unwrap(next)).code).toBe('MESSAGE_ALTERED');
    expect(thrown(() => server.verify(MESSAGE, client.sign(MESSAGE))).code).toBe('MESSAGE_ALTERED');
  });

  test('a context that was disposed does nothing', () => {
    const client = security('client', flags);
    const token = client.wrap(MESSAGE);
    client.dispose();
    for (const use of [
      () => client.wrap(MESSAGE),
      () => client.unwrap(token),
      () => client.sign(MESSAGE),
      () => client.verify(MESSAGE, token.slice(0, 16)),
    ])
      expect(thrown(use).code).toBe('INVALID_HANDLE');
  });
});

describe('order of messages', () => {
  test.each([
    ['twice', [0, 0]],
    ['one left out', [0, 2]],
    ['two exchanged', [1, 0]],
  ])('X29: %s', (_, order) => {
    const client = security('client');
    const tokens = [client.wrap(MESSAGE), client.wrap(MESSAGE), client.wrap(MESSAGE)];
    const server = security('server');
    const receive = (): void => {
      for (const index of order) server.unwrap(tokens[index] ?? new Uint8Array(0));
    };
    const error = thrown(receive);
    expect([error.code, error.status]).toEqual(['MESSAGE_OUT_OF_ORDER', SEC_E.OUT_OF_SEQUENCE]);
  });

  test('N16: signed and sealed messages share the numbers, and the directions do not', () => {
    const [client, server] = [security('client'), security('server')];
    server.verify(MESSAGE, client.sign(MESSAGE));
    server.unwrap(client.wrap(MESSAGE));
    expect(client.unwrap(server.wrap(MESSAGE))).toEqual(MESSAGE);
    server.verify(MESSAGE, client.sign(MESSAGE));
  });

  test('X29: a message cannot be sent back to its sender', () => {
    const client = security('client');
    const token = client.wrap(MESSAGE);
    expect(thrown(() => client.unwrap(token)).code).toBe('MESSAGE_ALTERED');
  });

  test('N15: without extended session security there is one key stream for both directions', () => {
    const [client, server] = [security('client', LEGACY), security('server', LEGACY)];
    expect(server.unwrap(client.wrap(MESSAGE))).toEqual(MESSAGE);
    expect(client.unwrap(server.wrap(MESSAGE))).toEqual(MESSAGE);
    expect(server.unwrap(client.wrap(MESSAGE))).toEqual(MESSAGE);
  });

  test('S7: without extended session security the restart reaches both directions', () => {
    const [client, server] = [security('client', LEGACY), security('server', LEGACY)];
    server.verify(MESSAGE, client.sign(MESSAGE));
    client.restart('sent');
    server.restart('received');
    client.verify(MESSAGE, server.sign(MESSAGE));
    server.restart('sent');
    client.restart('received');
    expect(server.unwrap(client.wrap(MESSAGE))).toEqual(MESSAGE);
  });
});

describe('what was not negotiated', () => {
  test('Z11, Z55: a context that only signs does not seal', () => {
    const flags = (EXTENDED & ~NEGOTIATE.SEAL) >>> 0;
    const [client, server] = [security('client', flags), security('server', flags)];
    expect([client.confidentiality, client.integrity]).toEqual([false, true]);
    server.verify(MESSAGE, client.sign(MESSAGE));
    for (const use of [
      () => client.wrap(MESSAGE),
      () => client.seal(MESSAGE.slice()),
      () => client.unwrap(new Uint8Array(20)),
      () => client.unseal(new Uint8Array(16), MESSAGE.slice()),
    ])
      expect(thrown(use).code).toBe('UNSUPPORTED_FUNCTION');
  });

  test('Z11: a context with ALWAYS_SIGN alone neither makes signatures nor takes the one that proves nothing', () => {
    const client = security('client', NEGOTIATE.ALWAYS_SIGN | NEGOTIATE.EXTENDED_SESSIONSECURITY);
    expect([client.confidentiality, client.integrity]).toEqual([false, false]);
    expect(thrown(() => client.sign(MESSAGE)).code).toBe('UNSUPPORTED_FUNCTION');
    const nothing = hex('01000000000000000000000000000000');
    expect(thrown(() => client.verify(MESSAGE, nothing)).code).toBe('UNSUPPORTED_FUNCTION');
    expect(client.restart('sent')).toBeUndefined();
  });

  test('N14: sealing without signing includes signing', () => {
    const flags = (EXTENDED & ~NEGOTIATE.SIGN) >>> 0;
    const [client, server] = [security('client', flags), security('server', flags)];
    expect([client.confidentiality, client.integrity]).toEqual([true, true]);
    expect(server.unwrap(client.wrap(MESSAGE))).toEqual(MESSAGE);
  });
});

test('X27: unwrap leaves the token as it is, and the session key stays the caller’s, Buffers included', () => {
  const key = Buffer.alloc(16, 0x55);
  const server = new NtlmMessageSecurity({ flags: EXTENDED, exportedSessionKey: key, side: 'server' });
  const token = Buffer.from(security('client').wrap(MESSAGE));
  const before = token.toString('hex');
  expect(toHex(server.unwrap(token))).toBe(toHex(MESSAGE));
  expect(token.toString('hex')).toBe(before);
  server.dispose();
  expect(key).toEqual(Buffer.alloc(16, 0x55));
});

test('N13: sides and session keys lead to different keys', () => {
  const other = new NtlmMessageSecurity({
    flags: EXTENDED,
    exportedSessionKey: octets({ k: '66'.repeat(16) }, 'k'),
    side: 'client',
  });
  const tokens = [security('client'), security('server'), other].map((one) => toHex(one.wrap(MESSAGE)));
  expect(new Set(tokens).size).toBe(3);
});
