/**
 * SPNEGO: lists of mechanisms, the three messages, captures, object identifiers.
 * @module
 */

import { fromHex } from '../../../src/crypto/index.ts';
import {
  anyValue,
  applicationImplicit,
  bitString,
  decode,
  encode,
  explicit,
  generalString,
  objectIdentifier,
  optional,
  sequence,
} from '../../../src/der/index.ts';
import { describeSpnego } from '../../../src/negotiate/describe.ts';
import { OID } from '../../../src/negotiate/oids.ts';
import {
  decodeNegTokenInit,
  decodeNegTokenResp,
  encodeHint,
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  MechTypeList,
} from '../../../src/negotiate/tokens.ts';
import { Mismatch, same } from '../case.ts';
import { type CaseHandler, handlerFor } from '../runner.ts';

const mechTypeList = handlerFor('kind', 'MechTypeList', (fields) => {
  const octets = fields.hex('hex');
  const oids = fields.texts('oids');
  same('encoded', encodeMechTypeList(oids), octets);
  same('decoded', decode(MechTypeList, octets), oids);
});

/** The reqFlags, which the room reads over on purpose ([MS-SPNG] 3.1.5.3): taken apart here to compare them all the same. */
const ReqFlags = applicationImplicit(
  0,
  sequence({
    thisMech: objectIdentifier,
    negTokenInit: explicit(
      0,
      sequence({ mechTypes: optional(0, anyValue), reqFlags: optional(1, bitString) }, { extensible: true }),
    ),
  }),
);

const negTokenInit = handlerFor('kind', 'NegTokenInit', (fields) => {
  const octets = fields.hex('hex');
  const message = decodeNegTokenInit(octets);
  const expected = fields.object('fields');
  same('mechTypes', message.mechTypes, expected.texts('mech_types'));
  same('mechToken', message.mechToken, expected.hex('mech_token'));
  same('mechListMIC', message.mechListMIC, expected.hex('mech_list_mic'));
  same('hints', message.hints, undefined);
  const { reqFlags } = decode(ReqFlags, octets).negTokenInit;
  const bits = [...(reqFlags?.octets ?? [])].map((octet) => octet.toString(2).padStart(8, '0'));
  same('reqFlags', bits.join(''), expected.text('req_flags_bits'));

  const again = decodeNegTokenInit(encodeNegTokenInit(message));
  same('mechTypes again', again.mechTypes, message.mechTypes);
  same('mechToken again', again.mechToken, message.mechToken);
  same('mechListMIC again', again.mechListMIC, message.mechListMIC);
});

const negTokenInit2 = handlerFor('kind', 'NegTokenInit2', (fields) => {
  const { hints, mechListMIC } = decodeNegTokenInit(fields.hex('hex'));
  const expected = fields.object('fields');
  same('hintName', decode(generalString, hints?.hintName ?? new Uint8Array(0)), expected.text('hint_name'));
  same('hintAddress', new TextDecoder('ascii').decode(hints?.hintAddress), expected.text('hint_address_ascii'));
  same('mechListMIC', mechListMIC, expected.hex('mech_list_mic'));
});

const negTokenResp = handlerFor('kind', 'NegTokenResp', (fields) => {
  const octets = fields.hex('hex');
  const message = decodeNegTokenResp(octets);
  const expected = fields.object('fields');
  same('negState', message.negState, expected.number('neg_state'));
  same('mechListMIC', message.mechListMIC, expected.hex('mech_list_mic'));
  same('supportedMech', message.supportedMech, undefined);
  same('responseToken', message.responseToken, undefined);
  same('encoded again', encodeNegTokenResp(message), octets);
});

/** Every token of a capture is read, and written again octet for octet. */
const capture = handlerFor('kind', 'capture', (fields) => {
  for (const [index, text] of fields.texts('tokens').entries()) {
    const octets = fromHex(text);
    same(`token ${index}, encoded again`, encodedAgain(octets), octets);
    const description = describeSpnego(octets);
    if (!/^NegToken(Init2?|Resp)/.test(description))
      throw new Mismatch(`token ${index} is described as ${description}`);
  }
});

function encodedAgain(octets: Uint8Array): Uint8Array {
  if (octets[0] !== 0x60) return encodeNegTokenResp(decodeNegTokenResp(octets));
  const message = decodeNegTokenInit(octets);
  return message.hints === undefined ? encodeNegTokenInit(message) : encodeHint(message.mechTypes);
}

/** Written `1.2.3 (name)` in the case. */
const objectIdentifiers = handlerFor('kind', 'OID', (fields) => {
  for (const pair of fields.list('pairs')) {
    const [text = '', hex = ''] = Array.isArray(pair) ? pair.map(String) : [];
    const oid = text.replace(/ \(.*\)$/, '');
    same(text, encode(objectIdentifier, oid), fromHex(hex));
    same(`${text}, decoded`, decode(objectIdentifier, fromHex(hex)), oid);
    if (!Object.values<string>(OID).includes(oid))
      throw new Mismatch(`${oid} is not among the identifiers that we know`);
  }
});

export const spnego: readonly CaseHandler[] = [
  mechTypeList,
  negTokenInit,
  negTokenInit2,
  negTokenResp,
  capture,
  objectIdentifiers,
];
