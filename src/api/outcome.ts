/**
 * How the SSPI functions report: a status always, never an exception, and beside the status the error for whoever wants to
 * know more.
 * @module
 */
import { asSspiError, isFailure, type SecurityStatus, SspiError } from '../sspi/index.ts';

/** What every SSPI function returns at least. */
export interface Outcome {
  /** The SECURITY_STATUS: the contract of the function. */
  readonly status: SecurityStatus;
  /** Diagnosis, when the status is a failure: stable code, stage, hint, the peer's NTSTATUS. */
  readonly error?: SspiError | undefined;
}

/** A failure, whatever was thrown. */
export interface Failure extends Outcome {
  readonly error: SspiError;
}

/** Whatever was thrown, as a status and an error. Nothing that was thrown comes out as a success. */
export function failureOf(thrown: unknown): Failure {
  const error = asSspiError(thrown);
  if (isFailure(error.status)) return { status: error.status, error };
  const internal = new SspiError('INTERNAL_ERROR', { stage: error.stage, cause: error });
  return { status: internal.status, error: internal };
}
