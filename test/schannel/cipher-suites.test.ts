/** Sizes of records and names of algorithms, suite by suite (contract Q8, Q10). */
import { describe, expect, test } from 'vitest';
import { cipherSuite } from '../../src/schannel/cipher-suites.ts';
import { streamSizesOf } from '../../src/schannel/stream-protection.ts';

describe('STREAM_SIZES', () => {
  // Protocol, suite, cbHeader, cbTrailer, cbBlockSize: the table of contract Q8. 44 is type and tag, 17, and a KeyUpdate: 5 octets in
  // a record of 5, 1 and 16 more.
  test.each([
    ['TLSv1.3', 'TLS_AES_128_GCM_SHA256', 5, 44, 1],
    ['TLSv1.3', 'TLS_AES_256_GCM_SHA384', 5, 44, 1],
    ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256', 5, 44, 1],
    ['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 13, 16, 1],
    ['TLSv1.2', 'TLS_RSA_WITH_AES_256_GCM_SHA384', 13, 16, 1],
    ['TLSv1.2', 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 5, 16, 1],
    ['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 21, 36, 16],
    ['TLSv1.1', 'TLS_RSA_WITH_AES_256_CBC_SHA', 21, 36, 16],
    ['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 21, 48, 16],
    ['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384', 21, 64, 16],
  ] as const)('Q8: %s %s', (protocol, name, header, trailer, blockSize) => {
    const parameters = { protocol, cipherSuite: name, ephemeralKey: undefined, applicationProtocol: undefined };
    expect(streamSizesOf(parameters)).toEqual({ header, trailer, blockSize, maximumMessage: 16_384, buffers: 4 });
  });
});

describe('ALG_IDs', () => {
  test.each([
    [
      'TLS_RSA_WITH_AES_128_CBC_SHA',
      { number: 0x002f, cipherAlgorithm: 0x660e, hashAlgorithm: 0x8004, exchange: 'RSA', signature: 'RSA' },
    ],
    [
      'TLS_DHE_RSA_WITH_AES_256_CBC_SHA256',
      { number: 0x006b, cipherAlgorithm: 0x6610, hashAlgorithm: 0x800c, exchange: 'DHE', signature: 'RSA' },
    ],
    [
      'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384',
      { number: 0xc024, cipherAlgorithm: 0x6610, hashAlgorithm: 0x800d, exchange: 'ECDHE', signature: 'ECDSA' },
    ],
    [
      'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
      { number: 0xc02c, cipherAlgorithm: 0x6610, hashAlgorithm: 0, mode: 'GCM' },
    ],
    ['TLS_RSA_WITH_3DES_EDE_CBC_SHA', { number: 0x000a, cipherAlgorithm: 0x6603, cipherLength: 168, hashLength: 160 }],
    [
      'TLS_CHACHA20_POLY1305_SHA256',
      { number: 0x1303, cipherAlgorithm: 0, cipherLength: 256, exchange: undefined, signature: undefined },
    ],
    ['TLS_SOMETHING_NEW', { number: 0 }],
  ])('Q10: %s', (name, expected) => {
    expect(cipherSuite(name)).toMatchObject(expected);
  });
});
