/** Negotiate's credential: one handle over those of the mechanisms. */
import { describe, expect, test } from 'vitest';
import { systemHost } from '../../src/host/index.ts';
import {
  createNegotiatePackage,
  decodeNegTokenInit,
  decodeNegTokenResp,
  encodeNegTokenResp,
  type Mechanism,
} from '../../src/negotiate/index.ts';
import {
  type Credential,
  ISC_REQ,
  type KdcProxySettings,
  NEVER,
  SEC_E,
  SECPKG_CRED,
  SspiError,
} from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import type { Journal } from './fake-mechanism.ts';
import {
  ALPHA,
  acceptorOf,
  BETA,
  credentialOf,
  failureOf,
  fake,
  GAMMA,
  IDENTITY,
  initiatorOf,
  tokenOf,
} from './set-up.ts';

/** A mechanism whose credentials have more to them. */
function withMore(mechanism: Mechanism, more: Partial<Credential>): Mechanism {
  const { acquire } = mechanism.package;
  return {
    ...mechanism,
    package: { ...mechanism.package, acquire: async (request) => ({ ...(await acquire(request)), ...more }) },
  };
}

const none = (stage: string, detail?: string) => new SspiError('NO_CREDENTIALS', { stage, detail });
const REQUEST = { use: SECPKG_CRED.BOTH, authData: IDENTITY, host: systemHost };

async function refusal(promise: Promise<unknown>): Promise<SspiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SspiError)) throw new TypeError('it did not fail', { cause: error });
  return error;
}

/** What an initiator offers. */
async function offerOf(credential: Credential): Promise<readonly string[]> {
  const context = credential.initiate({ flags: 0 });
  const { mechTypes } = decodeNegTokenInit(await tokenOf(context));
  context.dispose();
  return mechTypes;
}

describe('what is known of it', () => {
  test('L8: the name is that of the first mechanism that knows one', async () => {
    const named = (userName: string) => ({ attributes: { NAMES: () => ({ userName }) } });
    const credential = await credentialOf([
      withMore(fake('Alpha', ALPHA), { attributes: {} }),
      withMore(fake('Beta', BETA), named('EXAMPLE\\alice')),
      withMore(fake('Gamma', GAMMA), named('somebody else')),
    ]);
    expect(credential.attributes?.NAMES?.()).toEqual({ userName: 'EXAMPLE\\alice' });
    expect((await credentialOf([fake('Alpha', ALPHA)])).attributes).toEqual({});
  });

  test('A10: it expires with the first of them', async () => {
    const expiring = (name: string, oid: string, expiry: bigint) => withMore(fake(name, oid), { expiry });
    const expiryOf = async (...expiries: [bigint, bigint]) =>
      (await credentialOf([expiring('Alpha', ALPHA, expiries[0]), expiring('Beta', BETA, expiries[1])])).expiry;
    expect([await expiryOf(5n, 7n), await expiryOf(7n, 5n), await expiryOf(NEVER, NEVER)]).toEqual([5n, 5n, NEVER]);
  });

  test('L8: a KDC proxy is told to each mechanism that has KDCs, and refused where none has', async () => {
    const told: string[] = [];
    const settings: KdcProxySettings = { proxyServer: 'https://proxy.example.test/KdcProxy' };
    const listening = (name: string, oid: string) =>
      withMore(fake(name, oid), { setKdcProxy: (given) => told.push(`${name} ${given === settings}`) });
    const credential = await credentialOf([listening('Alpha', ALPHA), fake('Beta', BETA), listening('Gamma', GAMMA)]);
    credential.setKdcProxy?.(settings);
    expect(told).toEqual(['Alpha true', 'Gamma true']);
    const without = await credentialOf([fake('Beta', BETA)]);
    expect(() => without.setKdcProxy?.(settings)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
  });

  test('S11: what each mechanism misses is said, in the words of a single one as they are', async () => {
    const [alpha, beta] = [none('Alpha', 'no ticket'), none('Beta')];
    const acquiring = credentialOf([
      fake('Alpha', ALPHA, { acquireError: alpha }),
      fake('Beta', BETA, { acquireError: beta }),
    ]);
    expect((await refusal(acquiring)).detail).toBe('Alpha: no ticket; Beta: none');
    expect(await refusal(credentialOf([fake('Beta', BETA, { acquireError: beta })]))).toBe(beta);
  });

  test('A21, S11: a mechanism in two forms is noted once, and not at all when one of them can be used', async () => {
    const reasonOf = async (mechanisms: Mechanism[], list?: string): Promise<string> => {
      const context = (await credentialOf(mechanisms, list)).initiate({ flags: 0 });
      await tokenOf(context);
      return context.query('NEGO_STATUS').reason;
    };
    const missing = { acquireError: none('Alpha', 'no ticket') };
    const beta = fake('Beta', BETA);
    expect(await reasonOf([fake('Alpha', ALPHA), fake('Alpha', '1.3.6.1.4.1.99999.9'), beta], '!alpha')).toBe(
      "Alpha is excluded by the package list '!alpha'",
    );
    const twice = await reasonOf([fake('Alpha', ALPHA, missing), fake('Alpha', '1.3.6.1.4.1.99999.9', missing), beta]);
    expect(twice.match(/no ticket/g)).toHaveLength(1);
    expect(await reasonOf([fake('Alpha', ALPHA), fake('Alpha', '1.3.6.1.4.1.99999.9', missing), beta])).toBe('');
  });
});

describe('AddCredentials', () => {
  test('L9: what is added is offered, in the order of preference, and the note on its lack is gone', async () => {
    let lacking = true;
    const alpha = fake('Alpha', ALPHA);
    const late: Mechanism = {
      ...alpha,
      package: {
        ...alpha.package,
        acquire: async (request) => {
          if (lacking) throw none('Alpha', 'no ticket');
          return alpha.package.acquire(request);
        },
      },
    };
    const credential = await credentialOf([late, fake('Beta', BETA)]);
    expect(await offerOf(credential)).toEqual([BETA]);
    expect(await refusal(credential.add?.('Alpha', REQUEST) ?? Promise.resolve())).toMatchObject({
      code: 'NO_CREDENTIALS',
    });
    expect(await offerOf(credential)).toEqual([BETA]);
    lacking = false;
    await credential.add?.('aLPHA', REQUEST);
    expect(await offerOf(credential)).toEqual([ALPHA, BETA]);
    const context = credential.initiate({ flags: 0 });
    await tokenOf(context);
    expect(context.query('NEGO_STATUS')).toMatchObject({ lastStatus: SEC_E.OK, reason: '' });
  });

  test('L9, A14: what is replaced serves the contexts that have it, and goes with the last of them', async () => {
    const journal: Journal = [];
    const credential = await credentialOf([fake('Alpha', ALPHA, {}, journal), fake('Beta', BETA, {}, journal)]);
    const context = credential.initiate({ flags: 0 });
    await credential.add?.('Alpha', REQUEST);
    expect(await offerOf(credential)).toEqual([ALPHA, BETA]);
    const { initiatorError } = await converse(context, await acceptorOf(fake('Alpha', ALPHA)));
    expect(initiatorError).toBeUndefined();
    const disposals = (): number => journal.filter((entry) => entry === 'Alpha credential disposed').length;
    expect(disposals()).toBe(0);
    credential.dispose();
    expect(disposals()).toBe(0);
    context.dispose();
    expect(disposals()).toBe(2);
  });

  test('L9: one of two forms that fails takes the other one with it, and what was there stays', async () => {
    const journal: Journal = [];
    let broken: SspiError | undefined;
    const other = fake('Alpha', GAMMA);
    const second: Mechanism = {
      ...other,
      package: {
        ...other.package,
        acquire: async (request) => {
          if (broken !== undefined) throw broken;
          return other.package.acquire(request);
        },
      },
    };
    const credential = await credentialOf([fake('Alpha', ALPHA, {}, journal), second]);
    broken = new SspiError('UNKNOWN_CREDENTIALS', { stage: 'Alpha' });
    expect(await refusal(credential.add?.('Alpha', REQUEST) ?? Promise.resolve())).toBe(broken);
    expect(journal).toEqual(['Alpha credential disposed']);
    expect(await offerOf(credential)).toEqual([ALPHA, GAMMA]);
  });

  test('L9, Z11: what is added to a handle that is freed meanwhile is wiped, and not said to be there', async () => {
    const journal: Journal = [];
    const credential = await credentialOf([fake('Alpha', ALPHA, {}, journal)]);
    const adding = refusal(credential.add?.('Alpha', REQUEST) ?? Promise.resolve());
    credential.dispose();
    expect((await adding).code).toBe('INVALID_HANDLE');
    expect(journal).toEqual(['Alpha credential disposed', 'Alpha credential disposed']);
  });

  test('L9: a new client leaves the old server where it was, and the other way round', async () => {
    const journal: Journal = [];
    const credential = await credentialOf([fake('Alpha', ALPHA, {}, journal)]); // for both
    await credential.add?.('Alpha', { ...REQUEST, use: SECPKG_CRED.OUTBOUND });
    expect(credential.use).toBe(SECPKG_CRED.BOTH);
    const { initiatorError, acceptorError } = await converse(
      credential.initiate({ flags: 0 }),
      credential.accept({ flags: 0 }),
    );
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(journal).not.toContain('Alpha credential disposed');
  });

  test('A4, L9: a handle for use 0 is a client, also when a server is added', async () => {
    const negotiate = createNegotiatePackage({ mechanisms: [fake('Alpha', ALPHA)] });
    const credential = await negotiate.acquire({ ...REQUEST, use: 0 });
    expect(() => credential.accept({ flags: 0 })).toThrow(expect.objectContaining({ code: 'NO_CREDENTIALS' }));
    await credential.add?.('Alpha', { ...REQUEST, use: SECPKG_CRED.INBOUND });
    expect(await offerOf(credential)).toEqual([ALPHA]);
    expect(credential.accept({ flags: 0 }).role).toBe('acceptor');
  });

  test('L9: a package that is not there, and a handle that is no longer', async () => {
    const credential = await credentialOf([fake('Alpha', ALPHA)]);
    const missing = await refusal(credential.add?.('Alph', REQUEST) ?? Promise.resolve());
    expect(missing).toMatchObject({ code: 'PACKAGE_NOT_FOUND', status: SEC_E.SECPKG_NOT_FOUND });
    credential.dispose();
    expect(await refusal(credential.add?.('Alpha', REQUEST) ?? Promise.resolve())).toMatchObject({
      code: 'INVALID_HANDLE',
    });
    expect(() => credential.initiate({ flags: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_HANDLE' }));
  });
});

describe('replies', () => {
  test('S5: a server cannot choose what was not offered, be its token ever so good', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA), fake('Beta', BETA));
    const offer = await tokenOf(initiator);
    const reply = decodeNegTokenResp(await tokenOf(await acceptorOf(fake('Alpha', ALPHA), fake('Beta', BETA)), offer));
    const error = await failureOf(initiator, encodeNegTokenResp({ ...reply, supportedMech: GAMMA }));
    expect(error).toMatchObject({ code: 'UNEXPECTED_MESSAGE', stage: 'SPNEGO NegTokenResp' });
    expect(error.message).toContain('was not offered');
  });

  test('Z27: a MIC that only begins like the token is no copy of it', () => {
    const responseToken = Uint8Array.of(1, 2, 3, 4);
    const read = (mechListMIC: Uint8Array) =>
      decodeNegTokenResp(encodeNegTokenResp({ responseToken, mechListMIC })).mechListMIC;
    expect(read(Uint8Array.of(1, 2, 3))).toEqual(Uint8Array.of(1, 2, 3));
    expect(read(Uint8Array.of(1, 2, 3, 4, 5))).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
    expect(read(responseToken)).toBeUndefined();
  });

  test('S6: integrity is asked of the mechanism unless it is ruled out', async () => {
    const asked: number[] = [];
    const alpha = fake('Alpha', ALPHA);
    const listening: Mechanism = {
      ...alpha,
      package: {
        ...alpha.package,
        acquire: async (request) => {
          const credential = await alpha.package.acquire(request);
          return {
            ...credential,
            initiate: (options) => {
              asked.push(options.flags);
              return credential.initiate(options);
            },
          };
        },
      },
    };
    const credential = await credentialOf([listening]);
    const given = [0, ISC_REQ.CONFIDENTIALITY, ISC_REQ.INTEGRITY, ISC_REQ.NO_INTEGRITY, ISC_REQ.NULL_SESSION];
    for (const flags of given) await tokenOf(credential.initiate({ flags }));
    expect(asked).toEqual([
      ISC_REQ.INTEGRITY,
      ISC_REQ.CONFIDENTIALITY + ISC_REQ.INTEGRITY,
      ISC_REQ.INTEGRITY,
      ISC_REQ.NO_INTEGRITY,
      ISC_REQ.NULL_SESSION,
    ]);
  });
});
