/**
 * How long the trailer of a TLS record is: what stands behind the ciphertext of the plaintext itself. WinRM writes this number
 * in front of every message that it encrypts with CredSSP ([MS-WSMV] 2.2.9.1.3, contract F18, E19).
 * @module
 */

/** Octets of the MAC by the name that ends a cipher suite's name. */
const MAC_LENGTH: Readonly<Record<string, number>> = { MD5: 16, SHA: 20, SHA256: 32, SHA384: 48 };

const AEAD_TAG = 16;
const CONTENT_TYPE = 1;

/**
 * The length of the trailer of one record.
 * @param protocol - as OpenSSL and Node.js name it: `TLSv1.3`, `TLSv1.2`
 * @param cipher - the name of the cipher suite, OpenSSL's or IANA's
 * @param plaintextLength - octets; matters for block ciphers, which pad
 * @returns octets: tag and content type in TLS 1.3, the tag with an AEAD cipher, MAC and padding with a block cipher
 * @example
 * tlsTrailerLength('TLSv1.2', 'ECDHE-RSA-AES256-GCM-SHA384', 30); // 16
 */
export function tlsTrailerLength(protocol: string, cipher: string, plaintextLength: number): number {
  if (protocol === 'TLSv1.3') return AEAD_TAG + CONTENT_TYPE;
  const words = cipher.split(/[-_]/);
  if (words.some((word) => /^(GCM|CCM8?|CHACHA20|POLY1305)$/.test(word))) {
    return words.includes('CCM8') || (words.includes('CCM') && words.at(-1) === '8') ? 8 : AEAD_TAG;
  }
  const mac = MAC_LENGTH[words.at(-1) ?? ''] ?? 0;
  if (words.some((word) => word.startsWith('RC4'))) return mac;
  const block = words.some((word) => word.includes('DES')) ? 8 : 16;
  // RFC 5246 6.2.3.2: the padding always has one octet at least, its length.
  return mac + block - ((plaintextLength + mac) % block);
}
