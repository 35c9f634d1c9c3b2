/**
 * What the SSPI functions work on: the packages, the host, and the tables behind the handles. There is no state outside of it.
 * @module
 */
import type { FlowScope, Host } from '../host/index.ts';
import {
  type ContextLimits,
  type ExchangeEvent,
  type SecurityPackage,
  SspiError,
  toLocalFileTime,
} from '../sspi/index.ts';
import type { ContextEntry, CredentialEntry } from './entries.ts';
import { type CredHandle, type CtxtHandle, HandleTable } from './handles.ts';
import type { Impersonation } from './impersonation.ts';

/** What `createSspi` takes. */
export interface SspiOptions {
  /** In the order in which `enumerateSecurityPackages` lists them. */
  readonly packages: readonly SecurityPackage[];
  readonly host: Host;
  /** What a peer may cost before it is authenticated; absent: each package's own defaults. */
  readonly limits?: ContextLimits | undefined;
  /** Is told of every message of every context, without secrets. */
  readonly observe?: ((event: ExchangeEvent) => void) | undefined;
  /**
   * Minutes from local time to UTC at a moment in milliseconds since 1970: local time is what callers are told (contract R45).
   * Absent: the time zone of the process.
   */
  readonly timezoneOffset?: ((milliseconds: number) => number) | undefined;
  /** What ImpersonateSecurityContext needs; absent: nobody can be impersonated here (contract L5). */
  readonly identityScope?: FlowScope<Impersonation> | undefined;
}

/** The options, and the tables. */
export interface Environment {
  readonly packages: readonly SecurityPackage[];
  readonly host: Host;
  readonly limits: ContextLimits | undefined;
  readonly observe: ((event: ExchangeEvent) => void) | undefined;
  readonly credentials: HandleTable<CredHandle, CredentialEntry>;
  readonly contexts: HandleTable<CtxtHandle, ContextEntry>;
  /** Octets that were allocated for callers: those that `freeContextBuffer` overwrites. */
  readonly allocated: WeakSet<Uint8Array>;
  readonly identityScope: FlowScope<Impersonation> | undefined;
  /** FILETIME ticks in UTC as local time, with the offset in effect now (contract R46). */
  localTime(ticks: bigint): bigint;
}

/**
 * Makes an environment.
 * @throws SspiError INVALID_PARAMETER when two packages have the same name
 */
export function createEnvironment(options: SspiOptions): Environment {
  const { packages, host, limits, observe, identityScope, timezoneOffset = systemTimezoneOffset } = options;
  const names = new Set(packages.map(({ info }) => info.name.toLowerCase()));
  if (names.size !== packages.length)
    throw new SspiError('INVALID_PARAMETER', { stage: 'createSspi', detail: 'two packages have the same name' });
  return {
    packages: [...packages],
    host,
    limits,
    observe,
    credentials: new HandleTable((generation) => ({ kind: 'credential', generation })),
    contexts: new HandleTable((generation) => ({ kind: 'context', generation })),
    allocated: new WeakSet(),
    identityScope,
    localTime: (ticks) => toLocalFileTime(ticks, timezoneOffset(host.clock.now())),
  };
}

function systemTimezoneOffset(milliseconds: number): number {
  return new Date(milliseconds).getTimezoneOffset();
}

/** The name that the SDK has for Schannel in UNISP_NAME (contract P4). */
const ALIASES: ReadonlyMap<string, string> = new Map([['microsoft unified security protocol provider', 'schannel']]);

/**
 * The package of a name, in whatever case (contract A3).
 * @throws SspiError PACKAGE_NOT_FOUND
 */
export function findPackage(environment: Environment, name: unknown): SecurityPackage {
  const wanted = typeof name === 'string' ? name.toLowerCase() : undefined;
  const canonical = ALIASES.get(wanted ?? '') ?? wanted;
  const found = environment.packages.find(({ info }) => info.name.toLowerCase() === canonical);
  if (found === undefined) throw new SspiError('PACKAGE_NOT_FOUND', { stage: 'package name' });
  return found;
}

/**
 * What is behind a credential handle.
 * @throws SspiError INVALID_HANDLE when it never was one, or was freed (contract R7)
 */
export function findCredential(environment: Environment, handle: unknown): CredentialEntry {
  const entry = environment.credentials.find(handle);
  if (entry === undefined || entry.freed) throw new SspiError('INVALID_HANDLE', { stage: 'credential handle' });
  return entry;
}

/**
 * What is behind a context handle.
 * @throws SspiError INVALID_HANDLE when it never was one, or was deleted (contract R11, R57)
 */
export function findContext(environment: Environment, handle: unknown): ContextEntry {
  const entry = environment.contexts.find(handle);
  if (entry === undefined || entry.deleted) throw new SspiError('INVALID_HANDLE', { stage: 'context handle' });
  return entry;
}

/**
 * What is behind the handle of a context that is ready for messages.
 * @throws SspiError INVALID_HANDLE, or CONTEXT_NOT_ESTABLISHED (contract M5)
 */
export function findEstablishedContext(environment: Environment, handle: unknown): ContextEntry {
  const entry = findContext(environment, handle);
  if (!entry.established) throw new SspiError('CONTEXT_NOT_ESTABLISHED', { stage: 'context handle' });
  if (entry.renewing)
    throw new SspiError('CONTEXT_EXPIRED', { stage: 'context handle', detail: 're-authentication is under way' });
  if (entry.broken !== undefined) throw entry.broken;
  return entry;
}
