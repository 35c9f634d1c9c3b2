/**
 * What a TLS connection remembers from message to message: whether a direction is encrypted by now, and with what, as far as a key
 * log tells.
 * @module
 */
import { fromHex } from '../../crypto/index.ts';
import type { KeyLog, TlsSecrets } from '../input/key-log.ts';
import type { Side } from '../observations.ts';
import {
  type OpenedRecord,
  protection12,
  protection13,
  type RecordProtection,
  updatedSecret,
} from './tls-protection.ts';

/** What hellos say that matters afterwards. */
export interface HelloFacts {
  /** In hexadecimal. */
  readonly random: string;
  readonly version: number;
  readonly cipherSuite: number;
}

const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;
const EMPTY = new Uint8Array(0);

/** One direction. */
export interface TlsDirection {
  encrypted: boolean;
  protection: RecordProtection | undefined;
  /** TLS 1.3: from what the keys in use were made. */
  secret: Uint8Array | undefined;
  /** Application data that is no whole message yet. */
  plaintext: Uint8Array;
}

/** One connection. */
export class TlsSession {
  readonly #keyLog: KeyLog;
  readonly #directions: Readonly<Record<Side, TlsDirection>> = { client: newDirection(), server: newDirection() };
  #clientRandom: string | undefined;
  #server: HelloFacts | undefined;
  #secrets: TlsSecrets | undefined;

  constructor(keyLog: KeyLog) {
    this.#keyLog = keyLog;
  }

  /** Who does not say who he is has no past. */
  direction(side: Side | undefined): TlsDirection {
    return side === undefined ? newDirection() : this.#directions[side];
  }

  get isTls13(): boolean {
    return this.#server?.version === TLS_1_3;
  }

  /** Whether there are secrets for this connection. */
  get hasSecrets(): boolean {
    return this.#secrets !== undefined;
  }

  /** A new handshake in plain sight, too: on a connection of its own, in tokens that follow others. */
  clientHello(random: string): void {
    if (this.#clientRandom !== random) {
      for (const direction of Object.values(this.#directions)) Object.assign(direction, newDirection());
      this.#server = undefined;
    }
    this.#clientRandom = random;
    this.#secrets = this.#keyLog.secretsOf(random);
  }

  serverHello(facts: HelloFacts): void {
    this.#server = facts;
    if (facts.version !== TLS_1_3) return;
    this.#useSecret('client', this.#secrets?.get('CLIENT_HANDSHAKE_TRAFFIC_SECRET'));
    this.#useSecret('server', this.#secrets?.get('SERVER_HANDSHAKE_TRAFFIC_SECRET'));
  }

  /** In TLS 1.3 it means nothing. */
  changeCipherSpec(side: Side | undefined): void {
    const direction = this.direction(side);
    direction.encrypted = true;
    const master = this.#secrets?.get('CLIENT_RANDOM');
    if (
      side === undefined ||
      this.#server?.version !== TLS_1_2 ||
      this.#clientRandom === undefined ||
      master === undefined
    )
      return;
    const randoms = { client: fromHex(this.#clientRandom), server: fromHex(this.#server.random) };
    direction.protection = protection12(this.#server.cipherSuite, master, randoms)?.[side];
  }

  /** TLS 1.3: what comes behind Finished has other keys. */
  finished(side: Side): void {
    if (!this.isTls13) return;
    this.#useSecret(
      side,
      this.#secrets?.get(side === 'client' ? 'CLIENT_TRAFFIC_SECRET_0' : 'SERVER_TRAFFIC_SECRET_0'),
    );
  }

  keyUpdate(side: Side): void {
    const { secret } = this.#directions[side];
    if (secret !== undefined && this.#server !== undefined)
      this.#useSecret(side, updatedSecret(this.#server.cipherSuite, secret));
  }

  /** @returns undefined when there are no keys; `failed` when they do not open it */
  open(side: Side | undefined, header: Uint8Array, body: Uint8Array): OpenedRecord | 'failed' | undefined {
    const { protection } = this.direction(side);
    return protection === undefined ? undefined : (protection.open(header, body) ?? 'failed');
  }

  #useSecret(side: Side, secret: Uint8Array | undefined): void {
    const direction = this.#directions[side];
    direction.secret = secret;
    direction.protection = secret && this.#server && protection13(this.#server.cipherSuite, secret);
  }
}

function newDirection(): TlsDirection {
  return { encrypted: false, protection: undefined, secret: undefined, plaintext: EMPTY };
}
