/**
 * The `Sspi*` functions that make, compare, copy and wipe identities (sspi.h). They need no handles, and so no table.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-sspiencodestringsasauthidentity
 * @module
 */
import { decodeUtf16, equalInConstantTime } from '../crypto/index.ts';
import {
  AUTH_IDENTITY,
  type AuthIdentity,
  decodeAuthIdentity,
  encodeAuthIdentity,
  parseTargetName,
  SEC_E,
  Secret,
  SspiError,
  validateAuthIdentity,
} from '../sspi/index.ts';
import { failureOf, type Outcome } from './outcome.ts';

/** What functions give that make an identity. */
export interface AuthIdentityResult extends Outcome {
  /** Its password is a `Secret` of its own: {@link sspiFreeAuthIdentity} wipes it. Null on failure. */
  readonly authIdentity: AuthIdentity | null;
}

/**
 * SspiEncodeStringsAsAuthIdentity: an identity of three texts. Null is what C calls NULL; an empty text is an empty text.
 * @example
 * const { authIdentity } = sspiEncodeStringsAsAuthIdentity('alice', 'CORP', 'AlicePass1!');
 */
export function sspiEncodeStringsAsAuthIdentity(
  userName: string | null,
  domainName: string | null,
  packedCredentials: string | null,
): AuthIdentityResult {
  return identityOf(() => {
    if (packedCredentials !== null && typeof packedCredentials !== 'string') throw invalid('the password is no text');
    const names = { user: userName ?? undefined, domain: domainName ?? undefined };
    validateAuthIdentity({ kind: 'identity', ...names });
    const password = packedCredentials === null ? undefined : Secret.fromText(packedCredentials);
    return { kind: 'identity', ...names, password, flags: AUTH_IDENTITY.UNICODE };
  });
}

/** What {@link sspiEncodeAuthIdentityAsStrings} gives. */
export interface AuthIdentityStrings extends Outcome {
  readonly userName: string | null;
  readonly domainName: string | null;
  /** The password as text, which nobody can wipe. */
  readonly packedCredentials: string | null;
}

/** SspiEncodeAuthIdentityAsStrings: the three texts of an identity. */
export function sspiEncodeAuthIdentityAsStrings(authIdentity: AuthIdentity): AuthIdentityStrings {
  try {
    const { user, domain, password } = validated(authIdentity);
    const packedCredentials = password instanceof Secret ? decodeUtf16(password.reveal()) : (password ?? null);
    return { status: SEC_E.OK, userName: user ?? null, domainName: domain ?? null, packedCredentials };
  } catch (error) {
    return { ...failureOf(error), userName: null, domainName: null, packedCredentials: null };
  }
}

/** SspiValidateAuthIdentity: SEC_E_OK, or SEC_E_UNKNOWN_CREDENTIALS. */
export function sspiValidateAuthIdentity(authIdentity: AuthIdentity): Outcome {
  return outcomeOf(() => void validated(authIdentity));
}

/** What {@link sspiMarshalAuthIdentity} gives. */
export interface MarshalledAuthIdentity extends Outcome {
  /** SEC_WINNT_AUTH_IDENTITY_EX2, with the password in the clear: overwrite it after use. Null on failure. */
  readonly byteArray: Uint8Array | null;
}

/** SspiMarshalAuthIdentity: an identity as octets. */
export function sspiMarshalAuthIdentity(authIdentity: AuthIdentity): MarshalledAuthIdentity {
  try {
    return { status: SEC_E.OK, byteArray: encodeAuthIdentity(validated(authIdentity)) };
  } catch (error) {
    return { ...failureOf(error), byteArray: null };
  }
}

/** SspiUnmarshalAuthIdentity: octets as an identity. */
export function sspiUnmarshalAuthIdentity(byteArray: Uint8Array): AuthIdentityResult {
  return identityOf(() => {
    if (!(byteArray instanceof Uint8Array)) throw invalid('no octets');
    return decodeAuthIdentity(byteArray);
  });
}

/** SspiCopyAuthIdentity: another identity with a life of its own. */
export function sspiCopyAuthIdentity(authIdentity: AuthIdentity): AuthIdentityResult {
  return identityOf(() => {
    const { password, ...rest } = validated(authIdentity);
    const copy = typeof password === 'string' ? Secret.fromText(password) : password?.clone();
    return copy === undefined ? rest : { ...rest, password: copy };
  });
}

/** What {@link sspiCompareAuthIdentities} gives. */
export interface AuthIdentityComparison extends Outcome {
  /** The same user of the same domain; case does not matter. */
  readonly sameSuppliedUser: boolean;
  /** And the same password. */
  readonly sameSuppliedIdentity: boolean;
}

/** SspiCompareAuthIdentities. NULL is the same as NULL, and as nothing else. */
export function sspiCompareAuthIdentities(
  one: AuthIdentity | null,
  other: AuthIdentity | null,
): AuthIdentityComparison {
  try {
    const both = [one, other].filter((identity) => identity !== null).map(validated);
    const [first, second] = both;
    if (first === undefined || second === undefined) {
      const neither = first === undefined;
      return { status: SEC_E.OK, sameSuppliedUser: neither, sameSuppliedIdentity: neither };
    }
    const same = (a: string | undefined, b: string | undefined): boolean => a?.toUpperCase() === b?.toUpperCase();
    const sameSuppliedUser = same(first.user, second.user) && same(first.domain, second.domain);
    const sameSuppliedIdentity = samePassword(first.password, second.password) && sameSuppliedUser;
    return { status: SEC_E.OK, sameSuppliedUser, sameSuppliedIdentity };
  } catch (error) {
    return { ...failureOf(error), sameSuppliedUser: false, sameSuppliedIdentity: false };
  }
}

function samePassword(one: AuthIdentity['password'], other: AuthIdentity['password']): boolean {
  if (one === undefined || other === undefined) return one === other;
  const secrets = [one, other].map((password) => (typeof password === 'string' ? Secret.fromText(password) : password));
  const [a = new Uint8Array(0), b = new Uint8Array(0)] = secrets.map((secret) => secret.reveal());
  const same = equalInConstantTime(a, b);
  if (typeof one === 'string') a.fill(0);
  if (typeof other === 'string') b.fill(0);
  return same;
}

/**
 * SspiZeroAuthIdentity: overwrites the password.
 * @returns SEC_E_UNSUPPORTED_FUNCTION when it is text, which cannot be overwritten in JavaScript
 */
export function sspiZeroAuthIdentity(authIdentity: AuthIdentity | null): Outcome {
  return outcomeOf(() => {
    if (authIdentity === null) return;
    if (typeof authIdentity !== 'object' || authIdentity.kind !== 'identity') throw invalid('not an identity');
    const { password } = authIdentity;
    if (typeof password === 'string')
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'text cannot be overwritten' });
    if (password instanceof Secret) password.dispose();
  });
}

/** SspiFreeAuthIdentity: what holds nothing any more needs no freeing, and what holds a secret is wiped. */
export function sspiFreeAuthIdentity(authIdentity: AuthIdentity | null): Outcome {
  return sspiZeroAuthIdentity(authIdentity);
}

/** SspiIsAuthIdentityEncrypted. Such identities come from Windows, and cannot be used elsewhere. */
export function sspiIsAuthIdentityEncrypted(authIdentity: AuthIdentity): boolean {
  const encrypted =
    AUTH_IDENTITY.PROCESS_ENCRYPTED |
    AUTH_IDENTITY.SYSTEM_PROTECTED |
    AUTH_IDENTITY.USER_PROTECTED |
    AUTH_IDENTITY.SYSTEM_ENCRYPTED;
  return ((authIdentity.flags ?? 0) & encrypted) !== 0;
}

/** SspiExcludePackage: the same identity for fewer packages; its password is a copy. */
export function sspiExcludePackage(authIdentity: AuthIdentity, packageName: string): AuthIdentityResult {
  return identityOf(() => {
    if (typeof packageName !== 'string' || !/^[^!,\s]+$/.test(packageName)) throw invalid('no name of a package');
    const { authIdentity: copy, error } = sspiCopyAuthIdentity(authIdentity);
    if (copy === null) throw error ?? invalid('it cannot be copied');
    const list = copy.packageList ?? '';
    return { ...copy, packageList: list === '' ? `!${packageName}` : `${list},!${packageName}` };
  });
}

/** What {@link sspiGetTargetHostName} gives. */
export interface TargetHostName extends Outcome {
  readonly hostName: string | null;
}

/** SspiGetTargetHostName: the host in a target name. */
export function sspiGetTargetHostName(targetName: string): TargetHostName {
  try {
    if (typeof targetName !== 'string') throw new SspiError('INVALID_PARAMETER', { stage: 'pszTargetName' });
    return { status: SEC_E.OK, hostName: parseTargetName(targetName).host };
  } catch (error) {
    return { ...failureOf(error), hostName: null };
  }
}

const STAGE = 'SEC_WINNT_AUTH_IDENTITY';

function validated(authIdentity: AuthIdentity): AuthIdentity {
  if (typeof authIdentity !== 'object' || authIdentity === null || authIdentity.kind !== 'identity')
    throw new SspiError('UNKNOWN_CREDENTIALS', { stage: STAGE, detail: 'not an identity' });
  validateAuthIdentity(authIdentity);
  return authIdentity;
}

function identityOf(make: () => AuthIdentity): AuthIdentityResult {
  try {
    return { status: SEC_E.OK, authIdentity: make() };
  } catch (error) {
    return { ...failureOf(error), authIdentity: null };
  }
}

function outcomeOf(work: () => void): Outcome {
  try {
    work();
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}

function invalid(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: STAGE, detail });
}
