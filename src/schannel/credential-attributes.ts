/**
 * What a TLS credential tells about itself (contract L8).
 * @see https://learn.microsoft.com/windows/win32/secauthn/querycredentialsattributes--schannel
 * @module
 */
import { type CredentialAttributes, SECPKG_CRED, SP_PROT, SspiError, tlsVersionsOf } from '../sspi/index.ts';
import { ALG_ID } from './cipher-suites.ts';

/** Oldest first, as `tlsVersionsOf` counts. */
const VERSIONS = [
  { version: 'TLSv1', server: SP_PROT.TLS1_0_SERVER, client: SP_PROT.TLS1_0_CLIENT },
  { version: 'TLSv1.1', server: SP_PROT.TLS1_1_SERVER, client: SP_PROT.TLS1_1_CLIENT },
  { version: 'TLSv1.2', server: SP_PROT.TLS1_2_SERVER, client: SP_PROT.TLS1_2_CLIENT },
  { version: 'TLSv1.3', server: SP_PROT.TLS1_3_SERVER, client: SP_PROT.TLS1_3_CLIENT },
] as const;

/** TLS 1.3 knows AEAD suites with ephemeral keys, and nothing else. */
const OF_TLS_1_3 = [
  ALG_ID.AES_128,
  ALG_ID.AES_256,
  ALG_ID.SHA_256,
  ALG_ID.SHA_384,
  ALG_ID.ECDH_EPHEM,
  ALG_ID.RSA_SIGN,
  ALG_ID.ECDSA,
];

/** What OpenSSL still offers for older versions. */
const OLDER = [ALG_ID.SHA1, ALG_ID.RSA_KEYX, ALG_ID.DH_EPHEM];

/**
 * @param leaf - DER of the certificate, if there is one
 * @param use - bits of `SECPKG_CRED`
 */
export function credentialAttributes(
  leaf: Uint8Array | undefined,
  enabledProtocols: number | undefined,
  use: number,
): CredentialAttributes {
  return {
    CERT: () => {
      if (leaf === undefined)
        throw new SspiError('NO_CREDENTIALS', { stage: 'TLS credential', detail: 'it has no certificate' });
      return { certificate: leaf };
    },
    SUPPORTED_PROTOCOLS: () => ({ protocols: protocolsOf(enabledProtocols, use) }),
    SUPPORTED_ALGS: () => {
      const beforeTls13 = VERSIONS.slice(0, -1).reduce((bits, { server, client }) => bits | server | client, 0);
      const older = (protocolsOf(enabledProtocols, use) & beforeTls13) !== 0;
      return { algorithms: older ? [...OF_TLS_1_3, ...OLDER] : OF_TLS_1_3 };
    },
    CIPHER_STRENGTHS: () => ({ minimum: 128, maximum: 256 }),
  };
}

function protocolsOf(enabledProtocols: number | undefined, use: number): number {
  const inbound = (use & SECPKG_CRED.INBOUND) !== 0;
  const outbound = !inbound || (use & SECPKG_CRED.OUTBOUND) !== 0; // 0 is outbound too (contract A4)
  return (outbound ? bitsOf(enabledProtocols, 'client') : 0) | (inbound ? bitsOf(enabledProtocols, 'server') : 0);
}

function bitsOf(enabledProtocols: number | undefined, side: 'client' | 'server'): number {
  const { minVersion, maxVersion } = tlsVersionsOf(enabledProtocols, side);
  const first = VERSIONS.findIndex(({ version }) => version === minVersion);
  const last = VERSIONS.findIndex(({ version }) => version === maxVersion);
  return VERSIONS.slice(first, last + 1).reduce((bits, version) => bits | version[side], 0);
}
