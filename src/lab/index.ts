/**
 * A realm to log on to without Windows: a KDC, accounts of every kind, a server with Network Level Authentication, and faults on
 * request. FOR TESTS AND DEMONSTRATIONS, and for nothing else: keys lie in memory, and nothing is guarded.
 *
 * `lab()` starts all of it in this process; several may stand beside each other. Its `kdc.faults` make the KDC do wrong, `nla` takes
 * the versions and policies of a server, `middle` puts somebody between client and server, and `stranger` somebody in the place of the
 * server. `LabKdc` is the KDC alone, octets in and octets
 * out, and `listenAsKdc` lets it listen on the loopback address for `kinit` and its like.
 * @example
 * await using realm = await lab();
 * const server = await realm.nla();
 * const { stream } = await connectNla({
 *   host: 'localhost',
 *   port: server.port,
 *   identity: realm.identity('alice'),
 *   rootStore: [realm.certificate.certificate],
 *   platform: realm.host,
 * });
 * const logon = await server.next(); // accepted: LAB\alice, by Kerberos
 * realm.kdc.faults = { clockAhead: 3_600_000 }; // and so on
 * @module
 */
export type { LabAccount, LabAccountState } from './account.ts';
export type { AnswerKind, KdcFaults } from './faults.ts';
export type { ChangeRequest, MessageFrom, MiddleFault } from './faults-between.ts';
export { type KdcEvent, LabKdc, type LabKdcOptions } from './kdc.ts';
export { LAB_ACCOUNTS, LAB_PASSWORD, Lab, type LabOptions, type LogonOptions, lab } from './lab.ts';
export { type KdcListener, listenAsKdc } from './listen.ts';
export { type Middle, type MiddleOptions, startMiddle } from './middle.ts';
export type { LabLogon, LabNla, LabNlaOptions } from './nla.ts';
export type { LabPolicy } from './realm.ts';
export { type SelfSignedOptions, selfSigned } from './self-signed.ts';
export type { Stranger, StrangerKind } from './stranger.ts';
export { memoryTransport } from './transport.ts';
