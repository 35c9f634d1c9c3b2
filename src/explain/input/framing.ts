/**
 * Where a message ends in a stream: by the header that each protocol has for that.
 * @module
 */
import { concat } from '../../crypto/index.ts';
import { frameDer } from '../../der/index.ts';
import { kerberosMessageName } from '../messages/kerberos.ts';
import { isTls } from '../messages/tls.ts';
import { isTpkt } from '../messages/x224.ts';

/** Messages cut out of the octets, and what is left. */
export interface Cut {
  readonly messages: readonly Uint8Array[];
  readonly rest: Uint8Array;
  /** Set when what is left begins with nothing that is known: there is no use in waiting for more of it. */
  readonly lost: boolean;
}

const LONGEST_MESSAGE = 1024 * 1024;

/**
 * Cuts messages from the front. TLS records that come together stay together: that is how people think of flights.
 * @param whole - there will be no more: what is left over is a message too, if only the beginning of one
 */
export function cutMessages(octets: Uint8Array, whole: boolean): Cut {
  const messages: Uint8Array[] = [];
  let at = 0;
  while (at < octets.length) {
    const rest = octets.subarray(at);
    const length = messageLength(rest);
    if (length === undefined) {
      if (!whole) return { messages, rest, lost: true };
      messages.push(rest);
      return { messages, rest: rest.subarray(rest.length), lost: false };
    }
    if (length > rest.length) {
      if (!whole) return { messages, rest, lost: false };
      messages.push(rest);
      return { messages, rest: rest.subarray(rest.length), lost: false };
    }
    messages.push(rest.subarray(0, length));
    at += length;
  }
  return { messages, rest: octets.subarray(at), lost: false };
}

/** The length of the message that begins here, which may be more than there is; undefined when it has no header that says so. */
function messageLength(octets: Uint8Array): number | undefined {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  if (isTpkt(octets)) return Math.max(4, view.getUint16(2));
  if (isTls(octets)) return flightLength(octets);
  if (octets.length > 4 && kerberosMessageName(octets[4]) !== undefined && view.getUint32(0) <= LONGEST_MESSAGE)
    return 4 + view.getUint32(0);
  if (octets[0] === 0x30 || octets[0] === 0x60 || octets[0] === 0xa1 || kerberosMessageName(octets[0]) !== undefined)
    return derLength(octets);
  return undefined;
}

function derLength(octets: Uint8Array): number | undefined {
  try {
    const frame = frameDer(octets, { maxLength: LONGEST_MESSAGE, lengths: 'ber-long' });
    return 'whole' in frame ? frame.whole : octets.length + frame.missing;
  } catch {
    return undefined; // not DER after all
  }
}

/** All records that follow each other; the last one may have been cut. */
function flightLength(octets: Uint8Array): number {
  let end = 0;
  while (isTls(octets.subarray(end))) {
    const length = 5 + (((octets[end + 3] ?? 0) << 8) | (octets[end + 4] ?? 0));
    // A record that is not whole is the next message, unless it is the first.
    if (end > 0 && end + length > octets.length) return end;
    end += length;
    if (end >= octets.length) break;
  }
  return end;
}

/** Octets of one direction that wait for the rest of their message. */
export class Pending {
  #octets: Uint8Array = new Uint8Array(0);

  join(more: Uint8Array): Uint8Array {
    return this.#octets.length === 0 ? more : concat(this.#octets, more);
  }

  keep(rest: Uint8Array): void {
    this.#octets = rest;
  }

  get octets(): Uint8Array {
    return this.#octets;
  }
}
