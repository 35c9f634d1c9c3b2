/**
 * Which KDCs a realm has, and which realm a host is in: told explicitly, by krb5.conf, or by the DNS (RFC 4120 7.2.3).
 *
 * The DNS is not trusted with anything here: whoever answers for a realm has to prove that it knows the key. So it may say where
 * a KDC is, and never which realm a host belongs to.
 * @module
 */
import type { Dns, Random, SrvRecord } from '../../host/index.ts';
import { type KdcEndpoint, type KdcService, parseKdcEndpoint } from './endpoint.ts';

/** Finds KDCs. */
export interface KdcLocator {
  /** The KDCs of a realm, the best first; none when none are known. */
  locate(realm: string, service: KdcService, signal: AbortSignal): Promise<readonly KdcEndpoint[]>;
}

/** What configuration says about realms. */
export interface RealmSettings {
  /** As {@link parseKdcEndpoint} reads them; none when configuration says nothing. */
  kdcs(realm: string, service: KdcService): readonly string[];
  /** The realm of a host: `[domain_realm]`. */
  realmOfHost(host: string): string | undefined;
  /**
   * The realms between two, in the order in which they are passed: `[capaths]`. Empty: they trust each other directly.
   * Undefined: nothing is said.
   */
  path(from: string, to: string): readonly string[] | undefined;
}

/** Options of {@link kdcLocator}: asked in this order, until one says something. */
export interface KdcLocatorOptions {
  /** For each realm its KDCs, as {@link parseKdcEndpoint} reads them. */
  readonly kdcs?: Readonly<Record<string, readonly string[]>> | undefined;
  /** For each realm its servers for password changes. Absent: its KDCs, at port 464. */
  readonly passwordServers?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly settings?: RealmSettings | undefined;
  readonly dns?: Dns | undefined;
  /** For the choice between SRV records of one priority. */
  readonly random: Random;
}

/** KDCs from all sources there are. @throws SspiError INVALID_PARAMETER, when asked, for an address that cannot be read */
export function kdcLocator({ kdcs, passwordServers, settings, dns, random }: KdcLocatorOptions): KdcLocator {
  const explicit: Record<KdcService, typeof kdcs> = { kdc: kdcs, kpasswd: passwordServers };
  return {
    async locate(realm, service, signal) {
      const told = own(explicit[service], realm) ?? settings?.kdcs(realm, service) ?? [];
      if (told.length > 0) return told.map((text) => parseKdcEndpoint(text, service));
      if (service === 'kpasswd') {
        const beside = own(kdcs, realm) ?? settings?.kdcs(realm, 'kdc') ?? [];
        if (beside.length > 0) return beside.map((text) => atPasswordPort(parseKdcEndpoint(text)));
      }
      return dns === undefined ? [] : await fromDns(dns, realm, service, random, signal);
    },
  };
}

/** What was given for a realm, and nothing that every object has. */
function own<T>(table: Readonly<Record<string, T>> | undefined, realm: string): T | undefined {
  return table !== undefined && Object.hasOwn(table, realm) ? table[realm] : undefined;
}

/** A server for password changes usually is a KDC too; a proxy takes both. */
function atPasswordPort(endpoint: KdcEndpoint): KdcEndpoint {
  return 'url' in endpoint ? endpoint : { ...endpoint, port: 464 };
}

/** More records than anybody needs. */
const MOST_RECORDS = 32;

/** 7.2.3.2: `_kerberos._udp.REALM` and `_kerberos._tcp.REALM`. */
async function fromDns(
  dns: Dns,
  realm: string,
  service: KdcService,
  random: Random,
  signal: AbortSignal,
): Promise<readonly KdcEndpoint[]> {
  if (!isDomainName(realm)) return [];
  const label = service === 'kdc' ? '_kerberos' : '_kpasswd';
  const [udp, tcp] = await Promise.allSettled([
    dns.srv(`${label}._udp.${realm}`, signal),
    dns.srv(`${label}._tcp.${realm}`, signal),
  ]);
  if (udp.status === 'rejected' && tcp.status === 'rejected') throw tcp.reason;
  return [
    ...endpoints(udp.status === 'fulfilled' ? udp.value : [], 'udp', random),
    ...endpoints(tcp.status === 'fulfilled' ? tcp.value : [], 'tcp', random),
  ];
}

/** A realm's name goes into a question to the DNS only when it is a name there (7.2.3.1), with a dot in it. */
function isDomainName(realm: string): boolean {
  return (
    realm.length <= 200 && /^(?:[a-z\d_](?:[a-z\d_-]{0,61}[a-z\d_])?\.)+[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(realm)
  );
}

function endpoints(records: readonly SrvRecord[], protocol: 'udp' | 'tcp', random: Random): KdcEndpoint[] {
  const usable = records.filter(({ target, port }) => target.replace(/\.$/, '') !== '' && port >= 1 && port <= 65_535);
  return inOrderOfSrv(usable.slice(0, MOST_RECORDS), random).map(({ target, port }) => ({
    host: target.replace(/\.$/, ''),
    port,
    protocol,
  }));
}

/** RFC 2782: the lowest priority first; within it a draw, in which the weight is the number of tickets. */
export function inOrderOfSrv(records: readonly SrvRecord[], random: Random): readonly SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const left = [...records];
  while (left.length > 0) {
    const priority = Math.min(...left.map((record) => record.priority));
    const candidates = left.filter((record) => record.priority === priority);
    const drawn = drawnIndex(candidates, random);
    ordered.push(...candidates.splice(drawn, 1));
    left.splice(0, left.length, ...candidates, ...left.filter((record) => record.priority !== priority));
  }
  return ordered;
}

function drawnIndex(candidates: readonly SrvRecord[], random: Random): number {
  const tickets = candidates.map(({ weight }) => Math.max(0, weight));
  const octets = random.bytes(4);
  const fraction = new DataView(octets.buffer, octets.byteOffset).getUint32(0) / 2 ** 32;
  let at = fraction * tickets.reduce((sum, count) => sum + count, 0);
  const drawn = tickets.findIndex((count) => {
    at -= count;
    return at < 0;
  });
  return Math.max(0, drawn); // all weights zero: the first
}
