/**
 * The server's side of a TLS handshake.
 * @module
 */
import { type Leg, type Scope, SspiError } from '../sspi/index.ts';
import { type Handshaken, traceRecords } from './client.ts';
import type { TlsEngine } from './engine.ts';

/**
 * Goes through a handshake.
 * @param engine - of role `server`, not begun; it belongs to the scope afterwards
 * @param first - the ClientHello (contract C4)
 */
export async function* serverHandshake(
  scope: Scope,
  engine: TlsEngine,
  first: Uint8Array,
): AsyncGenerator<Leg, Handshaken, Uint8Array> {
  scope.own(engine);
  if (first.length === 0)
    throw new SspiError('MALFORMED_TOKEN', { stage: 'TLS ClientHello', detail: 'the first token is empty' });
  for (let input = first; ; ) {
    const { token, consumed } = await engine.handshake(input);
    traceRecords(scope, 'received', input.subarray(0, consumed));
    if (token.length > 0) traceRecords(scope, 'sent', token);
    const rest = input.subarray(consumed);
    if (engine.established) return { engine, token, rest };
    input = yield { token, extra: rest.length };
  }
}
