/** What the flags make of the protection of messages, down to the single octet. */
import { describe, expect, test } from 'vitest';
import { crc32, Rc4 } from '../../src/crypto/index.ts';
import { acceptorFlags, initiatorFlags } from '../../src/ntlm/established.ts';
import { decodeChallenge, encodeNegotiate, NEGOTIATE, NtlmMessageSecurity } from '../../src/ntlm/index.ts';
import { ExtendedSessionSecurity, LegacySessionSecurity } from '../../src/ntlm/session-security.ts';
import { ASC_RET, ISC_REQ, ISC_RET } from '../../src/sspi/index.ts';
import { toHex } from '../support/vectors.ts';
import { EXPORTED_KEY, logOnByHand, OFFERED, say, startServer } from './support.ts';

const MESSAGE = new TextEncoder().encode('the same words twice');
const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);

describe('what the flags grant', () => {
  const SIGNED = ISC_RET.INTEGRITY | ISC_RET.REPLAY_DETECT | ISC_RET.SEQUENCE_DETECT;
  const ASC_SIGNED = ASC_RET.INTEGRITY | ASC_RET.REPLAY_DETECT | ASC_RET.SEQUENCE_DETECT;

  test.each([
    ['a session key without its exchange', NEGOTIATE.SIGN, ISC_REQ.USE_SESSION_KEY, SIGNED],
    [
      'a session key with its exchange',
      NEGOTIATE.SIGN | NEGOTIATE.KEY_EXCH,
      ISC_REQ.USE_SESSION_KEY,
      SIGNED | ISC_RET.USE_SESSION_KEY,
    ],
    ['a session key that nobody asked for', NEGOTIATE.SIGN | NEGOTIATE.KEY_EXCH, 0, SIGNED],
    ['nobody', NEGOTIATE.ANONYMOUS, 0, ISC_RET.NULL_SESSION],
    ['nothing', 0, ISC_REQ.MUTUAL_AUTH | ISC_REQ.DELEGATE | ISC_REQ.CONFIDENTIALITY, 0],
    [
      'DCE style and connections',
      0,
      ISC_REQ.USE_DCE_STYLE | ISC_REQ.CONNECTION,
      ISC_RET.USED_DCE_STYLE | ISC_RET.CONNECTION,
    ],
  ])('N5: the client gets for %s', (_, flags, requested, granted) => {
    expect(initiatorFlags(flags, requested)).toBe(granted);
  });

  test.each([
    ['a session key without its exchange', NEGOTIATE.SIGN, ASC_RET.USE_SESSION_KEY, ASC_SIGNED],
    [
      'a session key with its exchange',
      NEGOTIATE.SIGN | NEGOTIATE.KEY_EXCH,
      ASC_RET.USE_SESSION_KEY,
      ASC_SIGNED | ASC_RET.USE_SESSION_KEY,
    ],
    ['a session key that nobody asked for', NEGOTIATE.SIGN | NEGOTIATE.KEY_EXCH, 0, ASC_SIGNED],
    ['nobody', NEGOTIATE.ANONYMOUS, 0, ASC_RET.NULL_SESSION],
    ['nothing', 0, ASC_RET.MUTUAL_AUTH | ASC_RET.DELEGATE | ASC_RET.CONFIDENTIALITY, 0],
  ])('N5: the server gets for %s', (_, flags, requested, granted) => {
    expect(acceptorFlags(flags, requested)).toBe(granted);
  });
});

describe('strength', () => {
  const weak = { allowWeakSessionSecurity: true };
  const keySize = async (negotiateFlags: number): Promise<number> => {
    const server = await startServer(weak);
    await logOnByHand(server, { negotiateFlags });
    return server.query('KEY_INFO').keySize;
  };

  test('N13, N20: 128, 56 or 40 bits with extended session security; without it there is only the whole key', async () => {
    expect(await keySize(OFFERED)).toBe(128);
    expect(await keySize(OFFERED & ~NEGOTIATE.KEY_128)).toBe(56);
    expect(await keySize(OFFERED & ~(NEGOTIATE.KEY_128 | NEGOTIATE.KEY_56))).toBe(40);
    const legacy = OFFERED & ~NEGOTIATE.EXTENDED_SESSIONSECURITY;
    expect(await keySize(legacy & ~(NEGOTIATE.KEY_128 | NEGOTIATE.KEY_56))).toBe(128);
  });

  test('N11: no session key is exchanged where no message will be protected', async () => {
    const flagsFor = async (flags: number): Promise<number> =>
      decodeChallenge(await say(await startServer(), encodeNegotiate({ flags }))).flags;
    const unprotected = OFFERED & ~(NEGOTIATE.SIGN | NEGOTIATE.SEAL);
    expect((await flagsFor(unprotected)) & NEGOTIATE.KEY_EXCH).toBe(0);
    expect((await flagsFor(OFFERED)) & NEGOTIATE.KEY_EXCH).toBe(NEGOTIATE.KEY_EXCH);
  });

  test('N13: messages are protected with the key that the client chose', async () => {
    const server = await startServer();
    await logOnByHand(server);
    const client = new NtlmMessageSecurity({ flags: OFFERED, exportedSessionKey: EXPORTED_KEY, side: 'client' });
    const { messages } = server;
    if (messages.kind !== 'token') throw new TypeError('not a token mechanism');
    expect(client.unwrap(messages.wrap(MESSAGE))).toEqual(MESSAGE);
    expect(messages.unwrap(client.wrap(MESSAGE))).toEqual(MESSAGE);
  });
});

describe('extended session security', () => {
  const at = (number: number): ExtendedSessionSecurity =>
    new ExtendedSessionSecurity(KEY.slice(), KEY.slice(), false).resume({ number, stream: new Rc4(KEY).save() });
  const numberOf = (security: ExtendedSessionSecurity): string => {
    const signature = new Uint8Array(16);
    security.sign(MESSAGE, signature);
    return toHex(signature.subarray(12));
  };

  test.each([
    [0xff, 'ff000000', '00010000'],
    [0x100, '00010000', '01010000'],
    [0xffffff, 'ffffff00', '00000001'],
    [0xffffffff, 'ffffffff', '00000000'],
  ])('N16: after number 0x%x comes the next one, with its carry', (number, first, second) => {
    const security = at(number);
    expect([numberOf(security), numberOf(security)]).toEqual([first, second]);
    expect(at(number).save().number).toBe(number);
  });
});

describe('without extended session security', () => {
  const LEGACY = NEGOTIATE.SIGN | NEGOTIATE.SEAL;

  test('N15: checksum and number go through the key stream, in little-endian order', () => {
    const security = new LegacySessionSecurity(KEY.slice());
    const stream = new Rc4(KEY);
    for (const number of [0, 1, 2]) {
      const signature = new Uint8Array(16);
      security.sign(MESSAGE, signature);
      expect(toHex(signature.subarray(0, 8))).toBe('0100000000000000');
      stream.transform(new Uint8Array(4)); // the RandomPad's part of the stream
      const rest = signature.slice(8);
      stream.transform(rest);
      const view = new DataView(rest.buffer);
      expect([view.getUint32(0, true), view.getUint32(4, true)]).toEqual([crc32(MESSAGE), number]);
    }
  });

  test('N15: the server’s answer goes on where the client’s message left the key stream', () => {
    const security = (side: 'client' | 'server') =>
      new NtlmMessageSecurity({ flags: LEGACY, exportedSessionKey: KEY, side });
    const [client, server] = [security('client'), security('server')];
    const asked = client.wrap(MESSAGE);
    expect(server.unwrap(asked)).toEqual(MESSAGE);
    const stream = new Rc4(KEY);
    stream.transform(new Uint8Array(MESSAGE.length + 12)); // message, RandomPad, checksum, number
    const expected = MESSAGE.slice();
    stream.transform(expected);
    expect(toHex(server.wrap(MESSAGE).subarray(16))).toBe(toHex(expected));
  });

  test('S7: a restart begins the key stream anew', () => {
    const security = new LegacySessionSecurity(KEY.slice());
    const [first, again] = [MESSAGE.slice(), MESSAGE.slice()];
    security.seal(first, new Uint8Array(16));
    security.restart();
    security.seal(again, new Uint8Array(16));
    expect(again).toEqual(first);
  });
});
