/**
 * The server's part of a logon once TLS is up, wherever TLS is: who comes, what he hands over, and whether he may come in. Needs no
 * Node.js.
 * @module
 */
import { credsspAcceptor, NEWEST_VERSION } from '../credssp/index.ts';
import type { Host } from '../host/index.ts';
import {
  type ClientIdentity,
  type CredSspOptions,
  type DelegatedCredentials,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { certificateFact, type KnownServer } from './client.ts';
import type { NlaObserver, Report } from './events.ts';
import { type Line, logOn, tellAuthorization } from './logon.ts';
import { acceptorMechanism, type NlaAccounts } from './mechanism.ts';
import type { ConfirmOptions, Negotiated } from './negotiation.ts';
import type { Authorization, ServerSession } from './session.ts';
import type { Patience } from './timing.ts';

/** Who is asked in, and on what terms. */
export interface ServerOptions extends ConfirmOptions, Patience {
  /** Where the accounts are, or the keytab; and what a client has to prove. */
  readonly identity: NlaAccounts;
  /**
   * Whether a user whose password is right may use this server. Default: everybody may. Under HYBRID_EX the client is told
   * (Early User Authorization Result), otherwise it sees the connection close.
   */
  readonly authorize?:
    | ((identity: ClientIdentity, credentials: DelegatedCredentials) => boolean | Promise<boolean>)
    | undefined;
  /** Versions of TSRequest. */
  readonly credssp?: Pick<CredSspOptions, 'maxVersion' | 'minVersion'> | undefined;
  /** Is told of everything that happens, without secrets. */
  readonly observe?: NlaObserver | undefined;
}

/** A client that is logged on. */
export interface ServerOutcome extends Disposable {
  /** As the authentication proved it. */
  readonly identity: ClientIdentity;
  /** What the client handed over, unchecked (contract C14). Zeroised by `dispose`. */
  readonly credentials: DelegatedCredentials;
  /** What the client was told. */
  readonly authorization: Authorization;
  readonly session: ServerSession;
  /** Zeroises the credentials. The connection stays open. */
  dispose(): void;
}

/**
 * Makes a client log on.
 * @throws SspiError, whose `token` is still to be sent if there is one; what the line throws
 */
export async function admit(
  line: Line,
  negotiated: Negotiated,
  own: Omit<KnownServer, 'trusted'>,
  options: ServerOptions & { readonly platform: Host },
  report: Report,
): Promise<ServerOutcome> {
  const { credssp, platform: host } = options;
  let context: SecurityContext | undefined;
  try {
    report.tell(certificateFact(own, undefined));
    const acquired = acceptorMechanism(options.identity, { host, observe: report.exchange });
    const mechanism = await line.within('identity', acquired);
    const accepting = credsspAcceptor({
      publicKey: own.publicKey,
      mechanism,
      flags: 0,
      options: credssp,
      host,
      observe: report.exchange,
      report: report.tell,
    });
    context = accepting;
    const ownVersion = credssp?.maxVersion ?? NEWEST_VERSION;
    const logon = await logOn(line, { context, mechanism, ownVersion }, report);
    const identity = accepting.query('C_ACCESS_TOKEN');
    const credentials = accepting.query('CREDS');
    report.tell({ kind: 'received', delegated: credentials.kind });
    if (credentials.kind === 'remote-guard' && !negotiated.remoteGuard)
      throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'authInfo', detail: 'remote guard was not agreed on' }); // contract F5
    const asked = Promise.resolve(options.authorize?.(identity, credentials) ?? true);
    const granted = await line.within('authorize', asked);
    const authorization = await tellAuthorization(line, negotiated.selectedProtocol, granted, report);
    const dispose = (): void => accepting.dispose();
    const session = { ...negotiated, ...logon };
    return { identity, credentials, authorization, session, dispose, [Symbol.dispose]: dispose };
  } catch (error) {
    context?.dispose();
    throw error;
  }
}

/** What the client is to be told before the connection ends. */
export function lastWordOf(error: unknown): Uint8Array | undefined {
  return error instanceof SspiError ? error.token : undefined;
}
