/** KDC proxies: contract F25, [MS-KKDCP]. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { fromHex } from '../../../src/crypto/index.ts';
import type { KdcAddress, KdcExchange, KdcTransport } from '../../../src/host/index.ts';
import { type Fetch, proxyTransport } from '../../../src/kerberos/kdc/index.ts';
import { selfSigned } from '../../../src/lab/index.ts';
import { refusalOf } from './scripted-kdc.ts';

const URL = 'https://proxy.example.com/KdcProxy';

function request(kdc: KdcAddress = { protocol: 'https', url: URL }, maxReply = 1000): KdcExchange {
  return { realm: 'R', message: Uint8Array.of(0x6a, 0x01, 0x02), kdc, maxReply, signal: new AbortController().signal };
}

/** A proxy that answers so, and what it was asked. */
function proxy(response: () => Response) {
  const asked: { url: string; init: RequestInit }[] = [];
  const fetch: Fetch = (url, init) => {
    asked.push({ url, init });
    return Promise.resolve(response());
  };
  return { asked, transport: proxyTransport({ fetch }) };
}

/** SEQUENCE { [0] OCTET STRING { 00 00 00 02, 6B 2A } }, by hand. */
const ANSWER = fromHex('300aa0080406000000026b2a');

describe('F25: KDC proxy', () => {
  test('F25: the message goes behind its length, with the realm', async () => {
    const { asked, transport } = proxy(() => new Response(ANSWER));
    expect(await transport.exchange(request())).toEqual(fromHex('6b2a'));
    const [{ url, init } = { url: '', init: {} }] = asked;
    expect(url).toBe(URL);
    expect(init.method).toBe('POST');
    expect(init.headers).toEqual({ 'Content-Type': 'application/kerberos' });
    // SEQUENCE { [0] OCTET STRING { 00 00 00 03, 6A 01 02 }, [1] GeneralString "R" }, by hand
    expect(init.body).toEqual(fromHex('3010a0090407000000036a0102a1031b0152'));
    expect(init.redirect).toBe('error');
  });

  test('F25: 403 is AUTHENTICATION_FIREWALL_FAILED', async () => {
    const { transport } = proxy(() => new Response('no', { status: 403 }));
    const error = await refusalOf(() => transport.exchange(request()));
    expect([error.code, error.ntStatus, error.statusName]).toEqual([
      'KDC_PROXY_REFUSED',
      0xc0000413,
      'SEC_E_LOGON_DENIED',
    ]);
  });

  test.each([204, 302, 400, 404, 500, 503])('F25: %i is NO_LOGON_SERVERS', async (status) => {
    const { transport } = proxy(() => new Response(null, { status }));
    const error = await refusalOf(() => transport.exchange(request()));
    expect([error.code, error.ntStatus, error.statusName]).toEqual([
      'KDC_UNREACHABLE',
      0xc000005e,
      'SEC_E_NO_AUTHENTICATING_AUTHORITY',
    ]);
  });

  test('Z41: a body without end is cut off', async () => {
    let sent = 0;
    let cancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 500;
        controller.enqueue(new Uint8Array(500));
      },
      cancel() {
        cancelled = true;
      },
    });
    const { transport } = proxy(() => new Response(endless));
    expect((await refusalOf(() => transport.exchange(request()))).code).toBe('TOKEN_TOO_LARGE');
    expect(sent).toBeLessThan(5_000);
    expect(cancelled).toBe(true);
  });

  test.each([
    ['nothing', ''],
    ['no DER', 'ff'],
    ['a length that does not fit', '300aa0080406000000036b2a'],
    ['less than a length', '3005a003040100'],
    ['octets behind it', '300aa0080406000000026b2a00'],
  ])('%s is no answer', async (_, hex) => {
    const { transport } = proxy(() => new Response(Uint8Array.from(fromHex(hex))));
    await expect(transport.exchange(request())).rejects.toThrow();
  });

  test.each(['http://proxy.example.com/KdcProxy', 'file:///etc/passwd', 'nonsense'])(
    'Z41: https only, not %s',
    async (url) => {
      const { asked, transport } = proxy(() => new Response(ANSWER));
      await expect(transport.exchange(request({ protocol: 'https', url }))).rejects.toThrow('https://');
      expect(asked).toEqual([]);
    },
  );

  test('plain HTTP where it was asked for', async () => {
    const fetch: Fetch = () => Promise.resolve(new Response(ANSWER));
    const transport = proxyTransport({ fetch, allowPlainHttp: true });
    expect(await transport.exchange(request({ protocol: 'https', url: 'http://localhost/KdcProxy' }))).toEqual(
      fromHex('6b2a'),
    );
  });

  test('what is not for a proxy goes over sockets, where there are any', async () => {
    const sockets: KdcTransport = { exchange: () => Promise.resolve(Uint8Array.of(1)) };
    const address: KdcAddress = { protocol: 'tcp', host: 'a', port: 88 };
    expect(await proxyTransport({ sockets }).exchange(request(address))).toEqual(Uint8Array.of(1));
    await expect(proxyTransport().exchange(request(address))).rejects.toThrow('no sockets');
  });
});

describe('Z41: the certificate of a proxy, as the platform checks it', () => {
  /** A proxy on this machine, with a certificate of its own for these. */
  async function listening(addresses: readonly string[]) {
    const { certificate, privateKey } = selfSigned({
      key: 'ec',
      dnsNames: ['proxy.example.com'],
      addresses,
      now: Date.now(), // the platform knows no other clock
    });
    const asked: (string | undefined)[] = [];
    const server = createServer({ cert: certificate, key: String(privateKey) }, (incoming, answer) => {
      asked.push(incoming.url);
      answer.end(ANSWER);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo; // it listens on a port, not on a pipe
    return {
      asked,
      certificate,
      url: `https://127.0.0.1:${port}/KdcProxy`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  /** What a process says that trusts this certificate: the answer, or the code of what was thrown. */
  async function heardWhereTrusted({ certificate, url }: { readonly certificate: string; readonly url: string }) {
    const script = `
      import { proxyTransport } from ${JSON.stringify(import.meta.resolve('../../../src/kerberos/kdc/index.ts'))};
      const kdc = { protocol: 'https', url: ${JSON.stringify(url)} };
      const { signal } = new AbortController();
      const request = { realm: 'R', message: Uint8Array.of(0x6a, 0x01, 0x02), kdc, maxReply: 1000, signal };
      const asked = proxyTransport().exchange(request);
      console.log(await asked.then((reply) => Buffer.from(reply).toString('hex'), (error) => error.cause?.code));`;
    const folder = await mkdtemp(join(tmpdir(), 'kdc-proxy-'));
    try {
      const file = join(folder, 'trusted.pem');
      await writeFile(file, certificate);
      const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: file };
      return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  test('Z41: one that nobody vouches for: refused, and nothing is asked', async () => {
    await using server = await listening(['127.0.0.1']);
    const address = { protocol: 'https', url: server.url } as const;
    await expect(proxyTransport().exchange(request(address))).rejects.toMatchObject({
      cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
    });
    expect(server.asked).toEqual([]);
  });

  test('Z41: one of another host: refused, and nothing is asked', async () => {
    await using server = await listening(['127.0.0.2']);
    expect(await heardWhereTrusted(server)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(server.asked).toEqual([]);
  });

  test('one that is trusted and of this host: asked', async () => {
    await using server = await listening(['127.0.0.1']);
    expect(await heardWhereTrusted(server)).toBe('6b2a');
    expect(server.asked).toEqual(['/KdcProxy']);
  });
});
