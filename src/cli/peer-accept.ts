/**
 * `sspi peer accept`: a server of the sample protocol.
 * @module
 */
import { createServer, type Server, type Socket } from 'node:net';
import { Command, Option } from 'commander';
import { memoryReplayCache } from '../acceptor/index.ts';
import { type AcceptorIdentity, ASC_REQ, type AuthData, type KerberosAcceptorSettings } from '../sspi/index.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';
import { EXIT } from './exit-codes.ts';
import { readAccounts, readCertificate, readOctets } from './files.ts';
import { FrameSocket } from './frames.ts';
import { listen } from './listen.ts';
import {
  bindingsOption,
  enabledProtocols,
  keytabOption,
  numberBetween,
  type PeerOptions,
  portOption,
  protocolOption,
  tlsOptions,
  versionOptions,
} from './peer-options.ts';
import { accept, answer, describeFailure } from './sample-protocol.ts';
import { type Terminal, UsageError } from './terminal.ts';

interface AcceptPeerOptions extends PeerOptions {
  readonly accounts?: string;
  readonly keytab?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly count?: number;
}

/** The command, whose action gives its exit code to `exit`. */
export function peerAcceptCommand(terminal: Terminal, exit: (code: number) => void): Command {
  const command = new Command('accept')
    .description('accept contexts, and print one JSON line for each; shows session keys and passwords')
    .addOption(protocolOption())
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .addOption(portOption('port to listen on; 0 takes a free one and prints it'))
    .option('--accounts <file>', 'accounts, one DOMAIN:user:password per line; needed for all but kerberos')
    .addOption(keytabOption('keys of the service for Kerberos; needed for kerberos'))
    .option('--cert <file>', 'CredSSP: certificate in PEM, its chain behind it (default: self-signed)')
    .option('--key <file>', 'CredSSP: private key in PEM')
    .addOption(new Option('--count <number>', 'end after so many contexts').argParser(numberBetween(1, 1_000_000)));
  for (const option of [...tlsOptions(), ...versionOptions(), bindingsOption()]) command.addOption(option);
  return command.action(async (options: AcceptPeerOptions) => exit(await peerAccept(options, terminal)));
}

async function peerAccept(options: AcceptPeerOptions, terminal: Terminal): Promise<number> {
  const end = await endpointOptions(options);
  await (await Endpoint.open(end)).close(); // a certificate or option that cannot be used shows now
  const server = createServer();
  const port = await listen(server, options);
  if (options.port === 0) terminal.out(JSON.stringify({ listening: port, protocol: options.protocol }));
  terminal.note(`sspi peer: listening on ${options.host} port ${port}`);
  return serve(server, end, terminal, options.count);
}

/** Serves until `count` contexts are done, or for ever. @returns the exit code */
function serve(
  server: Server,
  end: EndpointOptions,
  terminal: Terminal,
  count = Number.POSITIVE_INFINITY,
): Promise<number> {
  let started = 0;
  let finished = 0;
  let failed = false;
  return new Promise((resolve) => {
    server.on('connection', (socket) => {
      if (++started >= count) server.close();
      if (started > count) return socket.destroy();
      return void serveOne(socket, end, terminal).then((ok) => {
        failed ||= !ok;
        if (++finished >= count) resolve(failed ? EXIT.FAILED : EXIT.OK);
      });
    });
  });
}

/** @returns whether a context was established, whatever became of the connection afterwards */
async function serveOne(socket: Socket, options: EndpointOptions, terminal: Terminal): Promise<boolean> {
  const frames = new FrameSocket(socket);
  let end: Endpoint | undefined;
  let established = false;
  try {
    end = await Endpoint.open(options);
    const verdict = await accept(frames, end);
    terminal.out(JSON.stringify(verdict));
    established = verdict.ok;
    if (established) await answer(frames, end);
  } catch (error) {
    terminal.note(`sspi peer: ${describeFailure(error).error}`);
  } finally {
    frames.end();
    await end?.close();
  }
  return established;
}

async function endpointOptions(options: AcceptPeerOptions): Promise<EndpointOptions> {
  const { protocol, channelBindings } = options;
  const contextReq =
    ASC_REQ.REPLAY_DETECT |
    ASC_REQ.SEQUENCE_DETECT |
    ASC_REQ.CONFIDENTIALITY |
    ASC_REQ.INTEGRITY |
    ASC_REQ.EXTENDED_ERROR;
  const authData = await acceptorAuthData(options);
  return { protocol, role: 'acceptor', authData, contextReq, channelBindings };
}

async function acceptorAuthData(options: AcceptPeerOptions): Promise<AuthData> {
  const { protocol } = options;
  const channelBindingPolicy = options.channelBindings === undefined ? undefined : 'required';
  const kerberosService = await kerberosServiceOf(options, channelBindingPolicy);
  if (protocol === 'kerberos') {
    if (kerberosService === undefined)
      throw new UsageError('--protocol kerberos needs --keytab', 'give the keys of the service');
    return { kind: 'kerberos-acceptor', ...kerberosService };
  }
  if (options.accounts === undefined)
    throw new UsageError(`--protocol ${protocol} needs --accounts`, 'give a file with accounts');
  const accounts = await readAccounts(options.accounts);
  const identity: AcceptorIdentity = { kind: 'acceptor', accounts, channelBindingPolicy, kerberosService };
  return protocol === 'credssp' ? credsspAuthData(options, identity) : identity;
}

/** One replay cache for all contexts of the process: what it forgets between them could be repeated. */
const replayCache = memoryReplayCache();

async function kerberosServiceOf(
  { keytab }: AcceptPeerOptions,
  channelBindingPolicy: AcceptorIdentity['channelBindingPolicy'],
): Promise<KerberosAcceptorSettings | undefined> {
  if (keytab === undefined) return undefined;
  return { keytab: await readOctets(keytab, '--keytab'), replayCache, channelBindingPolicy };
}

async function credsspAuthData(options: AcceptPeerOptions, spnegoCred: AcceptorIdentity): Promise<AuthData> {
  const { minVersion, maxVersion } = options;
  return {
    kind: 'credssp',
    schannelCred: {
      kind: 'schannel',
      certificates: [await readCertificate(options)],
      enabledProtocols: enabledProtocols('acceptor', options),
    },
    spnegoCred,
    options: { minVersion, maxVersion },
  };
}
