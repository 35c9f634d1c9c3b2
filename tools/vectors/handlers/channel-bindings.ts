/**
 * GSS channel bindings: the packed form, its MD5, the SEC_CHANNEL_BINDINGS structure, and what is sent without any.
 * @module
 */
import { AV_ID, avValue, decodeAuthenticate } from '../../../src/ntlm/index.ts';
import {
  type ChannelBindings,
  decodeSecChannelBindings,
  encodeSecChannelBindings,
  hashChannelBindings,
  packChannelBindings,
} from '../../../src/sspi/index.ts';
import { ntlmActors } from '../../lab/actors.ts';
import { converse } from '../../lab/converse.ts';
import { Mismatch, same } from '../case.ts';
import type { CaseHandler } from '../runner.ts';

/** Bindings with every field, so that they compare. */
const whole = (bindings: ChannelBindings): unknown => [
  bindings.initiatorAddressType,
  bindings.initiatorAddress,
  bindings.acceptorAddressType,
  bindings.acceptorAddress,
  bindings.applicationData,
];

const packed: CaseHandler = {
  kind: 'channel bindings',
  applies: (value) => typeof value['gss_packed'] === 'string',
  check(fields) {
    const bindings: ChannelBindings = {
      initiatorAddressType: fields.number('initiator_addrtype'),
      initiatorAddress: fields.hex('initiator_address'),
      acceptorAddressType: fields.number('acceptor_addrtype'),
      acceptorAddress: fields.hex('acceptor_address'),
      applicationData: fields.hex('application_data'),
    };
    same('packed', packChannelBindings(bindings), fields.hex('gss_packed'));
    same('MD5', hashChannelBindings(bindings), fields.hex('md5'));
    if (!fields.has('sec_channel_bindings_struct')) return;
    const structure = fields.hex('sec_channel_bindings_struct');
    same('SEC_CHANNEL_BINDINGS read', whole(decodeSecChannelBindings(structure)), whole(bindings));
    same('SEC_CHANNEL_BINDINGS written', encodeSecChannelBindings(bindings), structure);
  },
};

/** What our own client puts into its AUTHENTICATE when nobody gave it bindings: absent is not the hash of empty ones. */
const absent: CaseHandler = {
  kind: 'no channel bindings',
  applies: (value) => typeof value['md5'] === 'string' && value['gss_packed'] === undefined,
  async check(fields) {
    const actors = await ntlmActors();
    const { client } = await converse(actors.client(), actors.server());
    const { ntResponse } = decodeAuthenticate(client.at(-1) ?? new Uint8Array(0));
    if (ntResponse.kind !== 'ntlm-v2') throw new Mismatch(`an NT response of kind ${ntResponse.kind}`);
    same(
      'MsvAvChannelBindings',
      avValue(ntResponse.clientChallenge.avPairs, AV_ID.CHANNEL_BINDINGS),
      fields.hex('md5'),
    );
    actors.dispose();
  },
};

export const channelBindings: readonly CaseHandler[] = [packed, absent];
