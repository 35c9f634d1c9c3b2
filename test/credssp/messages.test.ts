import { describe, expect, test } from 'vitest';
import {
  decodeTSCredentials,
  decodeTSRequest,
  encodeTSCredentials,
  encodeTSRequest,
  frameTSRequest,
  ntStatusOf,
  TSRequest,
} from '../../src/credssp/index.ts';
import { DerError, decode, encode } from '../../src/der/index.ts';
import { type DelegatedCredentials, SEC_E, Secret, SspiError } from '../../src/sspi/index.ts';
import { hex, octets, record, text, toHex, vectorCases } from '../support/vectors.ts';

const typed = (error: unknown): boolean => error instanceof SspiError || error instanceof DerError;

describe('TSRequest', () => {
  test.each(
    vectorCases('credssp', 'TSRequest').filter((one) => record(one, 'fields')['effective_version'] === undefined),
  )('X9, X10: $name decodes to the fields written down and encodes to the same octets', (one) => {
    const fields = record(one, 'fields');
    const request = decode(TSRequest, octets(one, 'hex'));
    expect({
      version: request.version,
      nego_tokens: request.negoTokens?.map(({ negoToken }) => toHex(negoToken)),
      auth_info: request.authInfo && toHex(request.authInfo),
      pub_key_auth: request.pubKeyAuth && toHex(request.pubKeyAuth),
      client_nonce: request.clientNonce && toHex(request.clientNonce),
    }).toEqual({
      version: fields['version'],
      nego_tokens: fields['nego_tokens'],
      auth_info: fields['auth_info'],
      pub_key_auth: fields['pub_key_auth'],
      client_nonce: fields['client_nonce'],
    });
    expect(toHex(encode(TSRequest, request))).toBe(text(one, 'hex'));
  });

  test.each(vectorCases('credssp', 'TSRequest').filter((one) => 'hex_unsigned_form' in one))(
    'X10, Z48: $name in both integer forms, and signed on sending',
    (one) => {
      const wanted = record(one, 'fields')['error_code_u32'];
      expect(ntStatusOf(decodeTSRequest(octets(one, 'hex')))).toBe(wanted);
      expect(ntStatusOf(decodeTSRequest(octets(one, 'hex_unsigned_form')))).toBe(wanted);
      expect(toHex(encodeTSRequest({ version: 6, errorCode: Number(wanted) | 0 }))).toBe(text(one, 'hex'));
    },
  );

  test.each(vectorCases('credssp', 'INVALID.TSRequest'))('Z6: $name is a typed error', (one) => {
    let thrown: unknown;
    try {
      decodeTSRequest(octets(one, 'hex'));
    } catch (error) {
      thrown = error;
    }
    expect(typed(thrown)).toBe(true);
  });

  // The same with a pubKeyAuth, [3] "x", without which they would be refused for carrying nothing.
  test.each([
    ['a version of 9 octets', '3012 a00b0209010000000000000000 a303040178', 'version: INTEGER of 9 octets'],
    ['two versions', '300f a003020106 a003020106 a303040178', '[0] is unknown here, repeated or out of order'],
    ['a nonce of 31 octets', `302d a003020106 a303040178 a521041f${'01'.repeat(31)}`, '31 octets'],
    ['an indefinite length', '3080 a003020106 a303040178 0000', 'indefinite length'],
  ])('Z6: %s is what is wrong', (_, request, reason) => {
    expect(() => decodeTSRequest(hex(request))).toThrow(reason);
  });

  test('V20c, V20e: the encodings of the contract', () => {
    expect(toHex(encodeTSRequest({ version: 6, negoTokens: [{ negoToken: hex('4e544c4d53535000') }] }))).toBe(
      '3017a003020106a110300e300ca00a04084e544c4d53535000',
    );
    const clientNonce = Uint8Array.from({ length: 32 }, (_, i) => i);
    const request = { version: 6, negoTokens: [{ negoToken: hex('0102') }], pubKeyAuth: hex('aabb'), clientNonce };
    expect(toHex(encodeTSRequest(request))).toBe(
      `303ba003020106a10a30083006a00404020102a3040402aabba5220420${toHex(clientNonce)}`,
    );
  });

  test('X9: fields of a later version are ignored, a longer length than needed is read', () => {
    expect(decodeTSRequest(hex('300f a003020106 a3040402aabb a6020500')).pubKeyAuth).toEqual(hex('aabb'));
    expect(decodeTSRequest(hex('30810b a003020106 a3040402aabb')).pubKeyAuth).toEqual(hex('aabb'));
  });

  test('X14: version below 2 does not exist', () => {
    expect(() => decodeTSRequest(hex('300b a003020101 a3040402aabb'))).toThrow(SspiError);
  });

  test('X21: a TSRequest that carries nothing is refused', () => {
    expect(() => decodeTSRequest(hex('3005a003020106'))).toThrow(SspiError);
  });

  test('R35, F6: framing by the DER header at every cut', () => {
    const whole = hex('300b a003020106 a3040402aabb');
    for (let length = 1; length < whole.length; length++)
      expect(frameTSRequest(whole.subarray(0, length), 64)).toHaveProperty('missing');
    expect(frameTSRequest(whole, 64)).toEqual({ whole: whole.length });
    expect(frameTSRequest(hex(`${toHex(whole)}3005`), 64)).toEqual({ whole: whole.length });
  });

  test('C17: a TSRequest above the limit is refused by its header', () => {
    for (const header of ['3084ffffffff', '30830100 01'])
      expect(() => frameTSRequest(hex(header), 65_536)).toThrow(
        expect.objectContaining({ code: 'TOKEN_TOO_LARGE', status: SEC_E.INSUFFICIENT_MEMORY }),
      );
  });
});

describe('TSCredentials', () => {
  test.each(vectorCases('credssp', 'TSCredentials'))('X7, X8: $name decodes and encodes to the same octets', (one) => {
    const fields = record(one, 'fields');
    const credentials = decodeTSCredentials(octets(one, 'hex'));
    expect(shown(credentials)).toEqual(expected(fields));
    expect(toHex(encodeTSCredentials(credentials))).toBe(text(one, 'hex'));
  });

  test('V20f, R21: empty credentials', () => {
    expect(toHex(encodeTSCredentials({ kind: 'none' }))).toBe('3017a003020101a110040e300ca0020400a1020400a2020400');
    expect(decodeTSCredentials(hex('3017a003020101a110040e300ca0020400a1020400a2020400'))).toEqual({ kind: 'none' });
  });

  test('X22: an unknown credType and an odd UTF-16 length are refused', () => {
    expect(() => decodeTSCredentials(hex('3009a003020103a1020400'))).toThrow(SspiError);
    expect(() => decodeTSCredentials(hex('3018a003020101a111040f300da003040141a1020400a2020400'))).toThrow(SspiError);
  });

  /** A password with three empty strings, and a smart card with the PIN 1234 and keySpec 1 ([MS-CSSP] 2.2.1.2). */
  const passwordCreds = '300ca0020400a1020400a2020400';
  const smartCardCreds = '3015a00a04083100320033003400a1073005a003020101';

  test.each([
    ['two TSCredentials', `3017a003020101a110040e${passwordCreds}3020a003020102a1190417${smartCardCreds}`],
    ['the same one twice', `3017a003020101a110040e${passwordCreds}`.repeat(2)],
    ['a password and a smart card in one OCTET STRING', `302ea003020101a1270425${passwordCreds}${smartCardCreds}`],
    ['a smart card and a password in one OCTET STRING', `302ea003020102a1270425${smartCardCreds}${passwordCreds}`],
    ['two OCTET STRINGs', `3027a003020101a120040e${passwordCreds}040e${passwordCreds}`],
    ['a password under the type of a smart card', `3017a003020102a110040e${passwordCreds}`],
    ['a smart card under the type of a password', `3020a003020101a1190417${smartCardCreds}`],
  ])('X22: more than one kind of credentials: %s', (_, octets) => {
    expect(() => decodeTSCredentials(hex(octets))).toThrow(DerError);
  });

  test('X22: each of them alone is well', () => {
    expect(decodeTSCredentials(hex(`3017a003020101a110040e${passwordCreds}`)).kind).toBe('none');
    expect(decodeTSCredentials(hex(`3020a003020102a1190417${smartCardCreds}`)).kind).toBe('smart-card');
  });

  test('V20f: Domain, User and Password', () => {
    const octets =
      '303ba003020101a13404323030a00e040c44006f006d00610069006e00a10a04085500730065007200a2120410500061007300730077006f0072006400';
    const password = Secret.fromText('Password');
    const credentials = { kind: 'password', domain: 'Domain', user: 'User', password } as const;
    expect(toHex(encodeTSCredentials(credentials))).toBe(octets);
    const decoded = decodeTSCredentials(hex(octets));
    expect(decoded.kind).toBe('password');
    expect(shown(decoded)).toEqual({ domain: 'Domain', user: 'User', password: 'Password' });
  });

  test('an empty password with a user is a password', () => {
    const credentials: DelegatedCredentials = {
      kind: 'password',
      domain: '',
      user: 'u',
      password: Secret.fromText(''),
    };
    expect(shown(decodeTSCredentials(encodeTSCredentials(credentials)))).toMatchObject({ user: 'u', password: '' });
  });
});

function shown(credentials: DelegatedCredentials): unknown {
  const utf16 = (secret: Secret): string => Buffer.from(secret.reveal()).toString('utf16le');
  switch (credentials.kind) {
    case 'none':
      return { domain: '', user: '', password: '' };
    case 'password':
      return { domain: credentials.domain, user: credentials.user, password: utf16(credentials.password) };
    case 'smart-card':
      return { ...credentials, pin: utf16(credentials.pin) };
    case 'remote-guard':
      return {
        logon: [credentials.logon.packageName, toHex(credentials.logon.credential.reveal())],
        supplemental: credentials.supplemental.map((one) => [one.packageName, toHex(one.credential.reveal())]),
      };
  }
}

function expected(fields: Readonly<Record<string, unknown>>): unknown {
  switch (fields['cred_type']) {
    case 1:
      return { domain: fields['domain'], user: fields['user'], password: fields['password'] };
    case 2:
      return {
        kind: 'smart-card',
        pin: fields['pin'],
        keySpec: fields['key_spec'],
        cardName: fields['card_name'],
        readerName: fields['reader_name'],
        containerName: fields['container_name'],
        cspName: fields['csp_name'],
        userHint: fields['user_hint'],
        domainHint: fields['domain_hint'],
      };
    default:
      return { logon: fields['logon'], supplemental: fields['supplemental'] ?? [] };
  }
}
