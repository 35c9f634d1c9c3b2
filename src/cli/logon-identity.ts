/**
 * Who logs on, as the command line says it: a name, and one of the things that prove it.
 * @module
 */
import { InvalidArgumentError, Option } from 'commander';
import { parseKdcEndpoint } from '../kerberos/index.ts';
import type { AuthIdentity, KerberosSettings, NtHashIdentity } from '../sspi/index.ts';
import { type CredentialCacheIdentity, type KeytabIdentity, Secret, SspiError } from '../sspi/index.ts';
import { readHexSecret } from './decode-files.ts';
import { readOctets, readPassword, readText } from './files.ts';
import { type Terminal, UsageError } from './terminal.ts';

/** What a client can log on with. */
export type LogonIdentity = AuthIdentity | NtHashIdentity | KeytabIdentity | CredentialCacheIdentity;

/** Options of the command line, as commander gives them. */
export interface IdentityOptions {
  readonly user?: string;
  readonly domain?: string;
  readonly passwordFile?: string;
  readonly passwordStdin?: boolean;
  readonly ntHashFile?: string;
  readonly keytab?: string;
  readonly ccache?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly mechanism?: 'kerberos' | 'ntlm' | 'negotiate';
  readonly kdc?: readonly string[];
  readonly krb5Conf?: string;
  readonly timeout: number;
}

/** They belong to every command that logs on. */
export function identityOptions(): Option[] {
  return [
    new Option('--user <name>', 'who logs on: DOMAIN\\user, user@realm, or user'),
    new Option('--domain <name>', 'domain of the user'),
    new Option('--password-file <file>', 'password: the first line of a file'),
    new Option('--password-stdin', 'password: all of standard input'),
    new Option('--nt-hash-file <file>', 'instead of the password its NT hash, in hexadecimal'),
    new Option('--keytab <file>', 'Kerberos: keys of the user'),
    new Option('--ccache <file>', 'Kerberos: tickets that the user has'),
    new Option('--cert <file>', 'smart card logon: not there yet'),
    new Option('--key <file>', 'smart card logon: not there yet'),
    new Option('--mechanism <name>', 'which (default: negotiate where there is a KDC to ask, else ntlm)').choices([
      'kerberos',
      'ntlm',
      'negotiate',
    ]),
    new Option(
      '--kdc <address...>',
      'KDCs: host[:port], https:// address of a KDC proxy, or dns to look them up',
    ).argParser(kdcAddress),
    new Option('--krb5-conf <file>', 'Kerberos: configuration that names realms and KDCs'),
  ];
}

/** One address; commander calls it for each. */
function kdcAddress(text: string, before: readonly string[] = []): readonly string[] {
  try {
    if (text !== 'dns') parseKdcEndpoint(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof SspiError ? `${error.detail ?? error.message}.` : 'No address.');
  }
  return [...before, text];
}

/** Reads what proves the identity, or asks for it. @throws UsageError, Interrupted */
export async function readIdentity(options: IdentityOptions, terminal: Terminal): Promise<LogonIdentity> {
  refuseCertificate(options);
  const { keytab, ccache, ntHashFile, mechanism } = options;
  assertOneProof(options);
  const kerberos = await kerberosOf(options);
  const packageList = mechanism === 'kerberos' ? '!ntlm' : undefined;
  if (ccache !== undefined)
    return { kind: 'ccache', ccache: await readOctets(ccache, '--ccache'), kerberos: kerberos ?? {}, packageList };
  if (keytab !== undefined) {
    const octets = await readOctets(keytab, '--keytab');
    return { kind: 'keytab', principal: principalOf(options), keytab: octets, kerberos, packageList };
  }
  const { user, domain } = nameOf(options);
  if (ntHashFile !== undefined) {
    const ntHash = await readHexSecret(ntHashFile, '--nt-hash-file', [16]);
    return { kind: 'nt-hash', user, domain, ntHash, kerberos, packageList };
  }
  const password = await passwordOf(options, terminal, domain === undefined ? user : `${domain}\\${user}`);
  return { kind: 'identity', user, domain, password, kerberos, packageList };
}

/** Which mechanism is meant, and why, when the command line does not say it. */
export function mechanismOf(options: IdentityOptions): { mechanism: 'kerberos' | 'ntlm' | 'negotiate'; why: string } {
  const { mechanism, kdc, krb5Conf, keytab, ccache } = options;
  if (mechanism !== undefined) return { mechanism, why: `--mechanism ${mechanism}` };
  if (keytab !== undefined || ccache !== undefined)
    return { mechanism: 'kerberos', why: 'keytabs and credential caches are for Kerberos' };
  if (kdc !== undefined || krb5Conf !== undefined) return { mechanism: 'negotiate', why: 'there is a KDC to ask' };
  return { mechanism: 'ntlm', why: 'no KDC is known (--kdc, --krb5-conf)' }; // bare, as mstsc sends it then (contract X23)
}

function refuseCertificate({ cert, key }: IdentityOptions): void {
  if (cert === undefined && key === undefined) return;
  throw new UsageError(
    '--cert, --key: a logon with a certificate (smart card, PKINIT) is not there yet',
    'log on with a password, a keytab or a credential cache',
  );
}

function assertOneProof(options: IdentityOptions): void {
  const { passwordFile, passwordStdin, ntHashFile, keytab, ccache, mechanism } = options;
  const given = Object.entries({
    '--password-file': passwordFile,
    '--password-stdin': passwordStdin,
    '--nt-hash-file': ntHashFile,
    '--keytab': keytab,
    '--ccache': ccache,
  }).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length > 1) throw new UsageError(`${given.join(' and ')} exclude each other`, 'give one of them');
  if (mechanism === 'ntlm' && (keytab !== undefined || ccache !== undefined))
    throw new UsageError(`${given[0]} is for Kerberos, and --mechanism ntlm is not`, 'leave one of them out');
}

/** A name in one of its three forms. @throws UsageError */
function nameOf({ user, domain }: IdentityOptions): { user: string; domain: string | undefined } {
  if (user === undefined || user === '') throw new UsageError('who logs on?', 'give --user DOMAIN\\user or user@realm');
  const backslash = user.indexOf('\\');
  if (backslash < 0) return { user, domain };
  if (domain !== undefined)
    throw new UsageError('the domain is given twice', 'leave --domain out, or DOMAIN\\ in --user');
  const [before, behind] = [user.slice(0, backslash), user.slice(backslash + 1)];
  if (behind === '' || behind.includes('\\'))
    throw new UsageError(`--user: '${user}' is no name`, 'write DOMAIN\\user');
  return { user: behind, domain: before === '.' ? '' : before };
}

function principalOf(options: IdentityOptions): string | undefined {
  if (options.user === undefined) return undefined;
  const { user, domain } = nameOf(options);
  return user.includes('@') || domain === undefined ? user : `${user}@${domain.toUpperCase()}`;
}

async function passwordOf(options: IdentityOptions, terminal: Terminal, who: string): Promise<Secret> {
  if (options.passwordFile !== undefined) return await readPassword(options.passwordFile);
  if (options.passwordStdin === true) return await passwordFromStdin();
  if (terminal.askSecret !== undefined) return await terminal.askSecret(`Password of ${who}: `);
  throw new UsageError(
    'there is no password, and no terminal to ask for it',
    'give --password-file, --password-stdin, --nt-hash-file, --keytab or --ccache',
  );
}

const LONGEST_PASSWORD = 4096;

async function passwordFromStdin(): Promise<Secret> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of process.stdin) {
    const octets: Buffer = Buffer.from(chunk);
    chunks.push(octets);
    length += octets.length;
    if (length > LONGEST_PASSWORD)
      throw new UsageError('--password-stdin: that is no password', 'send the password, and nothing else');
  }
  return Secret.fromText(
    Buffer.concat(chunks)
      .toString('utf8')
      .replace(/\r?\n$/u, ''),
  );
}

/** Without a KDC to ask, Kerberos is not attempted. A configuration knows which realm a domain stands for; an address does not. */
async function kerberosOf(options: IdentityOptions): Promise<KerberosSettings | undefined> {
  const { kdc, krb5Conf, timeout, mechanism } = options;
  if (kdc === undefined && krb5Conf === undefined) {
    if (mechanism === 'kerberos' && options.ccache === undefined)
      throw new UsageError('--mechanism kerberos: no KDC is known', 'give --kdc or --krb5-conf');
    return undefined;
  }
  const configuration = krb5Conf === undefined ? undefined : await readText(krb5Conf, '--krb5-conf');
  const addresses = kdc?.filter((address) => address !== 'dns');
  return {
    kdc: addresses?.length === 0 ? undefined : addresses,
    dns: kdc?.includes('dns') === true ? true : undefined,
    configuration,
    realm: configuration === undefined ? realmOf(options) : undefined,
    deadline: timeout * 1000,
  };
}

function realmOf({ user = '', domain }: IdentityOptions): string | undefined {
  const [, suffix] = /@([^@]+)$/u.exec(user) ?? [];
  const [, before] = /^([^\\]+)\\/u.exec(user) ?? [];
  return (domain ?? before ?? suffix)?.toUpperCase();
}

/** Zeroises what proves an identity. */
export function disposeIdentity(identity: LogonIdentity): void {
  switch (identity.kind) {
    case 'identity':
      if (identity.password instanceof Secret) identity.password.dispose();
      break;
    case 'nt-hash':
      identity.ntHash.dispose();
      break;
    case 'keytab':
      if (identity.keytab instanceof Uint8Array) identity.keytab.fill(0);
      break;
    case 'ccache':
      if (identity.ccache instanceof Uint8Array) identity.ccache.fill(0);
      break;
  }
}
