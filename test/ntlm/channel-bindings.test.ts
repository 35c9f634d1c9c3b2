import { expect, test } from 'vitest';
import { hashChannelBindings, packChannelBindings } from '../../src/sspi/index.ts';
import { number, octets, text, toHex, vectorCases } from '../support/vectors.ts';

test.each(vectorCases('channel-bindings').filter((one) => 'gss_packed' in one))('Z18: $name', (one) => {
  const bindings = {
    initiatorAddressType: number(one, 'initiator_addrtype'),
    initiatorAddress: octets(one, 'initiator_address'),
    acceptorAddressType: number(one, 'acceptor_addrtype'),
    acceptorAddress: octets(one, 'acceptor_address'),
    applicationData: octets(one, 'application_data'),
  };
  expect(toHex(packChannelBindings(bindings))).toBe(text(one, 'gss_packed'));
  expect(toHex(hashChannelBindings(bindings))).toBe(text(one, 'md5'));
});
