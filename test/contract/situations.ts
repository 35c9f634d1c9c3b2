/** Every situation that a context of every package can be in, for tests that go through all of them. */
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import type { CredHandle, CtxtHandle, Sspi } from '../../src/api/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import {
  type AuthData,
  ISC_REQ,
  kerberosPackage,
  negotiatePackage,
  ntlmPackage,
  schannelPackage,
  systemHost,
} from '../../src/index.ts';
import { writeTickets } from '../../src/kerberos/index.ts';
import { accept, forged, initiate, type Pair, pair, present } from '../api/door.ts';
import { ascii } from '../api/toys.ts';
import { TestRealm } from '../support/kdc.ts';
import { established, inbound, outbound, PROTECTED, TARGET, table } from './support.ts';

export const ALL_PACKAGES = ['NTLM', 'Kerberos', 'Negotiate', 'Schannel', 'CREDSSP'] as const;
export type AnyPackage = (typeof ALL_PACKAGES)[number];

/** Those whose messages are TLS records. */
export const isStream = (name: AnyPackage): boolean => name === 'Schannel' || name === 'CREDSSP';

export const STATES = [
  'nothing',
  'a credential',
  'of another table',
  'client, half-open',
  'server, half-open',
  'client, established',
  'server, established',
  'client, failed',
  'server, failed',
  'client, deleted',
  'server, deleted',
] as const;
export type State = (typeof STATES)[number];

const SERVICE = 'HTTP/host.example.test';
export const REQUESTED = PROTECTED | ISC_REQ.MUTUAL_AUTH;

/** A table with all five packages. */
export function everything(): Sspi {
  return table({ packages: [negotiatePackage, kerberosPackage, ntlmPackage, schannelPackage, credsspPackage] });
}

/** Kerberos with a ticket that a realm of the tests has made out. */
async function kerberos(sspi: Sspi): Promise<{ client: CredHandle; server: CredHandle }> {
  const { clock, random } = systemHost;
  const realm = new TestRealm({ now: clock.now(), random });
  const ticket = realm.ticket({ service: SERVICE });
  const ccache = writeTickets({ owner: { name: ticket.client, realm: realm.realm }, kdcOffset: 0, tickets: [ticket] });
  const service = {
    kind: 'kerberos-acceptor',
    keytab: realm.keytab(SERVICE),
    replayCache: memoryReplayCache(),
  } as const;
  const acquire = async (credentialUse: number, authData: AuthData): Promise<CredHandle> => {
    const { credential, status } = await sspi.acquireCredentialsHandle({
      package: 'Kerberos',
      credentialUse,
      authData,
    });
    return present(credential, status);
  };
  return { client: await acquire(2, { kind: 'ccache', ccache }), server: await acquire(1, service) };
}

/** A client's and a server's credential. */
export async function credentials(sspi: Sspi, name: AnyPackage): Promise<{ client: CredHandle; server: CredHandle }> {
  if (name === 'Kerberos') return kerberos(sspi);
  return { client: await outbound(sspi, name), server: await inbound(sspi, name) };
}

export const targetOf = (name: AnyPackage): string => (name === 'Kerberos' ? SERVICE : TARGET);

/** Both sides, established. */
export async function both(sspi: Sspi, name: AnyPackage): Promise<Pair> {
  if (name !== 'Kerberos') return established(name, { sspi, contextReq: REQUESTED });
  const { client, server } = await kerberos(sspi);
  return pair(sspi, name, {
    clientCredential: client,
    serverCredential: server,
    contextReq: REQUESTED,
    targetName: SERVICE,
  });
}

/** A context in some state, and the other side where there is one. */
export interface There {
  readonly sspi: Sspi;
  readonly name: AnyPackage;
  readonly state: State;
  readonly context: CtxtHandle;
  readonly peer: CtxtHandle | undefined;
}

/**
 * Leads a context of a package into a state.
 * @returns undefined when there is no such state: a Kerberos server needs one token only
 */
export async function reach(name: AnyPackage, state: State): Promise<There | undefined> {
  const sspi = everything();
  const there = (context: CtxtHandle, peer?: CtxtHandle): There => ({ sspi, name, state, context, peer });
  if (state === 'nothing') return there(forged(undefined));
  if (state === 'a credential') return there(forged((await credentials(sspi, name)).client));
  if (state === 'of another table') return there((await both(everything(), name)).client);

  const [side, stage] = state.split(', ');
  if (stage === 'established' || stage === 'deleted') {
    const { client, server } = await both(sspi, name);
    const [context, peer] = side === 'client' ? [client, server] : [server, client];
    if (stage === 'deleted') await sspi.deleteSecurityContext({ context });
    return there(context, peer);
  }

  const { client, server } = await credentials(sspi, name);
  const first = await initiate(sspi, { credential: client, targetName: targetOf(name), contextReq: REQUESTED });
  if (side === 'client') {
    if (stage === 'failed') await initiate(sspi, { context: first.context, input: NONSENSE, contextReq: REQUESTED });
    return there(first.context);
  }
  if (name === 'Kerberos') return undefined;
  const { context } = await accept(sspi, { credential: server, input: first.token });
  if (stage === 'failed') await accept(sspi, { context, input: NONSENSE });
  return there(context);
}

/** No token of anybody. */
const NONSENSE = ascii('nonsense, and enough of it that nobody waits for more');
