/**
 * The outcome of a check.
 * @module
 */

/** What is checked: a name for each protection that the protocols have. */
export type CheckName =
  | 'certificate'
  | 'TLS records'
  | 'NTProofStr'
  | 'NTLMv1 response'
  | 'MIC'
  | 'mechListMIC'
  | 'pubKeyAuth seal'
  | 'pubKeyAuth binding'
  | 'authInfo'
  | 'channel bindings'
  | 'PA-ENC-TIMESTAMP'
  | 'AS-REP'
  | 'AS-REQ checksum'
  | 'TGS-REQ checksum'
  | 'TGS-REP'
  | 'Ticket'
  | 'Authenticator'
  | 'AP-REP'
  | 'KRB-PRIV'
  | 'KRB-CRED'
  | 'KRB-SAFE'
  | 'enc-authorization-data'
  | 'PAC server signature'
  | 'PAC KDC signature'
  | 'PAC ticket signature'
  | 'PAC full signature'
  | 'GSS message'
  | 'WinRM message';

/** A check, made or not. */
export interface Check {
  readonly name: CheckName;
  /** The number of the message in which it stands. */
  readonly message: number;
  readonly outcome: 'verified' | 'failed' | 'not-checked';
  /** The fields that it protects: when it fails, one of them was changed, or the key is another one. */
  readonly covers: readonly string[];
  /** What it shows; why it fails; or what is needed to make it. */
  readonly why: string;
}

/** What a check found, still without the number of its message. */
export type Finding = Omit<Check, 'message'>;

export function verified(name: CheckName, covers: readonly string[], why: string): Finding {
  return { name, outcome: 'verified', covers, why };
}

export function failed(name: CheckName, covers: readonly string[], why: string): Finding {
  return { name, outcome: 'failed', covers, why };
}

export function notChecked(name: CheckName, covers: readonly string[], why: string): Finding {
  return { name, outcome: 'not-checked', covers, why };
}
