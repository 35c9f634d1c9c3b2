/**
 * The types that all messages are made of, RFC 4120 5.2: strings, times, flags, numbers.
 * @module
 */
import { bitString, generalizedTime, generalString, integerBetween, type Schema } from '../../der/index.ts';

/** A type with another representation of its values. */
export function mapped<A, B>(schema: Schema<A>, read: (value: A) => B, write: (value: B) => A): Schema<B> {
  return {
    name: schema.name,
    tags: schema.tags,
    accepts: (tag) => schema.accepts(tag),
    readContents: (reader, tag) => read(schema.readContents(reader, tag)),
    write: (writer, value) => schema.write(writer, write(value)),
  };
}

/** KerberosString, 5.2.1: ASCII, or UTF-8 as everybody writes it. */
export const KerberosString = generalString;

/** Realm, 5.2.2. */
export const Realm = KerberosString;

/** KerberosTime, 5.2.3: milliseconds since 1970, always whole seconds. */
export const KerberosTime = generalizedTime;

/** Microseconds, 5.2.4. */
export const Microseconds = integerBetween(0, 999_999);

/** The protocol version number: five, everywhere. */
export const pvno = integerBetween(5, 5);

/** A msg-type that a message must have. */
export function messageType(number: number): Schema<number> {
  return integerBetween(number, number);
}

/**
 * UInt32 as some peers send it: old ones write numbers of 2^31 and more as negative. Sequence numbers and nonces of such peers
 * count as what they mean; ours are written as RFC 4120 has them.
 */
export const lenientUInt32: Schema<number> = mapped(
  integerBetween(-0x80000000, 0xffffffff),
  (value) => value >>> 0,
  (value) => value,
);

/**
 * A key version number. Read-only domain controllers put their number into the upper half, and with it everybody writes values
 * of 2^31 and more as negative: here they are positive, as in keytabs.
 */
export const KeyVersion: Schema<number> = mapped(
  integerBetween(-0x80000000, 0xffffffff),
  (value) => value >>> 0,
  (value) => value | 0,
);

/**
 * KerberosFlags, 5.2.8: bits 0 to 31 as an unsigned number, bit 0 being the highest. Bits behind them have no meaning yet and
 * are dropped; bits that were not sent are zero.
 */
export const KerberosFlags: Schema<number> = mapped(
  bitString,
  ({ octets: [first = 0, second = 0, third = 0, fourth = 0] }) =>
    ((first << 24) | (second << 16) | (third << 8) | fourth) >>> 0,
  (flags) => ({ unused: 0, octets: Uint8Array.of(flags >>> 24, flags >>> 16, flags >>> 8, flags) }),
);

/** The flag of a bit number, as the specifications count them. */
export function flag(bit: number): number {
  return 0x80000000 >>> bit;
}

/** A moment as messages carry it: whole seconds in milliseconds, and what is left in microseconds. */
export interface KerberosTimestamp {
  readonly time: number;
  readonly usec: number;
}

/** A moment, in milliseconds since 1970, as messages carry it. */
export function timestampOf(milliseconds: number): KerberosTimestamp {
  const time = Math.floor(milliseconds / 1000) * 1000;
  return { time, usec: Math.floor((milliseconds - time) * 1000) };
}

/** The reverse of {@link timestampOf}, in milliseconds with a fraction. */
export function millisecondsOf(time: number, usec = 0): number {
  return time + usec / 1000;
}
