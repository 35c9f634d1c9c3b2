/**
 * What krb5.conf says: [libdefaults], [realms], [domain_realm], [capaths].
 * @see https://web.mit.edu/kerberos/krb5-latest/doc/admin/conf_files/krb5_conf.html
 * @module
 */
import { SspiError } from '../../sspi/index.ts';
import { encryptionTypesNamed } from '../encryption/index.ts';
import { type Includes, type ProfileNode, parseProfile } from './profile.ts';

/** [libdefaults], as far as it means something here. Undefined: nothing is said. Times are in milliseconds. */
export interface LibDefaults {
  readonly defaultRealm: string | undefined;
  readonly dnsLookupKdc: boolean | undefined;
  readonly dnsLookupRealm: boolean | undefined;
  /** Numbers, from names: see `encryptionTypesNamed`. */
  readonly permittedEnctypes: readonly number[] | undefined;
  readonly defaultTktEnctypes: readonly number[] | undefined;
  readonly defaultTgsEnctypes: readonly number[] | undefined;
  readonly forwardable: boolean | undefined;
  readonly proxiable: boolean | undefined;
  readonly canonicalize: boolean | undefined;
  readonly noaddresses: boolean | undefined;
  readonly ticketLifetime: number | undefined;
  readonly renewLifetime: number | undefined;
  readonly clockskew: number | undefined;
  /** Octets: longer messages go over TCP first. */
  readonly udpPreferenceLimit: number | undefined;
}

/** One of [realms]. Addresses are as written: `host`, `host:port`, `https://host/KdcProxy`. */
export interface RealmConfiguration {
  readonly kdc: readonly string[];
  readonly primaryKdc: readonly string[];
  readonly adminServer: readonly string[];
  readonly kpasswdServer: readonly string[];
  /** Certificates that a KDC proxy may have, as `FILE:path` or `DIR:path`. */
  readonly httpAnchors: readonly string[];
}

/** A krb5.conf. */
export interface Krb5Configuration {
  readonly libdefaults: LibDefaults;
  readonly realms: ReadonlyMap<string, RealmConfiguration>;
  /** The servers of a realm: none when nothing is said. */
  kdcs(realm: string, service: 'kdc' | 'kpasswd'): readonly string[];
  /** The realm of a host: the host itself decides, then the longest of its domains. */
  realmOfHost(host: string): string | undefined;
  /**
   * The realms between two, in the order in which they are passed. Empty: they trust each other directly. Undefined: nothing is
   * said.
   */
  path(from: string, to: string): readonly string[] | undefined;
}

/**
 * Reads a krb5.conf.
 * @param includes - what `readIncludes` found, for a text with include lines
 * @throws SspiError FILE_MALFORMED with the number of the line, or the name of a setting whose value cannot be read
 * @example
 * const configuration = parseKrb5Conf('[realms]\nEXAMPLE.COM = {\n kdc = dc1.example.com\n}');
 * configuration.kdcs('EXAMPLE.COM', 'kdc'); // ['dc1.example.com']
 */
export function parseKrb5Conf(text: string, includes?: Includes): Krb5Configuration {
  const root = parseProfile(text, includes);
  const libdefaults = libDefaultsOf(root.children.get('libdefaults'));
  const realms = new Map<string, RealmConfiguration>();
  for (const [realm, node] of childrenOf(root, 'realms')) realms.set(realm, realmOf(node));
  const domains = new Map<string, string>();
  for (const [domain, { values }] of childrenOf(root, 'domain_realm')) {
    const [realm] = values;
    if (realm !== undefined) domains.set(domain.toLowerCase(), realm);
  }
  const capaths = root.children.get('capaths');
  return {
    libdefaults,
    realms,
    kdcs(realm, service) {
      const found = realms.get(realm);
      if (found === undefined) return [];
      return service === 'kdc' ? found.kdc : found.kpasswdServer;
    },
    realmOfHost: (host) => realmOfHost(domains, host),
    path(from, to) {
      const hops = capaths?.children.get(from)?.children.get(to)?.values;
      // A lone dot says that there is nothing in between.
      return hops?.flatMap((hop) => hop.split(/\s+/)).filter((hop) => hop !== '.' && hop !== '');
    },
  };
}

function childrenOf(root: ProfileNode, section: string): Iterable<[string, ProfileNode]> {
  return root.children.get(section)?.children ?? new Map<string, ProfileNode>();
}

function realmOf({ children }: ProfileNode): RealmConfiguration {
  const all = (...names: readonly string[]): readonly string[] =>
    names
      .flatMap((name) => children.get(name)?.values ?? [])
      .flatMap((value) => value.split(/\s+/))
      .filter(Boolean);
  return {
    kdc: all('kdc'),
    primaryKdc: all('primary_kdc', 'master_kdc'),
    adminServer: all('admin_server'),
    kpasswdServer: all('kpasswd_server'),
    httpAnchors: all('http_anchors'),
  };
}

/** `host` first, then `.domain` and `domain` of each of its domains, from the longest on. */
function realmOfHost(domains: ReadonlyMap<string, string>, host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '');
  let found = domains.get(name);
  for (let dot = name.indexOf('.'); found === undefined && dot >= 0; dot = name.indexOf('.', dot + 1))
    found = domains.get(name.slice(dot)) ?? domains.get(name.slice(dot + 1));
  return found;
}

function libDefaultsOf(section: ProfileNode | undefined): LibDefaults {
  // The first relation of a name counts.
  const text = (name: string): string | undefined => section?.children.get(name)?.values[0];
  const read = <T>(name: string, convert: (value: string) => T | undefined): T | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const converted = convert(value);
    if (converted === undefined) throw malformed(`${name} = ${value}`);
    return converted;
  };
  return {
    defaultRealm: text('default_realm'),
    dnsLookupKdc: read('dns_lookup_kdc', booleanOf),
    dnsLookupRealm: read('dns_lookup_realm', booleanOf),
    permittedEnctypes: read('permitted_enctypes', encryptionTypesNamed),
    defaultTktEnctypes: read('default_tkt_enctypes', encryptionTypesNamed),
    defaultTgsEnctypes: read('default_tgs_enctypes', encryptionTypesNamed),
    forwardable: read('forwardable', booleanOf),
    proxiable: read('proxiable', booleanOf),
    canonicalize: read('canonicalize', booleanOf),
    noaddresses: read('noaddresses', booleanOf),
    ticketLifetime: read('ticket_lifetime', durationOf),
    renewLifetime: read('renew_lifetime', durationOf),
    clockskew: read('clockskew', durationOf),
    udpPreferenceLimit: read('udp_preference_limit', numberOf),
  };
}

function booleanOf(value: string): boolean | undefined {
  if (/^(y|yes|true|t|1|on)$/i.test(value)) return true;
  return /^(n|no|false|nil|0|off)$/i.test(value) ? false : undefined;
}

function numberOf(value: string): number | undefined {
  return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}

const UNITS: Readonly<Record<string, number>> = { d: 86_400, h: 3600, m: 60, s: 1 };

/** `36000`, `10h`, `1d 6h`, `2:30`, `2:30:15`, in milliseconds. */
function durationOf(value: string): number | undefined {
  const clock = /^(\d{1,6}):(\d{2})(?::(\d{2}))?$/.exec(value);
  if (clock !== null) {
    const [, hours = 0, minutes = 0, seconds = 0] = clock.map((part) => Number(part ?? 0));
    return (hours * 3600 + minutes * 60 + seconds) * 1000;
  }
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  if (!/^(?:\d{1,9}\s*[dhms]\s*)+$/i.test(value)) return undefined;
  let seconds = 0;
  for (const [, count, unit] of value.matchAll(/(\d+)\s*([dhms])/gi))
    seconds += Number(count) * (UNITS[unit?.toLowerCase() ?? ''] ?? 0);
  return seconds * 1000;
}

function malformed(detail: string): SspiError {
  return new SspiError('FILE_MALFORMED', { stage: 'krb5.conf', detail });
}
