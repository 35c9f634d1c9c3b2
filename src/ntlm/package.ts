/**
 * The NTLM security package (contract P4).
 * @module
 */
import { encodeUtf16 } from '../crypto/index.ts';
import {
  type AcceptorIdentity,
  type AuthData,
  type AuthIdentity,
  type Credential,
  type CredentialRequest,
  type NtHashIdentity,
  SECPKG_CRED,
  Secret,
  type SecurityPackage,
  SspiError,
  validateAuthIdentity,
} from '../sspi/index.ts';
import { NtlmCredential } from './credential.ts';
import { NTLM_INFO } from './info.ts';
import type { ClientLogon } from './initiator.ts';
import { exportNtlm, importNtlm } from './moving.ts';
import { ntowfV1, ntowfV2 } from './one-way-functions.ts';

const STAGE = 'NTLM credential';

/**
 * NTLM as a security package: NTLMv2 with MIC and channel bindings, session security of 128 bits.
 *
 * Clients bring an {@link AuthIdentity}, an {@link NtHashIdentity}, or say that they want to be anonymous; servers bring an
 * {@link AcceptorIdentity} with their accounts. There are no default credentials, and no server without a verifier.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp/b38c36ed-2804-4868-a9ff-8dd3182128e4
 * @example
 * const authData = { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;
 * const credential = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: systemHost });
 * const context = credential.initiate({ flags: ISC_REQ.CONFIDENTIALITY, targetName: 'HTTP/server.example.com' });
 * const { token } = await context.step(); // the NEGOTIATE message
 */
export const ntlmPackage: SecurityPackage = {
  info: NTLM_INFO,
  async acquire(request: CredentialRequest): Promise<Credential> {
    return acquire(request);
  },
  exportContext: exportNtlm,
  importContext: importNtlm,
};

function acquire({ use, authData, host }: CredentialRequest): Credential {
  if ((use & SECPKG_CRED.RESERVED) !== 0)
    throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: 'reserved bits of fCredentialUse' });
  if (authData === undefined) throw missing('there are no default credentials here');
  const inbound = (use & SECPKG_CRED.INBOUND) !== 0;
  const outbound = (use & SECPKG_CRED.OUTBOUND) !== 0 || !inbound; // the reference page calls 0 outbound (contract A4)
  if (authData.kind === 'acceptor') {
    if (!inbound) throw missing('accounts of a server are not the credentials of a client');
    const server = { identity: checkedAcceptor(authData), decoyHash: host.random.bytes(16) };
    return new NtlmCredential({ use: use & ~SECPKG_CRED.OUTBOUND, host, server });
  }
  if (!outbound) throw missing('a server needs accounts or a verifier');
  return new NtlmCredential({
    use: use & ~SECPKG_CRED.INBOUND,
    host,
    client: clientLogon(authData),
  });
}

/** Without somebody who checks, anybody could say anything (faults Z20, Z56). */
function checkedAcceptor(identity: AcceptorIdentity): AcceptorIdentity {
  const { accounts } = identity;
  const usable =
    typeof accounts === 'object' &&
    accounts !== null &&
    ('find' in accounts ? typeof accounts.find === 'function' : typeof accounts.verify === 'function');
  if (!usable) throw missing('a server needs accounts or a verifier');
  return { ...identity };
}

function clientLogon(authData: Exclude<AuthData, AcceptorIdentity>): ClientLogon {
  switch (authData.kind) {
    case 'anonymous':
      return { kind: 'anonymous' };
    case 'identity':
      return logonWithPassword(authData);
    case 'nt-hash':
      return logonWithHash(authData);
    case 'keytab':
    case 'ccache':
    case 'kerberos-acceptor':
      throw missing('these are for Kerberos only');
    default:
      throw new SspiError('UNKNOWN_CREDENTIALS', { stage: STAGE, detail: `NTLM knows nothing of ${authData.kind}` });
  }
}

/** What is no password stays one: text that looks like a hash is hashed like any other (fault Z25). */
function logonWithPassword(identity: AuthIdentity): ClientLogon {
  validateAuthIdentity(identity);
  const { password } = identity;
  if (password === undefined) throw missing('there is no password; an empty one is given as an empty string');
  if (typeof password !== 'string') return logon(identity, ntowfV1(password.reveal()));
  const octets = encodeUtf16(password);
  const ntHash = ntowfV1(octets);
  octets.fill(0);
  return logon(identity, ntHash);
}

function logonWithHash(identity: NtHashIdentity): ClientLogon {
  const { ntHash } = identity;
  if (!(ntHash instanceof Secret) || ntHash.disposed || ntHash.length !== 16)
    throw new SspiError('UNKNOWN_CREDENTIALS', { stage: STAGE, detail: 'an NT hash is a Secret of 16 octets' });
  return logon(identity, new Uint8Array(ntHash.reveal())); // a copy, which the slice of a Buffer is not
}

/** Only NTOWFv2 is kept: it is good for these names and nothing else, and it is all that a logon needs. */
function logon(
  names: { readonly user?: string | undefined; readonly domain?: string | undefined },
  ntHash: Uint8Array,
): ClientLogon {
  const { user, domain } = splitName(names.user ?? '', names.domain ?? '');
  if (user === '') throw missing('there is no user name');
  const responseKey = new Secret(ntowfV2(ntHash, user, domain));
  ntHash.fill(0);
  return { kind: 'account', user, domain, responseKey };
}

/** `DOMAIN\user` without a domain beside it is two names; `user@realm` is sent as it is, with an empty domain. */
function splitName(user: string, domain: string): { user: string; domain: string } {
  const backslash = user.indexOf('\\');
  if (domain !== '' || backslash === -1) return { user, domain };
  return { domain: user.slice(0, backslash), user: user.slice(backslash + 1) };
}

function missing(detail: string): SspiError {
  return new SspiError('NO_CREDENTIALS', { stage: STAGE, detail });
}
