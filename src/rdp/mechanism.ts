/**
 * The mechanism inside CredSSP on an RDP connection: SPNEGO, or NTLM without a wrapper, with the flags that CredSSP asks for
 * (contract §3.6).
 * @module
 */
import type { MechanismContext } from '../credssp/index.ts';
import { type Host, systemHost } from '../host/index.ts';
import { negotiatePackage } from '../negotiate/index.ts';
import { ntlmPackage } from '../ntlm/index.ts';
import {
  type AcceptorIdentity,
  ASC_REQ,
  type AuthIdentity,
  type CredSspOptions,
  type ExchangeEvent,
  ISC_REQ,
  type NtHashIdentity,
  SECPKG_CRED,
} from '../sspi/index.ts';

/** What both roles know of it. */
interface MechanismOptions {
  readonly credssp?: CredSspOptions | undefined;
  readonly platform?: Host | undefined;
  readonly observe?: ((event: ExchangeEvent) => void) | undefined;
}

/** Contract X25: the mechanism delegates nothing by itself. */
const REQUEST =
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY;
const ACCEPT =
  ASC_REQ.MUTUAL_AUTH | ASC_REQ.REPLAY_DETECT | ASC_REQ.SEQUENCE_DETECT | ASC_REQ.CONFIDENTIALITY | ASC_REQ.INTEGRITY;

/** The client's context. It keeps alive what it needs of the credential. @throws SspiError NO_CREDENTIALS */
export async function initiatorMechanism(
  options: MechanismOptions & { readonly identity: AuthIdentity | NtHashIdentity; readonly targetName: string },
): Promise<MechanismContext> {
  const { identity, targetName, credssp, platform: host = systemHost, observe } = options;
  const chosen = credssp?.mechanism === 'ntlm' ? ntlmPackage : negotiatePackage;
  const credential = await chosen.acquire({ use: SECPKG_CRED.OUTBOUND, authData: identity, host });
  try {
    return credential.initiate({ flags: REQUEST, targetName, host, observe });
  } finally {
    credential.dispose();
  }
}

/** The server's context: whoever logs on has a name and 128-bit protection (contract N17, N18, N20). */
export async function acceptorMechanism(
  options: MechanismOptions & { readonly identity: AcceptorIdentity },
): Promise<MechanismContext> {
  const { identity, platform: host = systemHost, observe } = options;
  const authData = { ...identity, allowAnonymous: false, allowNtlmV1: false, allowWeakSessionSecurity: false };
  const credential = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host });
  try {
    return credential.accept({ flags: ACCEPT, host, observe });
  } finally {
    credential.dispose();
  }
}
