import { describe, expect, test } from 'vitest';
import { fromHex } from '../../src/crypto/index.ts';
import type { LabKdc } from '../../src/lab/index.ts';
import type { ReplayCache, SecurityContext } from '../../src/sspi/index.ts';
import { NOW, type Pair, packagePair } from '../../tools/fuzz/exchanges.ts';
import { forgetfulReplayCache, replayedRequest, tamperedExchange } from '../../tools/fuzz/kerberos.ts';
import { kerberosDecoders } from '../../tools/fuzz/kerberos-decoders.ts';
import { passwordKdc, passwordTargets } from '../../tools/fuzz/kerberos-passwords.ts';
import { Chance } from '../../tools/fuzz/random.ts';
import { Finding, type Target } from '../../tools/fuzz/target.ts';
import { kerberosActors, kerberosLab, userToUserActors } from '../../tools/lab/actors.ts';

/** Runs a target so often that each of its choices comes up. */
async function findings(target: Target): Promise<string[]> {
  const chance = new Chance(11);
  const found: string[] = [];
  for (let times = 0; times < 20; times++) {
    try {
      await target.run(chance);
    } catch (error) {
      if (!(error instanceof Finding)) throw error;
      found.push(error.message);
    }
  }
  return found;
}

/** The same two, but each gets what the other sent, whatever happened to it on its way: as if nobody checked anything. */
function gullible({ client, server }: Pair): Pair {
  let last: Uint8Array | undefined;
  const deaf = (context: SecurityContext): SecurityContext =>
    new Proxy(context, {
      get(target, name) {
        if (name === 'step')
          return async () => {
            const step = await target.step(last);
            last = 'token' in step ? step.token : undefined;
            return step;
          };
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  return { client: deaf(client), server: deaf(server) };
}

const actors = async (cache: ReplayCache = forgetfulReplayCache()) =>
  await kerberosActors(await kerberosLab(new Chance(3).host(NOW)), cache);

describe('the fuzzer of Kerberos', () => {
  test('finds nothing where a changed ciphertext is refused', async () => {
    expect(await findings(tamperedExchange('AP', packagePair(await actors())))).toEqual([]);
  });

  test('finds an exchange that comes about although a ciphertext was changed', async () => {
    const start = packagePair(await actors());
    const found = await findings(tamperedExchange('AP', (chance) => gullible(start(chance))));
    expect(new Set(found)).toEqual(new Set(['a changed ciphertext was taken for genuine']));
  });

  test('finds a service that takes an AP-REQ twice, and none that does not', async () => {
    expect(await findings(replayedRequest(await actors()))).toEqual([]);
    const found = await findings(replayedRequest(await actors({ claim: () => Promise.resolve('fresh') })));
    expect(found).toEqual(Array(20).fill('2 contexts took the same AP-REQ'));
  });

  test('finds nothing in an exchange from user to user, and one that comes about although a ciphertext was changed', async () => {
    const realm = await kerberosLab(new Chance(3).host(NOW));
    const start = packagePair(await userToUserActors(realm, forgetfulReplayCache()));
    expect(await findings(tamperedExchange('U2U', start, 4))).toEqual([]);
    const found = await findings(tamperedExchange('U2U', (chance) => gullible(start(chance)), 4));
    expect(new Set(found)).toEqual(new Set(['a changed ciphertext was taken for genuine']));
  });

  test('finds a password that became another than the one that was sent', async () => {
    const chance = new Chance(5);
    const requests = async (kdc: LabKdc): Promise<string[]> => {
      const [, , anything, ciphertext] = await passwordTargets(kdc, chance, [fromHex('00')]);
      if (anything === undefined || ciphertext === undefined) throw new TypeError('other targets than there were');
      return [...(await findings(anything)), ...(await findings(ciphertext))];
    };
    expect(await requests(passwordKdc(chance))).toEqual([]);

    const careless = passwordKdc(chance);
    const { principals } = careless;
    let times = 0;
    careless.handlePasswordChange = async () => {
      const alice = principals.client({ nameType: 1, nameString: ['alice'] });
      if (alice !== undefined) principals.setPassword(alice, `Another${times++}!`);
      return new Uint8Array(0);
    };
    const another = 'the password became another than the one that was sent';
    expect(new Set(await requests(careless))).toEqual(new Set([another]));
  });

  test('finds nothing in a client of password changes whose answers are changed', async () => {
    const chance = new Chance(5);
    const [anything, ciphertext] = await passwordTargets(passwordKdc(chance), chance, [fromHex('00')]);
    if (anything === undefined || ciphertext === undefined) throw new TypeError('other targets than there were');
    expect([...(await findings(anything)), ...(await findings(ciphertext))]).toEqual([]);
  });

  test('its replay cache tells replays, and forgets what is long ago, but never what came just before', async () => {
    const cache = forgetfulReplayCache();
    const claim = (key: string) => cache.claim(key, NOW + 1000);
    expect([await claim('first'), await claim('first')]).toEqual(['fresh', 'replayed']);
    for (let count = 0; count < 3000; count++) {
      expect(await claim(`again ${count}`)).toBe('fresh');
      expect(await claim(`again ${count}`), `claim ${count}`).toBe('replayed');
    }
    expect(await claim('first')).toBe('fresh');
  });

  test('begins with what a decoder can read, where there is such a thing', () => {
    // PrincipalName of NT-PRINCIPAL "a" (RFC 4120 5.2.2), and what no decoder knows.
    const name = fromHex('300ca003020101a10530031b0161');
    const decoders = kerberosDecoders([name, fromHex('ffffffff')]);
    const samplesOf = (wanted: string) => decoders.find((decoder) => decoder.name === wanted)?.samples;
    expect(samplesOf('Kerberos PrincipalName')).toEqual([name]);
    expect(samplesOf('Kerberos AsRep')).toHaveLength(2);
    for (const wanted of ['PAC', 'keytab', 'credential cache', 'krb5.conf', 'kpasswd frame', 'KDC proxy message'])
      expect(samplesOf(wanted)).toBeDefined();
  });
});
