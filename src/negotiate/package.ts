/**
 * The Negotiate package: SPNEGO over the mechanisms there are (contract P4, A21).
 * @module
 */
import type { Host } from '../host/index.ts';
import { kerberosPackage, userToUserPackage } from '../kerberos/package.ts';
import { decodeAuthenticate, ntlmPackage } from '../ntlm/index.ts';
import {
  type AcceptOptions,
  type AuthData,
  asSspiError,
  type Credential,
  type CredentialAttributes,
  type CredentialRequest,
  type InitiateOptions,
  ISC_RET,
  type KdcProxySettings,
  NEVER,
  SEC_E,
  SECPKG_CRED,
  type SecurityPackage,
  SspiError,
} from '../sspi/index.ts';
import { accept } from './acceptor.ts';
import { type NegotiateContext, negotiateContext } from './context.ts';
import { NEGOTIATE_INFO } from './info.ts';
import { initiate } from './initiator.ts';
import { type Candidate, type Mechanism, type Note, noteOf } from './mechanism.ts';
import { exportNegotiated, importNegotiated } from './moving.ts';
import { OID } from './oids.ts';
import { allowedPackages } from './package-list.ts';

const STAGE = 'Negotiate credential';

/** What {@link createNegotiatePackage} is made of. */
export interface NegotiatePackageOptions {
  /** The most preferred first. */
  readonly mechanisms: readonly Mechanism[];
}

/** A credential whose contexts let you see the mechanism inside. */
export interface NegotiateCredential extends Credential {
  initiate(options: InitiateOptions): NegotiateContext;
  accept(options: AcceptOptions): NegotiateContext;
}

/** A package whose contexts let you see the mechanism inside. */
export interface NegotiatePackage extends SecurityPackage {
  /**
   * Makes a credential of every mechanism that the package list allows and that can make something of the data.
   * @throws SspiError NO_CREDENTIALS when there is none, and whatever a mechanism finds wrong with the data
   */
  acquire(request: CredentialRequest): Promise<NegotiateCredential>;
}

/** Kerberos under both its names; Windows puts its own first and expects to be answered with it ([MS-SPNG] note 9). */
export const kerberosMechanism: Mechanism = {
  name: 'Kerberos',
  oids: [OID.MS_KERBEROS, OID.KERBEROS],
  package: kerberosPackage,
};

/** Kerberos from user to user, which SPNEGO takes for another mechanism. For package lists it is Kerberos. */
export const userToUserMechanism: Mechanism = {
  name: 'Kerberos',
  oids: [OID.KERBEROS_USER_TO_USER],
  package: userToUserPackage,
};

/** NTLM, as SPNEGO sees it. Whoever puts a MIC in his AUTHENTICATE has to send a mechListMIC too ([MS-SPNG] note 8). */
export const ntlmMechanism: Mechanism = {
  name: 'NTLM',
  oids: [OID.NTLM],
  package: ntlmPackage,
  demandsMic: (token) => token[8] === AUTHENTICATE && decodeAuthenticate(token).mic !== undefined,
};

/** MessageType of an AUTHENTICATE, its low octet. */
const AUTHENTICATE = 3;

/**
 * Makes a Negotiate package of other mechanisms than the built-in ones.
 * @example
 * const negotiate = createNegotiatePackage({ mechanisms: [kerberosMechanism] }); // and never NTLM
 */
export function createNegotiatePackage({ mechanisms }: NegotiatePackageOptions): NegotiatePackage {
  // The first that knows an authority is the one to ask for another password (contract L10).
  const authority = mechanisms.map((mechanism) => mechanism.package).find(changesPasswords);
  return {
    info: NEGOTIATE_INFO,
    acquire: (request) => acquire(mechanisms, request),
    exportContext: (context) => exportNegotiated(mechanisms, context),
    importContext: (state, host) => importNegotiated(mechanisms, state, host),
    ...(authority === undefined ? {} : { changePassword: (request) => authority.changePassword(request) }),
  };
}

function changesPasswords(
  one: SecurityPackage,
): one is SecurityPackage & Required<Pick<SecurityPackage, 'changePassword'>> {
  return one.changePassword !== undefined;
}

/**
 * Negotiate with the mechanisms of this library.
 * @see https://learn.microsoft.com/windows/win32/secauthn/microsoft-negotiate
 * @example
 * const authData = { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;
 * const credential = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: systemHost });
 * const context = credential.initiate({ flags: ISC_REQ.CONFIDENTIALITY, targetName: 'HTTP/server.example.com' });
 * const step = await context.step(); // a NegTokenInit
 */
export const negotiatePackage: NegotiatePackage = createNegotiatePackage({
  mechanisms: [kerberosMechanism, userToUserMechanism, ntlmMechanism],
});

async function acquire(mechanisms: readonly Mechanism[], request: CredentialRequest): Promise<NegotiateCredential> {
  if ((request.use & SECPKG_CRED.RESERVED) !== 0)
    throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: 'reserved bits of fCredentialUse' });
  const list = packageListOf(request.authData);
  const allowed = new Set(
    allowedPackages(
      list,
      mechanisms.map(({ name }) => name),
    ),
  );
  if (allowed.size === 0)
    throw new SspiError('NO_CREDENTIALS', { stage: STAGE, detail: `the package list '${list}' leaves no mechanism` });

  const candidates: Candidate[] = [];
  const notes = new Map<string, Note>(); // one for each name, even where a mechanism has several forms
  const failures: SspiError[] = [];
  try {
    for (const mechanism of mechanisms) {
      const { name } = mechanism;
      const noted = notes.has(name) || candidates.some((candidate) => candidate.mechanism.name === name);
      if (!allowed.has(name)) {
        notes.set(name, { status: SEC_E.OK, reason: `${name} is excluded by the package list '${list}'` });
        continue;
      }
      const acquired = await acquireFrom(mechanism, request);
      if (!(acquired instanceof SspiError)) candidates.push(candidateOf(mechanism, acquired, request));
      else if (!noted) {
        notes.set(name, noteOf(mechanism, acquired));
        failures.push(acquired);
      }
    }
    if (candidates.length === 0) throw nothingLeft(failures);
  } catch (error) {
    for (const { credential } of candidates) credential.dispose();
    throw error;
  }
  return new NegotiatedCredential({ request, mechanisms, candidates, notes });
}

/** What each mechanism misses: which of them the caller wants to use, nobody knows but the caller. */
function nothingLeft(failures: readonly SspiError[]): SspiError {
  const [only, ...more] = failures;
  if (only !== undefined && more.length === 0) return only;
  const detail = failures.map(({ stage, detail: why }) => `${stage}: ${why ?? 'none'}`).join('; ');
  return new SspiError('NO_CREDENTIALS', { stage: STAGE, detail });
}

/** A mechanism for which there are no credentials is left out; anything else that is wrong with them is an error. */
async function acquireFrom(mechanism: Mechanism, request: CredentialRequest): Promise<Credential | SspiError> {
  try {
    return await mechanism.package.acquire(request);
  } catch (error) {
    const reason = asSspiError(error);
    if (reason.code !== 'NO_CREDENTIALS') throw reason;
    return reason;
  }
}

function candidateOf(mechanism: Mechanism, credential: Credential, { authData }: CredentialRequest): Candidate {
  return { mechanism, credential, anonymous: authData?.kind === 'anonymous' };
}

/** Bits of `SECPKG_CRED`: which ways a credential can be used. 0 is outbound (contract A4). */
function directionsOf({ use }: Pick<Credential, 'use'>): number {
  const directions = use & SECPKG_CRED.BOTH;
  return directions === 0 ? SECPKG_CRED.OUTBOUND : directions;
}

function isOutbound({ credential }: Candidate): boolean {
  return (directionsOf(credential) & SECPKG_CRED.OUTBOUND) !== 0;
}

function isInbound({ credential }: Candidate): boolean {
  return (directionsOf(credential) & SECPKG_CRED.INBOUND) !== 0;
}

function packageListOf(authData: AuthData | undefined): string | undefined {
  return authData !== undefined && 'packageList' in authData ? authData.packageList : undefined;
}

interface NegotiatedCredentialOptions {
  readonly request: CredentialRequest;
  /** All that there are, the most preferred first. */
  readonly mechanisms: readonly Mechanism[];
  readonly candidates: readonly Candidate[];
  /** By name of the mechanism. */
  readonly notes: ReadonlyMap<string, Note>;
}

/**
 * One credential for each mechanism and direction. They live as long as a context may still need them: which one that is can
 * turn out late, when the server has chosen (contract A14).
 */
class NegotiatedCredential implements NegotiateCredential {
  readonly info = NEGOTIATE_INFO;
  #use: number;
  readonly #mechanisms: readonly Mechanism[];
  /** Contexts keep those that there were when they began. */
  #outbound: readonly Candidate[];
  #inbound: readonly Candidate[];
  /** All that there ever were: a context may still need one whose place another has taken. */
  readonly #owned: Candidate[];
  readonly #notes: ReadonlyMap<string, Note>;
  readonly #host: Host;
  #contexts = 0;
  #disposed = false;

  constructor({ request, mechanisms, candidates, notes }: NegotiatedCredentialOptions) {
    this.#use = request.use | (directionsOf(request) & SECPKG_CRED.OUTBOUND); // 0 is outbound too (contract A4)
    this.#mechanisms = mechanisms;
    this.#outbound = candidates.filter(isOutbound);
    this.#inbound = candidates.filter(isInbound);
    this.#owned = [...candidates];
    this.#notes = notes;
    this.#host = request.host;
  }

  get use(): number {
    return this.#use;
  }

  get expiry(): bigint {
    return earliestExpiry([...this.#outbound, ...this.#inbound]);
  }

  /** Of the first mechanism that knows it: they all have the same name for the same user. */
  get attributes(): CredentialAttributes {
    const names = [...this.#outbound, ...this.#inbound].flatMap(({ credential }) => credential.attributes?.NAMES ?? []);
    return names[0] === undefined ? {} : { NAMES: names[0] };
  }

  initiate(given: InitiateOptions): NegotiateContext {
    const candidates = this.#outbound;
    this.#assertUsable(candidates.length > 0, 'outbound');
    const options = { ...given, host: given.host ?? this.#host };
    return negotiateContext({
      role: 'initiator',
      options,
      notes: this.#notesBeside(candidates),
      intermediateFlags: ISC_RET.INTERMEDIATE_RETURN,
      start: (scope, negotiation, first) => initiate(scope, negotiation, first, { candidates, options }),
      onEnd: this.#begin(),
    });
  }

  accept(given: AcceptOptions): NegotiateContext {
    const candidates = this.#inbound;
    this.#assertUsable(candidates.length > 0, 'inbound');
    const options = { ...given, host: given.host ?? this.#host };
    return negotiateContext({
      role: 'acceptor',
      options,
      notes: this.#notesBeside(candidates),
      start: (scope, negotiation, first) => accept(scope, negotiation, first, { candidates, options }),
      onEnd: this.#begin(),
    });
  }

  setKdcProxy(settings: KdcProxySettings): void {
    const able = [...new Set([...this.#outbound, ...this.#inbound])].filter(
      ({ credential }) => credential.setKdcProxy !== undefined,
    );
    if (able.length === 0)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'no mechanism has KDCs' });
    for (const { credential } of able) credential.setKdcProxy?.(settings);
  }

  /**
   * A mechanism that has a credential already gets the new one in its place, for nobody could tell which of two to use; but only
   * in the directions that the new one serves. Accounts of a server take nothing away from a client.
   */
  async add(packageName: string, request: CredentialRequest): Promise<void> {
    this.#assertUsable(true, 'any');
    const wanted = this.#mechanisms.filter(({ name }) => name.toLowerCase() === packageName.toLowerCase());
    if (wanted.length === 0) throw new SspiError('PACKAGE_NOT_FOUND', { stage: STAGE, detail: packageName });
    const added: Candidate[] = [];
    const failures: SspiError[] = [];
    try {
      for (const mechanism of wanted) {
        const acquired = await acquireFrom(mechanism, request);
        if (acquired instanceof SspiError) failures.push(acquired);
        else added.push(candidateOf(mechanism, acquired, request));
      }
      if (added.length === 0) throw nothingLeft(failures);
      this.#assertUsable(true, 'any'); // as it may have been disposed meanwhile
    } catch (error) {
      for (const { credential } of added) credential.dispose();
      throw error;
    }
    this.#owned.push(...added);
    this.#outbound = this.#withAdded(this.#outbound, added.filter(isOutbound), wanted);
    this.#inbound = this.#withAdded(this.#inbound, added.filter(isInbound), wanted);
    for (const { credential } of added) this.#use |= directionsOf(credential);
  }

  dispose(): void {
    this.#disposed = true;
    this.#disposeWhenUnused();
  }

  #withAdded(
    present: readonly Candidate[],
    added: readonly Candidate[],
    wanted: readonly Mechanism[],
  ): readonly Candidate[] {
    if (added.length === 0) return present;
    const all = [...present.filter(({ mechanism }) => !wanted.includes(mechanism)), ...added];
    return this.#mechanisms.flatMap((one) => all.filter(({ mechanism }) => mechanism === one));
  }

  /** Why the mechanisms that are missing there are missing. */
  #notesBeside(candidates: readonly Candidate[]): readonly Note[] {
    const there = new Set(candidates.map(({ mechanism }) => mechanism.name));
    return [...this.#notes].flatMap(([name, note]) => (there.has(name) ? [] : [note]));
  }

  #begin(): () => void {
    this.#contexts++;
    return () => {
      this.#contexts--;
      this.#disposeWhenUnused();
    };
  }

  #disposeWhenUnused(): void {
    if (!this.#disposed || this.#contexts > 0) return;
    for (const { credential } of this.#owned) credential.dispose();
  }

  #assertUsable(permitted: boolean, use: string): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: STAGE, detail: 'the credential was disposed' });
    if (!permitted) throw new SspiError('NO_CREDENTIALS', { stage: STAGE, detail: `not for ${use} use` });
  }
}

function earliestExpiry(candidates: readonly Candidate[]): bigint {
  let earliest = NEVER;
  for (const { credential } of candidates) if (credential.expiry < earliest) earliest = credential.expiry;
  return earliest;
}
