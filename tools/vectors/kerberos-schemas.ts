/**
 * Which of our schemas reads which of MIT's sample encodings, by the name that the samples have.
 * @module
 */
import { decode, encode, type Schema, sequenceOf } from '../../src/der/index.ts';
import * as kerberos from '../../src/kerberos/messages/index.ts';

/** Decodes octets of one type, and encodes them again. */
export interface Codec {
  decode(octets: Uint8Array): unknown;
  /** @returns the octets again, which went through the decoded value */
  again(octets: Uint8Array): Uint8Array;
}

function codec<T>(schema: Schema<T>): Codec {
  return {
    decode: (octets) => decode(schema, octets),
    again: (octets) => encode(schema, decode(schema, octets)),
  };
}

const CODECS: Readonly<Record<string, Codec>> = {
  authenticator: codec(kerberos.Authenticator),
  ticket: codec(kerberos.Ticket),
  keyblock: codec(kerberos.EncryptionKey),
  enc_tkt_part: codec(kerberos.EncTicketPart),
  enc_kdc_rep_part: codec(kerberos.EncTgsRepPart),
  as_rep: codec(kerberos.AsRep),
  tgs_rep: codec(kerberos.TgsRep),
  ap_req: codec(kerberos.ApReq),
  ap_rep: codec(kerberos.ApRep),
  ap_rep_enc_part: codec(kerberos.EncApRepPart),
  as_req: codec(kerberos.AsReq),
  tgs_req: codec(kerberos.TgsReq),
  kdc_req_body: codec(kerberos.KdcReqBody),
  safe: codec(kerberos.KrbSafe),
  priv: codec(kerberos.KrbPriv),
  enc_priv_part: codec(kerberos.EncKrbPrivPart),
  cred: codec(kerberos.KrbCred),
  enc_cred_part: codec(kerberos.EncKrbCredPart),
  error: codec(kerberos.KrbError),
  authorization_data: codec(kerberos.AuthorizationData),
  padata_sequence: codec(kerberos.MethodData),
  typed_data: codec(kerberos.TypedData),
  etype_info: codec(kerberos.EtypeInfo),
  etype_info2: codec(kerberos.EtypeInfo2),
  pa_enc_ts: codec(kerberos.PaEncTsEnc),
  enc_data: codec(kerberos.EncryptedData),
  sam_response_2: codec(kerberos.PaSamResponse2),
  enc_sam_response_enc_2: codec(kerberos.EncSamResponseEnc2),
  pa_for_user: codec(kerberos.PaForUser),
  ad_kdcissued: codec(kerberos.AdKdcIssued),
  iakerb_header: codec(kerberos.IakerbHeader),
  iakerb_finished: codec(kerberos.IakerbFinished),
  fast_req: codec(kerberos.KrbFastReq),
  fast_response: codec(kerberos.KrbFastResponse),
  pa_fx_fast_request: codec(kerberos.PaFxFastRequest),
  pa_fx_fast_reply: codec(kerberos.PaFxFastReply),
  otp_tokeninfo: codec(kerberos.OtpTokenInfo),
  pa_otp_challenge: codec(kerberos.PaOtpChallenge),
  pa_otp_req: codec(kerberos.PaOtpRequest),
  pa_otp_enc_req: codec(kerberos.PaOtpEncRequest),
  kkdcp_message: codec(kerberos.KdcProxyMessage),
  secure_cookie: codec(kerberos.SecureCookie),
  spake_factor: codec(kerberos.SpakeSecondFactor),
  pa_spake: codec(kerberos.PaSpake),
  pa_pk_as_rep: codec(kerberos.PaPkAsRep),
  auth_pack: codec(kerberos.AuthPack),
  kdc_dh_key_info: codec(kerberos.KdcDhKeyInfo),
  reply_key_pack: codec(kerberos.ReplyKeyPack),
  sp80056a_other_info: codec(kerberos.OtherInfo),
  pkinit_supp_pub_info: codec(kerberos.PkinitSuppPubInfo),
  principal: codec(kerberos.PrincipalName),
  host_addresses: codec(kerberos.HostAddresses),
  tickets: codec(sequenceOf(kerberos.Ticket)),
};

/** The codec for a sample such as `as_req(optionals NULL except server)` or `pa_spake(support)`. */
export function kerberosCodec(sampleName: string): Codec | undefined {
  const name = sampleName.replace(/\s*\(.*$/, '');
  return Object.hasOwn(CODECS, name) ? CODECS[name] : undefined;
}
