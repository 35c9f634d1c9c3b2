/**
 * Kerberos in both roles: an AP exchange with a changed ciphertext, the same AP-REQ twice, and a client whose KDC says something
 * else than it said.
 * @module
 */
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import { equalInConstantTime } from '../../src/crypto/index.ts';
import { decode } from '../../src/der/index.ts';
import type { KdcTransport } from '../../src/host/index.ts';
import { ApRep, ApReq, AsRep, decodeGssToken, kerberosPackage, TgsRep, TOKEN_ID } from '../../src/kerberos/index.ts';
import type { Lab } from '../../src/lab/index.ts';
import { ISC_REQ, type KeytabIdentity, type ReplayCache, SECPKG_CRED } from '../../src/sspi/index.ts';
import { type Actors, ALICE } from '../lab/actors.ts';
import { converse, NoAgreement } from '../lab/converse.ts';
import { exchangeMessages, NOW, type Pair } from './exchanges.ts';
import { mutate } from './mutate.ts';
import type { Chance } from './random.ts';
import { Finding, judge, type Target } from './target.ts';

const CLAIMS = 1000;

/** Forgets everything now and then: the clock stands still, and lets it forget nothing by itself. */
export function forgetfulReplayCache(): ReplayCache {
  const clock = { now: () => NOW };
  let cache = memoryReplayCache({ clock });
  return {
    async claim(key, expiresAt) {
      if (cache.size >= CLAIMS) cache = memoryReplayCache({ clock });
      return await cache.claim(key, expiresAt);
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

/** One bit of what is encrypted in one token: whoever gets that refuses. */
export function tamperedExchange(start: (chance: Chance) => Pair): Target {
  return {
    name: 'Kerberos exchange, ciphertext changed',
    async run(chance) {
      const pair = start(chance);
      const victim = chance.below(3);
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

/** What to do with an answer of the KDC on its way. */
type Change = (answer: Uint8Array, chance: Chance) => Uint8Array;

/**
 * A client that logs on and asks for a ticket, and whose KDC's answers are changed: anything in one of them, or the ciphertexts
 * of all from one on. With the former it fails as it should or is let in as the same client, with the latter it fails: of all,
 * since a client whose ticket the KDC refuses logs on anew, and rightly gets in with an answer that is left alone.
 */
export async function kdcTargets(
  realm: Lab,
  service: Actors,
  corpus: readonly Uint8Array[],
): Promise<readonly Target[]> {
  const identity: KeytabIdentity = {
    kind: 'keytab',
    principal: ALICE.user,
    keytab: await realm.kdc.keytab(ALICE.user),
    kerberos: { realm: realm.realm, configuration: realm.krb5Conf, deadline: 2000 },
  };
  const target = (name: string, change: Change, mayAgree: boolean): Target => ({
    name,
    async run(chance) {
      const inputs: Uint8Array[] = [];
      const first = chance.below(3); // KDC_ERR_PREAUTH_REQUIRED, AS-REP, TGS-REP
      const pair = await logOn(realm, identity, service, chance, (answer, count) => {
        const isConcerned = mayAgree ? count === first : count >= first;
        const changed = isConcerned ? change(answer, chance) : answer;
        if (!equalInConstantTime(changed, answer)) inputs.push(answer.slice(), changed.slice());
        return changed;
      });
      try {
        await converse(pair.client, pair.server);
        if (inputs.length > 0 && !mayAgree) throw new Finding('a changed answer was taken for genuine', inputs);
        await exchangeMessages(pair, inputs);
        const { userName } = pair.server.query('NAMES');
        if (userName !== `${ALICE.domain}\\${ALICE.user}`)
          throw new Finding(`somebody else is logged on: ${userName}`, inputs);
      } catch (error) {
        judge(error, inputs);
      } finally {
        dispose(pair);
      }
    },
  });
  return [
    target('KDC client, answer changed', (answer, chance) => mutate(answer, chance, corpus), true),
    target(
      'KDC client, ciphertext changed',
      (answer, chance) => flipInside(answer, ciphertextsOfAnswer(answer), chance),
      false,
    ),
  ];
}

/** A client with credentials of its own, whose KDC's answers are changed on their way; and the service. */
async function logOn(
  realm: Lab,
  identity: KeytabIdentity,
  service: Actors,
  chance: Chance,
  change: (answer: Uint8Array, count: number) => Uint8Array,
): Promise<Pair> {
  let answers = 0;
  const kdcTransport: KdcTransport = {
    async exchange(request) {
      const answer = await inner.exchange(request);
      return change(answer, answers++);
    },
  };
  const inner = transportOf(realm);
  const host = { ...chance.host(NOW), kdcTransport };
  const credential = await kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: identity, host });
  const flags = ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY;
  const client = credential.initiate({ flags, targetName: realm.targetName });
  credential.dispose(); // its secrets go with the context
  return { client, server: service.server({ host }) };
}

function transportOf({ host: { kdcTransport } }: Lab): KdcTransport {
  if (kdcTransport === undefined) throw new Error('the lab has no way to its KDC');
  return kdcTransport;
}

/** What is encrypted in an AP-REQ or an AP-REP, as views of it. */
function ciphertextsOfToken(token: Uint8Array): Uint8Array[] {
  const { tokenId, message } = decodeGssToken(token);
  if (tokenId === TOKEN_ID.AP_REP) return [decode(ApRep, message).encPart.cipher];
  const { ticket, authenticator } = decode(ApReq, message);
  return [ticket.encPart.cipher, authenticator.cipher];
}

const AS_REP = 0x6b;
const TGS_REP = 0x6d;

/** The same of an AS-REP or a TGS-REP. Tickets for the KDC itself are among them: it refuses them. */
function ciphertextsOfAnswer(answer: Uint8Array): Uint8Array[] {
  const [tag] = answer;
  if (tag !== AS_REP && tag !== TGS_REP) return [];
  const { ticket, encPart } = decode(tag === AS_REP ? AsRep : TgsRep, answer);
  return [ticket.encPart.cipher, encPart.cipher];
}

/** A copy with one bit changed inside one of the views; the same octets when there are none. */
function flipInside(octets: Uint8Array, views: readonly Uint8Array[], chance: Chance): Uint8Array {
  if (views.length === 0) return octets;
  const view = chance.pick(views);
  if (view.buffer !== octets.buffer) throw new Error('the decoder made a copy');
  const changed = octets.slice();
  const at = view.byteOffset - octets.byteOffset + chance.below(view.length);
  changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8));
  return changed;
}

function dispose({ client, server }: Pair): void {
  client.dispose();
  server.dispose();
}
