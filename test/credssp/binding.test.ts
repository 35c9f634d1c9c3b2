import { describe, expect, test } from 'vitest';
import { bindingHash, bindingProof, keyPlusOne } from '../../src/credssp/index.ts';
import { hex, octets, text, toHex, vectorCases } from '../support/vectors.ts';

describe('public-key binding', () => {
  test.each(vectorCases('credssp', 'pubKeyAuth.hash'))('E16, X30: hash of $public_key', (one) => {
    const key = octets(one, 'public_key');
    const nonce = octets(one, 'nonce');
    expect(toHex(bindingHash('clientToServer', nonce, key))).toBe(text(one, 'client_to_server'));
    expect(toHex(bindingHash('serverToClient', nonce, key))).toBe(text(one, 'server_to_client'));
  });

  test.each(vectorCases('credssp', 'pubKeyAuth.legacy_echo'))('Z3: echo of $public_key carries over 0xff', (one) => {
    expect(toHex(keyPlusOne(octets(one, 'public_key')))).toBe(text(one, 'server_reply'));
  });

  test('V20a, V20b: the hashes of the contract', () => {
    const key = hex('300a020300c3a70203010001');
    const nonce = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(toHex(bindingProof('clientToServer', 6, nonce, key))).toBe(
      'e6a14178085738d55436d45601fea4d96108d31ae7537a44cb89aac5c9ceead1',
    );
    expect(toHex(bindingProof('serverToClient', 5, nonce, key))).toBe(
      'df02973b1aec56336ad9c2f8fef5b187d8c0057b6213f90fde38af264a0af9ce',
    );
  });

  test('Z2: versions 2 to 4 echo the key whatever the nonce; 5 and 6 hash it', () => {
    const key = hex('308189');
    const nonce = new Uint8Array(32);
    for (const version of [2, 3, 4]) {
      expect(toHex(bindingProof('clientToServer', version, nonce, key))).toBe('308189');
      expect(toHex(bindingProof('serverToClient', version, nonce, key))).toBe('318189');
    }
    for (const version of [5, 6]) expect(bindingProof('clientToServer', version, nonce, key)).toHaveLength(32);
  });

  test('X33: no proof of one direction equals that of the other', () => {
    const key = hex('0401ff');
    const nonce = new Uint8Array(32);
    for (const version of [2, 3, 4, 5, 6])
      expect(bindingProof('clientToServer', version, nonce, key)).not.toEqual(
        bindingProof('serverToClient', version, nonce, key),
      );
  });

  test('Z3: the caller keeps its key', () => {
    const key = hex('ff00');
    keyPlusOne(key);
    expect(toHex(key)).toBe('ff00');
  });
});
