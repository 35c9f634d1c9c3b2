/** The server's end of a WebSocket (RFC 6455), as far as a gateway in a test needs it: binary messages, and the end of them. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Carrier } from '../../src/rdp/external.ts';

const OPCODE = { CONTINUATION: 0, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;
/** RFC 6455 1.3. */
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Answers an upgrade, and carries what the client sends. */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex): Carrier {
  const key = request.headers['sec-websocket-key'] ?? '';
  const accept = createHash('sha1').update(`${key}${MAGIC}`).digest('base64');
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  const messages = messagesOf(socket);
  return {
    send: (octets) => void socket.write(frame(OPCODE.BINARY, octets)),
    receive: async () => (await messages.next()).value,
    close: () => void socket.end(frame(OPCODE.CLOSE, new Uint8Array(0))),
  };
}

async function* messagesOf(socket: Duplex): AsyncGenerator<Uint8Array, undefined> {
  let received = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      const found = firstFrame(received);
      if (found === undefined) break;
      received = received.subarray(found.whole);
      if (found.opcode === OPCODE.CLOSE) return undefined;
      if (found.opcode === OPCODE.PING) socket.write(frame(OPCODE.PONG, found.payload));
      if (found.opcode === OPCODE.BINARY || found.opcode === OPCODE.CONTINUATION) yield found.payload;
    }
  }
  return undefined;
}

/** 5.2: clients mask what they send. */
function firstFrame(octets: Buffer): { opcode: number; payload: Uint8Array; whole: number } | undefined {
  if (octets.length < 2) return undefined;
  const short = octets.readUInt8(1) & 0x7f;
  const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
  const begin = 2 + extended + 4;
  if (octets.length < begin) return undefined;
  const length = short === 126 ? octets.readUInt16BE(2) : short === 127 ? Number(octets.readBigUInt64BE(2)) : short;
  if (octets.length < begin + length) return undefined;
  const mask = octets.subarray(begin - 4, begin);
  const payload = Uint8Array.from(octets.subarray(begin, begin + length), (octet, at) => octet ^ (mask[at % 4] ?? 0));
  return { opcode: octets.readUInt8(0) & 0x0f, payload, whole: begin + length };
}

function frame(opcode: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10);
  header[0] = 0x80 | opcode;
  header[1] = payload.length < 126 ? payload.length : payload.length < 65_536 ? 126 : 127;
  if (header.length === 4) header.writeUInt16BE(payload.length, 2);
  if (header.length === 10) header.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([header, payload]);
}
