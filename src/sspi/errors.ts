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
  NO_IMPERSONATION: { status: SEC_E.NO_IMPERSONATION, blame: 'policy', what: 'the client may not be impersonated', hint: 'the client asked to be identified only, or is nobody; or nobody is impersonated here' },
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
  TICKET_EXPIRED: { status: SEC_E.CONTEXT_EXPIRED, blame: 'peer', what: 'the ticket has expired', hint: 'the client has to get a new one from its KDC; compare the clocks when it believes that it has' },
  TICKET_NOT_YET_VALID: { status: SEC_E.TIME_SKEW, blame: 'peer', what: 'the ticket is not valid yet', hint: 'compare the clocks; a postdated ticket has to be validated by the KDC first' },
  TICKET_UNREADABLE: {
    status: SEC_E.WRONG_PRINCIPAL,
    blame: 'account',
    what: 'the service cannot read the ticket: it is encrypted with the key of another account, or of another password',
    hint: 'look on which account the SPN is registered, whether it is there twice, and whether the keytab is of that account and its present password',
  },
  SERVICE_UNKNOWN: { status: SEC_E.WRONG_PRINCIPAL, blame: 'peer', what: 'the ticket is for a service that has no keys here', hint: 'compare the SPN that the client uses with the principals of the keytab' },
  KEY_VERSION_UNKNOWN: { status: SEC_E.NO_KERB_KEY, blame: 'account', what: 'there is no key of this version for the service', hint: 'the password of the service account was changed: export its keytab anew' },
  SERVICE_KEY_MISSING: { status: SEC_E.NO_KERB_KEY, blame: 'account', what: 'there is no key of this encryption type for the service', hint: 'export the keytab with all encryption types of the account' },
  AUTHENTICATOR_INVALID: { status: SEC_E.MESSAGE_ALTERED, blame: 'peer', what: 'the authenticator does not verify', hint: 'the sender does not have the session key of the ticket, or something on the way changed the message' },
  PRINCIPAL_MISMATCH: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the authenticator and the ticket name different clients', hint: 'somebody uses a ticket that is not his' },
  REPLAY_DETECTED: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'this authenticator was presented before', hint: 'an application may have verified one token twice; otherwise somebody replays what he overheard' },
  REPLAY_CACHE_UNAVAILABLE: { status: SEC_E.INSUFFICIENT_MEMORY, blame: 'network', what: 'it cannot be told whether this authenticator was presented before', hint: 'the replay cache is full or cannot be reached; nobody is let in until it works again' },
  PAC_INVALID: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the PAC of the ticket is malformed, or its signature does not verify', hint: 'the ticket may have been forged; or the key of the service is not the one that the KDC signed with' },
  AUTHORIZATION_DATA_UNKNOWN: { status: SEC_E.LOGON_DENIED, blame: 'peer', what: 'the ticket is restricted in a way that is not understood here', hint: 'the detail names the type of the authorization data' },
  TRANSIT_REFUSED: { status: SEC_E.LOGON_DENIED, blame: 'policy', what: 'the ticket came through realms whose trust nobody has checked', hint: 'let the KDC check the path (transited-policy-checked), or let it issue tickets with a PAC' },
  USER_TO_USER_REQUIRED: { status: SEC_E.NO_TGT_REPLY, blame: 'policy', what: 'the service can only be reached with a user-to-user ticket', hint: 'allow user-to-user authentication for this target, or register the SPN on an account with a key of its own' },
  KERBEROS_ERROR: { status: SEC_E.INTERNAL_ERROR, blame: 'peer', what: 'the peer answered with a KRB-ERROR', hint: 'the detail names the error; the log of the peer may say more' },
  ENCRYPTION_TYPE_UNSUPPORTED: { status: SEC_E.KDC_UNKNOWN_ETYPE, blame: 'policy', what: 'the KDC has no key of an encryption type that was offered', hint: 'compare the encryption types of account, service and this side; RC4 is off unless it is allowed explicitly' },
  KDC_NOT_FOUND: { status: SEC_E.NO_AUTHENTICATING_AUTHORITY, blame: 'caller', what: 'no KDC is known for the realm', hint: 'name one explicitly, in krb5.conf, or by SRV records in the DNS' },
  KDC_UNREACHABLE: { status: SEC_E.NO_AUTHENTICATING_AUTHORITY, blame: 'network', what: 'no KDC of the realm answered', hint: 'check address, port 88 (UDP and TCP) and firewall' },
  KDC_PROXY_REFUSED: { status: SEC_E.LOGON_DENIED, blame: 'policy', what: 'the KDC proxy does not let this logon through', hint: 'check whether the proxy serves this realm for this client' },
  KDC_REPLY_MISMATCH: { status: SEC_E.MESSAGE_ALTERED, blame: 'peer', what: 'the answer of the KDC does not belong to the request', hint: 'somebody in between may have changed it' },
  KDC_POLICY: { status: SEC_E.LOGON_DENIED, blame: 'policy', what: 'the policy of the KDC does not allow this', hint: 'the log of the KDC knows the rule' },
  KDC_REFUSED: { status: SEC_E.INTERNAL_ERROR, blame: 'peer', what: 'the KDC refused the request', hint: 'the error code tells why; the log of the KDC may say more' },
  PREAUTHENTICATION_UNSUPPORTED: { status: SEC_E.UNSUPPORTED_PREAUTH, blame: 'policy', what: 'the KDC wants a kind of pre-authentication that is not available here', hint: 'compare the kinds that the KDC offers with the credentials given' },
  SPN_UNKNOWN: { status: SEC_E.TARGET_UNKNOWN, blame: 'caller', what: 'the KDC does not know the service', hint: 'check the spelling of the SPN, and that exactly one account has it' },
  NO_KERBEROS_KEY: { status: SEC_E.NO_KERB_KEY, blame: 'caller', what: 'there is no key that fits', hint: 'compare principal, key version and encryption type with the keytab' },
  TOO_MANY_REFERRALS: { status: SEC_E.MAX_REFERRALS_EXCEEDED, blame: 'peer', what: 'the KDCs refer from realm to realm without end', hint: 'check the trusts between the realms, or raise the limit' },
  PASSWORD_CHANGE_REFUSED: { status: SEC_E.LOGON_DENIED, blame: 'policy', what: 'the password was not changed', hint: 'the answer tells why: its length, its history, its age, or the rights of the caller' },
  FILE_MALFORMED: { status: SEC_E.UNKNOWN_CREDENTIALS, blame: 'caller', what: 'the file is malformed', hint: 'check that it is complete and of the format expected' },

  NOT_RDP: { status: SEC_E.INVALID_TOKEN, blame: 'caller', what: 'what answers is not RDP', hint: 'check host name and port; RDP listens on 3389 unless it was moved' },
  RDP_TLS_REQUIRED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the RDP server wants TLS (SSL_REQUIRED_BY_SERVER)', hint: 'offer TLS in the client; here it always is, so look for somebody in between who changes the offer' },
  RDP_TLS_NOT_ALLOWED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the RDP server allows only standard RDP security (SSL_NOT_ALLOWED_BY_SERVER)', hint: 'set the security layer of the server to Negotiate or TLS; there is no Network Level Authentication without TLS' },
  RDP_CERTIFICATE_MISSING: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'peer', what: 'the RDP server has no certificate for TLS (SSL_CERT_NOT_ON_SERVER)', hint: 'give the server a certificate with its key, and its service the right to read the key' },
  RDP_FLAGS_INCONSISTENT: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'peer', what: 'the RDP server is at odds with itself about its security settings (INCONSISTENT_FLAGS)', hint: 'compare the security layer of the server with its minimum encryption level' },
  RDP_NLA_REQUIRED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the RDP server wants Network Level Authentication (HYBRID_REQUIRED_BY_SERVER)', hint: 'offer HYBRID in the client; here it always is, so look for somebody in between who changes the offer' },
  RDP_USER_CERTIFICATE_REQUIRED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the RDP server wants TLS with a certificate of the user (SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER)', hint: 'this kind of logon is not CredSSP; allow Network Level Authentication on the server' },
  RDP_WITHOUT_NLA: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the other side speaks RDP without Network Level Authentication', hint: 'switch on "Require Network Level Authentication" on the server, or CredSSP in the client; without it a password is typed into whatever answers' },
  RDP_REMOTE_GUARD_REFUSED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the RDP server does not support Remote Credential Guard', hint: 'allow it on the server (DisableRestrictedAdmin is 0, Windows Server 2016 or later), or delegate other credentials' },
  RDP_RESTRICTED_ADMIN_REFUSED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'policy', what: 'the RDP server does not support Restricted Admin', hint: 'set DisableRestrictedAdmin to 0 on the server, or log on without' },
  RDP_NEGOTIATION_FAILED: { status: SEC_E.UNSUPPORTED_FUNCTION, blame: 'peer', what: 'the RDP server refused the security protocols offered, for a reason without a name', hint: 'the log of the server may say more' },
  TOO_MANY_CONNECTIONS: { status: SEC_E.INSUFFICIENT_MEMORY, blame: 'peer', what: 'too many clients are on their way in already', hint: 'somebody may be knocking without end; raise the limits of HalfOpen if there are so many users' },
  GATEWAY_REFUSED: { status: SEC_E.TARGET_UNKNOWN, blame: 'network', what: 'the gateway did not connect us', hint: 'an HTTP status speaks of our rights at the gateway, a WSA error of the network behind it, a TLS alert of the certificate of the server' },
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
