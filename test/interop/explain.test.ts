/** `sspi decode` on what tshark captures of a real client. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { decode, type Explanation, nodesOf } from '../../src/explain/index.ts';
import { acceptOne, certificateOf } from './nla-server.ts';
import { ALICE, Peers } from './peers.ts';

const peers = new Peers();
afterAll(async () => {
  await peers.run('xfreerdp-auth.sh', ['stop']);
  await peers.stop();
});

/** Captures what goes over a port of the loopback interface while something runs. */
async function captured(port: number, format: 'pcap' | 'pcapng', run: () => Promise<unknown>): Promise<Uint8Array> {
  const file = join(peers.state, `capture-${port}`);
  const tshark = spawn('tshark', ['-i', 'lo', '-f', `tcp port ${port}`, '-F', format, '-w', file]);
  await started(tshark);
  await run();
  await new Promise((resolve) => setTimeout(resolve, 500)); // what was sent last is on its way through the kernel
  const ended = once(tshark, 'exit');
  tshark.kill('SIGINT');
  await ended;
  return new Uint8Array(readFileSync(file));
}

async function started(tshark: ChildProcess): Promise<void> {
  let said = '';
  await new Promise<void>((resolve, reject) => {
    tshark.once('error', reject);
    tshark.once('exit', () => reject(new Error(`tshark ended: ${said}`)));
    tshark.stderr?.on('data', (chunk) => {
      said += String(chunk);
      if (said.includes('Capture started')) resolve();
    });
  });
}

async function logonCaptured(version: 'TLSv1.2' | 'TLSv1.3', format: 'pcap' | 'pcapng'): Promise<Explanation> {
  const { user, domain, password } = ALICE;
  const options = { tls: { minVersion: version, maxVersion: version }, certificate: certificateOf('rsa') } as const;
  const logon = (port: number) =>
    captured(port, format, () => peers.run('xfreerdp-auth.sh', ['127.0.0.1', String(port), user, domain, password]));
  const { client, server } = await acceptOne(logon, options);
  expect(server.status).toBe('fulfilled');
  return decode(client, { password, certificate: options.certificate.certificate });
}

describe('a capture of xfreerdp, made by tshark', () => {
  test.each([
    ['TLSv1.2', 'pcapng'],
    ['TLSv1.2', 'pcap'],
    ['TLSv1.3', 'pcapng'],
  ] as const)('F1: %s in %s: the negotiation and what of TLS is legible', async (version, format) => {
    const { container, messages, checks } = await logonCaptured(version, format);
    expect(container).toBe(format);
    expect(messages.slice(0, 2).map(({ from, summary }) => `${from}: ${summary}`)).toEqual([
      'client: X.224 Connection Request, offers SSL, HYBRID',
      'server: X.224 Connection Confirm, selects HYBRID',
    ]);
    expect(messages[2]?.summary).toMatch(/^TLS ClientHello \(.*TLS 1\.2/);
    const dotted = version === 'TLSv1.2' ? 'TLS 1.2' : 'TLS 1.3';
    expect(messages[3]?.summary).toContain(`ServerHello (${dotted}, `);
    // Only TLS 1.2 shows the certificate to those who listen.
    const expected = version === 'TLSv1.2' ? [['certificate', 'verified']] : [];
    expect(checks.map(({ name, outcome }) => [name, outcome])).toEqual(expected);
    expect(messages.at(-1)?.summary).toMatch(/encrypted/);
    for (const { tree } of messages)
      for (const { notes } of nodesOf(tree)) expect(notes.filter(({ code }) => code === 'MALFORMED')).toEqual([]);
  });

  test('F1, X28, X30, X31: with the key log of its TLS and the password: the whole logon, every check verified', async () => {
    const { certificate, privateKey } = certificateOf('rsa');
    const keyLogFile = join(peers.state, 'keylog');
    const script = fileURLToPath(new URL('./keylog-acceptor.ts', import.meta.url));
    const files = [peers.file('rsa.pem', certificate), peers.file('rsa.key', String(privateKey))];
    const server = spawn(process.execPath, [`--tls-keylog=${keyLogFile}`, '--import', 'tsx', script, ...files]);
    const [line]: unknown[] = await once(server.stdout, 'data');
    const port = Number(String(line).trim());
    const { user, domain, password } = ALICE;
    const capture = await captured(port, 'pcapng', () =>
      peers.run('xfreerdp-auth.sh', ['127.0.0.1', String(port), user, domain, password]),
    );
    const keyLog = readFileSync(keyLogFile, 'utf8');
    const explanation = await decode(capture, { password, keyLog, certificate });
    expect(explanation.checks.filter(({ outcome }) => outcome !== 'verified')).toEqual([]);
    const names = explanation.checks.map(({ name }) => name).filter((name) => name !== 'TLS records');
    expect(names).toEqual([
      'certificate',
      'NTProofStr',
      'MIC',
      'pubKeyAuth seal',
      'pubKeyAuth binding',
      'pubKeyAuth seal',
      'pubKeyAuth binding',
      'authInfo',
    ]);
    expect(JSON.stringify(explanation)).not.toContain(password);
  });
});
