/**
 * A Kerberos credential: the tickets of a client, or the keys of a service. Contexts share it and keep it alive (contract A14).
 * @module
 */
import type { Host } from '../host/index.ts';
import {
  type AcceptOptions,
  type Credential,
  type CredentialAttributes,
  contextOf,
  type ExchangeOptions,
  type InitiateOptions,
  type KdcProxySettings,
  type KerberosSettings,
  SECPKG_CRED,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { accept, type Service } from './acceptor.ts';
import { KERBEROS_ATTRIBUTES } from './established.ts';
import { KERBEROS_INFO } from './info.ts';
import { initiate } from './initiator.ts';
import type { TicketSource } from './tickets.ts';

/** The client's side of a credential. */
export interface OwnedLogon {
  readonly tickets: TicketSource;
  readonly settings: KerberosSettings;
  /** `alice@EXAMPLE.COM`; what QueryCredentialsAttributes tells. */
  readonly userName?: string | undefined;
  /** FILETIME ticks, UTC. */
  readonly expiry: bigint;
  /** The same tickets by way of proxies. They end with this logon. */
  withKdcProxy?(settings: KdcProxySettings): TicketSource;
  /** Zeroises tickets and keys. */
  dispose(): void;
}

/** The server's side of a credential. */
export interface OwnedService extends Service {
  /** Zeroises the keys. */
  dispose(): void;
}

/** What a credential is for. */
export interface KerberosCredentialOptions {
  readonly use: number;
  readonly host: Host;
  /** FILETIME ticks, UTC. */
  readonly expiry: bigint;
  /** Becomes the credential's own. */
  readonly client?: OwnedLogon | undefined;
  /** Becomes the credential's own. */
  readonly service?: OwnedService | undefined;
}

/** More legs than there are: TGT-REQ, AP-REQ, a second AP-REQ with another time, the third leg of DCE style. */
const MAX_LEGS = 8;
const STAGE = 'Kerberos';

/** See the module. */
export class KerberosCredential implements Credential {
  readonly info = KERBEROS_INFO;
  readonly use: number;
  readonly expiry: bigint;
  /** For clients that have KDCs. */
  readonly setKdcProxy?: (settings: KdcProxySettings) => void;
  readonly #options: KerberosCredentialOptions;
  /** Where contexts that are started from now on get tickets. */
  #tickets: TicketSource | undefined;
  #lastTime = 0;
  #contexts = 0;
  #disposed = false;

  constructor(options: KerberosCredentialOptions) {
    this.use = options.use;
    this.expiry = options.expiry;
    this.#options = options;
    const { client } = options;
    this.#tickets = client?.tickets;
    if (client?.withKdcProxy !== undefined)
      this.setKdcProxy = (settings) => {
        this.#tickets = client.withKdcProxy?.(settings);
      };
  }

  get attributes(): CredentialAttributes {
    const { userName } = this.#options.client ?? {};
    return userName === undefined ? {} : { NAMES: () => ({ userName }) };
  }

  initiate(options: InitiateOptions): SecurityContext {
    this.#assertUsable(SECPKG_CRED.OUTBOUND);
    const { client } = this.#options;
    const tickets = this.#tickets;
    if (client === undefined || tickets === undefined)
      throw new SspiError('NO_CREDENTIALS', { stage: STAGE, detail: 'not for outbound use' });
    const logon = { ...client, tickets, uniqueTime: (now: number) => this.#uniqueTime(now) };
    return this.#context(options, {
      role: 'initiator',
      start: (scope, first) => initiate(logon, options, scope, first),
    });
  }

  accept(options: AcceptOptions): SecurityContext {
    this.#assertUsable(SECPKG_CRED.INBOUND);
    const { service } = this.#options;
    if (service === undefined) throw new SspiError('NO_CREDENTIALS', { stage: STAGE, detail: 'not for inbound use' });
    return this.#context(options, {
      role: 'acceptor',
      start: (scope, first) => accept(service, options, scope, first),
    });
  }

  /** The secrets go with the last context that may still need them. */
  dispose(): void {
    this.#disposed = true;
    this.#disposeWhenUnused();
  }

  #context(
    options: InitiateOptions | AcceptOptions,
    exchange: Pick<ExchangeOptions, 'role' | 'start'>,
  ): SecurityContext {
    this.#contexts++;
    return contextOf({
      info: KERBEROS_INFO,
      ...exchange,
      host: options.host ?? this.#options.host,
      limits: {
        ...options.limits,
        maxToken: options.limits?.maxToken ?? KERBEROS_INFO.maxToken,
        maxLegs: options.limits?.maxLegs ?? MAX_LEGS,
      },
      observe: options.observe,
      attributes: KERBEROS_ATTRIBUTES,
      onEnd: () => {
        this.#contexts--;
        this.#disposeWhenUnused();
      },
    });
  }

  /**
   * Microseconds are what authenticators are told apart by, at services that remember no more of them than names and time. A time
   * that is far from the last one is another clock's: a server's that told us its own.
   */
  #uniqueTime(now: number): number {
    const microseconds = Math.floor(now * 1000);
    const behind = this.#lastTime - microseconds;
    this.#lastTime = behind >= 0 && behind < 1_000_000 ? this.#lastTime + 1 : microseconds;
    return (this.#lastTime + 0.5) / 1000; // in the middle of the microsecond: whoever cuts it off gets that one
  }

  #disposeWhenUnused(): void {
    if (!this.#disposed || this.#contexts > 0) return;
    this.#options.client?.dispose();
    this.#options.service?.dispose();
  }

  #assertUsable(use: number): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: STAGE, detail: 'the credential was disposed' });
    const isOutbound = (this.use & SECPKG_CRED.OUTBOUND) !== 0 || (this.use & SECPKG_CRED.INBOUND) === 0; // 0 is outbound (A4)
    const fits = use === SECPKG_CRED.OUTBOUND ? isOutbound : (this.use & SECPKG_CRED.INBOUND) !== 0;
    if (!fits) throw new SspiError('NO_CREDENTIALS', { stage: STAGE, detail: 'the credential is for the other role' });
  }
}
