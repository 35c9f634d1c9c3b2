import { describe, expect, test } from 'vitest';
import { bindingProof, decodeTSCredentials, decodeTSRequest, type TSRequest } from '../../src/credssp/index.ts';
import { encodeUtf16, md4 } from '../../src/crypto/index.ts';
import {
  decodeAuthenticate,
  decodeChallenge,
  messageIntegrityCode,
  NtlmMessageSecurity,
  ntowfV2,
  ntProofStr,
  rc4k,
  sessionBaseKeyV2,
} from '../../src/ntlm/index.ts';
import { recordedRequests, recordedServerKey } from '../support/transcripts.ts';
import { toHex } from '../support/vectors.ts';

const PASSWORD = 'AlicePass1!';

/** The recorded conversation with everything that follows from the password. */
function verified(name: string) {
  const requests = recordedRequests(name).map(({ octets }) => decodeTSRequest(octets));
  const [negotiate, challenge, authenticate, proof, credentials] = requests;
  if (!negotiate || !challenge || !authenticate || !proof || !credentials) throw new TypeError('recording too short');
  const messages = [negotiate, challenge, authenticate].map(tokenOf);
  const server = decodeChallenge(messages[1] ?? new Uint8Array(0));
  const client = decodeAuthenticate(messages[2] ?? new Uint8Array(0));
  if (client.ntResponse.kind !== 'ntlm-v2') throw new TypeError('not NTLMv2');
  const responseKey = ntowfV2(md4(encodeUtf16(PASSWORD)), client.user, client.domain);
  const proofStr = ntProofStr(responseKey, server.serverChallenge, client.ntResponse.temp);
  const exported = rc4k(sessionBaseKeyV2(responseKey, proofStr), client.encryptedRandomSessionKey);
  return { negotiate, challenge, authenticate, proof, credentials, messages, client, proofStr, exported };
}

function tokenOf(request: TSRequest): Uint8Array {
  const token = request.negoTokens?.[0]?.negoToken;
  if (token === undefined) throw new TypeError('no negoToken');
  return token;
}

describe.each([
  ['freerdp2-ntlm-v6', 6],
  ['impacket-ntlm-v2', 2],
])('recorded exchange %s', (name, version) => {
  const exchange = verified(name);

  test('N9: the NTProofStr follows from the password', () => {
    if (exchange.client.ntResponse.kind !== 'ntlm-v2') throw new TypeError('not NTLMv2');
    expect(toHex(exchange.client.ntResponse.proof)).toBe(toHex(exchange.proofStr));
  });

  test('X30, X31: the client proves the key of the certificate', () => {
    const server = new NtlmMessageSecurity({
      flags: exchange.client.flags,
      exportedSessionKey: exchange.exported,
      side: 'server',
    });
    const nonce = exchange.authenticate.clientNonce ?? new Uint8Array(0);
    const plaintext = server.unwrap(exchange.authenticate.pubKeyAuth ?? new Uint8Array(0));
    expect(toHex(plaintext)).toBe(toHex(bindingProof('clientToServer', version, nonce, recordedServerKey())));
  });

  test('X28: the credentials come with the next sequence number, and are those of the logon', () => {
    const server = new NtlmMessageSecurity({
      flags: exchange.client.flags,
      exportedSessionKey: exchange.exported,
      side: 'server',
    });
    server.unwrap(exchange.authenticate.pubKeyAuth ?? new Uint8Array(0));
    const credentials = decodeTSCredentials(server.unwrap(exchange.credentials.authInfo ?? new Uint8Array(0)));
    if (credentials.kind !== 'password') throw new TypeError('no password');
    expect([credentials.domain, credentials.user]).toEqual(['EXAMPLE', 'alice']);
    expect(Buffer.from(credentials.password.reveal()).toString('utf16le')).toBe(PASSWORD);
  });
});

describe('recorded exchange freerdp2-ntlm-v6, further', () => {
  const exchange = verified('freerdp2-ntlm-v6');

  test('N12: the MIC over the three messages as they were sent', () => {
    const [negotiate, challenge, authenticate] = exchange.messages;
    if (!negotiate || !challenge || !authenticate) throw new TypeError('recording too short');
    expect(exchange.client.mic && toHex(exchange.client.mic)).toBe(
      toHex(messageIntegrityCode(exchange.exported, negotiate, challenge, authenticate)),
    );
  });

  test('X31: the server proves the same key', () => {
    const client = new NtlmMessageSecurity({
      flags: exchange.client.flags,
      exportedSessionKey: exchange.exported,
      side: 'client',
    });
    const plaintext = client.unwrap(exchange.proof.pubKeyAuth ?? new Uint8Array(0));
    const nonce = exchange.authenticate.clientNonce ?? new Uint8Array(0);
    expect(toHex(plaintext)).toBe(toHex(bindingProof('serverToClient', 6, nonce, recordedServerKey())));
  });
});

describe('recorded exchange impacket-ntlm-v2, further', () => {
  test('Z3: what FreeRDP 2.11 echoes to a version 2 client', () => {
    const exchange = verified('impacket-ntlm-v2');
    const client = new NtlmMessageSecurity({
      flags: exchange.client.flags,
      exportedSessionKey: exchange.exported,
      side: 'client',
    });
    const plaintext = client.unwrap(exchange.proof.pubKeyAuth ?? new Uint8Array(0));
    expect(toHex(plaintext)).toBe(toHex(bindingProof('serverToClient', 2, new Uint8Array(0), recordedServerKey())));
  });
});
