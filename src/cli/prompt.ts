/**
 * Asking for a password on a terminal. It is read octet by octet with the echo switched off, and never becomes a string on the
 * way: what `readline` and prompt libraries keep of a line cannot be wiped.
 * @module
 */
import { transcode } from 'node:buffer';
import type { ReadStream } from 'node:tty';
import { Secret } from '../sspi/index.ts';
import { Interrupted, UsageError } from './terminal.ts';

const KEY = {
  INTERRUPT: 0x03,
  END: 0x04,
  BACKSPACE: 0x08,
  LINE_FEED: 0x0a,
  RETURN: 0x0d,
  KILL_LINE: 0x15,
  ESCAPE: 0x1b,
  DELETE: 0x7f,
} as const;
/** Octets of UTF-8. Windows takes 256 characters. */
const LONGEST = 1024;

/**
 * Asks, and waits for the line. The terminal is as before afterwards, however it ends.
 * @param ask - writes the question
 * @throws Interrupted at Ctrl-C; UsageError when the terminal closes
 */
export async function askSecret(terminal: ReadStream, ask: (text: string) => void, question: string): Promise<Secret> {
  const line = new HiddenLine();
  ask(question);
  terminal.setRawMode(true);
  try {
    await new Promise<void>((resolve, reject) => {
      const onData = (chunk: Buffer): void => {
        const outcome = line.take(chunk);
        chunk.fill(0);
        if (outcome === 'more') return;
        terminal.off('data', onData).off('end', onEnd);
        if (outcome === 'done') resolve();
        else reject(new Interrupted());
      };
      const onEnd = (): void => reject(new UsageError('the terminal was closed', 'use --password-file'));
      terminal.on('data', onData).once('end', onEnd).resume();
    });
    return line.secret();
  } finally {
    terminal.setRawMode(false);
    terminal.pause();
    ask('\n');
    line.wipe();
  }
}

/** A line as it is typed. */
export class HiddenLine {
  readonly #octets = new Uint8Array(LONGEST);
  #length = 0;

  /** Takes what was typed. */
  take(typed: Uint8Array): 'more' | 'done' | 'interrupted' {
    for (const octet of typed) {
      switch (octet) {
        case KEY.RETURN:
        case KEY.LINE_FEED:
          return 'done';
        case KEY.INTERRUPT:
          return 'interrupted';
        case KEY.END:
          return this.#length === 0 ? 'interrupted' : 'done';
        case KEY.BACKSPACE:
        case KEY.DELETE:
          this.#dropCharacter();
          break;
        case KEY.KILL_LINE:
          this.wipe();
          break;
        case KEY.ESCAPE:
          return 'more'; // an arrow or another key with a name: the rest of it is no text either
        default:
          if (octet >= 0x20 && this.#length < LONGEST) this.#octets[this.#length++] = octet;
      }
    }
    return 'more';
  }

  /** What was typed, as UTF-16LE. @throws UsageError when it is no UTF-8 */
  secret(): Secret {
    const typed = Buffer.from(this.#octets.buffer, 0, this.#length);
    const converted = transcode(typed, 'utf8', 'utf16le');
    const octets = Uint8Array.from(converted);
    converted.fill(0);
    return new Secret(octets);
  }

  wipe(): void {
    this.#octets.fill(0);
    this.#length = 0;
  }

  /** One character of UTF-8: its continuation octets, and the one that they continue. */
  #dropCharacter(): void {
    while (this.#length > 0) {
      const octet = this.#octets[--this.#length] ?? 0;
      this.#octets[this.#length] = 0;
      if ((octet & 0xc0) !== 0x80) return;
    }
  }
}
