/**
 * What answers, or asks, where RDP was expected: people get hosts and ports wrong, and scanners try everything everywhere.
 * @module
 */
import { type Frame, SspiError } from '../sspi/index.ts';
import { frameConnectionPdu } from './x224.ts';

/** How protocols begin that are met on the wrong port. */
const BEGINNINGS: readonly (readonly [readonly number[], string])[] = [
  [[0x16, 0x03], 'TLS from the first octet'],
  [[0x15, 0x03], 'TLS from the first octet: an alert'],
  [[...ascii('HTTP/')], 'HTTP'],
  [[...ascii('GET ')], 'HTTP'],
  [[...ascii('<')], 'a page of markup'],
  [[...ascii('SSH-')], 'SSH'],
  [[...ascii('RFB ')], 'VNC'],
  [[0x30, 0x84], 'LDAP'],
  [[0x30], 'a TSRequest or LDAP, without TLS'],
];

/**
 * As `frameConnectionPdu`, for the first octets of a stranger.
 * @param said - what we have said to it: some repeat what they are sent
 * @throws SspiError NOT_RDP
 */
export function frameFirstPdu(octets: Uint8Array, stage: string, said?: Uint8Array): Frame {
  if (said !== undefined && octets.length === said.length && octets.every((octet, at) => octet === said[at]))
    throw new SspiError('NOT_RDP', { stage, detail: 'it repeats what it is sent' });
  try {
    return frameConnectionPdu(octets);
  } catch (cause) {
    throw new SspiError('NOT_RDP', { stage, detail: seemsToBe(octets), cause });
  }
}

function seemsToBe(octets: Uint8Array): string {
  const known = BEGINNINGS.find(([beginning]) => beginning.every((octet, at) => octets[at] === octet));
  return known === undefined ? 'no TPKT header' : `it looks like ${known[1]}`;
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
