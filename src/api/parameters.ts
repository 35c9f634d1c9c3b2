/**
 * Reading parameters. The types hold for callers who compile; the checks here hold for all others, so that a mistake is a
 * status and not an exception.
 * @module
 */
import { SECURITY_DREP, SspiError } from '../sspi/index.ts';

/** The one parameter of a function, which must be an object. @throws SspiError INVALID_PARAMETER */
export function requireParameters<T extends object>(parameters: T): T {
  if (typeof parameters !== 'object' || parameters === null) throw invalid('the parameters');
  return parameters;
}

/**
 * A mask of flags. Masks with bit 31 set come out of JavaScript's operators as negative numbers, and ISC_REQ_MESSAGES is
 * beyond 32 bits.
 * @throws SspiError INVALID_PARAMETER
 */
export function requireFlags(flags: unknown, name: string): number {
  if (flags === undefined || flags === null) return 0;
  if (typeof flags !== 'number' || !Number.isInteger(flags) || flags < -(2 ** 31) || flags >= 2 ** 33)
    throw invalid(name);
  return flags >>> 0;
}

/** Reserved1, Reserved2 (contract R29). @throws SspiError INVALID_PARAMETER */
export function requireZero(value: unknown, name: string): void {
  if (value !== undefined && value !== null && value !== 0) throw invalid(name);
}

/** TargetDataRep (contract R30). @throws SspiError INVALID_PARAMETER */
export function requireDataRepresentation(value: unknown): void {
  if (value !== undefined && value !== SECURITY_DREP.NATIVE && value !== SECURITY_DREP.NETWORK)
    throw invalid('TargetDataRep');
}

function invalid(name: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: name });
}
