/**
 * Which certificates are trusted: `hRootStore`, or what the runtime brings along.
 * @module
 */
import { Buffer } from 'node:buffer';
import { rootCertificates } from 'node:tls';
import { DerError } from '../der/index.ts';
import { SspiError } from '../sspi/index.ts';
import { sameOctets, subjectOf } from './names.ts';

/** Trusted certificates, findable by name. */
export interface TrustAnchors {
  /** DER of those whose subject this is, in the form that `subjectOf` and `issuerOf` give. */
  named(subject: string): readonly Uint8Array[];
  /** Whether exactly this certificate is among them. */
  has(certificateDer: Uint8Array): boolean;
}

let ofTheRuntime: TrustAnchors | undefined;

/**
 * @param rootStore - PEM; undefined: the roots that the runtime trusts, read when they are needed for the first time
 * @throws SspiError CERTIFICATE_UNUSABLE when one is not a certificate
 */
export function trustAnchors(rootStore: readonly string[] | undefined): TrustAnchors {
  if (rootStore !== undefined) return anchorsOf(rootStore);
  ofTheRuntime ??= anchorsOf(rootCertificates);
  return ofTheRuntime;
}

function anchorsOf(store: readonly string[]): TrustAnchors {
  const bySubject = new Map<string, Uint8Array[]>();
  for (const der of store.flatMap(certificatesIn)) {
    const subject = readSubject(der);
    const namesakes = bySubject.get(subject);
    if (namesakes === undefined) bySubject.set(subject, [der]);
    else namesakes.push(der);
  }
  const named = (subject: string): readonly Uint8Array[] => bySubject.get(subject) ?? [];
  return { named, has: (der) => named(subjectOf(der)).some((anchor) => sameOctets(anchor, der)) };
}

function readSubject(der: Uint8Array): string {
  try {
    return subjectOf(der);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new SspiError('CERTIFICATE_UNUSABLE', { stage: 'hRootStore', detail: error.message, cause: error });
  }
}

const PEM = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END/g;

/** DER of the certificates in a PEM text. */
function certificatesIn(pem: string): Uint8Array[] {
  const found = Array.from(pem.matchAll(PEM), ([, base64 = '']) => Uint8Array.from(Buffer.from(base64, 'base64')));
  if (found.length === 0)
    throw new SspiError('CERTIFICATE_UNUSABLE', {
      stage: 'hRootStore',
      detail: 'a text without a certificate in PEM form',
    });
  return found;
}
