/**
 * Security identifiers, [MS-DTYP] 2.4.2: as octets and as text.
 * @module
 */

/** SubAuthorityCount goes up to this. */
const MOST_SUB_AUTHORITIES = 15;
const FIXED_LENGTH = 8;
const TEXT = /^S-1-(\d{1,10}|0x[\da-f]{12})((?:-\d{1,10}){0,15})$/i;

/**
 * The text of a SID: `S-1-5-21-1004336348-1177238915-682003330-512`.
 * @param octets - the SID and nothing else
 * @returns undefined when they are no SID
 */
export function sidText(octets: Uint8Array): string | undefined {
  const count = octets[1];
  if (octets[0] !== 1 || count === undefined || count > MOST_SUB_AUTHORITIES) return undefined;
  if (octets.length !== FIXED_LENGTH + 4 * count) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  // 2.4.2.1: what does not fit into 32 bits is written in hexadecimal
  let text = `S-1-${authority < 2 ** 32 ? authority : `0x${authority.toString(16).padStart(12, '0')}`}`;
  for (let i = 0; i < count; i++) text += `-${view.getUint32(FIXED_LENGTH + 4 * i, true)}`;
  return text;
}

/** The octets of a SID. @returns undefined when the text is no SID */
export function sidOctets(text: string): Uint8Array | undefined {
  const match = TEXT.exec(text);
  if (match === null) return undefined;
  const authority = Number(match[1]);
  const subAuthorities = (match[2] ?? '').split('-').slice(1).map(Number);
  if (subAuthorities.some((value) => value > 0xffffffff)) return undefined;
  const octets = new Uint8Array(FIXED_LENGTH + 4 * subAuthorities.length);
  const view = new DataView(octets.buffer);
  octets[0] = 1;
  octets[1] = subAuthorities.length;
  view.setUint16(2, Math.floor(authority / 2 ** 32));
  view.setUint32(4, authority % 2 ** 32);
  for (const [index, value] of subAuthorities.entries()) view.setUint32(FIXED_LENGTH + 4 * index, value, true);
  return octets;
}
