/** Recorded exchanges of test/transcripts: one JSON object a line. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The TSRequests of a recording, in order, as octets with their sender. */
export function recordedRequests(name: string): readonly { readonly from: string; readonly octets: Uint8Array }[] {
  const lines = readFileSync(new URL(`../transcripts/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n');
  return lines.flatMap((line) => {
    const entry: unknown = JSON.parse(line);
    const ts = property(entry, 'ts');
    const der = property(ts, 'der');
    const from = property(entry, 'frm');
    if (typeof der !== 'string' || typeof from !== 'string') return [];
    return [{ from, octets: Uint8Array.from(Buffer.from(der, 'hex')) }];
  });
}

function property(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? Reflect.get(of, name) : undefined;
}

/** The RSAPublicKey of the server in the recordings: what CredSSP calls SubjectPublicKey. */
export function recordedServerKey(): Uint8Array {
  const certificate = new X509Certificate(readFileSync(new URL('../transcripts/freerdp2-shadow.crt', import.meta.url)));
  return new Uint8Array(certificate.publicKey.export({ type: 'pkcs1', format: 'der' }));
}
