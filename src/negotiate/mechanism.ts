/**
 * What SPNEGO needs to know of a mechanism. A mechanism is a security package like any other; this is how it is plugged in.
 * @module
 */
import type { Credential, SecurityPackage, SecurityStatus, SspiError, SspiErrorCode } from '../sspi/index.ts';

/** A mechanism that can be negotiated. */
export interface Mechanism {
  /** The name that a package list calls it by, for example `NTLM`; case does not matter there. */
  readonly name: string;
  /** Under which identifiers it is offered, in this order, and recognised. */
  readonly oids: readonly [string, ...string[]];
  /** Its contexts must protect messages by tokens, and `restart` must do what the mechanism needs after a mechListMIC. */
  readonly package: SecurityPackage;
  /**
   * Whether a token of the initiator, which the mechanism itself has made or accepted, makes the mechListMIC mandatory even
   * though everybody prefers the mechanism ([MS-SPNG] note 8). Absent: never.
   */
  readonly demandsMic?: ((initiatorToken: Uint8Array) => boolean) | undefined;
}

/** A mechanism for which there is a credential. */
export interface Candidate {
  readonly mechanism: Mechanism;
  readonly credential: Credential;
  /** Nobody's: its contexts have no key to make a MIC with. */
  readonly anonymous: boolean;
}

/** Why a mechanism was not used: nobody falls back to a weaker one in silence (contract S11). */
export interface Note {
  readonly status: SecurityStatus;
  readonly reason: string;
}

/**
 * With these an initiator's mechanism may fail before its first token, and the next one gets its turn: no authority to ask, no
 * such service, no credentials of this kind. Never a wrong password or a wrong clock: those would not get better, and a
 * fallback would hide them (contract S11).
 */
const MAY_FALL_BACK: ReadonlySet<SspiErrorCode> = new Set([
  'NO_AUTHENTICATING_AUTHORITY',
  'KDC_NOT_FOUND',
  'KDC_UNREACHABLE',
  'TARGET_UNKNOWN',
  'SPN_UNKNOWN',
  'NO_CREDENTIALS',
]);

/** Whether the next mechanism may be tried after this error. */
export function mayFallBack(error: SspiError): boolean {
  return MAY_FALL_BACK.has(error.code);
}

/** A note on a mechanism that could not be used. */
export function noteOf(mechanism: Mechanism, error: SspiError): Note {
  return { status: error.status, reason: `${mechanism.name} could not be used: ${error.message}` };
}
