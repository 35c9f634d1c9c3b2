/**
 * `--trace FILE`: everything that happens in a logon as JSON lines, which `sspi decode` reads. The messages in it are those on the
 * wire, inside TLS: sealed credentials stay sealed, and what proves a password is as good for guessing as a recording of the network.
 * With `--replayable` see `logon-record.ts`.
 * @module
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { messageOf } from './frames.ts';
import { UsageError } from './terminal.ts';
import { stepOf, type TimelineEvent } from './timeline.ts';

/** A file that is being written. */
export class TraceFile implements Disposable {
  readonly #descriptor: number;

  /** For its owner only. @throws UsageError */
  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'w', 0o600);
    } catch (error) {
      throw new UsageError(`--trace: ${messageOf(error)}`, 'give the path of a file that can be written');
    }
  }

  /** Adds an event. It is in the file when this returns: a logon that is cut short leaves what it had. @throws UsageError */
  add(event: TimelineEvent): void {
    const line = lineOf(event);
    if (line !== undefined) this.write(JSON.stringify(line));
  }

  /** Adds a line that is JSON already. @throws UsageError */
  write(line: string): void {
    try {
      writeSync(this.#descriptor, `${line}\n`);
    } catch (error) {
      throw new UsageError(`--trace: ${messageOf(error)}`, 'write it to a place with room for it');
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

/** An event as it is written; messages inside of others are in those. */
export function lineOf(event: TimelineEvent): Readonly<Record<string, unknown>> | undefined {
  const at = Math.round(event.at * 10) / 10;
  switch (event.kind) {
    case 'x224':
      return { conn: 'rdp', at, frm: sideOf(event.direction), x224: hex(event.octets) };
    case 'message':
      return { conn: 'rdp', at, frm: sideOf(event.direction), ts: { der: hex(event.octets) } };
    case 'kdc':
      return { conn: 'kdc', at, frm: sideOf(event.direction), octets: hex(event.octets), to: event.address };
    case 'exchange':
      return undefined;
    case 'certificate': {
      const certSha256 = createHash('sha256').update(event.certificate).digest('hex');
      return { conn: 'rdp', at, tls: { certSha256, verdict: stepOf(event)?.what.split('\n')[0] } };
    }
    case 'tls':
      return { conn: 'rdp', at, tls: { version: event.version, cipher: event.cipher } };
    default: {
      const step = stepOf(event);
      return step === undefined ? undefined : { conn: 'rdp', at, [step.step]: step.what };
    }
  }
}

/** As a client sees it. */
function sideOf(direction: 'sent' | 'received'): 'client' | 'server' {
  return direction === 'sent' ? 'client' : 'server';
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
