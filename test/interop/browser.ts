/** A browser without a window, and a web server on the loopback address that serves it this package, a gateway and a KDC proxy. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { decodeKdcProxyMessage, encodeKdcProxyMessage } from '../../src/kerberos/index.ts';
import { type LabKdc, selfSigned } from '../../src/lab/index.ts';
import { type GatewayRules, serveGateway } from '../support/gateway.ts';
import { acceptWebSocket } from './websocket.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Where the browser finds what a bundler would look up in package.json and node_modules. */
const IMPORT_MAP = {
  imports: {
    'sspi/rdp/external': '/dist/rdp/external.js',
    '#crypto': '/dist/crypto/portable.js',
    '@noble/hashes/': '/node_modules/@noble/hashes/',
    '@noble/ciphers/': '/node_modules/@noble/ciphers/',
  },
};
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify(IMPORT_MAP)}</script>
<script type="module" src="/test/interop/browser-page.mjs"></script>`;

/** Milliseconds for the whole page: shorter than that of a hook, so that no browser stays behind. */
const PATIENCE = 90_000;

/** What the page reports. */
export interface PageReport {
  readonly userAgent: string;
  readonly isNode: boolean;
  readonly outcomes: readonly { readonly name: string; readonly [field: string]: unknown }[];
}

/** What the web server has behind it. */
export interface SiteOptions {
  readonly kdc: LabKdc;
  /** By path. */
  readonly gateways: Readonly<Record<string, GatewayRules>>;
}

/** Shows a browser the page. */
export class Site {
  readonly #server: Server;
  readonly #options: SiteOptions;
  readonly #profile = mkdtempSync(join(tmpdir(), 'sspi-browser-'));
  readonly #webSockets = new Set<Duplex>();
  /** Paths that were asked for. */
  readonly served: string[] = [];
  /** Questions that came through the KDC proxy. */
  proxied = 0;
  #cases: readonly object[] = [];
  #report: (report: PageReport) => void = () => undefined;

  private constructor(options: SiteOptions) {
    execFileSync(process.execPath, [join(root, 'scripts/ready.mjs')]);
    const { certificate: cert, privateKey } = selfSigned({ key: 'ec', dnsNames: ['localhost'], now: Date.now() });
    this.#options = options;
    this.#server = createServer({ cert, key: String(privateKey) }, (request, response) => {
      this.#answer(request, response).catch(() => response.writeHead(500).end());
    });
    this.#server.on('upgrade', (request, socket) => {
      this.#webSockets.add(socket.on('error', () => undefined));
      const rules = options.gateways[request.url ?? ''];
      if (rules === undefined) socket.destroy();
      else serveGateway(acceptWebSocket(request, socket), rules).catch(() => socket.destroy());
    });
  }

  static async open(options: SiteOptions): Promise<Site> {
    const site = new Site(options);
    site.#server.listen(0, '127.0.0.1');
    await once(site.#server, 'listening');
    return site;
  }

  get origin(): string {
    const { port } = this.#server.address() as AddressInfo; // a server that listens has one
    return `https://localhost:${port}`;
  }

  /** Runs the page in a browser. */
  async run(cases: readonly object[]): Promise<PageReport> {
    this.#cases = cases;
    const reported = new Promise<PageReport>((resolve) => {
      this.#report = resolve;
    });
    const browser = spawn('chromium', [
      '--headless=new',
      '--no-sandbox', // continuous integration runs as root
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--ignore-certificate-errors', // of the web server; what is tested is the RDP server's
      `--user-data-dir=${this.#profile}`,
      this.origin,
    ]);
    let said = '';
    browser.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const ended = once(browser, 'exit').then(() => {
      throw new Error(`the browser ended: ${said}`);
    });
    const tooLong = setTimeout(() => browser.kill(), PATIENCE);
    try {
      return await Promise.race([reported, ended]);
    } finally {
      clearTimeout(tooLong);
      ended.catch(() => undefined);
      await end(browser);
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#webSockets) socket.destroy(); // the server has given them away
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = normalize(new URL(request.url ?? '/', this.origin).pathname);
    this.served.push(path);
    const isFile = /^\/(dist|node_modules\/@noble|test\/interop)\//.test(path);
    if (path === '/') response.setHeader('Content-Type', 'text/html').end(PAGE);
    else if (path === '/cases') response.end(JSON.stringify({ cases: this.#cases }));
    else if (path === '/report') {
      this.#report(JSON.parse(Buffer.from(await body(request)).toString()));
      response.end();
    } else if (path === '/KdcProxy') {
      this.proxied++;
      const { message } = decodeKdcProxyMessage(await body(request));
      response.end(encodeKdcProxyMessage(await this.#options.kdc.handle(message)));
    } else if (isFile && ['.js', '.mjs'].includes(extname(path))) {
      response.setHeader('Content-Type', 'text/javascript');
      createReadStream(join(root, path))
        .on('error', () => response.writeHead(404).end())
        .pipe(response);
    } else response.writeHead(404).end();
  }
}

async function body(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}

async function end(browser: ChildProcess): Promise<void> {
  if (browser.exitCode !== null || browser.signalCode !== null) return;
  const exited = once(browser, 'exit');
  browser.kill();
  await exited;
}
