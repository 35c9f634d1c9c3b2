/** The SDK's structures as octets: identities, logons, bindings, protocol names (contract A20-A22, Q6, Q9). */
import { describe, expect, test } from 'vitest';
import {
  AUTH_IDENTITY,
  type AuthIdentity,
  type DelegatedCredentials,
  decodeApplicationProtocols,
  decodeAuthIdentity,
  decodeSecChannelBindings,
  encodeApplicationProtocols,
  encodeAuthIdentity,
  encodeSecChannelBindings,
  packLogon,
  Secret,
  SspiError,
  unpackLogon,
  validateAuthIdentity,
} from '../../src/sspi/index.ts';
import { hex, octets as octetsOfCase, text as textOfCase, toHex, vectorCases } from '../support/vectors.ts';

/** Hexadecimal text of UTF-16LE. */
function utf16(text: string): string {
  return Buffer.from(text, 'utf16le').toString('hex');
}

/** The status that something throws. */
function statusOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SspiError) return error.statusName;
    throw error;
  }
  return 'nothing thrown';
}

/**
 * SEC_WINNT_AUTH_IDENTITY_EX2 of CORP\bob, password "Pw", package list "!ntlm", by hand from A22:
 * 0 Version 0x201, 4 cbHeaderLength 48, 8 cbStructureLength, 12 User, 20 Domain, 28 PackedCredentials, 36 Flags, 40 PackageList.
 * The packed credentials are 28 octets of header, 8 of SEC_WINNT_AUTH_DATA_PASSWORD, 4 of password: 40.
 */
const EX2 = hex(`
  01020000 3000 0000 70000000
  30000000 0600 0000
  36000000 0800 0000
  3e000000 2800 0000
  06000000
  66000000 0a00 0000
  ${utf16('bob')} ${utf16('CORP')}
  1c00 2800 2fc3bf28f610384798d11ac061df716a 1c000000 0c00 0000
  24000000 0400 0000 ${utf16('Pw')}
  ${utf16('!ntlm')}
`);

describe('SEC_WINNT_AUTH_IDENTITY_EX2', () => {
  test('A22: decode', () => {
    expect(EX2).toHaveLength(0x70);
    const { password, ...names } = decodeAuthIdentity(EX2);
    expect(names).toEqual({ kind: 'identity', user: 'bob', domain: 'CORP', packageList: '!ntlm', flags: 6 });
    expect(password instanceof Secret && toHex(password.reveal())).toBe(utf16('Pw'));
  });

  test('A22: encode', () => {
    const identity: AuthIdentity = {
      kind: 'identity',
      user: 'bob',
      domain: 'CORP',
      password: 'Pw',
      packageList: '!ntlm',
    };
    expect(toHex(encodeAuthIdentity(identity))).toBe(toHex(EX2));
    const secret = Secret.fromText('Pw');
    expect(toHex(encodeAuthIdentity({ ...identity, password: secret }))).toBe(toHex(EX2));
    expect(secret.disposed).toBe(false);
  });

  test('A20, A22: absent is not the same as empty', () => {
    expect(decodeAuthIdentity(encodeAuthIdentity({ kind: 'identity' }))).toEqual({ kind: 'identity', flags: 6 });
    const empty = decodeAuthIdentity(encodeAuthIdentity({ kind: 'identity', user: '', domain: '', password: '' }));
    expect(empty).toMatchObject({ user: '', domain: '' });
    expect(empty.password).toHaveLength(0);
  });

  test('A22: the password is a copy, also of a Buffer', () => {
    const buffer = Buffer.from(EX2);
    const { password } = decodeAuthIdentity(buffer);
    if (password instanceof Secret) password.dispose();
    expect(toHex(buffer)).toBe(toHex(EX2));
  });

  test('A22: what lies behind the structure is padding', () => {
    expect(decodeAuthIdentity(Uint8Array.from([...EX2, 0, 0, 0, 0, 0, 0, 0, 0])).user).toBe('bob');
  });

  test('A12, A22: every cut is SEC_E_UNKNOWN_CREDENTIALS', () => {
    for (let cut = 0; cut < EX2.length; cut++)
      expect(statusOf(() => decodeAuthIdentity(EX2.subarray(0, cut)))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
  });

  test('A22: every changed octet gives an identity or SEC_E_UNKNOWN_CREDENTIALS', () => {
    for (let at = 0; at < EX2.length; at++) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const changed = EX2.slice();
        changed[at] = value;
        expect(['nothing thrown', 'SEC_E_UNKNOWN_CREDENTIALS']).toContain(statusOf(() => decodeAuthIdentity(changed)));
      }
    }
  });

  test.each([
    ['another version', 0, [0x00, 0x02]],
    ['another cbHeaderLength', 4, [47]],
    ['cbStructureLength beyond the octets', 8, [0x71]],
    ['cbStructureLength short of its content', 8, [0x6f]],
    ['cbStructureLength short of the header', 8, [40]],
    ['a user within the header', 12, [44]],
    ['a user of 32 bits of offset', 12, [0xff, 0xff, 0xff, 0xff]],
    ['a user of odd length', 16, [5]],
    ['a user without offset', 12, [0, 0, 0, 0]],
    ['a domain that ends outside', 24, [0xff, 0xff]],
    ['packed credentials cut short', 32, [27]],
    ['packed credentials without room for a password', 32, [34]],
    ['ANSI text', 36, [5]],
    ['an encrypted password', 36, [0x16]],
    ['NULL_USER with a user', 38, [2]],
    ['NULL_DOMAIN with a domain', 38, [4]],
    ['another header of the packed credentials', 62, [26]],
    ['packed credentials longer than they are', 64, [41]],
    ['another kind of credentials', 66, [0x2e]],
    ['CredData within the header', 82, [24]],
    ['CredData too short', 86, [7]],
    ['CredData that ends outside', 86, [13]],
    ['a password outside', 90, [0x26]],
    ['a password of odd length', 94, [3]],
  ])('A12, A22: %s is SEC_E_UNKNOWN_CREDENTIALS', (_, at, values) => {
    const changed = EX2.slice();
    changed.set(values, at);
    expect(statusOf(() => decodeAuthIdentity(changed))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
  });

  test('A22: what does not fit is SEC_E_UNKNOWN_CREDENTIALS', () => {
    const long = 'x'.repeat(32_768);
    expect(statusOf(() => encodeAuthIdentity({ kind: 'identity', user: long }))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(statusOf(() => encodeAuthIdentity({ kind: 'identity', password: long }))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(encodeAuthIdentity({ kind: 'identity', user: 'x'.repeat(32_767) })).toHaveLength(48 + 65_534);
  });
});

describe('SEC_WINNT_AUTH_IDENTITY', () => {
  test.each<[string, Partial<AuthIdentity>]>([
    ['neither flag', {}],
    ['UNICODE', { flags: AUTH_IDENTITY.UNICODE }],
    ['ANSI', { flags: AUTH_IDENTITY.ANSI }],
    ['MARSHALLED and ONLY', { flags: AUTH_IDENTITY.MARSHALLED | AUTH_IDENTITY.ONLY }],
    ['NULL_USER without a user', { flags: AUTH_IDENTITY.NULL_USER }],
    ['an empty password', { user: 'a', password: '' }],
    ['a password that looks like a hash', { user: 'a', password: 'aad3b435b51404eeaad3b435b51404ee' }],
  ])('A20: %s is fine', (_, identity) => {
    expect(statusOf(() => validateAuthIdentity({ kind: 'identity', ...identity }))).toBe('nothing thrown');
  });

  const disposed = Secret.fromText('x');
  disposed.dispose();
  test.each<[string, Partial<AuthIdentity>]>([
    ['ANSI and UNICODE', { flags: 3 }],
    ['PROCESS_ENCRYPTED', { flags: 0x12 }],
    ['SYSTEM_PROTECTED', { flags: 0x22 }],
    ['USER_PROTECTED', { flags: 0x42 }],
    ['SYSTEM_ENCRYPTED', { flags: 0x82 }],
    ['flags that are no number', { flags: Number.NaN }],
    ['NULL_USER with a user', { user: '', flags: AUTH_IDENTITY.NULL_USER }],
    ['a NUL in the domain', { domain: 'CORP\0' }],
    ['a password of an odd number of octets', { password: new Secret(new Uint8Array(3)) }],
    ['a password that was disposed', { password: disposed }],
  ])('A12, A20: %s is SEC_E_UNKNOWN_CREDENTIALS', (_, identity) => {
    expect(statusOf(() => validateAuthIdentity({ kind: 'identity', ...identity }))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
  });
});

/** KERB_INTERACTIVE_LOGON of 64-bit Windows, by hand from Q6: three UNICODE_STRINGs at 8, 24, 40, data from 56. */
const INTERACTIVE = hex(`
  02000000 00000000
  0800 0800 00000000 3800000000000000
  0600 0600 00000000 4000000000000000
  0400 0400 00000000 4600000000000000
  ${utf16('CORP')} ${utf16('bob')} ${utf16('Pw')}
`);

/**
 * KERB_CERTIFICATE_LOGON, by hand from Q6: 72 octets, then domain "D", user "U", PIN "12", then KERB_SMARTCARD_CSP_INFO: 40 octets,
 * and "C", nothing, "K", "P" with their NULs at characters 0, 2, 3, 5.
 */
const CERTIFICATE = hex(`
  0d000000 00000000
  0200 0200 00000000 4800000000000000
  0200 0200 00000000 4a00000000000000
  0400 0400 00000000 4c00000000000000
  00000000 36000000 5000000000000000
  ${utf16('D')} ${utf16('U')} ${utf16('12')}
  36000000 01000000 0000000000000000 00000000 01000000 00000000 02000000 03000000 05000000
  ${utf16('C\0\0K\0P\0')}
`);

describe('packed logons', () => {
  const password: DelegatedCredentials = {
    kind: 'password',
    domain: 'CORP',
    user: 'bob',
    password: Secret.fromText('Pw'),
  };
  const smartCard: DelegatedCredentials = {
    kind: 'smart-card',
    pin: Secret.fromText('12'),
    keySpec: 1,
    cardName: 'C',
    readerName: undefined,
    containerName: 'K',
    cspName: 'P',
    userHint: 'U',
    domainHint: 'D',
  };

  test('Q6: a password is a KERB_INTERACTIVE_LOGON', () => {
    expect(toHex(packLogon(password))).toBe(toHex(INTERACTIVE));
  });

  test('Q6: a smart card is a KERB_CERTIFICATE_LOGON', () => {
    expect(CERTIFICATE).toHaveLength(72 + 8 + 40 + 14);
    expect(toHex(packLogon(smartCard))).toBe(toHex(CERTIFICATE));
  });

  test('Q6: nothing delegated is nothing; remote guard is the KERB_TICKET_LOGON that came', () => {
    expect(packLogon({ kind: 'none' })).toHaveLength(0);
    const credential = new Secret(hex('0a000000'));
    const packed = packLogon({
      kind: 'remote-guard',
      logon: { packageName: 'Kerberos', credential },
      supplemental: [],
    });
    expect(toHex(packed)).toBe('0a000000');
    packed.fill(0xff);
    expect(toHex(credential.reveal())).toBe('0a000000');
  });

  test('Q6: unpack', () => {
    const unpacked = unpackLogon(INTERACTIVE);
    expect(unpacked).toMatchObject({ kind: 'password', domain: 'CORP', user: 'bob' });
    expect(unpacked.kind === 'password' && toHex(unpacked.password.reveal())).toBe(utf16('Pw'));
    const card = unpackLogon(CERTIFICATE);
    const { pin: _, ...expected } = smartCard;
    expect(card).toMatchObject(expected);
    expect(card.kind === 'smart-card' && toHex(card.pin.reveal())).toBe(utf16('12'));
  });

  test('Q6: empty strings may have no pointer', () => {
    const packed = hex(`02000000 00000000 ${'0000000000000000 0000000000000000'.repeat(3)}`);
    expect(unpackLogon(packed)).toMatchObject({ kind: 'password', domain: '', user: '' });
  });

  test.each([
    ['KERB_INTERACTIVE_LOGON', INTERACTIVE],
    ['KERB_CERTIFICATE_LOGON', CERTIFICATE],
  ])('Q6: every cut of %s is SEC_E_UNKNOWN_CREDENTIALS, every changed octet that or a logon', (_, whole) => {
    for (let cut = 0; cut < whole.length; cut++)
      expect(statusOf(() => unpackLogon(whole.subarray(0, cut)))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    for (let at = 0; at < whole.length; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = whole.slice();
        changed[at] = value;
        expect(['nothing thrown', 'SEC_E_UNKNOWN_CREDENTIALS']).toContain(statusOf(() => unpackLogon(changed)));
      }
    }
  });

  test.each<[string, Uint8Array, number, number[]]>([
    ['another message type', INTERACTIVE, 0, [7]],
    ['a string within the fixed part', INTERACTIVE, 16, [48]],
    ['a string of odd length', INTERACTIVE, 8, [7]],
    ['a string longer than its MaximumLength', INTERACTIVE, 8, [10]],
    ['an offset beyond 32 bits', INTERACTIVE, 20, [1]],
    ['a CSP info of another length', CERTIFICATE, 80, [0x37]],
    ['a CSP info of another type', CERTIFICATE, 84, [2]],
    ['a name that begins outside', CERTIFICATE, 116, [7]],
    ['a name offset that wraps around', CERTIFICATE, 116, [0, 0, 0, 0x80]],
    ['a name without its NUL', CERTIFICATE, 132, [1]],
  ])('Q6: %s is SEC_E_UNKNOWN_CREDENTIALS', (_, whole, at, values) => {
    const changed = whole.slice();
    changed.set(values, at);
    expect(statusOf(() => unpackLogon(changed))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
  });

  test('Q6: what does not fit is SEC_E_CANNOT_PACK', () => {
    const tooLong = { ...password, user: 'x'.repeat(32_768) };
    expect(statusOf(() => packLogon(tooLong))).toBe('SEC_E_CANNOT_PACK');
  });
});

describe('SEC_CHANNEL_BINDINGS', () => {
  const [published] = vectorCases('channel-bindings').filter((one) => 'sec_channel_bindings_struct' in one);

  test('Q9: the published structure, both ways', () => {
    if (published === undefined) throw new TypeError('the vector is gone');
    const applicationData = octetsOfCase(published, 'application_data');
    const structure = textOfCase(published, 'sec_channel_bindings_struct');
    expect(toHex(encodeSecChannelBindings({ applicationData }))).toBe(structure);
    expect(decodeSecChannelBindings(hex(structure)).applicationData).toEqual(applicationData);
  });

  // Type 2, 4 octets at 32; type 3, 2 octets at 36; 1 octet at 38.
  const full = hex('02000000 04000000 20000000 03000000 02000000 24000000 01000000 26000000 01020304 0506 63');

  test('Q9: addresses and data', () => {
    const bindings = {
      initiatorAddressType: 2,
      initiatorAddress: hex('01020304'),
      acceptorAddressType: 3,
      acceptorAddress: hex('0506'),
      applicationData: hex('63'),
    };
    expect(toHex(encodeSecChannelBindings(bindings))).toBe(toHex(full));
    expect(decodeSecChannelBindings(full)).toEqual(bindings);
  });

  test('Q9: what is read is a copy', () => {
    const octets = full.slice();
    const { applicationData } = decodeSecChannelBindings(octets);
    octets.fill(0);
    expect(toHex(applicationData)).toBe('63');
  });

  test('Q9: every cut, and every offset or length that leads outside, is SEC_E_INVALID_PARAMETER', () => {
    for (let cut = 0; cut < full.length; cut++)
      expect(statusOf(() => decodeSecChannelBindings(full.subarray(0, cut)))).toBe('SEC_E_INVALID_PARAMETER');
    for (const at of [4, 8, 16, 20, 24, 28]) {
      const changed = full.slice();
      changed.set([0xff, 0xff, 0xff, 0xff], at);
      expect(statusOf(() => decodeSecChannelBindings(changed))).toBe('SEC_E_INVALID_PARAMETER');
    }
    const intoHeader = full.slice();
    intoHeader[8] = 31;
    expect(statusOf(() => decodeSecChannelBindings(intoHeader))).toBe('SEC_E_INVALID_PARAMETER');
  });
});

describe('SEC_APPLICATION_PROTOCOLS', () => {
  // ProtocolListsSize 18, ProtoNegoExt 2 (ALPN), ProtocolListSize 12, then 2 "h2" and 8 "http/1.1".
  const alpn = hex('12000000 02000000 0c00 02 6832 08 687474702f312e31');

  test('R32: both ways', () => {
    expect(toHex(encodeApplicationProtocols(['h2', 'http/1.1']))).toBe(toHex(alpn));
    expect(decodeApplicationProtocols(alpn)).toEqual(['h2', 'http/1.1']);
  });

  test('R32: lists of another extension are left out', () => {
    const npnAndAlpn = hex('12000000 01000000 0300 02 6832 02000000 0300 02 6833');
    expect(decodeApplicationProtocols(npnAndAlpn)).toEqual(['h3']);
    expect(decodeApplicationProtocols(hex('00000000'))).toEqual([]);
  });

  test('R32: every cut is SEC_E_INVALID_PARAMETER', () => {
    for (let cut = 0; cut < alpn.length; cut++)
      expect(statusOf(() => decodeApplicationProtocols(alpn.subarray(0, cut)))).toBe('SEC_E_INVALID_PARAMETER');
  });

  test.each([
    'ff000000 02000000 0300 02 6832',
    '09000000 02000000 ff00 02 6832',
    '09000000 02000000 0300 03 6832',
    '07000000 02000000 0100 00',
  ])('R32: %s is SEC_E_INVALID_PARAMETER', (octets) => {
    expect(statusOf(() => decodeApplicationProtocols(hex(octets)))).toBe('SEC_E_INVALID_PARAMETER');
  });

  test('R32: names of 1 to 255 octets', () => {
    for (const names of [[''], ['x'.repeat(256)], ['\u0100'], Array.from({ length: 300 }, () => 'x'.repeat(255))])
      expect(statusOf(() => encodeApplicationProtocols(names))).toBe('SEC_E_INVALID_PARAMETER');
    expect(decodeApplicationProtocols(encodeApplicationProtocols(['x'.repeat(255), '\u00ff']))).toEqual([
      'x'.repeat(255),
      '\u00ff',
    ]);
  });
});
