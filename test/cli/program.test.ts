import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { EXIT, exitCodeOf } from '../../src/cli/exit-codes.ts';
import { HiddenLine } from '../../src/cli/prompt.ts';
import { tableRow, wrap } from '../../src/cli/table.ts';
import { parseTarget } from '../../src/cli/target.ts';
import { SspiError, type SspiErrorCode } from '../../src/sspi/index.ts';
import { sspi } from './command.ts';

describe('sspi', () => {
  test('--version: that of the package', async () => {
    const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
    const { code, lines } = await sspi('--version');
    expect(manifest).toMatchObject({ version: lines[0] });
    expect(code).toBe(0);
  });

  test.each([[], ['logon'], ['decode'], ['serve'], ['serve', 'rdp'], ['replay'], ['peer'], ['completion']])(
    '%j --help: with what follows from it, in 80 columns',
    async (...command) => {
      const { code, lines } = await sspi(...command, '--help');
      expect(code).toBe(0);
      const text = lines.join('\n');
      if (!['serve', 'peer'].includes(command.join(' '))) expect(text).toContain('Examples:');
      expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    },
  );

  test('logon --help documents every exit code', async () => {
    const text = (await sspi('logon', '--help')).lines.join('\n');
    for (const code of Object.values(EXIT)) expect(text).toMatch(new RegExp(`\\b${code} `, 'u'));
  });

  test.each([['nonsense'], ['logon', '--nonsense'], ['logon', 'extra'], ['completion', 'csh'], ['serve', 'http']])(
    '%j %j: exit code 2, and one line that says why',
    async (...args) => {
      const { code, lines, notes } = await sspi(...args);
      expect([code, lines]).toEqual([2, []]);
      expect(notes.join('\n')).toMatch(/^sspi: error: /u);
      expect(notes.join('\n')).not.toMatch(/^ +at /mu);
    },
  );
});

describe('exit codes', () => {
  // By the documentation of `sspi logon --help`.
  test.each<[SspiErrorCode, number]>([
    ['LOGON_DENIED', 1],
    ['ACCOUNT_RESTRICTED', 1],
    ['NO_CREDENTIALS', 2],
    ['CONNECTION_FAILED', 3],
    ['DEADLINE_EXCEEDED', 3],
    ['RDP_NEGOTIATION_FAILED', 4],
    ['NOT_TLS', 4],
    ['TLS_FAILED', 5],
    ['CERTIFICATE_UNTRUSTED', 5],
    ['PUBLIC_KEY_MISMATCH', 5],
    ['BAD_BINDINGS', 5],
    ['DELEGATION_POLICY', 6],
    ['VERSION_REFUSED', 6],
    ['NO_COMMON_MECHANISM', 6],
    ['KDC_UNREACHABLE', 7],
    ['TIME_SKEW', 7],
    ['SPN_UNKNOWN', 7],
    ['MESSAGE_ALTERED', 8],
    ['MECH_LIST_MIC_INVALID', 8],
    ['REPLAY_DETECTED', 8],
    ['TOKEN_TOO_LARGE', 8],
    ['INTERNAL_ERROR', 9],
  ])('%s: %i', (code, expected) => {
    expect(exitCodeOf(new SspiError(code, { stage: 'somewhere' }))).toBe(expected);
  });

  test('what is thrown and is no error of ours: 9', () => {
    expect(exitCodeOf(new Error('?'))).toBe(9);
  });
});

describe('sspi completion', () => {
  test.each(['bash', 'zsh', 'fish'])('%s: every command and its options', async (shell) => {
    const { code, lines } = await sspi('completion', shell);
    expect(code).toBe(0);
    const script = lines.join('\n');
    for (const word of ['logon', 'decode', 'serve', 'rdp', 'peer', 'accept', 'completion'])
      expect(script).toContain(word);
    for (const option of ['target', 'password-file', 'keytab', 'accounts', 'json', 'help'])
      expect(script).toContain(option);
  });

  test.each<[string, readonly string[]]>([
    ['sspi l', ['logon']],
    ['sspi logon --pass', ['--password-file', '--password-stdin']],
    ['sspi logon --mechanism n', ['ntlm', 'negotiate']],
    ['sspi serve rdp --acc', ['--accounts']],
    ['sspi peer accept --proto', ['--protocol']],
    ['sspi completion ', ['bash', 'zsh', 'fish']],
  ])('bash completes `%s`', async (typed, expected) => {
    const script = (await sspi('completion', 'bash')).lines.join('\n');
    const words = typed.split(' ');
    const quoted = words.map((word) => `'${word}'`).join(' ');
    const call = `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _sspi; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', `${script}\n${call}`], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim().split('\n')).toEqual(expect.arrayContaining([...expected]));
    const last = words.at(-1) ?? '';
    expect(
      stdout
        .trim()
        .split('\n')
        .filter((word) => !word.startsWith(last)),
    ).toEqual([]);
  });

  test('bash completes files behind options that take one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'completion-'));
    writeFileSync(join(folder, 'secret.txt'), '');
    const script = (await sspi('completion', 'bash')).lines.join('\n');
    const call = `COMP_WORDS=(sspi logon --password-file sec); COMP_CWORD=3; _sspi; echo "\${COMPREPLY[0]}"`;
    const { stdout } = spawnSync('bash', ['--norc', '-c', `${script}\n${call}`], { encoding: 'utf8', cwd: folder });
    rmSync(folder, { recursive: true });
    expect(stdout).toBe('secret.txt\n');
  });
});

describe('the address of a server', () => {
  test.each([
    ['server.example.com', 'server.example.com', 3389],
    ['server:3390', 'server', 3390],
    ['rdp://server:3390/', 'server', 3390],
    ['RDP://server', 'server', 3389],
    ['192.0.2.7', '192.0.2.7', 3389],
    ['[2001:db8::1]:3390', '2001:db8::1', 3390],
    ['[::1]', '::1', 3389],
    ['::1', '::1', 3389],
  ])('%s', (text, host, port) => {
    expect(parseTarget(text)).toEqual({ host, port });
  });

  test.each(['', ':', 'a b', 'host:', 'host:0', 'host:65536', 'host:1:2', 'http://host', 'me@host', '[host]:1', 'a/b'])(
    'not %j',
    (text) => {
      expect(() => parseTarget(text)).toThrow(/^--target/u);
    },
  );
});

describe('a line that nobody sees', () => {
  const typed = (...parts: readonly string[]): string | undefined => {
    const line = new HiddenLine();
    for (const part of parts) {
      const outcome = line.take(Buffer.from(part));
      if (outcome === 'interrupted') return undefined;
      if (outcome === 'done') break;
    }
    using secret = line.secret();
    return new TextDecoder('utf-16le').decode(secret.reveal());
  };

  test.each<[string, readonly string[], string | undefined]>([
    ['as it is', ['Pass', '1!\r'], 'Pass1!'],
    ['not only ASCII', ['Pässwörd€\n'], 'Pässwörd€'],
    ['backspace takes a whole character', ['aä€\u{1f511}\x7f\x7f\b\r'], 'a'],
    ['Ctrl-U takes all', ['wrong\x15right\r'], 'right'],
    ['arrows are no text', ['a', '\x1b[D', 'b\r'], 'ab'],
    ['nothing is a password, too', ['\r'], ''],
    ['Ctrl-D ends it', ['abc\x04'], 'abc'],
    ['Ctrl-C', ['abc\x03'], undefined],
    ['Ctrl-D at the beginning', ['\x04'], undefined],
  ])('%s', (_, parts, expected) => {
    expect(typed(...parts)).toBe(expected);
  });

  test('it has an end', () => {
    expect(typed(`${'x'.repeat(5_000)}\r`)).toBe('x'.repeat(1_024));
  });
});

describe('tables', () => {
  test('a cell that is too long goes on below', () => {
    const columns = [
      { title: 'n', width: 2, align: 'right' },
      { title: 'what', width: 10 },
    ] as const;
    expect(tableRow(columns, ['1', 'two words more'])).toEqual([' 1 two words', '   more']);
  });

  test('a word that is too long is broken at a joint', () => {
    expect(wrap('SEC_E_UNFINISHED_CONTEXT_DELETED', 21)).toEqual(['SEC_E_UNFINISHED_', 'CONTEXT_DELETED']);
    expect(wrap('x'.repeat(25), 10)).toEqual(['x'.repeat(10), 'x'.repeat(10), 'x'.repeat(5)]);
  });
});
