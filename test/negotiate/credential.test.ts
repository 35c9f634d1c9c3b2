import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { systemHost } from '../../src/host/index.ts';
import {
  allowedPackages,
  createNegotiatePackage,
  decodeNegTokenInit,
  describeSpnego,
  negotiatePackage,
  OID,
} from '../../src/negotiate/index.ts';
import {
  type AuthData,
  type Credential,
  SEC_E,
  SECPKG_CRED,
  SspiError,
  type SspiErrorCode,
} from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import type { Journal } from './fake-mechanism.ts';
import { ALPHA, acceptorOf, BETA, credentialOf, failureOf, fake, GAMMA, initiatorOf, tokenOf } from './set-up.ts';

async function acquireFailure(acquiring: Promise<Credential>): Promise<SspiError> {
  try {
    await acquiring;
  } catch (error) {
    if (error instanceof SspiError) return error;
    throw error;
  }
  throw new TypeError('a credential was made');
}

describe('package lists', () => {
  const all = ['Kerberos', 'NTLM', 'PKU2U'];
  test.each([
    [undefined, all],
    ['', all],
    [' , ,', all],
    ['!ntlm', ['Kerberos', 'PKU2U']],
    ['kerberos,!ntlm', ['Kerberos']],
    ['Kerberos', ['Kerberos']],
    ['NTLM, KERBEROS', ['Kerberos', 'NTLM']],
    [' ! ntlm , ! kerberos ', ['PKU2U']],
    ['ntlm,!ntlm', []],
    ['!kerberos,!ntlm,!pku2u', []],
    ['livessp,ntlm', ['NTLM']],
    ['livessp', []],
    ['!livessp', all],
  ])('A21: %j allows %j', (list, expected) => {
    expect(allowedPackages(list, all)).toEqual(expected);
  });

  test('A21: what is excluded is neither offered nor accepted, and it is noted', async () => {
    const mechanisms = [fake('Alpha', ALPHA), fake('Beta', BETA)];
    const credential = await credentialOf(mechanisms, '!alpha');
    const initiator = credential.initiate({ flags: 0 });
    expect(decodeNegTokenInit(await tokenOf(initiator)).mechTypes).toEqual([BETA]);
    expect(initiator.query('NEGO_STATUS').reason).toBe("Alpha is excluded by the package list '!alpha'");
    const acceptor = credential.accept({ flags: 0 });
    const failure = await failureOf(acceptor, await tokenOf(await initiatorOf(fake('Alpha', ALPHA))));
    expect(failure.code).toBe('NO_COMMON_MECHANISM');
  });

  test('A21: a list that leaves nothing is NO_CREDENTIALS', async () => {
    const failure = await acquireFailure(credentialOf([fake('Alpha', ALPHA)], '!alpha'));
    expect(failure.status).toBe(SEC_E.NO_CREDENTIALS);
    const authData = {
      kind: 'identity',
      user: 'alice',
      password: 'AlicePass1!',
      packageList: 'kerberos,!ntlm',
    } as const;
    const request = { use: SECPKG_CRED.OUTBOUND, authData, host: systemHost };
    expect((await acquireFailure(negotiatePackage.acquire(request))).status).toBe(SEC_E.NO_CREDENTIALS);
  });

  test('A21: servers have package lists too', async () => {
    const authData: AuthData = { kind: 'acceptor', accounts: memoryAccounts([]), packageList: '!ntlm' };
    const request = { use: SECPKG_CRED.INBOUND, authData, host: systemHost };
    expect((await acquireFailure(negotiatePackage.acquire(request))).code).toBe('NO_CREDENTIALS');
  });
});

describe('credentials of the mechanisms', () => {
  const none = new SspiError('NO_CREDENTIALS', { stage: 'Alpha', detail: 'no ticket' });
  const unknown = new SspiError('UNKNOWN_CREDENTIALS', { stage: 'Alpha' });

  test('P4: what the package says of itself', () => {
    expect(negotiatePackage.info).toEqual({
      name: 'Negotiate',
      comment: 'Microsoft Package Negotiator',
      capabilities: 0x83bb3,
      version: 1,
      rpcId: 9,
      maxToken: 65791,
    });
  });

  test('S11: a mechanism without credentials is left out, and it is noted', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA, { acquireError: none }), fake('Beta', BETA));
    expect(decodeNegTokenInit(await tokenOf(initiator)).mechTypes).toEqual([BETA]);
    const status = initiator.query('NEGO_STATUS');
    expect(status.lastStatus).toBe(SEC_E.NO_CREDENTIALS);
    expect(status.reason).toContain('Alpha could not be used');
    expect(status.reason).toContain('no ticket');
  });

  test('S11: without credentials for any mechanism there are none', async () => {
    const failure = await acquireFailure(credentialOf([fake('Alpha', ALPHA, { acquireError: none })]));
    expect(failure).toBe(none);
  });

  test('A12: anything else that is wrong with the data is an error, and what was acquired is given back', async () => {
    const journal: Journal = [];
    const alpha = fake('Alpha', ALPHA, {}, journal);
    const failure = await acquireFailure(credentialOf([alpha, fake('Beta', BETA, { acquireError: unknown })]));
    expect(failure).toBe(unknown);
    expect(journal).toEqual(['Alpha credential disposed']);
  });

  test('A4: reserved bits, and use in the other direction', async () => {
    const negotiate = createNegotiatePackage({ mechanisms: [fake('Alpha', ALPHA)] });
    const acquire = (use: number): Promise<Credential> => negotiate.acquire({ use, host: systemHost });
    expect((await acquireFailure(acquire(0x10000001))).code).toBe('INVALID_PARAMETER');
    expect((await acquireFailure(acquire(0x80000002))).code).toBe('INVALID_PARAMETER');
    const inbound = await acquire(SECPKG_CRED.INBOUND);
    const outbound = await acquire(SECPKG_CRED.OUTBOUND);
    expect(() => inbound.initiate({ flags: 0 })).toThrow('not for outbound use');
    expect(() => outbound.accept({ flags: 0 })).toThrow('not for inbound use');
    expect(inbound.accept({ flags: 0 }).role).toBe('acceptor');
    expect((await acquire(0)).initiate({ flags: 0 }).role).toBe('initiator');
  });

  test('A14: a credential that is freed lives on for its contexts, also for a mechanism that is chosen later', async () => {
    const journal: Journal = [];
    const [alpha, beta] = [fake('Alpha', ALPHA, {}, journal), fake('Beta', BETA, {}, journal)];
    const credential = await credentialOf([alpha, beta]);
    const initiator = credential.initiate({ flags: 0 });
    const first = await tokenOf(initiator);
    credential.dispose();
    expect(() => credential.initiate({ flags: 0 })).toThrow(SspiError);

    const acceptor = await acceptorOf(beta);
    let input = await tokenOf(acceptor, first);
    while (initiator.state === 'negotiating') {
      const token = await tokenOf(initiator, input);
      if (acceptor.state === 'negotiating') input = await tokenOf(acceptor, token);
    }
    expect(journal.filter((entry) => entry.includes('disposed'))).toEqual([]);
    initiator.dispose();
    initiator.dispose();
    expect(journal.filter((entry) => entry.includes('disposed'))).toEqual([
      'Alpha credential disposed',
      'Beta credential disposed',
    ]);
  });

  test('A14: the mechanism inside ends with the context', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA));
    await converse(initiator, await acceptorOf(fake('Alpha', ALPHA)));
    initiator.dispose();
    expect(initiator.inner?.state).toBe('disposed');
    expect(() => initiator.messages).toThrow(SspiError);
  });
});

describe('falling back before the first token', () => {
  const failing = (code: SspiErrorCode): SspiError => new SspiError(code, { stage: 'Alpha', detail: 'no KDC' });

  test.each<SspiErrorCode>(['NO_AUTHENTICATING_AUTHORITY', 'TARGET_UNKNOWN', 'NO_CREDENTIALS'])(
    'S11: after %s the next mechanism has its turn, the first is not offered, and NEGO_STATUS tells why',
    async (code) => {
      const alpha = fake('Alpha', ALPHA, { firstTokenError: failing(code) });
      const initiator = await initiatorOf(alpha, fake('Beta', BETA));
      const acceptor = await acceptorOf(fake('Beta', BETA));
      const { tokens } = await converse(initiator, acceptor);
      expect(describeSpnego(tokens[0]?.token ?? new Uint8Array(0))).toBe(`NegTokenInit [${BETA}] {14 octets}`);
      const { lastStatus, reason } = initiator.query('NEGO_STATUS');
      expect(lastStatus).toBe(failing(code).status);
      expect(reason).toContain('Alpha could not be used: Alpha: ');
      expect(reason).toContain('no KDC');
    },
  );

  test.each<SspiErrorCode>([
    'LOGON_DENIED',
    'TIME_SKEW',
    'ACCOUNT_RESTRICTED',
    'INTERNAL_ERROR',
    'WEAK_CRYPTO_REFUSED',
  ])('S11: %s is no reason to fall back', async (code) => {
    const alpha = fake('Alpha', ALPHA, { firstTokenError: failing(code) });
    expect((await failureOf(await initiatorOf(alpha, fake('Beta', BETA)))).code).toBe(code);
  });

  test('S11: when every mechanism fails, the reason of the most preferred one counts', async () => {
    const alpha = fake('Alpha', ALPHA, { firstTokenError: failing('TARGET_UNKNOWN') });
    const beta = fake('Beta', BETA, { firstTokenError: failing('NO_CREDENTIALS') });
    expect((await failureOf(await initiatorOf(alpha, beta))).code).toBe('TARGET_UNKNOWN');
  });

  test('S3: mechanisms are offered in order, each under all its names', async () => {
    const kerberos = fake('Kerberos', OID.MS_KERBEROS, { oids: [OID.MS_KERBEROS, OID.KERBEROS] });
    const initiator = await initiatorOf(kerberos, fake('NTLM', OID.NTLM), fake('Gamma', GAMMA));
    expect(decodeNegTokenInit(await tokenOf(initiator)).mechTypes).toEqual([
      OID.MS_KERBEROS,
      OID.KERBEROS,
      OID.NTLM,
      GAMMA,
    ]);
  });
});
