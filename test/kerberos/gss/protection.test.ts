import { describe, expect, test } from 'vitest';
import { systemHost } from '../../../src/host/index.ts';
import { ETYPE, encryptionType, KerberosKey } from '../../../src/kerberos/encryption/index.ts';
import { type KerberosProtection, type ProtectionOptions, protectionOf } from '../../../src/kerberos/gss/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { hex, number, octets, text, toHex, type VectorCase, vectorCases } from '../../support/vectors.ts';

const ALL = Object.values(ETYPE);
const types = ALL.map((etype) => encryptionType(etype, ALL));
const { random } = systemHost;
const message = new TextEncoder().encode('a message of no particular length');

type Settings = Partial<Omit<ProtectionOptions, 'key'>>;

function protection(key: KerberosKey, settings: Settings = {}): KerberosProtection {
  return protectionOf({
    key: key.clone(),
    role: 'initiator',
    acceptorSubkey: false,
    sendSequence: 0,
    receiveSequence: 0,
    sequence: 'strict',
    confidentiality: true,
    integrity: true,
    random,
    maxToken: 48_000,
    ...settings,
  });
}

/** Both ends of a context. */
function pair(etype: number, settings: Settings = {}): readonly [KerberosProtection, KerberosProtection] {
  const key = KerberosKey.generate(encryptionType(etype, ALL), random);
  const numbers = { sendSequence: 7, receiveSequence: 90 };
  return [
    protection(key, { ...numbers, ...settings }),
    protection(key, { sendSequence: 90, receiveSequence: 7, ...settings, role: 'acceptor' }),
  ];
}

function codeOf(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error instanceof SspiError ? error.code : error;
  }
  return 'nothing was thrown';
}

const keyOf = (one: VectorCase): KerberosKey =>
  new KerberosKey(encryptionType(number(one, 'etype'), ALL), octets(one, 'key'));
const roleOf = (one: VectorCase) => (one['sent_by_acceptor'] === true ? 'acceptor' : 'initiator');
const peerOf = (one: VectorCase) => (one['sent_by_acceptor'] === true ? 'initiator' : 'acceptor');
const rrcOf = (token: Uint8Array): number => new DataView(token.buffer, token.byteOffset).getUint16(6);
const sequenceIn = (token: Uint8Array): number => new DataView(token.buffer, token.byteOffset).getUint32(12);

describe('RFC 4121 tokens', () => {
  test.each(vectorCases('kerberos-gss', 'CFX wrap (sealed)'))('K5, V20h: $name', (one) => {
    const key = keyOf(one);
    const token = octets(one, 'token');
    const settings = { receiveSequence: number(one, 'seq'), role: peerOf(one) } as const;
    expect(toHex(protection(key, settings).unwrap(token))).toBe(text(one, 'plaintext'));
    const cut = token.length - octets(one, 'plaintext').length;
    const data = token.slice(cut);
    protection(key, settings).unseal(token.subarray(0, cut), data);
    expect(toHex(data)).toBe(text(one, 'plaintext'));
    if (token[7] !== 28) return; // what we send is the layout of Windows
    const confounder = { bytes: () => octets(one, 'confounder') };
    const sender = protection(key, { role: roleOf(one), sendSequence: number(one, 'seq'), random: confounder });
    expect(toHex(sender.wrap(octets(one, 'plaintext')))).toBe(text(one, 'token'));
  });

  test('V20h: the token of the contract', () => {
    const key = new KerberosKey(
      encryptionType(18),
      Uint8Array.from({ length: 32 }, (_, i) => i),
    );
    const confounder = { bytes: () => Uint8Array.from({ length: 16 }, (_, i) => 0x40 + i) };
    expect(toHex(protection(key, { random: confounder }).wrap(new TextEncoder().encode('CredSSP')))).toBe(
      '050402ff0000001c0000000000000000f25cdcdef74a59c62904a056199e6d44bf938840a7e984ed4909e86c68b07adb8b5886fc85c1b0434e0dd503e5d4365c7381d3',
    );
  });

  test.each(vectorCases('kerberos-gss', 'CFX wrap (integrity only)'))('K5: $name', (one) => {
    const token = octets(one, 'token');
    const sequence = sequenceIn(token);
    const receiver = protection(keyOf(one), { role: peerOf(one), receiveSequence: sequence });
    const { message: payload, sealed } = receiver.unwrapAny(token);
    expect([toHex(payload), sealed]).toEqual([text(one, 'payload'), false]);
    const sender = protection(keyOf(one), { role: roleOf(one), sendSequence: sequence });
    expect(toHex(sender.wrapSigned(octets(one, 'payload')))).toBe(text(one, 'token'));
  });

  test.each(vectorCases('kerberos-gss', 'CFX MIC'))('K5: $name', (one) => {
    const token = octets(one, 'token');
    const sequence = sequenceIn(token);
    protection(keyOf(one), { role: peerOf(one), receiveSequence: sequence }).verify(octets(one, 'payload'), token);
    const sender = protection(keyOf(one), { role: roleOf(one), sendSequence: sequence });
    expect(toHex(sender.sign(octets(one, 'payload')))).toBe(text(one, 'token'));
  });

  const tokens = vectorCases('kerberos-gss').filter((one) => 'token' in one);

  test.each(tokens)('Z36, Z37: every flipped bit and every cut of a token is refused: $kind, $name', (one) => {
    const token = octets(one, 'token');
    const key = keyOf(one);
    const sequence = sequenceIn(token);
    const open = (octetsOf: Uint8Array): unknown =>
      codeOf(() => {
        const receiver = protection(key, { role: peerOf(one), receiveSequence: sequence });
        if (text(one, 'kind') === 'CFX MIC') receiver.verify(octets(one, 'payload'), octetsOf);
        else receiver.unwrapAny(octetsOf);
      });
    expect(open(token)).toBe('nothing was thrown');
    for (let bit = 0; bit < 8 * token.length; bit++) {
      const flipped = token.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      // RRC is honoured modulo the length: some whole turns more make the same token.
      const turned = one['kind'] !== 'CFX MIC' && bit >>> 4 === 3 ? Math.abs(rrcOf(flipped) - rrcOf(token)) : 1;
      const turn = turned % (token.length - 16) === 0;
      expect(open(flipped)).toMatch(turn ? 'nothing was thrown' : /MESSAGE_ALTERED|MALFORMED_TOKEN/);
    }
    for (let length = 0; length < token.length; length++)
      expect(open(token.subarray(0, length))).toMatch(/MESSAGE_ALTERED|MALFORMED_TOKEN/);
    expect(open(hex(`${toHex(token)}00`))).toMatch(/MESSAGE_ALTERED|MALFORMED_TOKEN/);
  });

  test('Z36, Z47: any RRC is honoured, modulo the length', () => {
    const [one] = vectorCases('kerberos-gss', 'CFX wrap (sealed)').filter(({ name }) => name === 'initiator, RRC=0');
    if (one === undefined) throw new TypeError('the case is missing');
    const plain = octets(one, 'token');
    const body = plain.subarray(16);
    for (const rrc of [0, 1, 15, 28, body.length - 1, body.length, body.length + 3, 0x7fff, 0xffff]) {
      const turned = rrc % body.length;
      const token = hex(
        `${toHex(plain.subarray(0, 16))}${toHex(body.subarray(body.length - turned))}${toHex(body.subarray(0, body.length - turned))}`,
      );
      new DataView(token.buffer).setUint16(6, rrc);
      expect(toHex(protection(keyOf(one), { role: 'acceptor', receiveSequence: 7 }).unwrap(token))).toBe(
        text(one, 'plaintext'),
      );
    }
  });

  test('Z36: a filler is cut off, one that is longer than the message is refused', () => {
    // Built by hand from RFC 4121 4.2.4: plaintext | filler | header with EC, encrypted under usage 24.
    const key = KerberosKey.generate(encryptionType(18), random);
    const build = (plaintext: string, ec: string, copy = `050402ff${ec}00000000000000000000`): Uint8Array =>
      hex(`050402ff${ec}00000000000000000000${toHex(key.encrypt(24, hex(`${plaintext}${copy}`), random))}`);
    const open = (token: Uint8Array) => protection(key, { role: 'acceptor' }).unwrap(token);
    expect(toHex(open(build('616263ffff', '0002')))).toBe('616263');
    expect(toHex(open(build('ffff', '0002')))).toBe('');
    expect(codeOf(() => open(build('ff', '0002')))).toBe('MALFORMED_TOKEN');
    expect(codeOf(() => open(build('6162', 'ffff')))).toBe('MALFORMED_TOKEN');
    // CVE-2024-37370: the outer EC was enlarged, the encrypted copy tells the truth
    expect(codeOf(() => open(build('616263', '0001', '050402ff000000000000000000000000')))).toBe('MESSAGE_ALTERED');
    expect(codeOf(() => open(build('616263', '0000', '050406ff000000000000000000000000')))).toBe('MESSAGE_ALTERED');
    expect(codeOf(() => open(build('616263', '0000', '050402ff000000000000000000000001')))).toBe('MESSAGE_ALTERED');
    expect(
      codeOf(() => open(hex(`050402ff000000000000000000000000${toHex(key.encrypt(24, hex('00'), random))}`))),
    ).toBe('MALFORMED_TOKEN');
  });

  test('K13: DCE style: a filler of 16 octets, and the rotation counts it', () => {
    for (const etype of [17, 18, 19, 20]) {
      const [client, server] = pair(etype, { dceStyle: true });
      const data = message.slice();
      const header = client.seal(data);
      expect(header.length).toBe(client.sizes.securityTrailer);
      expect(toHex(header.subarray(4, 6))).toBe('0010');
      server.unseal(header, data);
      expect(data).toEqual(message);
    }
  });
});

describe('RFC 4757 tokens', () => {
  const [one] = vectorCases('kerberos-gss', 'RC4 wrap (RFC 4757 7.3)');
  if (one === undefined) throw new TypeError('the case is missing');
  const sequence = Number.parseInt(text(one, 'seq_be'), 16);
  const confounder = { bytes: () => octets(one, 'confounder') };
  const token = hex(text(one, 'signature') + text(one, 'data'));

  test('K6, V10: as one token, with padding', () => {
    const sender = protection(keyOf(one), { sendSequence: sequence, random: confounder });
    expect(toHex(sender.wrap(octets(one, 'plaintext')))).toBe(toHex(token));
    const receiver = protection(keyOf(one), { role: 'acceptor', receiveSequence: sequence });
    expect(toHex(receiver.unwrap(token))).toBe(text(one, 'plaintext'));
  });

  test('K6, V10: in two pieces, over what is there', () => {
    const padded = hex(text(one, 'plaintext') + text(one, 'padding'));
    const sender = protection(keyOf(one), { sendSequence: sequence, random: confounder });
    const header = sender.seal(padded);
    expect([toHex(header), toHex(padded)]).toEqual([text(one, 'signature'), text(one, 'data')]);
    protection(keyOf(one), { role: 'acceptor', receiveSequence: sequence }).unseal(header, padded);
    expect(toHex(padded)).toBe(text(one, 'plaintext') + text(one, 'padding'));
  });

  test('Z37, Z38: every flipped bit and every cut is refused, always in the same words', () => {
    const open = (octetsOf: Uint8Array): unknown =>
      codeOf(() => protection(keyOf(one), { role: 'acceptor', receiveSequence: sequence }).unwrap(octetsOf));
    expect(open(token)).toBe('nothing was thrown');
    for (let bit = 0; bit < 8 * token.length; bit++) {
      const flipped = token.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      expect(open(flipped)).toBe('MESSAGE_ALTERED');
    }
    for (let length = 0; length < token.length; length++)
      expect(open(token.subarray(0, length))).toBe('MESSAGE_ALTERED');
  });

  test('Z38: a bad pad is the same error as a bad checksum', () => {
    const sender = protection(keyOf(one), { sendSequence: sequence });
    const data = message.slice();
    const header = sender.seal(data); // without padding, so that the last octet is no pad
    const receiver = protection(keyOf(one), { role: 'acceptor', receiveSequence: sequence });
    expect(codeOf(() => receiver.unwrap(hex(toHex(header) + toHex(data))))).toBe('MESSAGE_ALTERED');
  });

  test('RFC 4757 7.2: MIC, 37 octets, every flipped bit refused', () => {
    const key = KerberosKey.generate(encryptionType(23, ALL), random);
    const mic = protection(key).sign(message);
    expect(mic.length).toBe(37);
    expect(toHex(mic.subarray(0, 21))).toBe('602306092a864886f7120102020101'.concat('1100ffffffff'));
    for (let bit = 0; bit < 8 * mic.length; bit++) {
      const flipped = mic.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const receiver = protection(key, { role: 'acceptor' });
      // The checksum does not cover SND_SEQ, octets 21 to 28: another number or direction, but no other message.
      const expected = bit >>> 3 >= 21 && bit >>> 3 < 25 ? 'MESSAGE_OUT_OF_ORDER' : 'MESSAGE_ALTERED';
      expect(codeOf(() => receiver.verify(message, flipped))).toBe(expected);
    }
    protection(key, { role: 'acceptor' }).verify(message, mic);
  });

  test('Z37, Z38: a MIC or a header cut at any length, or a header altered anywhere, is the same error too', () => {
    const key = KerberosKey.generate(encryptionType(23, ALL), random);
    const receiver = (): KerberosProtection => protection(key, { role: 'acceptor' });
    const mic = protection(key).sign(message);
    for (let length = 0; length < mic.length; length++)
      expect(codeOf(() => receiver().verify(message, mic.subarray(0, length)))).toBe('MESSAGE_ALTERED');
    const sealed = new Uint8Array(16).fill(0x61);
    const header = protection(key).seal(sealed);
    expect([mic.length, header.length]).toEqual([37, 45]);
    const opened = (of: Uint8Array): readonly [unknown, string] => {
      const data = sealed.slice();
      return [codeOf(() => receiver().unseal(of, data)), toHex(data)];
    };
    for (let length = 0; length < header.length; length++)
      expect(opened(header.subarray(0, length))).toEqual(['MESSAGE_ALTERED', '00'.repeat(16)]);
    for (let at = 0; at < header.length; at++)
      expect(opened(header.with(at, (header[at] ?? 0) ^ 1))).toEqual(['MESSAGE_ALTERED', '00'.repeat(16)]);
    expect(opened(header)).toEqual(['nothing was thrown', '61'.repeat(16)]);
  });

  test('K13: in DCE style the frame does not count the data; as one token it must', () => {
    const key = KerberosKey.generate(encryptionType(23, ALL), random);
    const data = new Uint8Array(16).fill(0x61);
    const header = protection(key).seal(data);
    expect(header[1]).toBe(0x3b);
    header[1] = 0x2b;
    const token = hex(toHex(header) + toHex(data));
    protection(key, { role: 'acceptor' }).unseal(header, data);
    expect(toHex(data)).toBe('61'.repeat(16));
    expect(codeOf(() => protection(key, { role: 'acceptor' }).unwrapAny(token))).toBe('MESSAGE_ALTERED');
  });

  test('messages of all sizes of frame', () => {
    for (const length of [0, 83, 84, 85, 211, 212, 213, 65_000, 66_000]) {
      const [client, server] = pair(23);
      const large = new Uint8Array(length).fill(0x61);
      expect(Buffer.compare(server.unwrap(client.wrap(large)), large)).toBe(0);
      const data = large.slice();
      const header = client.seal(data);
      expect(header.length).toBeLessThanOrEqual(client.sizes.securityTrailer);
      server.unseal(header, data);
      expect(Buffer.compare(data, large)).toBe(0);
    }
  });
});

describe('message protection', () => {
  test.each(types)('K5, K6: both ways, all operations, numbers going on: $name', ({ etype }) => {
    const [client, server] = pair(etype);
    for (const [from, to] of [
      [client, server],
      [server, client],
      [client, server],
    ] as const) {
      expect(to.unwrap(from.wrap(message))).toEqual(message);
      const data = message.slice();
      const header = from.seal(data);
      expect(data).not.toEqual(message);
      to.unseal(header, data);
      expect(data).toEqual(message);
      to.verify(message, from.sign(message));
      expect(to.unwrapAny(from.wrapSigned(message))).toMatchObject({ sealed: false, message });
      const empty = new Uint8Array(0);
      expect(to.unwrap(from.wrap(empty))).toEqual(empty);
      to.unseal(from.seal(empty), empty);
    }
  });

  test('K16: sizes', () => {
    expect(pair(17)[0].sizes).toEqual({ maxToken: 48_000, maxSignature: 28, blockSize: 1, securityTrailer: 60 });
    expect(pair(18)[0].sizes).toEqual({ maxToken: 48_000, maxSignature: 28, blockSize: 1, securityTrailer: 60 });
    expect(pair(19)[0].sizes).toMatchObject({ maxSignature: 32, securityTrailer: 64 });
    expect(pair(20)[0].sizes).toMatchObject({ maxSignature: 40, securityTrailer: 72 });
    // RC4: 37 and 45 for short messages; the frame has up to three octets more
    expect(pair(23)[0].sizes).toMatchObject({ maxSignature: 37, blockSize: 1, securityTrailer: 48 });
    expect(pair(23)[0].seal(new Uint8Array(16)).length).toBe(45);
    for (const { etype } of types) {
      const [client] = pair(etype);
      const data = message.slice();
      expect(client.seal(data).length).toBeLessThanOrEqual(client.sizes.securityTrailer);
      expect(client.sign(message).length).toBe(client.sizes.maxSignature);
    }
  });

  test.each(types)(
    'X29, Z40: the same message twice, or out of order, is refused and ends the direction: $name',
    ({ etype }) => {
      const [client, server] = pair(etype);
      const [first, second, third] = [client.wrap(message), client.wrap(message), client.wrap(message)];
      server.unwrap(first);
      expect(codeOf(() => server.unwrap(first))).toBe('MESSAGE_OUT_OF_ORDER');
      expect(codeOf(() => server.unwrap(second))).toBe('MESSAGE_OUT_OF_ORDER');
      const [, other] = pair(etype);
      expect(codeOf(() => other.unwrap(third))).toBe('MESSAGE_ALTERED'); // another key
    },
  );

  test.each(types)('our own message come back is refused: $name', ({ etype }) => {
    const [client] = pair(etype, { receiveSequence: 7 });
    expect(codeOf(() => client.unwrap(client.wrap(message)))).toBe('MESSAGE_ALTERED');
    const [other] = pair(etype, { receiveSequence: 7 });
    expect(codeOf(() => other.verify(message, other.sign(message)))).toBe('MESSAGE_ALTERED');
  });

  test.each(types)('X26: a message that is only signed does not pass for a secret one: $name', ({ etype }) => {
    const [client, server] = pair(etype);
    expect(codeOf(() => server.unwrap(client.wrapSigned(message)))).toBe('MESSAGE_ALTERED');
  });

  test.each(types)('data that does not verify is zeroed: $name', ({ etype }) => {
    const [client, server] = pair(etype);
    const data = message.slice();
    const header = client.seal(data);
    data[3] = (data[3] ?? 0) ^ 1;
    expect(codeOf(() => server.unseal(header, data))).toBe('MESSAGE_ALTERED');
    expect(data.every((octet) => octet === 0)).toBe(true);
  });

  test('a header that belongs to longer data is refused', () => {
    const [client, server] = pair(18);
    const token = client.wrap(message);
    const data = token.slice(70);
    expect(codeOf(() => server.unseal(token.subarray(0, 70), data))).toBe('MALFORMED_TOKEN');
  });

  test('Z40: in replay mode messages may be missing and late, but not come twice', () => {
    const [client, server] = pair(18, { sequence: 'replay' });
    const tokens = Array.from({ length: 40 }, () => client.wrap(message));
    const opens = (index: number): unknown => codeOf(() => server.unwrap(tokens[index] ?? new Uint8Array(0)));
    expect(opens(5)).toBe('nothing was thrown');
    expect(opens(3)).toBe('nothing was thrown');
    expect(opens(3)).toBe('MESSAGE_OUT_OF_ORDER');
    expect(opens(5)).toBe('MESSAGE_OUT_OF_ORDER');
    expect(opens(39)).toBe('nothing was thrown');
    expect(opens(8)).toBe('nothing was thrown');
    expect(opens(8)).toBe('MESSAGE_OUT_OF_ORDER');
    expect(opens(6)).toBe('MESSAGE_OUT_OF_ORDER'); // 33 behind
    const altered = tokens[10]?.slice() ?? new Uint8Array(0);
    altered[20] = (altered[20] ?? 0) ^ 1;
    expect(codeOf(() => server.unwrap(altered))).toBe('MESSAGE_ALTERED');
    expect(opens(10)).toBe('nothing was thrown');
  });

  test('RC4 numbers start over behind 2^32 - 1, those of AES go on', () => {
    for (const etype of [18, 23]) {
      const key = KerberosKey.generate(encryptionType(etype, ALL), random);
      const from = protection(key, { sendSequence: 0xffffffff });
      const to = protection(key, { role: 'acceptor', receiveSequence: 0xffffffff });
      for (let i = 0; i < 3; i++) expect(to.unwrap(from.wrap(message))).toEqual(message);
    }
  });

  test('X28: a mechListMIC numbered zero is borne, once, before anything else came', () => {
    const key = KerberosKey.generate(encryptionType(18), random);
    const zero = protection(key, { sendSequence: 0 });
    const peer = protection(key, { sendSequence: 5 });
    const receiver = protection(key, { role: 'acceptor', receiveSequence: 5 });
    receiver.verify(message, zero.sign(message));
    expect(receiver.unwrap(peer.wrap(message))).toEqual(message);
    expect(codeOf(() => receiver.verify(message, protection(key).sign(message)))).toBe('MESSAGE_OUT_OF_ORDER');
    const started = protection(key, { role: 'acceptor', receiveSequence: 0 });
    const mic = protection(key).sign(message);
    started.verify(message, mic);
    expect(codeOf(() => started.verify(message, mic))).toBe('MESSAGE_OUT_OF_ORDER');
  });

  test.each([
    ['strict', 5],
    ['strict', 4_000_000_000],
    ['replay', 5],
    ['replay', 32],
    ['replay', 33],
  ] as const)('X28, Z40: and not twice, also when nothing else came: %s, first number %i', (sequence, announced) => {
    for (const { etype } of types) {
      const key = KerberosKey.generate(encryptionType(etype, ALL), random);
      const zero = protection(key).sign(message);
      const receiver = (): KerberosProtection =>
        protection(key, { role: 'acceptor', sequence, receiveSequence: announced });
      const atOnce = receiver();
      atOnce.verify(message, zero);
      expect(codeOf(() => atOnce.verify(message, zero))).toBe('MESSAGE_OUT_OF_ORDER');
      const later = receiver();
      later.verify(message, zero);
      expect(later.unwrap(protection(key, { sendSequence: announced }).wrap(message))).toEqual(message);
      expect(codeOf(() => later.verify(message, zero))).toBe('MESSAGE_OUT_OF_ORDER');
    }
  });

  test('without confidentiality nothing is sealed, after dispose nothing works', () => {
    const [client, server] = pair(18, { confidentiality: false });
    expect(codeOf(() => client.wrap(message))).toBe('UNSUPPORTED_FUNCTION');
    expect(codeOf(() => client.seal(message.slice()))).toBe('UNSUPPORTED_FUNCTION');
    server.verify(message, client.sign(message));
    const [bare] = pair(18, { confidentiality: false, integrity: false });
    expect(codeOf(() => bare.sign(message))).toBe('UNSUPPORTED_FUNCTION');
    server.dispose();
    expect(codeOf(() => server.sign(message))).toBe('INVALID_HANDLE');
    const [rc4] = pair(23);
    rc4.dispose();
    expect(codeOf(() => rc4.wrap(message))).toBe('INVALID_HANDLE');
  });
});
