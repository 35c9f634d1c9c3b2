/** Somebody in between changes, cuts or swaps the messages: there is never a logon, and never another kind of error. */
import { expect, test } from 'vitest';
import type { Credential, SecurityContext, SspiError } from '../../src/sspi/index.ts';
import { acquireClient, acquireServer, failure, PROTECTED, say } from './support.ts';

type MessageNames = 'NEGOTIATE' | 'CHALLENGE' | 'AUTHENTICATE';

/** One logon over credentials that are there already, with one message changed on its way. */
async function logOn(
  client: Credential,
  server: Credential,
  tamper: (name: MessageNames, message: Uint8Array) => Uint8Array,
): Promise<SecurityContext> {
  const initiator = client.initiate({ flags: PROTECTED, targetName: 'HTTP/server.example.com' });
  const acceptor = server.accept({ flags: 0 });
  const negotiate = tamper('NEGOTIATE', await say(initiator));
  const challenge = tamper('CHALLENGE', await say(acceptor, negotiate));
  const authenticate = tamper('AUTHENTICATE', await say(initiator, challenge));
  await acceptor.step(authenticate);
  return acceptor;
}

/** The acceptor may speak of these; an INTERNAL_ERROR would be a fault of ours. */
function expectRefusal(error: SspiError, where: string): void {
  expect(error.code, where).not.toBe('INTERNAL_ERROR');
  expect(error.status >>> 31, where).toBe(1);
}

async function lengthOf(name: MessageNames): Promise<number> {
  let length = 0;
  await logOn(await acquireClient(), await acquireServer(), (which, message) => {
    if (which === name) length = message.length;
    return message;
  });
  return length;
}

test.each(['NEGOTIATE', 'CHALLENGE', 'AUTHENTICATE'] as const)(
  'Z12, Z16, Z19: with any octet of the %s changed there is no logon',
  async (name) => {
    const [client, server, length] = [await acquireClient(), await acquireServer(), await lengthOf(name)];
    for (let at = 0; at < length; at++) {
      for (const flip of [0x01, 0xff]) {
        const changed = logOn(client, server, (which, message) => {
          if (which !== name) return message;
          const copy = message.slice();
          copy[at] = (copy[at] ?? 0) ^ flip;
          return copy;
        });
        expectRefusal(await failure(changed), `octet ${at} of ${name}`);
      }
    }
  },
);

test.each(['NEGOTIATE', 'CHALLENGE', 'AUTHENTICATE'] as const)(
  'Z19: cut anywhere, or longer, the %s leads to no logon',
  async (name) => {
    const [client, server, length] = [await acquireClient(), await acquireServer(), await lengthOf(name)];
    for (let end = 0; end < length; end++) {
      const cut = logOn(client, server, (which, message) => (which === name ? message.slice(0, end) : message));
      expectRefusal(await failure(cut), `${end} octets of ${name}`);
    }
    const longer = logOn(client, server, (which, message) =>
      which === name ? Uint8Array.from([...message, 0]) : message,
    );
    expectRefusal(await failure(longer), `${name} and an octet more`);
  },
);

test('Z12, Z43: a timestamp that is taken out of the CHALLENGE, so that the client leaves the MIC out, is missed', async () => {
  const withoutTime = (name: MessageNames, message: Uint8Array): Uint8Array => {
    if (name !== 'CHALLENGE') return message;
    const at = Buffer.from(message).indexOf(Buffer.from('07000800', 'hex'));
    const shorter = Uint8Array.from([...message.subarray(0, at), ...message.subarray(at + 12)]);
    new DataView(shorter.buffer).setUint16(40, new DataView(message.buffer).getUint16(40, true) - 12, true);
    return shorter;
  };
  const changed = logOn(await acquireClient(), await acquireServer(), withoutTime);
  expect((await failure(changed)).code).toBe('MIC_MISSING');
});
