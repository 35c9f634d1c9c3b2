/**
 * Writes an exchange down while it happens, as the lines of `lines.ts`.
 * @module
 */

import { decodeTSRequest } from '../../credssp/index.ts';
import { sha256, toHex } from '../../crypto/index.ts';
import { type Host, kdcAddressText } from '../../host/index.ts';
import { type SecurityContext, SspiError } from '../../sspi/index.ts';
import type { Side } from '../observations.ts';
import { type TraceDraw, writeLine } from './lines.ts';
import { summaryOf } from './summary.ts';

/** What to record, and where to. */
export interface RecorderOptions {
  /** What the exchange would use if nobody recorded it. */
  readonly host: Host;
  /** Takes one line, without its end. */
  readonly write: (line: string) => void;
  /**
   * Record what a replay needs: clock, random octets, what KDCs and the DNS said. Random octets are session keys: give such a trace
   * only to whom you would give the session (see `lines.ts`). Default false.
   */
  readonly replayable?: boolean | undefined;
  /** What the lines call the connection (`conn`). Default `exchange`. */
  readonly conversation?: string | undefined;
}

/**
 * Records one exchange of a context without TLS: the bare engines of CredSSP, Negotiate, Kerberos, NTLM. What OpenSSL draws cannot be
 * recorded.
 * @example
 * const recorder = new Recorder({ host: systemHost, write: (line) => lines.push(line), replayable: true });
 * recorder.begin({ target: 'HTTP/server.example.com' });
 * const credential = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: recorder.host });
 * const context = recorder.watch(credential.initiate({ flags, targetName: 'HTTP/server.example.com', host: recorder.host }));
 */
export class Recorder {
  /** For the credential and the context that are recorded. */
  readonly host: Host;
  readonly #options: RecorderOptions;
  readonly #started: number;
  /** Readings of the clock that are not written yet: there are many, and they belong on one line. */
  #clock: number[] = [];
  #began = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#started = options.host.clock.now();
    this.host = options.replayable === true ? this.#watched(options.host) : options.host;
  }

  /**
   * Begins the trace. What was drawn before does not belong to the exchange.
   * @param about - whatever it takes to start the same exchange again. Nothing secret; has a form in JSON
   */
  begin(about: Readonly<Record<string, unknown>> = {}): void {
    if (this.#began) throw new SspiError('INVALID_PARAMETER', { stage: 'trace', detail: 'it has begun already' });
    this.#began = true;
    this.#write({ kind: 'header', replayable: this.#options.replayable === true, about });
  }

  /** Writes a message down. */
  message(from: Side, octets: Uint8Array): void {
    const at = this.#elapsed();
    const summary = summaryOf(octets, from);
    const isSecret = this.#options.replayable === true && mayHoldCredentials(octets, from);
    const content = isSecret ? { sha256: toHex(sha256(octets)) } : { octets };
    const { conversation = 'exchange' } = this.#options;
    this.#write({ kind: 'message', conversation, at, from, size: octets.length, summary, content });
  }

  /** The same context, whose messages are written down. */
  watch(context: SecurityContext): SecurityContext {
    const [own, peer]: [Side, Side] = context.role === 'initiator' ? ['client', 'server'] : ['server', 'client'];
    const said = (token: Uint8Array | undefined): void => {
      if (token !== undefined && token.length > 0) this.message(own, token);
    };
    const watched: Pick<SecurityContext, 'step'> = {
      step: async (input, credential) => {
        if (input !== undefined && input.length > 0) this.message(peer, input);
        try {
          const step = await context.step(input, credential);
          said('token' in step ? step.token : undefined);
          return step;
        } catch (error) {
          if (error instanceof SspiError) said(error.token);
          throw error;
        }
      },
    };
    return new Proxy(context, {
      get: (target, name) => {
        if (name === 'step') return watched.step;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  #watched(host: Host): Host {
    const { kdcTransport, dns } = host;
    return {
      ...host,
      clock: {
        now: () => {
          const now = host.clock.now();
          if (this.#began) this.#clock.push(now);
          return now;
        },
      },
      random: {
        bytes: (length) => {
          const octets = host.random.bytes(length);
          this.#draw({ kind: 'random', octets });
          return octets;
        },
      },
      kdcTransport: kdcTransport && {
        exchange: async (request) => {
          const asked = { kind: 'kdc', at: this.#elapsed(), to: kdcAddressText(request.kdc) } as const;
          const message = request.message.slice();
          try {
            const answer = await kdcTransport.exchange(request);
            this.#draw({ ...asked, request: message, answer });
            return answer;
          } catch (error) {
            const failed = error instanceof Error ? error.message : String(error);
            this.#draw({ ...asked, request: message, answer: { failed } });
            throw error;
          }
        },
      },
      dns: dns && {
        srv: async (name, signal) => {
          const records = await dns.srv(name, signal);
          this.#draw({ kind: 'dns', name, records });
          return records;
        },
      },
    };
  }

  #draw(draw: TraceDraw): void {
    if (this.#began) this.#write(draw);
  }

  #write(line: Parameters<typeof writeLine>[0]): void {
    if (this.#clock.length > 0) this.#options.write(writeLine({ kind: 'clock', values: this.#clock.splice(0) }));
    this.#options.write(writeLine(line));
  }

  #elapsed(): number {
    return Math.round(this.#options.host.clock.now() - this.#started);
  }
}

/**
 * Whether a message seals credentials, which the recorded random octets would open. What a client sends that looks like a TSRequest
 * and cannot be read may well: others are less strict.
 */
function mayHoldCredentials(octets: Uint8Array, from: Side): boolean {
  try {
    return decodeTSRequest(octets).authInfo !== undefined;
  } catch {
    return from === 'client' && octets[0] === SEQUENCE;
  }
}

/** What a TSRequest begins with; tokens of mechanisms begin with something else. */
const SEQUENCE = 0x30;
