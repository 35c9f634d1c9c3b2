/** Who talks to whom: versions 2 to 6 of both sides under the three levels of AllowEncryptionOracle, contract Y17-Y21, X14-X20. */
import { describe, expect, test } from 'vitest';
import {
  credsspAcceptor,
  credsspInitiator,
  decodeTSRequest,
  ENCRYPTION_ORACLE_REMEDIATION,
  minimumVersionFor,
  type TSRequest,
} from '../../src/credssp/index.ts';
import {
  ASC_REQ,
  ISC_REQ,
  SEC_E,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  statusName,
  systemHost,
} from '../../src/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { inbound, outbound, TARGET } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';
import { ACCEPTOR, IDENTITY } from './support.ts';

const { FORCE_UPDATED_CLIENTS, MITIGATED, VULNERABLE } = ENCRYPTION_ORACLE_REMEDIATION;
const LEVELS = [
  ['Force Updated Clients', FORCE_UPDATED_CLIENTS],
  ['Mitigated', MITIGATED],
  ['Vulnerable', VULNERABLE],
] as const;

/** [MS-CSSP] 3.1.5 note 25 and KB4093492, written down by hand: versions below 5 are "unpatched". */
const clientInsists = (level: number): boolean => level === 0 || level === 1;
const serverInsists = (level: number): boolean => level === 0;

test('Y17: the registry’s numbers', () => {
  expect([FORCE_UPDATED_CLIENTS, MITIGATED, VULNERABLE]).toEqual([0, 1, 2]);
});

test('Y18, Y19: the versions that they stand for', () => {
  expect(LEVELS.map(([, level]) => minimumVersionFor('client', level))).toEqual([5, 5, 2]);
  expect(LEVELS.map(([, level]) => minimumVersionFor('server', level))).toEqual([5, 2, 2]);
});

interface Side {
  readonly version: number;
  readonly level: 0 | 1 | 2;
}

async function engines(client: Side, server: Side): Promise<{ client: SecurityContext; server: SecurityContext }> {
  const publicKey = Uint8Array.of(0x30, 0x03, 0x02, 0x01, 0x2a);
  const out = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: IDENTITY, host: systemHost });
  const into = await ntlmPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: ACCEPTOR, host: systemHost });
  // Without the update, which came with version 5, there is no registry value to obey.
  const minimum = (role: 'client' | 'server', { version, level }: Side): number =>
    version < 5 ? 2 : minimumVersionFor(role, level);
  return {
    client: credsspInitiator({
      publicKey,
      mechanism: out.initiate({ flags: ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY, targetName: TARGET }),
      credentials: { kind: 'password', domain: 'EXAMPLE', user: 'alice', password: Secret.fromText('x') },
      serverCertificateTrusted: true,
      targetName: TARGET,
      flags: ISC_REQ.DELEGATE,
      options: { maxVersion: client.version, minVersion: minimum('client', client) },
    }),
    server: credsspAcceptor({
      publicKey,
      mechanism: into.accept({ flags: ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY }),
      flags: 0,
      options: { maxVersion: server.version, minVersion: minimum('server', server) },
    }),
  };
}

const VERSIONS = [2, 3, 4, 5, 6] as const;

describe.each(LEVELS)('Y21: client under %s', (_, clientLevel) => {
  describe.each(LEVELS)('server under %s', (__, serverLevel) => {
    const matrix = VERSIONS.flatMap((client) => VERSIONS.map((server) => [client, server] as const));
    test.each(matrix)('Y21, Y18, Y19: client version %i, server version %i', async (clientVersion, serverVersion) => {
      const { client, server } = await engines(
        { version: clientVersion, level: clientLevel },
        { version: serverVersion, level: serverLevel },
      );
      const { tokens, initiatorError, acceptorError } = await converse(client, server);
      const requests = tokens.map(({ from, token }) => ({ from, request: decodeTSRequest(token) }));

      // A side that knows no more than an old version cannot insist on a newer one.
      const blockedByServer = serverInsists(serverLevel) && serverVersion >= 5 && clientVersion < 5;
      const blockedByClient = clientInsists(clientLevel) && clientVersion >= 5 && serverVersion < 5;
      if (!blockedByServer && !blockedByClient) {
        expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
        expect([client.state, server.state]).toEqual(['established', 'established']);
        return;
      }
      const [refuser, error] = blockedByServer
        ? (['server', acceptorError] as const)
        : (['client', initiatorError] as const);
      expect([refuser, error?.code, statusName(error?.status ?? 0)]).toEqual([
        refuser,
        'VERSION_REFUSED',
        'SEC_E_UNSUPPORTED_FUNCTION',
      ]);
      // Y20: neither proof nor credentials have left the client.
      const sensitive = ({ request }: { request: TSRequest }): boolean =>
        request.pubKeyAuth !== undefined || request.authInfo !== undefined;
      expect(requests.filter(({ from }) => from === 'initiator').some(sensitive)).toBe(false);
      if (!blockedByServer) return;
      // X18, X20: a server says STATUS_NOT_SUPPORTED to whoever knows error codes.
      const told = requests.find(({ from }) => from === 'acceptor')?.request.errorCode;
      const effective = Math.min(clientVersion, serverVersion);
      expect(told === undefined ? undefined : told >>> 0).toBe(effective === 2 ? undefined : 0xc00000bb);
    });
  });
});

describe('the defaults', () => {
  test('Y17, Y18, Z1: a client insists on version 5 or 6 unless told otherwise, and so does a server', async () => {
    for (const version of [2, 3, 4]) {
      const old = { maxVersion: version, minVersion: 2 };
      const client = (await outbound()).initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET });
      const { initiatorError } = await converse(client, (await inbound({ options: old })).accept({ flags: 0 }));
      expect(initiatorError).toMatchObject({ code: 'VERSION_REFUSED', status: SEC_E.UNSUPPORTED_FUNCTION });
      const server = (await inbound()).accept({ flags: 0 });
      const other = (await outbound({ options: old })).initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET });
      expect((await converse(other, server)).acceptorError?.code).toBe('VERSION_REFUSED');
    }
  });
});
