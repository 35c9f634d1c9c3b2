/**
 * `SCHANNEL_CRED` and `SCH_CREDENTIALS`: what a TLS credential asks for, checked and put into the terms of a TLS engine
 * (contract A23-A26).
 * @see https://learn.microsoft.com/windows/win32/api/schannel/ns-schannel-sch_credentials
 * @module
 */
import { type CertificateWithKey, SCH_CRED, type SchannelCredential, SP_PROT } from './credentials.ts';
import { SspiError } from './errors.ts';
import { Secret } from './secret.ts';

/** Versions of TLS, by the names that TLS engines use. */
export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

/** The versions that a side may speak. */
export interface TlsVersions {
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
}

/** Oldest first; the two bits are the server's and the client's. */
const PROTOCOLS: readonly { readonly version: TlsVersion; readonly server: number; readonly client: number }[] = [
  { version: 'TLSv1', server: SP_PROT.TLS1_0_SERVER, client: SP_PROT.TLS1_0_CLIENT },
  { version: 'TLSv1.1', server: SP_PROT.TLS1_1_SERVER, client: SP_PROT.TLS1_1_CLIENT },
  { version: 'TLSv1.2', server: SP_PROT.TLS1_2_SERVER, client: SP_PROT.TLS1_2_CLIENT },
  { version: 'TLSv1.3', server: SP_PROT.TLS1_3_SERVER, client: SP_PROT.TLS1_3_CLIENT },
];

/**
 * Which TLS versions `grbitEnabledProtocols` enables (contract A26).
 * @param enabledProtocols - bits of {@link SP_PROT}; 0 or undefined: TLS 1.2 and 1.3. Bits of older protocols are ignored
 * @param role - whose bits count; without it, both sides'
 * @throws SspiError UNKNOWN_CREDENTIALS when nothing is left, or the versions have a gap: an engine knows only "from" and "to",
 *   and would speak the one that was left out
 * @example
 * tlsVersionsOf(SP_PROT.TLS1_2_CLIENT, 'client'); // { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }
 */
export function tlsVersionsOf(enabledProtocols: number | undefined, role?: 'client' | 'server'): TlsVersions {
  if (enabledProtocols === undefined || enabledProtocols === 0) return { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.3' };
  if (!Number.isInteger(enabledProtocols)) throw refused('grbitEnabledProtocols is not a number');
  const enabled = PROTOCOLS.map(({ server, client }) => {
    const bits = (role === 'client' ? 0 : server) | (role === 'server' ? 0 : client);
    return (enabledProtocols & bits) !== 0;
  });
  const first = enabled.indexOf(true);
  const last = enabled.lastIndexOf(true);
  const minVersion = PROTOCOLS[first]?.version;
  const maxVersion = PROTOCOLS[last]?.version;
  if (minVersion === undefined || maxVersion === undefined) throw refused('no version of TLS is enabled for this side');
  if (enabled.slice(first, last).includes(false)) throw refused('the enabled versions of TLS have a gap');
  return { minVersion, maxVersion };
}

/** A TLS credential with nothing left to guess. */
export interface SchannelSettings extends TlsVersions {
  readonly certificates: readonly CertificateWithKey[];
  /** PEM; undefined: what the runtime trusts. */
  readonly rootStore: readonly string[] | undefined;
  /** Bits of {@link SCH_CRED}; they shape the verdict on a certificate, which never ends a CredSSP handshake (A25, R24). */
  readonly flags: number;
  readonly requestClientCertificate: boolean;
}

/**
 * Checks a TLS credential and fills in the defaults.
 * @param credential - undefined: all defaults, as a NULL pSchannelCred
 * @throws SspiError UNKNOWN_CREDENTIALS for contradicting flags, a certificate without private key (contract A12)
 */
export function schannelSettings(
  credential: SchannelCredential | undefined,
  role?: 'client' | 'server',
): SchannelSettings {
  const {
    certificates = [],
    rootStore,
    flags = 0,
    enabledProtocols,
    requestClientCertificate = false,
  } = credential ?? {};
  if (!Array.isArray(certificates) || !certificates.every(isCertificateWithKey))
    throw refused('a certificate or its private key is missing');
  if (rootStore !== undefined && !(Array.isArray(rootStore) && rootStore.every((root) => typeof root === 'string')))
    throw refused('hRootStore is not a list of certificates');
  if (!Number.isInteger(flags)) throw refused('dwFlags is not a number');
  if (both(flags, SCH_CRED.MANUAL_CRED_VALIDATION, SCH_CRED.AUTO_CRED_VALIDATION))
    throw refused('MANUAL_CRED_VALIDATION and AUTO_CRED_VALIDATION exclude each other');
  if (both(flags, SCH_CRED.NO_DEFAULT_CREDS, SCH_CRED.USE_DEFAULT_CREDS))
    throw refused('NO_DEFAULT_CREDS and USE_DEFAULT_CREDS exclude each other');
  return { ...tlsVersionsOf(enabledProtocols, role), certificates, rootStore, flags, requestClientCertificate };
}

function isCertificateWithKey(value: unknown): value is CertificateWithKey {
  if (typeof value !== 'object' || value === null) return false;
  const { certificate, privateKey }: { certificate?: unknown; privateKey?: unknown } = value;
  if (typeof certificate !== 'string' || certificate === '') return false;
  return typeof privateKey === 'string' ? privateKey !== '' : privateKey instanceof Secret && privateKey.length > 0;
}

function both(flags: number, one: number, other: number): boolean {
  return (flags & one) !== 0 && (flags & other) !== 0;
}

function refused(detail: string): SspiError {
  return new SspiError('UNKNOWN_CREDENTIALS', { stage: 'SCHANNEL_CRED', detail });
}
