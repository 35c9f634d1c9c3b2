/**
 * What is known of a logon when it is over: who, proved how, in what kind of session, and why so.
 * @module
 */
import type { DelegationFact } from '../credssp/index.ts';
import type { CertTrustStatus } from '../sspi/index.ts';
import type { ConnectionRequest } from './x224.ts';

/** What authenticated a client. */
export type LogonMechanism = 'Kerberos' | 'NTLM';

/** As whom a client is logged on. */
export interface ClientLogon {
  /** As the mechanism sent it: `EXAMPLE\alice`, `alice@EXAMPLE.COM`. */
  readonly name: string;
  readonly mechanism: LogonMechanism;
  /** The service principal name that the logon was for. */
  readonly targetName: string;
  /**
   * What proved that the server is the one that was meant. Empty: nothing did, as with NTLM and a certificate that is not trusted. That
   * the server is the one at the other end of this TLS connection is proved in any case.
   */
  readonly serverAuthentication: readonly ('Kerberos' | 'certificate')[];
}

/** Whether the server said that the user may use it: it does under HYBRID_EX. Where it says no there is no connection (contract F9). */
export type Authorization = 'granted' | 'not-told';

/** Which mechanism authenticated the client, and why that one. */
export interface MechanismChoice {
  /** What the client offered, the best liked first; object identifiers where they have no name. */
  readonly offered: readonly string[];
  readonly chosen: LogonMechanism;
  /** By SPNEGO, or spoken without it. */
  readonly how: 'negotiated' | 'direct';
  /** In words; with why better ones could not be used. */
  readonly reason: string;
}

/** What the TLS handshake agreed on, under the names of the RFCs. */
export interface TlsParameters {
  /** For example `TLSv1.3`. */
  readonly version: string;
  /** For example `TLS_AES_256_GCM_SHA384`. */
  readonly cipher: string;
}

/** What both sides know. */
export interface NlaSession {
  /** Bits of {@link RDP_PROTOCOL} that the client offered; Server Core Data repeats them (contract F7). */
  readonly requestedProtocols: number;
  /** `HYBRID` or `HYBRID_EX` of {@link RDP_PROTOCOL}; Client Core Data has to repeat it (contract F7). */
  readonly selectedProtocol: number;
  /** Bits of {@link RDP_NEG_RSP_FLAG}. */
  readonly serverFlags: number;
  /** The version of TSRequest that both sides speak. */
  readonly version: number;
  readonly restrictedAdmin: boolean;
  readonly remoteGuard: boolean;
  readonly mechanism: MechanismChoice;
}

/** What a client knows. */
export interface ClientSession extends NlaSession {
  /** DER of the server's certificate. */
  readonly certificate: Uint8Array;
  /** SHA-256 of the content of its SubjectPublicKey BIT STRING. */
  readonly publicKeySha256: Uint8Array;
  /** What was handed over, and by which rule of the policy. */
  readonly delegation: DelegationFact;
}

/** What a client knows that has judged the certificate, and TLS, itself. */
export interface ConnectedSession extends ClientSession {
  readonly tls: TlsParameters;
  readonly trust: CertTrustStatus;
  /** There is nothing to say against the certificate: it authenticates the server. */
  readonly trusted: boolean;
}

/** What a server knows. */
export interface ServerSession extends NlaSession {
  /** What the client asked for in the clear: cookie, protocols, flags. */
  readonly request: ConnectionRequest;
}

/** What a server knows that has TLS itself. */
export interface AcceptedSession extends ServerSession {
  readonly tls: TlsParameters;
}
