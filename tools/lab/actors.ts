/**
 * A client and a server for each security package, with an account and a certificate that both know.
 * @module
 */
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import { systemHost } from '../../src/host/index.ts';
import { kerberosPackage } from '../../src/kerberos/package.ts';
import { type Lab, lab } from '../../src/lab/index.ts';
import { selfSigned } from '../../src/lab/self-signed.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { schannelPackage } from '../../src/schannel/package.ts';
import {
  type AcceptOptions,
  type AcceptorIdentity,
  ASC_REQ,
  type AuthData,
  type AuthIdentity,
  type ContextOptions,
  type CredSspOptions,
  type InitiateOptions,
  ISC_REQ,
  type ReplayCache,
  type SchannelCredential,
  SECPKG_CRED,
  type SecurityContext,
  type SecurityPackage,
} from '../../src/sspi/index.ts';

/** Starts contexts of one package, in both roles, for one account. */
export interface Actors {
  client(options?: Partial<InitiateOptions>): SecurityContext;
  server(options?: Partial<AcceptOptions>): SecurityContext;
  dispose(): void;
}

/** Who logs on in the lab. */
export const ALICE = { domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;

const identity: AuthData & { kind: 'identity' } = { kind: 'identity', ...ALICE };
const acceptor = (): AuthData & { kind: 'acceptor' } => ({
  kind: 'acceptor',
  accounts: memoryAccounts([ALICE]),
  requireMic: true,
  computer: { netbiosComputer: 'SERVER', netbiosDomain: 'EXAMPLE', dnsComputer: 'server.example.com' },
});

const clientFlags = ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT;
const serverFlags = ASC_REQ.CONFIDENTIALITY | ASC_REQ.INTEGRITY | ASC_REQ.REPLAY_DETECT | ASC_REQ.SEQUENCE_DETECT;
const TARGET = 'TERMSRV/server.example.com';

async function actorsOf(
  securityPackage: SecurityPackage,
  clientData: AuthData | undefined,
  serverData: AuthData,
  flags = { client: clientFlags as number, server: serverFlags as number },
  common: ContextOptions & { readonly targetName?: string } = {},
): Promise<Actors> {
  const host = common.host ?? systemHost;
  const outbound = await securityPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: clientData, host });
  const inbound = await securityPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: serverData, host });
  return {
    client: (options) => outbound.initiate({ flags: flags.client, targetName: TARGET, ...common, ...options }),
    server: (options) => inbound.accept({ flags: flags.server, ...common, ...options }),
    dispose() {
      outbound.dispose();
      inbound.dispose();
    },
  };
}

/** NTLM on its own. */
export function ntlmActors(common?: ContextOptions): Promise<Actors> {
  return actorsOf(ntlmPackage, identity, acceptor(), undefined, common);
}

/** SPNEGO with NTLM inside. */
export function negotiateActors(common?: ContextOptions): Promise<Actors> {
  return actorsOf(negotiatePackage, identity, acceptor(), undefined, common);
}

/** Somebody else in the realm. */
const BOB = { user: 'bob', password: 'BobPass1!' } as const;
const RC4_HMAC = 23;

/** A realm in which the account is, and the service. @param host - clock and random source of all that is in it */
export function kerberosLab(host = systemHost): Promise<Lab> {
  return lab({ realm: 'EXAMPLE.COM', server: 'server.example.com', accounts: [ALICE, BOB], host });
}

/** The same with no other keys than those of RC4. */
export function rc4Lab(host = systemHost): Promise<Lab> {
  return lab({
    realm: 'EXAMPLE.COM',
    server: 'server.example.com',
    accounts: [ALICE, BOB],
    encryptionTypes: [RC4_HMAC],
    host,
  });
}

/** What both sides give for Kerberos. @param replayCache - default: one in memory, which is full some day */
function kerberosAuthData(realm: Lab, replayCache?: ReplayCache): { client: AuthIdentity; server: AcceptorIdentity } {
  const { keytab } = realm;
  const server =
    replayCache === undefined ? realm.acceptor() : realm.acceptor({ kerberosService: { keytab, replayCache } });
  return { client: realm.identity(ALICE.user, { mechanism: 'kerberos' }), server };
}

/** Kerberos on its own. The KDC is asked once. */
export function kerberosActors(realm: Lab, replayCache?: ReplayCache): Promise<Actors> {
  const { client, server } = kerberosAuthData(realm, replayCache);
  const flags = { client: clientFlags | ISC_REQ.MUTUAL_AUTH, server: serverFlags };
  return actorsOf(kerberosPackage, client, server, flags, { host: realm.host });
}

/** The service of a realm alone, for clients of another one. */
export async function kerberosService(realm: Lab, replayCache: ReplayCache): Promise<Pick<Actors, 'server'>> {
  const { keytab, host } = realm;
  const authData = realm.acceptor({ kerberosService: { keytab, replayCache } });
  const inbound = await kerberosPackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host });
  return { server: (options) => inbound.accept({ flags: serverFlags, host, ...options }) };
}

/** Kerberos with RC4, which both sides have to allow. @param realm - {@link rc4Lab} */
export function rc4Actors(realm: Lab, replayCache: ReplayCache): Promise<Actors> {
  const { client } = kerberosAuthData(realm);
  const encryptionTypes = [RC4_HMAC];
  const flags = { client: clientFlags | ISC_REQ.MUTUAL_AUTH, server: serverFlags };
  return actorsOf(
    kerberosPackage,
    { ...client, kerberos: { ...client.kerberos, encryptionTypes } },
    { kind: 'kerberos-acceptor', keytab: realm.keytab, replayCache, encryptionTypes },
    flags,
    { host: realm.host },
  );
}

/** From user to user: bob has no keytab, only his own logon. */
export function userToUserActors(realm: Lab, replayCache: ReplayCache): Promise<Actors> {
  const { client } = kerberosAuthData(realm);
  const flags = { client: clientFlags | ISC_REQ.MUTUAL_AUTH, server: serverFlags };
  return actorsOf(
    kerberosPackage,
    { ...client, kerberos: { ...client.kerberos, userToUser: 'always' } },
    { kind: 'kerberos-acceptor', replayCache, userToUser: realm.identity(BOB.user, { mechanism: 'kerberos' }) },
    flags,
    { host: realm.host, targetName: BOB.user },
  );
}

/** SPNEGO with Kerberos inside, and never NTLM. */
export function negotiatedKerberosActors(realm: Lab, replayCache?: ReplayCache): Promise<Actors> {
  const { client, server } = kerberosAuthData(realm, replayCache);
  const flags = { client: clientFlags | ISC_REQ.MUTUAL_AUTH, server: serverFlags };
  return actorsOf(negotiatePackage, client, server, flags, { host: realm.host });
}

/** CredSSP with Kerberos inside. */
export function credsspKerberosActors(tls: TlsCredentials, realm: Lab, replayCache?: ReplayCache): Promise<Actors> {
  const { client, server } = kerberosAuthData(realm, replayCache);
  return actorsOf(
    credsspPackage,
    { kind: 'credssp', schannelCred: tls.client, spnegoCred: client, options: {} },
    { kind: 'credssp', schannelCred: tls.server, spnegoCred: server, options: {} },
    { client: ISC_REQ.DELEGATE | ISC_REQ.EXTENDED_ERROR, server: ASC_REQ.EXTENDED_ERROR },
    { host: realm.host },
  );
}

/** The TLS side of both roles. */
export interface TlsCredentials {
  readonly client: SchannelCredential;
  readonly server: SchannelCredential;
}

/** A server's certificate, and a client that trusts it. */
export function tlsCredentials(key: 'rsa' | 'ec', now = systemHost.clock.now()): TlsCredentials {
  const certificate = selfSigned({ key, dnsNames: ['server.example.com'], now });
  return {
    client: { kind: 'schannel', rootStore: [certificate.certificate] },
    server: { kind: 'schannel', certificates: [certificate] },
  };
}

/** TLS on its own. */
export function schannelActors(tls = tlsCredentials('ec')): Promise<Actors> {
  return actorsOf(schannelPackage, tls.client, tls.server);
}

/** What both sides give for CredSSP. */
export function credsspAuthData(
  tls: TlsCredentials,
  options: CredSspOptions = {},
): { client: AuthData; server: AuthData } {
  return {
    client: { kind: 'credssp', schannelCred: tls.client, spnegoCred: identity, options },
    server: { kind: 'credssp', schannelCred: tls.server, spnegoCred: acceptor(), options },
  };
}

/** CredSSP: TLS, SPNEGO with NTLM inside it, and the credentials delegated. */
export function credsspActors(tls = tlsCredentials('ec'), options: CredSspOptions = {}): Promise<Actors> {
  const { client, server } = credsspAuthData(tls, options);
  const flags = { client: ISC_REQ.DELEGATE | ISC_REQ.EXTENDED_ERROR, server: ASC_REQ.EXTENDED_ERROR };
  return actorsOf(credsspPackage, client, server, flags);
}
