/**
 * An NTLM credential: secrets of a client, or the accounts of a server. Contexts share it and keep it alive (contract A14).
 * @module
 */
import type { Host } from '../host/index.ts';
import {
  type AcceptOptions,
  type Credential,
  type CredentialAttributes,
  contextOf,
  type InitiateOptions,
  ISC_REQ,
  NEVER,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { type Acceptor, accept } from './acceptor.ts';
import { NTLM_ATTRIBUTES, qualifiedName } from './established.ts';
import { NTLM_INFO } from './info.ts';
import { type ClientLogon, initiate } from './initiator.ts';

/** What a credential is for. */
export interface NtlmCredentialOptions {
  readonly use: number;
  readonly host: Host;
  /** With its secret, which the credential disposes. */
  readonly client?: ClientLogon | undefined;
  readonly server?: Acceptor | undefined;
}

/** See the module. */
export class NtlmCredential implements Credential {
  readonly info = NTLM_INFO;
  readonly use: number;
  readonly expiry = NEVER;
  readonly #options: NtlmCredentialOptions;
  readonly #onContextEnd = (): void => {
    this.#contexts--;
    this.#zeroiseWhenUnused();
  };
  #contexts = 0;
  #disposed = false;

  constructor(options: NtlmCredentialOptions) {
    this.use = options.use;
    this.#options = options;
  }

  get attributes(): CredentialAttributes {
    const { client } = this.#options;
    if (client?.kind !== 'account') return {};
    return { NAMES: () => ({ userName: qualifiedName(client.domain, client.user) }) };
  }

  initiate(options: InitiateOptions): SecurityContext {
    this.#assertAlive();
    const { client, host } = this.#options;
    if (client === undefined) throw new SspiError('NO_CREDENTIALS', { stage: 'NTLM', detail: 'not for outbound use' });
    const logon: ClientLogon = (options.flags & ISC_REQ.NULL_SESSION) !== 0 ? { kind: 'anonymous' } : client;
    this.#contexts++;
    return contextOf({
      info: NTLM_INFO,
      role: 'initiator',
      start: (scope, first) => initiate(logon, options, scope, first),
      host: options.host ?? host,
      limits: options.limits,
      observe: options.observe,
      attributes: NTLM_ATTRIBUTES,
      onEnd: this.#onContextEnd,
    });
  }

  accept(options: AcceptOptions): SecurityContext {
    this.#assertAlive();
    const { server, host } = this.#options;
    if (server === undefined) throw new SspiError('NO_CREDENTIALS', { stage: 'NTLM', detail: 'not for inbound use' });
    this.#contexts++;
    return contextOf({
      info: NTLM_INFO,
      role: 'acceptor',
      start: (scope, first) => accept(server, options, scope, first),
      host: options.host ?? host,
      limits: options.limits,
      observe: options.observe,
      attributes: NTLM_ATTRIBUTES,
      onEnd: this.#onContextEnd,
    });
  }

  /** The secret goes with the last context that may still need it. */
  dispose(): void {
    this.#disposed = true;
    this.#zeroiseWhenUnused();
  }

  #zeroiseWhenUnused(): void {
    const { client } = this.#options;
    if (this.#disposed && this.#contexts === 0 && client?.kind === 'account') client.responseKey.dispose();
  }

  #assertAlive(): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: 'NTLM', detail: 'the credential was disposed' });
  }
}
