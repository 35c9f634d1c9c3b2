/**
 * `sspi serve rdp`: a door with Network Level Authentication that says who came, and why somebody was not let in. For testing clients:
 * whoever logs on finds nothing behind it.
 * @module
 */
import { createServer, type Socket } from 'node:net';
import { Command, Option } from 'commander';
import { memoryReplayCache } from '../acceptor/index.ts';
import { nodeHost } from '../host/node.ts';
import { type AcceptNlaOptions, acceptNla, HalfOpen, type NlaAccounts } from '../rdp/index.ts';
import { EXIT } from './exit-codes.ts';
import { readAccounts, readCertificate, readOctets } from './files.ts';
import { listen } from './listen.ts';
import { type LogonLine, LogonLog, logonText } from './logon-log.ts';
import { numberBetween, tlsOptions, versionOptions } from './peer-options.ts';
import { interruptible, jsonText, type Terminal, UsageError } from './terminal.ts';

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly accounts?: string;
  readonly keytab?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly minVersion?: number;
  readonly maxVersion?: number;
  readonly tlsMin: '1.2' | '1.3';
  readonly tlsMax: '1.2' | '1.3';
  readonly restrictedAdmin?: boolean;
  readonly timeout: number;
  readonly limit: number;
  readonly count?: number;
  readonly json?: boolean;
}

const HELP = `
One line for each logon: who, by which mechanism, from what kind of client, what
was delegated (its kind, never the thing itself), and the reason of a refusal.
The first line says where it listens. Ctrl-C ends it.

Accounts are lines DOMAIN:user:password; the domain may be empty.

Exit codes: 0 ended by Ctrl-C, SIGTERM or --count; 2 the command line, a file
named on it or the port cannot be used.

Examples:
  sspi serve rdp --accounts accounts.txt
  sspi serve rdp --accounts accounts.txt --host 0.0.0.0 --port 3389 --json
  sspi serve rdp --keytab termsrv.keytab --cert server.pem --key server.key
  xfreerdp /v:127.0.0.1:13389 /u:alice /d:EXAMPLE /cert:ignore +auth-only`;

/** The command, whose action gives its exit code to `exit`. */
export function serveRdpCommand(terminal: Terminal, exit: (code: number) => void): Command {
  const command = new Command('rdp')
    .description('log clients on by Network Level Authentication, and say who came')
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(
      new Option('--port <number>', 'port; 0 takes a free one').argParser(numberBetween(0, 65_535)).default(13_389),
    )
    .option('--accounts <file>', 'accounts for NTLM, one DOMAIN:user:password per line')
    .option('--keytab <file>', 'keys of the service for Kerberos')
    .option('--cert <file>', 'certificate in PEM, its chain behind it (default: self-signed)')
    .option('--key <file>', 'private key in PEM');
  for (const option of [...tlsOptions(), ...versionOptions()]) command.addOption(option);
  return command
    .option('--restricted-admin', 'let clients in that hand no credentials over')
    .addOption(new Option('--timeout <seconds>', 'time for a logon').argParser(numberBetween(1, 600)).default(30))
    .addOption(
      new Option('--limit <number>', 'logons at the same time; who comes then is turned away')
        .argParser(numberBetween(1, 10_000))
        .default(64),
    )
    .addOption(new Option('--count <number>', 'end after so many logons').argParser(numberBetween(1, 1_000_000)))
    .option('--json', 'one JSON object per line')
    .addHelpText('after', HELP)
    .action(async (options: ServeOptions) => exit(await serveRdp(options, terminal)));
}

async function serveRdp(options: ServeOptions, terminal: Terminal): Promise<number> {
  const settings = await settingsOf(options);
  return await interruptible(terminal, async (signal) => {
    const say = (line: LogonLine): void => terminal.out(options.json === true ? jsonText(line) : logonText(line));
    const door = new Door(settings, options, say);
    const port = await door.open();
    const { host } = options;
    terminal.out(options.json === true ? jsonText({ listening: { host, port } }) : `listening on ${host} port ${port}`);
    await door.over(signal);
    return EXIT.OK;
  });
}

type Settings = Omit<AcceptNlaOptions, 'stream' | 'observe'>;

/** Clients, one by one and beside each other. */
class Door {
  readonly #settings: Settings;
  readonly #options: ServeOptions;
  readonly #say: (line: LogonLine) => void;
  readonly #server = createServer((socket) => void this.#receive(socket));
  readonly #sockets = new Set<Socket>();
  readonly #closing = new AbortController();
  readonly #working = new Set<Promise<void>>();
  #finished = 0;
  #done: () => void = () => undefined;

  constructor(settings: Settings, options: ServeOptions, say: (line: LogonLine) => void) {
    this.#settings = settings;
    this.#options = options;
    this.#say = say;
  }

  /** @returns the port. @throws UsageError */
  async open(): Promise<number> {
    return await listen(this.#server, this.#options);
  }

  /** Waits until enough have come, or somebody wants it to end; then for nobody any more. */
  async over(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#done = resolve;
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#closing.abort();
    this.#server.close();
    await Promise.all(this.#working);
    for (const socket of this.#sockets) socket.destroy();
  }

  async #receive(socket: Socket): Promise<void> {
    socket.on('error', () => undefined);
    if (this.#closing.signal.aborted) {
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    const work = this.#logOn(socket);
    this.#working.add(work);
    await work;
    this.#working.delete(work);
    if (++this.#finished >= (this.#options.count ?? Number.POSITIVE_INFINITY)) this.#done();
  }

  async #logOn(socket: Socket): Promise<void> {
    const log = new LogonLog(`${socket.remoteAddress ?? '?'}:${socket.remotePort ?? 0}`);
    try {
      using client = await acceptNla({
        ...this.#settings,
        stream: socket,
        signal: this.#closing.signal,
        observe: log.observe,
      });
      this.#say(await log.accepted(client));
      client.stream.on('error', () => undefined).resume();
      client.stream.end(); // there is nothing behind this door
    } catch (error) {
      if (error !== this.#closing.signal.reason) this.#say(await log.refused(error));
    }
  }
}

async function settingsOf(options: ServeOptions): Promise<Settings> {
  const { minVersion, maxVersion, tlsMin, tlsMax, timeout, restrictedAdmin, limit } = options;
  if (tlsMin > tlsMax) throw new UsageError('--tls-min is above --tls-max', 'leave one of them out');
  return {
    certificate: await readCertificate(options),
    identity: await accountsOf(options),
    credssp: { minVersion, maxVersion },
    tls: { minVersion: `TLSv${tlsMin}`, maxVersion: `TLSv${tlsMax}` },
    restrictedAdmin,
    halfOpen: new HalfOpen({ total: limit, perSource: limit }),
    deadline: timeout * 1000,
    platform: nodeHost,
  };
}

async function accountsOf({ accounts, keytab }: ServeOptions): Promise<NlaAccounts> {
  const kerberos =
    keytab === undefined
      ? undefined
      : { keytab: await readOctets(keytab, '--keytab'), replayCache: memoryReplayCache() };
  if (accounts !== undefined)
    return { kind: 'acceptor', accounts: await readAccounts(accounts), kerberosService: kerberos };
  if (kerberos === undefined) throw new UsageError('nobody could log on', 'give --accounts, --keytab or both');
  return { kind: 'kerberos-acceptor', ...kerberos };
}
