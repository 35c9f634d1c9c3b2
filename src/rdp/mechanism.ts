/**
 * The mechanism inside CredSSP on an RDP connection: SPNEGO, or NTLM without a wrapper, with the flags that CredSSP asks for
 * (contract §3.6).
 * @module
 */
import type { MechanismContext } from '../credssp/index.ts';
import type { Host } from '../host/index.ts';
import { negotiatePackage } from '../negotiate/index.ts';
import { ntlmPackage } from '../ntlm/index.ts';
import {
  type AcceptorIdentity,
  ASC_REQ,
  type AuthIdentity,
  type CredentialCacheIdentity,
  type CredSspOptions,
  type ExchangeEvent,
  ISC_REQ,
  type KerberosAcceptorIdentity,
  type KeytabIdentity,
  type NtHashIdentity,
  SECPKG_CRED,
} from '../sspi/index.ts';

/** What a client may log on with. */
export type NlaIdentity = AuthIdentity | NtHashIdentity | KeytabIdentity | CredentialCacheIdentity;
/** What a server may know its clients by. */
export type NlaAccounts = AcceptorIdentity | KerberosAcceptorIdentity;

/** What both roles know of it. */
interface MechanismOptions {
  readonly host: Host;
  readonly observe: ((event: ExchangeEvent) => void) | undefined;
}

/** Contract X25: the mechanism delegates nothing by itself. */
const REQUEST =
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY;
const ACCEPT =
  ASC_REQ.MUTUAL_AUTH | ASC_REQ.REPLAY_DETECT | ASC_REQ.SEQUENCE_DETECT | ASC_REQ.CONFIDENTIALITY | ASC_REQ.INTEGRITY;

/** What the client's mechanism needs besides. */
export interface InitiatorMechanismOptions extends MechanismOptions {
  readonly identity: NlaIdentity;
  readonly targetName: string;
  readonly mechanism: CredSspOptions['mechanism'];
}

/** The client's context. It keeps alive what it needs of the credential. @throws SspiError NO_CREDENTIALS */
export async function initiatorMechanism(options: InitiatorMechanismOptions): Promise<MechanismContext> {
  const { identity, targetName, mechanism, host, observe } = options;
  const chosen = mechanism === 'ntlm' ? ntlmPackage : negotiatePackage;
  const credential = await chosen.acquire({ use: SECPKG_CRED.OUTBOUND, authData: identity, host });
  try {
    return credential.initiate({ flags: REQUEST, targetName, host, observe });
  } finally {
    credential.dispose();
  }
}

/** The server's context: whoever logs on has a name and 128-bit protection (contract N17, N18, N20). */
export async function acceptorMechanism(
  identity: NlaAccounts,
  { host, observe }: MechanismOptions,
): Promise<MechanismContext> {
  const strict = { allowAnonymous: false, allowNtlmV1: false, allowWeakSessionSecurity: false };
  const authData = identity.kind === 'acceptor' ? { ...identity, ...strict } : identity;
  const credential = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host });
  try {
    return credential.accept({ flags: ACCEPT, host, observe });
  } finally {
    credential.dispose();
  }
}
