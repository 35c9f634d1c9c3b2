/**
 * What `sspi decode` reads: captures of any origin, and keys.
 * @module
 */
import { createReadStream } from 'node:fs';
import { Secret } from '../sspi/index.ts';
import { readText, unreadable } from './files.ts';
import { UsageError } from './terminal.ts';

const LARGEST = 64 * 1024 * 1024;

/** The content of a file, up to 64 MiB. @throws UsageError */
export async function readOctets(path: string, option: string): Promise<Uint8Array> {
  try {
    return await collected(createReadStream(path), path);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw unreadable(option, path, error);
  }
}

/** Standard input up to its end. @throws UsageError when it is a terminal, on which nobody types octets */
export async function readStandardInput(): Promise<Uint8Array> {
  const { stdin } = process;
  if (stdin.isTTY)
    throw new UsageError('there is nothing to decode', 'name a file, or send something to standard input');
  return collected(stdin, 'standard input');
}

/** A key in hexadecimal. What is wrong with it is said without showing it. @throws UsageError */
export async function readHexSecret(path: string, option: string, lengths: readonly number[]): Promise<Secret> {
  const text = (await readText(path, option)).trim();
  const wanted = lengths.map((length) => 2 * length).join(' or ');
  if (!/^[0-9a-f]+$/iu.test(text) || !lengths.includes(text.length / 2))
    throw new UsageError(
      `${option}: the file does not hold ${wanted} hexadecimal digits`,
      'write the key in hexadecimal, and nothing else',
    );
  return new Secret(Uint8Array.from(Buffer.from(text, 'hex')));
}

async function collected(stream: AsyncIterable<Buffer | string>, name: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    const octets = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    chunks.push(octets);
    length += octets.length;
    if (length > LARGEST)
      throw new UsageError(`${name} is larger than 64 MiB`, 'cut the capture to the conversation of interest');
  }
  return new Uint8Array(Buffer.concat(chunks, length));
}
