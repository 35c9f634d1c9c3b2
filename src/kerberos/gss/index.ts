/**
 * Kerberos as a mechanism of GSS-API: RFC 4121, RFC 4757 7.
 * @module
 */
import { ETYPE } from '../encryption/index.ts';
import { CfxProtection } from './cfx.ts';
import type { KerberosProtection, ProtectionOptions } from './protection.ts';
import { Rc4Protection } from './rc4-tokens.ts';

export * from './authenticator-checksum.ts';
export { BaseProtection, type KerberosProtection, type ProtectionOptions, type SavedProtection } from './protection.ts';
export type { Received, SequenceMode } from './sequence.ts';
export * from './token.ts';

/** Message protection in the form that the key needs. */
export function protectionOf(options: ProtectionOptions): KerberosProtection {
  return options.key.etype === ETYPE.RC4_HMAC ? new Rc4Protection(options) : new CfxProtection(options);
}
