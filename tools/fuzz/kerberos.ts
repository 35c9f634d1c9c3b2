/**
 * Kerberos in both roles: an AP exchange with a changed ciphertext, and the same AP-REQ twice.
 * @module
 */
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import { ISC_REQ, type ReplayCache } from '../../src/sspi/index.ts';
import type { Actors } from '../lab/actors.ts';
import { converse, NoAgreement } from '../lab/converse.ts';
import { NOW, type Pair } from './exchanges.ts';
import { ciphertextsOfToken, flipInside } from './kerberos-ciphertexts.ts';
import type { Chance } from './random.ts';
import { Finding, judge, type Target } from './target.ts';

const CLAIMS = 1000;

/**
 * Forgets what is older than a thousand claims: the clock stands still, and lets it forget nothing by itself. Never the last ones:
 * a replay comes right behind what it repeats.
 */
export function forgetfulReplayCache(): ReplayCache {
  const clock = { now: () => NOW };
  let older = memoryReplayCache({ clock });
  let recent = memoryReplayCache({ clock });
  return {
    async claim(key, expiresAt) {
      if (recent.size >= CLAIMS) {
        older = recent;
        recent = memoryReplayCache({ clock });
      }
      const verdict = await older.claim(key, expiresAt);
      return verdict === 'replayed' ? verdict : await recent.claim(key, expiresAt);
    },
  };
}

/** An AP exchange in one of the forms that flags make of it: mutual or not, DCE style, with a ticket handed on. */
export function apExchange(actors: Actors): (chance: Chance) => Pair {
  return (chance) => {
    const host = chance.host(NOW);
    const flags = chance.pick(FORMS) | ISC_REQ.CONFIDENTIALITY | chance.pick([0, ISC_REQ.SEQUENCE_DETECT]);
    return { client: actors.client({ host, flags }), server: actors.server({ host }) };
  };
}

const FORMS = [
  0,
  ISC_REQ.MUTUAL_AUTH,
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.REPLAY_DETECT,
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.DELEGATE,
  ISC_REQ.USE_DCE_STYLE,
] as const;

/** One bit of what is encrypted in one token: whoever gets that refuses. @param legs - that an exchange has at most */
export function tamperedExchange(name: string, start: (chance: Chance) => Pair, legs = 3): Target {
  return {
    name,
    async run(chance) {
      const pair = start(chance);
      const victim = chance.below(legs);
      const inputs: Uint8Array[] = [];
      try {
        await converse(pair.client, pair.server, (token, leg) => {
          if (leg !== victim) return token;
          const tampered = flipInside(token, ciphertextsOfToken(token), chance);
          if (tampered !== token) inputs.push(token, tampered);
          return tampered;
        });
        if (inputs.length > 0) throw new Finding('a changed ciphertext was taken for genuine', inputs);
      } catch (error) {
        if (!(error instanceof NoAgreement)) judge(error, inputs);
      } finally {
        dispose(pair);
      }
    },
  };
}

/** The same AP-REQ for two contexts at once: one of them takes it. */
export function replayedRequest(actors: Actors): Target {
  return {
    name: 'Kerberos AP-REQ, twice',
    async run(chance) {
      const host = chance.host(NOW);
      const [client, ...servers] = [actors.client({ host }), actors.server({ host }), actors.server({ host })];
      const step = await client.step();
      const request = 'token' in step ? step.token : new Uint8Array(0);
      const outcomes = await Promise.allSettled(servers.map((server) => server.step(request)));
      const accepted = outcomes.filter(({ status }) => status === 'fulfilled').length;
      for (const context of [client, ...servers]) context.dispose();
      for (const outcome of outcomes) if (outcome.status === 'rejected') judge(outcome.reason, [request]);
      if (accepted !== 1) throw new Finding(`${accepted} contexts took the same AP-REQ`, [request]);
    },
  };
}

/** Both of them. */
export function dispose({ client, server }: Pair): void {
  client.dispose();
  server.dispose();
}
