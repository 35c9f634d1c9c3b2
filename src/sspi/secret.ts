/**
 * A secret that cleans up after itself and never shows itself.
 * @module
 */

const REDACTED = '[redacted]';

/**
 * Octets that are zeroised on dispose, and print as `[redacted]` everywhere: string conversion, JSON, `util.inspect`.
 *
 * What a JavaScript engine copies on its own (strings above all) is beyond reach: hand over passwords as octets where you can.
 * @example
 * using password = Secret.fromText('AlicePass1!');
 * console.log(`${password}`); // [redacted]
 */
export class Secret implements Disposable {
  #octets: Uint8Array;
  #disposed = false;

  /** Takes ownership of `octets`: they are overwritten when the secret is disposed. Pass a copy to keep yours. */
  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** A secret from text, as UTF-16LE octets: the form in which every Windows protocol hashes and sends passwords. */
  static fromText(text: string): Secret {
    const octets = new Uint8Array(text.length * 2);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      octets[2 * i] = unit & 0xff;
      octets[2 * i + 1] = unit >>> 8;
    }
    return new Secret(octets);
  }

  /** The octets themselves, not a copy. Throws when the secret was disposed: zeros must never pass for a key. */
  reveal(): Uint8Array {
    if (this.#disposed) throw new TypeError('this Secret was disposed');
    return this.#octets;
  }

  /** A second secret with the same octets and a life of its own. */
  clone(): Secret {
    return new Secret(Uint8Array.from(this.reveal())); // not slice: that of a Buffer is a view of the same octets
  }

  get length(): number {
    return this.#octets.length;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Overwrites the octets with zeros. May be called again. */
  dispose(): void {
    this.#octets.fill(0);
    this.#disposed = true;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  get [Symbol.toStringTag](): string {
    return 'Secret';
  }

  /** What Node's `util.inspect` and `console.log` print. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return REDACTED;
  }
}
