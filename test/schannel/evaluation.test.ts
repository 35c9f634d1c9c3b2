/** The verdict on a certificate, and what the two roles make of it (contract R13, R24, Q4, A19, A25). */
import { describe, expect, test } from 'vitest';
import { SERVER_USAGES } from '../../src/schannel/evaluation.ts';
import { evaluateCertificate, trustAnchors } from '../../src/schannel/index.ts';
import { CERT_STATUS, CERT_TRUST, CERT_TRUST_INFO, ISC_REQ, ISC_RET, SCH_CRED, SEC_E } from '../../src/sspi/index.ts';
import { connect, connected, der, failureOf, hostAt, pair, pem, stepped, TLS1_2, TLS1_3, withKey } from './support.ts';

interface Case {
  readonly chain?: string[];
  readonly roots?: string[];
  readonly host?: string | undefined;
  readonly time?: string;
  readonly flags?: number;
}

const NOW = new Date().toISOString();

function evaluate({
  chain = ['server', 'intermediate'],
  roots = ['root'],
  host = 'server.example.com',
  time = NOW,
  flags = 0,
}: Case) {
  return evaluateCertificate({
    certificates: chain.map((name) => der(name)),
    anchors: trustAnchors(roots.map((name) => pem(`${name}.pem`))),
    usages: SERVER_USAGES,
    host,
    time: Date.parse(time),
    flags,
  });
}

const GOOD = { errorStatus: 0, policyStatus: SEC_E.OK };
const error = (errorStatus: number) => ({ errorStatus, policyStatus: SEC_E.OK });

describe('the chain', () => {
  test.each<[string, Case, object]>([
    ['a leaf, its CA, a trusted root', {}, { ...GOOD, infoStatus: 0 }],
    ['the root sent along', { chain: ['server', 'intermediate', 'root'] }, GOOD],
    ['in any order, with strangers in between', { chain: ['server', 'rsa', 'root', 'sub-ca', 'intermediate'] }, GOOD],
    ['a trusted intermediate', { roots: ['intermediate'] }, GOOD],
    ['a trusted leaf', { chain: ['server'], roots: ['server'] }, GOOD],
    [
      'a trusted self-signed certificate',
      { chain: ['rsa'], roots: ['rsa'] },
      { ...GOOD, infoStatus: CERT_TRUST_INFO.IS_SELF_SIGNED },
    ],
    ['the intermediate missing', { chain: ['server'] }, error(CERT_TRUST.IS_PARTIAL_CHAIN)],
    ['no root trusted, the root not sent', { roots: [] }, error(CERT_TRUST.IS_PARTIAL_CHAIN)],
    [
      'no root trusted, the root sent',
      { chain: ['server', 'intermediate', 'root'], roots: [] },
      error(CERT_TRUST.IS_UNTRUSTED_ROOT),
    ],
    [
      'self-signed and not trusted',
      { chain: ['rsa'] },
      { ...error(CERT_TRUST.IS_UNTRUSTED_ROOT), infoStatus: CERT_TRUST_INFO.IS_SELF_SIGNED },
    ],
    [
      'self-signed, with the name of a trusted one',
      { chain: ['rsa-of-another'], roots: ['rsa'] },
      error(CERT_TRUST.IS_UNTRUSTED_ROOT),
    ],
    [
      'the runtime does not trust our test root',
      { chain: ['server', 'intermediate', 'root'], roots: [] },
      error(CERT_TRUST.IS_UNTRUSTED_ROOT),
    ],
    ['no certificate at all', { chain: [] }, error(CERT_TRUST.IS_PARTIAL_CHAIN)],
    [
      'signed with SHA-1, an issuer of the right name at hand',
      { chain: ['sha1', 'intermediate'] },
      { ...error(CERT_TRUST.IS_PARTIAL_CHAIN | CERT_TRUST.IS_NOT_SIGNATURE_VALID), infoStatus: 0x4 }, // HAS_NAME_MATCH_ISSUER
    ],
    [
      'issued by a leaf',
      { chain: ['below-leaf', 'server', 'intermediate'] },
      error(CERT_TRUST.INVALID_BASIC_CONSTRAINTS),
    ],
    [
      'issued by a CA that may not have CAs below',
      { chain: ['below-pathlen0', 'sub-ca', 'intermediate-pathlen0'] },
      error(CERT_TRUST.INVALID_BASIC_CONSTRAINTS),
    ],
    [
      'issued by a CA that may not sign certificates',
      { chain: ['below-no-sign', 'intermediate-no-sign'] },
      error(CERT_TRUST.INVALID_BASIC_CONSTRAINTS),
    ],
    [
      'issued by a CA for mail only',
      { chain: ['below-mail', 'intermediate-mail'] },
      error(CERT_TRUST.IS_NOT_VALID_FOR_USAGE),
    ],
    [
      'CAs that issued each other, and nobody else',
      { chain: ['below-ring', 'ring-two', 'ring-one'] },
      { ...error(0x10000 | 0x80), infoStatus: 0 }, // IS_PARTIAL_CHAIN, IS_CYCLIC
    ],
    [
      'CAs that issued each other, one of them trusted',
      { chain: ['below-ring', 'ring-two'], roots: ['ring-one'] },
      GOOD,
    ],
  ])('Q4: %s', (_, given, expected) => {
    expect(evaluate(given)).toMatchObject(expected);
  });

  test('Q4: a signature with any octet changed does not verify', () => {
    const leaf = der('server');
    const anchors = trustAnchors([pem('root.pem')]);
    for (let back = 1; back < 70; back += 4) {
      const changed = leaf.slice();
      const at = changed.length - back;
      changed[at] = (changed[at] ?? 0) ^ 1;
      const verdict = evaluateCertificate({
        certificates: [changed, der('intermediate')],
        anchors,
        usages: SERVER_USAGES,
        host: undefined,
        time: Date.parse(NOW),
        flags: 0,
      });
      expect(verdict.errorStatus).not.toBe(0);
    }
  });

  test('Q4: a peer that sends many CAs of one name costs little', () => {
    const copies = Array.from({ length: 60 }, () => der('intermediate'));
    const certificates = [der('server'), ...copies];
    const verdict = evaluateCertificate({
      certificates,
      anchors: trustAnchors([]),
      usages: SERVER_USAGES,
      host: undefined,
      time: Date.parse(NOW),
      flags: 0,
    });
    expect(verdict.errorStatus & CERT_TRUST.IS_PARTIAL_CHAIN).not.toBe(0);
  });
});

describe('dates and purposes', () => {
  test.each<[string, Case, object]>([
    ['long before', { time: '2001-01-01T00:00:00Z' }, error(CERT_TRUST.IS_NOT_TIME_VALID)],
    ['long after', { time: '2199-01-01T00:00:00Z' }, error(CERT_TRUST.IS_NOT_TIME_VALID)],
    [
      'a self-signed one as well',
      { chain: ['rsa'], roots: ['rsa'], time: '2199-01-01T00:00:00Z' },
      error(CERT_TRUST.IS_NOT_TIME_VALID),
    ],
    ['for another purpose', { chain: ['wrong-usage', 'intermediate'] }, error(CERT_TRUST.IS_NOT_VALID_FOR_USAGE)],
    [
      'with a key for revocation lists only',
      { chain: ['signs-certificates-only', 'intermediate'] },
      error(CERT_TRUST.IS_NOT_VALID_FOR_USAGE),
    ],
    [
      'with a critical extension that nobody knows',
      { chain: ['unknown-critical', 'intermediate'] },
      error(CERT_TRUST.IS_NOT_VALID_FOR_USAGE),
    ],
    [
      'for clients',
      { chain: ['client', 'intermediate'], host: undefined },
      { errorStatus: CERT_TRUST.IS_NOT_VALID_FOR_USAGE },
    ],
    ['for Remote Desktop (A19)', { chain: ['remote-desktop', 'intermediate'] }, GOOD],
    ['for any purpose', { chain: ['any-usage', 'intermediate'] }, GOOD],
  ])('Q4: %s', (_, given, expected) => {
    expect(evaluate(given)).toMatchObject(expected);
  });
});

describe('the name', () => {
  const wildcard = ['wildcard', 'intermediate'];
  test.each<[string, Case, boolean]>([
    ['the DNS name', {}, true],
    ['in capitals', { host: 'SERVER.Example.COM' }, true],
    ['with a final dot', { host: 'server.example.com.' }, true],
    ['the second DNS name', { host: 'localhost' }, true],
    ['another name', { host: 'other.example.com' }, false],
    ['a part of the name', { host: 'example.com' }, false],
    ['an IPv4 address', { host: '127.0.0.1' }, true],
    ['another IPv4 address', { host: '127.0.0.2' }, false],
    ['an IPv6 address', { host: '2001:db8::1' }, true],
    ['the same, written out', { host: '2001:0DB8:0:0:0:0:0:1' }, true],
    ['the same, with a zone', { host: '2001:db8::1%eth0' }, true],
    ['another IPv6 address', { host: '2001:db8::2' }, false],
    ['one label for the wildcard', { chain: wildcard, host: 'a.example.com' }, true],
    ['two labels for the wildcard', { chain: wildcard, host: 'a.b.example.com' }, false],
    ['no label for the wildcard', { chain: wildcard, host: 'example.com' }, false],
    ['a wildcard over a whole top-level domain', { chain: wildcard, host: 'evil.com' }, false],
    ['an address is no name', { chain: wildcard, host: '1.2.3.4' }, false],
    [
      'CommonName, where there is no DNS name',
      { chain: ['cn-only'], roots: ['cn-only'], host: 'cn.example.com' },
      true,
    ],
    ['CommonName does not count beside DNS names', { chain: wildcard, host: 'unused' }, false],
    ['an empty host', { host: '' }, false],
    ['no target: no check (R17)', { host: undefined }, true],
  ])('R13: %s', (_, given, matches) => {
    // An explicit undefined has to get through, which a default would replace.
    const verdict = 'host' in given && given.host === undefined ? evaluateWithoutHost(given) : evaluate(given);
    expect(verdict).toMatchObject({
      errorStatus: 0,
      policyStatus: matches ? SEC_E.OK : CERT_STATUS.CERT_E_CN_NO_MATCH,
    });
  });

  function evaluateWithoutHost({ chain = ['server', 'intermediate'] }: Case) {
    const anchors = trustAnchors([pem('root.pem')]);
    return evaluateCertificate({
      certificates: chain.map(der),
      anchors,
      usages: SERVER_USAGES,
      host: undefined,
      time: Date.parse(NOW),
      flags: 0,
    });
  }

  test('A25: NO_SERVERNAME_CHECK', () => {
    expect(evaluate({ host: 'other.example.com', flags: SCH_CRED.NO_SERVERNAME_CHECK })).toMatchObject(GOOD);
  });
});

describe('revocation', () => {
  const unknown = CERT_TRUST.REVOCATION_STATUS_UNKNOWN;
  const offline = CERT_TRUST.IS_OFFLINE_REVOCATION;
  test.each<[string, number, number]>([
    ['the end certificate', SCH_CRED.REVOCATION_CHECK_END_CERT, unknown | offline],
    ['the chain', SCH_CRED.REVOCATION_CHECK_CHAIN, unknown | offline],
    ['the chain without the root', SCH_CRED.REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT, unknown | offline],
    ['the chain, offline is no matter', SCH_CRED.REVOCATION_CHECK_CHAIN | SCH_CRED.IGNORE_REVOCATION_OFFLINE, unknown],
    ['the chain, unknown is no matter', SCH_CRED.REVOCATION_CHECK_CHAIN | SCH_CRED.IGNORE_NO_REVOCATION_CHECK, offline],
    ['nothing', 0, 0],
  ])('A25: asked for: %s; nobody knows', (_, flags, expected) => {
    expect(evaluate({ flags })).toMatchObject(error(expected));
  });
});

describe('a certificate that is malformed inside', () => {
  test('R24: the verdict says so, and nothing is thrown', () => {
    const whole = der('server');
    for (const at of [60, 120, 200, 260, 320, 380]) {
      const changed = whole.slice();
      changed[at] = 0xff;
      const verdict = evaluateCertificate({
        certificates: [changed],
        anchors: trustAnchors([pem('root.pem')]),
        usages: SERVER_USAGES,
        host: 'x',
        time: Date.parse(NOW),
        flags: 0,
      });
      expect(verdict.errorStatus).not.toBe(0);
    }
  });
});

describe.each([
  ['TLSv1.2', TLS1_2],
  ['TLSv1.3', TLS1_3],
] as const)('InitializeSecurityContext (Schannel), %s', (_, enabledProtocols) => {
  const server = (chain: string[]) => ({ certificates: [withKey(chain[0] === 'rsa' ? 'rsa' : 'leaf', ...chain)] });
  const roots = (...names: string[]) => ({ rootStore: names.map((name) => pem(`${name}.pem`)) });
  const after = hostAt('2199-01-01T00:00:00Z');

  // RFC 8446 6.2: bad_certificate 42, unsupported_certificate 43, certificate_expired 45, unknown_ca 48.
  test.each<[string, Parameters<typeof pair>[0], number, number, number]>([
    [
      'self-signed, not trusted',
      { server: server(['rsa']), client: roots('root') },
      SEC_E.UNTRUSTED_ROOT,
      48,
      SEC_E.UNTRUSTED_ROOT,
    ],
    [
      'the chain incomplete',
      { server: server(['server']), client: roots('root') },
      CERT_STATUS.CERT_E_CHAINING,
      48,
      SEC_E.UNTRUSTED_ROOT,
    ],
    [
      'the wrong name',
      {
        server: server(['server', 'intermediate']),
        client: roots('root'),
        initiate: { targetName: 'HTTP/other.example.com' },
      },
      SEC_E.WRONG_PRINCIPAL,
      42,
      SEC_E.CERT_UNKNOWN,
    ],
    [
      'expired',
      { server: server(['server', 'intermediate']), client: roots('root'), initiate: { host: after } },
      SEC_E.CERT_EXPIRED,
      45,
      SEC_E.CERT_EXPIRED,
    ],
    [
      'the wrong purpose',
      { server: server(['wrong-usage', 'intermediate']), client: roots('root') },
      SEC_E.CERT_WRONG_USAGE,
      43,
      SEC_E.CERT_UNKNOWN,
    ],
  ])('R13 R25: refuses: %s', async (name, options, status, alert, statusOfServer) => {
    const { client, server: acceptor } = await pair({ enabledProtocols, ...options });
    const flight = (await stepped(acceptor, (await stepped(client)).token)).token;
    const failure = await failureOf(client.step(flight));
    expect(failure, name).toMatchObject({ code: 'CERTIFICATE_UNTRUSTED', status });
    expect(failure.token).toEqual(Uint8Array.of(21, 3, 3, 0, 2, 2, alert));
    // And the server learns why.
    expect(await failureOf(acceptor.step(failure.token))).toMatchObject({ code: 'TLS_ALERT', status: statusOfServer });
  });

  test('R13: accepts a chain to a trusted root, and says so', async () => {
    const { client } = await connected({
      enabledProtocols,
      server: server(['server', 'intermediate']),
      client: roots('root'),
    });
    expect(client.query('CERT_TRUST_STATUS')).toEqual({ errorStatus: 0, infoStatus: 0, policyStatus: 0 });
    expect(client.query('REMOTE_CERTIFICATES').certificates).toEqual([der('server'), der('intermediate')]);
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).toBe(ISC_RET.MUTUAL_AUTH);
  });

  test.each([
    ['ISC_REQ_MANUAL_CRED_VALIDATION', { initiate: { flags: ISC_REQ.MANUAL_CRED_VALIDATION } }],
    ['SCH_CRED_MANUAL_CRED_VALIDATION', { client: { rootStore: [], flags: SCH_CRED.MANUAL_CRED_VALIDATION } }],
  ])('R24: %s leaves the decision to the caller, who can read the verdict', async (_flag, options) => {
    const { client } = await connected({ enabledProtocols, server: server(['rsa']), client: roots(), ...options });
    expect(client.query('CERT_TRUST_STATUS')).toMatchObject({ errorStatus: CERT_TRUST.IS_UNTRUSTED_ROOT });
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).toBe(0);
    expect(client.query('FLAGS').flags & ISC_RET.MANUAL_CRED_VALIDATION).toBe(ISC_RET.MANUAL_CRED_VALIDATION);
  });

  test('R17: without a target name the name is not checked, and the server not authenticated', async () => {
    const { client } = await connected({ enabledProtocols, initiate: { targetName: undefined } });
    expect(client.query('CERT_TRUST_STATUS')).toMatchObject({ errorStatus: 0, policyStatus: 0 });
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).toBe(0);
  });

  test('R18: the target name is that of the first call', async () => {
    const { client, server: acceptor } = await pair({ enabledProtocols });
    await connect(client, acceptor);
    expect(client.state).toBe('established');
  });
});
