/** A server of ours that real RDP clients log on to. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { selfSigned } from '../../src/lab/self-signed.ts';
import { type AcceptNlaOptions, acceptNla } from '../../src/rdp/index.ts';
import type { CertificateWithKey, ClientIdentity } from '../../src/sspi/index.ts';
import { mcsTag } from './mcs.ts';
import { ALICE, CAROL } from './peers.ts';

/** What became of a logon, as far as tests look at it. */
export interface LoggedOn {
  readonly identity: ClientIdentity;
  readonly password: string | undefined;
  readonly domain: string | undefined;
  readonly user: string | undefined;
  readonly version: number;
  readonly selectedProtocol: number;
  readonly tls: string | null;
  readonly cookie: string | undefined;
  /** The tag of the MCS PDU that the client sent next. */
  readonly next: string;
}

const certificates = new Map<string, CertificateWithKey>();

/** Certificates are made once: RSA keys take their time. */
export function certificateOf(key: 'rsa' | 'ec'): CertificateWithKey {
  const known =
    certificates.get(key) ?? selfSigned({ key, dnsNames: ['localhost'], addresses: ['127.0.0.1'], now: Date.now() });
  certificates.set(key, known);
  return known;
}

/** Accepts one client, that `client` runs, and tells what became of it on both sides. */
export async function acceptOne<T>(
  client: (port: number) => Promise<T>,
  options: Partial<AcceptNlaOptions> = {},
): Promise<{ client: T; server: PromiseSettledResult<LoggedOn> }> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo; // a TCP server that listens has one
  const accepted = new Promise<LoggedOn>((resolve, reject) => {
    listener.once('connection', (stream) => void serve(stream, options).then(resolve, reject));
  });
  const [server, ran] = await Promise.allSettled([accepted, client(port)]);
  listener.close();
  if (ran.status === 'rejected') throw ran.reason;
  return { client: ran.value, server };
}

async function serve(stream: Socket, options: Partial<AcceptNlaOptions>): Promise<LoggedOn> {
  const accounts = memoryAccounts([ALICE, CAROL]);
  const identity = { kind: 'acceptor', accounts } as const;
  using session = await acceptNla({ stream, certificate: certificateOf('rsa'), identity, ...options });
  const { credentials } = session;
  const { version, selectedProtocol, request } = session.session;
  const known = credentials.kind === 'password' ? credentials : undefined;
  const [next]: unknown[] = await Promise.race([once(session.stream, 'data'), once(session.stream, 'end')]);
  session.stream.end();
  return {
    identity: session.identity,
    password: known === undefined ? undefined : new TextDecoder('utf-16le').decode(known.password.reveal()),
    domain: known?.domain,
    user: known?.user,
    version,
    selectedProtocol,
    tls: session.stream.getProtocol(),
    cookie: request.cookie,
    next: next instanceof Uint8Array ? mcsTag(next) : '',
  };
}
