/**
 * The files of Node.js.
 * @module
 */
import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm } from 'node:fs/promises';
import type { Files } from '../files.ts';

const OWNER_ONLY = 0o600;

/** Files by their paths on this machine. */
export const nodeFiles: Files = {
  async read(path, maxLength) {
    const file = await open(path, 'r');
    try {
      // One octet more than allowed tells a file that is too long; its size alone would not, for pipes and files that grow.
      const octets = new Uint8Array(Math.min((await file.stat()).size, maxLength) + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(octets, length, octets.length - length);
        length += bytesRead;
        if (bytesRead === 0) return octets.subarray(0, length);
        if (length === octets.length) throw new Error(`${path}: the file is longer than ${length - 1} octets`);
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
