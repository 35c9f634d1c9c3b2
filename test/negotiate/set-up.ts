/** Credentials, contexts and hand-made peers for the tests of this room. */
import { systemHost } from '../../src/host/index.ts';
import {
  createNegotiatePackage,
  type Mechanism,
  type NegotiateContext,
  type NegotiateCredential,
} from '../../src/negotiate/index.ts';
import {
  type AuthIdentity,
  SECPKG_CRED,
  type SecurityContext,
  SspiError,
  type TokenProtection,
} from '../../src/sspi/index.ts';
import { type FakeOptions, fakeMechanism, type Journal } from './fake-mechanism.ts';

export const ALPHA = '1.3.6.1.4.1.99999.1';
export const BETA = '1.3.6.1.4.1.99999.2';
export const GAMMA = '1.3.6.1.4.1.99999.3';

export const IDENTITY: AuthIdentity = { kind: 'identity', user: 'alice', password: 'AlicePass1!' };

/** A fake mechanism of three messages, like NTLM, unless told otherwise. */
export function fake(name: string, oid: string, options: Partial<FakeOptions> = {}, journal?: Journal): Mechanism {
  return fakeMechanism({ name, oids: [oid], messages: 3, ...options }, journal);
}

export async function credentialOf(
  mechanisms: readonly Mechanism[],
  packageList?: string,
): Promise<NegotiateCredential> {
  const negotiate = createNegotiatePackage({ mechanisms });
  return negotiate.acquire({ use: SECPKG_CRED.BOTH, authData: { ...IDENTITY, packageList }, host: systemHost });
}

export async function initiatorOf(...mechanisms: Mechanism[]): Promise<NegotiateContext> {
  return (await credentialOf(mechanisms)).initiate({ flags: 0 });
}

export async function acceptorOf(...mechanisms: Mechanism[]): Promise<NegotiateContext> {
  return (await credentialOf(mechanisms)).accept({ flags: 0 });
}

/** The token of a step. */
export async function tokenOf(context: SecurityContext, input?: Uint8Array): Promise<Uint8Array> {
  const step = await context.step(input);
  if (!('token' in step)) throw new TypeError(`the step gave ${step.status}`);
  return step.token;
}

/** The error of a step that has to fail. */
export async function failureOf(context: SecurityContext, input?: Uint8Array): Promise<SspiError> {
  try {
    await context.step(input);
  } catch (error) {
    if (error instanceof SspiError) return error;
    throw error;
  }
  throw new TypeError('the step did not fail');
}

/** Message protection of an established context. */
export function protectionOf(context: SecurityContext): TokenProtection {
  const { messages } = context;
  if (messages.kind !== 'token') throw new TypeError('not a GSS mechanism');
  return messages;
}

/** Both ways once: fails unless numbers and key streams agree. */
export function exchangeMessages(initiator: SecurityContext, acceptor: SecurityContext): readonly Uint8Array[] {
  const [one, other] = [protectionOf(initiator), protectionOf(acceptor)];
  const sealed = [one.wrap(Uint8Array.of(1, 2, 3)), other.wrap(Uint8Array.of(4, 5, 6))] as const;
  return [other.unwrap(sealed[0]), one.unwrap(sealed[1])];
}

export function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
