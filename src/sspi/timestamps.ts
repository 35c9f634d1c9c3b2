/**
 * FILETIME: 100 ns ticks since 1601-01-01, held as a bigint (contract T5).
 * @module
 */

/** The expiry of what never expires (contract R46). */
export const NEVER = 0x7fffffffffffffffn;

const MILLISECONDS_1601_TO_1970 = 11_644_473_600_000n;
const TICKS_PER_MILLISECOND = 10_000n;

/** Milliseconds since 1970 (UTC) as FILETIME ticks. */
export function toFileTime(milliseconds: number): bigint {
  return (BigInt(Math.trunc(milliseconds)) + MILLISECONDS_1601_TO_1970) * TICKS_PER_MILLISECOND;
}

/** FILETIME ticks as milliseconds since 1970 (UTC). */
export function fromFileTime(ticks: bigint): number {
  return Number(ticks / TICKS_PER_MILLISECOND - MILLISECONDS_1601_TO_1970);
}

/**
 * A UTC FILETIME as local time, which is what packages report to the callers of SSPI functions (contract R45, R46): shifted
 * by the offset in effect now, as the Windows function FileTimeToLocalFileTime does. {@link NEVER} stays what it is.
 * @param offsetMinutes - what `Date.prototype.getTimezoneOffset` gives: minutes from local time to UTC
 */
export function toLocalFileTime(ticks: bigint, offsetMinutes: number): bigint {
  // Before standard time there were zones with odd seconds, and their offset is not a whole number of minutes.
  return ticks === NEVER ? NEVER : ticks - BigInt(Math.round(offsetMinutes * 60_000)) * TICKS_PER_MILLISECOND;
}
