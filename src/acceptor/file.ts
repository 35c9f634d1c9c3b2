/**
 * What a server keeps in files, for Node.js.
 * @module
 */
export { fileAccounts } from './file-accounts.ts';
