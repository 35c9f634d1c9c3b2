/** `sspi logon --trace FILE --replayable`, and `sspi replay FILE`. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LAB_PASSWORD, type Lab, lab } from '../../src/lab/index.ts';
import { objectOf, type Ran, sspi } from './command.ts';

let realm: Lab;
let folder = '';
beforeAll(async () => {
  realm = await lab({ server: 'localhost', listen: true });
  folder = mkdtempSync(join(tmpdir(), 'replay-'));
});
afterAll(async () => {
  await realm.close();
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const who = (password = LAB_PASSWORD): string[] => ['--user', 'LAB\\alice', '--password-file', file('pw', password)];
const kerberos = (): string[] => ['--krb5-conf', file('krb5.conf', realm.krb5Conf)];

/** A logon that is written down. */
async function recorded(more: readonly string[] = [], password?: string): Promise<{ ran: Ran; trace: string }> {
  await using server = await realm.nla();
  const trace = join(folder, 'trace.jsonl');
  const target = ['--target', `localhost:${server.port}`, '--timeout', '5', '--trace', trace, '--replayable'];
  return { ran: await sspi('logon', ...target, ...who(password), ...more), trace };
}

describe('sspi replay', () => {
  test.each([
    ['NTLM', 3, () => []],
    ['Kerberos', 3, kerberos],
  ])('0: a logon by %s is the same again', async (_, compared, more) => {
    const { ran, trace } = await recorded(more());
    expect(ran.code).toBe(0);
    expect(ran.notes).toEqual([expect.stringContaining('will hold the session key')]);
    const again = await sspi('replay', trace, ...who(), ...more());
    expect(again).toEqual({
      code: 0,
      lines: [expect.stringContaining(`${compared} messages of ours, octet for octet`)],
      notes: [],
    });
  });

  test('0: one that was refused is refused again, with the same reason', async () => {
    const { ran, trace } = await recorded([], 'not the password');
    expect(ran.code).toBe(1);
    const { code, lines } = await sspi('replay', trace, ...who('not the password'));
    expect([code, lines.join(' ')]).toEqual([0, expect.stringContaining('STATUS_LOGON_FAILURE')]);
  });

  test('1: another password, and what it changes', async () => {
    const { trace } = await recorded();
    const { code, lines } = await sspi('replay', trace, ...who('not the password'));
    const text = lines.join('\n');
    expect(code).toBe(1);
    expect(text).toMatch(/^DIFFERENT at message \d/u);
    expect(text).toContain('NTProofStr');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const { lines: json } = await sspi('replay', trace, ...who('not the password'), '--json');
    expect(objectOf(json.join('\n'))).toMatchObject({ ok: false, kind: 'differs', difference: { kind: 'octets' } });
  });

  test('neither trace nor output has the password', async () => {
    const { trace, ran } = await recorded();
    const { lines } = await sspi('replay', trace, ...who());
    const utf16 = Buffer.from(LAB_PASSWORD, 'utf16le').toString('hex');
    const everything = [readFileSync(trace, 'utf8'), ...ran.lines, ...ran.notes, ...lines].join('\n');
    for (const secret of [LAB_PASSWORD, utf16]) expect(everything).not.toContain(secret);
  });

  test('`sspi decode` reads it', async () => {
    const { trace } = await recorded();
    const { code, lines } = await sspi('decode', trace, '--password-file', file('pw', LAB_PASSWORD));
    expect(code).toBe(0);
    expect(lines.join('\n')).toContain('redacted: authInfo');
    expect(lines.join('\n')).not.toContain('drawn');
  });

  test.each([
    ['a file that is not there', () => join(folder, 'nowhere')],
    ['something else', () => file('else', 'hello\n')],
    ['half a line', () => file('half', '{"trace":"sspi-tra')],
    ['a trace that cannot be replayed', () => file('not', '{"trace":"sspi-trace-1","replayable":false,"about":{}}')],
    ['a trace of something else', () => file('other', '{"trace":"sspi-trace-1","replayable":true,"about":{}}')],
  ])('2: %s, in one line', async (_, path) => {
    const { code, lines, notes } = await sspi('replay', path(), ...who());
    expect([code, lines, notes.length]).toEqual([2, [], 1]);
    expect(notes[0]).toMatch(/^sspi: FILE: /u);
  });

  test('2: --replayable without --trace', async () => {
    const { code, notes } = await sspi('logon', '--target', 'localhost', ...who(), '--replayable');
    expect([code, notes]).toEqual([2, [expect.stringContaining('--replayable needs --trace')]]);
  });
});
