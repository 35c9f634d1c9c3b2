/**
 * What a server keeps: its accounts, and the authenticators that it has seen. Files are in a module of their own, `file.ts`, so
 * that this one runs everywhere.
 * @module
 */
export { type MemoryAccount, type MemoryAccounts, memoryAccounts } from './memory-accounts.ts';
export { type MemoryReplayCache, type MemoryReplayCacheOptions, memoryReplayCache } from './memory-replay.ts';
