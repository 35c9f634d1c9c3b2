import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** A small house in which each wall is broken once, and one door is used as it should be. */
const house: Readonly<Record<string, string>> = {
  'der/index.ts': "export { reader } from './reader.ts';",
  'der/reader.ts': 'export const reader = 1;',
  'crypto/index.ts': "export { md4 } from './node.ts';",
  'crypto/node.ts': "import { createHash } from 'node:crypto';\nexport const md4 = createHash;",
  'sspi/index.ts': "import { reader } from '../der/index.ts';\nexport const status = reader;",
  'sspi/upwards.ts': "import { ntlm } from '../ntlm/index.ts';\nexport const up = ntlm;",
  'sspi/files.ts': "import { readFileSync } from 'node:fs';\nexport const read = readFileSync;",
  'ntlm/index.ts': "import { reader } from '../der/reader.ts';\nexport const ntlm = reader;",
  'ntlm/sideways.ts': "import { tls } from '../schannel/index.ts';\nexport const side = tls;",
  'ntlm/circle.ts': "import { square } from './square.ts';\nexport const circle = () => square;",
  'ntlm/square.ts': "import { circle } from './circle.ts';\nexport const square = () => circle;",
  'schannel/index.ts': "import { connect } from 'node:tls';\nexport const tls = connect;",
  'rdp/external.ts': "import { wire } from './wire.ts';\nexport const external = wire;",
  'rdp/wire.ts': "import { connect } from 'node:net';\nexport const wire = connect;",
  'credssp/index.ts': "import { helper } from './helper.ts';\nexport const engine = helper;",
  'credssp/helper.ts': "import { tls } from '../schannel/index.ts';\nexport const helper = tls;",
  'credssp/package.ts': "import { tls } from '../schannel/index.ts';\nexport const credssp = tls;",
};

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

function cruise(folder: string): { readonly violations: string[]; readonly failed: boolean } {
  const config = resolve('.dependency-cruiser.cjs');
  const depcruise = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const args = [depcruise, 'src', '--config', config, '--output-type', 'json'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
  const found: readonly Violation[] = JSON.parse(stdout).summary.violations;
  const plain = spawnSync(process.execPath, args.slice(0, -2), { cwd: folder });
  return {
    violations: found.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`),
    failed: plain.status !== 0,
  };
}

describe('the floors of the house', () => {
  let folder = '';
  let result: ReturnType<typeof cruise>;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'floors-'));
    for (const [path, text] of Object.entries(house)) {
      const file = join(folder, 'src', path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    result = cruise(folder);
  }, 30_000);

  afterAll(() => rmSync(folder, { recursive: true }));

  test('a broken rule fails the run', () => {
    expect(result.failed).toBe(true);
  });

  test.each([
    ['a room imports from above', 'floor-sspi: src/sspi/upwards.ts -> src/ntlm/index.ts'],
    ['a room imports from its own floor', 'floor-ntlm: src/ntlm/sideways.ts -> src/schannel/index.ts'],
    ['a room enters another past its door', 'door-der: src/ntlm/index.ts -> src/der/reader.ts'],
    ['two files import each other', 'no-cycle: src/ntlm/circle.ts -> src/ntlm/square.ts'],
    ["Node's own modules where they may not be", 'node-modules-of-node: src/sspi/files.ts -> fs'],
    [
      'a portable room reaches TLS through a file between',
      'portable-stays-portable: src/credssp/index.ts -> src/schannel/index.ts',
    ],
    ['the portable door of a room reaches sockets', 'portable-stays-portable: src/rdp/external.ts -> src/rdp/wire.ts'],
    ['the crypto provider by its path', 'crypto-by-condition: src/crypto/index.ts -> src/crypto/node.ts'],
  ])('%s', (_, violation) => {
    expect(result.violations).toContain(violation);
  });

  test('what is allowed is not reported', () => {
    const about = (file: string) => result.violations.filter((line) => line.includes(`: src/${file} ->`));
    expect(about('credssp/package.ts')).toEqual([]);
    expect(about('sspi/index.ts')).toEqual([]);
    expect(about('schannel/index.ts')).toEqual([]);
    expect(about('crypto/node.ts')).toEqual([]);
  });
});
