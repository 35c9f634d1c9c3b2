/** `sspi serve rdp` in this process, open until it is interrupted. */
import { run } from '../../src/cli/program.ts';
import { Interrupted } from '../../src/cli/terminal.ts';

/** A door that is open. */
export interface ServingDoor {
  readonly port: number;
  /** Everything that it has said. */
  readonly lines: readonly string[];
  /** The line of that number, once it is there. */
  line(number: number): Promise<string>;
  /** The exit code. */
  readonly done: Promise<number>;
  interrupt(exitCode?: number): void;
}

/** Opens one on a free port. */
export async function serving(...args: readonly string[]): Promise<ServingDoor> {
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  let interrupt: ((reason: Interrupted) => void) | undefined;
  const terminal = {
    out: (line: string) => {
      lines.push(line);
      for (const wake of waiting.splice(0)) wake();
    },
    note: (line: string) => terminal.out(line),
    colours: false,
    onInterrupt: (handler: (reason: Interrupted) => void) => {
      interrupt = handler;
      return () => undefined;
    },
  };
  const done = run(['serve', 'rdp', '--port', '0', ...args], terminal);
  const line = async (number: number): Promise<string> => {
    for (;;) {
      const found = lines[number];
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  const port = Number(/port"?:? ?(\d+)/u.exec(await line(0))?.[1]);
  return { port, lines, line, done, interrupt: (code?: number) => interrupt?.(new Interrupted(code)) };
}
