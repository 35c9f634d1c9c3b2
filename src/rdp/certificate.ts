/**
 * The certificate of an RDP server: the key that CredSSP binds to, and what to think of it (contract F8, X30, Y6).
 * @module
 */
import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { evaluateCertificate, SERVER_USAGES, subjectPublicKey, trustAnchors } from '../schannel/index.ts';
import { type CertificateWithKey, type CertTrustStatus, SspiError } from '../sspi/index.ts';

/** What a client knows of its server after the handshake, in which the server has proved that it holds the key. */
export interface ServerCertificate {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Content of the SubjectPublicKey BIT STRING. */
  readonly publicKey: Uint8Array;
  readonly trust: CertTrustStatus;
}

/** What to judge by. */
export interface JudgeOptions {
  readonly host: string;
  /** PEM; undefined: the roots that the runtime trusts. */
  readonly rootStore: readonly string[] | undefined;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** Looks at the certificate that the server presented. Self-signed ones are usual, so this is a verdict and no refusal. */
export function judgeServer(socket: TLSSocket, { host, rootStore, time }: JudgeOptions): ServerCertificate {
  const certificates = peerChain(socket);
  const [certificate] = certificates;
  if (certificate === undefined)
    throw new SspiError('TLS_FAILED', { stage: 'server certificate', detail: 'there is none' });
  const anchors = trustAnchors(rootStore);
  const trust = evaluateCertificate({ certificates, anchors, usages: SERVER_USAGES, host, time, flags: 0 });
  return { certificate, publicKey: subjectPublicKey(certificate), trust };
}

/** DER, leaf first. The runtime chains certificates by their issuers; a self-signed one is its own. */
function peerChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  const seen = new Set<string>();
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw !== undefined && !seen.has(next.fingerprint256)) {
    seen.add(next.fingerprint256);
    chain.push(Uint8Array.from(next.raw));
    next = next.issuerCertificate;
  }
  return chain;
}

/** The certificate that a server presents, and its key. @throws SspiError CERTIFICATE_UNUSABLE */
export function ownCertificate({ certificate: pem }: CertificateWithKey): Omit<ServerCertificate, 'trust'> {
  try {
    const certificate = Uint8Array.from(new X509Certificate(pem).raw);
    return { certificate, publicKey: subjectPublicKey(certificate) };
  } catch (cause) {
    throw new SspiError('CERTIFICATE_UNUSABLE', { stage: 'server certificate', cause });
  }
}
