import { describe, expect, test } from 'vitest';
import { parseKrb5Conf, readIncludes } from '../../../src/kerberos/files/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';

const TEXT = `
# a comment
; another
[libdefaults]
	default_realm = EXAMPLE.COM
	dns_lookup_kdc = true
	dns_lookup_realm=no
	permitted_enctypes = aes256-cts-hmac-sha1-96 aes128-cts rc4-hmac des-cbc-crc
	ticket_lifetime = 1d 12h
	renew_lifetime = 7d
	clockskew = 120
	udp_preference_limit = 1
	forwardable = yes
	default_realm = SECOND.IS.IGNORED
	default_ccache_name = "FILE:/tmp/a \\"b\\"" 

[realms]
  EXAMPLE.COM = {
    kdc = dc1.example.com
    kdc = dc2.example.com:8888   
    kdc = https://proxy.example.com/KdcProxy
    admin_server = dc1.example.com
    kpasswd_server = dc1.example.com:464
    auth_to_local_names = {
      alice = alice
    }
  }
  OTHER.COM = {
    primary_kdc = k.other.com
  }*

[domain_realm]
  .example.com = EXAMPLE.COM
  example.com = EXAMPLE.COM
  www.example.com = OTHER.COM
  .sub.example.com = SUB.EXAMPLE.COM

[capaths]
  A.COM = {
    B.COM = X.COM
    B.COM = Y.COM
    C.COM = .
    D.COM = P.COM Q.COM
  }
`;

describe('krb5.conf', () => {
  const conf = parseKrb5Conf(TEXT);

  test('K8: libdefaults', () => {
    expect(conf.libdefaults).toEqual({
      defaultRealm: 'EXAMPLE.COM',
      dnsLookupKdc: true,
      dnsLookupRealm: false,
      permittedEnctypes: [18, 17, 23],
      defaultTktEnctypes: undefined,
      defaultTgsEnctypes: undefined,
      forwardable: true,
      proxiable: undefined,
      canonicalize: undefined,
      noaddresses: undefined,
      ticketLifetime: 36 * 3_600_000,
      renewLifetime: 7 * 86_400_000,
      clockskew: 120_000,
      udpPreferenceLimit: 1,
    });
  });

  test('K8: realms', () => {
    expect([...conf.realms.keys()]).toEqual(['EXAMPLE.COM', 'OTHER.COM']);
    expect(conf.kdcs('EXAMPLE.COM', 'kdc')).toEqual([
      'dc1.example.com',
      'dc2.example.com:8888',
      'https://proxy.example.com/KdcProxy',
    ]);
    expect(conf.kdcs('EXAMPLE.COM', 'kpasswd')).toEqual(['dc1.example.com:464']);
    expect(conf.kdcs('NOWHERE.COM', 'kdc')).toEqual([]);
    expect(conf.realms.get('OTHER.COM')?.primaryKdc).toEqual(['k.other.com']);
  });

  test.each([
    ['www.example.com', 'OTHER.COM'],
    ['WWW.Example.com.', 'OTHER.COM'],
    ['db.example.com', 'EXAMPLE.COM'],
    ['example.com', 'EXAMPLE.COM'],
    ['a.b.sub.example.com', 'SUB.EXAMPLE.COM'],
    ['sub.example.com', 'EXAMPLE.COM'],
    ['host', undefined],
    ['example.org', undefined],
    ['', undefined],
    ['constructor', undefined],
  ])('K9: the realm of %s is %s', (host, realm) => {
    expect(conf.realmOfHost(host)).toBe(realm);
  });

  test('K9: capaths', () => {
    expect(conf.path('A.COM', 'B.COM')).toEqual(['X.COM', 'Y.COM']);
    expect(conf.path('A.COM', 'C.COM')).toEqual([]);
    expect(conf.path('A.COM', 'D.COM')).toEqual(['P.COM', 'Q.COM']);
    expect(conf.path('B.COM', 'A.COM')).toBeUndefined();
  });

  test.each([
    ['36000', 36_000],
    ['10h', 36_000],
    ['2:30', 9000],
    ['2:30:15', 9015],
    ['1d 2h 3m 4s', 93_784],
    ['1d2h', 93_600],
  ])('durations: %s', (value, seconds) => {
    expect(parseKrb5Conf(`[libdefaults]\nticket_lifetime = ${value}`).libdefaults.ticketLifetime).toBe(seconds * 1000);
  });

  test.each([
    ['x = y', /line 1: a relation outside/],
    ['[a]\nnonsense', /line 2: neither/],
    ['[a]\n}', /line 2: a brace that was not opened/],
    ['[a]\nb = {', /a brace is not closed/],
    ['[a]\nb = {\n[c]\n}', /line 3: a section within braces/],
    [`[a]\n${'b = {\n'.repeat(30)}`, /nested too deep/],
    ['include /etc/other', /line 1: an include/],
    ['[libdefaults]\nforwardable = maybe', /forwardable = maybe/],
    ['[libdefaults]\nticket_lifetime = long', /ticket_lifetime = long/],
    ['[libdefaults]\nudp_preference_limit = -1', /udp_preference_limit/],
    ['#'.repeat(1024 * 1024 + 1), /longer than/],
  ])('Z42: %j is a typed error that names the place', (text, message) => {
    expect(() => parseKrb5Conf(text)).toThrow(SspiError);
    expect(() => parseKrb5Conf(text)).toThrow(message);
  });

  test('empty texts, Windows line ends, unknown sections, module lines', () => {
    expect(parseKrb5Conf('').libdefaults.defaultRealm).toBeUndefined();
    expect(
      parseKrb5Conf('[libdefaults]\r\ndefault_realm = A\r\n[plugins]\r\nx = {\r\ny = z\r\n}\r\n').libdefaults
        .defaultRealm,
    ).toBe('A');
    expect(parseKrb5Conf('module /a.so:b\n[libdefaults]\ndefault_realm=A').libdefaults.defaultRealm).toBe('A');
    expect(parseKrb5Conf('[realms]\n__proto__ = {\nkdc = a\n}').kdcs('__proto__', 'kdc')).toEqual(['a']);
  });

  test('a megabyte of blanks takes no time', () => {
    const started = performance.now();
    expect(() => parseKrb5Conf(`[a]\ninclude x${' '.repeat(900_000)}y`)).toThrow(SspiError);
    expect(() => parseKrb5Conf(`[a]\nx${' '.repeat(900_000)}`)).toThrow(SspiError);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

describe('includes', () => {
  const filesOf = (contents: Readonly<Record<string, string>>) => ({
    read: (path: string) =>
      Object.hasOwn(contents, path)
        ? Promise.resolve(new TextEncoder().encode(contents[path]))
        : Promise.reject(new Error('ENOENT')),
    list: (directory: string) =>
      Promise.resolve(
        Object.keys(contents)
          .filter((path) => path.startsWith(`${directory}/`))
          .map((path) => path.slice(directory.length + 1)),
      ),
  });

  test('K8: files and directories, within a section that goes on behind them', async () => {
    const text = '[libdefaults]\ninclude /a\ninclude /missing-not\nincludedir /d\ndefault_realm = LAST';
    const files = filesOf({
      '/a': '[realms]\nR = {\n kdc = one\n}',
      '/missing-not': '',
      '/d/10-x': '[domain_realm]\n.r = R',
      '/d/b.conf': '[realms]\nS = {\n kdc = two\n}',
      '/d/c.conf~': 'nonsense',
      '/d/.hidden.conf': 'nonsense',
    });
    const conf = parseKrb5Conf(text, await readIncludes(text, files));
    expect(conf.libdefaults.defaultRealm).toBe('LAST');
    expect([conf.kdcs('R', 'kdc'), conf.kdcs('S', 'kdc'), conf.realmOfHost('x.r')]).toEqual([['one'], ['two'], 'R']);
  });

  test('Z42: files that include themselves or each other end in a typed error', async () => {
    const loop = filesOf({ '/a': 'include /b', '/b': 'include /a' });
    const includes = await readIncludes('include /a', loop);
    expect(() => parseKrb5Conf('include /a', includes)).toThrow(/too deep/);
    const chain = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`/${i}`, `include /${i + 1}`]));
    await expect(readIncludes('include /0', filesOf(chain))).rejects.toThrow(/too deep/);
    const wide = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`/d/${i}`, '']));
    await expect(readIncludes('includedir /d', filesOf(wide))).rejects.toThrow(/more than 256/);
  });

  test('a missing file is an error of the reader', async () => {
    await expect(readIncludes('include /nowhere', filesOf({}))).rejects.toThrow('ENOENT');
  });
});
