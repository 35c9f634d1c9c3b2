/** What the door checks of the form of what it is given, edge by edge. */
import { describe, expect, test } from 'vitest';
import { checkAuthData, frameOf } from '../../src/api/auth-data.ts';
import {
  capacityOf,
  fillBuffer,
  octetsOf,
  readDescriptor,
  reportCount,
  requireWritable,
} from '../../src/api/buffers.ts';
import { HandleTable } from '../../src/api/handles.ts';
import { openState, sealState } from '../../src/api/packed-context.ts';
import { requireDataRepresentation, requireFlags, requireParameters, requireZero } from '../../src/api/parameters.ts';
import { alertIn, isHelloRequest } from '../../src/api/tls-tokens.ts';
import {
  type AuthData,
  SECBUFFER,
  SECBUFFER_MODIFIER,
  SECURITY_DREP,
  type SecBuffer,
  Secret,
  SspiError,
  secBuffer,
  systemHost,
} from '../../src/index.ts';
import { hex } from '../support/vectors.ts';

function refusal(work: () => unknown): SspiError {
  try {
    work();
  } catch (error) {
    if (error instanceof SspiError) return error;
    throw error;
  }
  throw new TypeError('it was not refused');
}

describe('what is seen in a TLS record without opening it (RFC 8446 5.1, 6; RFC 5246 7.4.1.1)', () => {
  // ContentType alert (21), legacy_record_version 0x0303, length 2, fatal (2), access_denied (49).
  const alert = hex('15030300020231');

  test('M17: the alert in the clear that ends a token', () => {
    expect(alertIn(alert)).toEqual(hex('0231'));
    expect(alertIn(hex('160303000100 15030300020231'))).toEqual(hex('0231'));
  });

  test.each([
    ['nothing', ''],
    ['one octet less', '030300020231'],
    ['a handshake record', '16030300020231'],
    ['application data', '17030300020231'],
    ['another version', '15020300020231'],
    ['longer, and so encrypted', '15030300030231'],
    ['very long', '15030301020231'],
    ['behind it an octet', '1503030002023100'],
  ])('M17: no alert: %s', (_, octets) => {
    expect(alertIn(hex(octets))).toBeUndefined();
  });

  test('R32: a HelloRequest, and nothing that only looks like one', () => {
    const helloRequest = hex('160303000400000000');
    expect(isHelloRequest(helloRequest)).toBe(true);
    expect(isHelloRequest(hex('160301000400000000'))).toBe(true); // any TLS
    for (let at = 0; at < helloRequest.length; at++) {
      if (at === 2) continue;
      const changed = helloRequest.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect([at, isHelloRequest(changed)]).toEqual([at, false]);
    }
    expect(isHelloRequest(helloRequest.slice(0, -1))).toBe(false);
    expect(isHelloRequest(hex('16030300040000000000'))).toBe(false);
  });
});

describe('L6: packed contexts', () => {
  const key = new Uint8Array(32).fill(1);
  const seal = (state: Uint8Array) => sealState(state, key, 'NTLM', systemHost);

  test.each([0, 1, 15, 16, 17, 31, 32, 33])('a state of %i octets comes back, wherever the block ends', (length) => {
    const state = Uint8Array.from({ length }, (_, at) => at + 1);
    const packed = seal(state);
    expect(openState(packed, key, 'NTLM')).toEqual(state);
    // 8 octets of magic, 16 of IV, whole blocks with one octet of padding at least, 32 of tag.
    expect(packed.length).toBe(8 + 16 + (Math.floor(length / 16) + 1) * 16 + 32);
    expect(Buffer.from(packed.subarray(0, 7)).toString()).toBe('SSPIctx');
  });

  test('any octet changed, any octet missing, one too many, another key, another package: not its owner', () => {
    const packed = seal(hex('0102030405'));
    for (let at = 0; at < packed.length; at++) {
      const changed = packed.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x80;
      expect([at, refusal(() => openState(changed, key, 'NTLM')).code]).toEqual([at, 'NOT_OWNER']);
      expect([at, refusal(() => openState(packed.slice(0, at), key, 'NTLM')).code]).toEqual([at, 'NOT_OWNER']);
    }
    expect(refusal(() => openState(Uint8Array.from([...packed, 0]), key, 'NTLM')).code).toBe('NOT_OWNER');
    expect(
      refusal(() =>
        openState(
          packed,
          key.map((octet) => octet + 1),
          'NTLM',
        ),
      ).code,
    ).toBe('NOT_OWNER');
    expect(refusal(() => openState(packed, key, 'Kerberos')).code).toBe('NOT_OWNER');
  });

  test('a key of 32 octets at least, as octets or as a Secret that is still there', () => {
    const secret = new Secret(key.slice());
    expect(openState(seal(hex('07')), secret, 'NTLM')).toEqual(hex('07'));
    secret.dispose();
    for (const bad of [secret, key.slice(1), 'x'.repeat(32), undefined, null])
      expect(refusal(() => openState(seal(hex('07')), bad, 'NTLM')).code).toBe('INVALID_PARAMETER');
    for (const bad of [undefined, null, 'packed', [1, 2]])
      expect(refusal(() => openState(bad, key, 'NTLM')).code).toBe('INVALID_PARAMETER');
  });
});

describe('parameters as they come from callers who do not compile', () => {
  test.each([undefined, null, 1, 'x', true])('%s is no object of parameters', (given) => {
    // A caller in JavaScript may pass anything; the type says that nobody else can.
    const take: (value: never) => unknown = requireParameters;
    expect(refusal(() => Reflect.apply(take, undefined, [given])).code).toBe('INVALID_PARAMETER');
  });

  test('masks of flags: 32 bits, signed or not, and ISC_REQ_MESSAGES beyond', () => {
    expect([requireFlags(undefined, 'f'), requireFlags(null, 'f'), requireFlags(5, 'f')]).toEqual([0, 0, 5]);
    expect(requireFlags(-(2 ** 31), 'f')).toBe(0x80000000);
    expect(requireFlags(-1, 'f')).toBe(0xffffffff);
    expect(requireFlags(2 ** 33 - 1, 'f')).toBe(0xffffffff);
    for (const bad of ['1', 1.5, Number.NaN, Number.POSITIVE_INFINITY, -(2 ** 31) - 1, 2 ** 33, {}, true])
      expect(refusal(() => requireFlags(bad, 'fContextReq'))).toMatchObject({
        code: 'INVALID_PARAMETER',
        stage: 'fContextReq',
      });
  });

  test('R29, R30: what is reserved is 0, and the data representation is one of two', () => {
    for (const good of [undefined, null, 0]) expect(requireZero(good, 'Reserved1')).toBeUndefined();
    for (const bad of [1, '0', false]) expect(refusal(() => requireZero(bad, 'Reserved1')).stage).toBe('Reserved1');
    for (const good of [undefined, SECURITY_DREP.NATIVE, SECURITY_DREP.NETWORK])
      expect(requireDataRepresentation(good)).toBeUndefined();
    for (const bad of [null, 1, '0']) expect(refusal(() => requireDataRepresentation(bad)).stage).toBe('TargetDataRep');
  });

  test('T4: handles count up, are frozen, and mean nothing in another table', () => {
    const make = (generation: number) => ({ generation });
    const [one, other] = [new HandleTable<{ generation: number }, string>(make), new HandleTable<object, string>(make)];
    const [first, second] = [one.add('a'), one.add('b')];
    expect([first.generation, second.generation, Object.isFrozen(first)]).toEqual([1, 2, true]);
    expect([one.find(first), one.find(second), one.has(first), other.has(first)]).toEqual(['a', 'b', true, false]);
    for (const bad of [null, undefined, 1, 'x', { generation: 1 }])
      expect([one.find(bad), one.has(bad)]).toEqual([undefined, false]);
  });
});

describe('R33: buffer descriptors', () => {
  const good = { type: SECBUFFER.TOKEN, count: 2, buffer: hex('0102') };

  test('none is none, and version 0 is the only one', () => {
    expect([readDescriptor(undefined, 'pInput'), readDescriptor(null, 'pInput')]).toEqual([[], []]);
    expect(readDescriptor({ version: 0, buffers: [good] }, 'pInput')).toEqual([good]);
    expect(readDescriptor({ buffers: [{ ...good, buffer: null, count: 0 }] }, 'pInput')).toHaveLength(1);
  });

  test.each<[string, unknown]>([
    ['a number', 1],
    ['another version', { version: 1, buffers: [] }],
    ['no list', { version: 0 }],
    ['a list that is none', { buffers: { 0: good } }],
    ['no buffer', { buffers: [good, undefined] }],
    ['null for a buffer', { buffers: [null] }],
    ['a text for a buffer', { buffers: ['x'] }],
    ['a type that is no number', { buffers: [{ ...good, type: '2' }] }],
    ['a type between numbers', { buffers: [{ ...good, type: 1.5 }] }],
    ['a count that is no number', { buffers: [{ ...good, count: '2' }] }],
    ['a count between numbers', { buffers: [{ ...good, count: 1.5 }] }],
    ['a count below 0', { buffers: [{ ...good, count: -1 }] }],
    ['no octets', { buffers: [{ ...good, buffer: undefined }] }],
    ['octets that are none', { buffers: [{ ...good, buffer: [1, 2] }] }],
  ])('%s is SEC_E_INVALID_BUFFER', (_, descriptor) => {
    expect(refusal(() => readDescriptor(descriptor, 'pInput'))).toMatchObject({
      code: 'INVALID_BUFFER',
      stage: 'pInput',
    });
  });

  test('R39: what counts, what there is room for, and what is said when it is too little', () => {
    const buffer: SecBuffer = { type: SECBUFFER.TOKEN, count: 2, buffer: hex('010203') };
    expect(octetsOf(buffer)).toEqual(hex('0102'));
    expect(capacityOf(buffer)).toBe(2);
    expect(capacityOf({ ...buffer, count: 9 })).toBe(3);
    expect(capacityOf({ ...buffer, buffer: null })).toBe(0);
    expect(refusal(() => octetsOf({ ...buffer, count: 4 })).code).toBe('INVALID_BUFFER');
    expect(refusal(() => octetsOf({ ...buffer, buffer: null })).code).toBe('INVALID_BUFFER');

    fillBuffer(buffer, hex('aabb'), 'token');
    expect(buffer).toEqual({ type: SECBUFFER.TOKEN, count: 2, buffer: hex('aabb03') });
    fillBuffer(buffer, hex('cc'), 'token');
    expect([buffer.count, buffer.buffer]).toEqual([1, hex('ccbb03')]);
    expect(refusal(() => fillBuffer(buffer, hex('0102'), 'token')).code).toBe('BUFFER_TOO_SMALL');
    expect([buffer.count, buffer.buffer]).toEqual([2, hex('ccbb03')]);
    const empty: SecBuffer = { type: SECBUFFER.TOKEN, count: 0, buffer: null };
    fillBuffer(empty, hex(''), 'token');
    expect(empty.count).toBe(0);
  });

  test.each([SECBUFFER_MODIFIER.READONLY, SECBUFFER_MODIFIER.READONLY_WITH_CHECKSUM])(
    'a buffer with %i is not written to',
    (bit) => {
      const buffer = secBuffer(SECBUFFER.DATA, hex('01'));
      expect(requireWritable(buffer)).toBeUndefined();
      expect(refusal(() => requireWritable({ ...buffer, type: buffer.type | bit }))).toMatchObject({
        code: 'INVALID_BUFFER',
        stage: 'SECBUFFER_DATA',
      });
    },
  );

  test('R34, R35: a number is reported in the first EMPTY buffer, and nowhere else', () => {
    const buffers = [secBuffer(SECBUFFER.TOKEN, hex('01')), secBuffer(SECBUFFER.EMPTY), secBuffer(SECBUFFER.EMPTY)];
    reportCount(buffers, SECBUFFER.MISSING, 7);
    expect(buffers.map(({ type, count, buffer }) => [type, count, buffer])).toEqual([
      [SECBUFFER.TOKEN, 1, hex('01')],
      [SECBUFFER.MISSING, 7, null],
      [SECBUFFER.EMPTY, 0, null],
    ]);
    const none = [secBuffer(SECBUFFER.TOKEN, hex('01'))];
    reportCount(none, SECBUFFER.MISSING, 7);
    expect(none).toEqual([secBuffer(SECBUFFER.TOKEN, hex('01'))]);
  });
});

describe('A12, A16: pAuthData', () => {
  const identity = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: 'x' } as const;
  const ntHash = { kind: 'nt-hash', user: 'alice', ntHash: new Secret(new Uint8Array(16)) } as const;

  test('what is there, and what is not', () => {
    expect([checkAuthData(undefined), checkAuthData(null)]).toEqual([undefined, undefined]);
    for (const good of [
      identity,
      ntHash,
      { kind: 'schannel' },
      { kind: 'credssp' },
      { kind: 'credssp', spnegoCred: null },
      { kind: 'credssp', spnegoCred: identity },
      { kind: 'credssp-ex', cred: { kind: 'credssp', spnegoCred: ntHash } },
    ])
      expect(checkAuthData(good)).toBe(good);
  });

  test.each<[string, unknown]>([
    ['a text', 'identity'],
    ['a number', 1],
    ['no kind', {}],
    ['a kind that is no text', { kind: 1 }],
    ['a kind that every object has', { kind: 'toString' }],
    ['another kind', { kind: 'password' }],
    ['a hash without a user', { ...ntHash, user: undefined }],
    ['a hash that is no Secret', { ...ntHash, ntHash: new Uint8Array(16) }],
    ['a text for pSpnegoCred', { kind: 'credssp', spnegoCred: 'x' }],
    ['a CREDSSP_CRED within another', { kind: 'credssp', spnegoCred: { kind: 'credssp' } }],
    ['the EX form within another', { kind: 'credssp', spnegoCred: { kind: 'credssp-ex' } }],
    ['a bad hash within', { kind: 'credssp', spnegoCred: { ...ntHash, user: 1 } }],
    ['the EX form with nothing in it', { kind: 'credssp-ex' }],
    ['the EX form around null', { kind: 'credssp-ex', cred: null }],
    ['the EX form around a text', { kind: 'credssp-ex', cred: 'x' }],
    ['the EX form around something bad', { kind: 'credssp-ex', cred: { kind: 'credssp', spnegoCred: 1 } }],
  ])('%s is SEC_E_UNKNOWN_CREDENTIALS', (_, given) => {
    expect(refusal(() => checkAuthData(given))).toMatchObject({ code: 'UNKNOWN_CREDENTIALS', stage: 'pAuthData' });
  });

  test('R23, A15: what stays of a credential around another identity: roots, options, packages and KDCs; no secret, no certificate', () => {
    const other = { kind: 'identity', user: 'bob', password: 'y' } as const;
    const kerberos = { realm: 'EXAMPLE.COM' };
    const certificates = [{ certificate: 'c', privateKey: 'k' }];
    const options = { minVersion: 6, source: 'saved' } as const;
    const around: AuthData = {
      kind: 'credssp',
      schannelCred: { kind: 'schannel', rootStore: ['r'], certificates },
      spnegoCred: { ...identity, packageList: '!ntlm', kerberos },
      options,
    };
    const expected = {
      kind: 'credssp',
      schannelCred: { kind: 'schannel', rootStore: ['r'], certificates: undefined },
      spnegoCred: { ...other, packageList: '!ntlm', kerberos },
      options: { minVersion: 6, source: 'fresh' }, // whatever the handle's are: these the application gave (A15, Y5)
    };
    expect(frameOf('CREDSSP', around)(other)).toEqual(expected);
    const ex: AuthData = { kind: 'credssp-ex', version: 4, flags: 0, cred: around };
    expect(frameOf('CREDSSP', ex)(other)).toEqual({ kind: 'credssp-ex', version: 4, flags: 0, cred: expected });

    const bare = { kind: 'credssp', schannelCred: undefined, spnegoCred: other, options: undefined };
    expect(frameOf('CREDSSP', undefined)(other)).toEqual(bare);
    expect(frameOf('NTLM', undefined)(other)).toEqual(other);
    expect(frameOf('Negotiate', { ...identity, packageList: 'a', kerberos })({ ...other, packageList: 'b' })).toEqual({
      ...other,
      packageList: 'b',
      kerberos,
    });
  });
});
