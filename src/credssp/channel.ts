/**
 * What both roles of CredSSP ask of every TSRequest that comes and goes: the version, the nonce, the error code, the number of
 * messages (contract §3.4, §3.5; faults Z2, Z6, Z7).
 * @module
 */
import { equalInConstantTime } from '../crypto/index.ts';
import { describeSpnego } from '../negotiate/index.ts';
import {
  type CredSspOptions,
  type ExchangeEvent,
  type Leg,
  ntStatusForPeer,
  ntStatusName,
  SspiError,
  securityStatusOfNtStatus,
} from '../sspi/index.ts';
import { FIRST_HASHED_VERSION } from './binding.ts';
import { decodeTSRequest, describeTSRequest, encodeTSRequest, ntStatusOf, type TSRequest } from './messages.ts';

/** The versions that exist ([MS-CSSP] 2.2.1). */
export const OLDEST_VERSION = 2;
export const NEWEST_VERSION = 6;

/** No honest exchange takes more messages of the peer than this (contract C17). */
const MAX_MESSAGES = 12;

/** Versions 2 and 5 have no errorCode (contract X20). */
const carriesErrorCode = (version: number): boolean => version === 3 || version === 4 || version >= 6;

/** The fields of a TSRequest but for the version, which the channel writes. */
export type Content = Omit<TSRequest, 'version'>;

/** The stream of TSRequests of one exchange. */
export class TSRequestChannel {
  readonly ownVersion: number;
  readonly #minimumVersion: number;
  readonly #role: 'initiator' | 'acceptor';
  readonly #trace: (event: () => ExchangeEvent) => void;
  #peerVersion: number | undefined;
  #nonce: Uint8Array | undefined;
  #received = 0;

  /** @throws SspiError INVALID_PARAMETER when the options name versions that do not exist */
  constructor(role: 'initiator' | 'acceptor', options: CredSspOptions, trace: (event: () => ExchangeEvent) => void) {
    const { maxVersion = NEWEST_VERSION, minVersion = Math.min(FIRST_HASHED_VERSION, maxVersion) } = options;
    assertVersion('maxVersion', maxVersion);
    assertVersion('minVersion', minVersion);
    if (minVersion > maxVersion)
      throw new SspiError('INVALID_PARAMETER', { stage: 'CredSSP options', detail: 'minVersion is above maxVersion' });
    this.ownVersion = maxVersion;
    this.#minimumVersion = minVersion;
    this.#role = role;
    this.#trace = trace;
  }

  /** The lower of the two sides' versions; our own one before the peer has spoken (contract X14, X16). */
  get version(): number {
    return Math.min(this.ownVersion, this.#peerVersion ?? this.ownVersion);
  }

  /** The client's nonce, as far as it has come (contract X17). */
  get clientNonce(): Uint8Array | undefined {
    return this.#nonce;
  }

  /** A TSRequest for the peer. Every message carries our highest version. */
  leg(content: Content): Leg {
    const request = { version: this.ownVersion, ...content };
    const token = encodeTSRequest(request);
    this.#note('sent', request, token.length);
    return { token };
  }

  /**
   * Takes a TSRequest of the peer.
   * @throws SspiError PEER_REFUSED with the peer's NTSTATUS, VERSION_REFUSED, VERSION_CHANGED, NONCE_INVALID, MALFORMED_TOKEN
   */
  receive(octets: Uint8Array): TSRequest {
    if (++this.#received > MAX_MESSAGES)
      throw new SspiError('TOO_MANY_LEGS', { stage: 'TSRequest', detail: `more than ${MAX_MESSAGES} messages` });
    const request = decodeTSRequest(octets);
    this.#note('received', request, octets.length);
    this.#pinVersion(request.version);
    this.#checkErrorCode(request);
    this.#checkMinimum();
    // FreeRDP's server writes one too, another in every message; a client needs only its own.
    if (this.#role === 'acceptor') this.#pinNonce(request.clientNonce);
    return request;
  }

  /**
   * What tells the peer why, if its version knows error codes (contract C13, X20).
   * @returns nothing when the peer has not said its version yet, or would not understand
   */
  refusal(error: SspiError): Uint8Array | undefined {
    if (this.#peerVersion === undefined || !carriesErrorCode(this.version) || error.code === 'PEER_REFUSED')
      return undefined;
    const request = { version: this.ownVersion, errorCode: ntStatusForPeer(error) | 0 };
    const token = encodeTSRequest(request);
    this.#note('sent', request, token.length);
    return token;
  }

  #note(direction: ExchangeEvent['direction'], request: TSRequest, size: number): void {
    this.#trace(() => ({ protocol: 'CredSSP', direction, message: describeTSRequest(request, describeSpnego), size }));
  }

  #pinVersion(version: number): void {
    if (this.#peerVersion !== undefined && this.#peerVersion !== version)
      throw new SspiError('VERSION_CHANGED', { stage: 'TSRequest', detail: `from ${this.#peerVersion} to ${version}` });
    this.#peerVersion = version;
  }

  #checkMinimum(): void {
    if (this.version < this.#minimumVersion)
      throw new SspiError('VERSION_REFUSED', {
        stage: 'TSRequest',
        detail: `the peer speaks ${this.#peerVersion}, the minimum is ${this.#minimumVersion}`,
      });
  }

  #checkErrorCode(request: TSRequest): void {
    const ntStatus = ntStatusOf(request);
    if (ntStatus === undefined || ntStatus === 0) return;
    throw new SspiError('PEER_REFUSED', {
      stage: 'TSRequest errorCode',
      detail: ntStatusName(ntStatus),
      status: securityStatusOfNtStatus(ntStatus),
      ntStatus,
    });
  }

  #pinNonce(nonce: Uint8Array | undefined): void {
    if (nonce === undefined) return;
    if (this.#nonce !== undefined && !equalInConstantTime(this.#nonce, nonce))
      throw new SspiError('NONCE_INVALID', { stage: 'TSRequest', detail: 'it changed within the exchange' });
    this.#nonce = nonce.slice();
  }
}

function assertVersion(name: string, version: number): void {
  if (Number.isInteger(version) && version >= OLDEST_VERSION && version <= NEWEST_VERSION) return;
  throw new SspiError('INVALID_PARAMETER', { stage: 'CredSSP options', detail: `${name} must be 2 to 6` });
}
