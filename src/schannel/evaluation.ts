/**
 * What to think of a certificate: the chain up to something trusted, its dates, its purpose, its name. A verdict of its own, apart
 * from the handshake: CredSSP publishes it and goes on, Schannel refuses (contract R24, Q4, A25).
 *
 * The rules are those of RFC 5280 6.1 without policies and name constraints: a critical extension that is not understood, name
 * constraints among them, makes a certificate unusable.
 * @module
 */
import { DerError } from '../der/index.ts';
import { CERT_STATUS, CERT_TRUST, CERT_TRUST_INFO, type CertTrustStatus, SCH_CRED, SEC_E } from '../sspi/index.ts';
import { decodeCertificate, validityOf } from './certificate.ts';
import { extensionsOf, KEY_USAGE } from './extensions.ts';
import { issuerOf, matchesHost, subjectOf } from './names.ts';
import { interned } from './remembered.ts';
import { isSignedBy } from './signatures.ts';
import type { TrustAnchors } from './trust-anchors.ts';

/** Extended key usages that a TLS server may have: serverAuth, and Remote Desktop Authentication (contract A19). */
export const SERVER_USAGES: readonly string[] = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.4.1.311.54.1.2'];
/** clientAuth. */
export const CLIENT_USAGES: readonly string[] = ['1.3.6.1.5.5.7.3.2'];
const ANY_EXTENDED_KEY_USAGE = '2.5.29.37.0';

/** What is to be judged, and by what. */
export interface EvaluationOptions {
  /** DER, leaf first; the rest in any order, needed or not. */
  readonly certificates: readonly Uint8Array[];
  readonly anchors: TrustAnchors;
  /** Object identifiers, one of which the certificate must be good for. */
  readonly usages: readonly string[];
  /** Undefined: the name is not checked. */
  readonly host: string | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Bits of `SCH_CRED`: NO_SERVERNAME_CHECK, REVOCATION_* and IGNORE_* have a say (contract A25). */
  readonly flags: number;
}

/** Longest chain that is followed, and most signatures that are verified on the way: a peer decides what it sends. */
const LONGEST_CHAIN = 10;
const MOST_SIGNATURES = 24;

/** Judges a certificate. Never throws for what is wrong with it: that is the verdict. */
export function evaluateCertificate(options: EvaluationOptions): CertTrustStatus {
  const [leaf, ...others] = options.certificates.map(interned);
  if (leaf === undefined) return { errorStatus: CERT_TRUST.IS_PARTIAL_CHAIN, infoStatus: 0, policyStatus: SEC_E.OK };
  try {
    const path = new PathSearch(options.anchors, others).best(leaf);
    return {
      errorStatus:
        path.fault |
        timeFaults(path, options.time) |
        usageFaults(path, options.usages) |
        constraintFaults(path) |
        revocation(path, options.flags),
      infoStatus: path.info,
      policyStatus: policyStatus(leaf, options),
    };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    // OpenSSL could read it and we cannot: nobody should rely on what it says.
    return {
      errorStatus: CERT_TRUST.IS_NOT_VALID_FOR_USAGE,
      infoStatus: 0,
      policyStatus: CERT_STATUS.CERT_E_CN_NO_MATCH,
    };
  }
}

// ------------------------------------------------------------------------------------------------------------------ path

/** Certificates from the leaf upwards, and what kept the path from ending at something trusted. */
interface Path {
  readonly certificates: readonly Uint8Array[];
  /** Bits of CERT_TRUST; 0 when the last certificate is trusted. */
  readonly fault: number;
  /** Bits of CERT_TRUST_INFO. */
  readonly info: number;
}

/** Looks for a way from a leaf to an anchor. Of those that lead nowhere it keeps the first. */
class PathSearch {
  readonly #anchors: TrustAnchors;
  readonly #sent: readonly Uint8Array[];
  #signatures = 0;

  constructor(anchors: TrustAnchors, sent: readonly Uint8Array[]) {
    this.#anchors = anchors;
    this.#sent = sent.slice(0, LONGEST_CHAIN);
  }

  best(leaf: Uint8Array): Path {
    return this.#extend([leaf]);
  }

  #extend(certificates: readonly Uint8Array[]): Path {
    const last = certificates[certificates.length - 1] ?? new Uint8Array(0);
    const info = isSelfIssued(last) ? CERT_TRUST_INFO.IS_SELF_SIGNED : 0;
    if (this.#anchors.has(last)) return { certificates, fault: 0, info: certificates.length === 1 ? info : 0 };
    const issuer = issuerOf(last);
    const namesakes = [...this.#anchors.named(issuer), ...this.#sent.filter((sent) => subjectOf(sent) === issuer)];
    let deadEnd: Path | undefined;
    let cyclic = false;
    for (const candidate of namesakes) {
      if (candidate === last || certificates.length >= LONGEST_CHAIN) continue;
      if (this.#signatures++ >= MOST_SIGNATURES) break;
      if (!isSignedBy(last, candidate)) continue;
      if (certificates.includes(candidate)) {
        cyclic = true;
        continue;
      }
      const path = this.#extend([...certificates, candidate]);
      if (path.fault === 0) return path;
      deadEnd ??= path;
    }
    if (deadEnd !== undefined) return deadEnd;
    if (isSelfIssued(last)) return { certificates, fault: CERT_TRUST.IS_UNTRUSTED_ROOT, info };
    if (cyclic) return { certificates, fault: CERT_TRUST.IS_PARTIAL_CHAIN | CERT_TRUST.IS_CYCLIC, info };
    if (namesakes.length === 0) return { certificates, fault: CERT_TRUST.IS_PARTIAL_CHAIN, info };
    const fault = CERT_TRUST.IS_PARTIAL_CHAIN | CERT_TRUST.IS_NOT_SIGNATURE_VALID;
    return { certificates, fault, info: info | CERT_TRUST_INFO.HAS_NAME_MATCH_ISSUER };
  }
}

/** Subject and issuer are the same name: a root, or a certificate that a root made for a new key of its own. */
function isSelfIssued(certificate: Uint8Array): boolean {
  return subjectOf(certificate) === issuerOf(certificate);
}

// ------------------------------------------------------------------------------------------------- what is wrong on the way

function timeFaults({ certificates }: Path, time: number): number {
  const valid = certificates.every((certificate) => {
    const { notBefore, notAfter } = validityOf(certificate);
    return time >= notBefore && time <= notAfter;
  });
  return valid ? 0 : CERT_TRUST.IS_NOT_TIME_VALID;
}

/** The leaf must be good for the purpose, and so must every CA that is limited to some. What an anchor says is its own affair. */
function usageFaults({ certificates, fault }: Path, usages: readonly string[]): number {
  const checked = fault === 0 && certificates.length > 1 ? certificates.slice(0, -1) : certificates;
  const allowed = checked.every((certificate) => {
    const { extendedKeyUsage, unknownCritical } = extensionsOf(certificate);
    if (unknownCritical) return false;
    return (
      extendedKeyUsage === undefined ||
      extendedKeyUsage.some((usage) => usages.includes(usage) || usage === ANY_EXTENDED_KEY_USAGE)
    );
  });
  return allowed && mayTalkTls(certificates[0]) ? 0 : CERT_TRUST.IS_NOT_VALID_FOR_USAGE;
}

/** A keyUsage that allows neither signatures nor key exchange is not for TLS (RFC 5246 7.4.2). */
function mayTalkTls(leaf: Uint8Array | undefined): boolean {
  const usage = leaf === undefined ? undefined : extensionsOf(leaf).keyUsage;
  const FOR_TLS = KEY_USAGE.DIGITAL_SIGNATURE | KEY_USAGE.KEY_ENCIPHERMENT | KEY_USAGE.KEY_AGREEMENT;
  return usage === undefined || (usage & FOR_TLS) !== 0;
}

/** Whoever issues must be a CA, may sign certificates, and has no more CAs below than it may (RFC 5280 4.2.1.3, 4.2.1.9). */
function constraintFaults({ certificates, fault }: Path): number {
  const allowed = certificates.slice(1).every((certificate, below) => {
    const { ca, keyUsage, pathLength } = extensionsOf(certificate);
    const isAnchor = fault === 0 && below === certificates.length - 2;
    const isOldRoot = isAnchor && decodeCertificate(certificate).tbsCertificate.version === undefined; // X.509 v1
    const casBelow = certificates.slice(1, 1 + below).filter((other) => !isSelfIssued(other)).length;
    if (!ca && !isOldRoot) return false;
    if (keyUsage !== undefined && (keyUsage & KEY_USAGE.KEY_CERT_SIGN) === 0) return false;
    return pathLength === undefined || casBelow <= pathLength;
  });
  return allowed ? 0 : CERT_TRUST.INVALID_BASIC_CONSTRAINTS;
}

/** Nobody is asked about revocation here; who demands it is told that it is not known (contract A25). */
function revocation({ certificates }: Path, flags: number): number {
  const wholeChain = (flags & SCH_CRED.REVOCATION_CHECK_CHAIN) !== 0;
  const someOfIt = (flags & (SCH_CRED.REVOCATION_CHECK_END_CERT | SCH_CRED.REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT)) !== 0;
  const onlyARoot = certificates.length === 1 && certificates.every(isSelfIssued);
  if (!wholeChain && (!someOfIt || onlyARoot)) return 0;
  const unknown = (flags & SCH_CRED.IGNORE_NO_REVOCATION_CHECK) === 0 ? CERT_TRUST.REVOCATION_STATUS_UNKNOWN : 0;
  const offline = (flags & SCH_CRED.IGNORE_REVOCATION_OFFLINE) === 0 ? CERT_TRUST.IS_OFFLINE_REVOCATION : 0;
  return unknown | offline;
}

function policyStatus(leaf: Uint8Array, { host, flags }: EvaluationOptions): number {
  if (host === undefined || (flags & SCH_CRED.NO_SERVERNAME_CHECK) !== 0) return SEC_E.OK;
  return matchesHost(leaf, host) ? SEC_E.OK : CERT_STATUS.CERT_E_CN_NO_MATCH;
}
