/**
 * What the package says of itself (contract P4).
 * @module
 */
import type { PackageInfo } from '../sspi/index.ts';

export const NTLM_INFO: PackageInfo = {
  name: 'NTLM',
  comment: 'NTLM Security Package',
  capabilities: 0x82b37,
  version: 1,
  rpcId: 10,
  maxToken: 2888,
};
