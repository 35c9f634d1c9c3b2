/**
 * ClientHello and ServerHello with their extensions (RFC 8446 4.1 and 4.2, RFC 5246 7.4.1, RFC 6066).
 * @module
 */
import { toHex } from '../../crypto/index.ts';
import { bigEndian, type Cursor, pairsOf } from '../cursor.ts';
import { asciiText, counted, hexText } from '../text.ts';
import { cipherSuiteName, extensionName, groupName, signatureName, versionName } from './tls-names.ts';
import type { TlsSession } from './tls-session.ts';

/** RFC 8446 4.1.3: a ServerHello with this random is a HelloRetryRequest. */
const RETRY = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c';
/** The end of a random by which a server of TLS 1.3 says that it was made to speak an older version. */
const DOWNGRADE = '444f574e475244';

/** What extensions said. */
interface Said {
  versions?: readonly number[];
  serverName?: string;
}

/** @returns what belongs into one line: versions and SNI */
export function describeClientHello(message: Cursor, session: TlsSession): string {
  const legacy = message.number('legacy_version', 2, versionName);
  session.clientHello(toHex(message.take('random', 32)));
  message.vector('legacy_session_id', 1);
  message.vector('cipher_suites', 2, (octets) => pairsOf(octets).map(cipherSuiteName).join(', '));
  message.vector('legacy_compression_methods', 1);
  const said = message.left > 0 ? extensions(message, 'client') : {};
  const versions = (said.versions ?? [legacy]).map(versionName).filter((name) => name.startsWith('TLS'));
  return [...versions, ...(said.serverName === undefined ? [] : [`SNI ${said.serverName}`])].join(', ');
}

/** @returns what belongs into one line: version and cipher suite */
export function describeServerHello(message: Cursor, session: TlsSession): string {
  const legacy = message.number('legacy_version', 2, versionName);
  const random = toHex(message.take('random', 32));
  if (random.slice(48, 62) === DOWNGRADE)
    message.branch.note('REMARK', 'the random says that the server knows a newer TLS version than it speaks here');
  message.vector('legacy_session_id_echo', 1);
  const suite = message.number('cipher_suite', 2, cipherSuiteName);
  message.number('legacy_compression_method', 1);
  const said = message.left > 0 ? extensions(message, 'server') : {};
  const [version = legacy] = said.versions ?? [];
  if (random === RETRY) {
    message.branch.name = 'HelloRetryRequest';
    return 'HelloRetryRequest';
  }
  session.serverHello({ random, version, cipherSuite: suite });
  return `${versionName(version)}, ${cipherSuiteName(suite)}`;
}

function extensions(message: Cursor, from: 'client' | 'server'): Said {
  const list = message.openVector('extensions', 2);
  const said: Said = {};
  while (list.left > 0) {
    const type = bigEndian(list.pass('extension type', 2));
    const body = list.openVector(extensionName(type), 2);
    describeExtension(type, body, from, said);
  }
  return said;
}

function describeExtension(type: number, body: Cursor, from: 'client' | 'server', said: Said): void {
  if (body.left === 0) return;
  switch (type) {
    case 0: {
      const names = body.openVector('server_name_list', 2);
      while (names.left > 0) {
        names.number('name_type', 1, (number) => (number === 0 ? 'host_name' : String(number)));
        said.serverName = asciiText(names.vector('host_name', 2, asciiText));
      }
      return;
    }
    case 10:
      body.vector('named_group_list', 2, (octets) => pairsOf(octets).map(groupName).join(', '));
      return;
    case 13:
    case 50:
      body.vector('supported_signature_algorithms', 2, (octets) => pairsOf(octets).map(signatureName).join(', '));
      return;
    case 16: {
      const names = body.openVector('protocol_name_list', 2);
      while (names.left > 0) names.vector('protocol_name', 1, asciiText);
      return;
    }
    case 43: {
      const versions = (octets: Uint8Array): string => pairsOf(octets).map(versionName).join(', ');
      const octets =
        from === 'client' ? body.vector('versions', 1, versions) : body.take('selected_version', 2, versions);
      said.versions = pairsOf(octets);
      return;
    }
    case 51:
      keyShares(body, from);
      return;
    default:
      body.rest('data', hexText);
  }
}

function keyShares(body: Cursor, from: 'client' | 'server'): void {
  const list = from === 'client' ? body.openVector('client_shares', 2) : body;
  while (list.left > 0) {
    list.number('group', 2, groupName);
    if (list.left === 0) return; // a HelloRetryRequest names a group only
    list.vector('key_exchange', 2, (octets) => counted(octets.length, 'octet'));
  }
}
