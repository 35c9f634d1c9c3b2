/**
 * Why logons fail: every cause under a code that stays the same, with what it means, how it shows and what to try. The pages of
 * `docs/errors/` are made of this table.
 * @module
 */

/** What is known about a cause in general. */
export interface CauseEntry {
  /** In one clause. */
  readonly title: string;
  /** What is going on, in a few sentences. */
  readonly explanation: string;
  /** Where it shows: statuses, messages, alerts. */
  readonly signs: readonly string[];
  /** What to try, the most promising first. */
  readonly tryThis: readonly string[];
}

/** The causes. */
export const CAUSES = {
  WRONG_PASSWORD: {
    title: 'the password is not that of the account',
    explanation:
      'The server compared a proof of the password with the one that its own copy of the password makes, and they differ. Servers answer the same for an account that does not exist, so that nobody can try out names.',
    signs: [
      'STATUS_LOGON_FAILURE (0xC000006D), STATUS_WRONG_PASSWORD (0xC000006A)',
      'KDC_ERR_PREAUTH_FAILED (24)',
      'SEC_E_LOGON_DENIED (0x8009030C)',
      'a NTProofStr or PA-ENC-TIMESTAMP that does not verify with the password given to `sspi decode`',
    ],
    tryThis: [
      'type the password where it can be seen, and mind the keyboard layout',
      'log on at another machine with the same name and password',
      'look at the security log of the server or domain controller (event 4625 or 4771), which tells wrong password and unknown user apart',
    ],
  },
  UNKNOWN_USER: {
    title: 'there is no such account, or not in that domain',
    explanation:
      'The name was looked up in another place than the account is in: a local account needs the name of the machine, a domain account that of the domain or a user principal name.',
    signs: [
      'STATUS_NO_SUCH_USER (0xC0000064)',
      'KDC_ERR_C_PRINCIPAL_UNKNOWN (6)',
      'STATUS_LOGON_FAILURE (0xC000006D), which is also said for a wrong password',
    ],
    tryThis: [
      'write the name as DOMAIN\\user, as user@domain.example, or for a local account as MACHINE\\user or .\\user',
      'compare the domain in the AUTHENTICATE message or the realm in the AS-REQ with the one that the account is in',
    ],
  },
  ACCOUNT_DISABLED: {
    title: 'the account is disabled',
    explanation: 'The password may be right: the server says so only to somebody who knew it.',
    signs: [
      'STATUS_ACCOUNT_DISABLED (0xC0000072)',
      'KDC_ERR_CLIENT_REVOKED (18), with STATUS_ACCOUNT_DISABLED in its e-data',
    ],
    tryThis: ['enable the account, or use another one'],
  },
  ACCOUNT_EXPIRED: {
    title: 'the account has expired',
    explanation: 'Its owner or administrator set a date behind which nobody logs on with it.',
    signs: ['STATUS_ACCOUNT_EXPIRED (0xC0000193)', 'KDC_ERR_CLIENT_REVOKED (18) or KDC_ERR_NAME_EXP (1)'],
    tryThis: ['set a later date for the account'],
  },
  ACCOUNT_LOCKED: {
    title: 'the account is locked out after too many wrong passwords',
    explanation:
      'Something has tried wrong passwords: often a service, a scheduled task or a phone that still has the old one, and sometimes somebody who guesses.',
    signs: [
      'STATUS_ACCOUNT_LOCKED_OUT (0xC0000234)',
      'KDC_ERR_CLIENT_REVOKED (18), with STATUS_ACCOUNT_LOCKED_OUT in its e-data',
    ],
    tryThis: [
      'find who tries (event 4740 names the machine) before unlocking',
      'unlock the account, or wait until the lockout ends',
    ],
  },
  PASSWORD_EXPIRED: {
    title: 'the password has expired or has to be changed',
    explanation: 'NLA cannot change passwords by itself: the logon ends before there is a screen to ask on.',
    signs: [
      'STATUS_PASSWORD_EXPIRED (0xC0000071)',
      'STATUS_PASSWORD_MUST_CHANGE (0xC0000224)',
      'KDC_ERR_KEY_EXPIRED (23)',
    ],
    tryThis: [
      'change the password at another machine, with `kpasswd`, or by changing it over Kerberos in the program',
      'clear "must change password at next logon" for accounts that only ever log on over the network',
    ],
  },
  LOGON_RESTRICTED: {
    title: 'the account may not log on there, or not now',
    explanation:
      'Logon hours, a list of workstations, the right to log on through Remote Desktop, or a policy such as the one against blank passwords over the network.',
    signs: [
      'STATUS_INVALID_LOGON_HOURS (0xC000006F)',
      'STATUS_INVALID_WORKSTATION (0xC0000070)',
      'STATUS_LOGON_TYPE_NOT_GRANTED (0xC000015B)',
      'STATUS_ACCOUNT_RESTRICTION (0xC000006E)',
      'STATUS_AUTHENTICATION_FIREWALL_FAILED (0xC0000413)',
      'AUTHZ_ACCESS_DENIED as Early User Authorization Result',
      'KDC_ERR_POLICY (12)',
    ],
    tryThis: [
      'add the account to "Remote Desktop Users", or grant the right in the local security policy',
      'compare logon hours and the list of workstations of the account',
      'where authentication is selective between forests: grant "Allowed to authenticate" on the computer',
    ],
  },
  SMART_CARD_REQUIRED: {
    title: 'the account must log on with a smart card',
    explanation: 'An account with this flag has a password that nobody knows.',
    signs: ['STATUS_SMARTCARD_LOGON_REQUIRED (0xC00002FA)', 'SEC_E_SMARTCARD_LOGON_REQUIRED (0x8009033E)'],
    tryThis: ['use the smart card, or another account'],
  },
  CLOCK_SKEW: {
    title: 'the clocks of the two machines differ too much',
    explanation:
      'Kerberos takes nothing that is more than five minutes old or early, because otherwise everything that was overheard could be sent again.',
    signs: [
      'KRB_AP_ERR_SKEW (37)',
      'KRB_AP_ERR_TKT_NYV (33), KRB_AP_ERR_TKT_EXPIRED (32) right after a ticket was issued',
      'SEC_E_TIME_SKEW (0x80090324)',
      'STATUS_TIME_DIFFERENCE_AT_DC (0xC0000133)',
    ],
    tryThis: [
      'synchronise both machines with the domain controller or with the same NTP server',
      'look at the time zone: a clock that shows the right time in the wrong zone is hours off',
    ],
  },
  SPN_UNKNOWN: {
    title: 'the KDC does not know the service name that was asked for',
    explanation:
      'A service is found by its SPN: service class and host as the client wrote them. An address instead of a name, an alias, or a name that is registered on no account or on two has no ticket.',
    signs: ['KDC_ERR_S_PRINCIPAL_UNKNOWN (7)', 'KDC_ERR_PRINCIPAL_NOT_UNIQUE (8)', 'SEC_E_TARGET_UNKNOWN (0x80090303)'],
    tryThis: [
      'connect to the full DNS name of the host, not to an address or an alias',
      'write the SPN as class/host: class@host is how GSS-API writes names, and no KDC has it',
      'list the SPN with `setspn -Q TERMSRV/host` and register it on exactly one account',
      'name the SPN explicitly where the name to connect to is another one',
    ],
  },
  SERVICE_KEY_MISMATCH: {
    title: 'the service cannot read the ticket: it has another key than the KDC used',
    explanation:
      'The SPN is registered on another account than the one that the service runs with, or the keytab is older than the password.',
    signs: [
      'KRB_AP_ERR_MODIFIED (41)',
      'KRB_AP_ERR_BADKEYVER (44), KRB_AP_ERR_NOKEY (45), KRB_AP_ERR_NOT_US (35)',
      'SEC_E_WRONG_PRINCIPAL (0x80090322)',
      'a ticket that the keytab does not open',
    ],
    tryThis: [
      'look on which account the SPN is registered',
      'export the keytab anew, with all encryption types',
      'after a change of password: log off and on, so that tickets with the old key go away',
    ],
  },
  NTLM_BLOCKED_BY_POLICY: {
    title: 'NTLM is not allowed for this account or on this server',
    explanation:
      'Members of Protected Users, and domains and servers with NTLM restricted, take Kerberos only. A client that has no way to a KDC, or connects to an address instead of a name, falls back to NTLM and is refused, often with the words for a wrong password.',
    signs: [
      'STATUS_ACCOUNT_RESTRICTION (0xC000006E) in answer to an NTLM AUTHENTICATE',
      'STATUS_NTLM_BLOCKED (0xC0000418)',
      'NegTokenResp reject in answer to an offer of NTLM alone',
      'SEC_E_LOGON_DENIED though the password is right',
    ],
    tryThis: [
      'log on with Kerberos: configure realm and KDC (or a KDC proxy) in the client, and connect to the DNS name of the server',
      'look at "Network security: Restrict NTLM" and at the members of Protected Users',
      'watch the NTLM operational log of the domain controller (events 8001 to 8006)',
    ],
  },
  NO_COMMON_MECHANISM: {
    title: 'client and server have no way of logging on in common',
    explanation:
      'Each side has a list of mechanisms that it allows, and the lists have nothing in common that both can do.',
    signs: ['NegTokenResp with negState reject', 'RDP_NEG_FAILURE', 'SEC_E_LOGON_DENIED in the stage SPNEGO'],
    tryThis: [
      'compare the mechanisms that both sides offer',
      'give the client what Kerberos needs (realm, KDC), or allow NTLM knowingly',
    ],
  },
  CHANNEL_BINDING_MISMATCH: {
    title: 'client and server see different TLS channels',
    explanation:
      'The client says under its proof to which TLS server it believes to log on (extended protection, EPA), and the server sees that it is another one; or the client says nothing and the server insists.',
    signs: [
      'SEC_E_BAD_BINDINGS (0x80090346)',
      'STATUS_BAD_BINDINGS (0xC000035B)',
      'MsvAvChannelBindings of zeros',
      'HTTP 401 again and again with a right password',
      'LDAP data 80090346',
    ],
    tryThis: [
      'look for a proxy, load balancer or antivirus that terminates TLS between the two',
      'let the client send channel bindings',
      'compare the certificate that the client sees with that of the server',
    ],
  },
  TLS_TERMINATED_IN_BETWEEN: {
    title: 'something between client and server terminates TLS',
    explanation:
      'CredSSP and channel bindings tie a logon to the TLS key of the server. A gateway, inspecting firewall or balancer with a key of its own looks to them like what it technically is: a man in the middle.',
    signs: [
      'SEC_E_MESSAGE_ALTERED (0x8009030F) in the stage pubKeyAuth',
      'pubKeyAuth of the server that is over another key than that of the certificate',
      'SEC_E_BAD_BINDINGS (0x80090346)',
    ],
    tryThis: [
      'compare the fingerprint of the certificate that the client sees with that on the server',
      'pass TCP through instead of terminating TLS (layer 4)',
      'behind a gateway that must terminate: give the client the public key of the target',
    ],
  },
  PUBLIC_KEY_NOT_SPKI_CONTENT: {
    title: 'the public key was given in the wrong form',
    explanation:
      'CredSSP means the content of the SubjectPublicKey BIT STRING (for RSA the RSAPublicKey, `30 82 ... 02 82`), without the algorithm around it and without the octet of unused bits; not the certificate, not the SubjectPublicKeyInfo. The peer only sees a proof that does not verify, and many answer with a TLS alert.',
    signs: [
      'TLS alert internal_error (80) behind the AUTHENTICATE',
      'SEC_E_MESSAGE_ALTERED (0x8009030F) in the stage pubKeyAuth',
      'a pubKeyAuth over the DER of the whole certificate',
    ],
    tryThis: [
      'take the key out of the certificate with `subjectPublicKey()` of this library',
      'check it with `sspi decode --cert`, which tells over what the proof was made',
    ],
  },
  WRONG_CERTIFICATE: {
    title: 'the certificate is not the one of the server',
    explanation:
      'The certificate that the checks were made with, or that was configured, is older or belongs to another host.',
    signs: [
      'the certificate given differs from the one in the handshake',
      'the name or address is not in the certificate',
    ],
    tryThis: [
      'fetch the certificate of the server again: Remote Desktop makes a new one every six months',
      'compare SHA-256 fingerprints',
    ],
  },
  CERTIFICATE_UNTRUSTED: {
    title: 'the certificate of the server is not trusted',
    explanation:
      'It is signed by an authority that the client does not know (Remote Desktop signs its own), has expired, or is for another name.',
    signs: [
      'CERT_E_UNTRUSTEDROOT (0x800B0109)',
      'TLS alerts unknown_ca (48), bad_certificate (42), certificate_expired (45)',
      'SEC_E_MUTUAL_AUTH_FAILED',
    ],
    tryThis: [
      'give the client the authority of the server (`--ca`)',
      'use Kerberos, which authenticates the server by itself',
      'pin the certificate after comparing its fingerprint at the server',
    ],
  },
  CREDSSP_VERSION_REFUSED: {
    title: 'one side speaks a CredSSP version that the other does not take',
    explanation:
      'Versions 2 to 4 can be relayed by a man in the middle (CVE-2018-0886). Updated clients and servers refuse them ("encryption oracle remediation").',
    signs: [
      'TSRequest of version 2 to 4',
      'STATUS_NOT_SUPPORTED (0xC00000BB) as errorCode',
      'SEC_E_UNSUPPORTED_FUNCTION (0x80090302) in the stage TSRequest',
      'TLS alert internal_error (80)',
    ],
    tryThis: [
      'update the older side: versions 5 and 6 came in May 2018',
      'allow older versions for this server only, and knowingly',
    ],
  },
  DELEGATION_POLICY: {
    title: 'the policy does not allow credentials to be handed to this server',
    explanation:
      'CredSSP hands over the password. To whom, a list says (`TERMSRV/*` by default, and only for servers that were authenticated).',
    signs: ['SEC_E_DELEGATION_POLICY (0x8009035E)', 'SEC_E_POLICY_NLTM_ONLY (0x8009035F)'],
    tryThis: [
      'add the SPN to the list for this kind of credentials (fresh, saved, default; with NTLM only)',
      'use Kerberos or a trusted certificate, so that the server is authenticated',
      'for WinRM: the SPN is WSMAN/host, which no default list has',
    ],
  },
  KDC_UNREACHABLE: {
    title: 'no KDC of the realm can be found or answers',
    explanation:
      'The realm is unknown, its SRV records are not found, or ports 88 (UDP and TCP) are closed on the way.',
    signs: [
      'SEC_E_NO_AUTHENTICATING_AUTHORITY (0x80090311)',
      'STATUS_NO_LOGON_SERVERS (0xC000005E)',
      'an AS-REQ without an answer',
    ],
    tryThis: [
      'resolve `_kerberos._tcp.REALM`, or name the KDC (`--kdc`)',
      'open port 88 for UDP and TCP',
      'from outside: use the KDC proxy of the gateway (MS-KKDCP)',
    ],
  },
  ENCRYPTION_TYPE_MISMATCH: {
    title: 'there is no encryption type that everybody involved allows',
    explanation:
      'Client, account, service and KDC each have a list. RC4 is off on one side where the other has no AES key: accounts whose password is older than the domain’s AES support have none.',
    signs: ['KDC_ERR_ETYPE_NOSUPP (14)', 'SEC_E_KDC_UNKNOWN_ETYPE (0x80090342)'],
    tryThis: [
      'change the password of the account, so that AES keys are made',
      'set msDS-SupportedEncryptionTypes of the service account to AES',
      'allow RC4 only where there is no other way, and for as long',
    ],
  },
  REPLAY: {
    title: 'this message was presented before',
    explanation:
      'Services remember authenticators for some minutes. A proxy or a program that verifies a token twice looks like somebody who sends it again.',
    signs: ['KRB_AP_ERR_REPEAT (34)', 'SEC_E_LOGON_DENIED with REPLAY_DETECTED'],
    tryThis: [
      'look for two programs that verify the same token',
      'with several servers behind one name: give them a shared replay cache',
    ],
  },
  MESSAGE_TAMPERED: {
    title: 'a message was changed on its way',
    explanation:
      'A checksum over the exchange does not verify though the password is right: something rewrites messages, strips what it does not know, or attacks.',
    signs: ['a MIC, mechListMIC or seal that does not verify', 'SEC_E_MESSAGE_ALTERED (0x8009030F)'],
    tryThis: [
      'capture on both sides and compare octet by octet',
      'take proxies and security products out of the way one by one',
    ],
  },
  DOWNGRADE: {
    title: 'the choice of mechanism or version is weaker than both sides can do',
    explanation: 'The list that was offered is not the one that arrived, or the protection of the list was taken away.',
    signs: [
      'a missing or wrong mechListMIC',
      'STATUS_DOWNGRADE_DETECTED (0xC0000388)',
      'the mark of RFC 8446 4.1.3 in the random of a ServerHello',
    ],
    tryThis: ['treat it as an attack until it is explained', 'capture on both sides and compare the lists'],
  },
  RDP_SECURITY_MISMATCH: {
    title: 'client and RDP server do not agree on the security protocol',
    explanation:
      'The server insists on NLA and the client does not offer it, or the other way round; or the server has no certificate for TLS.',
    signs: ['RDP_NEG_FAILURE, for example HYBRID_REQUIRED_BY_SERVER', 'a Connection Confirm without negotiation'],
    tryThis: [
      'offer HYBRID (NLA) in the client',
      'look at the setting "Require Network Level Authentication" of the server',
    ],
  },
  TLS_FAILED: {
    title: 'the TLS handshake failed',
    explanation: 'Versions, cipher suites or certificates do not fit together.',
    signs: [
      'TLS alerts handshake_failure (40), protocol_version (70), insufficient_security (71)',
      'SEC_E_ALGORITHM_MISMATCH (0x80090331), SEC_E_ILLEGAL_MESSAGE (0x80090326)',
    ],
    tryThis: [
      'compare TLS versions and cipher suites of both sides',
      'look for servers that still offer TLS 1.0 and 1.1 only',
    ],
  },
  SERVER_UNREACHABLE: {
    title: 'the server cannot be reached, or does not answer in time',
    explanation: 'The name does not resolve, the port is closed, or something on the way drops what is sent.',
    signs: ['ECONNREFUSED, ETIMEDOUT, ENOTFOUND', 'a connection that is closed in the middle of the exchange'],
    tryThis: ['check name, address and port', 'look at firewalls on the way, and at what listens on the server'],
  },
  NOT_THE_PROTOCOL: {
    title: 'the other side speaks something else',
    explanation:
      'What arrives is not what should come here: another service on that port, a proxy that answers in its own words, or octets that were cut or reordered on the way to this program.',
    signs: ['NOT_TLS, MALFORMED_TOKEN, UNEXPECTED_MESSAGE', 'SEC_E_INVALID_TOKEN (0x80090308)'],
    tryThis: [
      'look at the first octets with `sspi decode`',
      'check that whole messages are handed over, each once, in their order',
    ],
  },
  USAGE: {
    title: 'the library was called in a way that cannot work',
    explanation:
      'A parameter, a handle or a credential is not of the form that the function takes. Nothing of it came from the peer.',
    signs: ['SEC_E_INVALID_PARAMETER, SEC_E_INVALID_HANDLE, SEC_E_NO_CREDENTIALS, SEC_E_UNKNOWN_CREDENTIALS'],
    tryThis: [
      'compare the call with the documentation of the function',
      'check the files given: format, and that they are complete',
    ],
  },
  LIMIT_REACHED: {
    title: 'a limit that protects this side was reached',
    explanation:
      'A message was larger, or an exchange longer, than the limits allow. Tickets with the groups of a large organisation can be the honest reason.',
    signs: ['SEC_E_INSUFFICIENT_MEMORY (0x80090300)', 'TOKEN_TOO_LARGE, TOO_MANY_LEGS, DEADLINE_EXCEEDED'],
    tryThis: [
      'raise the limit if the peer has a reason',
      'reduce the groups of the account, or the claims in its tickets',
    ],
  },
  PEER_REFUSED: {
    title: 'the other side refused and does not say why',
    explanation: 'By design: what a server tells a stranger helps those who guess. Its own log has the reason.',
    signs: [
      'SEC_E_LOGON_DENIED (0x8009030C) without NTSTATUS',
      'TLS alert access_denied (49)',
      'the connection closed behind the AUTHENTICATE',
    ],
    tryThis: ['read the security log of the server', 'try the same account at the server itself'],
  },
  INTERNAL: {
    title: 'something failed that has no name here',
    explanation: 'Either this library is at fault, or the environment in a way that it does not know.',
    signs: ['SEC_E_INTERNAL_ERROR (0x80090304)'],
    tryThis: ['report it, with the trace of the exchange and the cause of the error'],
  },
} as const satisfies Readonly<Record<string, CauseEntry>>;

/** A stable name for a reason why a logon fails. */
export type CauseCode = keyof typeof CAUSES;

/** Where the page of a cause is, from the root of the package. */
export function pageOf(code: CauseCode): string {
  return `docs/errors/${code}.md`;
}
