/**
 * A certificate chain with its private key, from PEM, found to belong together.
 * @module
 */
import { Buffer } from 'node:buffer';
import { X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import { type CertificateWithKey, Secret, SspiError, type TlsVersions } from '../sspi/index.ts';
import { subjectPublicKey } from './certificate.ts';
import { versionOptions } from './runtime-options.ts';

/** What a side of TLS can present. */
export interface Identity {
  /** PEM, leaf first. */
  readonly chain: string;
  /** PEM octets. */
  readonly key: Secret;
  /** DER of the leaf. */
  readonly leaf: Uint8Array;
}

/**
 * Takes a certificate and its key over. The key is copied.
 * @throws SspiError CERTIFICATE_UNUSABLE when either cannot be read
 */
export function identityOf({ certificate, privateKey }: CertificateWithKey): Identity {
  const leaf = usable(() => Uint8Array.from(new X509Certificate(certificate).raw));
  usable(() => subjectPublicKey(leaf));
  const key = typeof privateKey === 'string' ? new Secret(new TextEncoder().encode(privateKey)) : privateKey.clone();
  return { chain: certificate, key, leaf };
}

/**
 * Calls with certificates and keys in the form of the runtime's options, and wipes that copy of the keys afterwards. Of two
 * certificates for keys of one type OpenSSL uses the one set last, hence first things last.
 * @throws SspiError CERTIFICATE_UNUSABLE when the call throws: a key that cannot be read, or of another certificate
 */
export function withKeys<T>(identities: readonly Identity[], use: (keys: { key: Buffer[]; cert: string[] }) => T): T {
  const order = identities.toReversed();
  const key = order.map((identity) => Buffer.from(identity.key.reveal()));
  try {
    return usable(() => use({ key, cert: order.map(({ chain }) => chain) }));
  } finally {
    for (const octets of key) octets.fill(0);
  }
}

/** A context for these certificates, or for none. It trusts nobody: chains are evaluated on our side. */
export function secureContextOf(identities: readonly Identity[], versions: TlsVersions): SecureContext {
  return withKeys(identities, (keys) =>
    createSecureContext({ ...versionOptions(versions), ca: [], ...(identities.length > 0 ? keys : {}) }),
  );
}

function usable<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    // What OpenSSL says names the fault ("key values mismatch"), never the key.
    const detail = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    throw new SspiError('CERTIFICATE_UNUSABLE', { stage: 'TLS credential', detail, cause: error });
  }
}
