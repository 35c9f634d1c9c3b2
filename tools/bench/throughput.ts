/**
 * How many octets a second: NTLM's sealing, and a CredSSP stream beside bare TLS.
 * @module
 */
import { once } from 'node:events';
import type { TLSSocket } from 'node:tls';
import { type CtxtHandle, createSspi, type Sspi } from '../../src/api/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import { systemHost } from '../../src/host/index.ts';
import { NEGOTIATE, NtlmMessageSecurity } from '../../src/ntlm/index.ts';
import {
  ASC_REQ,
  contentOf,
  ISC_REQ,
  SEC_E,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  type SecBuffer,
  secBuffer,
  statusName,
} from '../../src/sspi/index.ts';
import { credsspAuthData, tlsCredentials } from '../lab/actors.ts';
import { BareTls } from './bare-tls.ts';
import type { Figure } from './figure.ts';
import { rates } from './rounds.ts';

const RECORD = 16_384;
const MEGABYTE = 1_000_000;
const RECORDS = 1500;

/** NTLM: 16 KiB sealed in place, signature and all. */
export async function ntlmSeal(): Promise<Figure> {
  const flags =
    (NEGOTIATE.SIGN | NEGOTIATE.SEAL | NEGOTIATE.EXTENDED_SESSIONSECURITY | NEGOTIATE.KEY_128 | NEGOTIATE.KEY_EXCH) >>>
    0;
  const security = new NtlmMessageSecurity({
    flags,
    exportedSessionKey: new Uint8Array(16).fill(0x55),
    side: 'client',
  });
  const data = new Uint8Array(RECORD);
  const seal = (): number => {
    for (let i = 0; i < RECORDS; i++) security.seal(data);
    return (RECORDS * RECORD) / MEGABYTE;
  };
  const found = await rates(9, { seal });
  return { name: 'NTLM seal, 16 KiB', value: found.seal, unit: 'MB/s', bar: 225, better: 'more', detail: {} };
}

/** EncryptMessage and DecryptMessage on a CredSSP context, both ends, against the same octets through loopback TLS. */
export async function stream(): Promise<Figure> {
  const tls = tlsCredentials('ec');
  const [certificate] = tls.server.certificates ?? [];
  if (certificate === undefined) throw new Error('the server has no certificate');
  const [near, far] = await new BareTls(certificate).loopback();
  const { sspi, client, server } = await establishedContexts();
  const { value: sizes } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.STREAM_SIZES });
  if (sizes === null) throw new Error('no stream sizes');

  const header = secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(sizes.header));
  const data = secBuffer(SECBUFFER.DATA, new Uint8Array(RECORD));
  const trailer = secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(sizes.trailer));
  const wire = new Uint8Array(sizes.header + RECORD + sizes.trailer);
  const messages = async (): Promise<number> => {
    for (let i = 0; i < RECORDS; i++) {
      const sealed = [header, data, trailer, secBuffer(SECBUFFER.EMPTY)];
      expectOk('EncryptMessage', await sspi.encryptMessage({ context: client, message: { buffers: sealed } }));
      const length = gather(wire, [header, data, trailer]);
      const opened = [
        secBuffer(SECBUFFER.DATA, wire.subarray(0, length)),
        ...[1, 2, 3].map(() => secBuffer(SECBUFFER.EMPTY)),
      ];
      expectOk('DecryptMessage', await sspi.decryptMessage({ context: server, message: { buffers: opened } }));
    }
    return (RECORDS * RECORD) / MEGABYTE;
  };
  const found = await rates(7, { messages, loopback: () => pump(near, far) });
  near.destroy();
  far.destroy();
  return {
    name: 'EncryptMessage + DecryptMessage, 16 KiB, against node:tls over loopback',
    value: found.messages / found.loopback,
    unit: 'of it',
    bar: 0.9,
    better: 'more',
    detail: { 'CredSSP MB/s': found.messages, 'node:tls loopback MB/s': found.loopback },
  };
}

/** What a caller does with the three buffers: send them one after the other. */
function gather(wire: Uint8Array, parts: readonly SecBuffer[]): number {
  let at = 0;
  for (const part of parts) {
    wire.set(contentOf(part), at);
    at += part.count;
  }
  return at;
}

/** Writes from one end of a connection and waits until the other has read it all. */
async function pump(near: TLSSocket, far: TLSSocket): Promise<number> {
  const total = RECORDS * RECORD;
  const record = new Uint8Array(RECORD);
  let read = 0;
  const arrived = new Promise<void>((resolve) => {
    const count = (chunk: Uint8Array): void => {
      read += chunk.length;
      if (read < total) return;
      far.off('data', count);
      resolve();
    };
    far.on('data', count);
  });
  for (let i = 0; i < RECORDS; i++) if (!near.write(record)) await once(near, 'drain');
  await arrived;
  return total / MEGABYTE;
}

/** Two contexts through the door, as an application has them. */
async function establishedContexts(): Promise<{ sspi: Sspi; client: CtxtHandle; server: CtxtHandle }> {
  const sspi = createSspi({ packages: [credsspPackage], host: systemHost });
  const authData = credsspAuthData(tlsCredentials('ec'));
  const acquire = async (credentialUse: number, data: typeof authData.client) =>
    (await sspi.acquireCredentialsHandle({ package: 'CREDSSP', credentialUse, authData: data })).credential;
  const outbound = await acquire(SECPKG_CRED.OUTBOUND, authData.client);
  const inbound = await acquire(SECPKG_CRED.INBOUND, authData.server);

  let client: CtxtHandle | null = null;
  let server: CtxtHandle | null = null;
  let token: Uint8Array = new Uint8Array(0);
  for (let leg = 0; leg < 12; leg++) {
    const sent = secBuffer(SECBUFFER.TOKEN);
    const initiated = await sspi.initializeSecurityContext({
      credential: outbound,
      context: client,
      targetName: 'TERMSRV/server.example.com',
      contextReq: ISC_REQ.ALLOCATE_MEMORY | ISC_REQ.DELEGATE,
      input: client === null ? null : { buffers: [secBuffer(SECBUFFER.TOKEN, token), secBuffer(SECBUFFER.EMPTY)] },
      output: { buffers: [sent] },
    });
    client = initiated.context;
    const answer = secBuffer(SECBUFFER.TOKEN);
    const accepted = await sspi.acceptSecurityContext({
      credential: inbound,
      context: server,
      contextReq: ASC_REQ.ALLOCATE_MEMORY,
      input: { buffers: [secBuffer(SECBUFFER.TOKEN, contentOf(sent)), secBuffer(SECBUFFER.EMPTY)] },
      output: { buffers: [answer] },
    });
    server = accepted.context;
    token = contentOf(answer);
    const established = initiated.status === SEC_E.OK && accepted.status === SEC_E.OK;
    if (established && client !== null && server !== null) return { sspi, client, server };
  }
  throw new Error('the contexts did not come about');
}

function expectOk(call: string, { status }: { readonly status: number }): void {
  if (status !== SEC_E.OK) throw new Error(`${call}: ${statusName(status)}`);
}
