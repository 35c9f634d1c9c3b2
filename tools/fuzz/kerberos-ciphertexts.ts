/**
 * What is encrypted in messages of Kerberos, and one bit of it changed.
 * @module
 */
import { decode } from '../../src/der/index.ts';
import {
  ApRep,
  ApReq,
  AsRep,
  decodeChangePassword,
  decodeGssToken,
  KerbTgtReply,
  KrbPriv,
  TgsRep,
  TOKEN_ID,
} from '../../src/kerberos/index.ts';
import type { Chance } from './random.ts';

/** What is encrypted in a token of the AP exchange, as views of it. */
export function ciphertextsOfToken(token: Uint8Array): Uint8Array[] {
  const { tokenId, message } = decodeGssToken(token);
  if (tokenId === TOKEN_ID.TGT_REQ) return [];
  if (tokenId === TOKEN_ID.TGT_REP) return [decode(KerbTgtReply, message).ticket.encPart.cipher];
  if (tokenId === TOKEN_ID.AP_REP) return [decode(ApRep, message).encPart.cipher];
  const { ticket, authenticator } = decode(ApReq, message);
  return [ticket.encPart.cipher, authenticator.cipher];
}

const AP_REP = 0x6f;
const AS_REP = 0x6b;
const TGS_REP = 0x6d;

/** The same of an AS-REP or a TGS-REP. Tickets for the KDC itself are among them: it refuses them. */
export function ciphertextsOfAnswer(answer: Uint8Array): Uint8Array[] {
  const [tag] = answer;
  if (tag !== AS_REP && tag !== TGS_REP) return [];
  const { ticket, encPart } = decode(tag === AS_REP ? AsRep : TgsRep, answer);
  return [ticket.encPart.cipher, encPart.cipher];
}

/** The same of a password change, asked for or answered. */
export function ciphertextsOfPasswordChange(frame: Uint8Array): Uint8Array[] {
  const { ap, rest } = decodeChangePassword(frame);
  if (ap.length === 0) return [];
  const privately = decode(KrbPriv, rest).encPart.cipher;
  if (ap[0] === AP_REP) return [decode(ApRep, ap).encPart.cipher, privately];
  const { ticket, authenticator } = decode(ApReq, ap);
  return [ticket.encPart.cipher, authenticator.cipher, privately];
}

/** A copy with one bit changed inside one of the views; the same octets when there are none. */
export function flipInside(octets: Uint8Array, views: readonly Uint8Array[], chance: Chance): Uint8Array {
  if (views.length === 0) return octets;
  const view = chance.pick(views);
  if (view.buffer !== octets.buffer) throw new Error('the decoder made a copy');
  const changed = octets.slice();
  const at = view.byteOffset - octets.byteOffset + chance.below(view.length);
  changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8));
  return changed;
}
