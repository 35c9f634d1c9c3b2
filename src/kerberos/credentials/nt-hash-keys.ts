/**
 * The key of an NT hash: etype 23 and no other, because RC4 keys are NT hashes (RFC 4757 2).
 * @module
 */
import { type Secret, SspiError } from '../../sspi/index.ts';
import { ETYPE, encryptionType, KerberosKey } from '../encryption/index.ts';
import type { LongTermKeys, WantedKey } from '../kdc/index.ts';

/** An NT hash. Of use only where the policy allows RC4. */
export class NtHashKeys implements LongTermKeys {
  readonly #key: KerberosKey;

  /**
   * @param ntHash - 16 octets; copied
   * @throws SspiError UNKNOWN_CREDENTIALS for another length
   */
  constructor(ntHash: Secret) {
    const type = encryptionType(ETYPE.RC4_HMAC, [ETYPE.RC4_HMAC]);
    if (ntHash.length !== type.keyLength)
      throw new SspiError('UNKNOWN_CREDENTIALS', { stage: 'Kerberos', detail: 'an NT hash has 16 octets' });
    this.#key = new KerberosKey(type, ntHash.reveal());
  }

  encryptionTypes(): readonly number[] {
    return [ETYPE.RC4_HMAC];
  }

  async keyFor({ etype }: WantedKey): Promise<KerberosKey | undefined> {
    return etype === ETYPE.RC4_HMAC ? this.#key.clone() : undefined;
  }

  dispose(): void {
    this.#key.dispose();
  }
}
