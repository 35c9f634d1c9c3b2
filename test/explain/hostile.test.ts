import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diagnose, nodesOf, renderJson, renderText } from '../../src/explain/index.ts';
import { Secret } from '../../src/sspi/index.ts';
import { hex, octets, text, vectorCases } from '../support/vectors.ts';
import { frames, pcap, pcapng } from './captures.ts';
import { decodedCalmly, notesOf, PASSWORD, transcript } from './support.ts';

const KEYS = { password: PASSWORD, sessionKey: new Secret(new Uint8Array(16).fill(1)) };

/** Whatever it was, it can be written down and thought about. */
async function survives(input: Uint8Array | string): Promise<void> {
  const explanation = await decodedCalmly(input, KEYS);
  const lines = renderText(explanation, { diagnosis: diagnose(explanation) }).split('\n');
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  JSON.parse(renderJson(explanation));
  for (const { tree, length } of explanation.messages)
    for (const node of nodesOf(tree)) {
      if (node.decrypted === true) break;
      expect(node.offset).toBeGreaterThanOrEqual(0);
      expect(node.length).toBeGreaterThanOrEqual(0);
      expect(node.offset + node.length).toBeLessThanOrEqual(length);
    }
}

function tokenOfCapture(index: number): Uint8Array {
  const tokens: unknown = vectorCases('spnego', 'capture')[0]?.['tokens'];
  return hex(Array.isArray(tokens) ? String(tokens[index]) : '');
}

/** One message of each kind. */
const SAMPLES: readonly (readonly [string, Uint8Array])[] = [
  ['NTLM AUTHENTICATE', octets(vectorCases('ntlm-captures')[0] ?? {}, 'authenticate')],
  ['NTLM CHALLENGE', octets(vectorCases('ntlm-captures')[0] ?? {}, 'challenge')],
  ['NegTokenInit with an AP-REQ', tokenOfCapture(0)],
  ['NegTokenResp', tokenOfCapture(1)],
  ['TSCredentials', octets(vectorCases('credssp', 'TSCredentials')[1] ?? {}, 'hex')],
  ['TSRequest', hex(JSON.parse(transcript('freerdp2-ntlm-v6').split('\n')[5] ?? '').ts.der)],
  ['X.224', hex('0300002b26e00000000000436f6f6b69653a206d737473686173683d616c6963650d0a0100080003000000')],
  ['AS-REP', octets(vectorCases('kerberos-asn1').find(({ name }) => name === 'as_rep') ?? {}, 'hex')],
  ['TGS-REQ', octets(vectorCases('kerberos-asn1').find(({ name }) => name === 'tgs_req') ?? {}, 'hex')],
  ['KRB-ERROR', octets(vectorCases('kerberos-asn1').find(({ name }) => name === 'error') ?? {}, 'hex')],
  ['KDC-PROXY-MESSAGE', octets(vectorCases('kerberos-asn1').find(({ name }) => name === 'kkdcp_message') ?? {}, 'hex')],
  ['Ticket', octets(vectorCases('kerberos-pac-signatures').find((one) => 'ticket' in one) ?? {}, 'ticket')],
  [
    'EncTicketPart with a PAC',
    octets(vectorCases('kerberos-pac-signatures').find((one) => 'ticket' in one) ?? {}, 'enc_ticket_part'),
  ],
  [
    'change password',
    octets(vectorCases('kerberos-files-pac').find(({ kind }) => String(kind).startsWith('kpasswd')) ?? {}, 'hex'),
  ],
  ['GSS wrap token', octets(vectorCases('kerberos-gss')[0] ?? {}, 'token')],
  [
    'RC4 wrap token',
    hex(
      text(vectorCases('kerberos-gss').find(({ etype }) => etype === 23) ?? {}, 'signature') +
        text(vectorCases('kerberos-gss').find(({ etype }) => etype === 23) ?? {}, 'data'),
    ),
  ],
  [
    'ClientHello',
    hex(
      '16030100590100005503030102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f200000021301010000' +
        '2a00000010000e00000b6578616d706c652e636f6d002b0003020304000d000400020403000a00040002001d',
    ),
  ],
  [
    'WinRM',
    new TextEncoder().encode(
      '--Encrypted Boundary\r\n\tContent-Type: application/HTTP-CredSSP-session-encrypted\r\n\tOriginalContent: type=a;Length=3\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n\u0010\0\0\0\u0017\u0003\u0003\0\u0003abc--Encrypted Boundary--\r\n',
    ),
  ],
];

describe.each(SAMPLES)('%s', (name, message) => {
  test('is known when it is whole', async () => {
    const { messages } = await decodedCalmly(message);
    expect(messages[0]?.protocol).not.toBe('unknown');
    await survives(message);
  });

  test('cut anywhere, gives a tree up to the cut', async () => {
    const step = Math.max(1, Math.floor(message.length / 25));
    for (let end = 0; end < message.length; end += step) await survives(message.subarray(0, end));
    const cut = await decodedCalmly(message.subarray(0, message.length - 5));
    expect(
      notesOf(cut).some((note) => /^(?:TRUNCATED|MALFORMED|REFUSED)/.test(note)) ||
        name === 'GSS wrap token' ||
        name === 'RC4 wrap token',
    ).toBe(true);
  });

  test('changed anywhere, upsets nobody', async () => {
    const step = Math.max(1, Math.floor(message.length / 25));
    for (let at = 0; at < message.length; at += step) {
      for (const mask of [0x01, 0x80]) {
        const copy = Uint8Array.from(message);
        copy[at] = (copy[at] ?? 0) ^ mask;
        await survives(copy);
      }
    }
  });
});

describe('whatever octets there are', () => {
  test('random ones', async () => {
    await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), survives), { numRuns: 100 });
  });

  test('random ones behind the beginning of something', async () => {
    const beginnings = SAMPLES.map(([, message]) => message.subarray(0, 12));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 200 }), (start, rest) =>
        survives(Uint8Array.from([...start, ...rest])),
      ),
      { numRuns: 200 },
    );
  });

  test('random texts, and pieces of recordings', async () => {
    await fc.assert(fc.asyncProperty(fc.string({ maxLength: 200 }), survives), { numRuns: 100 });
    const recording = transcript('impacket-ntlm-v2');
    await fc.assert(
      fc.asyncProperty(fc.nat(recording.length), fc.nat(recording.length), (from, length) =>
        survives(recording.slice(from, from + length)),
      ),
      { numRuns: 40 },
    );
  });

  test('captures with octets changed', async () => {
    const packets = frames([
      { from: 'client', data: SAMPLES[6]?.[1] ?? new Uint8Array(0) },
      { from: 'server', data: hex('030000130ed000000000000203080002000000') },
      { from: 'client', data: new TextEncoder().encode('POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nabc') },
    ]);
    for (const file of [pcap(packets), pcapng(packets)])
      await fc.assert(
        fc.asyncProperty(fc.nat(file.length - 1), fc.nat(255), (at, value) => {
          const copy = Uint8Array.from(file);
          copy[at] = value;
          return survives(copy);
        }),
        { numRuns: 80 },
      );
  });
});

describe('bounds', () => {
  test('messages within messages end', async () => {
    // NegTokenResp within the responseToken of a NegTokenResp, again and again: a1 L 30 L a2 L 04 L ...
    let token: Uint8Array = hex('4e544c4d53535000');
    const tlv = (tag: number, content: Uint8Array): Uint8Array =>
      Uint8Array.from([tag, 0x82, content.length >>> 8, content.length & 0xff, ...content]);
    for (let depth = 0; depth < 200; depth++) token = tlv(0xa1, tlv(0x30, tlv(0xa2, tlv(0x04, token))));
    const explanation = await decodedCalmly(token);
    expect(notesOf(explanation)).toContain('LIMIT: messages within messages, too deep to be true');
    await survives(token);
  });

  test('a result is not larger than it was allowed to be', async () => {
    const explanation = await decodedCalmly(transcript('freerdp2-ntlm-v6'), { maxNodes: 50 });
    let nodes = 0;
    for (const { tree } of explanation.messages) for (const _ of nodesOf(tree)) nodes++;
    expect(nodes).toBeLessThanOrEqual(50 + explanation.messages.length);
    expect(notesOf(explanation)).toContain('LIMIT: there is more, which is not shown');
  });

  test('a list with very many elements is read in good time', async () => {
    const element = hex('3009a10302010ba2020400');
    const list = new Uint8Array(4 + 4000 * element.length);
    list.set([0x30, 0x82, (4000 * element.length) >>> 8, (4000 * element.length) & 0xff]);
    for (let at = 0; at < 4000; at++) list.set(element, 4 + at * element.length);
    const started = performance.now();
    await survives(list);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('more input than was allowed is left out, and said to be', async () => {
    const explanation = await decodedCalmly('4e544c4d5353500001000000', { maxInput: 16 });
    expect(notesOf(explanation)).toContain('LIMIT: only the first 16 octets of the input');
  });

  test('names of peers cannot move the cursor', async () => {
    const explanation = await decodedCalmly(
      hex(
        `0300002b26e00000000000${Buffer.from('Cookie: mstshash=\u001b[2J\u0007').toString('hex')}0d0a0100080003000000`,
      ),
    );
    const text = renderText(explanation);
    expect([...text].filter((character) => character !== '\n' && character.charCodeAt(0) < 0x20)).toEqual([]);
    expect(text).toContain('\\u{1b}[2J');
  });
});
