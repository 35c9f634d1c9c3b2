/**
 * A verdict on a certificate made into what an exchange does about it.
 * @module
 */
import { CERT_STATUS, CERT_TRUST, type CertTrustStatus, SEC_E, type SecurityStatus, SspiError } from '../sspi/index.ts';
import { type AlertName, fatalAlert } from './alerts.ts';
import type { TlsCredential } from './credential.ts';
import type { TlsEngine } from './engine.ts';
import { CLIENT_USAGES, evaluateCertificate, SERVER_USAGES } from './evaluation.ts';

/**
 * Judges the certificate of the server that an engine is connected with.
 * @param host - what the certificate must be for; undefined: anything
 * @param time - milliseconds since 1970
 */
export function evaluateServer(
  engine: TlsEngine,
  credential: TlsCredential,
  host: string | undefined,
  time: number,
): CertTrustStatus {
  const { anchors, flags } = credential;
  return evaluateCertificate({
    certificates: engine.peerCertificates,
    anchors,
    usages: SERVER_USAGES,
    host,
    time,
    flags,
  });
}

/** Judges the certificate of a client. */
export function evaluateClient(engine: TlsEngine, credential: TlsCredential, time: number): CertTrustStatus {
  const { anchors, flags } = credential;
  const certificates = engine.peerCertificates;
  return evaluateCertificate({ certificates, anchors, usages: CLIENT_USAGES, host: undefined, time, flags });
}

/** Whether there is nothing to say against a certificate. */
export function isTrusted({ errorStatus, policyStatus }: CertTrustStatus): boolean {
  return errorStatus === 0 && policyStatus === SEC_E.OK;
}

interface Objection {
  /** Bit of CERT_TRUST. */
  readonly bit: number;
  /** What Schannel returns for it. */
  readonly status: SecurityStatus;
  readonly alert: AlertName;
  readonly detail: string;
}

/** Gravest first: of several faults the first is reported. */
const OBJECTIONS: readonly Objection[] = [
  {
    bit: CERT_TRUST.IS_NOT_SIGNATURE_VALID,
    status: CERT_STATUS.TRUST_E_CERT_SIGNATURE,
    alert: 'bad_certificate',
    detail: 'a signature of the chain does not verify',
  },
  {
    bit: CERT_TRUST.IS_REVOKED,
    status: CERT_STATUS.CRYPT_E_REVOKED,
    alert: 'certificate_revoked',
    detail: 'it was revoked',
  },
  {
    bit: CERT_TRUST.IS_UNTRUSTED_ROOT,
    status: SEC_E.UNTRUSTED_ROOT,
    alert: 'unknown_ca',
    detail: 'the root of the chain is not trusted',
  },
  {
    bit: CERT_TRUST.IS_PARTIAL_CHAIN,
    status: CERT_STATUS.CERT_E_CHAINING,
    alert: 'unknown_ca',
    detail: 'the chain ends before a root',
  },
  {
    bit: CERT_TRUST.IS_NOT_TIME_VALID,
    status: SEC_E.CERT_EXPIRED,
    alert: 'certificate_expired',
    detail: 'it is expired or not valid yet',
  },
  {
    bit: CERT_TRUST.IS_NOT_VALID_FOR_USAGE,
    status: SEC_E.CERT_WRONG_USAGE,
    alert: 'unsupported_certificate',
    detail: 'it is not for this purpose',
  },
  {
    bit: CERT_TRUST.INVALID_BASIC_CONSTRAINTS,
    status: CERT_STATUS.CERT_E_CHAINING,
    alert: 'bad_certificate',
    detail: 'an issuer in the chain is no CA, or has too many below',
  },
  {
    bit: CERT_TRUST.REVOCATION_STATUS_UNKNOWN | CERT_TRUST.IS_OFFLINE_REVOCATION,
    status: CERT_STATUS.CRYPT_E_REVOCATION_OFFLINE,
    alert: 'certificate_unknown',
    detail: 'nobody could be asked whether it was revoked',
  },
];

/**
 * Throws what is to be said against a certificate, with the alert for the peer.
 *
 * The alert is not encrypted. It takes the place of the flight that would have switched encryption on; under TLS 1.3, where
 * that happens earlier, a server may call it unexpected, but it ends the handshake all the same.
 * @throws SspiError CERTIFICATE_UNTRUSTED; its status is that of Schannel
 */
export function assertTrusted(verdict: CertTrustStatus, stage: string): void {
  const objection = OBJECTIONS.find(({ bit }) => (verdict.errorStatus & bit) !== 0);
  if (objection !== undefined) throw untrusted(stage, objection.status, objection.alert, objection.detail);
  if (verdict.policyStatus !== SEC_E.OK)
    throw untrusted(stage, SEC_E.WRONG_PRINCIPAL, 'bad_certificate', 'it is for another name than that of the target');
  if (!isTrusted(verdict))
    throw untrusted(stage, SEC_E.CERT_UNKNOWN, 'certificate_unknown', 'for a reason without a name');
}

function untrusted(stage: string, status: SecurityStatus, alert: AlertName, detail: string): SspiError {
  return new SspiError('CERTIFICATE_UNTRUSTED', { stage, status, detail, token: fatalAlert(alert) });
}
