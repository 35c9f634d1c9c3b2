import { describe, expect, test } from 'vitest';
import { tlsTrailerLength } from '../../src/schannel/trailer.ts';

describe('the trailer of a TLS record', () => {
  test.each([
    ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256', 17], // RFC 8446 5.2: the content type, RFC 8439 2.8: a tag of 16 octets
    ['TLSv1.2', 'ECDHE-RSA-AES256-GCM-SHA384', 16], // RFC 5288 3
    ['TLSv1.2', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 16],
    ['TLSv1.2', 'ECDHE-RSA-CHACHA20-POLY1305', 16], // RFC 7905 2
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-CCM', 16], // RFC 6655 3
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-CCM8', 8], // RFC 6655 4
    ['TLSv1.2', 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8', 8],
  ])('F18: %s %s: %i octets, whatever the plaintext', (protocol, cipher, length) => {
    for (const plaintext of [0, 1, 15, 16, 16_384]) expect(tlsTrailerLength(protocol, cipher, plaintext)).toBe(length);
  });

  test('F18: a block cipher adds MAC and padding, of which there is at least one octet', () => {
    // RFC 5246 6.2.3.2, HMAC-SHA1 of 20 octets, blocks of 16: 12 + 20 are two blocks, so 16 octets of padding.
    expect(tlsTrailerLength('TLSv1.2', 'ECDHE-RSA-AES128-SHA', 12)).toBe(36);
    expect(tlsTrailerLength('TLSv1.2', 'ECDHE-RSA-AES128-SHA', 11)).toBe(21);
    expect(tlsTrailerLength('TLSv1.2', 'ECDHE-RSA-AES128-SHA', 0)).toBe(32);
  });
});
