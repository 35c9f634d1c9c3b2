/**
 * GSS channel bindings: the packed form, its MD5, the SEC_CHANNEL_BINDINGS structure, and what is sent without any.
 * @module
 */
import {
  type ChannelBindings,
  decodeSecChannelBindings,
  encodeSecChannelBindings,
  hashChannelBindings,
  packChannelBindings,
} from '../../../src/sspi/index.ts';
import { same } from '../case.ts';
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

export const channelBindings: readonly CaseHandler[] = [packed];
