/**
 * A client of Kerberos whose KDCs say something else than they said.
 * @module
 */
import { equalInConstantTime } from '../../src/crypto/index.ts';
import type { KdcTransport } from '../../src/host/index.ts';
import { kerberosPackage } from '../../src/kerberos/index.ts';
import type { Lab } from '../../src/lab/index.ts';
import { ISC_REQ, type KeytabIdentity, SECPKG_CRED } from '../../src/sspi/index.ts';
import { type Actors, ALICE } from '../lab/actors.ts';
import { converse } from '../lab/converse.ts';
import { exchangeMessages, NOW, type Pair } from './exchanges.ts';
import { dispose } from './kerberos.ts';
import { ciphertextsOfAnswer, flipInside } from './kerberos-ciphertexts.ts';
import { mutate } from './mutate.ts';
import type { Chance } from './random.ts';
import { Finding, judge, type Target } from './target.ts';

/** What to do with an answer of the KDC on its way. */
type Change = (answer: Uint8Array, chance: Chance) => Uint8Array;

/** Who asks whom for what. */
export interface KdcScene {
  /** What the two targets are called behind. */
  readonly name: string;
  /** The client's realm. */
  readonly realm: Lab;
  /** What it wants to reach. */
  readonly targetName: string;
  readonly service: Pick<Actors, 'server'>;
  /** How many answers that takes. */
  readonly answers: number;
}

/**
 * A client that logs on and asks for a ticket, and whose KDCs' answers are changed: anything in one of them, or the ciphertexts
 * of all from one on. With the former it fails as it should or is let in as the same client, with the latter it fails: of all,
 * since a client whose ticket the KDC refuses logs on anew, and rightly gets in with an answer that is left alone.
 */
export async function kdcTargets(scene: KdcScene, corpus: readonly Uint8Array[]): Promise<readonly Target[]> {
  const { realm, name } = scene;
  const identity: KeytabIdentity = {
    kind: 'keytab',
    principal: ALICE.user,
    keytab: await realm.kdc.keytab(ALICE.user),
    kerberos: { realm: realm.realm, configuration: realm.krb5Conf, deadline: 2000 },
  };
  const target = (what: string, change: Change, mayAgree: boolean): Target => ({
    name: `${name}, ${what}`,
    async run(chance) {
      const inputs: Uint8Array[] = [];
      const first = chance.below(scene.answers);
      const pair = await logOn(scene, identity, chance, (answer, count) => {
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
    target('answer changed', (answer, chance) => mutate(answer, chance, corpus), true),
    target('ciphertext changed', (answer, chance) => flipInside(answer, ciphertextsOfAnswer(answer), chance), false),
  ];
}

/** A client with credentials of its own, whose KDC's answers are changed on their way; and the service. */
async function logOn(
  { realm, service, targetName }: KdcScene,
  identity: KeytabIdentity,
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
  const client = credential.initiate({ flags, targetName });
  credential.dispose(); // its secrets go with the context
  return { client, server: service.server({ host }) };
}

function transportOf({ host: { kdcTransport } }: Lab): KdcTransport {
  if (kdcTransport === undefined) throw new Error('the lab has no way to its KDC');
  return kdcTransport;
}
