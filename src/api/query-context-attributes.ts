/**
 * QueryContextAttributes (contract §2.3).
 * @see https://learn.microsoft.com/windows/win32/secauthn/querycontextattributes--credssp
 * @module
 */
import {
  type AttributeName,
  type AttributeValues,
  type DelegatedCredentials,
  encodeSecChannelBindings,
  packLogon,
  SEC_E,
  SECPKG_ATTR,
  SspiError,
} from '../sspi/index.ts';
import { allocate } from './context-call.ts';
import type { ContextEntry } from './entries.ts';
import { type Environment, findContext } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** `SecPkgContext_ClientCreds`, and beside it the same as a typed value. */
export interface ClientCreds {
  /**
   * `AuthBuffer`: KERB_INTERACTIVE_LOGON for a password, KERB_CERTIFICATE_LOGON for a smart card (contract Q6); empty when nothing
   * was delegated. It holds the secret in the clear: give it to `freeContextBuffer` when done. `AuthBufferLen` is its length,
   * in octets, whatever the reference page says (E13).
   */
  readonly authBuffer: Uint8Array;
  /** Its secrets belong to the context, and go when it is deleted. */
  readonly credentials: DelegatedCredentials;
}

/** `SecPkgContext_Bindings`. */
export interface Bindings {
  /** SEC_CHANNEL_BINDINGS, ready for a SECBUFFER_CHANNEL_BINDINGS buffer (contract Q9). */
  readonly bindings: Uint8Array;
  /** The data within it: `tls-server-end-point:` or `tls-unique:`, and what follows. */
  readonly applicationData: Uint8Array;
}

/** `SecPkgContext_KeyingMaterial`, and beside it the exporter itself. */
export interface KeyingMaterial {
  /** For what SetContextAttributes named with KEYING_MATERIAL_INFO; undefined when it named nothing. */
  readonly keyingMaterial: Uint8Array | undefined;
  export(label: string, context: Uint8Array | undefined, length: number): Uint8Array;
}

/** What each attribute gives. Times are in local time (contract R45). */
export interface AttributeResults
  extends Omit<AttributeValues, 'CREDS' | 'CREDS_2' | 'UNIQUE_BINDINGS' | 'ENDPOINT_BINDINGS' | 'KEYING_MATERIAL'> {
  readonly CREDS: ClientCreds;
  readonly CREDS_2: ClientCreds;
  readonly UNIQUE_BINDINGS: Bindings;
  readonly ENDPOINT_BINDINGS: Bindings;
  readonly KEYING_MATERIAL: KeyingMaterial;
}

type NameOf<A extends number> = {
  [N in AttributeName]: (typeof SECPKG_ATTR)[N] extends A ? N : never;
}[AttributeName];

/** What the attribute of a number gives. */
export type AttributeResult<A extends number> = AttributeResults[NameOf<A>];

/** What `queryContextAttributes` takes. */
export interface QueryContextAttributesParameters<A extends number> {
  /** `phContext`. */
  readonly context: CtxtHandle;
  /** `ulAttribute`: one of `SECPKG_ATTR`. */
  readonly attribute: A;
}

/** What `queryContextAttributes` gives. */
export interface QueryContextAttributesResult<A extends number> extends Outcome {
  /** `pBuffer`. Null on failure. Its octets are the caller's own. */
  readonly value: AttributeResult<A> | null;
}

/** An attribute of a context: what was negotiated, who the other side is, how large buffers must be. */
export async function queryContextAttributes<A extends number>(
  environment: Environment,
  parameters: QueryContextAttributesParameters<A>,
): Promise<QueryContextAttributesResult<A>> {
  try {
    const { context, attribute } = requireParameters(parameters);
    const entry = findContext(environment, context);
    const name = nameOf(attribute);
    if (!entry.established || entry.renewing) assertEarly(entry, name);
    // The number decides the name, and the name the value: `NameOf` says the same to the compiler.
    const value = resultOf(environment, entry, name) as AttributeResult<A> | null;
    return { status: SEC_E.OK, value };
  } catch (error) {
    return { ...failureOf(error), value: null };
  }
}

/** Known as soon as TLS is up, or before (contract Q2). */
const EARLY: ReadonlySet<AttributeName> = new Set<AttributeName>([
  'PACKAGE_INFO',
  'REMOTE_CERT_CONTEXT',
  'ISSUER_LIST_EX',
  'CERT_TRUST_STATUS',
  'SERVER_AUTH_FLAGS',
  'CONNECTION_INFO',
  'CIPHER_INFO',
  'STREAM_SIZES',
]);

/**
 * An exchange under way may know things that it must not be asked for yet: who the client says it is, for one (fault Z29).
 * @throws SspiError CONTEXT_NOT_ESTABLISHED, or UNSUPPORTED_FUNCTION when this context never has the attribute
 */
function assertEarly({ context }: ContextEntry, name: AttributeName): void {
  if (EARLY.has(name)) return;
  context.query(name);
  throw new SspiError('CONTEXT_NOT_ESTABLISHED', { stage: `attribute ${name}` });
}

const NAMES: ReadonlyMap<number, AttributeName> = new Map<number, AttributeName>([
  ...entriesOf(SECPKG_ATTR).map(([name, value]): [number, AttributeName] => [value, name]),
  [124, 'SUBJECT_SECURITY_ATTRIBUTES'], // what the reference page prints for it (E12)
]);

function entriesOf<K extends string, V>(record: Readonly<Record<K, V>>): [K, V][] {
  // Object literals written out with `as const` have no other keys than those of their type.
  return Object.entries(record) as [K, V][];
}

/** @throws SspiError UNSUPPORTED_FUNCTION */
function nameOf(attribute: unknown): AttributeName {
  const number = typeof attribute === 'number' ? attribute >>> 0 : undefined;
  const name = number === undefined ? undefined : NAMES.get(number);
  if (name === undefined) throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `attribute ${number ?? '?'}` });
  return name;
}

function resultOf(environment: Environment, entry: ContextEntry, name: AttributeName): AttributeResults[AttributeName] {
  const { context } = entry;
  switch (name) {
    case 'LIFESPAN': {
      const { start, expiry } = context.query(name);
      return { start: environment.localTime(start), expiry: environment.localTime(expiry) };
    }
    case 'PASSWORD_EXPIRY':
      return { expires: environment.localTime(context.query(name).expires) };
    case 'FLAGS': {
      const { flags } = context.query(name);
      return { flags: entry.established ? entry.contextAttr : flags };
    }
    case 'CREDS':
    case 'CREDS_2':
      return clientCreds(environment, context.query(name));
    case 'UNIQUE_BINDINGS':
    case 'ENDPOINT_BINDINGS': {
      const { applicationData } = context.query(name);
      const bindings = encodeSecChannelBindings({ applicationData });
      return owned(environment, { bindings, applicationData });
    }
    case 'KEYING_MATERIAL': {
      const exporter = context.query(name);
      const { keyingMaterial: info } = entry.set;
      const derived = info === undefined ? undefined : exporter.export(info.label, info.contextValue, info.length);
      if (derived !== undefined) environment.allocated.add(derived);
      return { export: exporter.export, keyingMaterial: derived };
    }
    case 'APP_DATA': {
      if (context.state === 'failed') throw new SspiError('INVALID_HANDLE', { stage: 'context handle' });
      const { appData } = entry.set;
      if (appData === undefined)
        throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'attribute APP_DATA', detail: 'none was set' });
      return owned(environment, { appData });
    }
    default:
      return owned(environment, context.query(name));
  }
}

function clientCreds(environment: Environment, credentials: DelegatedCredentials): ClientCreds {
  const packed = packLogon(credentials);
  environment.allocated.add(packed);
  return { authBuffer: packed, credentials };
}

/** A value whose octets are copies: the caller may keep, change or free them without harm to the context (contract Q1). */
export function owned<T extends object>(environment: Environment, value: T): T {
  const copies: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value)) {
    if (member instanceof Uint8Array) copies[key] = allocate(environment, member);
    else if (Array.isArray(member))
      copies[key] = member.map((item: unknown) => (item instanceof Uint8Array ? allocate(environment, item) : item));
  }
  return Object.keys(copies).length === 0 ? value : Object.assign({}, value, copies);
}
