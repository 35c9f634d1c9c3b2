/**
 * What a server keeps: its accounts. Files are in a module of their own, `file.ts`, so that this one runs everywhere.
 * @module
 */
export { type MemoryAccount, type MemoryAccounts, memoryAccounts } from './memory-accounts.ts';
