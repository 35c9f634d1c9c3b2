/**
 * `--trace FILE`: a logon as a trace, which `sspi decode` reads: every message with its time, its size and what it is; and between them
 * what else happened. The messages are those on the wire, inside TLS: sealed credentials stay sealed, and what proves a password is as
 * good for guessing as a recording of the network.
 * With `--replayable` see `logon-record.ts`.
 * @module
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { summaryOf, writeLine } from '../explain/index.ts';
import { fileProblem } from './files.ts';
import { jsonText, UsageError } from './terminal.ts';
import { stepOf, type TimelineEvent } from './timeline.ts';

/** A file that is being written. */
export class TraceFile implements Disposable {
  readonly #descriptor: number;

  /** For its owner only. @throws UsageError */
  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'w', 0o600);
    } catch (error) {
      throw new UsageError(`--trace: ${path}: ${fileProblem(error)}`, 'give the path of a file that can be written');
    }
  }

  /** Begins a trace that cannot be replayed. @param about - what is done; nothing secret. @throws UsageError */
  begin(about: Readonly<Record<string, unknown>>): void {
    this.write(writeLine({ kind: 'header', replayable: false, about }));
  }

  /** Adds an event. It is in the file when this returns: a logon that is cut short leaves what it had. @throws UsageError */
  add(event: TimelineEvent): void {
    const line = lineOf(event);
    if (line !== undefined) this.write(line);
  }

  /** Adds a line that is JSON already. @throws UsageError */
  write(line: string): void {
    try {
      writeSync(this.#descriptor, `${line}\n`);
    } catch (error) {
      throw new UsageError(`--trace: ${fileProblem(error)}`, 'write it to a place with room for it');
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }
}

const RDP = 'rdp';

/** An event as it is written. Those that tell of a message inside another one are left out: it is in that. */
function lineOf(event: TimelineEvent): string | undefined {
  const at = Math.round(event.at * 10) / 10;
  switch (event.kind) {
    case 'x224': {
      const frm = event.direction === 'sent' ? 'client' : 'server';
      return jsonText({
        conn: RDP,
        at,
        frm,
        size: event.octets.length,
        x224: Buffer.from(event.octets).toString('hex'),
      });
    }
    case 'message':
      return messageLine(RDP, at, event);
    case 'kdc':
      return messageLine(`kdc ${event.address}`, at, event);
    case 'exchange':
      return undefined;
    case 'certificate': {
      const certSha256 = createHash('sha256').update(event.certificate).digest('hex');
      return jsonText({ conn: RDP, at, tls: { certSha256, verdict: stepOf(event)?.what.split('\n')[0] } });
    }
    case 'tls':
      return jsonText({ conn: RDP, at, tls: { version: event.version, cipher: event.cipher } });
    default: {
      const step = stepOf(event);
      return step === undefined ? undefined : jsonText({ conn: RDP, at, [step.step]: step.what });
    }
  }
}

function messageLine(
  conversation: string,
  at: number,
  { octets, direction }: { readonly octets: Uint8Array; readonly direction: 'sent' | 'received' },
): string {
  const from = direction === 'sent' ? 'client' : 'server';
  const summary = summaryOf(octets, from);
  return writeLine({ kind: 'message', conversation, at, from, size: octets.length, summary, content: { octets } });
}
