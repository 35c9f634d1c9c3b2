/** The door over the packages of the library, with alice of EXAMPLE and a server that knows her. */
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { type CredHandle, createSspi, type Sspi, type SspiOptions } from '../../src/api/index.ts';
import { nodeFlowScope } from '../../src/host/node.ts';
import {
  ASC_REQ,
  type AuthData,
  type CredSspCredential,
  type CredSspOptions,
  contentOf,
  credsspPackage,
  ISC_REQ,
  negotiatePackage,
  ntlmPackage,
  type SchannelCredential,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  type SpnegoAuthData,
  schannelPackage,
  secBuffer,
  systemHost,
} from '../../src/index.ts';
import { desc, named, type Pair, type PairOptions, pair, present } from '../api/door.ts';
import { certificates, PASSWORD, TARGET } from '../support/credssp.ts';

export { certificates, PASSWORD, TARGET };

export const ALICE = { domain: 'EXAMPLE', user: 'alice', password: PASSWORD } as const;
export const IDENTITY = { kind: 'identity', ...ALICE } as const;
export const ACCEPTOR = { kind: 'acceptor', accounts: memoryAccounts([ALICE]) } as const;

/** Of a client that trusts the server's certificate, and of the server. */
export const CLIENT_TLS: SchannelCredential = { kind: 'schannel', rootStore: [certificates.ec.certificate] };
export const SERVER_TLS: SchannelCredential = { kind: 'schannel', certificates: [certificates.ec] };

/** Messages are signed and encrypted, whatever the package. */
export const PROTECTED = ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY | ISC_REQ.MANUAL_CRED_VALIDATION;

export type PackageName = 'NTLM' | 'Negotiate' | 'Schannel' | 'CREDSSP';
export const PACKAGES: readonly PackageName[] = ['NTLM', 'Negotiate', 'Schannel', 'CREDSSP'];

/** A table with everything in it. */
export function table(options: Partial<SspiOptions> = {}): Sspi {
  return createSspi({
    packages: [negotiatePackage, ntlmPackage, schannelPackage, credsspPackage],
    host: systemHost,
    identityScope: nodeFlowScope(),
    ...options,
  });
}

/** What a client brings, and what may differ. */
export interface ClientMaterial {
  readonly identity?: SpnegoAuthData | undefined;
  readonly tls?: SchannelCredential | undefined;
  readonly options?: CredSspOptions | undefined;
}

export function clientMaterial(name: PackageName, more: ClientMaterial = {}): AuthData {
  const { identity = IDENTITY, tls = CLIENT_TLS, options } = more;
  if (name === 'Schannel') return tls;
  return name === 'CREDSSP' ? credssp({ spnegoCred: identity, schannelCred: tls, options }) : identity;
}

export function serverMaterial(name: PackageName, more: ClientMaterial = {}): AuthData {
  const { identity = ACCEPTOR, tls = SERVER_TLS, options } = more;
  if (name === 'Schannel') return tls;
  return name === 'CREDSSP' ? credssp({ spnegoCred: identity, schannelCred: tls, options }) : identity;
}

export function credssp(members: Omit<CredSspCredential, 'kind'>): CredSspCredential {
  return { kind: 'credssp', ...members };
}

export async function acquire(
  sspi: Sspi,
  name: PackageName,
  credentialUse: number,
  authData: AuthData,
): Promise<CredHandle> {
  const { credential, status } = await sspi.acquireCredentialsHandle({ package: name, credentialUse, authData });
  return present(credential, status);
}

export const outbound = (sspi: Sspi, name: PackageName, more: ClientMaterial = {}): Promise<CredHandle> =>
  acquire(sspi, name, SECPKG_CRED.OUTBOUND, clientMaterial(name, more));

export const inbound = (sspi: Sspi, name: PackageName, more: ClientMaterial = {}): Promise<CredHandle> =>
  acquire(sspi, name, SECPKG_CRED.INBOUND, serverMaterial(name, more));

/** Both sides of an exchange, established; what the server still had to say is read. */
export async function established(
  name: PackageName,
  more: PairOptions & { readonly sspi?: Sspi; readonly client?: ClientMaterial; readonly server?: ClientMaterial } = {},
): Promise<Pair> {
  const { sspi = table(), client, server, ...options } = more;
  const both = await pair(sspi, name, {
    clientCredential: await outbound(sspi, name, client),
    serverCredential: await inbound(sspi, name, server),
    contextReq: PROTECTED,
    serverReq: ASC_REQ.CONFIDENTIALITY | ASC_REQ.INTEGRITY,
    targetName: TARGET,
    ...options,
  });
  for (let rest = both.lastToken; rest.length > 0; ) {
    const opened = opening(rest);
    const { status } = await sspi.decryptMessage({ context: both.client, message: desc(...opened) });
    if (status !== 0) throw new TypeError(named({ status }));
    rest = contentOf(present(opened[3]));
  }
  return both;
}

/** The four buffers of DecryptMessage on a stream. */
export function opening(record: Uint8Array) {
  return [secBuffer(SECBUFFER.DATA, record), ...[1, 2, 3].map(() => secBuffer(SECBUFFER.EMPTY))];
}

/** A record of EncryptMessage on a stream, in one piece. */
export async function sealed(sspi: Sspi, context: Pair['client'], data: Uint8Array): Promise<Uint8Array> {
  const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.STREAM_SIZES });
  const { header, trailer } = present(value);
  const parts = [
    secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(header)),
    secBuffer(SECBUFFER.DATA, data.slice()),
    secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(trailer)),
    secBuffer(SECBUFFER.EMPTY),
  ];
  const result = await sspi.encryptMessage({ context, message: desc(...parts) });
  if (result.status !== 0) throw result.error ?? new TypeError(named(result));
  return Uint8Array.from(parts.slice(0, 3).flatMap((part) => [...contentOf(part)]));
}
