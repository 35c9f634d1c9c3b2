/**
 * A realm to log on to without Windows: a KDC, accounts, keytabs. For tests and demonstrations, and for nothing else.
 * @module
 */
export type { LabAccount, LabAccountState } from './account.ts';
export type { AnswerKind, KdcFaults } from './faults.ts';
export { type KdcEvent, LabKdc, type LabKdcOptions } from './kdc.ts';
export { LAB_ACCOUNTS, LAB_PASSWORD, Lab, type LabOptions, type LogonOptions, lab, type MiddleFault } from './lab.ts';
export { type KdcListener, listenAsKdc } from './listen.ts';
export { type ChangeRequest, type MessageFrom, type Middle, type MiddleOptions, startMiddle } from './middle.ts';
export type { LabLogon, LabNla, LabNlaOptions } from './nla.ts';
export type { LabPolicy } from './realm.ts';
export { type SelfSignedOptions, selfSigned } from './self-signed.ts';
export { memoryTransport } from './transport.ts';
