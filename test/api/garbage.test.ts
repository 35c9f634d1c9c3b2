/** Whatever is passed, the SSPI functions answer with a status (contract R35, R56; faults Z6, Z10). */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome, Sspi } from '../../src/api/index.ts';
import { isFailure, SEC_E, SECBUFFER, statusName } from '../../src/sspi/index.ts';
import { credentialOf, door, forged, initiate, named, pair, received, room } from './door.ts';
import { ascii, record, recordPackage, tokenPackage } from './toys.ts';

const RUNS = { numRuns: 150 };

/** Anything, with now and then something that fits. */
function anything(fitting: readonly unknown[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    fc.constantFrom(...fitting),
    fc.anything({ withBigInt: true, withTypedArray: true, withNullPrototype: true, maxDepth: 2 }),
  );
}

const buffer = fc.oneof(
  fc.record({
    type: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer(), fc.anything()),
    count: fc.oneof(fc.nat(80), fc.integer(), fc.anything()),
    buffer: fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.constant(null), fc.anything()),
  }),
  fc.anything(),
);
const descriptor = fc.oneof(
  fc.record({ buffers: fc.array(buffer, { maxLength: 5 }) }),
  fc.record({ version: fc.anything(), buffers: fc.anything() }),
  fc.anything(),
);
const flags = fc.oneof(fc.integer(), fc.constant(0x100), fc.anything());

/** Handles that work, in every state. */
async function fixture() {
  const sspi = door(tokenPackage(), recordPackage());
  const tokens = await pair(sspi, 'TOKENS');
  const records = await pair(sspi, 'RECORDS');
  const credential = await credentialOf(sspi, 'TOKENS');
  const { context: waiting } = await initiate(sspi, { credential });
  const { context: deleted } = await initiate(sspi, { credential });
  await sspi.deleteSecurityContext({ context: deleted });
  const contexts = [tokens.client, tokens.server, records.client, records.server, waiting, deleted];
  return { sspi, credentials: [credential], contexts };
}

const FUNCTIONS = [
  'acquireCredentialsHandle',
  'initializeSecurityContext',
  'acceptSecurityContext',
  'completeAuthToken',
  'queryContextAttributes',
  'encryptMessage',
  'decryptMessage',
  'makeSignature',
  'verifySignature',
  'freeContextBuffer',
  'querySecurityPackageInfo',
  'freeCredentialsHandle',
  'deleteSecurityContext',
] as const satisfies readonly (keyof Sspi)[];

describe('garbage', () => {
  test.each(FUNCTIONS)('R56, Z10: %s never throws, and always has a status', async (name) => {
    const { sspi, credentials, contexts } = await fixture();
    const call: (parameters: never) => Promise<Outcome> = sspi[name];
    const parameters = fc.oneof(
      fc.record({
        credential: anything(credentials),
        context: anything([null, ...contexts]),
        package: anything(['TOKENS', 'RECORDS']),
        packageName: anything(['TOKENS']),
        credentialUse: flags,
        authData: anything([null]),
        targetName: anything(['TERMSRV/host', null]),
        contextReq: flags,
        targetDataRep: anything([0x10]),
        reserved1: anything([0]),
        reserved2: anything([0]),
        input: descriptor,
        output: descriptor,
        message: descriptor,
        token: descriptor,
        qop: anything([0]),
        attribute: flags,
        contextBuffer: fc.anything(),
      }),
      fc.anything(),
    );
    await fc.assert(
      fc.asyncProperty(parameters, async (garbage) => {
        const { status } = await call(forged<never>(garbage));
        expect(Number.isInteger(status)).toBe(true);
        expect(status).toBeGreaterThanOrEqual(0);
      }),
      RUNS,
    );
  });

  test('R35: any beginning of any records that is short changes nothing', async () => {
    const server = record(22, ascii('server'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(server.length - 1), { maxLength: 5 }), async (cuts) => {
        const sspi = door(recordPackage());
        const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'RECORDS') });
        for (const cut of cuts.filter((length) => length > 0)) {
          const input = received(server.subarray(0, cut));
          const result = await sspi.initializeSecurityContext({ context, input: input.desc, output: room().desc });
          expect(named(result)).toBe('SEC_E_INCOMPLETE_MESSAGE');
          expect(input.empty.type).toBe(SECBUFFER.MISSING);
        }
        expect(named((await initiate(sspi, { context, input: server })).result)).toBe('SEC_E_OK');
      }),
      RUNS,
    );
  });

  test('R34, R35: random octets end in a status, and an incomplete message leaves the context as it was', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 40 }), async (octets) => {
        const sspi = door(recordPackage());
        const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'RECORDS') });
        const before = octets.slice();
        const input = received(octets);
        const { status } = await sspi.initializeSecurityContext({ context, input: input.desc, output: room().desc });
        expect(octets).toEqual(before);
        if (status === SEC_E.INCOMPLETE_MESSAGE) {
          expect(input.empty.count).toBeGreaterThan(0);
          const whole = await initiate(sspi, { context, input: record(22, ascii('server')) });
          expect(named(whole.result)).toBe('SEC_E_OK');
        } else {
          expect(isFailure(status), statusName(status)).toBe(true);
        }
      }),
      RUNS,
    );
  });

  test('buffers that cannot be written to end in a status', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const frozen = Object.freeze({ type: SECBUFFER.TOKEN, count: 64, buffer: new Uint8Array(64) });
    const result = await sspi.initializeSecurityContext({ credential, output: { buffers: [frozen] } });
    expect(named(result)).toBe('SEC_E_INTERNAL_ERROR');
    expect(result.context).toBeNull();
  });
});
