/**
 * A certificate chain with its private key, from PEM, found to belong together.
 * @module
 */
import { Buffer } from 'node:buffer';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type CertificateWithKey, Secret, SspiError, type TlsVersions } from '../sspi/index.ts';
import { keyAlgorithmOf } from './key-algorithm.ts';
import { versionOptions } from './runtime-options.ts';

/** What a side of TLS can present. */
export interface Identity {
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM octets. */
  readonly key: Secret;
  /** DER of the leaf. */
  readonly leaf: Uint8Array;
  /** RSA, ECDSA, Ed25519. */
  readonly keyType: string;
}

/**
 * Takes certificates and their keys over. The keys are copied.
 * @throws SspiError CERTIFICATE_UNUSABLE when one cannot be read, or a key belongs to another certificate
 */
export function identitiesOf(certificates: readonly CertificateWithKey[]): readonly Identity[] {
  const identities: Identity[] = [];
  try {
    for (const certificate of certificates) identities.push(identityOf(certificate));
    return identities;
  } catch (error) {
    for (const { key } of identities) key.dispose();
    throw error;
  }
}

function identityOf({ certificate, privateKey }: CertificateWithKey): Identity {
  const key = typeof privateKey === 'string' ? new Secret(new TextEncoder().encode(privateKey)) : privateKey.clone();
  try {
    const leaf = usable(() => new X509Certificate(certificate));
    if (!usable(() => leaf.checkPrivateKey(createPrivateKey(viewOf(key)))))
      throw unusable('the private key is of another certificate');
    const der = Uint8Array.from(leaf.raw);
    return { chain: certificate, key, leaf: der, keyType: usable(() => keyAlgorithmOf(der).name) };
  } catch (error) {
    key.dispose();
    throw error;
  }
}

/**
 * Calls with certificates and keys in the form of the runtime's options, and wipes that copy of the keys afterwards. OpenSSL
 * keeps one certificate per type of key, hence the first of each.
 * @throws SspiError CERTIFICATE_UNUSABLE when the call throws
 */
export function withKeys<T>(identities: readonly Identity[], use: (keys: { key: Buffer[]; cert: string[] }) => T): T {
  const chosen = identities.filter((one, at) => identities.findIndex(({ keyType }) => keyType === one.keyType) === at);
  const key = chosen.map((identity) => Buffer.from(identity.key.reveal()));
  try {
    return usable(() => use({ key, cert: chosen.map(({ chain }) => chain) }));
  } finally {
    for (const octets of key) octets.fill(0);
  }
}

/**
 * A context for these certificates, or for none.
 * @param authorities - PEM of those that a CertificateRequest names. Trust is another matter: chains are evaluated on our side
 */
export function secureContextOf(
  identities: readonly Identity[],
  versions: TlsVersions,
  authorities: string[] = [],
): SecureContext {
  return withKeys(identities, (keys) =>
    createSecureContext({ ...versionOptions(versions), ca: authorities, ...(identities.length > 0 ? keys : {}) }),
  );
}

/** A Buffer over the octets of a secret, not a copy of them. */
function viewOf(secret: Secret): Buffer {
  const octets = secret.reveal();
  return Buffer.from(octets.buffer, octets.byteOffset, octets.length);
}

function usable<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    // What OpenSSL says names the fault ("ASN.1 encoding routines"), never the key.
    throw unusable(error instanceof Error && 'code' in error ? String(error.code) : undefined, error);
  }
}

function unusable(detail: string | undefined, cause?: unknown): SspiError {
  return new SspiError('CERTIFICATE_UNUSABLE', { stage: 'TLS credential', detail, cause });
}
