/**
 * The client's side of a TLS handshake, with the one question that it may have for its caller: which certificate?
 * @module
 */
import { type Credential, type Leg, type Scope, SspiError } from '../sspi/index.ts';
import { CertificateRequestWatch } from './certificate-request.ts';
import type { TlsCredential } from './credential.ts';
import type { TlsEngine } from './engine.ts';
import { describeRecords, isHelloRequest } from './handshake-messages.ts';
import { sameOctets } from './names.ts';

/** What a client's handshake needs. */
export interface ClientHandshakeOptions {
  readonly credential: TlsCredential;
  /** Undefined: no SNI. */
  readonly host: string | undefined;
  readonly applicationProtocols?: readonly string[] | undefined;
  /**
   * Whether to ask the caller when the server wants a certificate and there is none (contract R76). Else the server gets an empty
   * Certificate message, as ISC_REQ_USE_SUPPLIED_CREDS has it (contract R23).
   */
  readonly askForCertificate: boolean;
  /** The TLS side of a credential that the caller came back with. @throws SspiError when it has none */
  readonly tlsOf: (credential: Credential) => TlsCredential;
  /** Called once, as soon as the server's certificate is there, and before the client's Finished leaves. */
  readonly inspect?: ((engine: TlsEngine) => void) | undefined;
}

/** A handshake that is over. */
export interface Handshaken {
  readonly engine: TlsEngine;
  /** For the peer; what the handshake ends with, or empty. */
  readonly token: Uint8Array;
  /** What of the last input was not used: application data. A view. */
  readonly rest: Uint8Array;
}

type Handshake<T> = AsyncGenerator<Leg, T, Uint8Array>;

/**
 * Goes through a handshake.
 *
 * When the server wants a certificate, the step ends with SEC_I_INCOMPLETE_CREDENTIALS, ISSUER_LIST_EX is known, and the same input
 * is to come again. With the same credential, or none, the handshake goes on without a certificate. With one that has a
 * certificate it starts anew, and the token is a ClientHello **for a new connection**: OpenSSL cannot take a certificate once the
 * first ClientHello is out, and a server takes no second one.
 * @param first - the peer's first message: nothing, or a HelloRequest (contract R32)
 */
export async function* clientHandshake(
  scope: Scope,
  options: ClientHandshakeOptions,
  first: Uint8Array,
): Handshake<Handshaken> {
  if (first.length > 0 && !isHelloRequest(first))
    throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'TLS ClientHello', detail: 'the client speaks first' });
  const outcome = yield* attempt(scope, options, options.credential);
  if ('engine' in outcome) return outcome;
  const again = yield* attempt(scope, { ...options, askForCertificate: false }, outcome.credential);
  if ('engine' in again) return again;
  throw new SspiError('INTERNAL_ERROR', { stage: 'TLS ClientHello', detail: 'a certificate was asked for twice' });
}

/** One ClientHello and what comes of it: a connection, or a credential to begin anew with. */
async function* attempt(
  scope: Scope,
  options: ClientHandshakeOptions,
  credential: TlsCredential,
): Handshake<Handshaken | { readonly credential: TlsCredential }> {
  let watch =
    options.askForCertificate && !credential.hasCertificate ? scope.own(new CertificateRequestWatch()) : undefined;
  const engine = scope.own(
    credential.client({
      serverName: options.host,
      applicationProtocols: options.applicationProtocols,
      onSecret: watch === undefined ? undefined : (line) => watch?.takeSecret(line),
    }),
  );

  let { token } = await engine.handshake();
  let rest: Uint8Array = new Uint8Array(0);
  let inspected = false;
  while (!engine.established) {
    if (token.length > 0) traceRecords(scope, 'sent', token);
    let input = yield { token, extra: rest.length };
    const leg = await engine.handshake(input);
    ({ token } = leg);
    let { consumed } = leg;

    const issuers = watch?.issuersAsked(input.subarray(0, consumed), token);
    if (issuers !== undefined) {
      // OpenSSL has answered that there is no certificate. The answer stays here until the caller has nothing better.
      scope.publish('ISSUER_LIST_EX', () => ({ issuers }));
      const used = new Uint8Array(input.subarray(0, consumed)); // a copy, also of a Buffer
      input = yield { wanted: 'credential' };
      const chosen = scope.credential === undefined ? undefined : options.tlsOf(scope.credential);
      watch?.dispose();
      watch = undefined;
      if (chosen !== undefined && chosen !== credential && chosen.hasCertificate) {
        engine.dispose();
        return { credential: chosen };
      }
      consumed = sameAgain(used, input);
    }

    rest = input.subarray(consumed);
    traceRecords(scope, 'received', input.subarray(0, consumed));
    if (!inspected && (engine.established || engine.peerCertificates.length > 0)) {
      inspected = true;
      options.inspect?.(engine);
    }
  }
  watch?.dispose();
  if (token.length > 0) traceRecords(scope, 'sent', token);
  return { engine, token, rest };
}

/** How much of an input was fed before the question came up. What is behind it comes back as EXTRA. */
function sameAgain(used: Uint8Array, input: Uint8Array): number {
  if (!sameOctets(used, input.subarray(0, used.length)))
    throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'TLS handshake', detail: 'the same token was to come again' });
  return used.length;
}

/** Tells the observer of some records. */
export function traceRecords(scope: Scope, direction: 'sent' | 'received', records: Uint8Array): void {
  scope.trace(() => ({ protocol: 'TLS', direction, message: describeRecords(records), size: records.length }));
}
