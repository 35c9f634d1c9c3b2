/** What is in a PAC: values read off the octets of real ones, by hand, with the sections of MS-PAC. */
import { describe, expect, test } from 'vitest';
import {
  decodeClaims,
  decodeLogonInfo,
  decodePac,
  decodePacAttributes,
  decodePacClientInfo,
  decodePacRequestor,
  decodeUpnDnsInfo,
  encodeLogonInfo,
  encodePac,
  encodePacAttributes,
  encodePacClientInfo,
  encodePacRequestor,
  encodeUpnDnsInfo,
  groupSids,
  PAC_TYPE,
  pacBuffer,
  sidOctets,
  sidText,
  userSid,
} from '../../../src/kerberos/pac/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { hex, octets, text, toHex, type VectorCase, vectorCases } from '../../support/vectors.ts';

const named = (name: string): Uint8Array => {
  const found = vectorCases('kerberos-files-pac').find((one) => one['name'] === name);
  if (found === undefined) throw new TypeError(`no case ${name}`);
  return octets(found, 'hex');
};
const pacs = [
  { name: 'AD 2012', pac: named('MarshaledPAC_AD_WIN2K_PAC') },
  ...vectorCases('kerberos-pac-signatures').map((one: VectorCase) => ({
    name: text(one, 'name'),
    pac: octets(one, 'pac'),
  })),
];
const bufferOf = (pac: Uint8Array, type: number): Uint8Array => {
  const found = pacBuffer(decodePac(pac), type);
  if (found === undefined) throw new TypeError(`no buffer ${type}`);
  return found;
};

/** Every result of a decoder on damaged input is a value or an SspiError. */
function bears(decode: (octetsOf: Uint8Array) => unknown, whole: Uint8Array): void {
  const attempt = (octetsOf: Uint8Array): void => {
    try {
      decode(octetsOf);
    } catch (error) {
      expect(error).toBeInstanceOf(SspiError);
    }
  };
  for (let end = 0; end < whole.length; end++) attempt(whole.subarray(0, end));
  for (let at = 0; at < whole.length; at++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ mask;
      attempt(flipped);
    }
  }
}

describe('the frame of a PAC', () => {
  test.each(pacs)('K15: laid out again it is the same: $name', ({ pac }) => {
    const { buffers } = decodePac(pac);
    expect(toHex(encodePac(buffers).octets)).toBe(toHex(pac));
  });

  const header = (count: string, version = '00000000'): string => `${count}000000${version}`;
  const info = (type: string, size: string, offset: string, high = '00000000'): string =>
    `${type}000000 ${size} ${offset} ${high}`.replaceAll(' ', '');

  test.each([
    ['nothing', ''],
    ['seven octets', '00000000000000'],
    ['a version', header('00', '01000000')],
    ['more buffers than octets', header('01')],
    ['a giant count', 'ffffffff00000000'],
    ['a buffer within the headers', `${header('01')}${info('01', '08000000', '10000000')}${'00'.repeat(8)}`],
    ['an offset that is not aligned', `${header('01')}${info('01', '04000000', '19000000')}${'00'.repeat(16)}`],
    ['an offset at the end plus one', `${header('01')}${info('01', '00000000', '28000000')}${'00'.repeat(8)}`],
    ['an offset of 64 bits', `${header('01')}${info('01', '08000000', '18000000', '01000000')}${'00'.repeat(8)}`],
    ['a size beyond the end', `${header('01')}${info('01', '09000000', '18000000')}${'00'.repeat(8)}`],
    ['a size that wraps', `${header('01')}${info('01', 'f0ffffff', '18000000')}${'00'.repeat(8)}`],
    [
      'the same type twice',
      `${header('02')}${info('01', '08000000', '28000000')}${info('01', '08000000', '30000000')}${'00'.repeat(16)}`,
    ],
    [
      'buffers that overlap',
      `${header('02')}${info('01', '10000000', '28000000')}${info('0a', '08000000', '30000000')}${'00'.repeat(16)}`,
    ],
  ])('Z34: %s is refused', (_, wrong) => {
    expect(() => decodePac(hex(wrong))).toThrow(SspiError);
  });

  test.each([
    [64, undefined],
    [65, '65 buffers'],
  ])('Z34: %i buffers that lie side by side, each of another type', (count, detail) => {
    const word = (value: number): string => Buffer.from(Uint32Array.of(value).buffer).toString('hex');
    const headers = 8 + 16 * count; // a multiple of the alignment
    const places = Array.from({ length: count }, (_, at) =>
      info(toHex(Uint8Array.of(at + 1)), word(8), word(headers + 8 * at)),
    );
    const pac = hex(`${header(toHex(Uint8Array.of(count)))}${places.join('')}${'00'.repeat(8 * count)}`);
    if (detail === undefined) expect(decodePac(pac).buffers).toHaveLength(count);
    else expect(() => decodePac(pac)).toThrow(expect.objectContaining({ code: 'PAC_INVALID', detail }));
  });

  test('Z34: an empty PAC, and buffers that touch, are none of these', () => {
    expect(decodePac(hex(header('00'))).buffers).toEqual([]);
    const touching = `${header('02')}${info('01', '08000000', '28000000')}${info('0a', '08000000', '30000000')}${'00'.repeat(16)}`;
    expect(decodePac(hex(touching)).buffers).toHaveLength(2);
  });

  test.each(pacs)('Z34: every cut and flip of the headers: $name', ({ pac }) => {
    bears(decodePac, pac.subarray(0, 160));
    for (let end = 0; end < pac.length - 16; end += 7) expect(() => decodePac(pac.subarray(0, end))).toThrow(SspiError);
  });
});

describe('LOGON_INFO', () => {
  test('K14: a user of Active Directory', () => {
    const info = decodeLogonInfo(named('MarshaledPAC_Kerb_Validation_Info'));
    expect(info).toMatchObject({
      effectiveName: 'testuser1',
      fullName: 'Test1 User1',
      logonScript: '',
      logonCount: 216,
      badPasswordCount: 0,
      userId: 1105,
      primaryGroupId: 513,
      userFlags: 0x20,
      logonServer: 'ADDC',
      logonDomainName: 'TEST',
      logonDomainId: 'S-1-5-21-3167651404-3865080224-2280184895',
      userAccountControl: 0x210,
      logoffTime: 0x7fffffffffffffffn,
      resourceGroupDomainSid: undefined,
      resourceGroupIds: [],
    });
    const domain = 'S-1-5-21-3167651404-3865080224-2280184895';
    expect(userSid(info)).toBe(`${domain}-1105`);
    expect(groupSids(info)).toEqual([513, 1108, 1109, 1115, 1116, 1114, 1111].map((rid) => `${domain}-${rid}`));
  });

  test('K14: resource groups, and the asserted identity among the extra SIDs (Windows Server 2022)', () => {
    const info = decodeLogonInfo(bufferOf(pacs[1]?.pac ?? new Uint8Array(0), PAC_TYPE.LOGON_INFO));
    const domain = 'S-1-5-21-133451344-1126667713-3548050118';
    expect(info.effectiveName).toBe('Administrator');
    expect(info.userFlags).toBe(0x220);
    expect(userSid(info)).toBe(`${domain}-500`);
    expect(groupSids(info)).toEqual([
      ...[513, 512, 520, 518, 519].map((rid) => `${domain}-${rid}`),
      'S-1-18-1',
      `${domain}-572`,
    ]);
  });

  test.each(pacs)('K14: written again, octet for octet: $name', ({ pac }) => {
    const buffer = bufferOf(pac, PAC_TYPE.LOGON_INFO);
    expect(toHex(encodeLogonInfo(decodeLogonInfo(buffer)))).toBe(toHex(buffer));
  });

  test('Z34: every cut and flip is a value or a typed error', () => {
    bears(decodeLogonInfo, named('MarshaledPAC_Kerb_Validation_Info'));
    bears(decodeLogonInfo, bufferOf(pacs[1]?.pac ?? new Uint8Array(0), PAC_TYPE.LOGON_INFO));
  });

  test('Z34: a count of groups that nobody has memory for', () => {
    const whole = toHex(named('MarshaledPAC_Kerb_Validation_Info'));
    // GroupCount stands behind PrimaryGroupId, 513; its array starts with the same count
    expect(() => decodeLogonInfo(hex(whole.replace('0102000005000000', '01020000ffffffff')))).toThrow(SspiError);
    expect(() => decodeLogonInfo(hex(whole.replaceAll('05000000', 'ffffffff')))).toThrow(SspiError);
    expect(() => decodeLogonInfo(hex(whole.replace('01100800', '01000800')))).toThrow(SspiError); // big-endian
  });
});

describe('the other buffers', () => {
  test('CLIENT_INFO', () => {
    const octetsOf = bufferOf(pacs[0]?.pac ?? new Uint8Array(0), PAC_TYPE.CLIENT_INFO);
    const info = decodePacClientInfo(octetsOf);
    expect(info).toEqual({ clientId: 0x01d2c680dcd18d80n, name: 'testuser1' });
    expect(toHex(encodePacClientInfo(info))).toBe(toHex(octetsOf));
    bears(decodePacClientInfo, octetsOf);
    expect(() => decodePacClientInfo(hex('0000000000000000 0300 610062'))).toThrow(SspiError);
  });

  test.each(vectorCases('kerberos-pac-signatures').filter((one) => 'client_info_name' in one))(
    'CLIENT_INFO: $name',
    (one) => {
      expect(decodePacClientInfo(bufferOf(octets(one, 'pac'), PAC_TYPE.CLIENT_INFO)).name).toBe(
        text(one, 'client_info_name'),
      );
    },
  );

  test('UPN_DNS_INFO, short and extended', () => {
    const short = named('MarshaledPAC_UPN_DNS_Info');
    expect(decodeUpnDnsInfo(short)).toEqual({
      upn: 'testuser1@test.gokrb5',
      dnsDomainName: 'TEST.GOKRB5',
      flags: 0,
      samName: undefined,
      sid: undefined,
    });
    const extended = bufferOf(pacs[1]?.pac ?? new Uint8Array(0), PAC_TYPE.UPN_DNS_INFO);
    expect(decodeUpnDnsInfo(extended)).toEqual({
      upn: 'Administrator@w2022-l7.base',
      dnsDomainName: 'W2022-L7.BASE',
      flags: 3,
      samName: 'Administrator',
      sid: 'S-1-5-21-133451344-1126667713-3548050118-500',
    });
    for (const octetsOf of [short, extended]) {
      expect(toHex(encodeUpnDnsInfo(decodeUpnDnsInfo(octetsOf)))).toBe(toHex(octetsOf));
      bears(decodeUpnDnsInfo, octetsOf);
    }
  });

  test('PAC_ATTRIBUTES_INFO and PAC_REQUESTOR', () => {
    expect(decodePacAttributes(hex('0200000001000000'))).toBe(1);
    expect(toHex(encodePacAttributes(2))).toBe('0200000002000000');
    for (const wrong of ['', '02000000', '2100000001000000'])
      expect(() => decodePacAttributes(hex(wrong))).toThrow(SspiError);
    const requestor = hex('0102000000000005 20000000 20020000');
    expect(decodePacRequestor(requestor)).toBe('S-1-5-32-544');
    expect(toHex(encodePacRequestor('S-1-5-32-544'))).toBe(toHex(requestor));
    bears(decodePacRequestor, requestor);
    expect(() => encodePacRequestor('S-1')).toThrow(SspiError);
  });

  test('claims', () => {
    const octetsOf = named('MarshaledPAC_ClientClaimsInfoStr');
    expect(decodeClaims(octetsOf)).toEqual([
      {
        sourceType: 1,
        claims: [{ id: 'ad://ext/sAMAccountName:88d5d9085ea5c0c0', type: 'string', values: ['testuser1'] }],
      },
    ]);
    bears(decodeClaims, octetsOf);
  });
});

describe('SIDs', () => {
  test.each([
    ['S-1-5-32-544', '01020000000000052000000020020000'],
    ['S-1-0-0', '010100000000000000000000'],
    ['S-1-5', '0100000000000005'],
    ['S-1-0x123456789abc-1', '0101123456789abc01000000'],
    ['S-1-5-4294967295', '0101000000000005ffffffff'],
  ])('K14: %s', (textOf, octetsOf) => {
    expect(sidText(hex(octetsOf))).toBe(textOf);
    expect(toHex(sidOctets(textOf) ?? new Uint8Array(0))).toBe(octetsOf);
  });

  test.each(['', '00', '0200000000000005', '0101000000000005', '010000000000000500', `0110${'00'.repeat(70)}`])(
    'no SID: %s',
    (octetsOf) => {
      expect(sidText(hex(octetsOf))).toBeUndefined();
    },
  );

  test.each(['', 'S-1', 'S-2-5-1', 'S-1-5-', 'S-1-5-4294967296', 'S-1-5-x', `S-1-5${'-1'.repeat(16)}`])(
    'no SID: %j',
    (textOf) => {
      expect(sidOctets(textOf)).toBeUndefined();
    },
  );
});
