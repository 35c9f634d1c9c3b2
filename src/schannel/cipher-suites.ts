/**
 * Cipher suites by their IANA names: numbers and what their parts are, in the terms of CONNECTION_INFO, CIPHER_INFO and KEY_INFO
 * (contract Q8, Q10).
 * @see https://www.iana.org/assignments/tls-parameters
 * @module
 */

/** ALG_ID numbers of Windows (contract Q10). */
export const ALG_ID = {
  AES_128: 0x660e,
  AES_256: 0x6610,
  TRIPLE_DES: 0x6603,
  SHA1: 0x8004,
  SHA_256: 0x800c,
  SHA_384: 0x800d,
  RSA_KEYX: 0xa400,
  ECDH_EPHEM: 0xae06,
  DH_EPHEM: 0xaa02,
  RSA_SIGN: 0x2400,
  ECDSA: 0x2203,
} as const;

/** A cipher suite taken apart. Lengths in bits. */
export interface CipherSuite {
  /** 0 for a suite that is not in the table. */
  readonly number: number;
  readonly mode: 'GCM' | 'CCM' | 'CCM_8' | 'POLY1305' | 'CBC';
  readonly cipher: 'AES' | '3DES' | 'CHACHA20' | 'CAMELLIA' | 'ARIA';
  readonly cipherLength: number;
  /** ALG_ID; 0 when Windows has none. */
  readonly cipherAlgorithm: number;
  readonly blockLength: number;
  /** Of the MAC for CBC, else of the key derivation. */
  readonly hash: 'SHA1' | 'SHA256' | 'SHA384';
  readonly hashLength: number;
  /** ALG_ID of the MAC; 0 for AEAD. */
  readonly hashAlgorithm: number;
  /** TLS 1.3 suites name neither exchange nor signature: there the exchange is ephemeral, the certificate decides the rest. */
  readonly exchange: 'RSA' | 'ECDHE' | 'DHE' | undefined;
  readonly signature: 'RSA' | 'ECDSA' | undefined;
}

/** What OpenSSL speaks by default, and a little more. */
const NUMBERS: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  TLS_AES_128_CCM_SHA256: 0x1304,
  TLS_AES_128_CCM_8_SHA256: 0x1305,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 0xc02f,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 0xc030,
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca8,
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 0xcca9,
  TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 0xccaa,
  TLS_DHE_RSA_WITH_AES_128_GCM_SHA256: 0x009e,
  TLS_DHE_RSA_WITH_AES_256_GCM_SHA384: 0x009f,
  TLS_RSA_WITH_AES_128_GCM_SHA256: 0x009c,
  TLS_RSA_WITH_AES_256_GCM_SHA384: 0x009d,
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM: 0xc0ac,
  TLS_ECDHE_ECDSA_WITH_AES_256_CCM: 0xc0ad,
  TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8: 0xc0ae,
  TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8: 0xc0af,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 0xc023,
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384: 0xc024,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 0xc027,
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384: 0xc028,
  TLS_DHE_RSA_WITH_AES_128_CBC_SHA256: 0x0067,
  TLS_DHE_RSA_WITH_AES_256_CBC_SHA256: 0x006b,
  TLS_RSA_WITH_AES_128_CBC_SHA256: 0x003c,
  TLS_RSA_WITH_AES_256_CBC_SHA256: 0x003d,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 0xc009,
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 0xc00a,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 0xc013,
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 0xc014,
  TLS_DHE_RSA_WITH_AES_128_CBC_SHA: 0x0033,
  TLS_DHE_RSA_WITH_AES_256_CBC_SHA: 0x0039,
  TLS_RSA_WITH_AES_128_CBC_SHA: 0x002f,
  TLS_RSA_WITH_AES_256_CBC_SHA: 0x0035,
  TLS_RSA_WITH_3DES_EDE_CBC_SHA: 0x000a,
};

/** Takes a suite apart by its IANA name. */
export function cipherSuite(name: string): CipherSuite {
  const cbc = name.includes('_CBC_');
  const cipher = cipherOf(name);
  const cipherLength = cipher === '3DES' ? 168 : cipher === 'CHACHA20' || name.includes('_256_') ? 256 : 128;
  const hash = name.endsWith('_SHA384') ? 'SHA384' : name.endsWith('_SHA') ? 'SHA1' : 'SHA256';
  return {
    number: NUMBERS[name] ?? 0,
    mode: modeOf(name),
    cipher,
    cipherLength,
    cipherAlgorithm: cipherAlgorithmOf(cipher, cipherLength),
    blockLength: cipher === 'CHACHA20' ? 0 : cipher === '3DES' ? 64 : 128,
    hash,
    hashLength: { SHA1: 160, SHA256: 256, SHA384: 384 }[hash],
    hashAlgorithm: cbc ? { SHA1: ALG_ID.SHA1, SHA256: ALG_ID.SHA_256, SHA384: ALG_ID.SHA_384 }[hash] : 0,
    exchange: (['ECDHE', 'DHE', 'RSA'] as const).find((exchange) => name.startsWith(`TLS_${exchange}_`)),
    signature: (['ECDSA', 'RSA'] as const).find((signature) => name.includes(`_${signature}_WITH_`)),
  };
}

function modeOf(name: string): CipherSuite['mode'] {
  if (name.includes('_CBC_')) return 'CBC';
  if (name.includes('POLY1305')) return 'POLY1305';
  if (name.includes('_CCM_8')) return 'CCM_8';
  return name.includes('_CCM') ? 'CCM' : 'GCM';
}

function cipherOf(name: string): CipherSuite['cipher'] {
  if (name.includes('3DES')) return '3DES';
  if (name.includes('CHACHA20')) return 'CHACHA20';
  if (name.includes('CAMELLIA')) return 'CAMELLIA';
  return name.includes('ARIA') ? 'ARIA' : 'AES';
}

function cipherAlgorithmOf(cipher: CipherSuite['cipher'], length: number): number {
  if (cipher === '3DES') return ALG_ID.TRIPLE_DES;
  if (cipher !== 'AES') return 0;
  return length === 256 ? ALG_ID.AES_256 : ALG_ID.AES_128;
}
