/**
 * The address of a server, as people write it.
 * @module
 */
import { isIPv6 } from 'node:net';
import { UsageError } from './terminal.ts';

/** Where to connect. */
export interface Target {
  /** As it was written: it makes the SPN. */
  readonly host: string;
  readonly port: number;
}

const RDP_PORT = 3389;
const FORM = 'write host, host:port, [IPv6 address]:port or rdp://host:port';

/**
 * Reads `host`, `host:port`, `[address]:port`, each with `rdp://` before it or not.
 * @throws UsageError that does not repeat what may be a password
 */
export function parseTarget(text: string): Target {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//iu.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== 'rdp')
    throw new UsageError(`--target: ${scheme}:// is not served yet, only rdp://`, FORM);
  const rest = (scheme === undefined ? text : text.slice('rdp://'.length)).replace(/\/$/u, '');
  if (rest.includes('@'))
    throw new UsageError(
      '--target: an address holds no user name, and never a password',
      'use --user and --password-file, and choose another password if there was one in it',
    );
  const bracketed = /^\[([0-9a-f:.%]+)\](?::(\d+))?$/iu.exec(rest);
  const plain = /^([^\s:/[\]]+)(?::(\d+))?$/u.exec(rest);
  const bare = isIPv6(rest) ? [rest, rest, undefined] : null; // without brackets, and so without a port
  const [, host, port] = bracketed ?? plain ?? bare ?? [];
  if (host === undefined) throw new UsageError(`--target: '${rest}' is no address`, FORM);
  const number = port === undefined ? RDP_PORT : Number(port);
  if (number < 1 || number > 65_535) throw new UsageError(`--target: there is no port ${port}`, FORM);
  return { host, port: number };
}
