import { describe, expect, test } from 'vitest';
import { encodeUtf16 } from '../../../src/crypto/index.ts';
import { ETYPE, encryptionType, isEncryptionTypeAllowed } from '../../../src/kerberos/encryption/index.ts';
import { decodeKeytab, encodeKeytab } from '../../../src/kerberos/files/index.ts';
import { Secret, SspiError } from '../../../src/sspi/index.ts';
import { hex, octets, text, toHex, type VectorCase, vectorCases } from '../../support/vectors.ts';

const samples = vectorCases('kerberos-files-pac', 'keytab (v0x0502)');
const ALL = Object.values(ETYPE);

interface Expected {
  readonly realm: string;
  readonly principal: readonly string[];
  readonly name_type: number;
  readonly timestamp: number;
  readonly vno8: number;
  readonly vno32: number | null;
  readonly etype: number;
  readonly key: string;
}

function isExpected(value: unknown): value is Expected {
  return typeof value === 'object' && value !== null && 'vno8' in value && 'key' in value;
}

function expectedOf(one: VectorCase): readonly Expected[] {
  const entries = one['entries'];
  if (!Array.isArray(entries)) throw new TypeError('no entries');
  return entries.filter(isExpected);
}

describe('keytab', () => {
  test.each(samples)('K14: $name', (one) => {
    const entries = decodeKeytab(octets(one, 'hex'));
    expect(
      entries.map(({ name, realm, timestamp, kvno, etype, key }) => ({
        realm,
        principal: name.nameString,
        name_type: name.nameType,
        timestamp: timestamp / 1000,
        kvno,
        etype,
        key: toHex(key.reveal()),
      })),
    ).toEqual(expectedOf(one).map(({ vno8, vno32, ...rest }) => ({ ...rest, kvno: vno32 ?? vno8 })));
  });

  test('K14: what was read is written again, octet for octet', () => {
    const [one] = samples;
    if (one === undefined) throw new TypeError('no sample');
    expect(toHex(encodeKeytab(decodeKeytab(octets(one, 'hex'))))).toBe(text(one, 'hex'));
  });

  test('K7: the keys are those of the password', async () => {
    const [one] = samples;
    if (one === undefined) throw new TypeError('no sample');
    const salt = new TextEncoder().encode('TEST.GOKRB5testuser1');
    const password = encodeUtf16(text(one, 'password'));
    const keys = new Map<number, string>();
    for (const entry of decodeKeytab(octets(one, 'hex'))) {
      if (!isEncryptionTypeAllowed(entry.etype, ALL)) continue; // DES3 is in it too
      if (!keys.has(entry.etype))
        keys.set(entry.etype, toHex(await encryptionType(entry.etype, ALL).stringToKey(password, salt)));
      expect(toHex(entry.key.reveal())).toBe(keys.get(entry.etype));
    }
    expect([...keys.keys()].sort()).toEqual([17, 18, 19, 20, 23]);
  });

  // The format by hand: size, one part, realm R, name a, type 1, time 0, version 5, etype 17, key, version in 32 bits.
  const body = (long: string): string =>
    `0001 0001 52 0001 61 00000001 00000000 05 0011 0010 ${'5a'.repeat(16)} ${long}`;
  const record = (long: string): string => {
    const octetsOf = hex(body(long));
    return octetsOf.length.toString(16).padStart(8, '0') + toHex(octetsOf);
  };

  test('K14: a version in 32 bits counts, zero and none leave the short one; what follows is ignored', () => {
    for (const [long, kvno] of [
      ['', 5],
      ['00000000', 5],
      ['00000105', 261],
      ['ffffffff', 0xffffffff],
      ['0000', 5],
      ['00000007deadbeef', 7],
    ] as const)
      expect(decodeKeytab(hex(`0502${record(long)}`))[0]?.kvno).toBe(kvno);
    const [entry] = decodeKeytab(hex(`0502${record('')}`));
    if (entry === undefined) throw new TypeError('no entry');
    expect(decodeKeytab(encodeKeytab([{ ...entry, kvno: 70_000 }]))[0]?.kvno).toBe(70_000);
  });

  test('holes are passed over, an empty file has no keys, zeros end it', () => {
    expect(decodeKeytab(hex(`0502 fffffffc deadbeef ${record('')} fffffffe 0000`))).toHaveLength(1);
    expect(decodeKeytab(hex('0502'))).toEqual([]);
    expect(decodeKeytab(hex(`0502${record('')} 00000000 ffffffffff`))).toHaveLength(1);
    expect(toHex(encodeKeytab([]))).toBe('0502');
  });

  test('Z42: every cut is a typed error or a shorter list', () => {
    const whole = hex(`0502${record('00000001')}${record('00000002')}`);
    const one = (whole.length - 2) / 2 + 2;
    for (let end = 0; end < whole.length; end++) {
      if (end === 2 || end === one) expect(decodeKeytab(whole.subarray(0, end))).toHaveLength(end === 2 ? 0 : 1);
      else expect(() => decodeKeytab(whole.subarray(0, end))).toThrow(SspiError);
    }
  });

  test('Z42: other versions, lengths beyond the record, holes beyond the file, names that are no text', () => {
    for (const wrong of [
      '',
      '05',
      '0501',
      '0503',
      '0502ffffff',
      '05027fffffff',
      '050280000000',
      '0502ffffffff',
      '0502000000020001',
      '050200000008 ffff0001 52 000161',
      `0502${record('').replace('000152', 'ffff52')}`,
      `0502${record('').replace('00000001 52', '')}`.replace('000161', '0001ff'),
    ])
      expect(() => decodeKeytab(hex(wrong))).toThrow(SspiError);
  });

  test('keys are secrets', () => {
    const [entry] = decodeKeytab(hex(`0502${record('')}`));
    expect(entry?.key).toBeInstanceOf(Secret);
    expect(JSON.stringify(entry)).not.toContain('90');
  });
});
