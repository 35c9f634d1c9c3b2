/**
 * Every status that the code can return is returned by somebody. What there is, is read from the sources; how to get there is told
 * here, one way for each.
 */
import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { encodeTSRequest, PERMISSIVE_DELEGATION_POLICY } from '../../src/credssp/index.ts';
import { encode } from '../../src/der/index.ts';
import {
  CERT_STATUS,
  type CredSspOptions,
  createSspi,
  ERROR_CATALOGUE,
  encodeSecChannelBindings,
  ISC_REQ,
  kerberosPackage,
  memoryAccounts,
  SCH_CRED,
  SEC_E,
  SEC_I,
  SECBUFFER,
  SECPKG_ATTR,
  type SecurityStatus,
  SspiError,
  secBuffer,
  shutdownToken,
  systemHost,
} from '../../src/index.ts';
import { EtypeInfo2, KrbError, MethodData, ticketGrantingService } from '../../src/kerberos/index.ts';
import { assertTrusted, evaluateCertificate, SERVER_USAGES, trustAnchors } from '../../src/schannel/index.ts';
import { desc, initiate, pair, present, received, room } from '../api/door.ts';
import { ascii } from '../api/toys.ts';
import { der, pem, withKey } from '../schannel/support.ts';
import { clientAgainst, honestAnswer } from './fake-server.ts';
import {
  CLIENT_TLS,
  established,
  IDENTITY,
  inbound,
  opening,
  outbound,
  PROTECTED,
  SERVER_TLS,
  sealed,
  TARGET,
  table,
} from './support.ts';

const ROOMS = ['sspi', 'ntlm', 'negotiate', 'schannel', 'credssp', 'kerberos', 'api', 'rdp', 'acceptor'];
const SPACES: Readonly<Record<string, Readonly<Record<string, number>>>> = { SEC_E, SEC_I, CERT_STATUS };

/** The text of a room, without the lists that only define. */
function sourcesOf(room: string): string {
  const folder = new URL(`../../src/${room}/`, import.meta.url);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !['errors.ts', 'status.ts'].includes(file))
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n');
}

const sources = ROOMS.map(sourcesOf).join('\n');

/** The codes of the catalogue that some sources use. */
const codesOf = (text: string) => Object.entries(ERROR_CATALOGUE).filter(([code]) => text.includes(`'${code}'`));

/** The statuses that they name, or that stand behind the codes that they use. */
const statusesOf = (text: string): Set<SecurityStatus> =>
  new Set([
    ...codesOf(text).map(([, { status }]) => status),
    ...[...text.matchAll(/\b(SEC_E|SEC_I|CERT_STATUS)\.([A-Z_]+)\b/g)].flatMap(([, space = '', name = '']) => {
      const status = SPACES[space]?.[name];
      return status === undefined ? [] : [status];
    }),
  ]);

const codes = codesOf(sources);
const statuses = statusesOf(sources);

/** Named, and returned by nobody, with the reason. */
const NEVER_RETURNED: readonly SecurityStatus[] = [
  // Stands in the catalogue behind CERTIFICATE_UNTRUSTED; each place that throws it knows better.
  CERT_STATUS.CERT_E_UNTRUSTEDROOT,
];

const errorCode = (ntStatus: number): Uint8Array => encodeTSRequest({ version: 6, errorCode: ntStatus | 0 });

/** What a client of CREDSSP returns that is answered with this. */
async function answered(answer: Uint8Array, options: CredSspOptions = {}): Promise<SecurityStatus> {
  const sspi = table();
  const credential = await outbound(sspi, 'CREDSSP', { options: { mechanism: 'ntlm', ...options } });
  return (await clientAgainst(sspi, credential, () => answer)).result.status;
}

/** What it returns that meets this alert. */
async function alerted(description: number): Promise<SecurityStatus> {
  const sspi = table();
  const tamper = (): Uint8Array => Uint8Array.of(21, 3, 3, 0, 2, 2, description);
  return (await clientAgainst(sspi, await outbound(sspi, 'CREDSSP'), () => undefined, { tamper })).result.status;
}

/** What it returns against an honest server. */
async function honestly(
  options: CredSspOptions,
  more: Parameters<typeof clientAgainst>[3] & { trusted?: boolean } = {},
) {
  const sspi = table();
  const tls = more.trusted === false ? ({ kind: 'schannel', rootStore: [] } as const) : CLIENT_TLS;
  const credential = await outbound(sspi, 'CREDSSP', { tls, options: { mechanism: 'ntlm', ...options } });
  return (await clientAgainst(sspi, credential, await honestAnswer(), more)).result.status;
}

/** What a client of Schannel thinks of a certificate. */
async function judged(
  name: string,
  more: {
    readonly key?: string;
    readonly chain?: readonly string[];
    readonly root?: string;
    readonly flags?: number;
  } = {},
): Promise<SecurityStatus> {
  const { key = 'leaf', chain = [], root = 'root', flags } = more;
  const sspi = table();
  const tls = { kind: 'schannel', certificates: [withKey(key, name, ...chain)] } as const;
  const credential = await outbound(sspi, 'Schannel', {
    tls: { kind: 'schannel', rootStore: [pem(`${root}.pem`)], flags },
  });
  const options = { tls, contextReq: ISC_REQ.STREAM, targetName: 'server.example.com' };
  return (await clientAgainst(sspi, credential, () => undefined, options)).result.status;
}

async function withContext(
  name: 'NTLM' | 'CREDSSP',
  call: (both: Awaited<ReturnType<typeof established>>) => Promise<{ readonly status: SecurityStatus }>,
): Promise<SecurityStatus> {
  return (await call(await established(name))).status;
}

/** What a client of Kerberos returns whose KDC answers everything with an error. */
async function refusedByKdc(error: (realm: string) => Partial<KrbError> & { errorCode: number }) {
  const answer = (realm: string): Uint8Array =>
    encode(KrbError, {
      pvno: 5,
      msgType: 30,
      stime: Math.floor(Date.now() / 1000) * 1000,
      susec: 0,
      realm,
      sname: ticketGrantingService(realm),
      ...error(realm),
    });
  const sspi = createSspi({
    packages: [kerberosPackage],
    host: { ...systemHost, kdcTransport: { exchange: async ({ realm }) => answer(realm) } },
  });
  const configuration = ['EXAMPLE.TEST', 'OTHER.TEST'].map((realm) => `${realm} = {\n kdc = kdc.test\n}\n`).join('');
  const kerberos = { realm: 'EXAMPLE.TEST', configuration: `[realms]\n${configuration}`, userToUser: 'never' } as const;
  const authData = { ...IDENTITY, kerberos };
  const acquired = await sspi.acquireCredentialsHandle({ package: 'Kerberos', credentialUse: 2, authData });
  const credential = present(acquired.credential, acquired.status);
  return (await sspi.initializeSecurityContext({ credential, targetName: TARGET, output: room(9000).desc })).status;
}

const WAYS: Readonly<Record<string, () => Promise<SecurityStatus>>> = {
  SEC_E_OK: () => honestly({}),
  SEC_I_CONTINUE_NEEDED: async () => {
    const sspi = table();
    return (await initiate(sspi, { credential: await outbound(sspi, 'CREDSSP'), targetName: TARGET })).result.status;
  },
  SEC_I_INCOMPLETE_CREDENTIALS: async () => {
    const sspi = table();
    const tls = { ...SERVER_TLS, requestClientCertificate: true };
    return (await clientAgainst(sspi, await outbound(sspi, 'CREDSSP'), () => undefined, { tls })).result.status;
  },
  SEC_I_CONTEXT_EXPIRED: () =>
    withContext('CREDSSP', async ({ sspi, client, server }) => {
      await sspi.applyControlToken({ context: client, input: desc(secBuffer(SECBUFFER.TOKEN, shutdownToken())) });
      const goodbye = room(200);
      await sspi.initializeSecurityContext({ context: client, output: goodbye.desc });
      const record = goodbye.token.buffer?.subarray(0, goodbye.token.count);
      return sspi.decryptMessage({ context: server, message: desc(...opening(present(record))) });
    }),
  SEC_E_INCOMPLETE_MESSAGE: async () => {
    const sspi = table();
    const credential = await inbound(sspi, 'CREDSSP');
    const input = received(Uint8Array.of(22, 3, 1)).desc;
    return (await sspi.acceptSecurityContext({ credential, input, output: room().desc })).status;
  },
  SEC_E_INSUFFICIENT_MEMORY: () => answered(errorCode(0xc0000017)),
  SEC_E_INVALID_HANDLE: () =>
    withContext('NTLM', async ({ sspi, client }) => {
      await sspi.deleteSecurityContext({ context: client });
      return sspi.queryContextAttributes({ context: client, attribute: 0 });
    }),
  SEC_E_UNSUPPORTED_FUNCTION: () =>
    withContext('NTLM', ({ sspi, client }) => sspi.completeAuthToken({ context: client })),
  SEC_E_TARGET_UNKNOWN: async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    return (await sspi.initializeSecurityContext({ credential, targetName: '/' })).status;
  },
  SEC_E_INTERNAL_ERROR: () => answered(errorCode(0xc0001234)),
  SEC_E_SECPKG_NOT_FOUND: async () => (await table().querySecurityPackageInfo({ packageName: 'Digest' })).status,
  SEC_E_NOT_OWNER: async () => {
    const [packedContext, key] = [new Uint8Array(100), new Uint8Array(32)];
    return (await table().importSecurityContext({ package: 'NTLM', packedContext, key })).status;
  },
  SEC_E_INVALID_TOKEN: () => answered(ascii('no TSRequest')),
  SEC_E_CANNOT_PACK: async () => {
    const sspi = table({ limits: { maxToken: 98_304 } });
    const password = 'x'.repeat(33_000);
    const options = { mechanism: 'ntlm', policy: PERMISSIVE_DELEGATION_POLICY } as const;
    const accounts = memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password }]);
    const { server } = await pair(sspi, 'CREDSSP', {
      clientCredential: await outbound(sspi, 'CREDSSP', { identity: { ...IDENTITY, password }, options }),
      serverCredential: await inbound(sspi, 'CREDSSP', { identity: { kind: 'acceptor', accounts } }),
      contextReq: ISC_REQ.DELEGATE,
      targetName: TARGET,
    });
    return (await sspi.queryContextAttributes({ context: server, attribute: SECPKG_ATTR.CREDS })).status;
  },
  SEC_E_QOP_NOT_SUPPORTED: () =>
    withContext('NTLM', ({ sspi, client }) => sspi.encryptMessage({ context: client, message: desc(), qop: 1 })),
  SEC_E_NO_IMPERSONATION: () =>
    withContext('NTLM', ({ sspi, server }) => sspi.revertSecurityContext({ context: server })),
  SEC_E_LOGON_DENIED: () => answered(errorCode(0xc000006d)),
  SEC_E_UNKNOWN_CREDENTIALS: async () => {
    const authData = { ...IDENTITY, user: 'a\0b' };
    return (await table().acquireCredentialsHandle({ package: 'NTLM', credentialUse: 2, authData })).status;
  },
  SEC_E_NO_CREDENTIALS: async () => (await table().initializeSecurityContext({ credential: null })).status,
  SEC_E_MESSAGE_ALTERED: () =>
    withContext('CREDSSP', async ({ sspi, client, server }) => {
      const record = await sealed(sspi, client, ascii('data'));
      record[record.length - 1] = (record[record.length - 1] ?? 0) ^ 1;
      return sspi.decryptMessage({ context: server, message: desc(...opening(record)) });
    }),
  SEC_E_OUT_OF_SEQUENCE: () =>
    withContext(
      'NTLM',
      async ({ sspi, client }) => (await initiate(sspi, { context: client, input: ascii('x') })).result,
    ),
  SEC_E_NO_AUTHENTICATING_AUTHORITY: () => answered(errorCode(0xc000005e)),
  SEC_E_CONTEXT_EXPIRED: () =>
    withContext('CREDSSP', async ({ sspi, client }) => {
      await sspi.applyControlToken({ context: client, input: desc(secBuffer(SECBUFFER.TOKEN, shutdownToken())) });
      await sspi.initializeSecurityContext({ context: client, output: room(200).desc });
      const message = desc(
        secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(40)),
        secBuffer(SECBUFFER.DATA, ascii('late')),
        secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(80)),
      );
      return sspi.encryptMessage({ context: client, message });
    }),
  SEC_E_BUFFER_TOO_SMALL: async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    return (await sspi.initializeSecurityContext({ credential, targetName: TARGET, output: room(1).desc })).status;
  },
  SEC_E_WRONG_PRINCIPAL: async () => {
    const sspi = table();
    const options = { contextReq: ISC_REQ.STREAM, targetName: 'other.example.test' };
    return (await clientAgainst(sspi, await outbound(sspi, 'Schannel'), () => undefined, options)).result.status;
  },
  SEC_E_TIME_SKEW: () => answered(errorCode(0xc0000133)),
  SEC_E_UNTRUSTED_ROOT: async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'Schannel', { tls: { kind: 'schannel', rootStore: [] } });
    const options = { contextReq: ISC_REQ.STREAM, targetName: 'host.example.test' };
    return (await clientAgainst(sspi, credential, () => undefined, options)).result.status;
  },
  SEC_E_ILLEGAL_MESSAGE: () => alerted(10),
  SEC_E_CERT_UNKNOWN: () => alerted(46),
  SEC_E_CERT_EXPIRED: () => alerted(45),
  SEC_E_DECRYPT_FAILURE: () => alerted(21),
  SEC_E_ALGORITHM_MISMATCH: async () => {
    const sspi = table();
    const newer = { ...SERVER_TLS, enabledProtocols: 0x1000 };
    const older = { ...CLIENT_TLS, enabledProtocols: 0x800 };
    const hello = await initiate(sspi, { credential: await outbound(sspi, 'Schannel', { tls: older }) });
    const credential = await inbound(sspi, 'Schannel', { tls: newer });
    const output = room(9000).desc;
    return (await sspi.acceptSecurityContext({ credential, input: received(hello.token).desc, output })).status;
  },
  SEC_E_SECURITY_QOS_FAILED: async () => {
    const sspi = table();
    const { token } = await initiate(sspi, { credential: await outbound(sspi, 'NTLM') });
    const credential = await inbound(sspi, 'NTLM');
    const contextReq = 0x10; // CONFIDENTIALITY, which the client did not offer
    const output = room(2888).desc;
    return (await sspi.acceptSecurityContext({ credential, contextReq, input: received(token).desc, output })).status;
  },
  SEC_E_UNFINISHED_CONTEXT_DELETED: () => alerted(90),
  SEC_E_WRONG_CREDENTIAL_HANDLE: async () => {
    const sspi = table();
    const { context } = await initiate(sspi, { credential: await outbound(sspi, 'NTLM') });
    const credential = await outbound(sspi, 'NTLM');
    const input = received(ascii('x')).desc;
    return (await sspi.initializeSecurityContext({ context, credential, input })).status;
  },
  SEC_E_NO_TGT_REPLY: () => refusedByKdc(() => ({ errorCode: 27 })), // KDC_ERR_MUST_USE_USER2USER
  SEC_E_MAX_REFERRALS_EXCEEDED: () =>
    // KDC_ERR_WRONG_REALM: each sends the client to the other.
    refusedByKdc((realm) => ({ errorCode: 68, crealm: realm === 'OTHER.TEST' ? 'EXAMPLE.TEST' : 'OTHER.TEST' })),
  SEC_E_KDC_UNKNOWN_ETYPE: () => refusedByKdc(() => ({ errorCode: 14 })), // KDC_ERR_ETYPE_NOSUPP
  SEC_E_UNSUPPORTED_PREAUTH: () => {
    const padata = [
      { padataType: 19, padataValue: encode(EtypeInfo2, [{ etype: 18 }]) },
      { padataType: 16, padataValue: new Uint8Array(0) }, // PA-PK-AS-REQ, and nothing else
    ];
    return refusedByKdc(() => ({ errorCode: 25, eData: encode(MethodData, padata) }));
  },
  SEC_E_NO_KERB_KEY: () => refusedByKdc(() => ({ errorCode: 45 })), // KRB_AP_ERR_NOKEY
  SEC_E_SMARTCARD_LOGON_REQUIRED: () => answered(errorCode(0xc00002fa)),
  SEC_E_BAD_BINDINGS: async () => {
    const sspi = table();
    const bindings = (text: string) =>
      secBuffer(SECBUFFER.CHANNEL_BINDINGS, encodeSecChannelBindings({ applicationData: ascii(text) }));
    const output = secBuffer(SECBUFFER.TOKEN);
    const first = await sspi.initializeSecurityContext({
      credential: await outbound(sspi, 'NTLM'),
      contextReq: PROTECTED | ISC_REQ.ALLOCATE_MEMORY,
      input: desc(bindings('tls-server-end-point:one')),
      output: desc(output),
    });
    const reply = room(2888);
    const challenge = await sspi.acceptSecurityContext({
      credential: await inbound(sspi, 'NTLM'),
      input: desc(secBuffer(SECBUFFER.TOKEN, present(output.buffer)), bindings('tls-server-end-point:other')),
      output: reply.desc,
    });
    const answer = await initiate(sspi, {
      context: present(first.context),
      input: present(reply.token.buffer).subarray(0, reply.token.count),
      contextReq: PROTECTED,
    });
    const last = received(answer.token).desc;
    return (
      await sspi.acceptSecurityContext({ context: present(challenge.context), input: last, output: room(99).desc })
    ).status;
  },
  SEC_E_CERT_WRONG_USAGE: () => judged('wrong-usage', { chain: ['intermediate'] }),
  SEC_E_DOWNGRADE_DETECTED: () => answered(errorCode(0xc0000388)),
  SEC_E_INVALID_PARAMETER: async () =>
    (await table().initializeSecurityContext({ credential: null, reserved1: 1 })).status,
  SEC_E_DELEGATION_POLICY: () => honestly({}, { targetName: 'WSMAN/host.example.test' }),
  SEC_E_POLICY_NLTM_ONLY: () =>
    honestly({ policy: { ...PERMISSIVE_DELEGATION_POLICY, allowFreshNtlmOnly: [] } }, { trusted: false }),
  SEC_E_MUTUAL_AUTH_FAILED: () => honestly({}, { trusted: false, contextReq: ISC_REQ.MUTUAL_AUTH }),
  SEC_E_APPLICATION_PROTOCOL_MISMATCH: () => alerted(120),
  CRYPT_E_REVOKED: () => alerted(44),
  CERT_E_CHAINING: () => judged('server'),
  CRYPT_E_REVOCATION_OFFLINE: () =>
    judged('server', { chain: ['intermediate'], flags: SCH_CRED.REVOCATION_CHECK_CHAIN }),
  CERT_E_CN_NO_MATCH: async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', { options: { policy: PERMISSIVE_DELEGATION_POLICY } });
    const { context } = await clientAgainst(sspi, credential, () => undefined, { targetName: 'TERMSRV/other' });
    const attribute = SECPKG_ATTR.CERT_TRUST_STATUS;
    return present((await sspi.queryContextAttributes({ context: present(context), attribute })).value).policyStatus;
  },
  // A signature with SHA-1, which is no signature any more. OpenSSL does not even show such a certificate.
  TRUST_E_CERT_SIGNATURE: async () => {
    const certificates = [der('sha1'), der('intermediate')];
    const anchors = trustAnchors([pem('root.pem')]);
    const time = Date.now();
    const verdict = evaluateCertificate({
      certificates,
      anchors,
      usages: SERVER_USAGES,
      host: undefined,
      time,
      flags: 0,
    });
    try {
      assertTrusted(verdict, 'certificate');
    } catch (error) {
      if (error instanceof SspiError) return error.status;
    }
    return SEC_E.OK;
  },
};

const nameOf = (status: SecurityStatus): string => {
  for (const [space, members] of Object.entries(SPACES))
    for (const [name, value] of Object.entries(members))
      if (value === status && !['NOT_SUPPORTED', 'NO_SPM'].includes(name))
        return space === 'CERT_STATUS' ? name : `${space}_${name}`;
  return `0x${status.toString(16)}`;
};

describe('R47, R48, R53-R67, C9, M5, M11, K11: every status is reached', () => {
  test('there is a way to each that the sources know', () => {
    const expected = [...statuses].filter((status) => !NEVER_RETURNED.includes(status)).map(nameOf);
    expect(expected.length).toBeGreaterThan(40);
    expect(Object.keys(WAYS).sort()).toEqual(expect.arrayContaining(expected.sort()));
  });

  test.each(Object.entries(WAYS))('%s', async (name, reach) => {
    expect(nameOf(await reach())).toBe(name);
  });
});

/** The texts that a file of tests expects: in an assertion, or in a table of cases. Comments and names are none. */
function expectedTexts(file: string, source: string): Set<string> {
  const found = new Set<string>();
  const isAsserting = (node: ts.Node): boolean => {
    if (!ts.isCallExpression(node)) return false;
    if (ts.isPropertyAccessExpression(node.expression) && node.expression.name.text === 'each') return true;
    let callee: ts.Expression = node;
    while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression;
    return ts.isIdentifier(callee) && callee.text === 'expect';
  };
  const visit = (node: ts.Node, asserted: boolean): void => {
    if (asserted && ts.isStringLiteral(node)) found.add(node.text);
    const inside = asserted || isAsserting(node);
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest), false);
  return found;
}

test('T6: every code of the catalogue that these rooms use is expected by a test', () => {
  const folder = new URL('../', import.meta.url);
  const missing = new Set(codes.map(([code]) => code));
  expect(missing.size).toBeGreaterThan(80);
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.test.ts')) continue;
    const source = readFileSync(new URL(file, folder), 'utf8');
    // Taking a file apart takes time: only where something may be found.
    if (![...missing].some((code) => source.includes(code))) continue;
    for (const text of expectedTexts(file, source)) missing.delete(text);
  }
  expect([...missing]).toEqual([]);
}, 60_000); // on a busy machine

test('T6: a code in a comment, or that is only built, is not expected', () => {
  const source = "// 'MALFORMED_TOKEN'\nthrow new SspiError('LOGON_DENIED', {}); expect(code).toBe('TIME_SKEW');";
  expect([...expectedTexts('some.test.ts', source)]).toEqual(['TIME_SKEW']);
  const table = "test.each([['BAD_BINDINGS', 1]])('a title', () => {});";
  expect([...expectedTexts('some.test.ts', table)]).toEqual(['BAD_BINDINGS']);
});
