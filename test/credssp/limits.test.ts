/** The edges of CredSSP's structures and options. */
import { describe, expect, test } from 'vitest';
import { isLoopback } from '../../src/credssp/attributes.ts';
import { TSRequestChannel } from '../../src/credssp/channel.ts';
import { disposeCredentials } from '../../src/credssp/credentials.ts';
import {
  credsspInitiator,
  decideDelegation,
  decodeTSCredentials,
  encodeTSCredentials,
  frameTSRequest,
  PERMISSIVE_DELEGATION_POLICY,
} from '../../src/credssp/index.ts';
import { decodeTSRequest, describeTSRequest } from '../../src/credssp/messages.ts';
import { delegationRule, minimumVersionFor, validatePolicy } from '../../src/credssp/policy.ts';
import { ISC_REQ, Secret } from '../../src/sspi/index.ts';
import { thrown } from '../ntlm/support.ts';
import { hex, toHex } from '../support/vectors.ts';
import { KEY, Scripted } from './scripted.ts';

describe('versions', () => {
  const channel = (options: { minVersion?: number; maxVersion?: number }) =>
    new TSRequestChannel('initiator', options, () => undefined);

  test.each([0, 1, 7, 2.5, Number.NaN, Number.POSITIVE_INFINITY])('X14: version %d does not exist', (version) => {
    for (const options of [{ maxVersion: version }, { minVersion: version }])
      expect(thrown(() => channel(options))).toMatchObject({ code: 'INVALID_PARAMETER', stage: 'CredSSP options' });
  });

  test('X14: 2 to 6 do, and the least is not above the most', () => {
    for (const version of [2, 3, 4, 5, 6])
      expect(channel({ maxVersion: version, minVersion: version }).version).toBe(version);
    expect(thrown(() => channel({ maxVersion: 4, minVersion: 5 })).message).toContain('minVersion');
  });

  test('Y18: whoever lowers the highest version lowers the least one, and nobody else goes below 5', () => {
    const request = (version: number) =>
      hex(`3012a0030201${toHex(Uint8Array.of(version))}a10b3009 3007a0050403 616263`.replaceAll(' ', ''));
    expect(thrown(() => channel({}).receive(request(4)))).toMatchObject({
      code: 'VERSION_REFUSED',
      stage: 'TSRequest',
    });
    expect(channel({ maxVersion: 4 }).receive(request(4)).version).toBe(4);
    expect(thrown(() => channel({ maxVersion: 4 }).receive(request(3))).code).toBe('VERSION_REFUSED');
    expect(channel({}).receive(request(5)).version).toBe(5);
  });

  test('Y18, Y19: what AllowEncryptionOracle means for either role', () => {
    expect([0, 1, 2].map((level) => minimumVersionFor('client', level === 0 ? 0 : level === 1 ? 1 : 2))).toEqual([
      5, 5, 2,
    ]);
    expect([0, 1, 2].map((level) => minimumVersionFor('server', level === 0 ? 0 : level === 1 ? 1 : 2))).toEqual([
      5, 2, 2,
    ]);
  });
});

describe('TSRequest', () => {
  test('F6, X9: what does not begin with a SEQUENCE is not waited for', () => {
    for (const first of ['31', '04', '00', '16'])
      expect(thrown(() => frameTSRequest(hex(first), 100))).toMatchObject({
        code: 'MALFORMED_TOKEN',
        stage: 'TSRequest',
      });
    expect(frameTSRequest(hex(''), 100)).toHaveProperty('missing');
    expect(frameTSRequest(hex('30'), 100)).toHaveProperty('missing');
    expect(frameTSRequest(hex('3003'), 100)).toEqual({ missing: 3 });
    expect(frameTSRequest(hex('3000ff'), 100)).toEqual({ whole: 2 });
  });

  test('F6: too long and nonsense are told apart', () => {
    expect(thrown(() => frameTSRequest(hex('3082ffff'), 100)).code).toBe('TOKEN_TOO_LARGE');
    expect(thrown(() => frameTSRequest(hex('3080'), 100))).toMatchObject({
      code: 'MALFORMED_TOKEN',
      stage: 'TSRequest',
    });
  });

  test.each([
    ['of version 1', '300aa003020101a303040100', 'MALFORMED_TOKEN'],
    ['with an empty list of tokens', '3009a003020106a1023000', 'MALFORMED_TOKEN'],
    ['that carries nothing', '3005a003020106', 'MALFORMED_TOKEN'],
    ['with a nonce of one octet', '300fa003020106a3030401aaa503040100', 'NONCE_INVALID'],
  ])('X9, X14, X21: one %s is refused', (_, octets, code) => {
    expect(thrown(() => decodeTSRequest(hex(octets)))).toMatchObject({ code, stage: 'TSRequest' });
  });

  test('what it carries is told in words', () => {
    const describe = (request: Parameters<typeof describeTSRequest>[0]) =>
      describeTSRequest(request, (token) => `token of ${token.length}`);
    expect(describe({ version: 2 })).toBe('TSRequest v2 {}');
    expect(
      describe({
        version: 6,
        negoTokens: [{ negoToken: hex('00') }, { negoToken: hex('0000') }],
        authInfo: hex('00'),
        pubKeyAuth: hex('00'),
        errorCode: 0xc000006d | 0,
        clientNonce: new Uint8Array(32),
      }),
    ).toBe(
      'TSRequest v6 {negoTokens: token of 1, token of 2, authInfo, pubKeyAuth, errorCode: 0xc000006d, clientNonce}',
    );
    expect(describe({ version: 3, errorCode: 5 })).toBe('TSRequest v3 {errorCode: 0x00000005}');
  });
});

describe('TSCredentials', () => {
  test('X7: one name that is not empty makes a password of it', () => {
    for (const [domain, user, password] of [
      ['d', '', ''],
      ['', 'u', ''],
      ['', '', 'p'],
    ] as const) {
      const octets = encodeTSCredentials({ kind: 'password', domain, user, password: Secret.fromText(password) });
      const decoded = decodeTSCredentials(octets);
      if (decoded.kind !== 'password') throw new TypeError(decoded.kind);
      expect([decoded.domain, decoded.user]).toEqual([domain, user]);
      expect(Buffer.from(decoded.password.reveal()).toString('utf16le')).toBe(password);
    }
  });

  test('X7, X8: secrets are copies: the octets that they came in can be wiped', () => {
    const guard = encodeTSCredentials({
      kind: 'remote-guard',
      logon: { packageName: 'Kerberos', credential: new Secret(hex('01020304')) },
      supplemental: [{ packageName: 'NTLM', credential: new Secret(hex('0506')) }],
    });
    const decoded = decodeTSCredentials(guard);
    guard.fill(0);
    if (decoded.kind !== 'remote-guard') throw new TypeError(decoded.kind);
    expect(decoded.logon.packageName).toBe('Kerberos');
    expect([decoded.logon, ...decoded.supplemental].map(({ credential }) => toHex(credential.reveal()))).toEqual([
      '01020304',
      '0506',
    ]);
  });

  test('X8: of a smart card only the PIN and the kind of key have to be there', () => {
    const nothing = {
      cardName: undefined,
      readerName: undefined,
      containerName: undefined,
      cspName: undefined,
      userHint: undefined,
      domainHint: undefined,
    };
    const bare = encodeTSCredentials({ kind: 'smart-card', pin: Secret.fromText('1234'), keySpec: 1, ...nothing });
    expect(toHex(bare)).toBe(
      '3020a003020102a1190417 3015 a00a0408 3100320033003400 a107 3005a003020101'.replaceAll(' ', ''),
    );
    expect(decodeTSCredentials(bare)).toMatchObject({ keySpec: 1, ...nothing });
    const full = {
      cardName: 'card',
      readerName: 'reader',
      containerName: 'container',
      cspName: 'csp',
      userHint: 'user',
      domainHint: 'domain',
    };
    const octets = encodeTSCredentials({ kind: 'smart-card', pin: Secret.fromText('1'), keySpec: 2, ...full });
    expect(decodeTSCredentials(octets)).toMatchObject({ keySpec: 2, ...full });
  });

  test('X9: lengths may be longer than they need be, inside as well', () => {
    const password = '3017a003020101a110040e300ca0020400a1020400a2020400';
    expect(decodeTSCredentials(hex(`308117${password.slice(4)}`))).toEqual({ kind: 'none' });
    const inner = '30810ca0020400a1020400a2020400';
    expect(decodeTSCredentials(hex(`3018a003020101a111040f${inner}`))).toEqual({ kind: 'none' });
  });

  test.each([
    ['credType 3', '3017a003020103a110040e300ca0020400a1020400a2020400'],
    ['a domain of one octet', '3018a003020101a111040f300da003040161a1020400a2020400'],
    ['a password of one octet', '3018a003020101a111040f300da0020400a1020400a203040161'],
  ])('X22, X7: %s is refused', (_, octets) => {
    expect(thrown(() => decodeTSCredentials(hex(octets)))).toMatchObject({
      code: 'MALFORMED_TOKEN',
      stage: 'TSCredentials',
    });
  });
});

test('L1: secrets of every kind of credentials are wiped', () => {
  const secrets = Array.from({ length: 5 }, () => new Secret(hex('0102')));
  const [password, pin, logon, one, other] = secrets;
  if (!password || !pin || !logon || !one || !other) throw new TypeError('five secrets');
  const named = (credential: Secret) => ({ packageName: 'Kerberos', credential });
  const nothing = {
    cardName: undefined,
    readerName: undefined,
    containerName: undefined,
    cspName: undefined,
    userHint: undefined,
    domainHint: undefined,
  };
  disposeCredentials({ kind: 'none' });
  disposeCredentials({ kind: 'password', domain: '', user: '', password });
  disposeCredentials({ kind: 'smart-card', pin, keySpec: 1, ...nothing });
  disposeCredentials({ kind: 'remote-guard', logon: named(logon), supplemental: [named(one), named(other)] });
  expect(secrets.map((secret) => secret.disposed)).toEqual([true, true, true, true, true]);
});

test.each([
  ['TERMSRV/localhost', true],
  ['localhost', true],
  ['TERMSRV/LOCALHOST.', true],
  ['TERMSRV/host.localhost', true],
  ['TERMSRV/127.0.0.1', true],
  ['TERMSRV/127.255.10.200', true],
  ['TERMSRV/[::1]', true],
  ['TERMSRV/notlocalhost', false],
  ['TERMSRV/localhost.example.test', false],
  ['TERMSRV/1127.0.0.1', false],
  ['TERMSRV/127.0.0', false],
  ['TERMSRV/127.0.0.1.example.test', false],
  ['TERMSRV/::2', false],
  [undefined, false],
])('Q3: %s is this machine: %s', (target, expected) => {
  expect(isLoopback(target)).toBe(expected);
});

describe('policy', () => {
  test('Y3: a pattern with two stars matches nothing, not even itself', () => {
    for (const pattern of ['a*b*', '**', '*a*'])
      expect(decideDelegation({ ...PERMISSIVE_DELEGATION_POLICY, allowFresh: [pattern] }, 'fresh', pattern, true)).toBe(
        'denied',
      );
  });

  test('Y7, Y8: the list and the pattern that decided are told', () => {
    const policy = {
      ...PERMISSIVE_DELEGATION_POLICY,
      allowFresh: ['x', 'TERMSRV/*'],
      allowFreshNtlmOnly: ['HTTP/*'],
      denyFresh: ['*/bad'],
    };
    const rule = (target: string, authenticated: boolean) => delegationRule(policy, 'fresh', target, authenticated);
    expect(rule('TERMSRV/a', true)).toEqual({
      decision: 'allowed',
      matched: { list: 'allowFresh', pattern: 'TERMSRV/*' },
    });
    expect(rule('HTTP/a', false)).toEqual({
      decision: 'allowed',
      matched: { list: 'allowFreshNtlmOnly', pattern: 'HTTP/*' },
    });
    expect(rule('HTTP/bad', false)).toEqual({ decision: 'denied', matched: { list: 'denyFresh', pattern: '*/bad' } });
    expect(rule('TERMSRV/a', false)).toEqual({
      decision: 'needs-server-authentication',
      matched: { list: 'allowFresh', pattern: 'TERMSRV/*' },
    });
    expect(rule('HTTP/a', true)).toEqual({ decision: 'denied', matched: undefined });
  });

  test('Y1: a policy without one of its nine lists, or with something else in it, is none', () => {
    validatePolicy(PERMISSIVE_DELEGATION_POLICY);
    for (const name of Object.keys(PERMISSIVE_DELEGATION_POLICY))
      for (const wrong of [undefined, 'TERMSRV/*', [1], ['*', null]]) {
        const policy = Object.assign({}, PERMISSIVE_DELEGATION_POLICY, { [name]: wrong });
        const error = thrown(() => validatePolicy(policy));
        expect(error).toMatchObject({ code: 'INVALID_PARAMETER', stage: 'CredSSP policy' });
        expect(error.message).toContain(name);
      }
  });
});

test('R27: each flag that CredSSP does not know is refused before anything happens', () => {
  for (const flags of [
    ISC_REQ.PROMPT_FOR_CREDS,
    ISC_REQ.USE_DCE_STYLE,
    ISC_REQ.DATAGRAM,
    ISC_REQ.CALL_LEVEL,
    ISC_REQ.FRAGMENT_SUPPLIED,
    ISC_REQ.NULL_SESSION,
    ISC_REQ.FRAGMENT_TO_FIT,
    ISC_REQ.USE_HTTP_STYLE,
  ]) {
    const options = { publicKey: KEY, credentials: { kind: 'none' }, serverCertificateTrusted: false } as const;
    const mechanism = new Scripted({ says: [] });
    const error = thrown(() => credsspInitiator({ ...options, mechanism, flags: flags | ISC_REQ.DELEGATE }));
    expect(error).toMatchObject({ code: 'UNSUPPORTED_FUNCTION', stage: 'fContextReq' });
  }
});
