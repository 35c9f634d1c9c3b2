import { describe, expect, test } from 'vitest';
import { decodeRdCleanPath, encodeRdCleanPath, frameRdCleanPath, type RdCleanPath } from '../../src/rdp/external.ts';
import { SspiError } from '../../src/sspi/index.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const DEADBEEF = hex('deadbeef');

/** Octets of the tests of IronRDP's `ironrdp-rdcleanpath`. */
const PUBLISHED: readonly (readonly [string, string, RdCleanPath])[] = [
  [
    'a request',
    '3032 a004 02020d3e a20d 0c0b 64657374696e6174696f6e a30c 0c0a 70726f78792061757468 a505 0c03 504342 a606 0404 deadbeef',
    {
      kind: 'request',
      destination: 'destination',
      proxyAuth: 'proxy auth',
      preconnectionBlob: 'PCB',
      x224ConnectionPdu: DEADBEEF,
    },
  ],
  [
    'a response',
    '3034 a004 02020d3e a606 0404 deadbeef a714 3012 0404 deadbeef 0404 deadbeef 0404 deadbeef a90e 0c0c 3139322e3136382e372e3935',
    {
      kind: 'response',
      x224ConnectionPdu: DEADBEEF,
      serverCertificates: [DEADBEEF, DEADBEEF, DEADBEEF],
      serverAddress: '192.168.7.95',
    },
  ],
  [
    'an error of HTTP',
    '3015 a004 02020d3e a10d 300b a003 020101 a104 020201f4',
    { kind: 'error', errorCode: 1, httpStatusCode: 500 },
  ],
  [
    'an error of TLS',
    '3014 a004 02020d3e a10c 300a a003 020101 a303 020130',
    { kind: 'error', errorCode: 1, tlsAlertCode: 48 },
  ],
];

function failure(octets: Uint8Array): SspiError {
  try {
    decodeRdCleanPath(octets);
  } catch (error) {
    if (error instanceof SspiError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

describe('RDCleanPath', () => {
  test.each(PUBLISHED)('F12: %s, both ways', (_, octets, message) => {
    expect(decodeRdCleanPath(hex(octets))).toEqual(message);
    expect(encodeRdCleanPath(message)).toEqual(hex(octets));
    expect(frameRdCleanPath(hex(`${octets} 3000`))).toEqual({ whole: hex(octets).length });
  });

  test.each(PUBLISHED)('F12: %s, cut anywhere, is waited for or refused', (_, octets) => {
    const whole = hex(octets);
    for (let length = 0; length < whole.length; length++) {
      expect(frameRdCleanPath(whole.subarray(0, length))).toHaveProperty('missing');
      expect(failure(whole.subarray(0, length)).code).toBe('MALFORMED_TOKEN');
    }
  });

  test.each(PUBLISHED)('F12: %s, with any octet changed, is a message or an error of ours', (_, octets) => {
    const whole = hex(octets);
    for (let at = 0; at < whole.length; at++)
      for (let bit = 0; bit < 8; bit++) {
        const changed = whole.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        try {
          const message = decodeRdCleanPath(changed);
          expect(encodeRdCleanPath(message)).toEqual(changed); // what is taken has no second form
        } catch (error) {
          expect(error).toBeInstanceOf(SspiError);
        }
      }
  });

  // Headers counted by hand; [n] are EXPLICIT context tags.
  test.each([
    ['another version', '300c a004 02020d3d a204 0c026162', 'version 3389, not 3390'],
    ['nothing but a version', '3006 a004 02020d3e', 'neither request nor response nor error'],
    ['a request without a token', '3014 a004 02020d3e a204 0c026162 a606 0404 deadbeef', 'proxy_auth'],
    ['a request for nothing', '3012 a004 02020d3e a204 0c026162 a304 0c026162', 'a request for nothing'],
    [
      'a request with an address',
      '3020 a004 02020d3e a204 0c026162 a304 0c026162 a606 0404 deadbeef a904 0c026162',
      'with the field address',
    ],
    ['a response without a certificate', '300c a004 02020d3e a904 0c026162', 'without a certificate'],
    ['a response with a token', '301a a004 02020d3e a304 0c026162 a706 3004 0402 abcd a904 0c026162', 'proxyAuth'],
    ['an empty chain', '3010 a004 02020d3e a702 3000 a904 0c026162', ''],
    ['an error with a chain', '3017 a004 02020d3e a107 3005 a003 020101 a706 3004 0402 abcd', 'with the field chain'],
    ['an error code of 17 bits', '3011 a004 02020d3e a109 3007 a005 0203 010000', ''],
    ['the field 8', '3010 a004 02020d3e a802 0c00 a904 0c026162', ''],
    ['fields out of order', '3012 a004 02020d3e a304 0c026162 a204 0c026162', ''],
    ['a field twice', '3012 a004 02020d3e a204 0c026162 a204 0c026162', ''],
    ['text that is no UTF-8', '300c a004 02020d3e a204 0c02ff62', ''],
    ['a length that is longer than it need be', '308106 a004 02020d3e', ''],
    ['octets behind it', '3015 a004 02020d3e a10d 300b a003 020101 a104 020201f4 00', ''],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request').toString('hex'), ''],
  ])('F12: %s is refused', (_, octets, detail) => {
    expect(failure(hex(octets))).toMatchObject({ code: 'MALFORMED_TOKEN', stage: 'RDCleanPath' });
    expect(failure(hex(octets)).detail ?? '').toContain(detail);
  });

  test('C17: what would be larger than any of them is refused by its header', () => {
    expect(() => frameRdCleanPath(hex('30847fffffff'))).toThrow(expect.objectContaining({ code: 'TOKEN_TOO_LARGE' }));
    expect(() => frameRdCleanPath(hex('48'))).toThrow(expect.objectContaining({ code: 'MALFORMED_TOKEN' }));
  });

  test('C17: a chain of seventeen is refused', () => {
    const chain = (length: number): Uint8Array =>
      encodeRdCleanPath({ kind: 'response', serverCertificates: Array(length).fill(DEADBEEF), serverAddress: 'a' });
    expect(decodeRdCleanPath(chain(16))).toMatchObject({ kind: 'response' });
    expect(() => chain(17)).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER' }));
    const seventeen = `3044${'04020000'.repeat(17)}`;
    expect(failure(hex(`3053a00402020d3ea746${seventeen}a9030c0161`)).detail).toContain('more than 16');
  });
});
