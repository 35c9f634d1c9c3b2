/**
 * The sealed parts of a CredSSP exchange under a fixed NTLM key: the proofs in both directions and the credentials.
 * @module
 */
import { bindingProof } from '../../../src/credssp/binding.ts';
import { decodeTSCredentials, encodeTSCredentials } from '../../../src/credssp/credentials.ts';
import { NtlmMessageSecurity } from '../../../src/ntlm/message-security.ts';
import { same } from '../case.ts';
import type { CaseHandler } from '../runner.ts';

export const credsspSealed: CaseHandler = {
  kind: 'sealed CredSSP exchange',
  applies: (value) => typeof value['client_pub_key_auth'] === 'string',
  check(fields) {
    const options = { flags: fields.number('flags'), exportedSessionKey: fields.hex('exported_session_key') };
    const client = new NtlmMessageSecurity({ ...options, side: 'client' });
    const server = new NtlmMessageSecurity({ ...options, side: 'server' });
    same(
      'inner',
      fields.has('mech_list_mic') ? 'SPNEGO(NTLM) with both mechListMICs' : 'raw NTLM',
      fields.text('inner'),
    );
    if (fields.has('mech_list_mic')) {
      const mechTypeList = fields.hex('mech_type_list');
      const mics = fields.object('mech_list_mic');
      const directions = [
        ['client', client, server],
        ['server', server, client],
      ] as const;
      for (const [name, sender, receiver] of directions) {
        const mic = sender.sign(mechTypeList);
        same(`mechListMIC of the ${name}`, mic, mics.hex(name));
        receiver.verify(mechTypeList, mic);
        // The key stream starts anew after each, and the numbers go on ([MS-SPNG] 3.3.5.1).
        sender.restart('sent');
        receiver.restart('received');
      }
    }

    const version = fields.number('version');
    const nonce = fields.optionalHex('client_nonce') ?? new Uint8Array(0);
    const key = fields.hex('subject_public_key');
    const carry = (what: string, sender: NtlmMessageSecurity, receiver: NtlmMessageSecurity, plaintext: Uint8Array) => {
      const sealed = sender.wrap(plaintext);
      same(`${what} opened`, receiver.unwrap(sealed), plaintext);
      return sealed;
    };
    const clientProof = bindingProof('clientToServer', version, nonce, key);
    same(
      'client pubKeyAuth',
      carry('client pubKeyAuth', client, server, clientProof),
      fields.hex('client_pub_key_auth'),
    );
    const serverProof = bindingProof('serverToClient', version, nonce, key);
    same(
      'server pubKeyAuth',
      carry('server pubKeyAuth', server, client, serverProof),
      fields.hex('server_pub_key_auth'),
    );
    const credentials = fields.hex('ts_credentials');
    same('TSCredentials', encodeTSCredentials(decodeTSCredentials(credentials)), credentials);
    same('authInfo', carry('authInfo', client, server, credentials), fields.hex('auth_info'));
  },
};
