/**
 * KDC proxies, [MS-KKDCP]: messages of Kerberos in HTTPS POSTs. The one way to a KDC from a browser, and through most
 * firewalls.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-kkdcp/5bcebb8d-b747-4ee5-9453-428aec1c5c38
 * @module
 */
import type { KdcExchange, KdcTransport } from '../../host/index.ts';
import { NTSTATUS, SspiError } from '../../sspi/index.ts';
import { decodeKdcProxyMessage, encodeKdcProxyMessage } from '../messages/index.ts';

/** The platform's `fetch`, as far as it is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Options of {@link proxyTransport}. */
export interface ProxyTransportOptions {
  /** Default: the platform's. */
  readonly fetch?: Fetch | undefined;
  /** Takes what is not for a proxy: `udp` and `tcp` addresses. Absent, as in browsers: those fail. */
  readonly sockets?: KdcTransport | undefined;
  /** Also take `http:` URLs. Only for tests on one machine: everybody on the way can change the answers. Default false. */
  readonly allowPlainHttp?: boolean | undefined;
}

/** What KDC-PROXY-MESSAGE and the length in it add to a message. */
const ENVELOPE = 32;
const STAGE = 'KDC proxy';

/**
 * A transport that takes `https` addresses.
 * @example
 * const transport = proxyTransport({ sockets: nodeKdcTransport });
 */
export function proxyTransport(options: ProxyTransportOptions = {}): KdcTransport {
  const { fetch = globalThis.fetch, sockets, allowPlainHttp = false } = options;
  return {
    async exchange(request) {
      const { kdc } = request;
      if (kdc.protocol === 'https') return await post(fetch, checkedUrl(kdc.url, allowPlainHttp), request);
      if (sockets === undefined) throw new Error('there are no sockets here, only KDC proxies');
      return await sockets.exchange(request);
    },
  };
}

function checkedUrl(text: string, allowPlainHttp: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && allowPlainHttp);
  if (url === undefined || !isAllowed) throw new Error('the URL of a KDC proxy begins with https://');
  return url.href;
}

/** [MS-KKDCP] 3.1.5.1. */
async function post(fetch: Fetch, url: string, { message, realm, maxReply, signal }: KdcExchange): Promise<Uint8Array> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/kerberos' },
    body: Uint8Array.from(encodeKdcProxyMessage(message, realm)),
    redirect: 'error', // a proxy that could send us elsewhere would choose our KDC
    credentials: 'omit',
    signal,
  });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw statusError(response.status);
  }
  return decodeKdcProxyMessage(await boundedBody(response, maxReply + ENVELOPE)).message;
}

/** Contract F25: 403 is the firewall between forests, everything else a KDC that is not there. */
function statusError(status: number): SspiError {
  const detail = `HTTP ${status}`;
  return status === 403
    ? new SspiError('KDC_PROXY_REFUSED', { stage: STAGE, detail, ntStatus: NTSTATUS.AUTHENTICATION_FIREWALL_FAILED })
    : new SspiError('KDC_UNREACHABLE', { stage: STAGE, detail, ntStatus: NTSTATUS.NO_LOGON_SERVERS });
}

/** Reads as much as is allowed and not an octet more, whatever Content-Length says. */
async function boundedBody(response: Response, limit: number): Promise<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const chunk: Uint8Array = value;
    length += chunk.length;
    if (length > limit) {
      await reader.cancel();
      throw new SspiError('TOKEN_TOO_LARGE', { stage: STAGE, detail: `more than ${limit} octets` });
    }
    chunks.push(chunk);
  }
  const body = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}
