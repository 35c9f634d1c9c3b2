/**
 * What decoding a message finds that something can be made of later: the parts that keys open or checksums protect, and the facts
 * that explain how a conversation ended. Written down in the order of the wire, because keys and key streams depend on it.
 * @module
 */
import type { TSRequest } from '../credssp/index.ts';
import type { Schema } from '../der/index.ts';
import type { ApReq, ChecksumValue, EncryptedData, PrincipalName, Ticket } from '../kerberos/index.ts';
import type { MessageName } from '../ntlm/index.ts';
import type { Branch } from './tree.ts';

/** Which end of a conversation. */
export type Side = 'client' | 'server';

/** A part that keys may open or check. `branch` is where the result belongs. */
export type Observation =
  | { readonly kind: 'ntlm'; readonly name: MessageName; readonly octets: Uint8Array; readonly branch: Branch }
  | { readonly kind: 'mech-types'; readonly list: Uint8Array; readonly branch: Branch }
  | { readonly kind: 'mech-list-mic'; readonly mic: Uint8Array; readonly branch: Branch }
  | { readonly kind: 'ts-request'; readonly request: TSRequest; readonly branch: Branch }
  | { readonly kind: 'certificate'; readonly der: Uint8Array; readonly branch: Branch }
  | { readonly kind: 'tls-records'; readonly opened: number; readonly failed: number; readonly branch: Branch }
  | { readonly kind: 'certificate-hash'; readonly sha256: string; readonly branch: Branch }
  | { readonly kind: 'salts'; readonly salts: readonly Salt[] }
  | { readonly kind: 'ap-req'; readonly message: ApReq; readonly branch: Branch }
  | { readonly kind: 'request-body'; readonly body: Uint8Array; readonly branch: Branch }
  | { readonly kind: 'kdc-request'; readonly octets: Uint8Array; readonly client: KerberosName | undefined }
  | {
      readonly kind: 'kdc-reply';
      readonly which: 'AS-REP' | 'TGS-REP';
      readonly client: KerberosName;
      readonly ticket: Ticket;
      readonly encPart: EncryptedData;
      /** FAST or PKINIT: the key is not the one that the password makes. */
      readonly otherKey: boolean;
      readonly branch: Branch;
    }
  | { readonly kind: 'ticket'; readonly ticket: Ticket; readonly branch: Branch }
  | { readonly kind: 'pre-authentication'; readonly data: EncryptedData; readonly branch: Branch }
  | SessionSealed
  | { readonly kind: 'krb-safe'; readonly body: Uint8Array; readonly checksum: ChecksumValue; readonly branch: Branch }
  | { readonly kind: 'gss-message'; readonly token: Uint8Array; readonly isMic: boolean; readonly branch: Branch }
  | {
      readonly kind: 'sealed-message';
      readonly header: Uint8Array;
      readonly data: Uint8Array;
      readonly branch: Branch;
    };

/** A part of a Kerberos message that a session key or subkey opens. */
export interface SessionSealed {
  readonly kind: 'session-sealed';
  readonly name: 'AP-REP' | 'KRB-PRIV' | 'KRB-CRED' | 'enc-authorization-data';
  readonly data: EncryptedData;
  readonly usages: readonly number[];
  readonly schema: Schema<unknown>;
  readonly branch: Branch;
}

/** A principal with its realm. */
export interface KerberosName {
  readonly name: PrincipalName;
  readonly realm: string;
}

/** How a KDC wants a key to be made of a password. */
export interface Salt {
  readonly etype: number;
  readonly salt: Uint8Array | undefined;
  readonly parameters: Uint8Array | undefined;
}

/** Something that tells how a conversation went. */
export type Fact =
  | { readonly kind: 'nt-status'; readonly ntStatus: number }
  | {
      readonly kind: 'krb-error';
      readonly errorCode: number;
      readonly service: string;
      readonly skewSeconds?: number;
      readonly ntStatus?: number;
    }
  | { readonly kind: 'tls-alert'; readonly name: string; readonly number: number }
  | { readonly kind: 'rdp-failure'; readonly code: number; readonly name: string }
  | { readonly kind: 'rdp-selected'; readonly protocols: number }
  | { readonly kind: 'rdp-requested'; readonly protocols: number }
  | { readonly kind: 'spnego-reject' }
  | { readonly kind: 'spnego-offer'; readonly mechanisms: readonly string[] }
  | { readonly kind: 'credssp-version'; readonly version: number }
  | { readonly kind: 'authorization'; readonly granted: boolean }
  | { readonly kind: 'ntlm'; readonly message: MessageName }
  | { readonly kind: 'ntlm-v1' }
  | { readonly kind: 'delegated' }
  | { readonly kind: 'no-bindings' }
  | { readonly kind: 'http-status'; readonly status: number };
