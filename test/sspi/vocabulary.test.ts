/** The words of SSPI: statuses, NTSTATUS, times, flags, names, TLS versions (contract §2.7, §2.10-§2.12, A24-A26, R16-R17). */
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import {
  ASC_REQ,
  ASC_RET,
  type CertificateWithKey,
  ERROR_CATALOGUE,
  flagNames,
  fromFileTime,
  ISC_REQ,
  ISC_RET,
  isFailure,
  NEVER,
  NTSTATUS,
  ntStatusForPeer,
  ntStatusName,
  ntStatusOfSecurityStatus,
  parseTargetName,
  SCH_CRED,
  SEC_E,
  SEC_I,
  Secret,
  SP_PROT,
  SspiError,
  schannelSettings,
  securityStatusOfNtStatus,
  statusName,
  tlsVersionsOf,
  toFileTime,
  toLocalFileTime,
} from '../../src/sspi/index.ts';

describe('statuses', () => {
  test.each([
    [0, 'SEC_E_OK', false],
    [0x00090312, 'SEC_I_CONTINUE_NEEDED', false],
    [0x00090317, 'SEC_I_CONTEXT_EXPIRED', false],
    [0x00090320, 'SEC_I_INCOMPLETE_CREDENTIALS', false],
    [0x80090301, 'SEC_E_INVALID_HANDLE', true],
    [0x80090302, 'SEC_E_UNSUPPORTED_FUNCTION', true],
    [0x80090304, 'SEC_E_INTERNAL_ERROR', true],
    [0x80090317, 'SEC_E_CONTEXT_EXPIRED', true],
    [0x80090318, 'SEC_E_INCOMPLETE_MESSAGE', true],
    [0x80090320, 'SEC_E_INCOMPLETE_CREDENTIALS', true],
    [0x80090321, 'SEC_E_BUFFER_TOO_SMALL', true],
    [0x8009035d, 'SEC_E_INVALID_PARAMETER', true],
    [0x8009035f, 'SEC_E_POLICY_NLTM_ONLY', true],
    [-0x7ff6fcf4, 'SEC_E_LOGON_DENIED', true],
    [0x12345678, '0x12345678', false],
  ])('T6, E9: 0x%s is %s', (status, name, failure) => {
    expect(statusName(status)).toBe(name);
    expect(isFailure(status)).toBe(failure);
  });

  test('T6: every code of the catalogue has a failure, a blame and a hint', () => {
    for (const { status, what, hint } of Object.values(ERROR_CATALOGUE)) {
      expect(isFailure(status)).toBe(true);
      expect(what).not.toBe('');
      expect(hint).not.toBe('');
    }
  });

  test('E1: SEC_E_INVALID_HANDLE is not the number of the reference page', () => {
    expect(SEC_E.INVALID_HANDLE).toBe(0x80090301);
    expect(SEC_I.CONTINUE_NEEDED).toBe(0x00090312);
  });
});

describe('NTSTATUS', () => {
  test.each([
    [0xc000006d, 'LOGON_DENIED'],
    [0xc000006a, 'LOGON_DENIED'],
    [0xc0000064, 'LOGON_DENIED'],
    [0xc000006e, 'LOGON_DENIED'],
    [0xc000006f, 'LOGON_DENIED'],
    [0xc0000070, 'LOGON_DENIED'],
    [0xc0000071, 'LOGON_DENIED'],
    [0xc0000072, 'LOGON_DENIED'],
    [0xc0000193, 'LOGON_DENIED'],
    [0xc0000224, 'LOGON_DENIED'],
    [0xc0000234, 'LOGON_DENIED'],
    [0xc000015b, 'LOGON_DENIED'],
    [0xc0000022, 'LOGON_DENIED'],
    [0xc0000413, 'LOGON_DENIED'],
    [0xc0000060, 'LOGON_DENIED'],
    [0xc0000073, 'LOGON_DENIED'],
    [0xc000005e, 'NO_AUTHENTICATING_AUTHORITY'],
    [0xc000018b, 'NO_AUTHENTICATING_AUTHORITY'],
    [0xc000018c, 'NO_AUTHENTICATING_AUTHORITY'],
    [0xc000018d, 'NO_AUTHENTICATING_AUTHORITY'],
    [0xc00000bb, 'UNSUPPORTED_FUNCTION'],
    [0xc0000133, 'TIME_SKEW'],
    [0xc00002fa, 'SMARTCARD_LOGON_REQUIRED'],
    [0xc0000388, 'DOWNGRADE_DETECTED'],
    [0xc0000017, 'INSUFFICIENT_MEMORY'],
    [0xc000009a, 'INSUFFICIENT_MEMORY'],
    [0xc000000d, 'INVALID_TOKEN'],
    [0x8009030c, 'LOGON_DENIED'],
    [0x80090311, 'NO_AUTHENTICATING_AUTHORITY'],
    [0xc0000074, 'INTERNAL_ERROR'],
    [0xc000005f, 'INTERNAL_ERROR'],
    [0xc00700ea, 'INTERNAL_ERROR'],
    [0, 'INTERNAL_ERROR'],
    [1, 'INTERNAL_ERROR'],
    [-0x3fffff93, 'LOGON_DENIED'],
  ] as const)('T7: %s from a peer is SEC_E_%s', (ntStatus, name) => {
    expect(securityStatusOfNtStatus(ntStatus)).toBe(SEC_E[name]);
  });

  test.each([
    ['LOGON_DENIED', 0xc000006d],
    ['NO_CREDENTIALS', 0xc000006d],
    ['UNKNOWN_CREDENTIALS', 0xc000006d],
    ['NO_AUTHENTICATING_AUTHORITY', 0xc000005e],
    ['TIME_SKEW', 0xc0000133],
    ['UNSUPPORTED_FUNCTION', 0xc00000bb],
    ['INVALID_TOKEN', 0xc000000d],
    ['MESSAGE_ALTERED', 0xc000000d],
    ['OUT_OF_SEQUENCE', 0xc000000d],
  ] as const)('T8: SEC_E_%s to a peer is %s', (name, ntStatus) => {
    expect(ntStatusOfSecurityStatus(SEC_E[name])).toBe(ntStatus);
  });

  test('T8: every status has an NTSTATUS that is an error', () => {
    for (const status of Object.values(SEC_E).filter(isFailure))
      expect(ntStatusOfSecurityStatus(status)).toBeGreaterThanOrEqual(0xc0000000);
  });

  test('T8, Z7: a peer learns the most specific reason, but not whether the account exists', () => {
    const told = (ntStatus: number) => ntStatusForPeer(new SspiError('LOGON_DENIED', { stage: 'x', ntStatus }));
    expect(told(NTSTATUS.NO_SUCH_USER)).toBe(0xc000006d);
    expect(told(NTSTATUS.WRONG_PASSWORD)).toBe(0xc000006d);
    expect(told(NTSTATUS.ACCOUNT_LOCKED_OUT)).toBe(0xc0000234);
    expect(told(NTSTATUS.ACCOUNT_DISABLED | 0)).toBe(0xc0000072);
    expect(told(0)).toBe(0xc000006d);
    expect(ntStatusForPeer(new SspiError('LOGON_DENIED', { stage: 'x' }))).toBe(0xc000006d);
    expect(ntStatusForPeer(new SspiError('PUBLIC_KEY_MISMATCH', { stage: 'x' }))).toBe(0xc0000022);
    expect(ntStatusForPeer(new SspiError('MESSAGE_ALTERED', { stage: 'x' }))).toBe(0xc000000d);
  });

  test('T7: names', () => {
    expect(ntStatusName(0xc000006d)).toBe('STATUS_LOGON_FAILURE');
    expect(ntStatusName(-0x3fffff93)).toBe('STATUS_LOGON_FAILURE');
    expect(ntStatusName(0xc00700ea)).toBe('0xc00700ea');
  });
});

describe('times', () => {
  // [MS-DTYP] 2.3.3 counts from 1601-01-01; the Unix epoch is at 116444736000000000 (Microsoft, "Converting a time_t value").
  test.each([
    ['1970-01-01T00:00:00Z', 116_444_736_000_000_000n],
    ['1601-01-01T00:00:00Z', 0n],
    ['2024-01-01T00:00:00Z', 133_485_408_000_000_000n],
    ['2000-03-01T00:00:00Z', 125_963_424_000_000_000n],
  ])('T5, Z53: %s is %s ticks', (iso, ticks) => {
    expect(toFileTime(Date.parse(iso))).toBe(ticks);
    expect(fromFileTime(ticks)).toBe(Date.parse(iso));
  });

  test('R46: local time is UTC less the offset in effect, and NEVER stays', () => {
    expect(toLocalFileTime(133_485_408_000_000_000n, -60)).toBe(133_485_444_000_000_000n);
    expect(toLocalFileTime(133_485_408_000_000_000n, 300)).toBe(133_485_228_000_000_000n);
    expect(toLocalFileTime(133_485_408_000_000_000n, -53.5)).toBe(133_485_440_100_000_000n);
    expect(toLocalFileTime(NEVER, -60)).toBe(0x7fffffffffffffffn);
  });
});

describe('flags', () => {
  test('E22: the same name has another value on the other side, from 0x8000 upwards', () => {
    expect([ISC_REQ.EXTENDED_ERROR, ISC_REQ.STREAM, ISC_REQ.INTEGRITY]).toEqual([0x4000, 0x8000, 0x10000]);
    expect([ASC_REQ.EXTENDED_ERROR, ASC_REQ.STREAM, ASC_REQ.INTEGRITY]).toEqual([0x8000, 0x10000, 0x20000]);
    expect([ASC_RET.EXTENDED_ERROR, ASC_RET.THIRD_LEG_FAILED, ASC_RET.CALL_LEVEL]).toEqual([0x8000, 0x4000, 0x2000]);
    expect([ISC_RET.CALL_LEVEL, ISC_RET.INTERMEDIATE_RETURN, ISC_RET.REAUTHENTICATION]).toEqual([
      0x2000, 0x1000, 0x8000000,
    ]);
  });

  test('R20: names of a mask', () => {
    expect(flagNames(ISC_RET, 0x10010)).toEqual(['CONFIDENTIALITY', 'INTEGRITY']);
    expect(flagNames(ISC_REQ, 0)).toEqual([]);
  });
});

describe('target names', () => {
  test.each([
    ['TERMSRV/host.example.com', 'TERMSRV', 'host.example.com'],
    ['TERMSRV/host.example.com:3389', 'TERMSRV', 'host.example.com'],
    ['ldap/dc.example.com/example.com', 'ldap', 'dc.example.com'],
    ['Microsoft Virtual Console Service/host', 'Microsoft Virtual Console Service', 'host'],
    ['host.example.com', undefined, 'host.example.com'],
    ['host:443', undefined, 'host'],
    ['TERMSRV/192.0.2.1:3389', 'TERMSRV', '192.0.2.1'],
    ['TERMSRV/[2001:db8::1]:3389', 'TERMSRV', '2001:db8::1'],
    ['TERMSRV/2001:db8::1', 'TERMSRV', '2001:db8::1'],
  ])('R16: %s', (text, service, host) => {
    expect(parseTargetName(text)).toEqual({ text, service, host });
  });

  test.each([
    '',
    ' ',
    '/',
    '/host',
    'TERMSRV/',
    'TERMSRV//x',
    'a/b/c/d',
    ':3389',
    '[]:1',
    'h\0st',
    `a/${'x'.repeat(32_768)}`,
  ])('R17: %j is SEC_E_TARGET_UNKNOWN', (text) => {
    expect(() => parseTargetName(text)).toThrow(expect.objectContaining({ status: 0x80090303 }));
  });
});

describe('SCHANNEL_CRED', () => {
  test.each([
    [undefined, undefined, 'TLSv1.2', 'TLSv1.3'],
    [0, 'client', 'TLSv1.2', 'TLSv1.3'],
    [0x800, 'client', 'TLSv1.2', 'TLSv1.2'],
    [0x2000, 'client', 'TLSv1.3', 'TLSv1.3'],
    [0x1400, 'server', 'TLSv1.2', 'TLSv1.3'],
    [0x80 | 0x200 | 0x800, 'client', 'TLSv1', 'TLSv1.2'],
    [0x40, undefined, 'TLSv1', 'TLSv1'],
    [0x30 | 0x800, 'client', 'TLSv1.2', 'TLSv1.2'],
    [-1, 'server', 'TLSv1', 'TLSv1.3'],
  ] as const)('A26: grbitEnabledProtocols %s for %s', (bits, role, minVersion, maxVersion) => {
    expect(tlsVersionsOf(bits, role)).toEqual({ minVersion, maxVersion });
  });

  test.each([
    [SP_PROT.TLS1_2_CLIENT, 'server'],
    [SP_PROT.TLS1_2_SERVER, 'client'],
    [0x30, undefined],
    [SP_PROT.TLS1_0_CLIENT | SP_PROT.TLS1_2_CLIENT, 'client'],
    [1.5, undefined],
  ] as const)('A12, A26: %s for %s enables nothing, or leaves a gap', (bits, role) => {
    expect(() => tlsVersionsOf(bits, role)).toThrow(expect.objectContaining({ status: SEC_E.UNKNOWN_CREDENTIALS }));
  });

  test('A23: defaults', () => {
    expect(schannelSettings(undefined)).toEqual({
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.3',
      certificates: [],
      rootStore: undefined,
      flags: 0,
      requestClientCertificate: false,
    });
  });

  test.each([
    SCH_CRED.MANUAL_CRED_VALIDATION | SCH_CRED.AUTO_CRED_VALIDATION,
    SCH_CRED.NO_DEFAULT_CREDS | SCH_CRED.USE_DEFAULT_CREDS,
    Number.NaN,
  ])('A12, A24: the flags %s contradict each other', (flags) => {
    expect(() => schannelSettings({ kind: 'schannel', flags })).toThrow(
      expect.objectContaining({ status: SEC_E.UNKNOWN_CREDENTIALS }),
    );
  });

  test.each<[string, CertificateWithKey]>([
    ['without a private key', { certificate: 'PEM', privateKey: '' }],
    ['without a certificate', { certificate: '', privateKey: 'PEM' }],
    ['with an empty Secret', { certificate: 'PEM', privateKey: new Secret(new Uint8Array(0)) }],
  ])('A12: a certificate %s is SEC_E_UNKNOWN_CREDENTIALS', (_, certificate) => {
    expect(() => schannelSettings({ kind: 'schannel', certificates: [certificate] })).toThrow(
      expect.objectContaining({ status: SEC_E.UNKNOWN_CREDENTIALS }),
    );
  });
});

describe('Secret', () => {
  test('X11: it never shows itself, and leaves zeros', () => {
    const octets = Uint8Array.of(0x50, 0, 0x77, 0);
    const secret = new Secret(octets);
    for (const shown of [String(secret), JSON.stringify({ secret }), inspect(secret), `${secret}`])
      expect(shown).not.toMatch(/80|119|50|77|Pw/);
    const clone = secret.clone();
    secret.dispose();
    secret.dispose();
    expect(octets).toEqual(new Uint8Array(4));
    expect(() => secret.reveal()).toThrow(TypeError);
    expect(clone.reveal()).toEqual(Uint8Array.of(0x50, 0, 0x77, 0));
  });

  test('X11: text is UTF-16LE, unit by unit', () => {
    expect([...Secret.fromText('Aé€\u{1f511}').reveal()]).toEqual([
      0x41, 0, 0xe9, 0, 0xac, 0x20, 0x3d, 0xd8, 0x11, 0xdd,
    ]);
  });
});
