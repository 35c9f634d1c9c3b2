/**
 * Real tokens to begin with: every hexadecimal text in the vectors and transcripts.
 * @module
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromHex } from '../../src/crypto/index.ts';

const FOLDERS = ['test/vectors', 'test/transcripts'];
const HEX = /"([0-9a-f]{8,})"/g;

/** All of them, each once. */
export function corpus(): Uint8Array[] {
  const texts = new Set<string>();
  for (const folder of FOLDERS.filter((path) => existsSync(path))) {
    for (const name of readdirSync(folder).filter((entry) => /\.jsonl?$/.test(entry))) {
      for (const [, text = ''] of readFileSync(join(folder, name), 'utf8').matchAll(HEX)) {
        if (text.length % 2 === 0) texts.add(text);
      }
    }
  }
  return [...texts].sort().map((text) => fromHex(text));
}
