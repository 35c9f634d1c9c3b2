/**
 * A trace: one exchange as lines of JSON. What went over the wire, as `decode` reads it; and in a trace that can be replayed, what
 * the exchange was given besides: the time, random octets, the answers of KDCs and of the DNS.
 *
 * What is in it: no password, hash or key that was given to the exchange. But:
 * - Every recording of NTLM or of Kerberos pre-authentication lets whoever has it try passwords out, as fast as he can. A trace that
 *   cannot be replayed has nothing worse.
 * - **Recorded random octets are keys**: NTLM's ExportedSessionKey, Kerberos subkeys. With them, messages that were sealed under this
 *   session are open. The credentials that CredSSP delegates are such a message, and so a trace that can be replayed has only its
 *   SHA-256; what an application sealed afterwards is not in the trace, but may be in a capture of the network.
 * - **With Kerberos they are a ticket**: the answer of the ticket-granting service is sealed under such a subkey, and has the session
 *   key of the service ticket. Whoever has the trace can log on to that service until the ticket ends, and has the ticket-granting
 *   ticket, too, if one was forwarded (ISC_REQ_DELEGATE of Kerberos itself; CredSSP does not ask for it).
 * @module
 */
import { fromHex, toHex } from '../../crypto/index.ts';
import type { SrvRecord } from '../../host/index.ts';
import { SspiError } from '../../sspi/index.ts';
import type { Side } from '../observations.ts';

/** What a trace begins with. */
export interface TraceHeader {
  readonly kind: 'header';
  readonly replayable: boolean;
  /** What was recorded, in the words of whoever did: enough to start the same again. JSON. */
  readonly about: Readonly<Record<string, unknown>>;
}

/** A message of the exchange. */
export interface TraceMessage {
  readonly kind: 'message';
  /** Other lines may tell more about the same connection. */
  readonly conversation: string;
  /** Milliseconds since the beginning of the trace. */
  readonly at: number;
  readonly from: Side;
  readonly size: number;
  readonly summary: string;
  /** The message; or its SHA-256, where it would give away what it seals. */
  readonly content: { readonly octets: Uint8Array } | { readonly sha256: string };
}

/** What an exchange was given, in the order in which it asked for things of one kind. */
export type TraceDraw =
  | { readonly kind: 'clock'; readonly values: readonly number[] }
  | { readonly kind: 'random'; readonly octets: Uint8Array }
  | {
      readonly kind: 'kdc';
      readonly at: number;
      readonly to: string;
      readonly request: Uint8Array;
      readonly answer: Uint8Array | { readonly failed: string };
    }
  | { readonly kind: 'dns'; readonly name: string; readonly records: readonly SrvRecord[] };

export type TraceLine = TraceHeader | TraceMessage | TraceDraw;

const FORMAT = 'sspi-trace-1';

/** Stands in the first line of a trace that can be replayed: whoever opens the file reads it. */
const WARNING =
  'The random octets in this file are session keys, and with Kerberos a ticket that can be used: give it only to whom you would give the session.';

/** A line, without its end. */
export function writeLine(line: TraceLine): string {
  return JSON.stringify(formOf(line));
}

function formOf(line: TraceLine): unknown {
  switch (line.kind) {
    case 'header':
      return {
        trace: FORMAT,
        replayable: line.replayable,
        warning: line.replayable ? WARNING : undefined,
        about: line.about,
      };
    case 'message': {
      const { conversation, at, from, size, summary, content } = line;
      const told = 'octets' in content ? { octets: toHex(content.octets) } : { redacted: 'authInfo', ...content };
      return { conn: conversation, at, frm: from, size, summary, ...told };
    }
    case 'clock':
      return { drawn: 'clock', values: line.values };
    case 'random':
      return { drawn: 'random', octets: toHex(line.octets) };
    case 'kdc': {
      const { at, to, request, answer } = line;
      const answered = answer instanceof Uint8Array ? { answer: toHex(answer) } : answer;
      return { drawn: 'kdc', at, to, request: toHex(request), ...answered };
    }
    case 'dns':
      return { drawn: 'dns', name: line.name, records: line.records };
  }
}

/** A trace that was read. */
export interface Trace {
  readonly header: TraceHeader;
  readonly messages: readonly TraceMessage[];
  readonly draws: readonly TraceDraw[];
}

/** More than any exchange has, and little enough to read. */
const MOST_LINES = 100_000;
const MOST_TEXT = 64 * 1024 * 1024;
const MOST_VALUES = 10_000;
const MOST_RECORDS = 256;
const LONGEST_NAME = 1024;

/** Reads a trace, strictly. Lines that are neither of a trace nor JSON at all are refused. @throws SspiError FILE_MALFORMED */
export function readTrace(text: string): Trace {
  if (text.length > MOST_TEXT) throw malformed(0, 'it is too large');
  let header: TraceHeader | undefined;
  const messages: TraceMessage[] = [];
  const draws: TraceDraw[] = [];
  const lines = text.split('\n');
  if (lines.length > MOST_LINES) throw malformed(0, 'it has too many lines');
  for (const [index, content] of lines.entries()) {
    if (content.trim() === '') continue;
    const line = readLine(content, index + 1);
    if (line === undefined) continue;
    if (line.kind === 'header') {
      if (header !== undefined) throw malformed(index + 1, 'a second trace begins');
      header = line;
    } else if (line.kind === 'message') messages.push(line);
    else draws.push(line);
  }
  if (header === undefined) throw malformed(1, `no line says that it is a trace (${FORMAT})`);
  return { header, messages, draws };
}

/** @returns undefined for lines that tell something about the connection around the exchange */
function readLine(content: string, number: number): TraceLine | undefined {
  const fields = new Fields(content, number);
  if (fields.has('trace')) {
    if (fields.text('trace') !== FORMAT) throw malformed(number, 'a trace of another form');
    return { kind: 'header', replayable: fields.flag('replayable'), about: fields.record('about') };
  }
  if (!fields.has('drawn')) return fields.has('summary') ? readMessage(fields) : undefined;
  switch (fields.text('drawn')) {
    case 'clock':
      return { kind: 'clock', values: fields.list('values', MOST_VALUES).map((one) => fields.numberOf(one, 'values')) };
    case 'random':
      return { kind: 'random', octets: fields.octets('octets') };
    case 'kdc':
      return {
        kind: 'kdc',
        at: fields.number('at'),
        to: fields.text('to'),
        request: fields.octets('request'),
        answer: fields.has('failed') ? { failed: fields.text('failed') } : fields.octets('answer'),
      };
    case 'dns':
      return {
        kind: 'dns',
        name: fields.text('name'),
        records: fields.list('records', MOST_RECORDS).map((one) => srvRecordOf(one, number)),
      };
    default:
      throw malformed(number, 'something unknown was drawn');
  }
}

function readMessage(fields: Fields): TraceMessage {
  const from = fields.text('frm');
  if (from !== 'client' && from !== 'server') throw malformed(fields.line, 'frm is neither client nor server');
  const content = fields.has('sha256') ? { sha256: fields.digest('sha256') } : { octets: fields.octets('octets') };
  const size = fields.number('size');
  if ('octets' in content && content.octets.length !== size)
    throw malformed(fields.line, `${content.octets.length} octets of ${size}: the line was cut or changed`);
  return {
    kind: 'message',
    conversation: fields.text('conn'),
    at: fields.number('at'),
    from,
    size,
    summary: fields.text('summary'),
    content,
  };
}

function srvRecordOf(value: unknown, line: number): SrvRecord {
  const fields = Fields.of(value, line);
  return {
    priority: fields.number('priority'),
    weight: fields.number('weight'),
    port: fields.number('port'),
    target: fields.text('target'),
  };
}

/** The fields of one line, each of the type that it has to have. */
class Fields {
  /** Of the line, from 1 on. */
  readonly line: number;
  readonly #fields: Readonly<Record<string, unknown>>;

  constructor(content: string, line: number) {
    let parsed: unknown;
    try {
      parsed = JSON.parse(content);
    } catch (cause) {
      throw malformed(line, 'it is not JSON', cause);
    }
    if (!isRecord(parsed)) throw malformed(line, 'it is no JSON object');
    this.#fields = parsed;
    this.line = line;
  }

  static of(value: unknown, line: number): Fields {
    return new Fields(JSON.stringify(value ?? null), line);
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#fields, name);
  }

  text(name: string): string {
    const value = this.#fields[name];
    if (typeof value !== 'string') throw malformed(this.line, `${name} is no text`);
    if (name !== 'summary' && value.length > LONGEST_NAME) throw malformed(this.line, `${name} is too long`);
    return value;
  }

  number(name: string): number {
    return this.numberOf(this.#fields[name], name);
  }

  numberOf(value: unknown, name: string): number {
    // JSON knows numbers without end, as 1e999, which are no time and no port.
    if (typeof value !== 'number' || !Number.isFinite(value)) throw malformed(this.line, `${name} is no number`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#fields[name];
    if (typeof value !== 'boolean') throw malformed(this.line, `${name} is neither true nor false`);
    return value;
  }

  record(name: string): Readonly<Record<string, unknown>> {
    const value = this.#fields[name];
    if (!isRecord(value)) throw malformed(this.line, `${name} is no JSON object`);
    return value;
  }

  list(name: string, most: number): readonly unknown[] {
    const value = this.#fields[name];
    if (!Array.isArray(value) || value.length > most) throw malformed(this.line, `${name} is no list, or too long`);
    return value;
  }

  /** A SHA-256. */
  digest(name: string): string {
    const value = this.text(name);
    if (!/^[0-9a-f]{64}$/u.test(value)) throw malformed(this.line, `${name} is no SHA-256 in hexadecimal`);
    return value;
  }

  octets(name: string): Uint8Array {
    const value = this.#fields[name];
    if (typeof value !== 'string') throw malformed(this.line, `${name} is no text`);
    if (!/^(?:[0-9a-f]{2})*$/iu.test(value)) throw malformed(this.line, `${name} is not in hexadecimal`);
    return fromHex(value);
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function malformed(line: number, detail: string, cause?: unknown): SspiError {
  return new SspiError('FILE_MALFORMED', { stage: 'trace', detail: `line ${line}: ${detail}`, cause });
}
