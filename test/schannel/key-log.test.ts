/** Secrets of TLS connections go to no file and to no listener but the one that wipes them (fault Z45). */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server, TLSSocket } from 'node:tls';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { ISC_REQ } from '../../src/sspi/index.ts';
import { connected, type PairOptions, pem, selfSigned, TLS1_2, TLS1_3, withKey } from './support.ts';

describe('Z45: SSLKEYLOGFILE in the environment', { timeout: 60_000 }, () => {
  let folder = '';
  beforeAll(() => {
    execFileSync(process.execPath, ['scripts/ready.mjs']);
    folder = mkdtempSync(join(tmpdir(), 'key-log-'));
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  /** Both roles in one process, TLS 1.2 and TLS 1.3; it prints the versions that were agreed on. */
  const program = `
    const [library, certificates] = process.argv.slice(1);
    const { readFileSync } = await import('node:fs');
    const { ISC_REQ, SECPKG_CRED, SP_PROT, schannelPackage, systemHost } = await import(library);
    const pem = (name) => readFileSync(certificates + name, 'utf8');
    const acquire = (use, more) => schannelPackage.acquire({ use, authData: { kind: 'schannel', ...more }, host: systemHost });
    for (const enabledProtocols of [
      SP_PROT.TLS1_2_CLIENT | SP_PROT.TLS1_2_SERVER,
      SP_PROT.TLS1_3_CLIENT | SP_PROT.TLS1_3_SERVER,
    ]) {
      const own = [{ certificate: pem('ec.pem'), privateKey: pem('ec.key') }];
      const server = (await acquire(SECPKG_CRED.INBOUND, { certificates: own, enabledProtocols })).accept({ flags: 0 });
      const client = (await acquire(SECPKG_CRED.OUTBOUND, { enabledProtocols })).initiate({
        flags: ISC_REQ.MANUAL_CRED_VALIDATION,
      });
      let { token } = await client.step();
      for (const context of [server, client, server, client])
        if (context.state !== 'established') ({ token } = await context.step(token));
      console.log(client.state, server.state, client.query('CONNECTION_INFO').protocol === (enabledProtocols & 0x2a8aaaaa));
    }`;

  async function run(...options: string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        ...options,
        '--input-type=module',
        '--eval',
        program,
        pathToFileURL('dist/index.js').href,
        fileURLToPath(new URL('../certificates/', import.meta.url)),
      ],
      { env: { ...process.env, SSLKEYLOGFILE: join(folder, 'from-environment') } },
    );
    return stdout;
  }

  const HANDSHAKES = 'established established true\nestablished established true\n';

  test('Z45: full handshakes of both roles write no such file', async () => {
    expect(await run()).toBe(HANDSHAKES);
    expect(existsSync(join(folder, 'from-environment'))).toBe(false);
  });

  test('Z45: it is who starts the runtime that may ask for one, on its command line', async () => {
    const asked = join(folder, 'asked-for');
    expect(await run(`--tls-keylog=${asked}`)).toBe(HANDSHAKES);
    // TLS 1.2, once for each role; and nothing that was wiped before it was written.
    const log = readFileSync(asked, 'utf8');
    expect(log.match(/^CLIENT_RANDOM [0-9a-f]{64} [0-9a-f]{96}$/gm)).toHaveLength(2);
    expect(log).not.toContain('\0');
    expect(existsSync(join(folder, 'from-environment'))).toBe(false);
  });
});

describe.each([
  ['TLSv1.2', TLS1_2],
  ['TLSv1.3', TLS1_3],
] as const)('Z45: listeners for secrets, %s', (_, enabledProtocols) => {
  afterEach(() => vi.restoreAllMocks());

  const WAYS = ['on', 'once', 'addListener', 'prependListener', 'prependOnceListener'] as const;

  /** How many listeners both roles' sockets and servers got in one handshake, and the lines that they were given. */
  async function listened(options: PairOptions): Promise<{ listeners: number; lines: Uint8Array[] }> {
    const events: unknown[] = [];
    for (const { prototype } of [TLSSocket, Server])
      for (const way of WAYS) {
        const original = prototype[way];
        vi.spyOn(prototype, way).mockImplementation(function (this: TLSSocket | Server, ...given: unknown[]) {
          events.push(given[0]);
          return Reflect.apply(original, this, given);
        });
      }
    const emitted = vi.spyOn(TLSSocket.prototype, 'emit');
    const { client, server } = await connected({ enabledProtocols, ...options });
    for (const context of [client, server]) context.dispose();
    // The events that every handshake listens to: else nothing would be seen here.
    expect(events).toEqual(expect.arrayContaining(['secureConnect', 'secureConnection']));
    const lines = emitted.mock.calls.flatMap(([name, line]: unknown[]) =>
      name === 'keylog' && line instanceof Uint8Array ? [line] : [],
    );
    return { listeners: events.filter((name) => name === 'keylog').length, lines };
  }

  test('Z45: a client that may be asked for a certificate has one, which leaves nothing but zeros', async () => {
    const { listeners, lines } = await listened({});
    expect(listeners).toBe(1);
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) expect([line.length > 100, line.every((octet) => octet === 0)]).toEqual([true, true]);
  });

  test.each<[string, PairOptions]>([
    ['with USE_SUPPLIED_CREDS', { initiate: { flags: ISC_REQ.USE_SUPPLIED_CREDS } }],
    [
      'with a certificate',
      { client: { rootStore: [pem('ec.pem')], certificates: [withKey('leaf', 'client', 'intermediate')] } },
    ],
    [
      'with a certificate, before a server that asks for one',
      {
        client: { rootStore: [pem('ec.pem')], certificates: [withKey('leaf', 'client', 'intermediate')] },
        server: { certificates: [selfSigned('ec')], requestClientCertificate: true, rootStore: [pem('root.pem')] },
      },
    ],
  ])('Z45: a client %s has none, and no server has', async (__, options) => {
    expect(await listened(options)).toEqual({ listeners: 0, lines: [] });
  });
});
