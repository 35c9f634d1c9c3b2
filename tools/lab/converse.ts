/**
 * Two contexts that talk to each other in memory.
 * @module
 */
import { concat } from '../../src/crypto/index.ts';
import type { SecurityContext } from '../../src/sspi/index.ts';

/** What each side sent, token by token. */
export interface Conversation {
  readonly client: readonly Uint8Array[];
  readonly server: readonly Uint8Array[];
}

/** Changes a token on its way; `leg` counts the tokens of both sides from 0. */
export type Interference = (token: Uint8Array, leg: number) => Uint8Array;

/** Both sides have said all they have to say, and at least one still waits. */
export class NoAgreement extends Error {}

const EMPTY: Uint8Array = new Uint8Array(0);

/** No exchange of this house takes more. */
const MOST_LEGS = 24;

/**
 * Lets two contexts finish their exchange: what a side did not use of its input comes again with the next token, as on a
 * stream.
 * @throws SspiError as the side that fails does; NoAgreement when neither fails and nothing moves
 */
export async function converse(
  client: SecurityContext,
  server: SecurityContext,
  interfere?: Interference,
): Promise<Conversation> {
  const sent = { client: [] as Uint8Array[], server: [] as Uint8Array[] };
  const rest: Record<'client' | 'server', Uint8Array> = { client: EMPTY, server: EMPTY };
  let [actor, other]: ['client' | 'server', 'client' | 'server'] = ['client', 'server'];
  let token: Uint8Array = EMPTY;
  for (let leg = 0; leg < MOST_LEGS; leg++) {
    const context = actor === 'client' ? client : server;
    if (context.state === 'negotiating') {
      const input = rest[actor].length === 0 ? token : concat(rest[actor], token);
      const step = await context.step(input);
      rest[actor] = input.subarray(step.consumed);
      token = 'token' in step ? step.token : EMPTY;
      if (token.length > 0) {
        if (interfere !== undefined) token = interfere(token, leg);
        sent[actor].push(token);
      }
    } else {
      rest[actor] = concat(rest[actor], token);
      token = EMPTY;
    }
    if (client.state === 'established' && server.state === 'established') return sent;
    [actor, other] = [other, actor];
  }
  throw new NoAgreement(`client ${client.state}, server ${server.state}`);
}
