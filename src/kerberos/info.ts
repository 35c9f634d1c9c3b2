/**
 * What the package says of itself (contract P4).
 * @module
 */
import type { PackageInfo } from '../sspi/index.ts';

export const KERBEROS_INFO: PackageInfo = {
  name: 'Kerberos',
  comment: 'Microsoft Kerberos V1.0',
  capabilities: 0xf3bbf,
  version: 1,
  rpcId: 16,
  maxToken: 48_000,
};
