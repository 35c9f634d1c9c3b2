/**
 * The files of Node.js.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import type { Files } from '../files.ts';

const OWNER_ONLY = 0o600;
const CHUNK = 65_536;

/** Files by their paths on this machine. */
export const nodeFiles: Files = {
  async read(path, maxLength) {
    const file = await open(path, 'r');
    try {
      // Read to its end, and not as long as it says that it is: pipes do not know, and files grow.
      const chunks: Uint8Array[] = [];
      for (let length = 0; ; ) {
        const chunk = new Uint8Array(Math.min(CHUNK, maxLength + 1 - length));
        const { bytesRead } = await file.read(chunk);
        if (bytesRead === 0) return joined(chunks, length);
        chunks.push(chunk.subarray(0, bytesRead));
        length += bytesRead;
        if (length > maxLength) throw new Error(`${path}: the file is longer than ${maxLength} octets`);
      }
    } finally {
      await file.close();
    }
  },

  async list(directory) {
    return (await readdir(directory)).sort();
  },

  async replace(path, octets) {
    const beside = `${path}.${randomUUID()}`;
    try {
      const file = await open(beside, 'wx', OWNER_ONLY);
      try {
        await file.writeFile(octets);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
  },
};

/** The chunks in one, which are wiped: there may be keys in them. */
function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
    chunk.fill(0);
  }
  return whole;
}
