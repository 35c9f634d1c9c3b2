/**
 * Files named on the command line.
 * @module
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileAccounts } from '../acceptor/file.ts';
import { selfSigned } from '../lab/index.ts';
import { type AccountSource, type CertificateWithKey, Secret } from '../sspi/index.ts';
import { messageOf } from './frames.ts';
import { UsageError } from './terminal.ts';

/** @throws UsageError */
export async function readText(path: string, option: string): Promise<string> {
  return Buffer.from(await readOctets(path, option)).toString('utf8');
}

/** @throws UsageError */
export async function readOctets(path: string, option: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreadable(option, path, error);
  }
}

/** A file that cannot be read. */
export function unreadable(option: string, path: string, error: unknown): UsageError {
  return new UsageError(`${option}: ${path}: ${fileProblem(error)}`, 'give the path of a file that you can read');
}

/** What the system has against a path, in words. */
export function fileProblem(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return REASONS[code] ?? messageOf(error);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or directory',
  ENOTDIR: 'there is no such file or directory',
  EISDIR: 'that is a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'no space is left there',
};

/** The first line of a file, without its end: editors add one. @throws UsageError */
export async function readPassword(path: string): Promise<Secret> {
  return Secret.fromText((await readText(path, '--password-file')).replace(/\r?\n$/u, ''));
}

/** Accounts of a file that is found readable and well-formed now, not at the first logon. @throws UsageError */
export async function readAccounts(path: string): Promise<AccountSource> {
  const accounts = fileAccounts(path);
  try {
    await accounts.find({ domain: '', user: '' });
  } catch (error) {
    throw new UsageError(`--accounts: ${messageOf(error)}`, 'one DOMAIN:user:password per line');
  }
  return accounts;
}

/** Trusted certificates in PEM, as text. @throws UsageError */
export async function readTrusted(path: string): Promise<string> {
  const text = await readText(path, '--ca');
  try {
    new X509Certificate(text);
  } catch {
    throw new UsageError('--ca: the file does not hold a certificate in PEM form', 'give the certificate of the CA');
  }
  return text;
}

/** What `--cert` and `--key` name; without them a self-signed certificate for the address. @throws UsageError */
export async function readCertificate({
  cert,
  key,
  host,
}: {
  readonly cert?: string;
  readonly key?: string;
  readonly host: string;
}): Promise<CertificateWithKey> {
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--cert and --key belong together', 'give both or neither');
  if (cert === undefined || key === undefined) {
    const addresses = /^\d+\.\d+\.\d+\.\d+$/u.test(host) ? [host] : [];
    return selfSigned({ key: 'rsa', dnsNames: ['localhost'], addresses, now: Date.now() });
  }
  return { certificate: await readText(cert, '--cert'), privateKey: await readText(key, '--key') };
}
