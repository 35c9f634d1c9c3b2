/** CREDSSP credentials and contexts for tests: alice of EXAMPLE, and a server that knows her. */
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import { systemHost } from '../../src/host/index.ts';
import { selfSigned } from '../../src/lab/self-signed.ts';
import {
  type CertificateWithKey,
  type Credential,
  type CredSspOptions,
  SECPKG_CRED,
  type SpnegoAuthData,
} from '../../src/sspi/index.ts';

export const TARGET = 'TERMSRV/host.example.test';
export const PASSWORD = 'AlicePass1!';

/** Certificates made anew for each run, one for each kind of key that RDP servers have. */
export const certificates = {
  rsa: selfSigned({ key: 'rsa', dnsNames: ['host.example.test'], now: Date.now() }),
  ec: selfSigned({ key: 'ec', dnsNames: ['host.example.test'], now: Date.now() }),
} as const;

/** TLS 1.2 or 1.3 only, both roles' bits. */
export const TLS_1_2 = 0x400 | 0x800;
export const TLS_1_3 = 0x1000 | 0x2000;

/** A client's credential. */
export function outbound(
  more: {
    readonly identity?: SpnegoAuthData;
    readonly rootStore?: readonly string[];
    readonly protocols?: number;
    readonly options?: CredSspOptions;
  } = {},
): Promise<Credential> {
  return credsspPackage.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: {
      kind: 'credssp',
      schannelCred: { kind: 'schannel', rootStore: more.rootStore ?? [], enabledProtocols: more.protocols },
      spnegoCred: more.identity ?? { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: PASSWORD },
      options: more.options,
    },
    host: systemHost,
  });
}

/** A server's credential. */
export function inbound(
  more: {
    readonly certificate?: CertificateWithKey;
    readonly protocols?: number;
    readonly options?: CredSspOptions;
  } = {},
): Promise<Credential> {
  return credsspPackage.acquire({
    use: SECPKG_CRED.INBOUND,
    authData: {
      kind: 'credssp',
      schannelCred: {
        kind: 'schannel',
        certificates: [more.certificate ?? certificates.ec],
        enabledProtocols: more.protocols,
      },
      spnegoCred: {
        kind: 'acceptor',
        accounts: memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: PASSWORD }]),
      },
      options: more.options,
    },
    host: systemHost,
  });
}
