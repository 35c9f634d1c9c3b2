/** Schannel contexts that talk to each other, and the certificates they use. */
import { readFileSync } from 'node:fs';
import { type Host, systemHost } from '../../src/host/index.ts';
import { schannelPackage } from '../../src/schannel/index.ts';
import {
  type AcceptOptions,
  type CertificateWithKey,
  type Credential,
  type InitiateOptions,
  type SchannelCredential,
  SECPKG_CRED,
  type SecurityContext,
  SP_PROT,
  SspiError,
  type Step,
  type StreamProtection,
} from '../../src/sspi/index.ts';

export const EMPTY: Uint8Array = new Uint8Array(0);

/** PEM text of a file in test/certificates. */
export function pem(file: string): string {
  return readFileSync(new URL(`../certificates/${file}`, import.meta.url), 'utf8');
}

/** DER of the certificate in test/certificates/NAME.pem, by the hand of Node's base64. */
export function der(name: string): Uint8Array {
  const [, base64 = ''] = /CERTIFICATE-----([^-]+)-----/.exec(pem(`${name}.pem`)) ?? [];
  return Uint8Array.from(Buffer.from(base64, 'base64'));
}

/** Certificates one behind the other, leaf first, with a key. */
export function withKey(key: string, ...certificates: string[]): CertificateWithKey {
  return { certificate: certificates.map((name) => pem(`${name}.pem`)).join(''), privateKey: pem(`${key}.key`) };
}

/** A self-signed server: `rsa`, `ec` or `ed25519`. */
export function selfSigned(name: string): CertificateWithKey {
  return withKey(name, name);
}

export const TLS1_2 = SP_PROT.TLS1_2_CLIENT | SP_PROT.TLS1_2_SERVER;
export const TLS1_3 = SP_PROT.TLS1_3_CLIENT | SP_PROT.TLS1_3_SERVER;

/** Every version with every kind of key. */
export const VARIANTS = (['rsa', 'ec', 'ed25519'] as const).flatMap((key) => [
  { key, version: 'TLSv1.2' as const, enabledProtocols: TLS1_2 },
  { key, version: 'TLSv1.3' as const, enabledProtocols: TLS1_3 },
]);

export type Options = Omit<SchannelCredential, 'kind'>;

export function inbound(options: Options): Promise<Credential> {
  return schannelPackage.acquire({
    use: SECPKG_CRED.INBOUND,
    authData: { kind: 'schannel', ...options },
    host: systemHost,
  });
}

export function outbound(options: Options = {}): Promise<Credential> {
  return schannelPackage.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: { kind: 'schannel', ...options },
    host: systemHost,
  });
}

/** A host that lives at another time. */
export function hostAt(date: string): Host {
  return { ...systemHost, clock: { now: () => Date.parse(date) } };
}

export interface PairOptions {
  readonly key?: string;
  readonly enabledProtocols?: number;
  readonly server?: Options;
  readonly client?: Options;
  readonly initiate?: Partial<InitiateOptions>;
  readonly accept?: Partial<AcceptOptions>;
}

/** Two contexts that have not begun. The client trusts the server's self-signed certificate. */
export async function pair(options: PairOptions = {}): Promise<{ client: SecurityContext; server: SecurityContext }> {
  const { key = 'ec', enabledProtocols = 0 } = options;
  const certificates = [selfSigned(key)];
  const serverCredential = await inbound({ certificates, enabledProtocols, ...options.server });
  const clientCredential = await outbound({ rootStore: [pem(`${key}.pem`)], enabledProtocols, ...options.client });
  const server = serverCredential.accept({ flags: 0, ...options.accept });
  const client = clientCredential.initiate({ flags: 0, targetName: 'server.example.com', ...options.initiate });
  serverCredential.dispose();
  clientCredential.dispose();
  return { client, server };
}

export type LiveStep = Extract<Step, { token: Uint8Array }>;

/** A step that neither lacks input nor wants a credential. */
export async function stepped(context: SecurityContext, input: Uint8Array = EMPTY): Promise<LiveStep> {
  const step = await context.step(input);
  if (!('token' in step)) throw new TypeError(`the step gave status 0x${step.status.toString(16)}`);
  return step;
}

/** Tokens in the order in which they went over, by sender. */
export type Transcript = { readonly from: 'client' | 'server'; readonly token: Uint8Array }[];

/**
 * Runs a handshake to its end. Session tickets that a TLS 1.3 server sends with its last step are given to the client's
 * DecryptMessage, as an application would.
 */
export async function connect(client: SecurityContext, server: SecurityContext): Promise<Transcript> {
  const transcript: Transcript = [];
  const contexts = { client, server };
  let from: 'client' | 'server' = 'client';
  let input: Uint8Array = EMPTY;
  for (let leg = 0; leg < 10; leg++) {
    const context = contexts[from];
    if (context.state === 'established') {
      if (input.length > 0) await discard(context, input);
      break;
    }
    const { token } = await stepped(context, input);
    if (token.length > 0) transcript.push({ from, token });
    if (token.length === 0 && contexts.client.state === 'established' && contexts.server.state === 'established') break;
    input = token;
    from = from === 'client' ? 'server' : 'client';
  }
  return transcript;
}

/** Opens records that hold nothing for the application. */
export async function discard(context: SecurityContext, records: Uint8Array): Promise<void> {
  for (let rest = records; rest.length > 0; ) {
    const record = await streamOf(context).decrypt(rest);
    if (record.kind !== 'data' || record.plaintext.length > 0) throw new TypeError(`that was ${record.kind}`);
    rest = rest.subarray(record.consumed);
  }
}

export async function connected(
  options: PairOptions = {},
): Promise<{ client: SecurityContext; server: SecurityContext }> {
  const { client, server } = await pair(options);
  await connect(client, server);
  if (client.state !== 'established' || server.state !== 'established') throw new TypeError('not established');
  return { client, server };
}

export function streamOf(context: SecurityContext): StreamProtection {
  const { messages } = context;
  if (messages.kind !== 'stream') throw new TypeError('Schannel protects streams');
  return messages;
}

/** What a promise is rejected with, which must be one of our errors. */
export async function failureOf(promise: Promise<unknown>): Promise<SspiError> {
  const failure = await promise.then(
    () => new TypeError('it did not fail'),
    (error: unknown) => error,
  );
  if (!(failure instanceof SspiError)) throw failure;
  return failure;
}

export function octetsOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
