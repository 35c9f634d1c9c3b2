/**
 * One end of a security context, driven through the SSPI functions only: what an application does with them, written down once
 * for `peer` and for the loops of `logon`.
 * @module
 */
import { type CredHandle, type CtxtHandle, createSspi, type Outcome, type Sspi } from '../api/index.ts';
import { credsspPackage } from '../credssp/package.ts';
import type { Host } from '../host/index.ts';
import { nodeHost } from '../host/node.ts';
import { kerberosPackage } from '../kerberos/index.ts';
import { negotiatePackage } from '../negotiate/index.ts';
import { ntlmPackage } from '../ntlm/index.ts';
import {
  type AuthData,
  bufferType,
  contentOf,
  type DelegatedCredentials,
  type ExchangeEvent,
  encodeSecChannelBindings,
  isFailure,
  SEC_E,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  type SecBuffer,
  type SecurityStatus,
  SspiError,
  type StreamSizes,
  secBuffer,
} from '../sspi/index.ts';

/** What the command line calls the packages. */
export const PACKAGE_NAMES = {
  credssp: 'CREDSSP',
  negotiate: 'Negotiate',
  kerberos: 'Kerberos',
  ntlm: 'NTLM',
} as const;
/** A name of a package on the command line. */
export type Protocol = keyof typeof PACKAGE_NAMES;

/** What an end is to be. */
export interface EndpointOptions {
  readonly protocol: Protocol;
  readonly role: 'initiator' | 'acceptor';
  readonly authData: AuthData;
  /** Bits of `ISC_REQ` or `ASC_REQ`; ALLOCATE_MEMORY is added. */
  readonly contextReq: number;
  readonly targetName?: string | undefined;
  /** Application data of channel bindings, for example `tls-server-end-point:` and a hash. */
  readonly channelBindings?: Uint8Array | undefined;
  /** Default: this machine, with its sockets for asking KDCs. */
  readonly host?: Host | undefined;
}

/** One call of InitializeSecurityContext or AcceptSecurityContext. */
export interface EndpointCall {
  readonly status: SecurityStatus;
  /** Octets that were handed in. */
  readonly received: number;
  /** For the peer, also when the status is a failure; may be empty. */
  readonly token: Uint8Array;
  /** Octets at the end of the input that come again with the next call. */
  readonly extra: Uint8Array;
  /** The messages in what was handed in and in what came out. */
  readonly events: readonly ExchangeEvent[];
  readonly error: SspiError | undefined;
}

const ALLOCATE_MEMORY = 0x100; // the same bit in ISC_REQ and ASC_REQ
const EMPTY = new Uint8Array(0);

/** A message in the two parts that protocols of the WinRM kind send one after the other. */
export interface SplitMessage {
  readonly header: Uint8Array;
  readonly sealed: Uint8Array;
}

/** See the module. */
export class Endpoint {
  readonly options: EndpointOptions;
  readonly #sspi: Sspi;
  readonly #credential: CredHandle;
  /** What was observed since the last call. */
  readonly #events: ExchangeEvent[];
  #context: CtxtHandle | null = null;
  #streamSizes: StreamSizes | undefined;

  constructor(options: EndpointOptions, sspi: Sspi, credential: CredHandle, events: ExchangeEvent[]) {
    this.options = options;
    this.#sspi = sspi;
    this.#credential = credential;
    this.#events = events;
  }

  /** Acquires the credentials. @throws SspiError */
  static async open(options: EndpointOptions): Promise<Endpoint> {
    const events: ExchangeEvent[] = [];
    const packages = [credsspPackage, negotiatePackage, kerberosPackage, ntlmPackage];
    const sspi = createSspi({ packages, host: options.host ?? nodeHost, observe: (event) => events.push(event) });
    const { status, credential, error } = await sspi.acquireCredentialsHandle({
      package: PACKAGE_NAMES[options.protocol],
      credentialUse: options.role === 'initiator' ? SECPKG_CRED.OUTBOUND : SECPKG_CRED.INBOUND,
      authData: options.authData,
    });
    if (credential === null) throw failure('AcquireCredentialsHandle', status, error);
    return new Endpoint(options, sspi, credential, events);
  }

  /** Starts the exchange (without a token), or takes it further. A context that is incomplete wants more octets, all at once. */
  async call(received: Uint8Array = EMPTY): Promise<EndpointCall> {
    const { role, contextReq, targetName } = this.options;
    const output = secBuffer(SECBUFFER.TOKEN);
    const input = [secBuffer(SECBUFFER.TOKEN, received), secBuffer(SECBUFFER.EMPTY), ...this.#bindings()];
    const parameters = {
      credential: this.#credential,
      context: this.#context,
      contextReq: contextReq | ALLOCATE_MEMORY,
      input: { buffers: input },
      output: { buffers: [output] },
    };
    this.#events.length = 0;
    const result =
      role === 'initiator'
        ? await this.#sspi.initializeSecurityContext({ ...parameters, targetName })
        : await this.#sspi.acceptSecurityContext(parameters);
    this.#context = result.context;
    const extra = input.find((buffer) => bufferType(buffer) === SECBUFFER.EXTRA)?.count ?? 0;
    return {
      status: result.status,
      received: received.length,
      token: contentOf(output),
      extra: received.subarray(received.length - extra),
      events: [...this.#events],
      error: isFailure(result.status) ? result.error : undefined,
    };
  }

  #bindings(): SecBuffer[] {
    const { channelBindings: applicationData } = this.options;
    if (applicationData === undefined) return [];
    return [secBuffer(SECBUFFER.CHANNEL_BINDINGS, encodeSecChannelBindings({ applicationData }))];
  }

  /** An attribute of the context, or undefined when it has none of that number. */
  async attribute<A extends number>(attribute: A) {
    const { value } = await this.#sspi.queryContextAttributes({ context: this.#handle(), attribute });
    return value ?? undefined;
  }

  /** What the client delegated; it goes when the context does. Undefined where there is no delegation. */
  async delegated(): Promise<DelegatedCredentials | undefined> {
    const creds = await this.attribute(SECPKG_ATTR.CREDS);
    if (creds === undefined) return undefined;
    await this.#sspi.freeContextBuffer({ contextBuffer: creds.authBuffer }); // the packed form, with the password in it
    return creds.credentials;
  }

  /** Seals a message into one piece: a GSS token, or as many TLS records as it takes. */
  async wrap(message: Uint8Array): Promise<Uint8Array> {
    const maximum = (await this.#streams())?.maximumMessage ?? Math.max(1, message.length);
    const parts: Uint8Array[] = [];
    for (let at = 0; at < message.length || at === 0; at += maximum) {
      const { header, sealed } = await this.seal(message.subarray(at, at + maximum));
      parts.push(header, sealed);
    }
    return Buffer.concat(parts);
  }

  /** Opens what the peer's `wrap` made. */
  async unwrap(wrapped: Uint8Array): Promise<Uint8Array> {
    if ((await this.#streams()) !== undefined) return this.#openRecords(wrapped);
    const data = secBuffer(SECBUFFER.DATA);
    await this.#decrypt([secBuffer(SECBUFFER.STREAM, wrapped.slice()), data]);
    return contentOf(data);
  }

  /** Seals a message into a header and what is sealed, which for a TLS record is its header and the rest. */
  async seal(message: Uint8Array): Promise<SplitMessage> {
    const streams = await this.#streams();
    const data = secBuffer(SECBUFFER.DATA, message.slice());
    if (streams !== undefined) {
      const header = secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(streams.header));
      const trailer = secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(streams.trailer));
      await this.#encrypt([header, data, trailer, secBuffer(SECBUFFER.EMPTY)]);
      return { header: contentOf(header), sealed: Buffer.concat([contentOf(data), contentOf(trailer)]) };
    }
    const sizes = await this.attribute(SECPKG_ATTR.SIZES);
    const token = secBuffer(SECBUFFER.TOKEN, new Uint8Array(sizes?.securityTrailer ?? 0));
    await this.#encrypt([token, data]);
    return { header: contentOf(token), sealed: contentOf(data) };
  }

  /** Opens what the peer's `seal` made. */
  async unseal({ header, sealed }: SplitMessage): Promise<Uint8Array> {
    if ((await this.#streams()) !== undefined) return this.#openRecords(Buffer.concat([header, sealed]));
    const data = secBuffer(SECBUFFER.DATA, sealed.slice());
    await this.#decrypt([secBuffer(SECBUFFER.TOKEN, header), data]);
    return contentOf(data);
  }

  /** @throws SspiError UNSUPPORTED_FUNCTION for CredSSP */
  async sign(message: Uint8Array): Promise<Uint8Array> {
    const sizes = await this.attribute(SECPKG_ATTR.SIZES);
    const token = secBuffer(SECBUFFER.TOKEN, new Uint8Array(sizes?.maxSignature ?? 0));
    const { status, error } = await this.#sspi.makeSignature({
      context: this.#handle(),
      message: { buffers: [secBuffer(SECBUFFER.DATA, message), token] },
    });
    if (isFailure(status)) throw failure('MakeSignature', status, error);
    return contentOf(token);
  }

  /** @throws SspiError MESSAGE_ALTERED and others */
  async verify(message: Uint8Array, signature: Uint8Array): Promise<void> {
    const { status, error } = await this.#sspi.verifySignature({
      context: this.#handle(),
      message: { buffers: [secBuffer(SECBUFFER.DATA, message), secBuffer(SECBUFFER.TOKEN, signature)] },
    });
    if (isFailure(status)) throw failure('VerifySignature', status, error);
  }

  /** Deletes the context and frees the credentials. */
  async close(): Promise<void> {
    if (this.#context !== null) await this.#sspi.deleteSecurityContext({ context: this.#context });
    this.#context = null;
    await this.#sspi.freeCredentialsHandle({ credential: this.#credential });
  }

  async #streams(): Promise<StreamSizes | undefined> {
    if (this.options.protocol !== 'credssp') return undefined;
    this.#streamSizes ??= await this.attribute(SECPKG_ATTR.STREAM_SIZES);
    return this.#streamSizes;
  }

  async #openRecords(records: Uint8Array): Promise<Uint8Array> {
    const plaintext: Uint8Array[] = [];
    let rest: Uint8Array = records.slice();
    do {
      const buffers = [SECBUFFER.DATA, SECBUFFER.EMPTY, SECBUFFER.EMPTY, SECBUFFER.EMPTY].map((type, at) =>
        secBuffer(type, at === 0 ? rest : null),
      );
      await this.#decrypt(buffers);
      const part = (type: number): Uint8Array => {
        const found = buffers.find((buffer) => bufferType(buffer) === type);
        return found === undefined ? EMPTY : contentOf(found);
      };
      plaintext.push(part(SECBUFFER.DATA));
      rest = part(SECBUFFER.EXTRA);
    } while (rest.length > 0);
    return Buffer.concat(plaintext);
  }

  async #encrypt(buffers: SecBuffer[]): Promise<void> {
    const { status, error } = await this.#sspi.encryptMessage({ context: this.#handle(), message: { buffers } });
    if (isFailure(status)) throw failure('EncryptMessage', status, error);
  }

  async #decrypt(buffers: SecBuffer[]): Promise<void> {
    const { status, error } = await this.#sspi.decryptMessage({ context: this.#handle(), message: { buffers } });
    // SEC_I_CONTEXT_EXPIRED is no failure, and no message either.
    if (status !== SEC_E.OK) throw failure('DecryptMessage', status, error);
  }

  #handle(): CtxtHandle {
    if (this.#context === null) throw new SspiError('CONTEXT_NOT_ESTABLISHED', { stage: 'endpoint' });
    return this.#context;
  }
}

function failure(stage: string, status: SecurityStatus, error: Outcome['error']): SspiError {
  return error ?? new SspiError('INTERNAL_ERROR', { stage, status });
}
