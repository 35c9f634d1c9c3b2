/**
 * The Kerberos security package (contract P4).
 * @module
 */
import type { Host } from '../host/index.ts';
import {
  type Credential,
  type CredentialRequest,
  type KerberosAcceptorSettings,
  NEVER,
  SECPKG_CRED,
  type SecurityPackage,
  SspiError,
} from '../sspi/index.ts';
import { KerberosCredential, type OwnedService } from './credential.ts';
import { DEFAULT_ENCRYPTION_TYPES } from './encryption/index.ts';
import { decodeKeytab, type KeytabEntry } from './files/index.ts';
import { KERBEROS_INFO } from './info.ts';
import { acquireLogon, isClientIdentity, missing, octetsOf } from './logon.ts';
import { exportKerberos, importKerberos } from './moving.ts';
import { OpenTickets } from './open-tickets.ts';
import { changeAccountPassword } from './password-change.ts';
import { ServiceKeys } from './service-keys.ts';

const STAGE = 'Kerberos credential';
/** Every authenticator has to be remembered for twice as long. */
const LARGEST_SKEW = 24 * 3_600_000;

/**
 * Kerberos as a security package: RFC 4120 and 4121 with AES, as Windows speaks it.
 *
 * Clients bring an `AuthIdentity` that says in `kerberos` where the KDCs are, or a keytab, a credential cache, an NT hash. Servers
 * bring a keytab and a replay cache. There are no default credentials. Without anything that tells where a KDC is a client gets
 * NO_CREDENTIALS at once: Negotiate then goes on without Kerberos.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-kile/2a32282e-dd48-4ad9-a542-609804b02cc9
 * @example
 * const authData = { kind: 'identity', domain: 'EXAMPLE.COM', user: 'alice', password: 'AlicePass1!', kerberos: { kdc: 'dc1.example.com' } } as const;
 * const credential = await kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: nodeHost });
 * const context = credential.initiate({ flags: ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY, targetName: 'HTTP/www.example.com' });
 * const { token } = await context.step(); // the AP-REQ; the KDC was asked for the ticket
 */
export const kerberosPackage: SecurityPackage = {
  info: KERBEROS_INFO,
  acquire: (request) => acquire(request),
  changePassword: (request) => changeAccountPassword(request),
  exportContext: (context) => exportKerberos(context),
  importContext: (state, host) => importKerberos(state, host),
};

/**
 * Kerberos from user to user, as SPNEGO knows it: a mechanism of its own, for those who asked for it.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-spng/b16309d8-4a93-4fa6-9ee2-7d84b2451c84
 */
export const userToUserPackage: SecurityPackage = {
  info: KERBEROS_INFO,
  async acquire(request) {
    const { authData } = request;
    const isWanted =
      authData !== undefined &&
      (isClientIdentity(authData)
        ? authData.kerberos?.userToUser === 'always'
        : serviceSettings(request)?.userToUser !== undefined);
    if (!isWanted) throw missing('user-to-user authentication was not asked for');
    return acquire(request);
  },
};

async function acquire(request: CredentialRequest): Promise<Credential> {
  const { use, authData, host } = request;
  if ((use & SECPKG_CRED.RESERVED) !== 0)
    throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: 'reserved bits of fCredentialUse' });
  if (authData === undefined) throw missing('there are no default credentials here');
  const inbound = (use & SECPKG_CRED.INBOUND) !== 0;
  const outbound = (use & SECPKG_CRED.OUTBOUND) !== 0 || !inbound; // the reference page calls 0 outbound (contract A4)
  if (isClientIdentity(authData)) {
    if (!outbound) throw missing('a service needs a keytab');
    const client = await acquireLogon(authData, host);
    const ours = use & ~SECPKG_CRED.INBOUND;
    return new KerberosCredential({ use: ours, host, expiry: client.expiry, client });
  }
  const settings = serviceSettings(request);
  if (settings === undefined) {
    if (authData.kind === 'anonymous' || authData.kind === 'acceptor')
      throw missing('there is nothing for Kerberos in them');
    throw new SspiError('UNKNOWN_CREDENTIALS', { stage: STAGE, detail: `Kerberos knows nothing of ${authData.kind}` });
  }
  if (!inbound) throw missing('keys of a service are not the credentials of a client');
  const service = await acquireService(settings, host);
  return new KerberosCredential({ use: use & ~SECPKG_CRED.OUTBOUND, host, expiry: NEVER, service });
}

/** What a service demands for Negotiate holds for Kerberos too, where nothing else is said. */
function serviceSettings({ authData }: CredentialRequest): KerberosAcceptorSettings | undefined {
  if (authData?.kind === 'kerberos-acceptor') return authData;
  if (authData?.kind !== 'acceptor' || authData.kerberosService === undefined) return undefined;
  const { channelBindingPolicy, targetNames, kerberosService } = authData;
  return {
    ...kerberosService,
    channelBindingPolicy: kerberosService.channelBindingPolicy ?? channelBindingPolicy,
    targetNames: kerberosService.targetNames ?? targetNames,
  };
}

async function acquireService(settings: KerberosAcceptorSettings, host: Host): Promise<OwnedService> {
  const { keytab, replayCache, userToUser, encryptionTypes = DEFAULT_ENCRYPTION_TYPES, maxSkew = 0 } = settings;
  if (typeof replayCache !== 'object' || replayCache === null || typeof replayCache.claim !== 'function')
    throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: 'a service needs a replay cache' });
  if (!(maxSkew >= 0 && maxSkew <= LARGEST_SKEW))
    throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: 'maxSkew is not a time of up to a day' });
  if (keytab === undefined && userToUser === undefined) throw missing('a service needs a keytab');

  const keys = serviceKeys(keytab === undefined ? [] : decodeKeytab(octetsOf(keytab)), settings);
  try {
    if (keytab !== undefined && keys.empty)
      throw new SspiError('ENCRYPTION_TYPE_REFUSED', {
        stage: STAGE,
        detail: 'the keytab has no key of an allowed type',
      });
    const logon = userToUser === undefined ? undefined : await acquireLogon(userToUser, host);
    const tickets = new OpenTickets();
    return {
      settings: { ...settings, encryptionTypes, keytab: undefined },
      keys,
      tickets,
      userToUser: logon?.tickets,
      dispose: () => {
        tickets.dispose();
        keys.dispose();
        logon?.dispose();
      },
    };
  } catch (error) {
    keys.dispose();
    throw error;
  }
}

function serviceKeys(entries: readonly KeytabEntry[], settings: KerberosAcceptorSettings): ServiceKeys {
  try {
    return new ServiceKeys(entries, settings);
  } finally {
    for (const { key } of entries) key.dispose();
  }
}
