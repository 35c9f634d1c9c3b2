/**
 * TLS alerts (RFC 8446 6, RFC 5246 7.2): their names, what they mean as a SECURITY_STATUS, and how failures of the TLS
 * library become errors of ours.
 * @module
 */
import { CERT_STATUS, SEC_E, type SecurityStatus, SspiError } from '../sspi/index.ts';
import { CONTENT_TYPE, RECORD_HEADER } from './records.ts';

/** Alert descriptions, named as in the RFCs. */
export const ALERT = {
  close_notify: 0,
  unexpected_message: 10,
  bad_record_mac: 20,
  decryption_failed: 21,
  record_overflow: 22,
  decompression_failure: 30,
  handshake_failure: 40,
  no_certificate: 41,
  bad_certificate: 42,
  unsupported_certificate: 43,
  certificate_revoked: 44,
  certificate_expired: 45,
  certificate_unknown: 46,
  illegal_parameter: 47,
  unknown_ca: 48,
  access_denied: 49,
  decode_error: 50,
  decrypt_error: 51,
  export_restriction: 60,
  protocol_version: 70,
  insufficient_security: 71,
  internal_error: 80,
  inappropriate_fallback: 86,
  user_canceled: 90,
  no_renegotiation: 100,
  missing_extension: 109,
  unsupported_extension: 110,
  certificate_unobtainable: 111,
  unrecognized_name: 112,
  bad_certificate_status_response: 113,
  bad_certificate_hash_value: 114,
  unknown_psk_identity: 115,
  certificate_required: 116,
  no_application_protocol: 120,
} as const;

/** The name of an alert. */
export type AlertName = keyof typeof ALERT;

/** Contract M17. What is not in the list is SEC_E_ILLEGAL_MESSAGE. */
const STATUS_OF_ALERT: ReadonlyMap<number, SecurityStatus> = new Map([
  [ALERT.close_notify, SEC_E.UNFINISHED_CONTEXT_DELETED],
  [ALERT.bad_record_mac, SEC_E.MESSAGE_ALTERED],
  [ALERT.decryption_failed, SEC_E.DECRYPT_FAILURE],
  [ALERT.decompression_failure, SEC_E.MESSAGE_ALTERED],
  [ALERT.bad_certificate, SEC_E.CERT_UNKNOWN],
  [ALERT.unsupported_certificate, SEC_E.CERT_UNKNOWN],
  [ALERT.certificate_revoked, CERT_STATUS.CRYPT_E_REVOKED],
  [ALERT.certificate_expired, SEC_E.CERT_EXPIRED],
  [ALERT.certificate_unknown, SEC_E.CERT_UNKNOWN],
  [ALERT.unknown_ca, SEC_E.UNTRUSTED_ROOT],
  [ALERT.access_denied, SEC_E.LOGON_DENIED],
  [ALERT.decrypt_error, SEC_E.DECRYPT_FAILURE],
  [ALERT.protocol_version, SEC_E.UNSUPPORTED_FUNCTION],
  [ALERT.insufficient_security, SEC_E.ALGORITHM_MISMATCH],
  [ALERT.internal_error, SEC_E.INTERNAL_ERROR],
  [ALERT.user_canceled, SEC_E.UNFINISHED_CONTEXT_DELETED],
  [ALERT.no_application_protocol, SEC_E.APPLICATION_PROTOCOL_MISMATCH],
]);

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ALERT).map(([name, number]) => [number, name]));

/** What an alert of the peer is called. */
export function alertName(description: number): string {
  return NAMES.get(description) ?? `alert ${description}`;
}

/** The SECURITY_STATUS for an alert of the peer (contract M17). */
export function statusOfAlert(description: number): SecurityStatus {
  return STATUS_OF_ALERT.get(description) ?? SEC_E.ILLEGAL_MESSAGE;
}

/** The error for an alert of the peer. */
export function alertReceived(description: number, stage: string, cause?: unknown): SspiError {
  const detail = `${alertName(description)} (${description})`;
  return new SspiError('TLS_ALERT', { stage, detail, status: statusOfAlert(description), cause });
}

/** The description in an alert record, when it is not encrypted and ends the handshake. */
export function plainAlert(record: Uint8Array): number | undefined {
  const isAlert = record[0] === CONTENT_TYPE.ALERT && record.length === RECORD_HEADER + 2;
  const description = record[RECORD_HEADER + 1];
  const FATAL = 2;
  if (!isAlert || description === undefined) return undefined;
  const ends =
    record[RECORD_HEADER] === FATAL || description === ALERT.close_notify || description === ALERT.user_canceled;
  return ends ? description : undefined;
}

/** A fatal alert as an unencrypted record: what may be sent instead of the flight that would have switched encryption on. */
export function fatalAlert(name: AlertName): Uint8Array {
  return Uint8Array.of(CONTENT_TYPE.ALERT, 3, 3, 0, 2, 2, ALERT[name]);
}
