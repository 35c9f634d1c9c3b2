/**
 * Messages written as text: hexadecimal, base64, PEM, and lines with HTTP headers as logs and `curl -v` print them.
 * @module
 */
import { fromHex } from '../../crypto/index.ts';
import { isRecognised } from '../messages/recognise.ts';
import type { Side } from '../observations.ts';
import type { Note } from '../tree.ts';
import { fromBase64 } from './base64.ts';
import { type Container, type Found, MOST_PIECES, type Piece } from './piece.ts';

/** How a text is to be understood. */
interface Written {
  readonly form: 'hexadecimal' | 'base64';
  readonly octets: Uint8Array;
}

const HEADER =
  /^[\s<>*|]*((?:Proxy-)?Authorization|(?:WWW|Proxy)-Authenticate|(?:WWW|Proxy)-Authentication-Info)\s*:\s*(Negotiate|NTLM|Kerberos|CredSSP)\s+([A-Za-z0-9+/=]+)\s*$/iu;
/** `client: 4e54...`, `S: TlRM...`, `> 16 03 01`: lines that say who speaks. */
const SPOKEN = /^\s*(client|server|c|s|initiator|acceptor|->|<-|>|<)\s*:?\s+(\S.*)$/iu;
const PEM = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/gu;

/** Reads a text. */
export function readText(text: string): Found {
  const notes: Note[] = [];
  const armoured = [...text.matchAll(PEM)];
  if (armoured.length > 0) return pemInput(armoured);

  const lines = text.split(/\r?\n/u);
  const headers = lines.flatMap(headerPiece);
  if (headers.length > 0) return limited('text', headers, notes);

  const pieces: Piece[] = [];
  let container: Container = 'text';
  for (const block of blocksOf(lines)) {
    const { written, from } = readBlock(block);
    for (const [at, { form, octets }] of written.entries()) {
      container = form;
      pieces.push({ conversation: '1', from: from[at], octets, order: pieces.length });
    }
    if (written.length === 0) {
      const what = `${block.length} lines that are neither hexadecimal nor base64`;
      notes.push({
        code: 'UNKNOWN',
        text: block.length === 1 ? 'a line that is neither hexadecimal nor base64' : what,
      });
    }
  }
  return limited(container, pieces, notes);
}

function limited(container: Container, pieces: readonly Piece[], notes: Note[]): Found {
  if (pieces.length > MOST_PIECES)
    notes.push({ code: 'LIMIT', text: `only the first ${MOST_PIECES} of ${pieces.length} messages` });
  return { container, pieces: pieces.slice(0, MOST_PIECES), notes };
}

function pemInput(armoured: readonly RegExpExecArray[]): Found {
  const notes: Note[] = [];
  const pieces: Piece[] = [];
  for (const [, label = '', content = ''] of armoured) {
    const octets = fromBase64(content);
    // A key is not something to show, whoever asks.
    if (label.includes('PRIVATE KEY')) notes.push({ code: 'REMARK', text: 'a private key, which is not looked at' });
    else if (octets === undefined) notes.push({ code: 'MALFORMED', text: `${label}: not base64` });
    else pieces.push({ conversation: '1', from: undefined, octets, context: label, order: pieces.length });
  }
  return limited('PEM', pieces, notes);
}

function headerPiece(line: string, order: number): Piece[] {
  const [, name = '', scheme = '', token = ''] = HEADER.exec(line) ?? [];
  const octets = token === '' ? undefined : fromBase64(token);
  if (octets === undefined) return [];
  const from: Side = /Authorization$/iu.test(name) ? 'client' : 'server';
  return [{ conversation: '1', from, octets, context: `${name}: ${scheme}`, order }];
}

/** Lines between empty ones. */
function* blocksOf(lines: readonly string[]): Generator<readonly string[], void, undefined> {
  let block: string[] = [];
  for (const line of [...lines, '']) {
    if (line.trim() !== '' && !line.trimStart().startsWith('#')) {
      block.push(line);
    } else if (line.trim() === '' && block.length > 0) {
      yield block;
      block = [];
    }
  }
}

interface Block {
  readonly written: readonly Written[];
  readonly from: readonly (Side | undefined)[];
}

/** A block is one message over several lines, or a message on each line: each line by itself is one then. */
function readBlock(lines: readonly string[]): Block {
  const spoken = lines.map((line) => {
    const [, speaker, rest] = SPOKEN.exec(line) ?? [];
    return speaker === undefined || rest === undefined
      ? { from: undefined, text: line }
      : { from: sideOf(speaker), text: rest };
  });
  const each = spoken.map(({ text }) => written(text));
  const areMessages = each.every((one) => one !== undefined && isRecognised(one.octets));
  if (areMessages || spoken.some(({ from }) => from !== undefined))
    return {
      written: each.filter((one) => one !== undefined),
      from: spoken.filter((_, at) => each[at] !== undefined).map(({ from }) => from),
    };
  const whole = written(lines.join(''));
  return { written: whole === undefined ? [] : [whole], from: [undefined] };
}

function sideOf(speaker: string): Side {
  return /^(?:c|client|initiator|->|>)$/iu.test(speaker) ? 'client' : 'server';
}

/** Hexadecimal with or without colons, spaces and `0x`; or base64. What could be both is what makes sense. */
function written(text: string): Written | undefined {
  const digits = text.replace(/0x|\\x|[\s:,-]/giu, '');
  const hex =
    digits.length > 0 && digits.length % 2 === 0 && /^[0-9a-f]+$/iu.test(digits) ? fromHex(digits) : undefined;
  const base64 = fromBase64(text);
  if (hex !== undefined && (isRecognised(hex) || base64 === undefined || !isRecognised(base64)))
    return { form: 'hexadecimal', octets: hex };
  return base64 === undefined ? undefined : { form: 'base64', octets: base64 };
}
