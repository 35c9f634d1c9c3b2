/**
 * A process that lets one RDP client log on and ends. Started with `--tls-keylog FILE`, Node.js writes down the secrets of its TLS.
 * Arguments: files with certificate and private key. It says its port on a line of its own.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { acceptNla } from '../../src/rdp/index.ts';
import { ALICE } from './peers.ts';

const [certificate = '', privateKey = ''] = process.argv.slice(2).map((path) => readFileSync(path, 'utf8'));
const listener = createServer().listen(0, '127.0.0.1');
const connection = once(listener, 'connection');
await once(listener, 'listening');
process.stdout.write(`${(listener.address() as AddressInfo).port}\n`); // a TCP server that listens has one
const [stream] = (await connection) as [Socket];
const identity = { kind: 'acceptor', accounts: memoryAccounts([ALICE]) } as const;
const session = await acceptNla({ stream, certificate: { certificate, privateKey }, identity });
await Promise.race([once(session.stream, 'data'), once(session.stream, 'end')]);
session.stream.end();
listener.close();
