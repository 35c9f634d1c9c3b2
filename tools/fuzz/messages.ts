/**
 * The messages of an established context, changed on their way: none may be taken for genuine.
 * @module
 */
import { equalInConstantTime } from '../../src/crypto/index.ts';
import type { SecurityContext } from '../../src/sspi/index.ts';
import { converse } from '../lab/converse.ts';
import type { Pair } from './exchanges.ts';
import { mutate } from './mutate.ts';
import type { Chance } from './random.ts';
import { Finding, judge, type Target } from './target.ts';

/** So many messages are protected by one context before a fresh one is made; a failed one ends it as well. */
const MESSAGES = 50;

/** One target for each kind of context. */
export function messageTargets(starts: Readonly<Record<string, (chance: Chance) => Pair>>): Target[] {
  return Object.entries(starts).map(([name, start]) => ({
    name: `messages of ${name}`,
    async run(chance) {
      const pair = start(chance);
      try {
        await converse(pair.client, pair.server);
        await protect(pair, chance);
      } finally {
        pair.client.dispose();
        pair.server.dispose();
      }
    },
  }));
}

async function protect({ client, server }: Pair, chance: Chance): Promise<void> {
  const spoiltAt = chance.below(MESSAGES);
  for (let count = 0; count < MESSAGES; count++) {
    const message = chance.octets(1 + chance.below(200));
    const sealed = await seal(client, message);
    if (count < spoiltAt) {
      const opened = await open(server, sealed);
      if (opened === undefined || !equalInConstantTime(opened, message))
        throw new Finding('a message did not arrive as it was sent', [sealed]);
      continue;
    }
    const spoilt = mutate(sealed, chance, [sealed]);
    if (equalInConstantTime(spoilt, sealed)) return;
    try {
      const opened = await open(server, spoilt);
      // On a stream, octets behind the first record are the next one's, and a cut record waits for its end.
      const beginning = equalInConstantTime(spoilt.subarray(0, sealed.length), sealed);
      const harmless = beginning || (opened !== undefined && isSameRotation(sealed, spoilt, opened, message));
      if (opened !== undefined && opened.length > 0 && !harmless)
        throw new Finding('a message that had been changed was taken for genuine', [sealed, spoilt]);
    } catch (error) {
      judge(error, [sealed, spoilt]);
    }
    return;
  }
}

/**
 * RFC 4121 4.2.5: nothing protects RRC, by how much a Kerberos token is rotated, and a full turn more or less is the same
 * rotation. Whoever changes it to that has changed nothing, and the message must be the one that was sent.
 */
function isSameRotation(sealed: Uint8Array, spoilt: Uint8Array, opened: Uint8Array, message: Uint8Array): boolean {
  const isWrapToken = sealed[0] === 0x05 && sealed[1] === 0x04;
  if (!isWrapToken || !equalInConstantTime(opened, message)) return false;
  const withoutRrc = (token: Uint8Array): Uint8Array => {
    const copy = token.slice();
    copy.fill(0, 6, 8);
    return copy;
  };
  return equalInConstantTime(withoutRrc(sealed), withoutRrc(spoilt));
}

async function seal({ messages }: SecurityContext, message: Uint8Array): Promise<Uint8Array> {
  return messages.kind === 'token' ? messages.wrap(message) : messages.encrypt(message);
}

async function open({ messages }: SecurityContext, sealed: Uint8Array): Promise<Uint8Array | undefined> {
  if (messages.kind === 'token') return messages.unwrap(sealed);
  const record = await messages.decrypt(sealed);
  return record.kind === 'data' ? record.plaintext : undefined;
}
