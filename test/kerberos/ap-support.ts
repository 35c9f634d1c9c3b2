/** What the tests of the AP exchange share: a host that stands still, a realm, both ends. */
import { expect } from 'vitest';
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import type { Host } from '../../src/host/index.ts';
import { KerberosCredential } from '../../src/kerberos/credential.ts';
import { type KerberosTicket, kerberosPackage } from '../../src/kerberos/index.ts';
import type { TicketSource } from '../../src/kerberos/tickets.ts';
import {
  type AcceptOptions,
  type Credential,
  type InitiateOptions,
  ISC_REQ,
  type KerberosAcceptorIdentity,
  type KerberosSettings,
  NEVER,
  SECPKG_CRED,
  type SecurityContext,
  SspiError,
} from '../../src/sspi/index.ts';
import { TestRealm, type TicketOptions } from '../support/kdc.ts';

export const NOW = Date.UTC(2026, 0, 15, 12);
export const SERVICE = 'HTTP/server.example.test';
export const MUTUAL = ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;

/** Time stands where it is put; randomness counts up, so that every number is another one. */
export function stillHost(now = NOW, seed = 1): Host & { readonly clock: { time: number; now(): number } } {
  let next = seed;
  const clock = { time: now, now: () => clock.time };
  const octet = (): number => {
    next = (next * 75 + 74) % 65_537;
    return next & 0xff;
  };
  return { clock, random: { bytes: (length) => Uint8Array.from({ length }, octet) } };
}

export function realmOf(etype = 18): TestRealm {
  return new TestRealm({ now: NOW, random: stillHost().random, etype });
}

/** A client for whom tickets are minted as they are asked for. */
export function clientWith(
  realm: TestRealm,
  ticketOptions: TicketOptions = {},
  settings: KerberosSettings = {},
  host = stillHost(),
  source: Partial<TicketSource> = {},
): Credential {
  const tickets: TicketSource = {
    kdc: { clock: host.clock },
    ticketFor: async (): Promise<KerberosTicket> => realm.ticket({ service: SERVICE, ...ticketOptions }),
    ticketAtHand: () => undefined,
    forwardedTicket: async () => realm.grantingTicket(),
    grantingTicket: async () => realm.grantingTicket(),
    ...source,
  };
  const client = { tickets, settings, expiry: NEVER, dispose: () => undefined };
  return new KerberosCredential({ use: SECPKG_CRED.OUTBOUND, host, expiry: NEVER, client });
}

export function initiator(credential: Credential, options: Partial<InitiateOptions> = {}): SecurityContext {
  return credential.initiate({ flags: MUTUAL, targetName: SERVICE, ...options });
}

/** A service with a keytab for {@link SERVICE}. */
export function serviceWith(
  realm: TestRealm,
  settings: Partial<KerberosAcceptorIdentity> = {},
  host = stillHost(),
): Promise<Credential> {
  const replayCache = memoryReplayCache({ clock: host.clock });
  const authData = { kind: 'kerberos-acceptor', keytab: realm.keytab(SERVICE), replayCache, ...settings } as const;
  return kerberosPackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host });
}

export async function acceptor(
  realm: TestRealm,
  settings: Partial<KerberosAcceptorIdentity> = {},
  options: Partial<AcceptOptions> = {},
  host = stillHost(),
): Promise<SecurityContext> {
  return (await serviceWith(realm, settings, host)).accept({ flags: 0, ...options });
}

/** The token of a step. */
export async function tokenOf(context: SecurityContext, input?: Uint8Array): Promise<Uint8Array> {
  const step = await context.step(input);
  if (!('token' in step)) throw new TypeError('the step gave no token');
  return step.token;
}

/** The error that a promise ends in. */
export async function failureOf(promise: Promise<unknown>): Promise<SspiError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof SspiError) return outcome;
  throw new TypeError(`expected an SspiError, got ${String(outcome)}`, { cause: outcome });
}

/** A message each way, sealed. @throws TypeError for a context that protects none */
export function passMessages(...ends: readonly [SecurityContext, SecurityContext]): void {
  const message = new TextEncoder().encode('hello');
  const [one, other] = ends.map(({ messages }) => {
    if (messages?.kind !== 'token') throw new TypeError('there is no token protection');
    return messages;
  });
  if (one === undefined || other === undefined) throw new TypeError('two ends are expected');
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const)
    expect(to.unwrap(from.wrap(message))).toEqual(message);
}
