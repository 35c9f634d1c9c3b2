/**
 * From what a caller gives (a name and a password, a keytab, a credential cache, a hash) to credentials that get tickets.
 * @module
 */
import { type Host, systemTimer } from '../host/index.ts';
import {
  type AuthData,
  type AuthIdentity,
  type CredentialCacheIdentity,
  KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY,
  type KdcProxySettings,
  type KerberosSettings,
  type KeytabIdentity,
  NEVER,
  type NtHashIdentity,
  Secret,
  SspiError,
  toFileTime,
  validateAuthIdentity,
} from '../sspi/index.ts';
import type { OwnedLogon } from './credential.ts';
import {
  ClientCredentials,
  KeytabKeys,
  type LogonName,
  logonName,
  NtHashKeys,
  PasswordKeys,
  readTickets,
} from './credentials/index.ts';
import { DEFAULT_ENCRYPTION_TYPES, ETYPE } from './encryption/index.ts';
import { type Krb5Configuration, parseKrb5Conf, readIncludes } from './files/index.ts';
import {
  DEFAULT_POLICY,
  type KdcClient,
  KdcClock,
  type KdcLocator,
  KdcNetwork,
  type KerberosTicket,
  kdcLocator,
  type LongTermKeys,
  parseKdcEndpoint,
  proxyTransport,
} from './kdc/index.ts';
import { formatPrincipal, NAME_TYPE, parsePrincipal } from './messages/index.ts';

/** What a client may log on with. */
export type ClientIdentityData = AuthIdentity | NtHashIdentity | KeytabIdentity | CredentialCacheIdentity;

const STAGE = 'Kerberos credential';

/** Whether it is of a kind that a client logs on with. */
export function isClientIdentity(authData: AuthData): authData is ClientIdentityData {
  const { kind } = authData;
  return kind === 'identity' || kind === 'nt-hash' || kind === 'keytab' || kind === 'ccache';
}

/** What {@link acquireLogon} makes. */
export interface AcquiredLogon extends OwnedLogon {
  readonly tickets: ClientCredentials;
}

/**
 * Makes credentials. Nobody is asked for anything yet.
 * @throws SspiError NO_CREDENTIALS when nothing tells where KDCs are: then Kerberos is not for this caller
 */
export async function acquireLogon(identity: ClientIdentityData, host: Host): Promise<AcquiredLogon> {
  const settings = identity.kerberos ?? {};
  const configuration = await readConfiguration(settings, host);
  if (!knowsKdcs(settings, configuration, host) && identity.kind !== 'ccache')
    throw missing('nothing tells where a KDC is: give kerberos.kdc or kerberos.configuration');
  const encryptionTypes = allowedTypes(settings, configuration);
  const situation: Situation = { settings, configuration, encryptionTypes, host };
  switch (identity.kind) {
    case 'identity':
      return withPassword(identity, situation);
    case 'nt-hash':
      return withHash(identity, situation);
    case 'keytab':
      return withKeytab(identity, situation);
    case 'ccache':
      return withTickets(identity, situation);
  }
}

interface Situation {
  readonly settings: KerberosSettings;
  readonly configuration: Krb5Configuration | undefined;
  readonly encryptionTypes: readonly number[];
  readonly host: Host;
}

async function readConfiguration(
  { configuration }: KerberosSettings,
  { files }: Host,
): Promise<Krb5Configuration | undefined> {
  if (configuration === undefined) return undefined;
  return parseKrb5Conf(configuration, files === undefined ? undefined : await readIncludes(configuration, files));
}

function knowsKdcs(settings: KerberosSettings, configuration: Krb5Configuration | undefined, host: Host): boolean {
  if (settings.kdc !== undefined && kdcsOf(settings).length > 0) return true;
  if (asksDns(settings, configuration) && host.dns !== undefined) return true;
  return [...(configuration?.realms.values() ?? [])].some(({ kdc }) => kdc.length > 0);
}

function asksDns({ dns }: KerberosSettings, configuration: Krb5Configuration | undefined): boolean {
  return dns ?? configuration?.libdefaults.dnsLookupKdc ?? false;
}

function kdcsOf({ kdc = [] }: KerberosSettings): readonly string[] {
  return typeof kdc === 'string' ? [kdc] : kdc;
}

/** A file that many programs share does not make RC4 safe: whoever wants it says so here (fault Z39). */
function allowedTypes(settings: KerberosSettings, configuration: Krb5Configuration | undefined): readonly number[] {
  if (settings.encryptionTypes !== undefined) return settings.encryptionTypes;
  const permitted = configuration?.libdefaults.permittedEnctypes ?? DEFAULT_ENCRYPTION_TYPES;
  return permitted.filter((etype) => etype !== ETYPE.RC4_HMAC);
}

function withPassword(identity: AuthIdentity, situation: Situation): AcquiredLogon {
  validateAuthIdentity(identity);
  const { user = '', domain = '', password } = identity;
  if (user === '') throw missing('there is no user name');
  if (password === undefined) throw missing('there is no password; an empty one is given as an empty string');
  const name = nameOf(user, domain, situation);
  if (typeof password !== 'string') return logon(name, situation, new PasswordKeys(password));
  const secret = Secret.fromText(password);
  try {
    return logon(name, situation, new PasswordKeys(secret));
  } finally {
    secret.dispose();
  }
}

function withHash({ user, domain = '', ntHash }: NtHashIdentity, situation: Situation): AcquiredLogon {
  if (!situation.encryptionTypes.includes(ETYPE.RC4_HMAC))
    throw missing('an NT hash is a key of RC4, which has to be allowed in kerberos.encryptionTypes');
  return logon(nameOf(user, domain, situation), situation, new NtHashKeys(ntHash));
}

function withKeytab({ principal, keytab }: KeytabIdentity, situation: Situation): AcquiredLogon {
  const keys = new KeytabKeys(octetsOf(keytab));
  try {
    return logon(nameInKeytab(principal, keys, situation), situation, keys);
  } catch (error) {
    keys.dispose();
    throw error;
  }
}

function nameInKeytab(principal: string | undefined, keys: KeytabKeys, { settings }: Situation): LogonName {
  const { principals } = keys;
  const wanted = principal === undefined ? undefined : parsePrincipal(principal);
  const realm = wanted?.realm ?? settings.realm;
  const found = principals.find(
    (one) =>
      (wanted === undefined || formatPrincipal(wanted.name) === formatPrincipal(one.name)) &&
      (realm === undefined || realm === one.realm),
  );
  if (found !== undefined) return found;
  throw missing(`the keytab has no keys of ${principal ?? 'anybody'}${realm === undefined ? '' : ` in ${realm}`}`);
}

function withTickets({ ccache }: CredentialCacheIdentity, situation: Situation): AcquiredLogon {
  const { owner, kdcOffset, tickets } = readTickets(octetsOf(ccache), situation.encryptionTypes);
  if (tickets.length === 0) throw missing('there is no ticket of an allowed encryption type in the credential cache');
  return logon(owner, situation, undefined, tickets, kdcOffset);
}

function logon(
  { name, realm }: LogonName,
  situation: Situation,
  keys: LongTermKeys | undefined,
  tickets: readonly KerberosTicket[] = [],
  kdcOffset = 0,
): AcquiredLogon {
  const { settings, configuration, host } = situation;
  const locator = locatorOf(realm, situation);
  const kdc = kdcClient(locator, situation);
  if (kdcOffset !== 0) kdc.clock.adopt(host.clock.now() + kdcOffset);
  const expiry = tickets.find(({ grantsIn }) => grantsIn === realm)?.endTime;
  const credentials = new ClientCredentials({ kdc, client: name, realm, keys, tickets, settings: configuration });
  return {
    tickets: credentials,
    settings: { ...settings, encryptionTypes: situation.encryptionTypes },
    // What people call themselves and no principal yet is told as they wrote it.
    userName: name.nameType === NAME_TYPE.ENTERPRISE ? name.nameString.join('/') : credentials.owner,
    expiry: expiry === undefined ? NEVER : toFileTime(expiry),
    withKdcProxy: (proxy) =>
      credentials.through(networkOf(proxiedLocator(locator, proxy), situation), JSON.stringify(proxy)),
    dispose: () => credentials.dispose(),
  };
}

function locatorOf(realm: string, { settings, configuration, host }: Situation): KdcLocator {
  const explicit = kdcsOf(settings);
  return kdcLocator({
    kdcs: explicit.length === 0 ? undefined : { [realm]: explicit },
    settings: configuration,
    dns: asksDns(settings, configuration) ? host.dns : undefined,
    random: host.random,
  });
}

/**
 * Proxies bring messages to every realm. Those of the settings are asked after the KDCs that are known otherwise, or instead of
 * them.
 */
function proxiedLocator(known: KdcLocator, { proxyServer, flags = 0 }: KdcProxySettings): KdcLocator {
  const urls = typeof proxyServer === 'string' ? [proxyServer] : proxyServer;
  const proxies = urls.map((url) => parseKdcEndpoint(url));
  const isForced = (flags & KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY) !== 0;
  return {
    async locate(realm, service, signal) {
      if (isForced) return proxies;
      const direct = await known.locate(realm, service, signal).catch(() => []); // a DNS that is away is what proxies are for
      return [...direct, ...proxies];
    },
  };
}

function networkOf(locator: KdcLocator, { settings, configuration, host }: Situation): KdcNetwork {
  const { clock, timer = systemTimer, kdcTransport } = host;
  const limits = { total: settings.deadline, udpLimit: configuration?.libdefaults.udpPreferenceLimit };
  return new KdcNetwork({ transport: proxyTransport({ sockets: kdcTransport }), locator, clock, timer, limits });
}

function kdcClient(locator: KdcLocator, situation: Situation): KdcClient {
  const { settings, configuration, encryptionTypes, host } = situation;
  const { clock, random } = host;
  const { libdefaults } = configuration ?? {};
  return {
    network: networkOf(locator, situation),
    clock: new KdcClock(clock),
    random,
    policy: {
      ...DEFAULT_POLICY,
      encryptionTypes,
      // What cannot be forwarded cannot be delegated, and whether it will be is not known when the user logs on.
      forwardable: settings.delegation !== 'never' && (libdefaults?.forwardable ?? true),
      lifetime: libdefaults?.ticketLifetime ?? DEFAULT_POLICY.lifetime,
      renewableLifetime: libdefaults?.renewLifetime ?? DEFAULT_POLICY.renewableLifetime,
      clockSkew: libdefaults?.clockskew ?? DEFAULT_POLICY.clockSkew,
    },
  };
}

/** `DOMAIN\user` without a domain beside it is two names, as with NTLM. */
function nameOf(user: string, domain: string, situation: Situation): LogonName {
  const backslash = user.indexOf('\\');
  if (domain !== '' || backslash === -1) return logonName(user, realmOf(domain, situation), defaultRealm(situation));
  return logonName(user.slice(backslash + 1), realmOf(user.slice(0, backslash), situation), defaultRealm(situation));
}

function defaultRealm({ settings, configuration }: Situation): string | undefined {
  return settings.realm ?? configuration?.libdefaults.defaultRealm;
}

/**
 * The realm of a domain: the one that was given; else a realm of the configuration whose name, or the first part of it, is the
 * domain's; else the domain itself in capitals, as realms are written.
 */
function realmOf(domain: string, { settings, configuration }: Situation): string | undefined {
  if (settings.realm !== undefined) return settings.realm;
  if (domain === '') return undefined;
  const name = domain.toUpperCase();
  const { defaultRealm: first } = configuration?.libdefaults ?? {};
  const realms = [...(first === undefined ? [] : [first]), ...(configuration?.realms.keys() ?? [])];
  const isCalled = (realm: string): boolean =>
    realm.toUpperCase() === name || realm.toUpperCase().split('.')[0] === name;
  return realms.find(isCalled) ?? name;
}

/** The octets of a file, whichever way they were given. */
export function octetsOf(file: Uint8Array | Secret): Uint8Array {
  if (file instanceof Secret) return file.reveal();
  if (file instanceof Uint8Array) return file;
  throw new SspiError('UNKNOWN_CREDENTIALS', { stage: STAGE, detail: 'a file is given as its octets' });
}

/** Nothing to work with: Negotiate goes on without Kerberos. */
export function missing(detail: string): SspiError {
  return new SspiError('NO_CREDENTIALS', { stage: STAGE, detail });
}
