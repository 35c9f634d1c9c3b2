/**
 * The one error of this library, and the catalogue of what can go wrong.
 * @module
 */
import { CERT_STATUS, SEC_E, type SecurityStatus, statusName } from './status.ts';

/** Who can do something about it, most likely. */
export type Blame = 'caller' | 'peer' | 'account' | 'policy' | 'network' | 'library';

interface CatalogueEntry {
  readonly status: SecurityStatus;
  readonly blame: Blame;
  /** What happened, in one clause. */
  readonly what: string;
  /** What to try. */
  readonly hint: string;
}

/**
 * Every way in which an exchange can fail, under a code that stays the same: switch on it. The status is what the SSPI
 * functions return unless the place that found the fault knows a better one.
 */
export const ERROR_CATALOGUE = {
  INVALID_PARAMETER: { status: SEC_E.INVALID_PARAMETER, blame: 'caller', what: 'a parameter has a value it may not have', hint: 'compare the call with the documentation of the function' },
  INVALID_HANDLE: { status: SEC_E.INVALID_HANDLE, blame: 'caller', what: 'the handle is not valid here', hint: 'use the handle that the first call returned, and only until it is deleted' },
  CONTEXT_NOT_ESTABLISHED: { status: SEC_E.INVALID_HANDLE, blame: 'caller', what: 'the context is not established yet', hint: 'call again until the status is SEC_E_OK' },
  CONTEXT_BUSY: { status: SEC_E.OUT_OF_SEQUENCE, blame: 'caller', what: 'another call on this context is still under way', hint: 'await each call before the next one' },
  CONTEXT_FINISHED: { status: SEC_E.OUT_OF_SEQUENCE, blame: 'caller', what: 'the exchange is over and takes no further token', hint: 'start a new context' },
  UNSUPPORTED_FUNCTION: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'caller', what: 'this package does not do that', hint: 'see the capabilities of the package' },
  PACKAGE_NOT_FOUND: { status: SEC_E.SECPKG_NOT_FOUND, blame: 'caller', what: 'no security package of that name', hint: 'enumerateSecurityPackages lists the names' },
  BUFFER_TOO_SMALL: { status: SEC_E.BUFFER_TOO_SMALL, blame: 'caller', what: 'the output buffer is too small', hint: 'use the sizes that the context reports, or ask for ALLOCATE_MEMORY' },
  MISSING_BUFFER: { status: SEC_E.INVALID_TOKEN, blame: 'caller', what: 'a buffer that this call needs is not there', hint: 'compare the buffer types with the documentation of the function' },
  INVALID_BUFFER: { status: SEC_E.INVALID_TOKEN, blame: 'caller', what: 'a buffer or its descriptor is not of the form that this call takes', hint: 'build buffers with secBuffer(); a buffer that is written to may not be READONLY' },
  QOP_NOT_SUPPORTED: { status: SEC_E.QOP_NOT_SUPPORTED, blame: 'caller', what: 'this quality of protection is not available', hint: 'use 0' },
  NO_CREDENTIALS: { status: SEC_E.NO_CREDENTIALS, blame: 'caller', what: 'there are no credentials to work with', hint: 'give explicit credentials when acquiring the handle' },
  UNKNOWN_CREDENTIALS: { status: SEC_E.UNKNOWN_CREDENTIALS, blame: 'caller', what: 'the credentials given are not of a form that the package knows', hint: 'check version, type and lengths of the structure' },
  NOT_OWNER: { status: SEC_E.NOT_OWNER, blame: 'caller', what: 'the caller may not use these credentials', hint: 'use your own' },
  WRONG_CREDENTIAL_HANDLE: { status: SEC_E.WRONG_CREDENTIAL_HANDLE, blame: 'caller', what: 'the context belongs to another credential', hint: 'pass the credential of the first call, or none' },
  TARGET_UNKNOWN: { status: SEC_E.TARGET_UNKNOWN, blame: 'caller', what: 'the target name cannot be used', hint: 'write it as service/host, for example TERMSRV/server.example.com' },

  MALFORMED_TOKEN: { status: SEC_E.INVALID_TOKEN, blame: 'peer', what: 'the token is malformed', hint: 'check that the bytes are complete, in order and of this protocol' },
  UNEXPECTED_MESSAGE: { status: SEC_E.INVALID_TOKEN, blame: 'peer', what: 'this message may not come here', hint: 'check that both sides speak the same protocol and are at the same step' },
  MESSAGE_OUT_OF_ORDER: { status: SEC_E.OUT_OF_SEQUENCE, blame: 'peer', what: 'a message came out of order', hint: 'hand messages over in the order in which they were received, each once' },
  TOKEN_TOO_LARGE: { status: SEC_E.INSUFFICIENT_MEMORY, blame: 'peer', what: 'the message is larger than the limit', hint: 'raise the limit if the peer has a reason for messages of this size' },
  TOO_MANY_LEGS: { status: SEC_E.INSUFFICIENT_MEMORY, blame: 'peer', what: 'the exchange takes more messages than the limit', hint: 'no honest peer needs this many; raise the limit only if you know why' },
  DEADLINE_EXCEEDED: { status: SEC_E.CONTEXT_EXPIRED, blame: 'network', what: 'the exchange took longer than its deadline', hint: 'look for a slow or silent peer' },
  MESSAGE_ALTERED: { status: SEC_E.MESSAGE_ALTERED, blame: 'peer', what: 'the message does not verify', hint: 'something on the way changed it, or the keys differ' },
  DECRYPT_FAILURE: { status: SEC_E.DECRYPT_FAILURE, blame: 'peer', what: 'the message cannot be decrypted', hint: 'something on the way changed it, or the keys differ' },
  CONTEXT_EXPIRED: { status: SEC_E.CONTEXT_EXPIRED, blame: 'peer', what: 'the channel was closed', hint: 'start a new context' },

  LOGON_DENIED: { status: SEC_E.LOGON_DENIED, blame: 'account', what: 'the logon was refused: the password is wrong or the account unknown', hint: 'check the form of the user name (DOMAIN\\user or user@realm) and the password' },
  ACCOUNT_RESTRICTED: { status: SEC_E.LOGON_DENIED, blame: 'account', what: 'the account may not log on', hint: 'the NTSTATUS tells why: disabled, expired, locked, must change the password, hours or workstation' },
  ANONYMOUS_REFUSED: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the client asked for an anonymous logon', hint: 'give credentials; a server has to allow anonymous clients explicitly' },
  NO_AUTHENTICATING_AUTHORITY: { status: SEC_E.NO_AUTHENTICATING_AUTHORITY, blame: 'network', what: 'no authority could be reached to check the credentials', hint: 'check the account source, domain controller or KDC' },
  TIME_SKEW: { status: SEC_E.TIME_SKEW, blame: 'network', what: 'the clocks of the two machines differ too much', hint: 'synchronise them' },
  BAD_BINDINGS: { status: SEC_E.BAD_BINDINGS, blame: 'peer', what: 'the channel bindings differ: the peer sees another TLS channel', hint: 'look for a proxy that terminates TLS in between' },
  TARGET_NAME_REFUSED: { status: SEC_E.WRONG_PRINCIPAL, blame: 'peer', what: 'the client asked for another service than this one', hint: 'compare the SPN that the client uses with the list of the server' },
  INTEGRITY_REQUIRED: { status: SEC_E.SECURITY_QOS_FAILED, blame: 'peer', what: 'the peer does not offer the protection that is required', hint: 'compare the flags that both sides ask for' },
  WEAK_CRYPTO_REFUSED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'peer', what: 'the peer offers only protection that is too weak', hint: 'NTLMv2 with 128-bit session security is the least that is accepted by default' },
  MIC_MISSING: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the message integrity code is missing', hint: 'a man in the middle may have dropped it, or the client is too old' },
  MIC_INVALID: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the message integrity code does not verify', hint: 'something on the way changed a message of the exchange' },

  MECH_LIST_MIC_MISSING: { status: SEC_E.MESSAGE_ALTERED, blame: 'peer', what: 'the mechListMIC that protects the choice of mechanism is missing', hint: 'possible downgrade: the preferred mechanism was not chosen and the list is not protected' },
  MECH_LIST_MIC_INVALID: { status: SEC_E.MESSAGE_ALTERED, blame: 'peer', what: 'the mechListMIC does not verify: the list of mechanisms was changed', hint: 'possible downgrade by somebody in between' },
  NO_COMMON_MECHANISM: { status: SEC_E.LOGON_DENIED, blame: 'policy', what: 'the two sides have no mechanism in common', hint: 'compare the mechanisms that each side allows' },
  NEGOTIATION_REJECTED: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the peer rejected the negotiation', hint: 'the log of the peer knows the reason' },

  TLS_FAILED: { status: SEC_E.ILLEGAL_MESSAGE, blame: 'peer', what: 'the TLS handshake failed', hint: 'compare protocol versions and cipher suites; see the alert' },
  TLS_ALERT: { status: SEC_E.ILLEGAL_MESSAGE, blame: 'peer', what: 'the peer sent a TLS alert', hint: 'see the alert; the log of the peer may say more' },
  NOT_TLS: { status: SEC_E.INVALID_TOKEN, blame: 'peer', what: 'these are not TLS records', hint: 'check that the peer speaks TLS here' },
  CERTIFICATE_UNUSABLE: { status: SEC_E.UNKNOWN_CREDENTIALS, blame: 'caller', what: 'the certificate or its key cannot be used', hint: 'give a certificate and its private key in PEM form' },
  CERTIFICATE_UNTRUSTED: { status: CERT_STATUS.CERT_E_UNTRUSTEDROOT, blame: 'policy', what: 'the certificate of the server is not trusted', hint: 'give the CA certificate of the server, or validate by hand' },

  VERSION_REFUSED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the CredSSP version of the peer is below the minimum', hint: 'update the peer (CVE-2018-0886), or allow older versions knowingly' },
  VERSION_CHANGED: { status: SEC_E.INVALID_TOKEN, blame: 'peer', what: 'the CredSSP version of the peer changed within the exchange', hint: 'somebody in between may be changing messages' },
  NONCE_INVALID: { status: SEC_E.INVALID_TOKEN, blame: 'peer', what: 'the clientNonce is missing, not 32 octets long, or changed', hint: 'versions 5 and 6 require it' },
  PUBLIC_KEY_MISMATCH: { status: SEC_E.MESSAGE_ALTERED, blame: 'network', what: 'TLS channel differs: man-in-the-middle, proxy, or wrong certificate', hint: 'compare the certificate that the client sees with that of the server; behind a gateway give the SubjectPublicKey content of the target' },
  PEER_REFUSED: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the server refused the logon', hint: 'the NTSTATUS that it sent tells why' },
  DELEGATION_POLICY: { status: SEC_E.DELEGATION_POLICY, blame: 'policy', what: 'the policy does not allow credentials to be delegated to this target', hint: 'add the target to the allow list for this class of credentials' },
  POLICY_NTLM_ONLY: { status: SEC_E.POLICY_NLTM_ONLY, blame: 'policy', what: 'the policy allows delegation to this target only when the server is authenticated', hint: 'use Kerberos or a trusted certificate, or add the target to the NTLM-only list' },
  MUTUAL_AUTH_FAILED: { status: SEC_E.MUTUAL_AUTH_FAILED, blame: 'peer', what: 'the server could not be authenticated, and that was required', hint: 'use Kerberos, or a certificate that is trusted and matches the name' },
  INNER_PROTECTION_MISSING: { status: SEC_E.SECURITY_QOS_FAILED, blame: 'peer', what: 'the inner mechanism does not protect the exchange', hint: 'both integrity and confidentiality are required' },

  ENCRYPTION_TYPE_REFUSED: { status: SEC_E.KDC_UNKNOWN_ETYPE, blame: 'policy', what: 'the encryption type is not known or not allowed', hint: 'compare the encryption types of account, service and this side; RC4 is off unless it is allowed explicitly' },
  FILE_MALFORMED: { status: SEC_E.UNKNOWN_CREDENTIALS, blame: 'caller', what: 'the file is malformed', hint: 'check that it is complete and of the format expected' },

  RDP_NEGOTIATION_FAILED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'peer', what: 'the RDP server refused the security protocols offered', hint: 'see the failure code' },
  CONNECTION_FAILED: { status: SEC_E.TARGET_UNKNOWN, blame: 'network', what: 'the server cannot be reached', hint: 'check host name, port and firewall' },
  CONNECTION_CLOSED: { status: SEC_E.INCOMPLETE_MESSAGE, blame: 'network', what: 'the connection was closed in the middle of the exchange', hint: 'the log of the peer may tell why' },
  INTERNAL_ERROR: { status: SEC_E.INTERNAL_ERROR, blame: 'library', what: 'something failed that has no name', hint: 'please report it with the cause attached' },
} as const satisfies Record<string, CatalogueEntry>;

/** A stable name for what went wrong. */
export type SspiErrorCode = keyof typeof ERROR_CATALOGUE;

/** What the place that found the fault knows about it. */
export interface SspiErrorDetails {
  /** Where in the exchange, for example `NTLM CHALLENGE` or `pubKeyAuth`. */
  readonly stage: string;
  /** The facts of this case, none of them secret. */
  readonly detail?: string | undefined;
  /** When the catalogue's status is not the best one. */
  readonly status?: SecurityStatus | undefined;
  /** The NTSTATUS behind it: the peer's errorCode, or what to tell the peer. */
  readonly ntStatus?: number | undefined;
  /** What must still be sent to the peer before closing: an alert, a TSRequest with errorCode. */
  readonly token?: Uint8Array | undefined;
  readonly cause?: unknown;
}

/**
 * What every function of the modern API throws, and what the SSPI functions turn into a status.
 * @example
 * try { await context.step(token); }
 * catch (error) { if (error instanceof SspiError && error.code === 'LOGON_DENIED') askAgain(); }
 */
export class SspiError extends Error {
  readonly code: SspiErrorCode;
  readonly status: SecurityStatus;
  readonly stage: string;
  readonly detail: string | undefined;
  readonly ntStatus: number | undefined;
  readonly token: Uint8Array | undefined;

  constructor(code: SspiErrorCode, details: SspiErrorDetails) {
    const entry = ERROR_CATALOGUE[code];
    const detail = details.detail === undefined ? '' : ` (${details.detail})`;
    super(`${details.stage}: ${entry.what}${detail}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SspiError';
    this.code = code;
    this.status = details.status ?? entry.status;
    this.stage = details.stage;
    this.detail = details.detail;
    this.ntStatus = details.ntStatus;
    this.token = details.token;
  }

  /** Whose fault it probably is. */
  get blame(): Blame {
    return ERROR_CATALOGUE[this.code].blame;
  }

  /** What to try. */
  get hint(): string {
    return ERROR_CATALOGUE[this.code].hint;
  }

  /** The SDK's name of the status. */
  get statusName(): string {
    return statusName(this.status);
  }

  /** The same error with something else, or nothing, to send to the peer. */
  withToken(token: Uint8Array | undefined): SspiError {
    const { stage, detail, status, ntStatus, cause } = this;
    return new SspiError(this.code, { stage, detail, status, ntStatus, token, cause });
  }
}
