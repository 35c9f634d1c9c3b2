/**
 * What stands behind the handles: a credential with the number of contexts that live on it, a context with the state that the
 * SSPI functions add to it.
 * @module
 */
import type {
  AttributeValues,
  ChannelBindings,
  Credential,
  KdcProxySettings,
  SecurityContext,
  SecurityPackage,
  SspiError,
} from '../sspi/index.ts';
import type { IdentityFrame } from './auth-data.ts';

/** Behind a `CredHandle`. The secrets live until the handle is freed and the last context is deleted (contract A14). */
export class CredentialEntry {
  readonly package: SecurityPackage;
  readonly credential: Credential;
  /** Surroundings for another identity, which SECBUFFER_PKG_PARAMS may bring (contract R23). */
  readonly frame: IdentityFrame;
  /** What SetCredentialsAttributes has set (contract L8). */
  kdcProxy: (() => KdcProxySettings) | undefined;
  #freed = false;
  #contexts = 0;

  constructor(securityPackage: SecurityPackage, credential: Credential, frame: IdentityFrame) {
    this.package = securityPackage;
    this.credential = credential;
    this.frame = frame;
  }

  get freed(): boolean {
    return this.#freed;
  }

  free(): void {
    this.#freed = true;
    this.#disposeWhenUnused();
  }

  /** A context lives on it. */
  retain(): this {
    this.#contexts += 1;
    return this;
  }

  /** That context is gone. */
  release(): void {
    this.#contexts -= 1;
    this.#disposeWhenUnused();
  }

  #disposeWhenUnused(): void {
    if (this.#freed && this.#contexts === 0) this.credential.dispose();
  }
}

/** A leg that is done inside and not yet handed out, because the caller's buffer was too small (contract R39). */
export interface PendingLeg {
  readonly leg: FinishedLeg;
  /** The TOKEN that led to it: the caller comes again with the same, or with none. */
  readonly input: Uint8Array;
}

/** What a step has led to: something to report to the caller, and perhaps to send. */
export type FinishedLeg =
  | {
      readonly kind: 'success';
      readonly status: number;
      readonly token: Uint8Array;
      readonly extra: number;
      readonly flags: number;
      readonly expiry: bigint;
    }
  | { readonly kind: 'failure'; readonly error: SspiError; readonly token: Uint8Array };

/** Behind a `CtxtHandle`. */
export class ContextEntry {
  readonly context: SecurityContext;
  /** Behind the handle of the first call, which later calls may name again (contract R8). A context that was imported has none. */
  bound: CredentialEntry | undefined;
  /** What the exchange works with: {@link bound}, or what came in its place (contract R23, R76). */
  credential: CredentialEntry | undefined;
  /** Bits of `ISC_REQ` or `ASC_REQ` of the first call. */
  readonly requested: number;
  /** SECBUFFER_PKG_PARAMS was used. */
  readonly suppliedCredentials: boolean;
  readonly channelBindings: ChannelBindings | undefined;
  /** Bits of `ISC_RET` or `ASC_RET` as last reported. */
  contextAttr = 0;
  /** The last leg was handed out with SEC_E_OK. */
  established = false;
  /** SEC_I_INCOMPLETE_CREDENTIALS was reported: the next call may bring another credential (contract R76). */
  wantsCredential = false;
  /** Another credential came with this call: the next step is to know of it (contract R72, R76). */
  replaced = false;
  pending: PendingLeg | undefined;
  /** A call of the handshake, of encryption, of decryption is under way (contract R10, M12). */
  readonly underWay = { step: false, encrypt: false, decrypt: false };
  /** Why messages can no longer be protected (contract M11), or why here no longer (L6). */
  broken: SspiError | undefined;
  /** ApplyControlToken asked for the end of the channel: the next call says so to the peer (contract M16). */
  shutdown = false;
  /** What SetContextAttributes left here (contract L7). */
  readonly set: {
    appData: Uint8Array | undefined;
    keyingMaterial: AttributeValues['KEYING_MATERIAL_INFO'] | undefined;
  } = { appData: undefined, keyingMaterial: undefined };
  #deleted = false;
  readonly #retained: CredentialEntry[] = [];

  constructor(
    context: SecurityContext,
    start: {
      readonly bound: CredentialEntry | undefined;
      readonly supplied: CredentialEntry | undefined;
      readonly requested: number;
      readonly channelBindings: ChannelBindings | undefined;
      /** Of a context that was imported. */
      readonly suppliedCredentials?: boolean | undefined;
    },
  ) {
    this.context = context;
    this.bound = start.bound;
    this.credential = start.supplied ?? start.bound;
    this.requested = start.requested;
    this.suppliedCredentials = start.suppliedCredentials ?? start.supplied !== undefined;
    this.channelBindings = start.channelBindings;
    for (const credential of new Set([this.bound, this.credential]))
      if (credential !== undefined) this.#retained.push(credential.retain());
  }

  /** Established once, and under way to be so again (contract R72). */
  get renewing(): boolean {
    return this.established && this.context.state === 'negotiating';
  }

  get deleted(): boolean {
    return this.#deleted;
  }

  /** Another credential in place of the one so far, which stays alive as well: the exchange may still hold it. */
  replaceCredential(credential: CredentialEntry): void {
    this.#retained.push(credential.retain());
    this.bound = credential;
    this.credential = credential;
    this.replaced = true;
  }

  /** Zeroises everything; a second time it does nothing (contract L1). */
  delete(): void {
    if (this.#deleted) return;
    this.#deleted = true;
    this.context.dispose();
    this.pending = undefined;
    this.set.appData?.fill(0);
    for (const credential of this.#retained.splice(0)) credential.release();
  }
}
