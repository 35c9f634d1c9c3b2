import { describe, expect, test } from 'vitest';
import {
  type CredentialCache,
  decodeCredentialCache,
  encodeCredentialCache,
} from '../../../src/kerberos/files/index.ts';
import { Secret, SspiError } from '../../../src/sspi/index.ts';
import { hex, toHex } from '../../support/vectors.ts';

// By hand from MIT's "Credential cache file format": all numbers big-endian.
const ascii = (value: string): string => Buffer.from(value).toString('hex');
const counted = (value: string): string => (value.length / 2).toString(16).padStart(8, '0') + value;
const principal = (type: number, realm: string, ...parts: readonly string[]): string =>
  `0000000${type}${parts.length.toString(16).padStart(8, '0')}${counted(ascii(realm))}${parts.map((part) => counted(ascii(part))).join('')}`;
const alice = principal(1, 'R', 'alice');
const tgs = principal(2, 'R', 'krbtgt', 'R');
const key = '5a'.repeat(16);

const credential = (etype: string, times = '5f000000 5f000001 5f000e10 5f015180', ticket = '6103020105'): string =>
  `${alice}${tgs}${etype}${counted(key)}${times} 00 40e10000
   00000001 0002 00000004 0a000001
   00000001 0001 00000002 3000
   ${counted(ticket)} 00000000`;
const setting = `${alice}${principal(0, 'X-CACHECONF:', 'krb5_ccache_conf_data', 'fast_avail', 'krbtgt/R@R')}
   0000 00000000 00000000 00000000 00000000 00000000 00 00000000 00000000 00000000 ${counted(ascii('yes'))} 00000000`;

const version4 = hex(`0504 000c 0001 0008 fffffffe fff0bdc0 ${alice} ${setting} ${credential('0011')}`);
const version3 = hex(`0503 ${alice} ${credential('00110011')}`);

function without(cache: CredentialCache): unknown {
  return { ...cache, credentials: cache.credentials.map((one) => ({ ...one, key: toHex(one.key.reveal()) })) };
}

const expected = {
  client: { name: { nameType: 1, nameString: ['alice'] }, realm: 'R' },
  server: { name: { nameType: 2, nameString: ['krbtgt', 'R'] }, realm: 'R' },
  etype: 17,
  key,
  authtime: 0x5f000000 * 1000,
  starttime: 0x5f000001 * 1000,
  endtime: 0x5f000e10 * 1000,
  renewTill: 0x5f015180 * 1000,
  isSessionKey: false,
  flags: 0x40e10000,
  addresses: [{ addrType: 2, address: hex('0a000001') }],
  authorizationData: [{ adType: 1, adData: hex('3000') }],
  ticket: hex('6103020105'),
  secondTicket: hex(''),
};

describe('credential cache', () => {
  test('format 4: header, settings, credentials; and written again', () => {
    const cache = decodeCredentialCache(version4);
    expect(without(cache)).toEqual({
      version: 4,
      kdcOffset: -3000, // -2 s and -1,000,000 us
      defaultPrincipal: expected.client,
      credentials: [expected],
      settings: [{ key: 'fast_avail', principal: 'krbtgt/R@R', value: hex(ascii('yes')) }],
    });
    expect(decodeCredentialCache(encodeCredentialCache(cache)).kdcOffset).toBe(-3000);
    const plain = hex(`0504 0000 ${alice} ${setting} ${credential('0011')}`);
    expect(toHex(encodeCredentialCache(decodeCredentialCache(plain)))).toBe(toHex(plain));
  });

  test('format 3: no header, the encryption type twice; and written again', () => {
    const cache = decodeCredentialCache(version3);
    expect(without(cache)).toMatchObject({ version: 3, kdcOffset: undefined, credentials: [expected], settings: [] });
    expect(toHex(encodeCredentialCache(cache))).toBe(toHex(version3));
  });

  test('removed credentials are not there, times of zero are none, unknown header fields do not matter', () => {
    const file = hex(`0504 0006 00ff 0002 abcd ${alice} ${credential('0011', 'ffffffff 00000000 00000000 00000000')}
                      ${credential('0011', '5f000000 00000000 5f000e10 00000000')}`);
    const { credentials, kdcOffset } = decodeCredentialCache(file);
    expect(kdcOffset).toBeUndefined();
    expect(credentials).toHaveLength(1);
    expect([credentials[0]?.starttime, credentials[0]?.renewTill]).toEqual([undefined, undefined]);
  });

  test('a cache without credentials', () => {
    const file = hex(`0504 0000 ${alice}`);
    expect(decodeCredentialCache(file).credentials).toEqual([]);
    expect(toHex(encodeCredentialCache(decodeCredentialCache(file)))).toBe(toHex(file));
  });

  test.each([
    ['4', version4],
    ['3', version3],
  ] as const)('Z42: every cut of format %s is a typed error or a shorter list', (_, whole) => {
    for (let end = 0; end < whole.length; end++) {
      let found = 0;
      try {
        const { credentials } = decodeCredentialCache(whole.subarray(0, end));
        found = credentials.length;
      } catch (error) {
        expect(error).toBeInstanceOf(SspiError);
      }
      expect(found).toBe(0);
    }
  });

  test('Z42: every flipped octet is a typed error or another value', () => {
    const whole = hex(`0504 0000 ${alice} ${credential('0011')}`); // without a setting, of whose fields most mean nothing
    for (let at = 0; at < whole.length; at++) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 0xff;
      try {
        expect(without(decodeCredentialCache(flipped))).not.toEqual(without(decodeCredentialCache(whole)));
      } catch (error) {
        if (!(error instanceof SspiError)) throw error;
      }
    }
  });

  test('Z42: other versions, and numbers that announce more than there is', () => {
    for (const wrong of [
      '',
      '05',
      '0501',
      '0502',
      '0505',
      '0504ffff',
      '0504 0000 00000001 ffffffff 00000001 52',
      `0503 00000001 00000001 ffffffff 52`,
      `0503 ${alice} ${alice} ${tgs} 0011 0011 ffffffff`,
    ])
      expect(() => decodeCredentialCache(hex(wrong))).toThrow(SspiError);
    const manyAddresses = toHex(version3).replace('0000000100020000000', 'ffffffff00020000000');
    expect(() => decodeCredentialCache(hex(manyAddresses))).toThrow(/list of 4294967295/);
  });

  test('session keys are secrets', () => {
    const [one] = decodeCredentialCache(version4).credentials;
    expect(one?.key).toBeInstanceOf(Secret);
  });
});
