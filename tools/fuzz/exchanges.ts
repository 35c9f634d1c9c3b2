/**
 * Both sides of every exchange, with one token that goes wrong on its way. Either side may refuse; what neither may do is fail in
 * a way that is not ours, or agree on something else than without the interference.
 * @module
 */
import { credsspAcceptor, credsspInitiator } from '../../src/credssp/index.ts';
import { equalInConstantTime } from '../../src/crypto/index.ts';
import type { Host } from '../../src/host/index.ts';
import { ASC_REQ, type DelegatedCredentials, ISC_REQ, Secret, type SecurityContext } from '../../src/sspi/index.ts';
import { type Actors, ALICE } from '../lab/actors.ts';
import { converse, NoAgreement } from '../lab/converse.ts';
import { mutate } from './mutate.ts';
import type { Chance } from './random.ts';
import { Finding, judge, type Target } from './target.ts';

/** Two fresh contexts. */
export interface Pair {
  readonly client: SecurityContext;
  readonly server: SecurityContext;
}

/** What has to hold when both sides agreed although a token was changed. */
export type Aftermath = 'nothing-changed' | 'messages-pass' | 'credentials-arrived' | 'settled';

/** An exchange as a target. */
export function exchangeTarget(
  name: string,
  start: (chance: Chance) => Pair,
  aftermath: Aftermath,
  corpus: readonly Uint8Array[],
): Target {
  return {
    name,
    async run(chance) {
      const { client, server } = start(chance);
      const victim = chance.below(6);
      const inputs: Uint8Array[] = [];
      let changed = false;
      try {
        await converse(client, server, (token, leg) => {
          if (leg !== victim) return token;
          const mutated = mutate(token, chance, corpus);
          changed ||= !equalInConstantTime(mutated, token);
          inputs.push(token, mutated);
          return mutated;
        });
        await check(aftermath, { client, server }, changed, inputs);
      } catch (error) {
        if (!(error instanceof NoAgreement)) judge(error, inputs);
        await assertPoisoned(client, inputs);
        await assertPoisoned(server, inputs);
      } finally {
        client.dispose();
        server.dispose();
      }
    },
  };
}

/** A side that refused is of no use any more: it says the same to whatever comes next (contract R68). */
async function assertPoisoned(context: SecurityContext, inputs: readonly Uint8Array[]): Promise<void> {
  if (context.state !== 'failed') return;
  try {
    await context.step(new Uint8Array(1));
  } catch {
    return;
  }
  throw new Finding('a context went on after it had failed', inputs);
}

async function check(aftermath: Aftermath, pair: Pair, changed: boolean, inputs: readonly Uint8Array[]): Promise<void> {
  if (aftermath === 'nothing-changed') {
    if (changed) throw new Finding('an exchange succeeded although a token had been changed', inputs);
  } else if (aftermath === 'messages-pass') {
    await exchangeMessages(pair, inputs);
  } else if (aftermath === 'credentials-arrived') {
    const delegated = pair.server.query('CREDS');
    if (!isAlice(delegated)) throw new Finding('other credentials arrived than were sent', inputs);
  }
}

/** A message from the client arrives as it was sent. */
export async function exchangeMessages({ client, server }: Pair, inputs: readonly Uint8Array[]): Promise<void> {
  const message = new TextEncoder().encode('a message');
  const [sender, receiver] = [client.messages, server.messages];
  if (sender.kind !== 'token' || receiver.kind !== 'token') throw new Finding('not GSS messages', inputs);
  const received = receiver.unwrap(sender.wrap(message));
  if (!equalInConstantTime(received, message)) throw new Finding('another message arrived than was sent', inputs);
}

function isAlice(delegated: DelegatedCredentials): boolean {
  if (delegated.kind !== 'password') return false;
  const { domain, user, password } = delegated;
  const expected = Secret.fromText(ALICE.password);
  return domain === ALICE.domain && user === ALICE.user && equalInConstantTime(password.reveal(), expected.reveal());
}

/** CredSSP without TLS: TSRequests between the engines, over a mechanism. */
export function bareCredSsp(mechanism: Actors, key: Uint8Array): (chance: Chance) => Pair {
  const { client, server } = bareCredSspSides(mechanism, key);
  return (chance) => {
    const host = chance.host(NOW);
    return { client: client(host), server: server(host) };
  };
}

/** Its two sides, each with a host of its own. */
export function bareCredSspSides(
  mechanism: Pick<Actors, 'client' | 'server'>,
  key: Uint8Array,
): { client(host: Host): SecurityContext; server(host: Host): SecurityContext } {
  return {
    client: (host) =>
      credsspInitiator({
        publicKey: key,
        mechanism: mechanism.client({ host }),
        credentials: {
          kind: 'password',
          domain: ALICE.domain,
          user: ALICE.user,
          password: Secret.fromText(ALICE.password),
        },
        serverCertificateTrusted: false,
        targetName: 'TERMSRV/server.example.com',
        flags: ISC_REQ.DELEGATE,
        host,
      }),
    server: (host) =>
      credsspAcceptor({
        publicKey: key,
        mechanism: mechanism.server({ host }),
        flags: ASC_REQ.EXTENDED_ERROR,
        host,
      }),
  };
}

/** A package's own contexts, with chance and time in our hands. */
export function packagePair(actors: Actors): (chance: Chance) => Pair {
  return (chance) => {
    const host = chance.host(NOW);
    return { client: actors.client({ host }), server: actors.server({ host }) };
  };
}

/** 2025-01-01, at which the clock stands still. */
export const NOW = Date.UTC(2025, 0, 1);
