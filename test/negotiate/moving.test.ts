/** Contexts of Negotiate that go on in another process (L6): the mechanism inside, and what was negotiated. */
import { describe, expect, test } from 'vitest';
import { memoryAccounts, memoryReplayCache } from '../../src/acceptor/index.ts';
import { DerError } from '../../src/der/index.ts';
import { systemHost } from '../../src/host/index.ts';
import { createNegotiatePackage, type Mechanism, negotiatePackage, ntlmMechanism } from '../../src/negotiate/index.ts';
import { kerberosMechanism } from '../../src/negotiate/package.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { ISC_REQ, SECPKG_CRED, SECPKG_NEGOTIATION, type SecurityContext, SspiError } from '../../src/sspi/index.ts';
import { present } from '../api/door.ts';
import { clientWith, realmOf, SERVICE, stillHost } from '../kerberos/ap-support.ts';
import { converse } from '../support/loop.ts';
import { ALPHA, exchangeMessages, fake } from './set-up.ts';

const ALICE = { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;
const SERVER = { kind: 'acceptor', accounts: memoryAccounts([ALICE]) } as const;
const FLAGS = ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;

interface Ends {
  readonly initiator: SecurityContext;
  readonly acceptor: SecurityContext;
}

async function talked(ends: Ends): Promise<Ends> {
  const { initiatorError, acceptorError } = await converse(ends.initiator, ends.acceptor);
  expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
  return ends;
}

/** NTLM, with a client that would rather have had Kerberos. */
async function byNtlm(mechanisms: readonly Mechanism[] = [kerberosMechanism, ntlmMechanism]): Promise<Ends> {
  const client = await createNegotiatePackage({ mechanisms }).acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: ALICE,
    host: systemHost,
  });
  const server = await createNegotiatePackage({ mechanisms: [ntlmMechanism] }).acquire({
    use: SECPKG_CRED.INBOUND,
    authData: SERVER,
    host: systemHost,
  });
  return talked({
    initiator: client.initiate({ flags: FLAGS, targetName: SERVICE }),
    acceptor: server.accept({ flags: 0 }),
  });
}

async function byKerberos(): Promise<Ends> {
  const realm = realmOf();
  const credential = clientWith(realm);
  const ofTheRealm: Mechanism = {
    ...kerberosMechanism,
    package: { ...kerberosMechanism.package, acquire: async () => credential },
  };
  const client = await createNegotiatePackage({ mechanisms: [ofTheRealm] }).acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: ALICE,
    host: stillHost(),
  });
  const kerberosService = { keytab: realm.keytab(SERVICE), replayCache: memoryReplayCache() };
  const server = await negotiatePackage.acquire({
    use: SECPKG_CRED.INBOUND,
    authData: { ...SERVER, kerberosService },
    host: stillHost(),
  });
  const flags = FLAGS | ISC_REQ.MUTUAL_AUTH;
  return talked({ initiator: client.initiate({ flags, targetName: SERVICE }), acceptor: server.accept({ flags: 0 }) });
}

/** A client that speaks NTLM without SPNEGO. */
async function direct(): Promise<Ends> {
  const client = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: ALICE, host: systemHost });
  const server = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: SERVER, host: systemHost });
  return talked({ initiator: client.initiate({ flags: FLAGS }), acceptor: server.accept({ flags: 0 }) });
}

const stateOf = (context: SecurityContext): Uint8Array => present(negotiatePackage.exportContext)(context);
const arrived = (state: Uint8Array): Promise<SecurityContext> =>
  present(negotiatePackage.importContext)(state, systemHost);

const TOLD = [
  'FLAGS',
  'LIFESPAN',
  'NAMES',
  'NATIVE_NAMES',
  'SIZES',
  'KEY_INFO',
  'NEGOTIATION_INFO',
  'NEGOTIATION_PACKAGE',
  'NEGO_STATUS',
] as const;

describe('L6: a context of Negotiate', () => {
  test.each([
    ['NTLM', byNtlm, SECPKG_NEGOTIATION.COMPLETE],
    ['Kerberos', byKerberos, SECPKG_NEGOTIATION.COMPLETE],
  ] as const)('goes on where it stood, and tells what was negotiated: %s, both ends', async (name, begin, state) => {
    const ends = await begin();
    exchangeMessages(ends.initiator, ends.acceptor);
    for (const moved of ['initiator', 'acceptor'] as const) {
      const there = { ...ends, [moved]: await arrived(stateOf(ends[moved])) };
      expect([there[moved].state, there[moved].role, there[moved].info.name]).toEqual([
        'established',
        moved,
        'Negotiate',
      ]);
      expect(exchangeMessages(there.initiator, there.acceptor)).toEqual([
        Uint8Array.of(1, 2, 3),
        Uint8Array.of(4, 5, 6),
      ]);
      for (const attribute of TOLD) expect(there[moved].query(attribute)).toEqual(ends[moved].query(attribute));
      const { packageInfo, state: how } = there[moved].query('NEGOTIATION_INFO');
      expect([packageInfo.name, how]).toEqual([name, state]);
      // The one that stayed and the one that moved would not agree any more: on with the latter.
      Object.assign(ends, there);
    }
    expect(ends.acceptor.query('ACCESS_TOKEN')).toMatchObject({ user: 'alice', mechanism: name });
    expect(ends.initiator.query('NEGO_STATUS').offered.length).toBeGreaterThan(0);
  });

  test('why a mechanism was not used is told elsewhere, too', async () => {
    const { initiator } = await byNtlm();
    const there = await arrived(stateOf(initiator));
    expect(there.query('NEGO_STATUS').reason).toContain('Kerberos could not be used');
    expect(there.query('NEGO_STATUS').lastStatus).toBe(initiator.query('NEGO_STATUS').lastStatus);
  });

  test('NTLM that was spoken without SPNEGO stays that', async () => {
    const { initiator, acceptor } = await direct();
    const there = await arrived(stateOf(acceptor));
    expect(there.query('NEGOTIATION_INFO').state).toBe(SECPKG_NEGOTIATION.DIRECT);
    expect(exchangeMessages(initiator, there)).toHaveLength(2);
  });

  test('does not move where the mechanism’s do not, and is not taken where the mechanism is not', async () => {
    const mechanisms = [fake('ALPHA', ALPHA)];
    const other = createNegotiatePackage({ mechanisms });
    const credential = await other.acquire({ use: SECPKG_CRED.BOTH, authData: ALICE, host: systemHost });
    const ends = await talked({
      initiator: credential.initiate({ flags: 0 }),
      acceptor: credential.accept({ flags: 0 }),
    });
    expect(() => present(other.exportContext)(ends.initiator)).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION', detail: 'ALPHA' }),
    );
    const ntlm = await byNtlm([ntlmMechanism]);
    const bare = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: ALICE, host: systemHost });
    expect(() => stateOf(bare.initiate({ flags: 0 }))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }),
    );
    const begun = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: SERVER, host: systemHost });
    expect(() => stateOf(begun.accept({ flags: 0 }))).toThrow(
      expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }),
    );
    await expect(present(other.importContext)(stateOf(ntlm.initiator), systemHost)).rejects.toMatchObject({
      code: 'UNSUPPORTED_FUNCTION',
      detail: 'NTLM is not here',
    });
  });

  test('cut anywhere, with something behind it, or for the other role', async () => {
    const { initiator } = await byNtlm([ntlmMechanism]);
    const whole = stateOf(initiator);
    const outcome = (state: Uint8Array): Promise<unknown> =>
      arrived(state).then(
        () => undefined,
        (error: unknown) => error,
      );
    for (let cut = 0; cut < whole.length; cut++) expect(await outcome(whole.subarray(0, cut))).toBeInstanceOf(DerError);
    expect(await outcome(Uint8Array.from([...whole, 0]))).toBeInstanceOf(DerError);
    // acceptor [0] BOOLEAN is the first field: a0 03 01 01 00 behind the header of the SEQUENCE.
    const at = Buffer.from(whole).indexOf(Buffer.from('a003010100', 'hex'));
    const turned = whole.slice();
    turned[at + 4] = 0xff;
    const error = await outcome(turned);
    expect(error).toBeInstanceOf(SspiError);
    expect(error).toMatchObject({ code: 'MALFORMED_TOKEN', stage: 'ImportSecurityContext' });
  });
});
