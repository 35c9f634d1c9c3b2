/**
 * Where the client's own key comes from: a password, a keytab, a hash. The exchanges only know this interface.
 * @module
 */
import type { KerberosKey } from '../encryption/index.ts';
import type { PrincipalName } from '../messages/index.ts';

/** Which key a KDC wants. */
export interface WantedKey {
  readonly client: PrincipalName;
  readonly realm: string;
  readonly etype: number;
  /** Of ETYPE-INFO2; or realm and name one after the other, which is what goes when a KDC says nothing. */
  readonly salt: Uint8Array;
  /** s2kparams of ETYPE-INFO2. */
  readonly parameters: Uint8Array | undefined;
}

/** The client's own keys. */
export interface LongTermKeys {
  /** The encryption types that there can be keys of, whatever the order; undefined: of all. */
  encryptionTypes(client: PrincipalName, realm: string): readonly number[] | undefined;
  /**
   * A key, which the caller disposes; undefined when there is none of this kind.
   * @throws SspiError MALFORMED_TOKEN for parameters or a salt out of bounds
   */
  keyFor(wanted: WantedKey): Promise<KerberosKey | undefined>;
  /** Zeroises them. */
  dispose(): void;
}
