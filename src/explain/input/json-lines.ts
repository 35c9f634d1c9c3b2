/**
 * Recorded conversations, one JSON object on each line: `conn` (which connection), `frm` or `from` (who), and the message in
 * hexadecimal or base64: as `x224`, as `ts.der`, or as `token`, `hex`, `data`, `octets`, `base64`. What else a line tells about the
 * connection (`tls`, `closed`) is shown as it is told.
 * @module
 */
import { fromHex } from '../../crypto/index.ts';
import type { Side } from '../observations.ts';
import { printable } from '../text.ts';
import type { Note } from '../tree.ts';
import { fromBase64 } from './base64.ts';
import { type Found, MOST_PIECES, type Piece } from './piece.ts';

/** Whether a text is this. */
export function isJsonLines(text: string): boolean {
  return /^\s*\{/u.test(text);
}

/** Reads the lines. What is no JSON object is noted and passed over: half a recording is better than none. */
export function readJsonLines(text: string): Found {
  const pieces: Piece[] = [];
  const notes: Note[] = [];
  let at = 0;
  for (const line of text.split('\n')) {
    at++;
    if (line.trim() === '') continue;
    if (pieces.length >= MOST_PIECES) {
      notes.push({ code: 'LIMIT', text: `only the first ${MOST_PIECES} messages` });
      break;
    }
    const entry = parsed(line);
    if (entry === undefined) notes.push({ code: 'MALFORMED', text: `line ${at} is no JSON object` });
    else pieces.push(...piecesOf(entry, at));
  }
  return { container: 'JSON lines', pieces, notes };
}

type Entry = Readonly<Record<string, unknown>>;

function parsed(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isEntry(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isEntry(value: unknown): value is Entry {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Names under which a message may stand. */
const MESSAGE_NAMES: readonly string[] = ['x224', 'der', 'token', 'hex', 'octets', 'data', 'base64', 'message'];

/** What a replay needs besides the messages is nothing to look at (its random octets are keys), but for what KDCs were asked. */
function piecesOf(entry: Entry, order: number): Piece[] {
  if (!('drawn' in entry)) return [pieceOf(entry, order)];
  if (entry['drawn'] !== 'kdc') return [];
  const { request, answer, failed } = entry;
  const answered = typeof answer === 'string' ? { octets: answer } : { failed: String(failed) };
  return [
    pieceOf({ conn: 'kdc', frm: 'client', octets: request }, order),
    pieceOf({ conn: 'kdc', frm: 'server', ...answered }, order),
  ];
}

function pieceOf(entry: Entry, order: number): Piece {
  const { conn, ts, tls } = entry;
  const conversation = typeof conn === 'number' || typeof conn === 'string' ? printable(String(conn)) : '1';
  const octets = messageIn(isEntry(ts) ? ts : entry);
  const certificateSha256 = isEntry(tls) && typeof tls['certSha256'] === 'string' ? tls['certSha256'] : undefined;
  return {
    conversation,
    from: senderOf(entry),
    octets: octets ?? new Uint8Array(0),
    told: octets === undefined ? told(entry) : undefined,
    certificateSha256,
    order,
  };
}

function messageIn(entry: Entry): Uint8Array | undefined {
  for (const name of MESSAGE_NAMES) {
    const value = entry[name];
    if (typeof value !== 'string' || value === '') continue;
    if (/^(?:[0-9a-f]{2})+$/iu.test(value)) return fromHex(value);
    const octets = fromBase64(value);
    if (octets !== undefined) return octets;
  }
  return undefined;
}

function senderOf({ frm, from, direction, role }: Entry): Side | undefined {
  const said = [frm, from, direction, role].find((one) => typeof one === 'string');
  if (said === 'client' || said === 'initiator') return 'client';
  return said === 'server' || said === 'acceptor' ? 'server' : undefined;
}

/** What a line without a message tells: names and short texts, the connection's number and the sender aside. */
function told(entry: Entry): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const tell = (name: string, value: unknown): void => {
    if (isEntry(value)) for (const [inner, one] of Object.entries(value).slice(0, 16)) tell(`${name} ${inner}`, one);
    else if (Array.isArray(value)) found.set(printable(name), printable(value.map(String).join(', ')));
    else found.set(printable(name), printable(String(value)));
  };
  for (const [name, value] of Object.entries(entry).slice(0, 16))
    if (!['conn', 'frm', 'from', 'direction', 'role'].includes(name)) tell(name, value);
  return found;
}
