/**
 * What the package says of itself (contract P4).
 * @module
 */
import type { PackageInfo } from '../sspi/index.ts';

export const NEGOTIATE_INFO: PackageInfo = {
  name: 'Negotiate',
  comment: 'Microsoft Package Negotiator',
  capabilities: 0x83bb3,
  version: 1,
  rpcId: 9,
  maxToken: 65_791,
};
