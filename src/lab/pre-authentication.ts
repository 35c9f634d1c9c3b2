/**
 * The proof that a client knows its password, from the KDC's side: PA-ENC-TIMESTAMP, and PA-ETYPE-INFO2 which says what key it is
 * to be made with (RFC 4120 3.1.3, 5.2.7).
 * @module
 */
import { decode, encode } from '../der/index.ts';
import {
  EncryptedData,
  EtypeInfo2,
  findPaData,
  KEY_USAGE,
  KRB_ERROR_CODE,
  MethodData,
  millisecondsOf,
  PA_TYPE,
  PaEncTsEnc,
  unseal,
} from '../kerberos/index.ts';
import { SspiError } from '../sspi/index.ts';
import type { Principal } from './principals.ts';
import type { Realm } from './realm.ts';
import { Refusal } from './refusal.ts';

/** PA-ETYPE-INFO2 for types of which the client has keys, in the given order. */
export function etypeInfo2({ keys: { salt } }: Principal, etypes: readonly number[]): MethodData {
  const entries = etypes.map((etype) => ({ etype, salt: isSalted(etype) ? salt : undefined, s2kparams: undefined }));
  return [{ padataType: PA_TYPE.ETYPE_INFO2, padataValue: encode(EtypeInfo2, entries) }];
}

/** RC4 keys are made without salt (RFC 4757 2). */
function isSalted(etype: number): boolean {
  return etype !== 23;
}

/**
 * Checks the client's proof.
 * @param etypes - types that both sides have, in the client's order
 * @throws Refusal KDC_ERR_PREAUTH_REQUIRED when there is none, KDC_ERR_PREAUTH_FAILED when the password is wrong,
 *   KRB_AP_ERR_SKEW when the clocks differ
 */
export async function assertProved(
  realm: Realm,
  client: Principal,
  padata: MethodData,
  etypes: readonly number[],
): Promise<void> {
  const offer = etypeInfo2(client, etypes);
  const proof = findPaData(padata, PA_TYPE.ENC_TIMESTAMP);
  if (proof === undefined) {
    const empty = { padataType: PA_TYPE.ENC_TIMESTAMP, padataValue: new Uint8Array(0) };
    throw new Refusal(KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, { data: encode(MethodData, [...offer, empty]) });
  }
  const encrypted = decode(EncryptedData, proof);
  const key = etypes.includes(encrypted.etype) ? await client.keys.of(encrypted.etype) : undefined;
  if (key === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP);

  let timestamp: PaEncTsEnc;
  try {
    timestamp = unseal(PaEncTsEnc, encrypted, key, KEY_USAGE.PA_ENC_TIMESTAMP);
  } catch (error) {
    if (!(error instanceof SspiError)) throw error;
    throw new Refusal(KRB_ERROR_CODE.KDC_ERR_PREAUTH_FAILED, { data: encode(MethodData, offer) });
  }
  const ahead = millisecondsOf(timestamp.patimestamp, timestamp.pausec) - realm.now();
  if (Math.abs(ahead) > realm.policy.clockSkew) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_SKEW);
}
