/**
 * Password changes (RFC 3244): a client whose server says something else than it said, and the server of the lab that is asked for
 * something else than was asked for.
 * @module
 */
import { equalInConstantTime } from '../../src/crypto/index.ts';
import { systemTimer } from '../../src/host/index.ts';
import {
  CHANGE_PASSWORD_SERVICE,
  changePassword,
  DEFAULT_POLICY,
  type KdcClient,
  KdcClock,
  KdcNetwork,
  type KerberosTicket,
  kdcLocator,
  NAME_TYPE,
  PasswordKeys,
  requestInitialTicket,
} from '../../src/kerberos/index.ts';
import { LabKdc, memoryTransport } from '../../src/lab/index.ts';
import { Secret } from '../../src/sspi/index.ts';
import { ALICE } from '../lab/actors.ts';
import { NOW } from './exchanges.ts';
import { ciphertextsOfPasswordChange, flipInside } from './kerberos-ciphertexts.ts';
import { mutate } from './mutate.ts';
import type { Chance } from './random.ts';
import { Finding, judge, type Target } from './target.ts';

const REALM = 'EXAMPLE.COM';
const NAME = { nameType: NAME_TYPE.PRINCIPAL, nameString: [ALICE.user] };

/** What to do with a message on its way. */
type Change = (message: Uint8Array, chance: Chance) => Uint8Array;

/** A KDC for {@link passwordTargets}, with the account whose password is changed. */
export function passwordKdc(chance: Chance): LabKdc {
  return new LabKdc({ realm: REALM, accounts: [ALICE], ...chance.host(NOW) });
}

/** Both sides, with anything changed and with one bit of a ciphertext changed. */
export async function passwordTargets(
  kdc: LabKdc,
  start: Chance,
  corpus: readonly Uint8Array[],
): Promise<readonly Target[]> {
  const client = clientOf(kdc, start);
  const keys = new PasswordKeys(Secret.fromText(ALICE.password));
  // One ticket does for all: it is of the time before the first change.
  const ticket = await requestInitialTicket(client, {
    client: NAME,
    realm: REALM,
    keys,
    service: CHANGE_PASSWORD_SERVICE,
  });
  const anything: Change = (message, chance) => mutate(message, chance, corpus);
  const ciphertext: Change = (message, chance) => flipInside(message, ciphertextsOfPasswordChange(message), chance);
  return [
    answerTarget('Password change, answer changed', { kdc, client, ticket }, anything),
    answerTarget('Password change, ciphertext of the answer changed', { kdc, client, ticket }, ciphertext),
    requestTarget('Password server, request changed', { kdc, client, ticket }, anything),
    requestTarget('Password server, ciphertext of the request changed', { kdc, client, ticket }, ciphertext),
  ];
}

interface Scene {
  readonly kdc: LabKdc;
  readonly client: KdcClient;
  readonly ticket: KerberosTicket;
}

/** Whatever the answer, the client believes in a change only when the server's own words say so. */
function answerTarget(name: string, { kdc, client, ticket }: Scene, change: Change): Target {
  return {
    name,
    async run(chance) {
      const inputs: Uint8Array[] = [];
      const network = {
        exchange: async ({ message }: { readonly message: Uint8Array }) => {
          const answer = await kdc.handlePasswordChange(message);
          const changed = change(answer, chance);
          inputs.push(answer, changed);
          return changed;
        },
      };
      using newPassword = Secret.fromText(chance.pick(PASSWORDS));
      try {
        await changePassword({ ...client, network, random: chance.host(NOW).random }, { ticket, newPassword });
      } catch (error) {
        judge(error, inputs);
        return;
      }
      const [answer, believed] = inputs;
      if (answer === undefined || believed === undefined) throw new Finding('nobody was asked', inputs);
      if (!areEncryptedAlike(answer, believed)) throw new Finding('a changed answer was taken for genuine', inputs);
    },
  };
}

/** Whatever the request, there is an answer; and the password is afterwards what it was, or what somebody wanted it to be. */
function requestTarget(name: string, { kdc, client, ticket }: Scene, change: Change): Target {
  return {
    name,
    async run(chance) {
      const before = passwordIn(kdc);
      const wanted = chance.pick(PASSWORDS.filter((one) => one !== before));
      using newPassword = Secret.fromText(wanted);
      const inputs: Uint8Array[] = [];
      const network = {
        exchange: async ({ message }: { readonly message: Uint8Array }) => {
          const changed = change(message, chance);
          inputs.push(message, changed);
          return await kdc.handlePasswordChange(changed);
        },
      };
      try {
        await changePassword({ ...client, network, random: chance.host(NOW).random }, { ticket, newPassword });
      } catch (error) {
        judge(error, inputs);
      }
      const after = passwordIn(kdc);
      if (after === before) return;
      if (after !== wanted) throw new Finding('the password became another than the one that was sent', inputs);
      const [sent, received] = inputs;
      if (sent === undefined || received === undefined || !areEncryptedAlike(sent, received))
        throw new Finding('a changed request was taken for genuine', inputs);
    },
  };
}

/** What is not encrypted counts for nothing: the version of a frame, hints in names. */
function areEncryptedAlike(one: Uint8Array, other: Uint8Array): boolean {
  const [ciphertexts, others] = [ciphertextsOfPasswordChange(one), ciphertextsOfPasswordChange(other)];
  return ciphertexts.every((ciphertext, at) => equalInConstantTime(ciphertext, others[at] ?? new Uint8Array(0)));
}

const PASSWORDS = ['Changed1!', 'Pässwörd2€', ALICE.password];

function passwordIn({ principals }: LabKdc): string | undefined {
  return principals.client(NAME)?.password;
}

function clientOf(kdc: LabKdc, chance: Chance): KdcClient {
  const { clock, random } = chance.host(NOW);
  const locator = kdcLocator({ kdcs: { [REALM]: ['kdc.example.com'] }, random });
  return {
    network: new KdcNetwork({ transport: memoryTransport([kdc]), locator, clock, timer: systemTimer }),
    clock: new KdcClock(clock),
    random,
    policy: DEFAULT_POLICY,
  };
}
