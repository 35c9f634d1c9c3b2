/** Two contexts talk to each other in memory. */
import { SEC_E, type SecurityContext, SspiError } from '../../src/sspi/index.ts';

/** What came of a conversation. */
export interface Outcome {
  /** Tokens in the order in which they were sent; empty ones are not there. */
  readonly tokens: readonly { readonly from: 'initiator' | 'acceptor'; readonly token: Uint8Array }[];
  readonly initiatorError: SspiError | undefined;
  readonly acceptorError: SspiError | undefined;
}

const EMPTY = new Uint8Array(0);
const MOST_LEGS = 40;

/**
 * Runs both sides until nobody has anything to say. A failing side's last token is still delivered.
 * @param tamper - changes a token on its way; gives undefined to let it pass
 */
export async function converse(
  initiator: SecurityContext,
  acceptor: SecurityContext,
  tamper: (from: 'initiator' | 'acceptor', token: Uint8Array, index: number) => Uint8Array = (_, token) => token,
): Promise<Outcome> {
  const tokens: { from: 'initiator' | 'acceptor'; token: Uint8Array }[] = [];
  const errors: { initiator?: SspiError; acceptor?: SspiError } = {};
  const contexts = { initiator, acceptor };
  let from: 'initiator' | 'acceptor' = 'initiator';
  let input: Uint8Array = EMPTY;
  for (let leg = 0; leg < MOST_LEGS; leg++) {
    const context = contexts[from];
    const token = await said(context, input).catch((error: unknown) => {
      if (!(error instanceof SspiError)) throw error;
      errors[from] = error;
      return error.token ?? EMPTY;
    });
    if (token.length === 0) break;
    tokens.push({ from, token });
    input = tamper(from, token, tokens.length - 1);
    from = from === 'initiator' ? 'acceptor' : 'initiator';
    if (errors[from] !== undefined) break;
  }
  return { tokens, initiatorError: errors.initiator, acceptorError: errors.acceptor };
}

/** Steps until the whole input is used. */
async function said(context: SecurityContext, input: Uint8Array): Promise<Uint8Array> {
  let rest = input;
  const answers: Uint8Array[] = [];
  do {
    const step = await context.step(rest);
    if (!('token' in step)) throw new TypeError(`a whole token gave ${step.status}`);
    answers.push(step.token);
    rest = rest.subarray(step.consumed);
    if (step.status === SEC_E.OK) break;
  } while (rest.length > 0);
  return Uint8Array.from(Buffer.concat(answers));
}
