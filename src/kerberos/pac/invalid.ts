/**
 * The error that everything wrong with a PAC ends in.
 * @module
 */
import { SspiError } from '../../sspi/index.ts';

/** A PAC that nobody may believe. */
export function invalidPac(detail: string): SspiError {
  return new SspiError('PAC_INVALID', { stage: 'Kerberos PAC', detail });
}
