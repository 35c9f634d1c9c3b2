/**
 * How a TLS credential's settings read in the runtime's terms.
 * @module
 */
import { constants } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import type { TlsVersions } from '../sspi/index.ts';

/**
 * For every connection:
 *  - no tickets and, as no session is ever stored, no resumption ([MS-CSSP] 3.1.5, contract R15, X3). OpenSSL goes on sending
 *    two NewSessionTicket records under TLS 1.3, but with stateful tickets that lead nowhere. Their number is a matter of
 *    `SSL_CTX_set_num_tickets`, which the runtime does not expose, and no option or callback of its changes it; they cost both
 *    sides together 25 us each;
 *  - no renegotiation under TLS 1.2: it would change the keys and perhaps the peer behind the caller's back;
 *  - under TLS 1.0 no empty records before each record, which some servers refuse (contract X5).
 */
const ALWAYS =
  constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS;

/** Versions before 1.2 sign with SHA-1 and MD5, which OpenSSL 3 allows on security level 0 alone. */
const CIPHERS_OF_OLD_VERSIONS = 'DEFAULT@SECLEVEL=0';

/** Options for the versions that are enabled. */
export function versionOptions({ minVersion, maxVersion }: TlsVersions): SecureContextOptions {
  const old = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
  return { minVersion, maxVersion, secureOptions: ALWAYS, ...(old ? { ciphers: CIPHERS_OF_OLD_VERSIONS } : {}) };
}
