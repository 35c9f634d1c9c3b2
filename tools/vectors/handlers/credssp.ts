/**
 * CredSSP: TSRequest, TSCredentials, the proofs of the TLS key and their magic texts, malformed requests.
 * @module
 */
import { bindingHash, keyPlusOne } from '../../../src/credssp/binding.ts';
import { TSRequestChannel } from '../../../src/credssp/channel.ts';
import { decodeTSCredentials, encodeTSCredentials } from '../../../src/credssp/credentials.ts';
import {
  decodeTSRequest,
  encodeTSRequest,
  ntStatusOf,
  TSCredentials,
  TSRemoteGuardCreds,
  TSRequest,
} from '../../../src/credssp/messages.ts';
import { concat, decodeUtf16, encodeUtf16, sha256 } from '../../../src/crypto/index.ts';
import { decode, encode } from '../../../src/der/index.ts';
import { tlsTrailerLength } from '../../../src/schannel/trailer.ts';
import type { DelegatedCredentials } from '../../../src/sspi/index.ts';
import { type CaseReader, Mismatch, same } from '../case.ts';
import { refused } from '../refusal.ts';
import { type CaseHandler, handlerFor } from '../runner.ts';

const tsRequest = handlerFor('kind', 'TSRequest', (fields) => {
  const octets = fields.hex('hex');
  // The schema alone, without the rules of decodeTSRequest: one case has a nonce of 12 octets on purpose.
  const request = decode(TSRequest, octets, { lengths: 'ber-long' });
  const expected = fields.object('fields');
  same('version', request.version, expected.number('version'));
  if (expected.has('effective_version')) {
    same('effective version', effectiveVersion(octets), expected.number('effective_version'));
  } else {
    const negoTokens = request.negoTokens?.map(({ negoToken }) => negoToken);
    same('negoTokens', negoTokens, expected.has('nego_tokens') ? expected.hexes('nego_tokens') : undefined);
    same('authInfo', request.authInfo, expected.optionalHex('auth_info'));
    same('pubKeyAuth', request.pubKeyAuth, expected.optionalHex('pub_key_auth'));
    same('clientNonce', request.clientNonce, expected.optionalHex('client_nonce'));
    same('errorCode', ntStatusOf(request), expectedErrorCode(expected));
  }
  if (fields.has('hex_unsigned_form')) {
    const unsigned = decode(TSRequest, fields.hex('hex_unsigned_form'), { lengths: 'ber-long' });
    same('errorCode, unsigned form', ntStatusOf(unsigned), ntStatusOf(request));
  }
  same('encoded again', encodeTSRequest(request), octets);
});

function expectedErrorCode(expected: CaseReader): number | undefined {
  const key = ['error_code', 'error_code_u32'].find((name) => expected.has(name));
  return key === undefined ? undefined : expected.number(key);
}

/** What the two sides speak after this message of the peer. */
function effectiveVersion(octets: Uint8Array): number {
  const channel = new TSRequestChannel('initiator', {}, () => undefined);
  channel.receive(octets);
  return channel.version;
}

const tsCredentials = handlerFor('kind', 'TSCredentials', (fields) => {
  const octets = fields.hex('hex');
  const expected = fields.object('fields');
  const credentials = decodeTSCredentials(octets);
  same('credType', decode(TSCredentials, octets).credType, expected.number('cred_type'));
  compareCredentials(credentials, expected);
  same('encoded again', encodeTSCredentials(credentials), octets);
});

function compareCredentials(credentials: DelegatedCredentials, expected: CaseReader): void {
  switch (credentials.kind) {
    case 'none':
      // Three empty strings are what stands for "nothing delegated" (contract R21).
      for (const key of ['domain', 'user', 'password']) same(key, '', expected.text(key));
      return;
    case 'password':
      same('domain', credentials.domain, expected.text('domain'));
      same('user', credentials.user, expected.text('user'));
      same('password', decodeUtf16(credentials.password.reveal()), expected.text('password'));
      return;
    case 'smart-card':
      same('pin', decodeUtf16(credentials.pin.reveal()), expected.text('pin'));
      same('keySpec', credentials.keySpec, expected.number('key_spec'));
      same('cardName', credentials.cardName, expected.optionalText('card_name'));
      same('readerName', credentials.readerName, expected.optionalText('reader_name'));
      same('containerName', credentials.containerName, expected.optionalText('container_name'));
      same('cspName', credentials.cspName, expected.optionalText('csp_name'));
      same('userHint', credentials.userHint, expected.optionalText('user_hint'));
      same('domainHint', credentials.domainHint, expected.optionalText('domain_hint'));
      return;
    case 'remote-guard': {
      const named = ({ packageName, credential }: typeof credentials.logon) => [
        packageName,
        hexOf(credential.reveal()),
      ];
      same('logonCred', named(credentials.logon), expected.list('logon'));
      const supplemental = expected.isNull('supplemental') ? [] : expected.list('supplemental');
      same('supplementalCreds', credentials.supplemental.map(named), supplemental);
      return;
    }
  }
}

const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

/** The shape is told in words: Kerberos with 2611 octets of 0x11, NTLM with 204 octets of 0x22. */
const remoteGuard = handlerFor('kind', 'TSRemoteGuardCreds', (fields) => {
  const credential = (packageName: string, length: number, octet: number) => ({
    packageName: encodeUtf16(packageName),
    credBuffer: new Uint8Array(length).fill(octet),
  });
  const encoded = encode(TSRemoteGuardCreds, {
    logonCred: credential('Kerberos', 2611, 0x11),
    supplementalCreds: [credential('NTLM', 204, 0x22)],
  });
  same('length', encoded.length, fields.number('length'));
  const head = fields.hex('head');
  same('head', encoded.subarray(0, head.length), head);
  same('SHA-256', sha256(encoded), fields.hex('sha256'));
});

const packageName = handlerFor('kind', 'packageName', (fields) => {
  same('UTF-16LE', encodeUtf16(fields.text('name')), fields.hex('hex'));
});

const hash = handlerFor('kind', 'pubKeyAuth.hash', (fields) => {
  const [nonce, key] = [fields.hex('nonce'), fields.hex('public_key')];
  same('client to server', bindingHash('clientToServer', nonce, key), fields.hex('client_to_server'));
  same('server to client', bindingHash('serverToClient', nonce, key), fields.hex('server_to_client'));
});

const legacyEcho = handlerFor('kind', 'pubKeyAuth.legacy_echo', (fields) => {
  same('server reply', keyPlusOne(fields.hex('public_key')), fields.hex('server_reply'));
});

/** The magic texts are not given out, so they are proved through the hash that begins with them. */
const magic = handlerFor('kind', 'magic', (fields) => {
  const [nonce, key] = [new Uint8Array(32).fill(7), new Uint8Array(3).fill(9)];
  const hashed = (label: Uint8Array) => sha256(concat(label, nonce, key));
  same('client to server', bindingHash('clientToServer', nonce, key), hashed(fields.hex('client_to_server')));
  same('server to client', bindingHash('serverToClient', nonce, key), hashed(fields.hex('server_to_client')));
});

const trailer = handlerFor('kind', 'winrm_tls_trailer_length', (fields) => {
  const length = tlsTrailerLength(fields.text('protocol'), fields.text('cipher'), fields.number('data_length'));
  same('trailer', length, fields.number('trailer'));
});

/**
 * Malformed requests. One is left to the implementer: a length that is longer than it need be. We take it (contract X9) because
 * BER peers exist, and never send it.
 */
const invalid = handlerFor('kind', 'INVALID.TSRequest', (fields) => {
  const octets = fields.hex('hex');
  if (fields.text('why').includes('decide and pin')) {
    same('version', decode(TSRequest, octets, { lengths: 'ber-long' }).version, 6);
    return `pinned: accepted from peers; as strict DER ${refused(() => decode(TSRequest, octets)).message}`;
  }
  const { message } = refused(() => decodeTSRequest(octets));
  // Some of these carry no payload either: they have to be refused for the fault that they are about.
  if (message.includes('carries nothing')) throw new Mismatch('refused for want of content, not for its fault');
  return `refused: ${message}`;
});

export const credssp: readonly CaseHandler[] = [
  tsRequest,
  tsCredentials,
  remoteGuard,
  packageName,
  hash,
  legacyEcho,
  magic,
  trailer,
  invalid,
];
