/** Short ways through the door, for tests that are about something else than the way. */
import {
  type ContextCallResult,
  type CredHandle,
  type CtxtHandle,
  createSspi,
  type Sspi,
} from '../../src/api/index.ts';
import { systemHost } from '../../src/host/index.ts';
import {
  contentOf,
  ISC_REQ,
  SEC_E,
  SEC_I,
  SECBUFFER,
  SECPKG_CRED,
  type SecBuffer,
  type SecBufferDesc,
  type SecurityPackage,
  secBuffer,
  statusName,
} from '../../src/sspi/index.ts';

/** A table over packages, with a clock that stands still at 2024-01-01T00:00:00Z, one hour east of Greenwich. */
export function door(...packages: SecurityPackage[]): Sspi {
  return createSspi({
    packages,
    host: { ...systemHost, clock: { now: () => Date.UTC(2024, 0, 1) } },
    timezoneOffset: () => -60,
  });
}

/** A descriptor. */
export function desc(...buffers: SecBuffer[]): SecBufferDesc {
  return { buffers };
}

/** The two buffers of a further call: TOKEN and EMPTY. */
export function received(token: Uint8Array): { desc: SecBufferDesc; token: SecBuffer; empty: SecBuffer } {
  const buffers = { token: secBuffer(SECBUFFER.TOKEN, token), empty: secBuffer(SECBUFFER.EMPTY) };
  return { desc: desc(buffers.token, buffers.empty), ...buffers };
}

/** An output buffer of the caller's. */
export function room(size = 64): { desc: SecBufferDesc; token: SecBuffer } {
  const token = secBuffer(SECBUFFER.TOKEN, new Uint8Array(size));
  return { desc: desc(token), token };
}

/** A credential of a package, which must be given. */
export async function credentialOf(
  sspi: Sspi,
  packageName: string,
  credentialUse: number = SECPKG_CRED.BOTH,
): Promise<CredHandle> {
  const result = await sspi.acquireCredentialsHandle({ package: packageName, credentialUse });
  return present(result.credential, result.status);
}

/** A value that the types do not allow, as callers in JavaScript pass them. The cast is the point of it. */
export function forged<T>(value: unknown): T {
  return value as T;
}

/** What must be there. */
export function present<T>(value: T | null | undefined, status?: number): T {
  if (value === null || value === undefined)
    throw new TypeError(`not there${status === undefined ? '' : `: ${statusName(status)}`}`);
  return value;
}

/** The status by name: easier to read when a test fails. */
export function named({ status }: { readonly status: number }): string {
  // What is no number would be named like 0, and a result without a status is not SEC_E_OK.
  if (typeof status !== 'number') throw new TypeError('there is no status');
  return statusName(status);
}

/** A context, and a client's or server's next call on it. */
export interface Side {
  readonly result: ContextCallResult;
  readonly context: CtxtHandle;
  readonly token: Uint8Array;
}

/** The client's call, in memory of our own. */
export async function initiate(
  sspi: Sspi,
  given: {
    credential?: CredHandle;
    context?: CtxtHandle;
    input?: Uint8Array;
    contextReq?: number;
    targetName?: string;
  },
): Promise<Side> {
  const output = secBuffer(SECBUFFER.TOKEN);
  const { input, contextReq = 0, ...rest } = given;
  const result = await sspi.initializeSecurityContext({
    ...rest,
    contextReq: contextReq | ISC_REQ.ALLOCATE_MEMORY,
    input: input === undefined ? null : received(input).desc,
    output: desc(output),
  });
  return { result, context: present(result.context, result.status), token: contentOf(output) };
}

/** The server's call, in memory of our own. */
export async function accept(
  sspi: Sspi,
  given: { credential?: CredHandle; context?: CtxtHandle; input: Uint8Array; contextReq?: number },
): Promise<Side> {
  const output = secBuffer(SECBUFFER.TOKEN);
  const { input, contextReq = 0, ...rest } = given;
  const result = await sspi.acceptSecurityContext({
    ...rest,
    contextReq: contextReq | ISC_REQ.ALLOCATE_MEMORY,
    input: received(input).desc,
    output: desc(output),
  });
  return { result, context: present(result.context, result.status), token: contentOf(output) };
}

/** Both sides of an exchange, to the end. */
export interface Pair {
  readonly sspi: Sspi;
  readonly client: CtxtHandle;
  readonly server: CtxtHandle;
  readonly clientResult: ContextCallResult;
  readonly serverResult: ContextCallResult;
  /** What the server still had to say with SEC_E_OK: TLS 1.3 session tickets, for the client's DecryptMessage. */
  readonly lastToken: Uint8Array;
}

/** How both sides of an exchange are started. */
export interface PairOptions {
  readonly clientCredential?: CredHandle;
  readonly serverCredential?: CredHandle;
  readonly contextReq?: number;
  readonly serverReq?: number;
  readonly targetName?: string;
}

/** Runs an exchange of one package until both sides say SEC_E_OK. */
export async function pair(sspi: Sspi, packageName: string, options: PairOptions = {}): Promise<Pair> {
  const { contextReq, serverReq, targetName } = options;
  const clientCredential = options.clientCredential ?? (await credentialOf(sspi, packageName));
  const serverCredential = options.serverCredential ?? (await credentialOf(sspi, packageName));
  let client = await initiate(sspi, {
    credential: clientCredential,
    ...(contextReq === undefined ? {} : { contextReq }),
    ...(targetName === undefined ? {} : { targetName }),
  });
  let server: Side | undefined;
  let undelivered: Uint8Array = new Uint8Array(0);
  for (let leg = 0; leg < 20; leg++) {
    if (server === undefined || server.result.status === SEC_I.CONTINUE_NEEDED) {
      const more = server === undefined ? { credential: serverCredential } : { context: server.context };
      server = await accept(sspi, {
        ...more,
        input: client.token,
        ...(serverReq === undefined ? {} : { contextReq: serverReq }),
      });
      undelivered = server.token;
    }
    if (client.result.status !== SEC_I.CONTINUE_NEEDED) break;
    client = await initiate(sspi, {
      context: client.context,
      input: server.token,
      ...(contextReq === undefined ? {} : { contextReq }),
    });
    undelivered = new Uint8Array(0);
  }
  if (server === undefined || server.result.status !== SEC_E.OK || client.result.status !== SEC_E.OK)
    throw new TypeError(`client ${named(client.result)}, server ${server === undefined ? '-' : named(server.result)}`);
  return {
    sspi,
    client: client.context,
    server: server.context,
    clientResult: client.result,
    serverResult: server.result,
    lastToken: undelivered,
  };
}
