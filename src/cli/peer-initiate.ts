/**
 * `sspi peer initiate`: a client of the sample protocol.
 * @module
 */
import { connect } from 'node:net';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type AuthData,
  type AuthIdentity,
  ISC_REQ,
  type KerberosSettings,
  SCH_CRED,
  SECPKG_ATTR,
  SspiError,
} from '../sspi/index.ts';
import { Endpoint, type EndpointOptions } from './endpoint.ts';
import { EXIT } from './exit-codes.ts';
import { readPassword, readText } from './files.ts';
import { FrameSocket } from './frames.ts';
import {
  bindingsOption,
  enabledProtocols,
  type PeerOptions,
  portOption,
  protocolOption,
  tlsOptions,
  versionOptions,
} from './peer-options.ts';
import { ask, describeFailure, initiate, quit } from './sample-protocol.ts';
import type { Terminal } from './terminal.ts';

interface InitiatePeerOptions extends PeerOptions {
  readonly user: string;
  readonly domain: string;
  readonly passwordFile: string;
  readonly target?: string;
  readonly delegate?: boolean;
  readonly data?: string;
  readonly kinds: readonly string[];
  readonly ca?: string;
  readonly kdc?: readonly string[];
  readonly krb5Conf?: string;
  readonly mechanism: 'negotiate' | 'ntlm';
}

/** The command, whose action gives its exit code to `exit`. */
export function peerInitiateCommand(terminal: Terminal, exit: (code: number) => void): Command {
  const command = new Command('initiate')
    .description('initiate a context, and print one JSON line about it; shows the session key')
    .addOption(protocolOption())
    .option('--host <name>', 'server', '127.0.0.1')
    .addOption(portOption('port of the server'))
    .requiredOption('--user <name>', 'user name')
    .option('--domain <name>', 'domain of the user', '')
    .requiredOption('--password-file <file>', 'file with the password')
    .option('--target <spn>', 'service principal name (default: TERMSRV/<host>)')
    .option('--kdc <address...>', 'Kerberos: KDCs of the realm, host:port or the https address of a KDC proxy')
    .option('--krb5-conf <file>', 'Kerberos: configuration that names realms and KDCs')
    .option('--delegate', 'CredSSP: delegate the password; Kerberos: the ticket-granting ticket')
    .option('--data <text>', 'message to send once the context is established')
    .addOption(kindsOption())
    .option('--ca <file>', 'CredSSP: trusted certificates in PEM; the server has to have one of them')
    .addOption(
      new Option('--mechanism <name>', 'CredSSP: what is inside').choices(['negotiate', 'ntlm']).default('negotiate'),
    );
  for (const option of [...tlsOptions(), ...versionOptions(), bindingsOption()]) command.addOption(option);
  return command.action(async (options: InitiatePeerOptions) => exit(await peerInitiate(options, terminal)));
}

function kindsOption(): Option {
  return new Option('--kinds <list>', 'kinds of data frames: W wrapped, S signed, M header and sealed')
    .default(['W'], 'W')
    .argParser((text: string) => {
      const kinds = text.split(',');
      if (!kinds.every((kind) => ['W', 'S', 'M'].includes(kind)))
        throw new InvalidArgumentError('A list of W, S and M.');
      return kinds;
    });
}

async function peerInitiate(options: InitiatePeerOptions, terminal: Terminal): Promise<number> {
  const end = await Endpoint.open(await endpointOptions(options));
  const socket = connect({ host: options.host, port: options.port });
  const frames = new FrameSocket(socket);
  try {
    const { verdict: server, version } = await initiate(frames, end);
    if (!server.ok) throw new SspiError('PEER_REFUSED', { stage: 'JSON frame', detail: server.error });
    const data = options.data === undefined ? undefined : await ask(frames, end, options.kinds, options.data);
    quit(frames);
    const ok = data?.every((text) => text === `echo:${options.data}`) ?? true;
    terminal.out(JSON.stringify({ ok, ...(await describe(end, version)), server, data }));
    return ok ? EXIT.OK : EXIT.FAILED;
  } catch (error) {
    terminal.out(JSON.stringify({ ok: false, protocol: options.protocol, ...describeFailure(error) }));
    return EXIT.FAILED;
  } finally {
    frames.end();
    await end.close();
  }
}

async function describe(end: Endpoint, version: number | undefined): Promise<Record<string, unknown>> {
  const names = await end.attribute(SECPKG_ATTR.NAMES);
  const key = await end.attribute(SECPKG_ATTR.SESSION_KEY);
  const chosen = await end.attribute(SECPKG_ATTR.NEGOTIATION_PACKAGE);
  return {
    protocol: end.options.protocol,
    principal: names?.userName,
    mechanism: chosen?.name ?? end.options.protocol.toUpperCase(),
    sessionKey: key === undefined ? undefined : Buffer.from(key.sessionKey.reveal()).toString('hex'),
    version,
  };
}

async function endpointOptions(options: InitiatePeerOptions): Promise<EndpointOptions> {
  const { protocol, user, domain, host, target = `TERMSRV/${host}`, delegate, channelBindings } = options;
  const password = await readPassword(options.passwordFile);
  const identity: AuthIdentity = { kind: 'identity', user, domain, password, kerberos: await kerberosOf(options) };
  const protectedFlags =
    ISC_REQ.REPLAY_DETECT |
    ISC_REQ.SEQUENCE_DETECT |
    ISC_REQ.CONFIDENTIALITY |
    ISC_REQ.INTEGRITY |
    ISC_REQ.EXTENDED_ERROR;
  const role = 'initiator';
  const common = { protocol, role, targetName: target, channelBindings } as const;
  if (protocol !== 'credssp') {
    const mutual = protocol === 'ntlm' ? 0 : ISC_REQ.MUTUAL_AUTH;
    return { ...common, authData: identity, contextReq: protectedFlags | mutual | delegation(delegate) };
  }

  const rootStore = options.ca === undefined ? undefined : [await readText(options.ca, '--ca')];
  // Whoever names a CA wants the server to be authenticated by it; nobody else expects a certificate to mean anything.
  const required = rootStore === undefined ? ISC_REQ.MANUAL_CRED_VALIDATION : ISC_REQ.MUTUAL_AUTH;
  const contextReq = protectedFlags | required | delegation(delegate);
  return { ...common, authData: credsspAuthData(options, identity, rootStore), contextReq };
}

const delegation = (wanted: boolean | undefined): number => (wanted === true ? ISC_REQ.DELEGATE : 0);

/** Without a KDC to ask, Kerberos is not attempted. A configuration knows which realm a domain stands for; an address does not. */
async function kerberosOf({ kdc, krb5Conf, domain }: InitiatePeerOptions): Promise<KerberosSettings | undefined> {
  if (kdc === undefined && krb5Conf === undefined) return undefined;
  const configuration = krb5Conf === undefined ? undefined : await readText(krb5Conf, '--krb5-conf');
  const realm = configuration === undefined && domain !== '' ? domain.toUpperCase() : undefined;
  return { kdc, configuration, realm };
}

function credsspAuthData(
  options: InitiatePeerOptions,
  spnegoCred: AuthIdentity,
  rootStore: string[] | undefined,
): AuthData {
  const { minVersion, maxVersion, mechanism } = options;
  const flags = rootStore === undefined ? SCH_CRED.MANUAL_CRED_VALIDATION : SCH_CRED.AUTO_CRED_VALIDATION;
  return {
    kind: 'credssp',
    schannelCred: { kind: 'schannel', rootStore, flags, enabledProtocols: enabledProtocols('initiator', options) },
    spnegoCred,
    options: { minVersion, maxVersion, mechanism },
  };
}
