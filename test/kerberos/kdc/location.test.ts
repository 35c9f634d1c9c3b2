/** Which KDCs a realm has: addresses as configuration writes them, krb5.conf, DNS. RFC 4120 7.2.3, RFC 2782. */
import { describe, expect, test } from 'vitest';
import { type Dns, type SrvRecord, systemHost } from '../../../src/host/index.ts';
import { parseKrb5Conf } from '../../../src/kerberos/files/index.ts';
import { kdcLocator, parseKdcEndpoint } from '../../../src/kerberos/kdc/index.ts';
import { inOrderOfSrv } from '../../../src/kerberos/kdc/location.ts';
import { SspiError } from '../../../src/sspi/index.ts';

const { random } = systemHost;
const { signal } = new AbortController();

describe('addresses', () => {
  test.each([
    ['dc1.example.com', { host: 'dc1.example.com', port: 88 }],
    ['dc1.example.com:8888', { host: 'dc1.example.com', port: 8888 }],
    ['10.0.0.1', { host: '10.0.0.1', port: 88 }],
    ['[2001:db8::1]:89', { host: '2001:db8::1', port: 89 }],
    ['[2001:db8::1]', { host: '2001:db8::1', port: 88 }],
    ['2001:db8::1', { host: '2001:db8::1', port: 88 }],
    ['tcp/dc1', { host: 'dc1', port: 88, protocol: 'tcp' }],
    ['udp/dc1:99', { host: 'dc1', port: 99, protocol: 'udp' }],
    ['https://proxy.example.com/KdcProxy', { url: 'https://proxy.example.com/KdcProxy' }],
  ])('%s', (text, endpoint) => {
    expect(parseKdcEndpoint(text)).toEqual(endpoint);
  });

  test('the server for passwords listens elsewhere', () => {
    expect(parseKdcEndpoint('dc1', 'kpasswd')).toEqual({ host: 'dc1', port: 464 });
  });

  test.each([
    '',
    ' ',
    'a b',
    'a:0',
    'a:65536',
    'a:x',
    ':88',
    'http://proxy/KdcProxy',
    'ftp/dc1',
    '[::1',
    '[::1]x',
    'a/b',
  ])('refused: %j', (text) => {
    expect(() => parseKdcEndpoint(text)).toThrow(SspiError);
  });
});

const records: Record<string, readonly SrvRecord[]> = {
  '_kerberos._udp.EXAMPLE.COM': [{ priority: 0, weight: 100, port: 88, target: 'dc1.example.com.' }],
  '_kerberos._tcp.EXAMPLE.COM': [
    { priority: 10, weight: 0, port: 88, target: 'dc2.example.com' },
    { priority: 0, weight: 100, port: 1088, target: 'dc1.example.com' },
    { priority: 5, weight: 0, port: 88, target: '.' },
    { priority: 5, weight: 0, port: 0, target: 'nowhere.example.com' },
  ],
};

class TestDns implements Dns {
  readonly asked: string[] = [];
  srv(name: string): Promise<readonly SrvRecord[]> {
    this.asked.push(name);
    return Promise.resolve(records[name] ?? []);
  }
}

describe('location', () => {
  const settings = parseKrb5Conf(`
[realms]
  EXAMPLE.COM = {
    kdc = configured.example.com
    kdc = https://proxy.example.com/KdcProxy
  }
  WITH.PASSWORDS = {
    kdc = kdc.example.com:1088
    kpasswd_server = passwords.example.com
  }
`);

  test('what is told explicitly comes first', async () => {
    const locator = kdcLocator({ kdcs: { 'EXAMPLE.COM': ['told.example.com'] }, settings, random });
    expect(await locator.locate('EXAMPLE.COM', 'kdc', signal)).toEqual([{ host: 'told.example.com', port: 88 }]);
  });

  test('then krb5.conf', async () => {
    const dns = new TestDns();
    const found = await kdcLocator({ settings, dns, random }).locate('EXAMPLE.COM', 'kdc', signal);
    expect(found).toEqual([
      { host: 'configured.example.com', port: 88 },
      { url: 'https://proxy.example.com/KdcProxy' },
    ]);
    expect(dns.asked).toEqual([]);
  });

  test('then the DNS', async () => {
    const found = await kdcLocator({ dns: new TestDns(), random }).locate('EXAMPLE.COM', 'kdc', signal);
    expect(found).toEqual([
      { host: 'dc1.example.com', port: 88, protocol: 'udp' },
      { host: 'dc1.example.com', port: 1088, protocol: 'tcp' },
      { host: 'dc2.example.com', port: 88, protocol: 'tcp' },
    ]);
  });

  test('passwords: their own server, or else the KDCs at port 464; proxies take both', async () => {
    const locator = kdcLocator({ settings, random });
    expect(await locator.locate('WITH.PASSWORDS', 'kpasswd', signal)).toEqual([
      { host: 'passwords.example.com', port: 464 },
    ]);
    expect(await locator.locate('EXAMPLE.COM', 'kpasswd', signal)).toEqual([
      { host: 'configured.example.com', port: 464 },
      { url: 'https://proxy.example.com/KdcProxy' },
    ]);
  });

  test('nothing known is nothing found', async () => {
    expect(await kdcLocator({ random }).locate('EXAMPLE.COM', 'kdc', signal)).toEqual([]);
    expect(await kdcLocator({ kdcs: {}, random }).locate('constructor', 'kdc', signal)).toEqual([]);
  });

  test.each(['LOCAL', 'A B.COM', '../x.com', 'x.com.', 'a..b', `${'a'.repeat(64)}.com`, `${'a.'.repeat(150)}com`])(
    'what is no domain name is not asked for: %s',
    async (realm) => {
      const dns = new TestDns();
      expect(await kdcLocator({ dns, random }).locate(realm, 'kdc', signal)).toEqual([]);
      expect(dns.asked).toEqual([]);
    },
  );

  test('a DNS that fails for one protocol is asked for the other; one that fails altogether is an error', async () => {
    const half: Dns = {
      srv: (name) => (name.includes('_udp') ? Promise.reject(new Error('SERVFAIL')) : new TestDns().srv(name)),
    };
    expect(await kdcLocator({ dns: half, random }).locate('EXAMPLE.COM', 'kdc', signal)).toHaveLength(2);
    const none: Dns = { srv: () => Promise.reject(new Error('SERVFAIL')) };
    await expect(kdcLocator({ dns: none, random }).locate('EXAMPLE.COM', 'kdc', signal)).rejects.toThrow('SERVFAIL');
  });

  test('a DNS that names thousands is believed in part', async () => {
    const many = Array.from({ length: 5_000 }, (_, port) => ({
      priority: 0,
      weight: 1,
      port: port + 1,
      target: 'x.com',
    }));
    const found = await kdcLocator({ dns: { srv: () => Promise.resolve(many) }, random }).locate(
      'X.COM',
      'kdc',
      signal,
    );
    expect(found).toHaveLength(64);
  });
});

describe('RFC 2782', () => {
  /** A random source that draws this fraction. */
  const drawing = (fraction: number) => ({
    bytes(length: number) {
      const octets = new Uint8Array(length);
      new DataView(octets.buffer).setUint32(0, fraction * 0xffffffff);
      return octets;
    },
  });
  const record = (target: string, weight: number, priority = 0): SrvRecord => ({ target, weight, priority, port: 88 });
  const names = (list: readonly SrvRecord[]) => list.map(({ target }) => target).join(' ');

  test('the lowest priority comes first', () => {
    expect(names(inOrderOfSrv([record('c', 0, 2), record('a', 0, 0), record('b', 0, 1)], random))).toBe('a b c');
  });

  test('within a priority the weight decides how often', () => {
    const list = [record('a', 1), record('b', 3)];
    expect(names(inOrderOfSrv(list, drawing(0.2)))).toBe('a b'); // a has the first quarter
    expect(names(inOrderOfSrv(list, drawing(0.3)))).toBe('b a');
    expect(names(inOrderOfSrv(list, drawing(1)))).toBe('b a');
  });

  test('weights of zero all round', () => {
    expect(names(inOrderOfSrv([record('a', 0), record('b', 0)], random))).toBe('a b');
  });
});
