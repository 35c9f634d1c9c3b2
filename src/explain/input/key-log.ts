/**
 * Key logs of TLS, as browsers and OpenSSL write them for `SSLKEYLOGFILE`: the secrets of connections, by the random of their
 * ClientHello.
 * @see https://www.ietf.org/archive/id/draft-ietf-tls-keylogfile-02.html
 * @module
 */
import { fromHex } from '../../crypto/index.ts';

/** The secrets of one connection, by their labels. */
export type TlsSecrets = ReadonlyMap<string, Uint8Array>;

const LINE =
  /^(CLIENT_RANDOM|(?:CLIENT|SERVER)_(?:HANDSHAKE_TRAFFIC_SECRET|TRAFFIC_SECRET_0)) ([0-9a-f]{64}) ([0-9a-f]{64,96})$/iu;
const MOST_LINES = 65_536;

/** Secrets by connection. Nothing of it is ever shown. */
export class KeyLog {
  readonly #secrets = new Map<string, Map<string, Uint8Array>>();

  /** Adds the lines of a log. What is no line of one is passed over. */
  add(text: string): void {
    for (const line of text.split(/\r?\n/u).slice(0, MOST_LINES)) {
      const [, label, random, secret] = LINE.exec(line.trim()) ?? [];
      if (label === undefined || random === undefined || secret === undefined || secret.length % 2 !== 0) continue;
      const id = random.toLowerCase();
      const known = this.#secrets.get(id) ?? new Map<string, Uint8Array>();
      known.set(label.toUpperCase(), fromHex(secret));
      this.#secrets.set(id, known);
    }
  }

  get isEmpty(): boolean {
    return this.#secrets.size === 0;
  }

  /** @param clientRandom - in hexadecimal */
  secretsOf(clientRandom: string): TlsSecrets | undefined {
    return this.#secrets.get(clientRandom);
  }

  /** Zeroises everything. */
  dispose(): void {
    for (const secrets of this.#secrets.values()) for (const secret of secrets.values()) secret.fill(0);
    this.#secrets.clear();
  }
}
