/**
 * How many clients may be on their way in at once. A door that anybody can knock at is open to whoever knocks and says no more:
 * what is over the limit is turned away before it costs anything (contract C17).
 * @module
 */
import { SspiError } from '../sspi/index.ts';

/** Limits on clients whose logon is not over. */
export interface HalfOpenOptions {
  /** All together. Default 256. */
  readonly total?: number | undefined;
  /** From one source: an IPv4 address, or the 64 bits of an IPv6 network that one customer has. Default 32. */
  readonly perSource?: number | undefined;
}

const DEFAULT_TOTAL = 256;
const DEFAULT_PER_SOURCE = 32;

/**
 * Counts the clients whose logon is not over. Give the same one to all calls that share a door.
 * @example
 * const halfOpen = new HalfOpen({ total: 500, perSource: 20 });
 * createServer((stream) => acceptNla({ stream, certificate, identity, halfOpen }).then(serve, log)).listen(3389);
 */
export class HalfOpen {
  readonly #total: number;
  readonly #perSource: number;
  readonly #bySource = new Map<string, number>();
  #count = 0;

  /** @throws SspiError INVALID_PARAMETER */
  constructor({ total = DEFAULT_TOTAL, perSource = DEFAULT_PER_SOURCE }: HalfOpenOptions = {}) {
    for (const [name, limit] of Object.entries({ total, perSource }))
      if (!Number.isInteger(limit) || limit < 1)
        throw new SspiError('INVALID_PARAMETER', { stage: 'HalfOpen', detail: `${name} is not a number above 0` });
    this.#total = total;
    this.#perSource = perSource;
  }

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /**
   * Lets one in.
   * @param source - address of the client; undefined: only the total is counted
   * @returns to be called once, when its logon is over, however
   * @throws SspiError TOO_MANY_CONNECTIONS
   */
  enter(source: string | undefined): () => void {
    const key = source === undefined ? undefined : networkOf(source);
    const stage = 'accept';
    if (this.#count >= this.#total)
      throw new SspiError('TOO_MANY_CONNECTIONS', { stage, detail: `${this.#total} in all` });
    const already = key === undefined ? 0 : (this.#bySource.get(key) ?? 0);
    if (already >= this.#perSource)
      throw new SspiError('TOO_MANY_CONNECTIONS', { stage, detail: `${this.#perSource} from ${key}` });
    this.#count++;
    if (key !== undefined) this.#bySource.set(key, already + 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#count--;
      if (key !== undefined) this.#leave(key);
    };
  }

  /** Nothing stays behind of a source that is gone: there are too many of them. */
  #leave(key: string): void {
    const left = (this.#bySource.get(key) ?? 1) - 1;
    if (left === 0) this.#bySource.delete(key);
    else this.#bySource.set(key, left);
  }
}

/** IPv4 as it is, also where it comes as IPv6 (RFC 4291 2.5.5.2); of IPv6 the first 64 bits; anything else as it is. */
function networkOf(source: string): string {
  const address = source.toLowerCase().replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!/^[0-9a-f:]*:[0-9a-f:.]*$/.test(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  const behind = tail === undefined || tail === '' ? 0 : tail.split(':').length;
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - behind);
  const whole = [
    ...groups,
    ...new Array<string>(zeros).fill('0'),
    ...(tail ?? '').split(':').filter((part) => part !== ''),
  ];
  return `${whole
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
