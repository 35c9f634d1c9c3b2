import { describe, expect, test } from 'vitest';
import { DerError, decode, encode } from '../../../src/der/index.ts';
import { systemHost } from '../../../src/host/index.ts';
import { encryptionType, KEY_USAGE, KerberosKey } from '../../../src/kerberos/encryption/index.ts';
import * as k from '../../../src/kerberos/messages/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { hex, octets, toHex, vectorCases } from '../../support/vectors.ts';

const sample = (name: string): Uint8Array => {
  const found = vectorCases('kerberos-files-pac').find((one) => one['name'] === name);
  if (found === undefined) throw new TypeError(`no sample ${name}`);
  return octets(found, 'hex');
};
const ascii = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('change password, RFC 3244', () => {
  test('K8: the data of a request', () => {
    const data = decode(k.ChangePasswdData, sample('MarshaledChangePasswdData'));
    expect(data).toEqual({
      newpasswd: ascii('newpassword'),
      targname: { nameType: 1, nameString: ['testuser1'] },
      targrealm: 'TEST.GOKRB5',
    });
    expect(encode(k.ChangePasswdData, data)).toEqual(sample('MarshaledChangePasswdData'));
  });

  test('K8: the frames of a request and of a reply', () => {
    const request = k.decodeChangePassword(sample('MarshaledKpasswd_Req'));
    expect(request.version).toBe(k.CHANGE_PASSWORD_VERSION.SET);
    expect(decode(k.ApReq, request.ap).ticket.sname.nameString).toEqual(['kadmin', 'changepw']);
    expect(decode(k.KrbPriv, request.rest).encPart.etype).toBe(18);
    expect(k.encodeChangePassword(request)).toEqual(sample('MarshaledKpasswd_Req'));

    const reply = k.decodeChangePassword(sample('MarshaledKpasswd_Rep'));
    expect(reply.version).toBe(1);
    expect(decode(k.ApRep, reply.ap).encPart.etype).toBe(18);
    expect(decode(k.KrbPriv, reply.rest).encPart.etype).toBe(18);
  });

  test('Z42: every cut of a frame is a typed error', () => {
    const whole = sample('MarshaledKpasswd_Req');
    for (let end = 0; end < whole.length; end++)
      expect(() => k.decodeChangePassword(whole.subarray(0, end))).toThrow(SspiError);
    expect(() => k.decodeChangePassword(hex('0006 0001 0001'))).toThrow(SspiError);
    expect(() => k.decodeChangePasswordResult(hex('00'))).toThrow(SspiError);
    expect(k.decodeChangePasswordResult(hex('0004 6162'))).toEqual({ code: 4, data: ascii('ab') });
    expect(toHex(k.encodeChangePasswordResult({ code: 4, data: ascii('ab') }))).toBe('00046162');
    expect(() => k.encodeChangePassword({ version: 1, ap: new Uint8Array(65_530), rest: new Uint8Array(0) })).toThrow(
      SspiError,
    );
  });
});

describe('KDC-PROXY-MESSAGE', () => {
  test('F25: the length goes in front, and has to fit', () => {
    const octetsOf = k.encodeKdcProxyMessage(ascii('hi'), 'A');
    expect(toHex(octetsOf)).toBe('300f a0080406 00000002 6869 a103 1b0141'.replaceAll(' ', ''));
    expect(k.decodeKdcProxyMessage(octetsOf)).toEqual({ message: ascii('hi'), targetDomain: 'A' });
    expect(toHex(k.encodeKdcProxyMessage(new Uint8Array(0)))).toBe('3008a006040400000000');
    for (const wrong of ['3004a0020400', '3007a0050403000000', '300aa0080406000000036869', '300aa0080406ffffffff6869'])
      expect(() => k.decodeKdcProxyMessage(hex(wrong))).toThrow(SspiError);
  });
});

describe('KRB-ERROR', () => {
  // [MS-KILE] 2.2.1 and 2.2.2: data-type 3, KERB-EXT-ERROR with STATUS_ACCOUNT_DISABLED; data-type 2 without a value.
  test('K11: e-data of Windows', () => {
    expect(k.windowsErrorData(hex('3015 a103020103 a20e040c 720000c0 00000000 01000000'))).toEqual({
      skewRecovery: false,
      ntStatus: 0xc0000072,
    });
    expect(k.windowsErrorData(hex('3005a103020102'))).toEqual({ skewRecovery: true, ntStatus: undefined });
    for (const other of ['', '3000', 'ff', '3015a103020103']) expect(k.windowsErrorData(hex(other))).toBeUndefined();
    expect(k.windowsErrorData(undefined)).toBeUndefined();
    expect(k.windowsErrorData(hex('300da103020103a2060404720000c0'))?.ntStatus).toBeUndefined();
  });

  test('K11: codes have their names', () => {
    expect(k.krbErrorName(24)).toBe('KDC_ERR_PREAUTH_FAILED (24)');
    expect(k.krbErrorName(-7)).toBe('error -7');
  });
});

describe('principal names', () => {
  test.each([
    ['alice', ['alice'], 1, undefined],
    ['alice@EXAMPLE.COM', ['alice'], 1, 'EXAMPLE.COM'],
    ['HTTP/www.example.com@EXAMPLE.COM', ['HTTP', 'www.example.com'], 2, 'EXAMPLE.COM'],
    ['a\\/b/c\\@d@R\\@S', ['a/b', 'c@d'], 2, 'R@S'],
    ['tab\\tnew\\nline\\0', ['tab\tnew\nline\0'], 1, undefined],
  ])('K9: %s', (textOf, nameString, nameType, realm) => {
    const principal = k.parsePrincipal(textOf);
    expect(principal).toEqual({ name: { nameType, nameString }, realm });
    expect(k.formatPrincipal(principal.name, principal.realm)).toBe(textOf);
  });

  test('K8: enterprise names are one part', () => {
    const { ENTERPRISE } = k.NAME_TYPE;
    expect(k.parsePrincipal('alice@upn.example.com', ENTERPRISE)).toEqual({
      name: { nameType: ENTERPRISE, nameString: ['alice@upn.example.com'] },
      realm: undefined,
    });
    const withRealm = k.parsePrincipal('alice@upn@REALM', ENTERPRISE);
    expect(withRealm.realm).toBe('REALM');
    expect(k.formatPrincipal(withRealm.name, withRealm.realm)).toBe('alice@upn@REALM');
  });

  test.each(['', '/', 'a//b', '@R', 'a@', 'a@b@c', 'a\\', `${'a/'.repeat(40)}a`])('no principal: %j', (textOf) => {
    expect(() => k.parsePrincipal(textOf)).toThrow(SspiError);
  });

  test('6.2: the type of a name does not decide', () => {
    expect(k.samePrincipal({ nameType: 1, nameString: ['a'] }, { nameType: 2, nameString: ['a'] })).toBe(true);
    expect(k.samePrincipal({ nameType: 1, nameString: ['a', 'b'] }, { nameType: 1, nameString: ['a'] })).toBe(false);
    expect(k.samePrincipal({ nameType: 1, nameString: ['a'] }, { nameType: 1, nameString: ['A'] })).toBe(false);
  });
});

describe('encrypted values', () => {
  const { random } = systemHost;
  const key = KerberosKey.generate(encryptionType(18), random);
  const stamp = { patimestamp: 1_000_000_000_000, pausec: 5 };
  const { PA_ENC_TIMESTAMP: usage } = KEY_USAGE;

  test('K8: a value goes in and comes out', () => {
    const data = k.seal(k.PaEncTsEnc, stamp, { key, usage, random, kvno: 3 });
    expect(data).toMatchObject({ etype: 18, kvno: 3 });
    expect(k.unseal(k.PaEncTsEnc, data, key, usage)).toEqual(stamp);
  });

  test('Z41: another encryption type or usage than the key has is refused', () => {
    const data = k.seal(k.PaEncTsEnc, stamp, { key, usage, random });
    expect(() => k.unseal(k.PaEncTsEnc, { ...data, etype: 17 }, key, usage)).toThrow(/aes128-cts-hmac-sha1-96 \(17\)/);
    expect(() => k.unseal(k.PaEncTsEnc, data, key, usage + 1)).toThrow(SspiError);
    expect(() => k.unseal(k.EncApRepPart, data, key, usage)).toThrow(DerError);
  });

  test('moments are whole seconds and microseconds', () => {
    expect(k.timestampOf(1_700_000_000_123.5)).toEqual({ time: 1_700_000_000_000, usec: 123_500 });
    expect(k.timestampOf(999)).toEqual({ time: 0, usec: 999_000 });
    expect(k.millisecondsOf(1000, 500_000)).toBe(1500);
  });
});
