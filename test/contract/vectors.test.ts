/** The known answers of contract §6 by their numbers. `npm run vectors` runs all cases of all files; these are the ones that are cited. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  decodeTSCredentials,
  decodeTSRequest,
  encodeTSCredentials,
  encodeTSRequest,
  TSCredentials,
  TSPasswordCreds,
  TSRequest,
} from '../../src/credssp/index.ts';
import { encodeUtf16, Rc4 } from '../../src/crypto/index.ts';
import { decode, encode } from '../../src/der/index.ts';
import { decodeNegTokenInit, OID } from '../../src/negotiate/index.ts';
import {
  decodeAuthenticate,
  decodeChallenge,
  NEGOTIATE,
  NtlmMessageSecurity,
  ntowfV1,
  ntowfV2,
  ntProofStr,
  sealKey,
  sessionBaseKeyV2,
  signKey,
} from '../../src/ntlm/index.ts';
import { decodeConnectionConfirm, decodeConnectionRequest } from '../../src/rdp/x224.ts';
import { tlsServerEndPoint } from '../../src/schannel/index.ts';
import { Secret } from '../../src/sspi/index.ts';
import { handlers } from '../../tools/vectors/handlers/index.ts';
import { runFile } from '../../tools/vectors/runner.ts';
import { der } from '../schannel/support.ts';
import { hex, text, toHex, type VectorCase, vectorCases } from '../support/vectors.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'known-answers-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs some cases by the handlers of `npm run vectors`. Gives those that did not pass. */
async function failuresAmong(cases: readonly VectorCase[], common: unknown = {}): Promise<readonly unknown[]> {
  const file = join(folder, 'cases.json');
  writeFileSync(file, JSON.stringify({ title: 'selected', common, cases }));
  const result = await runFile(file, handlers);
  expect(result.cases).toHaveLength(cases.length);
  return result.cases.filter(({ state }) => state !== 'passed');
}

const citing = (file: string, citation: RegExp): VectorCase[] =>
  vectorCases(file).filter(({ source }) => typeof source === 'string' && citation.test(source));

describe('[MS-NLMP] 4.2', () => {
  const file: { common: Record<string, unknown>; cases: VectorCase[] } = JSON.parse(
    readFileSync(new URL('../vectors/ntlm-ms-nlmp.json', import.meta.url), 'utf8'),
  );
  const [v1, ess, v2] = file.cases;

  test('V1: the common inputs are those of 4.2.1, and the messages of 4.2.4 are made of them', () => {
    const message = decodeAuthenticate(hex(text(v2 ?? {}, 'authenticate_message')));
    expect([message.user, message.domain, message.workstation]).toEqual(['User', 'Domain', 'COMPUTER']);
    const { ntResponse } = message;
    if (ntResponse.kind !== 'ntlm-v2') throw new TypeError(ntResponse.kind);
    const { timestamp, clientChallenge } = ntResponse.clientChallenge;
    expect([toHex(timestamp), toHex(clientChallenge)]).toEqual(['00'.repeat(8), 'aa'.repeat(8)]);
    const { serverChallenge } = decodeChallenge(hex(text(v2 ?? {}, 'challenge_message')));
    const owf = ntowfV2(ntowfV1(encodeUtf16('Password')), message.user, message.domain);
    const key = sessionBaseKeyV2(owf, ntProofStr(owf, serverChallenge, ntResponse.temp));
    // 4.2.1: RandomSessionKey, which only the right password brings back.
    const random = message.encryptedRandomSessionKey.slice();
    new Rc4(key).transform(random);
    expect(toHex(random)).toBe('55'.repeat(16));
    expect(file.common).toMatchObject({
      user: 'User',
      domain: 'Domain',
      password: 'Password',
      random_session_key: '55'.repeat(16),
      client_challenge: 'aa'.repeat(8),
      server_challenge: '0123456789abcdef',
      time: '00'.repeat(8),
    });
  });

  test.each([
    ['V2', 'NTLMv1, 4.2.2', v1],
    ['V3', 'NTLMv1 with client challenge, 4.2.3', ess],
    ['V4', 'NTLMv2, 4.2.4', v2],
  ])('%s: every value of %s', async (_, __, one) => {
    if (one === undefined) throw new TypeError('the file has three cases');
    expect(await failuresAmong([one], file.common)).toEqual([]);
  });

  test('V2: NTOWFv1 of 4.2.2.1.2', () => {
    expect(toHex(ntowfV1(encodeUtf16('Password')))).toBe('a4f49c406510bdcab6824ee7c30fd852');
  });

  test('V4: 4.2.4 as the contract writes it down', () => {
    const key = ntowfV2(hex('a4f49c406510bdcab6824ee7c30fd852'), 'User', 'Domain');
    expect(toHex(key)).toBe('0c868a403bfd7a93a3001ef22ef02e3f');
    const proof = ntProofStr(key, hex('0123456789abcdef'), hex(text(v2 ?? {}, 'temp')));
    expect(toHex(proof)).toBe('68cd0ab851e51c96aabc927bebef6a1c');
    expect(toHex(sessionBaseKeyV2(key, proof))).toBe('8de40ccadbc14a82f15cb0ad0de95ca3');
    const exported = hex('55'.repeat(16));
    const flags = NEGOTIATE.EXTENDED_SESSIONSECURITY | NEGOTIATE.KEY_128 | NEGOTIATE.KEY_EXCH | NEGOTIATE.SEAL;
    expect(toHex(sealKey(flags, exported, 'client'))).toBe('59f600973cc4960a25480a7c196e4c58');
    expect(toHex(signKey(flags, exported, 'client'))).toBe('4788dc861b4782f35d43fd98fe1a2d39');
    const security = new NtlmMessageSecurity({ flags, exportedSessionKey: exported, side: 'client' });
    expect(toHex(security.wrap(encodeUtf16('Plaintext')))).toBe(
      '010000007fb38ec5c55d497600000000' + '54e50165bf1936dc996020c1811b0f06fb5f',
    );
  });

  test('V16: the complete messages: payload at 72, and so no MIC, which nothing announces either', () => {
    for (const one of file.cases) {
      const challenge = decodeChallenge(hex(text(one, 'challenge_message')));
      expect(toHex(challenge.serverChallenge)).toBe('0123456789abcdef');
      const authenticate = one['authenticate_message'];
      if (typeof authenticate !== 'string') continue;
      const message = decodeAuthenticate(hex(authenticate));
      expect([message.user, message.domain, message.workstation, message.mic]).toEqual([
        'User',
        'Domain',
        'COMPUTER',
        undefined,
      ]);
      // The lowest offset of a field is where the payload begins.
      const octets = hex(authenticate);
      const offsets = [12, 20, 28, 36, 44, 52].map((at) => new DataView(octets.buffer).getUint32(at + 4, true));
      expect(Math.min(...offsets)).toBe(72);
    }
  });
});

describe('Kerberos', () => {
  test.each([
    ['V5', 'RFC 3961 A.1, n-fold', 'kerberos-crypto', /^RFC 3961 A\.1/, 9],
    ['V6', 'RFC 3962 B', 'kerberos-crypto', /^RFC 3962 B/, 4],
    ['V7', 'RFC 8009 A', 'kerberos-crypto', /RFC 8009 A/, 12],
    ['V8', 'RFC 4757 3', 'kerberos-crypto', /^RFC 4757/, 1],
    ['V9', '[MS-KILE] 4.4', 'kerberos-crypto', /^MS-KILE 4\.4/, 1],
    ['V10', '[MS-KILE] 4.5', 'kerberos-gss', /^MS-KILE 4\.5/, 1],
  ] as const)('%s: %s', async (_, __, file, citation, least) => {
    const cases = citing(file, citation);
    expect(cases.length).toBeGreaterThanOrEqual(least);
    expect(await failuresAmong(cases)).toEqual([]);
  });

  test('V20h, E17: a sealed CFX token of AES-256, EC 0 and RRC 28, as the contract writes it down', async () => {
    const token =
      '050402ff0000001c0000000000000000f25cdcdef74a59c62904a056199e6d44bf938840a7e984ed4909e86c68b07adb8b5886fc85c1b0434e0dd503e5d4365c7381d3';
    const one = {
      kind: 'CFX wrap (sealed)',
      name: 'V20h',
      etype: 18,
      key: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      confounder: '404142434445464748494a4b4c4d4e4f',
      seq: 0,
      sent_by_acceptor: false,
      key_usage: 24,
      plaintext: Buffer.from('CredSSP').toString('hex'),
      token,
      source: 'contract V20h',
    };
    expect(await failuresAmong([one])).toEqual([]);
    const changed = { ...one, token: `${token.slice(0, -1)}4` };
    expect(await failuresAmong([changed])).toHaveLength(1);
  });
});

describe('the others', () => {
  test('V11: the NegTokenInit2 of [MS-SPNG] 4: NEGOEX and NTLM, a hint that says nothing', () => {
    const dump = hex(
      `6082015d06062b0601050502a08201513082014da01a3018060a2b06010401823702021e060a2b06010401823702020a
       a28201010481fe4e45474f4558545301000000000000006000000070000000cffa11765e12599a347d766852bfce7097
       458710bb8242b4c7dfbad2da897aa311a7d868463430952562dc13c554f2010000000000000000600000000100000000
       000000000000005c33530deaf90d4db2ec4ae3786ec3084e45474f455854530300000001000000400000008e000000cf
       fa11765e12599a347d766852bfce705c33530deaf90d4db2ec4ae3786ec308400000004e000000304ca04a3048302a80
       283026312430220603550403131b584d4c50726f766964657220496e7465726d656469617465204341301a8018301631
       1430120603550403130b584d4c50726f7669646572a32a3028a0261b246e6f745f646566696e65645f696e5f52464334
       31373840706c656173655f69676e6f7265`,
    );
    expect(dump).toHaveLength(0x161);
    const init = decodeNegTokenInit(dump);
    expect(init.mechTypes).toEqual(['1.3.6.1.4.1.311.2.2.30', '1.3.6.1.4.1.311.2.2.10']);
    expect(init.mechTypes[1]).toBe(OID.NTLM);
    expect(Buffer.from(init.mechToken?.subarray(0, 8) ?? []).toString()).toBe('NEGOEXTS');
    expect(init.mechListMIC).toBeUndefined();
  });

  test.each([
    ['rsa', 'sha256'],
    ['rsa-sha1', 'sha256'],
    ['rsa-sha384', 'sha384'],
    ['rsa-sha512', 'sha512'],
    ['ec', 'sha256'],
  ])('V13, Q9: RFC 5929 4: tls-server-end-point of %s is its %s', (name, algorithm) => {
    const certificate = der(name);
    const expected = `${Buffer.from('tls-server-end-point:').toString('hex')}${createHash(algorithm).update(certificate).digest('hex')}`;
    expect(toHex(tlsServerEndPoint(certificate))).toBe(expected);
  });

  test('V15: the X.224 exchange of [MS-RDPBCGR] 4.1', () => {
    const request = hex('0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000');
    expect(decodeConnectionRequest(request)).toEqual({
      cookie: 'eltons',
      negotiation: { flags: 0, requestedProtocols: 0 },
    });
    const confirm = hex('030000130ed000001234000200080000000000');
    expect(decodeConnectionConfirm(confirm)).toEqual({ kind: 'selected', selectedProtocol: 0, flags: 0 });
  });

  test('V17: the smart card credentials of [MS-CSSP] 4', () => {
    const dump = hex(
      `3082010fa003020102a1820106048201023081ffa01a0418620062006200620062006200620062006200620062006200
       a181e03081dda003020101a22e042c4f004d004e0049004b004500590020004300610072 0064004d0061006e0020003300
       780032003100200030 00a350044e6c0065002d004d00530053006d00610072007400630061 00720064005500730065
       0072002d00380062006400610030003100390066002d0031003200360036002d002d0035003300320036003800a45404
       524d006900630072006f0073006f0066007400200042006100730065002000 53006d006100720074002000430061007200
       64002000430072007900700074006f002000500072006f00760069006400650 07200`,
    );
    expect([dump.length, createHash('sha256').update(dump).digest('hex')]).toEqual([
      275,
      'c9cae7dccaa453359aee420eb59f4d4fe6e70b92f7bf1cf2429b6ac661cd1e0b',
    ]);
    const credentials = decodeTSCredentials(dump);
    if (credentials.kind !== 'smart-card') throw new TypeError(credentials.kind);
    const { pin, ...rest } = credentials;
    expect(Buffer.from(pin.reveal()).toString('utf16le')).toBe('bbbbbbbbbbbb');
    expect(rest).toEqual({
      kind: 'smart-card',
      keySpec: 1,
      cardName: undefined,
      readerName: 'OMNIKEY CardMan 3x21 0',
      containerName: 'le-MSSmartcardUser-8bda019f-1266--53268',
      cspName: 'Microsoft Base Smart Card Crypto Provider',
      userHint: undefined,
      domainHint: undefined,
    });
    expect(encodeTSCredentials(credentials)).toEqual(dump);
  });

  test('V19: TSRequests and TSCredentials that pyspnego publishes', async () => {
    const published = citing('credssp', /pyspnego/);
    expect(published.length).toBeGreaterThan(10);
    expect(await failuresAmong(published)).toEqual([]);
  });

  test('V19: every field of a TSRequest, as the tests of requests-credssp have it', () => {
    const whole = hex(
      '3030 a003020106 a10c300a3008a0060404aabbccdd a206040401020304 a306040405060708 a403020102 a5060404090a0b0d',
    );
    const fields = {
      version: 6,
      negoTokens: [{ negoToken: hex('aabbccdd') }],
      authInfo: hex('01020304'),
      pubKeyAuth: hex('05060708'),
      errorCode: 2,
      clientNonce: hex('090a0b0d'),
    };
    expect(toHex(encodeTSRequest(fields))).toBe(toHex(whole));
    expect(decode(TSRequest, whole)).toEqual(fields);
    // A nonce of four octets is none, once the rules of X17 are asked.
    expect(() => decodeTSRequest(whole)).toThrow(expect.objectContaining({ code: 'NONCE_INVALID' }));
  });

  test('V19: TSCredentials and TSPasswordCreds, as the tests of requests-credssp have them', () => {
    const inner = hex(
      `3038 a00e040c 64006f006d00610069006e00 a1120410 75007300650072006e0061006d006500
       a2120410 700061007300730077006f0072006400`,
    );
    expect(decode(TSPasswordCreds, inner)).toEqual({
      domainName: Uint8Array.from(Buffer.from('domain', 'utf16le')),
      userName: Uint8Array.from(Buffer.from('username', 'utf16le')),
      password: Uint8Array.from(Buffer.from('password', 'utf16le')),
    });
    const outer = hex('300d a003020101 a106040401020304');
    expect(decode(TSCredentials, outer)).toEqual({ credType: 1, credentials: hex('01020304') });
    expect(encode(TSCredentials, { credType: 1, credentials: hex('01020304') })).toEqual(outer);
    const whole = hex(`3043 a003020101 a13c043a ${toHex(inner)}`);
    const password = Secret.fromText('password');
    expect(encodeTSCredentials({ kind: 'password', domain: 'domain', user: 'username', password })).toEqual(whole);
  });

  // The messages of a logon by NTLM in the order in which sspi-rs has them, with lengths and values worked out anew.
  const nonce = Array.from({ length: 32 }, (_, at) => at.toString(16).padStart(2, '0')).join('');
  const negotiate = `4e544c4d5353500001000000b78208e2${'00'.repeat(16)}0a0063450000000f`;
  const challenge = `4e544c4d5353500002000000${'00'.repeat(116)}`;
  const proof = '01000000470a6e60af581a2000000000e2442c1dd64e6709a3568097e5e5d3dfee57dc9c41c74d4fc1f69e06ad2e1573';
  test.each([
    [
      'negoTokens and clientNonce',
      `305b a003020106 a130302e302ca02a0428${negotiate} a5220420${nonce}`,
      { negoTokens: [{ negoToken: hex(negotiate) }], clientNonce: hex(nonce) },
    ],
    [
      'negoTokens whose lengths take two octets',
      `308194 a003020106 a1818c308189308186a08183048180${challenge}`,
      { negoTokens: [{ negoToken: hex(challenge) }] },
    ],
    [
      'pubKeyAuth and clientNonce',
      `305d a003020106 a3320430${proof} a5220420${nonce}`,
      { pubKeyAuth: hex(proof), clientNonce: hex(nonce) },
    ],
    [
      'authInfo and clientNonce',
      `305d a003020106 a2320430${proof} a5220420${nonce}`,
      { authInfo: hex(proof), clientNonce: hex(nonce) },
    ],
    [
      'pubKeyAuth, errorCode C00700EA in the facility of Win32, and clientNonce',
      `3065 a003020106 a3320430${proof} a4060204c00700ea a5220420${nonce}`,
      { pubKeyAuth: hex(proof), errorCode: 0xc00700ea | 0, clientNonce: hex(nonce) },
    ],
  ])('V18: version 6 with %s', (_, octets, fields) => {
    const decoded = decodeTSRequest(hex(octets));
    expect(Object.fromEntries(Object.entries(decoded).filter(([, value]) => value !== undefined))).toEqual({
      version: 6,
      ...fields,
    });
    expect(toHex(encodeTSRequest({ version: 6, ...fields }))).toBe(octets.replaceAll(' ', ''));
  });

  describe('V20g: the seals of NTLM around a proof and credentials', () => {
    const exported = hex('55'.repeat(16));
    const flags = NEGOTIATE.EXTENDED_SESSIONSECURITY | NEGOTIATE.KEY_128 | NEGOTIATE.KEY_EXCH | NEGOTIATE.SEAL;
    const security = (side: 'client' | 'server') =>
      new NtlmMessageSecurity({ flags, exportedSessionKey: exported, side });
    const credentials =
      '303ba003020101a13404323030a00e040c44006f006d00610069006e00a10a04085500730065007200a2120410500061007300730077006f0072006400';
    const authInfo =
      '010000006088102a0fbbf5ce0100000049dcd4f93539596cb314ae22720c6a110a14a3bbb82fffa9f0e220437111bcfe771e55c8dd9d07c73e0aff2cade541de54bace181a1e542b9ad9189769';
    const clientProof = 'e6a14178085738d55436d45601fea4d96108d31ae7537a44cb89aac5c9ceead1';

    test('the keys of the server', () => {
      expect(toHex(sealKey(flags, exported, 'server'))).toBe('9355f3a957c1583d25c4c2f11e40390e');
      expect(toHex(signKey(flags, exported, 'server'))).toBe('d04d6f10741041d1d246d64188d7a8ad');
    });

    test('the client: pubKeyAuth with number 0, authInfo with number 1', () => {
      const client = security('client');
      expect(toHex(client.wrap(hex(clientProof)))).toBe(proof);
      expect(toHex(client.wrap(hex(credentials)))).toBe(authInfo);
    });

    test('and as the server opens them', () => {
      const server = security('server');
      expect(toHex(server.unwrap(hex(proof)))).toBe(clientProof);
      expect(toHex(server.unwrap(hex(authInfo)))).toBe(credentials);
    });
  });

  test('V20d: errorCode STATUS_LOGON_FAILURE of version 6', () => {
    const octets = hex('300da003020106a4060204c000006d');
    expect(encodeTSRequest({ version: 6, errorCode: 0xc000006d | 0 })).toEqual(octets);
    expect(decodeTSRequest(octets)).toMatchObject({ version: 6, errorCode: 0xc000006d | 0 });
  });
});
