/**
 * Files, as a port: configuration, keytabs, credential caches.
 * @module
 */

/** Reads and writes whole files. */
export interface Files {
  /**
   * A whole file.
   * @param maxLength - octets: a longer file is refused
   * @throws when it is not there or cannot be read
   */
  read(path: string, maxLength: number): Promise<Uint8Array>;
  /** Names of what is in a directory, without the directory, in alphabetical order. */
  list(directory: string): Promise<readonly string[]>;
  /**
   * Puts a file in the place of the one that is there, all at once: whoever reads it meanwhile sees the old one or the new one,
   * whole. Only its owner may read it.
   */
  replace(path: string, octets: Uint8Array): Promise<void>;
}
