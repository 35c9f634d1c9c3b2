/**
 * Encodings of Kerberos messages, and captured tokens of which only the structure is known.
 * @module
 */
import { decode, encode } from '../../../src/der/index.ts';
import { decodeGssToken, encodeGssToken, GSS_MECHANISM, TOKEN_ID } from '../../../src/kerberos/gss/index.ts';
import { ApRep, ApReq } from '../../../src/kerberos/messages/index.ts';
import { Mismatch, same } from '../case.ts';
import { kerberosCodec } from '../kerberos-schemas.ts';
import { refused } from '../refusal.ts';
import type { CaseHandler } from '../runner.ts';

/** Kinds of their own have other fields that tell so. */
const isPlain = (value: Readonly<Record<string, unknown>>): boolean =>
  typeof value['hex'] === 'string' && value['kind'] === undefined && value['type'] === undefined;

/** A sample goes in and comes out octet for octet; none of its cuts goes in at all. */
const encoding: CaseHandler = {
  kind: 'Kerberos encoding',
  applies: (value) =>
    isPlain(value) &&
    (value['op'] === undefined || value['op'] === 'encoding') &&
    kerberosCodec(String(value['name'])) !== undefined,
  check(fields) {
    if (fields.has('op')) fields.text('op');
    const octets = fields.hex('hex');
    const codec = kerberosCodec(fields.text('name'));
    if (codec === undefined) throw new Mismatch('no codec');
    same('encoded again', codec.again(octets), octets);
    for (let end = 0; end < octets.length; end++) refused(() => codec.decode(octets.subarray(0, end)));
  },
};

const captured: CaseHandler = {
  kind: 'captured Kerberos token',
  applies: (value) => isPlain(value) && /^initial_context_token_krb_ap_re[qp]$/.test(String(value['name'])),
  check(fields) {
    const octets = fields.hex('hex');
    const { mechanism, tokenId, message } = decodeGssToken(octets);
    same('mechanism', mechanism, GSS_MECHANISM.KERBEROS);
    const isRequest = fields.text('name').endsWith('req');
    same('token', tokenId, isRequest ? TOKEN_ID.AP_REQ : TOKEN_ID.AP_REP);
    const again = isRequest ? encode(ApReq, decode(ApReq, message)) : encode(ApRep, decode(ApRep, message));
    same('encoded again', encodeGssToken(GSS_MECHANISM.KERBEROS, tokenId, again), octets);
  },
};

export const kerberosMessages: readonly CaseHandler[] = [encoding, captured];
