/**
 * What the TLS library says when something went wrong, as errors of ours.
 * @module
 */
import { SEC_E, type SecurityStatus, SspiError } from '../sspi/index.ts';
import { ALERT, alertReceived } from './alerts.ts';

/** OpenSSL's words for "we have nothing in common", for which Windows has one status. */
const NOTHING_IN_COMMON =
  /_(UNSUPPORTED_PROTOCOL|WRONG_SSL_VERSION|NO_PROTOCOLS_AVAILABLE|NO_SHARED_CIPHER|NO_SUITABLE_\w+|NO_SHARED_\w+)$/;

/** OpenSSL's words for a record whose tag or MAC does not verify. */
const ALTERED = /_(DECRYPTION_FAILED_OR_BAD_RECORD_MAC|CIPHER_OPERATION_FAILED|BAD_DECRYPT|BLOCK_CIPHER_PAD_IS_WRONG)$/;

/** `ERR_SSL_TLSV1_ALERT_UNKNOWN_CA`: the peer's alert, under a prefix that tells nothing. */
const ALERT_RECEIVED = /^ERR_SSL_(?:SSLV3|TLSV1|TLSV13)_(?:ALERT_)?(\w+)$/;

/**
 * Turns an 'error' of a TLS socket into an error of ours.
 * @param error - what the runtime reported; only its code and reason are kept, its message holds thread numbers and paths
 */
export function tlsFailure(error: unknown, stage: string): SspiError {
  const code = textOf(error, 'code');
  const detail = textOf(error, 'reason') || code || 'no reason given';
  const alert = alertIn(code);
  if (alert !== undefined) return alertReceived(alert, stage, error);
  if (code === 'ECONNRESET') return alertReceived(ALERT.close_notify, stage, error);
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return new SspiError('DEADLINE_EXCEEDED', { stage, cause: error });
  if (ALTERED.test(code)) return new SspiError('MESSAGE_ALTERED', { stage, detail, cause: error });
  return new SspiError('TLS_FAILED', { stage, detail, status: statusOf(code), cause: error });
}

function statusOf(code: string): SecurityStatus | undefined {
  if (NOTHING_IN_COMMON.test(code)) return SEC_E.ALGORITHM_MISMATCH;
  if (code.endsWith('_NO_APPLICATION_PROTOCOL')) return SEC_E.APPLICATION_PROTOCOL_MISMATCH;
  if (code.endsWith('_BAD_SIGNATURE')) return SEC_E.MESSAGE_ALTERED;
  return undefined;
}

function alertIn(code: string): number | undefined {
  const name = ALERT_RECEIVED.exec(code)?.[1]?.toLowerCase();
  return name === undefined ? undefined : Object.entries(ALERT).find(([known]) => known === name)?.[1];
}

function textOf(error: unknown, property: string): string {
  const value: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, property) : undefined;
  return typeof value === 'string' ? value : '';
}
