/**
 * The ports of Kerberos on Node.js: KDCs over UDP and TCP, the DNS, files.
 * @module
 */
import { type Host, systemHost } from './index.ts';
import { nodeDns } from './node/dns.ts';
import { nodeFiles } from './node/files.ts';
import { nodeKdcTransport } from './node/kdc-transport.ts';

export { nodeDns } from './node/dns.ts';
export { nodeFiles } from './node/files.ts';
export { nodeFlowScope } from './node/flow.ts';
export { nodeKdcTransport } from './node/kdc-transport.ts';

/** The machine that Node.js runs on. */
export const nodeHost: Host = { ...systemHost, kdcTransport: nodeKdcTransport, dns: nodeDns, files: nodeFiles };
