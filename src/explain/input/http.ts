/**
 * HTTP in a capture, as far as authentication goes: tokens in headers (RFC 4559, [MS-NTHT], CredSSP of WinRM), bodies of WinRM and
 * of the KDC proxy.
 * @module
 */
import type { Side } from '../observations.ts';
import { fromBase64 } from './base64.ts';

/** Something of interest in a request or response. */
export interface HttpPart {
  readonly octets: Uint8Array;
  readonly context: string;
}

/** One request or response. */
export interface HttpMessage {
  readonly length: number;
  readonly parts: readonly HttpPart[];
  /** The first line. */
  readonly startLine: string;
  readonly status: number | undefined;
}

const LONGEST_HEAD = 256 * 1024; // a Kerberos token in base64 may have 64 KiB and more
const LONGEST_BODY = 4 * 1024 * 1024;
const START =
  /^(?:(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH|PROPFIND|RPC_IN_DATA|RPC_OUT_DATA|RDG_IN_DATA|RDG_OUT_DATA) |HTTP\/1\.[01] )/u;
const TOKEN = /^(Negotiate|NTLM|Kerberos|CredSSP)\s+([A-Za-z0-9+/=]+)$/iu;
const TOKEN_HEADERS: readonly string[] = [
  'authorization',
  'proxy-authorization',
  'www-authenticate',
  'proxy-authenticate',
  'authentication-info',
];

/** Whether HTTP begins here. */
export function isHttp(octets: Uint8Array): boolean {
  return START.test(latin1(octets.subarray(0, 16)));
}

/** Reads the request or response at the front; undefined when it is not whole yet. */
export function readHttp(octets: Uint8Array, from: Side, whole: boolean): HttpMessage | undefined {
  const head = latin1(octets.subarray(0, LONGEST_HEAD));
  const end = head.indexOf('\r\n\r\n');
  if (end < 0)
    return whole
      ? { length: octets.length, parts: [], startLine: head.split('\r\n')[0] ?? '', status: undefined }
      : undefined;
  const [startLine = '', ...lines] = head.slice(0, end).split('\r\n');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
  });
  const body = bodyBehind(octets, end + 4, headers, whole);
  if (body === undefined) return undefined;
  const status = from === 'server' ? Number(/^HTTP\/1\.[01] (\d{3})/u.exec(startLine)?.[1] ?? 0) : undefined;
  return { length: body.end, parts: [...tokensIn(headers), ...bodyPart(body.octets, headers)], startLine, status };
}

type Headers = readonly (readonly [string, string])[];

function headerOf(headers: Headers, name: string): string | undefined {
  return headers.find(([found]) => found.toLowerCase() === name)?.[1];
}

function tokensIn(headers: Headers): HttpPart[] {
  return headers.flatMap(([name, value]) => {
    if (!TOKEN_HEADERS.includes(name.toLowerCase())) return [];
    const [, scheme = '', token = ''] = TOKEN.exec(value) ?? [];
    const octets = fromBase64(token);
    return octets === undefined ? [] : [{ octets, context: `${name}: ${scheme}` }];
  });
}

function bodyPart(body: Uint8Array, headers: Headers): HttpPart[] {
  const type = headerOf(headers, 'content-type') ?? '';
  const isWanted = /multipart\/(?:x-multi-)?encrypted|application\/kerberos/iu.test(type);
  return isWanted && body.length > 0 ? [{ octets: body, context: `Content-Type: ${type.split(';')[0] ?? ''}` }] : [];
}

function bodyBehind(
  octets: Uint8Array,
  start: number,
  headers: Headers,
  whole: boolean,
): { octets: Uint8Array; end: number } | undefined {
  if (/chunked/iu.test(headerOf(headers, 'transfer-encoding') ?? '')) return chunks(octets, start, whole);
  const announced = Number(headerOf(headers, 'content-length') ?? 0);
  const length = Number.isSafeInteger(announced) && announced >= 0 ? Math.min(announced, LONGEST_BODY) : 0;
  if (start + length > octets.length && !whole) return undefined;
  const end = Math.min(octets.length, start + length);
  return { octets: octets.subarray(start, end), end };
}

/** RFC 9112 7.1. */
function chunks(octets: Uint8Array, start: number, whole: boolean): { octets: Uint8Array; end: number } | undefined {
  const parts: Uint8Array[] = [];
  let at = start;
  for (;;) {
    const line = latin1(octets.subarray(at, at + 32));
    const found = /^([0-9a-f]{1,8})[^\r\n]*\r\n/iu.exec(line);
    const size = Number.parseInt(found?.[1] ?? '', 16);
    const begin = at + (found?.[0].length ?? 0);
    if (found === null || begin + size + 2 > octets.length) {
      if (!whole) return undefined;
      return { octets: joined(parts), end: octets.length };
    }
    at = begin + size + 2;
    if (size === 0) return { octets: joined(parts), end: at };
    parts.push(octets.subarray(begin, begin + size));
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function latin1(octets: Uint8Array): string {
  return new TextDecoder('latin1').decode(octets);
}
