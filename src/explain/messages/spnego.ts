/**
 * SPNEGO (RFC 4178 4.2, [MS-SPNG] 2.2.1): what is offered, what is chosen, and the mechanism's own token inside.
 * @module
 */
import { decode } from '../../der/index.ts';
import {
  decodeNegTokenInit,
  decodeNegTokenResp,
  InitialContextToken,
  MechTypeList,
  NEG_STATE,
  NegTokenRespMessage,
  oidName,
} from '../../negotiate/index.ts';
import type { Reading } from '../reading.ts';
import { asciiText, hexText, namedNumber } from '../text.ts';
import { type ReadField, reasonOf, traceDer } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import type { DescribeInside } from './inside.ts';

const STATES = {
  'accept-completed': NEG_STATE.ACCEPT_COMPLETED,
  'accept-incomplete': NEG_STATE.ACCEPT_INCOMPLETE,
  reject: NEG_STATE.REJECT,
  'request-mic': NEG_STATE.REQUEST_MIC,
} as const;

/** @returns one line about it */
export function describeNegTokenInit(
  octets: Uint8Array,
  branch: Branch,
  reading: Reading,
  inside: DescribeInside,
): string {
  const said: Said = {};
  traceDer({ schema: InitialContextToken, octets, branch, dress: (field) => dress(field, reading, inside, said) });
  const isHint = branch.find('hintsOrMic (negHints)') !== undefined;
  // A hint comes from a server that speaks first. Everything else with this tag comes from a client.
  reading.suggest(isHint ? 'server' : 'client');
  const names = said.mechanisms ?? [];
  if (!isHint) reading.fact({ kind: 'spnego-offer', mechanisms: names });
  strictly(branch, () => decodeNegTokenInit(octets));
  const offered = `${isHint ? 'NegTokenInit2' : 'NegTokenInit'} [${names.join(', ')}]`;
  return said.token === undefined ? offered : `${offered} {${said.token}}`;
}

/** @returns one line about it */
export function describeNegTokenResp(
  octets: Uint8Array,
  branch: Branch,
  reading: Reading,
  inside: DescribeInside,
): string {
  const said: Said = {};
  traceDer({ schema: NegTokenRespMessage, octets, branch, dress: (field) => dress(field, reading, inside, said) });
  // Only an acceptor names the mechanism, is through, rejects or asks for a MIC, but for MIC-only replies of initiators.
  if (said.chosen !== undefined || said.state === NEG_STATE.REJECT || said.state === NEG_STATE.REQUEST_MIC)
    reading.suggest('server');
  if (said.state === NEG_STATE.REJECT) reading.fact({ kind: 'spnego-reject' });
  strictly(branch, () => decodeNegTokenResp(octets));
  const parts = ['NegTokenResp'];
  if (said.state !== undefined) parts.push(namedNumber(said.state, STATES).replace(/ \(.*/u, ''));
  if (said.chosen !== undefined) parts.push(`[${said.chosen}]`);
  if (said.token !== undefined) parts.push(`{${said.token}}`);
  if (said.mic === true) parts.push('with mechListMIC');
  return parts.join(' ');
}

/** What goes into the one line. */
interface Said {
  mechanisms?: readonly string[];
  chosen?: string;
  state?: number;
  token?: string;
  mic?: true;
}

function dress(field: ReadField, reading: Reading, inside: DescribeInside, said: Said): string | undefined {
  const { name, value, branch } = field;
  if (name === 'negState' && typeof value === 'number') {
    said.state = value;
    return namedNumber(value, STATES);
  }
  if ((name === 'supportedMech' || name === 'thisMech') && typeof value === 'string') {
    if (name === 'supportedMech') said.chosen = oidName(value);
    return mechanismText(value);
  }
  if (name === 'hintsOrMic') return dressHintsOrMic(value, branch, reading, said);
  if (!(value instanceof Uint8Array)) return undefined;
  switch (name) {
    case 'mechTypes':
      return mechTypes(value, branch, reading, said);
    case 'mechToken':
    case 'responseToken':
      said.token = inside(value, branch, reading);
      return undefined;
    case 'mechListMIC':
      return micText(value, branch, reading, said);
    case 'hintName':
      return asciiText(value.subarray(2));
    default:
      return hexText(value);
  }
}

function mechTypes(list: Uint8Array, branch: Branch, reading: Reading, said: Said): string {
  reading.observe({ kind: 'mech-types', list, branch });
  try {
    const mechanisms = decode(MechTypeList, list, { lengths: 'ber-long' });
    said.mechanisms = mechanisms.map(oidName);
    return mechanisms.map(mechanismText).join(', ');
  } catch (error) {
    branch.note('MALFORMED', reasonOf(error));
    return hexText(list);
  }
}

function mechanismText(oid: string): string {
  const name = oidName(oid);
  return name === oid ? oid : `${name} (${oid})`;
}

/** Field 3 is the MIC in RFC 4178, and the hints in [MS-SPNG]. */
function dressHintsOrMic(value: unknown, branch: Branch, reading: Reading, said: Said): string | undefined {
  if (typeof value !== 'object' || value === null || !('value' in value)) return undefined;
  return value.value instanceof Uint8Array ? micText(value.value, branch, reading, said) : undefined;
}

function micText(mic: Uint8Array, branch: Branch, reading: Reading, said: Said): string {
  said.mic = true;
  reading.observe({ kind: 'mech-list-mic', mic, branch });
  return hexText(mic);
}

function strictly(branch: Branch, decodeStrictly: () => unknown): void {
  if (branch.notes.length > 0) return;
  try {
    decodeStrictly();
  } catch (error) {
    branch.note('REFUSED', `a receiver refuses it: ${reasonOf(error)}`);
  }
}
