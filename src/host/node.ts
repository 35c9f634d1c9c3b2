/**
 * The ports of Kerberos on Node.js: KDCs over UDP and TCP, the DNS, files.
 * @module
 */
export { nodeDns } from './node/dns.ts';
export { nodeFiles } from './node/files.ts';
export { nodeKdcTransport } from './node/kdc-transport.ts';
