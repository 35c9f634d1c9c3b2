/** A realm, its KDC, and a table whose packages are in it: for what only Kerberos has. */
import { createSspi, type Sspi } from '../../src/api/index.ts';
import {
  type AuthData,
  credsspPackage,
  kerberosPackage,
  memoryReplayCache,
  negotiatePackage,
  SECPKG_CRED,
  systemHost,
} from '../../src/index.ts';
import { type Pair, pair, present } from '../api/door.ts';
import { TestRealm } from '../support/kdc.ts';
import { PasswordKdc } from '../support/password-kdc.ts';
import { ACCEPTOR, ALICE, CLIENT_TLS, credssp, PASSWORD, PROTECTED, SERVER_TLS, TARGET } from './support.ts';

const { clock, random } = systemHost;

const realm = new TestRealm({ now: clock.now(), random });

/** On its wall it is one hour later than in Greenwich. */
function tableInRealm(): Sspi {
  const kdcTransport = new PasswordKdc({ realm, clock, users: { alice: PASSWORD }, services: [TARGET] });
  return createSspi({
    packages: [negotiatePackage, kerberosPackage, credsspPackage],
    host: { ...systemHost, kdcTransport },
    timezoneOffset: () => -60,
  });
}

/** Both sides of an exchange that a ticket of alice's is in. */
export async function establishedByTicket(name: 'Kerberos' | 'Negotiate' | 'CREDSSP'): Promise<Pair> {
  const sspi = tableInRealm();
  const kerberos = { realm: realm.realm, kdc: 'kdc.example.test' };
  const client = { kind: 'identity', ...ALICE, kerberos } as const;
  const keytab = realm.keytab(TARGET);
  const replayCache = memoryReplayCache({ clock });
  const server = { ...ACCEPTOR, kerberosService: { keytab, replayCache } };
  const acquired = async (credentialUse: number, authData: AuthData) => {
    const { credential, status } = await sspi.acquireCredentialsHandle({ package: name, credentialUse, authData });
    return present(credential, status);
  };
  const inside = name === 'CREDSSP';
  return pair(sspi, name, {
    clientCredential: await acquired(
      SECPKG_CRED.OUTBOUND,
      inside ? credssp({ spnegoCred: client, schannelCred: CLIENT_TLS }) : client,
    ),
    serverCredential: await acquired(
      SECPKG_CRED.INBOUND,
      inside
        ? credssp({ spnegoCred: server, schannelCred: SERVER_TLS })
        : name === 'Kerberos'
          ? { kind: 'kerberos-acceptor', keytab, replayCache }
          : server,
    ),
    contextReq: PROTECTED,
    targetName: TARGET,
  });
}
