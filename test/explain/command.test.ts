import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeUtf16, md4 } from '../../src/crypto/index.ts';
import { decode } from '../../src/explain/index.ts';
import { sspi } from '../cli/command.ts';
import { toHex } from '../support/vectors.ts';
import { PASSWORD, part, transcript, withFlip } from './support.ts';

const at = (path: string): string => fileURLToPath(new URL(`../transcripts/${path}`, import.meta.url));
const RECORDING = at('freerdp2-ntlm-v6.jsonl');
const CERTIFICATE = at('freerdp2-shadow.crt');
let folder = '';

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'decode-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('sspi decode', () => {
  test('0: a recording, all checks verified with password and certificate', async () => {
    const { code, lines, notes } = await sspi(
      'decode',
      '--password-file',
      file('pw', `${PASSWORD}\n`),
      '--cert',
      CERTIFICATE,
      RECORDING,
    );
    expect([code, notes]).toEqual([0, []]);
    const text = lines.join('\n');
    expect(text).toContain('ok      #6 MIC');
    expect(text).toContain('ok      #8 authInfo');
    expect(text).not.toContain('FAILED');
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(text).not.toContain(PASSWORD);
  });

  test('the same with the NT hash, briefly', async () => {
    const hash = toHex(md4(encodeUtf16(PASSWORD)));
    const { code, lines } = await sspi('decode', '--brief', '--nt-hash-file', file('hash', hash), RECORDING);
    expect(code).toBe(0);
    const text = lines.join('\n');
    expect(text).toContain('ok      #6 NTProofStr');
    expect(text).toContain('#8 client: TSRequest v6 {authInfo}, 135 octets');
    expect(text).not.toContain('NegotiateFlags');
    expect(text).not.toContain(hash);
  });

  test('1: a changed octet is named, with the diagnosis', async () => {
    const recording = transcript('freerdp2-ntlm-v6');
    const { offset } = part(await decode(recording), 6, 'MIC');
    const changed = file('changed.jsonl', withFlip(recording, 6, offset));
    const { code, lines } = await sspi('decode', '--brief', '--password-file', file('pw', PASSWORD), changed);
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('FAILED  #6 MIC: the session key is right, as what it sealed shows');
    expect(lines.join('\n')).toContain('MESSAGE_TAMPERED (certain)');
  });

  test('1: a message that breaks off', async () => {
    const { code, lines } = await sspi('decode', file('half', '4e544c4d5353500003000000'));
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain('! TRUNCATED');
  });

  test('--json: one document with messages, checks and diagnosis', async () => {
    const { code, lines } = await sspi('decode', '--json', file('token', '300da003020106a4060204c0000072'));
    expect(code).toBe(0);
    const document: unknown = JSON.parse(lines.join('\n'));
    expect(document).toMatchObject({
      container: 'hexadecimal',
      messages: [
        {
          number: 1,
          from: 'server',
          protocol: 'CredSSP',
          summary: 'TSRequest v6 {errorCode: STATUS_ACCOUNT_DISABLED}',
        },
      ],
      diagnosis: {
        causes: [{ code: 'ACCOUNT_DISABLED', likelihood: 'certain', page: 'docs/errors/ACCOUNT_DISABLED.md' }],
      },
    });
  });

  test.each([
    ['a file that is not there', ['/nowhere/at/all'], /FILE: \/nowhere\/at\/all: there is no such file/],
    ['a folder', [tmpdir()], /FILE: .*: that is a directory/],
    ['a keytab that is none', ['--keytab', CERTIFICATE, RECORDING], /keytab/],
    ['a certificate that is none', ['--cert', RECORDING, RECORDING], /certificate/],
    [
      'a hash that is none',
      ['--nt-hash-file', CERTIFICATE, RECORDING],
      /--nt-hash-file: the file does not hold 32 hexadecimal digits/,
    ],
    ['an option that does not exist', ['--pasword', 'x'], /unknown option/],
  ])('2: %s: one line that says so', async (_, args, expected) => {
    const { code, lines, notes } = await sspi('decode', ...args);
    expect([code, lines]).toEqual([2, []]);
    expect(notes.join('\n')).toMatch(expected);
    expect(notes.join('\n')).not.toContain('BEGIN CERTIFICATE');
  });

  test('3: octets that only begin like a token of GSS-API', async () => {
    // 60, a length, and no object identifier (RFC 2743 3.1).
    const { code } = await sspi('decode', file('octets', '60 0a 04 08 01 02 03 04 05 06 07 08'));
    expect(code).toBe(3);
  });

  test('3: nothing that is known', async () => {
    const { code, lines, notes } = await sspi('decode', file('poem', 'Ueber allen Gipfeln ist Ruh'));
    expect(code).toBe(3);
    expect(lines.join('\n')).toContain('UNKNOWN');
    expect(notes).toEqual([
      expect.stringMatching(/^sspi: .*poem: no message of a protocol that is known here .*; give a capture/u),
    ]);
  });

  test.each([
    ['an empty file', ''],
    // The 24 octets that a pcap file begins with, and no packet.
    ['a capture without packets', Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')],
  ])('3: %s: one line says what to try', async (_, content) => {
    const { code, notes } = await sspi('decode', file('nothing', content));
    expect([code, notes]).toEqual([
      3,
      [expect.stringMatching(/^sspi: .*: no message at all \(read as .*; give a capture/u)],
    ]);
  });

  test('--help documents the exit codes and fits 80 columns', async () => {
    const { code, lines } = await sspi('decode', '--help');
    expect(code).toBe(0);
    const text = lines.join('\n');
    for (const exit of [
      '0  decoded; every check',
      '1  decoded; a check failed',
      '2  the command line',
      '3  nothing in the input',
    ])
      expect(text).toContain(exit);
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
  });

  test('standard input', () => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', main, 'decode', '--brief'], {
      input: 'TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==\n',
      encoding: 'utf8',
    });
    expect(stdout).toContain('#1 client: NTLM NEGOTIATE, 40 octets');
    expect(status).toBe(0);
  }, 20_000);
});
