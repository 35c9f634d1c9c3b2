/**
 * From a realm to an answer: the KDCs of the realm are found, and asked one after the other until one answers. RFC 4120 7.2.
 *
 * A KDC that does not answer at once does not hold up the logon: the next one is asked beside it, and the first answer counts.
 * All of it ends within a deadline, whatever the KDCs do and whatever the transport does.
 * @module
 */
import { type Clock, type KdcAddress, type KdcTransport, kdcAddressText, type Timer } from '../../host/index.ts';
import { NTSTATUS, SspiError } from '../../sspi/index.ts';
import { KRB_ERROR_CODE } from '../messages/index.ts';
import { addressesOf, type KdcEndpoint, type KdcService } from './endpoint.ts';
import type { KdcLocator } from './location.ts';
import { raceAddresses, type Verdict } from './race.ts';
import { isErrorReply, isKerberosReply, replyErrorCode } from './reply-kind.ts';

/** A message for the KDC of a realm, whichever that is. */
export interface NetworkRequest {
  readonly realm: string;
  readonly message: Uint8Array;
  /** Default `kdc`. */
  readonly service?: KdcService | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings a message to a realm and its answer back. {@link KdcNetwork} does so over sockets and proxies; a KDC in the same
 * process, or an acceptor that passes messages on (IAKERB), can take its place.
 */
export interface RealmNetwork {
  /** @throws SspiError KDC_NOT_FOUND, KDC_UNREACHABLE, KDC_PROXY_REFUSED */
  exchange(request: NetworkRequest): Promise<Uint8Array>;
}

/** How long things may take, in milliseconds, and how large they may be, in octets. */
export interface KdcNetworkLimits {
  /** When a KDC has not answered after this time the next one is asked as well. Default 1,000. */
  readonly patience?: number | undefined;
  /** A KDC that has not answered after this time is given up. Default 5,000. */
  readonly perTry?: number | undefined;
  /** One message and its answer, DNS included. Default 10,000. */
  readonly total?: number | undefined;
  /** Longest answer. Default 1 MiB: tickets of users in very many groups are large. */
  readonly maxReply?: number | undefined;
  /** Longest message that goes over UDP first: `udp_preference_limit`. Default 1,465. 0 or 1: always TCP first. */
  readonly udpLimit?: number | undefined;
}

/** See {@link KdcNetwork}. */
export interface KdcNetworkOptions {
  readonly transport: KdcTransport;
  readonly locator: KdcLocator;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly limits?: KdcNetworkLimits | undefined;
}

/** Addresses asked at most for one message: a DNS answer could name hundreds. */
const MOST_ADDRESSES = 32;
/** An address that failed goes to the end of the list for this time, and what the DNS said is not asked again, in milliseconds. */
const MEMORY = 60_000;
/** Addresses whose failure is remembered, and realms whose addresses are. */
const MOST_REMEMBERED = 256;

/** KDCs over a transport. Keep one for as long as credentials live: it remembers where KDCs are, and which failed of late. */
export class KdcNetwork implements RealmNetwork {
  readonly #options: KdcNetworkOptions;
  readonly #failedAt = new Map<string, number>();
  readonly #located = new Map<string, { readonly at: number; readonly endpoints: readonly KdcEndpoint[] }>();

  constructor(options: KdcNetworkOptions) {
    this.#options = options;
  }

  async exchange({ realm, message, service = 'kdc', signal }: NetworkRequest): Promise<Uint8Array> {
    const { transport, timer, limits = {} } = this.#options;
    const { patience = 1_000, perTry = 5_000, total = 10_000, maxReply = 2 ** 20, udpLimit = 1_465 } = limits;
    const stage = `Kerberos KDC of ${realm}`;
    const isChange = service === 'kpasswd';

    const outcome = await raceAddresses({
      addresses: async (within) =>
        this.#ordered(addressesOf(await this.#locate(realm, service, within), message.length, isChange ? 0 : udpLimit)),
      send: async (kdc, within) => transport.exchange({ realm, message, kdc, maxReply, signal: within }),
      judge: isChange ? () => 'answer' : judgeKdcReply,
      timer,
      // A password is changed once: a second server that is asked beside the first would see a replay, and say so first.
      patience: isChange ? perTry : patience,
      perTry,
      total,
      signal,
    });

    for (const { address } of outcome.failures) this.#remember(address);
    if ('reply' in outcome) {
      this.#failedAt.delete(kdcAddressText(outcome.address));
      return outcome.reply;
    }
    this.#located.clear(); // they may have moved
    throw refusal(stage, outcome.failures, outcome.reason);
  }

  async #locate(realm: string, service: KdcService, signal: AbortSignal): Promise<readonly KdcEndpoint[]> {
    const { locator, clock } = this.#options;
    const id = `${service} ${realm}`;
    const known = this.#located.get(id);
    if (known !== undefined && known.at > clock.now() - MEMORY) return known.endpoints;
    const endpoints = await locator.locate(realm, service, signal);
    if (endpoints.length === 0) throw new SspiError('KDC_NOT_FOUND', { stage: 'Kerberos', detail: `realm ${realm}` });
    if (this.#located.size >= MOST_REMEMBERED) this.#located.clear();
    this.#located.set(id, { at: clock.now(), endpoints });
    return endpoints;
  }

  /** The addresses that failed of late go last, so that a dead KDC costs its time once and not with every message. */
  #ordered(addresses: readonly KdcAddress[]): readonly KdcAddress[] {
    const since = this.#options.clock.now() - MEMORY;
    const isBad = (address: KdcAddress): boolean => (this.#failedAt.get(kdcAddressText(address)) ?? -Infinity) > since;
    return [...addresses.filter((one) => !isBad(one)), ...addresses.filter(isBad)].slice(0, MOST_ADDRESSES);
  }

  #remember(address: KdcAddress): void {
    if (this.#failedAt.size >= MOST_REMEMBERED) this.#failedAt.clear();
    this.#failedAt.set(kdcAddressText(address), this.#options.clock.now());
  }
}

/** What an answer is worth, by looking at its outside. */
function judgeKdcReply(reply: Uint8Array): Verdict {
  if (!isKerberosReply(reply)) return 'garbage';
  if (!isErrorReply(reply)) return 'answer';
  switch (replyErrorCode(reply)) {
    case KRB_ERROR_CODE.KRB_ERR_RESPONSE_TOO_BIG:
      return 'too-big';
    case KRB_ERROR_CODE.KDC_ERR_SVC_UNAVAILABLE:
      return 'unavailable';
    default:
      return 'answer';
  }
}

function refusal(
  stage: string,
  failures: readonly { address: KdcAddress; cause: unknown }[],
  reason: unknown,
): SspiError {
  const refused = failures
    .map(({ cause }) => cause)
    .find((cause) => cause instanceof SspiError && cause.code === 'KDC_PROXY_REFUSED');
  if (refused instanceof SspiError) return refused;
  if (reason instanceof SspiError) return reason;
  const tried = failures.map(({ address, cause }) => `${kdcAddressText(address)}: ${causeText(cause)}`);
  const detail = [...(reason === undefined ? [] : [causeText(reason)]), ...tried].join('; ');
  const cause = reason ?? failures[0]?.cause;
  return new SspiError('KDC_UNREACHABLE', { stage, detail, cause, ntStatus: NTSTATUS.NO_LOGON_SERVERS });
}

function causeText(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
