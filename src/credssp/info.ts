/**
 * What CredSSP says about itself (contract P2, P3).
 * @module
 */
import { type PackageInfo, SECPKG_FLAG } from '../sspi/index.ts';

/** `SECPKG_ID_NONE`: CredSSP has no DCE/RPC identifier. */
const NO_RPC_ID = 0xffff;

/** The SecPkgInfo of CREDSSP, as current Windows advertises it. */
export const CREDSSP_INFO: PackageInfo = {
  name: 'CREDSSP',
  comment: 'Microsoft CredSSP Security Provider',
  capabilities:
    SECPKG_FLAG.INTEGRITY |
    SECPKG_FLAG.PRIVACY |
    SECPKG_FLAG.CONNECTION |
    SECPKG_FLAG.MULTI_REQUIRED |
    SECPKG_FLAG.IMPERSONATION |
    SECPKG_FLAG.ACCEPT_WIN32_NAME |
    SECPKG_FLAG.STREAM |
    SECPKG_FLAG.MUTUAL_AUTH |
    SECPKG_FLAG.APPCONTAINER_CHECKS,
  version: 1,
  rpcId: NO_RPC_ID,
  maxToken: 90_567,
};
