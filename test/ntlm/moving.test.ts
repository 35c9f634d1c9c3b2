/** What a context is when it moves: the state behind the seal, written by hand in DER, as it may be and as it may not (L6). */
import { describe, expect, test } from 'vitest';
import { concat, fromHex } from '../../src/crypto/index.ts';
import { DerError } from '../../src/der/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { NTSTATUS, type SecurityContext, SspiError, toFileTime } from '../../src/sspi/index.ts';
import { logOnByHand, NOW, say, startClient, startServer, stillHost, thrown } from './support.ts';

function tlv(tag: number, ...content: readonly Uint8Array[]): Uint8Array {
  const octets = concat(...content);
  const { length } = octets;
  const header =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return concat(Uint8Array.from(header), octets);
}

const text = (value: string): Uint8Array => tlv(0x0c, new TextEncoder().encode(value));
const flag = (value: boolean): Uint8Array => tlv(0x01, Uint8Array.of(value ? 0xff : 0));
const octets = (value: Uint8Array): Uint8Array => tlv(0x04, value);
const integer = (hex: string): Uint8Array => tlv(0x02, fromHex(hex));

/** S as it is at the start of RC4, and i and j: any permutation is a state. */
const STREAM = Uint8Array.from({ length: 258 }, (_, at) => (at < 256 ? at : 0));
/** UNICODE, SIGN, SEAL, NTLM, ALWAYS_SIGN, EXTENDED_SESSIONSECURITY, 128, KEY_EXCH. */
const FLAGS = '60088231';
const START = toFileTime(NOW).toString(16).padStart(16, '0');

const FIELDS: Readonly<Record<number, Uint8Array>> = {
  0: flag(true),
  1: integer(FLAGS),
  2: octets(new Uint8Array(16).fill(0x55)),
  3: integer('02001c'),
  4: integer(START),
  5: text('EXAMPLE\\alice'),
  6: text('HTTP/web'),
  7: tlv(
    0x30,
    ...[text('EXAMPLE'), text('alice'), text('EXAMPLE\\alice'), flag(false), flag(false)].map((field, at) =>
      tlv(0xa0 + at, field),
    ),
  ),
  8: direction('05', STREAM),
  9: direction('00', STREAM),
};

function direction(number: string, stream: Uint8Array): Uint8Array {
  return tlv(0x30, tlv(0xa0, integer(number)), tlv(0xa1, octets(stream)));
}

/** @param changes - by number of the field; undefined leaves it out */
function stateOf(changes: Readonly<Record<number, Uint8Array | undefined>> = {}): Uint8Array {
  const fields = Object.entries({ ...FIELDS, ...changes });
  return tlv(0x30, ...fields.flatMap(([at, value]) => (value === undefined ? [] : [tlv(0xa0 + Number(at), value)])));
}

async function imported(state: Uint8Array): Promise<SecurityContext> {
  const { importContext } = ntlmPackage;
  if (importContext === undefined) throw new TypeError('NTLM contexts do not move');
  return importContext(state, stillHost());
}

/** Malformed, in whichever of the two ways the packages say so. */
async function refused(state: Uint8Array): Promise<void> {
  const error: unknown = await imported(state).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof DerError) return;
  expect(error).toBeInstanceOf(SspiError);
  expect(error).toMatchObject({ code: 'MALFORMED_TOKEN' });
}

describe('the state of a context', () => {
  test('L6: all of it arrives', async () => {
    const context = await imported(stateOf());
    expect([context.state, context.role]).toEqual(['established', 'acceptor']);
    expect(context.query('FLAGS').flags).toBe(0x2001c);
    expect(context.query('LIFESPAN').start).toBe(toFileTime(NOW));
    expect(context.query('NATIVE_NAMES')).toEqual({ clientName: 'EXAMPLE\\alice', serverName: 'HTTP/web' });
    expect(context.query('SESSION_KEY').sessionKey.reveal()).toEqual(new Uint8Array(16).fill(0x55));
    expect(context.query('ACCESS_TOKEN')).toEqual({
      domain: 'EXAMPLE',
      user: 'alice',
      name: 'EXAMPLE\\alice',
      mechanism: 'NTLM',
      identifyOnly: false,
      anonymous: false,
    });
    const { messages } = context;
    if (messages.kind !== 'token') throw new TypeError('NTLM protects messages by tokens');
    expect(Buffer.from(messages.sign(fromHex('00'))).subarray(12)).toEqual(Buffer.from('05000000', 'hex'));
    expect(Buffer.from(messages.sign(fromHex('00'))).subarray(12)).toEqual(Buffer.from('06000000', 'hex'));
  });

  test('L6: what has protected nothing yet, and a client', async () => {
    const context = await imported(stateOf({ 0: flag(false), 7: undefined, 8: undefined, 9: undefined }));
    expect(context.role).toBe('initiator');
    expect(() => context.query('ACCESS_TOKEN')).toThrow(SspiError);
    const { messages } = context;
    if (messages.kind !== 'token') throw new TypeError('NTLM protects messages by tokens');
    expect(Buffer.from(messages.sign(fromHex('00'))).subarray(12)).toEqual(Buffer.alloc(4));
  });

  test('L6: cut anywhere, or with something behind it', async () => {
    const whole = stateOf();
    for (let cut = 0; cut < whole.length; cut++) await refused(whole.subarray(0, cut));
    await refused(concat(whole, Uint8Array.of(0)));
  });

  test.each([0, 1, 2, 3, 4, 5, 6])('L6: without field %i', async (at) => {
    await refused(stateOf({ [at]: undefined }));
  });

  test.each([
    ['a session key of 15 octets', 2, octets(new Uint8Array(15))],
    ['a session key of 17 octets', 2, octets(new Uint8Array(17))],
    ['no session key', 2, octets(new Uint8Array(0))],
    ['flags below zero', 1, integer('ff')],
    ['flags of 33 bits', 1, integer('0100000000')],
    ['a number of 33 bits', 8, direction('0100000000', STREAM)],
    ['a key stream cut short', 8, direction('05', STREAM.subarray(1))],
    ['a key stream that is too long', 9, direction('05', concat(STREAM, Uint8Array.of(0)))],
    [
      'a key stream in which an octet is there twice',
      8,
      direction(
        '05',
        STREAM.map((octet, at) => (at === 7 ? 8 : octet)),
      ),
    ],
    ['the same of the other direction', 9, direction('05', new Uint8Array(258))],
    ['a name that is no text', 5, tlv(0x0c, fromHex('ff'))],
    ['a client without a name', 7, tlv(0x30)],
    ['a truth that is none', 0, tlv(0x01, Uint8Array.of(1))],
    ['a server without a client', 7, undefined],
  ])('L6: %s', async (_, at, value) => {
    await refused(stateOf({ [at]: value }));
  });

  test('L6: a client does not say who its client is', async () => {
    await refused(stateOf({ 0: flag(false) }));
  });

  test('L6: key streams without extended session security, which does not move', async () => {
    const legacy = integer('60008231');
    await refused(stateOf({ 1: legacy }));
    await refused(stateOf({ 1: legacy, 8: undefined }));
    await refused(stateOf({ 1: legacy, 9: undefined }));
  });

  test('L6: what a context exports has that form, and one that is over exports nothing', async () => {
    const { exportContext } = ntlmPackage;
    if (exportContext === undefined) throw new TypeError('NTLM contexts do not move');
    const [client, server] = [await startClient(), await startServer()];
    await server.step(await say(client, await say(server, await say(client))));
    const moved = await imported(exportContext(server));
    expect(moved.query('ACCESS_TOKEN')).toEqual(server.query('ACCESS_TOKEN'));
    server.dispose();
    expect(thrown(() => exportContext(server)).code).toBe('INVALID_HANDLE');
    const failed = await startServer();
    await expect(logOnByHand(failed, { password: 'WrongPass1!' })).rejects.toMatchObject({
      ntStatus: NTSTATUS.LOGON_FAILURE,
    });
    expect(() => exportContext(failed)).toThrow(SspiError);
  });
});
