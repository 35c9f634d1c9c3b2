/**
 * The target name: an SPN, `service/host[:port][/name]`, or a bare host name (contract R16, R17).
 * @see https://learn.microsoft.com/windows/win32/ad/name-formats-for-unique-spns
 * @module
 */
import { SspiError } from './errors.ts';

/** A target name taken apart. */
export interface TargetName {
  /** As the caller wrote it: what Kerberos asks for, NTLM carries and the delegation policy matches. */
  readonly text: string;
  /** `TERMSRV`; absent for a bare host name. */
  readonly service: string | undefined;
  /** Without port and brackets: for SNI and for the name in the certificate. */
  readonly host: string;
}

/** The longest that a UNICODE_STRING holds. */
const MAX_LENGTH = 32_767;

/**
 * Takes a target name apart.
 * @throws SspiError TARGET_UNKNOWN when there is a NUL in it, or its service or host is empty
 * @example
 * parseTargetName('TERMSRV/server.example.com:3389').host; // 'server.example.com'
 */
export function parseTargetName(text: string): TargetName {
  if (text.length > MAX_LENGTH) throw refused('it is too long');
  if (text.includes('\0')) throw refused('there is a NUL in it');
  const parts = text.split('/');
  if (parts.length > 3) throw refused('it has more than service, host and name');
  if (parts.some((part) => part.trim() === '')) throw refused('a part of it is empty');
  const [service, address] = parts.length === 1 ? [undefined, parts[0] ?? ''] : [parts[0], parts[1] ?? ''];
  const host = hostOf(address);
  if (host === '') throw refused('the host is empty');
  return { text, service, host };
}

/** Brackets and port off; an IPv6 literal without brackets has more than one colon, and no port. */
function hostOf(address: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(address);
  if (bracketed !== null) return bracketed[1] ?? '';
  const colon = address.indexOf(':');
  return colon === -1 || colon !== address.lastIndexOf(':') ? address : address.slice(0, colon);
}

function refused(detail: string): SspiError {
  return new SspiError('TARGET_UNKNOWN', { stage: 'pszTargetName', detail });
}
