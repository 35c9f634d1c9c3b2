/**
 * The shape that every mechanism has: packages give credentials, credentials start contexts, contexts take steps. Octets in,
 * octets out; nothing here does I/O to the peer.
 * @module
 */
import type { Host } from '../host/index.ts';
import type { AttributeName, AttributeValues, Sizes, StreamSizes } from './attributes.ts';
import type { ChannelBindings } from './channel-bindings.ts';
import type { CredentialAttributes, KdcProxySettings } from './credential-attributes.ts';
import type { AuthData } from './credentials.ts';
import type { PackageInfo } from './package-info.ts';
import type { Secret } from './secret.ts';
import type { SEC_E, SEC_I } from './status.ts';

/** A provider of authentication. */
export interface SecurityPackage {
  readonly info: PackageInfo;
  /**
   * Makes a credential. Nothing is sent to anybody, and a password is not checked (contract A1, A16).
   * @throws SspiError NO_CREDENTIALS, UNKNOWN_CREDENTIALS, INVALID_PARAMETER, CERTIFICATE_UNUSABLE
   */
  acquire(request: CredentialRequest): Promise<Credential>;
  /**
   * ExportSecurityContext, for packages whose contexts can move (contract L6).
   * @param context - of this package, established. Messages that it protects afterwards would repeat its key stream: it must not
   * @returns everything that {@link importContext} needs, keys in the clear: whoever asks seals it and wipes it
   * @throws SspiError UNSUPPORTED_FUNCTION when this context cannot move
   */
  exportContext?(context: SecurityContext): Uint8Array;
  /**
   * ImportSecurityContext.
   * @returns a context that is established
   * @throws SspiError MALFORMED_TOKEN
   */
  importContext?(state: Uint8Array, host: Host): Promise<SecurityContext>;
  /**
   * ChangeAccountPassword, for packages that know an authority which does that (contract L10).
   * @throws SspiError PASSWORD_CHANGE_REFUSED, LOGON_DENIED, NO_AUTHENTICATING_AUTHORITY
   */
  changePassword?(request: PasswordChange): Promise<PasswordChangeAnswer>;
}

/** Whose password is to become what. */
export interface PasswordChange {
  readonly domain: string;
  readonly user: string;
  /** UTF-16LE. Both stay the caller's, who disposes them afterwards. */
  readonly oldPassword: Secret;
  readonly newPassword: Secret;
  readonly host: Host;
}

/** What came of it. */
export type PasswordChangeAnswer =
  | { readonly kind: 'changed' }
  /** The new password is not good enough, and the authority says what would be. */
  | { readonly kind: 'refused'; readonly policy: DomainPasswordInformation };

/** `DOMAIN_PASSWORD_INFORMATION`. */
export interface DomainPasswordInformation {
  /** Characters. */
  readonly minPasswordLength: number;
  /** How many old passwords are remembered. */
  readonly passwordHistoryLength: number;
  /** Bits of `DOMAIN_PASSWORD_*`. */
  readonly passwordProperties: number;
  /** 100 ns ticks, negative, as Windows counts spans of time. */
  readonly maxPasswordAge: bigint;
  readonly minPasswordAge: bigint;
}

/** What a credential is wanted for. */
export interface CredentialRequest {
  /** Bits of `SECPKG_CRED`. */
  readonly use: number;
  readonly principal?: string | undefined;
  readonly authData?: AuthData | undefined;
  readonly host: Host;
}

/** An immutable snapshot of credentials, from which contexts are started. */
export interface Credential {
  readonly info: PackageInfo;
  /** Bits of `SECPKG_CRED`. */
  readonly use: number;
  /** FILETIME ticks, UTC. */
  readonly expiry: bigint;
  /** Starts the client's side. @throws SspiError NO_CREDENTIALS when the credential is not for outbound use */
  initiate(options: InitiateOptions): SecurityContext;
  /** Starts the server's side. @throws SspiError NO_CREDENTIALS when the credential is not for inbound use */
  accept(options: AcceptOptions): SecurityContext;
  /** What QueryCredentialsAttributes tells of it; absent: nothing (contract L8). */
  readonly attributes?: CredentialAttributes | undefined;
  /** Through which proxies contexts that are started from now on reach KDCs: SetCredentialsAttributes (contract L8). */
  setKdcProxy?(settings: KdcProxySettings): void;
  /**
   * AddCredentials: one more mechanism for contexts that are started from now on (contract L9).
   * @param packageName - of the mechanism
   * @throws SspiError as `acquire`, and PACKAGE_NOT_FOUND
   */
  add?(packageName: string, request: CredentialRequest): Promise<void>;
  /** Zeroises the secrets once no context needs them any more (contract A14). */
  dispose(): void;
}

/** What both roles may be told. */
export interface ContextOptions {
  readonly host?: Host | undefined;
  /** The TLS channel, or other channel, that this exchange is to be bound to. */
  readonly channelBindings?: ChannelBindings | undefined;
  /** ALPN protocol names, in order of preference. */
  readonly applicationProtocols?: readonly string[] | undefined;
  readonly limits?: ContextLimits | undefined;
  /** Is told of every message, without secrets. */
  readonly observe?: ((event: ExchangeEvent) => void) | undefined;
}

/** Options of the client's side. */
export interface InitiateOptions extends ContextOptions {
  /** `pszTargetName`: an SPN such as `TERMSRV/host.example.com`, or a host name. */
  readonly targetName?: string | undefined;
  /** Bits of `ISC_REQ`. */
  readonly flags: number;
}

/** Options of the server's side. */
export interface AcceptOptions extends ContextOptions {
  /** Bits of `ASC_REQ`. */
  readonly flags: number;
}

/** What a peer may cost us before it is authenticated (contract C17). */
export interface ContextLimits {
  /** Largest message of the peer, in octets. */
  readonly maxToken?: number | undefined;
  /** Most calls of `step` with input that an exchange may take. */
  readonly maxLegs?: number | undefined;
  /** Milliseconds from the first step, by the host's clock. */
  readonly deadline?: number | undefined;
}

/** One message of an exchange, for people to look at. Holds nothing secret. */
export interface ExchangeEvent {
  readonly protocol: 'TLS' | 'CredSSP' | 'SPNEGO' | 'NTLM' | 'Kerberos';
  readonly direction: 'sent' | 'received';
  /** For example `NTLM NEGOTIATE` or `TSRequest v6 {negoTokens, pubKeyAuth}`. */
  readonly message: string;
  /** Octets. */
  readonly size: number;
}

/** What one step did. */
export type Step =
  | {
      readonly status: typeof SEC_E.OK | typeof SEC_I.CONTINUE_NEEDED;
      /** For the peer; empty when there is nothing to send. */
      readonly token: Uint8Array;
      /** How many octets of the input were used; the rest comes again with the next step, or is application data. */
      readonly consumed: number;
      /** Bits of `ISC_RET` or `ASC_RET`, as far as they are known. */
      readonly flags: number;
      /** FILETIME ticks, UTC. */
      readonly expiry: bigint;
    }
  | {
      /** The input holds no whole message. Nothing has changed: come again with more. */
      readonly status: typeof SEC_E.INCOMPLETE_MESSAGE;
      /** How many octets are missing at least. */
      readonly missing: number;
      readonly consumed: 0;
    }
  | {
      /** The server wants a client certificate. Come again with the same input, and another credential or the same. */
      readonly status: typeof SEC_I.INCOMPLETE_CREDENTIALS;
      readonly consumed: 0;
      readonly flags: number;
      readonly expiry: bigint;
    };

/** An exchange under way, and after it what protects the messages. */
export interface SecurityContext {
  readonly info: PackageInfo;
  readonly role: 'initiator' | 'acceptor';
  readonly state: 'negotiating' | 'established' | 'failed' | 'disposed';
  /** Whether a further step of an established context begins another authentication, which may be with another credential (R72). */
  readonly reauthenticates?: boolean | undefined;
  /**
   * Takes what the peer sent (nothing for the client's first step) and gives what is to be sent.
   * @throws SspiError; its `token` must still be sent to the peer when there is one. The context is of no use afterwards,
   *   and throws the same error again.
   */
  step(input?: Uint8Array, credential?: Credential): Promise<Step>;
  /**
   * An attribute of the context.
   * @throws SspiError CONTEXT_NOT_ESTABLISHED when it is not known yet, UNSUPPORTED_FUNCTION when this context never has it
   */
  query<N extends AttributeName>(attribute: N): AttributeValues[N];
  /** How messages are protected. @throws SspiError CONTEXT_NOT_ESTABLISHED */
  readonly messages: MessageProtection;
  /** Zeroises everything. May be called again. */
  dispose(): void;
}

/** How an established context protects messages: each by a token of its own, or as a stream of records. */
export type MessageProtection = TokenProtection | StreamProtection;

/** GSS style: NTLM, Kerberos, Negotiate. Messages are numbered; they must be opened in the order in which they were made. */
export interface TokenProtection {
  readonly kind: 'token';
  readonly sizes: Sizes;
  /** Whether messages are encrypted (GSS confidentiality), or signed only. */
  readonly confidentiality: boolean;
  readonly integrity: boolean;
  /** Seals `message` into one token: header, then ciphertext. `message` itself stays as it is. */
  wrap(message: Uint8Array): Uint8Array;
  /** Opens a token of the peer's `wrap`. @throws SspiError MESSAGE_ALTERED, MESSAGE_OUT_OF_ORDER, MALFORMED_TOKEN */
  unwrap(token: Uint8Array): Uint8Array;
  /** Encrypts `data` in place and returns the header that goes with it: the form of EncryptMessage. */
  seal(data: Uint8Array): Uint8Array;
  /** Decrypts `data` in place, then checks it against the header. @throws as `unwrap`; `data` is zeroed then */
  unseal(header: Uint8Array, data: Uint8Array): void;
  /** A signature over `message` (GSS_GetMIC). */
  sign(message: Uint8Array): Uint8Array;
  /** Checks a signature of the peer. @throws as `unwrap` */
  verify(message: Uint8Array, signature: Uint8Array): void;
  /**
   * After a mechListMIC was made (`sent`) or checked (`received`), NTLM starts that direction's key stream anew while the
   * numbers go on ([MS-SPNG] 3.3.5.1, contract S7). Mechanisms without such a thing do nothing.
   */
  restart(direction: 'sent' | 'received'): void;
}

/** TLS style: Schannel, CredSSP. */
export interface StreamProtection {
  readonly kind: 'stream';
  readonly sizes: Sizes;
  readonly streamSizes: StreamSizes;
  /** Octets of trailer that a record alone needs, where `streamSizes` has room for an answer of TLS besides. */
  readonly leastTrailer?: number | undefined;
  /** Makes one record of at most `streamSizes.maximumMessage` octets of plaintext. */
  encrypt(plaintext: Uint8Array): Promise<Uint8Array>;
  /** Opens the first record of `input`. */
  decrypt(input: Uint8Array): Promise<DecryptedRecord>;
  /** The close_notify record; after it nothing more can be encrypted. */
  close(): Promise<Uint8Array>;
}

/** What one call of `decrypt` found. */
export type DecryptedRecord =
  | { readonly kind: 'data'; readonly plaintext: Uint8Array; readonly consumed: number }
  | { readonly kind: 'incomplete'; readonly missing: number }
  | { readonly kind: 'closed'; readonly consumed: number };
