/**
 * The signatures of a PAC, [MS-PAC] 2.8: by the service's key, and by that of the KDC.
 *
 * A service can only check the first; it proves that the PAC comes from whoever knows the service's key, which is the KDC and the
 * service itself. Where the key of the KDC is at hand (a KDC, a lab, a domain controller) the others are checked too: they
 * are what keeps a service from forging tickets to itself (CVE-2020-17049, CVE-2022-37967).
 * @module
 */
import { decode, encode } from '../../der/index.ts';
import { CHECKSUM_TYPE, type ChecksumValue, KEY_USAGE, type KerberosKey } from '../encryption/index.ts';
import { AD_TYPE, AuthorizationData, EncTicketPart } from '../messages/index.ts';
import { encodePac, PAC_TYPE, type Pac, type PacBuffer } from './buffers.ts';
import { invalidPac } from './invalid.ts';

const USAGE = KEY_USAGE.KERB_NON_KERB_CKSUM_SALT;

/** Octets of a signature by its type, 2.8. */
const SIGNATURE_LENGTH = new Map<number, number>([
  [CHECKSUM_TYPE.HMAC_MD5, 16],
  [CHECKSUM_TYPE.HMAC_SHA1_96_AES128, 12],
  [CHECKSUM_TYPE.HMAC_SHA1_96_AES256, 12],
  [CHECKSUM_TYPE.HMAC_SHA256_128_AES128, 16],
  [CHECKSUM_TYPE.HMAC_SHA384_192_AES256, 24],
]);
/** SignatureType in front, RODCIdentifier behind. */
const TYPE_LENGTH = 4;
const RODC_LENGTH = 2;

/** PAC_SIGNATURE_DATA, 2.8. */
export interface PacSignature extends ChecksumValue {
  /** The read-only domain controller that signed; undefined for any other. */
  readonly rodcIdentifier: number | undefined;
}

/** The signature in a buffer. @throws SspiError PAC_INVALID when there is none, or one of a kind that takes no key */
export function pacSignature(pac: Pac, type: number): PacSignature {
  const { data, end } = placeOf(pac, type);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return {
    cksumtype: view.getInt32(0, true),
    checksum: data.subarray(TYPE_LENGTH, end),
    rodcIdentifier: data.length > end ? view.getUint16(end, true) : undefined,
  };
}

interface SignaturePlace extends PacBuffer {
  /** Where in the buffer the signature ends. */
  readonly end: number;
}

function placeOf(pac: Pac, type: number): SignaturePlace {
  const buffer = pac.buffers.find((one) => one.type === type);
  if (buffer === undefined) throw invalidPac(`there is no ${signatureName(type)}`);
  const { data } = buffer;
  if (data.length < TYPE_LENGTH) throw invalidPac(`the ${signatureName(type)} is too short`);
  const length = SIGNATURE_LENGTH.get(new DataView(data.buffer, data.byteOffset).getInt32(0, true));
  if (length === undefined) throw invalidPac(`the ${signatureName(type)} is of a kind that proves nothing`);
  const end = TYPE_LENGTH + length;
  if (data.length !== end && data.length !== end + RODC_LENGTH)
    throw invalidPac(`the ${signatureName(type)} has ${data.length} octets`);
  return { ...buffer, end };
}

function signatureName(type: number): string {
  switch (type) {
    case PAC_TYPE.SERVER_CHECKSUM:
      return 'server signature';
    case PAC_TYPE.KDC_CHECKSUM:
      return 'KDC signature';
    case PAC_TYPE.TICKET_CHECKSUM:
      return 'ticket signature';
    default:
      return 'full signature';
  }
}

/** The PAC with the values of some signatures zeroed: types and RODC identifiers stay. */
function withoutSignatures(pac: Pac, types: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(pac.octets);
  for (const type of types) {
    const { offset, end } = placeOf(pac, type);
    copy.fill(0, offset + TYPE_LENGTH, offset + end);
  }
  return copy;
}

const OF_SERVER = [PAC_TYPE.SERVER_CHECKSUM, PAC_TYPE.KDC_CHECKSUM];
const OF_FULL = [...OF_SERVER, PAC_TYPE.FULL_CHECKSUM];

/**
 * Checks the server signature: with the key that the ticket is encrypted with.
 * @throws SspiError PAC_INVALID
 */
export function verifyServerSignature(pac: Pac, serviceKey: KerberosKey): void {
  check(pac, PAC_TYPE.SERVER_CHECKSUM, serviceKey, withoutSignatures(pac, OF_SERVER));
}

/**
 * Checks the KDC signature, which covers the server signature: with the key of krbtgt.
 * @throws SspiError PAC_INVALID
 */
export function verifyKdcSignature(pac: Pac, krbtgtKey: KerberosKey): void {
  check(pac, PAC_TYPE.KDC_CHECKSUM, krbtgtKey, pacSignature(pac, PAC_TYPE.SERVER_CHECKSUM).checksum);
}

/**
 * Checks the full signature, which covers the PAC: with the key of krbtgt.
 * @throws SspiError PAC_INVALID, also when there is none: KDCs older than 2022 make none
 */
export function verifyFullSignature(pac: Pac, krbtgtKey: KerberosKey): void {
  check(pac, PAC_TYPE.FULL_CHECKSUM, krbtgtKey, withoutSignatures(pac, OF_FULL));
}

/**
 * Checks the ticket signature, which covers the ticket around the PAC: with the key of krbtgt.
 * @param ticketPart - the decrypted part of the ticket
 * @throws SspiError PAC_INVALID, also when there is none: ticket-granting tickets have none
 */
export function verifyTicketSignature(pac: Pac, ticketPart: EncTicketPart, krbtgtKey: KerberosKey): void {
  check(pac, PAC_TYPE.TICKET_CHECKSUM, krbtgtKey, ticketWithoutPac(ticketPart));
}

function check(pac: Pac, type: number, key: KerberosKey, covered: Uint8Array): void {
  if (!key.verifies(USAGE, pacSignature(pac, type), covered))
    throw invalidPac(`the ${signatureName(type)} does not verify`);
}

/** What stands in for the PAC while the ticket is signed. */
const PLACEHOLDER = new Uint8Array(1);

/** The EncTicketPart with one zero octet in place of its PAC, 2.8.3. @throws SspiError PAC_INVALID unless it has exactly one */
export function ticketWithoutPac(ticketPart: EncTicketPart): Uint8Array {
  let replaced = 0;
  const replace = (elements: AuthorizationData): AuthorizationData =>
    elements.map((element) => {
      if (element.adType !== AD_TYPE.WIN2K_PAC) return element;
      replaced++;
      return { ...element, adData: PLACEHOLDER };
    });
  const authorizationData = (ticketPart.authorizationData ?? []).map((element) => {
    if (element.adType !== AD_TYPE.IF_RELEVANT) return element;
    const inner = decode(AuthorizationData, element.adData);
    if (!inner.some(({ adType }) => adType === AD_TYPE.WIN2K_PAC)) return element;
    return { ...element, adData: encode(AuthorizationData, replace(inner)) };
  });
  if (replaced !== 1) throw invalidPac(`${replaced} PACs in the ticket`);
  return encode(EncTicketPart, { ...ticketPart, authorizationData });
}

/** A PAC as element of authorization data: within AD-IF-RELEVANT, for who knows no PACs may pass it over. */
export function pacAuthorizationData(pac: Uint8Array): AuthorizationData {
  const inner = [{ adType: AD_TYPE.WIN2K_PAC, adData: pac }];
  return [{ adType: AD_TYPE.IF_RELEVANT, adData: encode(AuthorizationData, inner) }];
}

/** What a PAC is signed with. */
export interface PacSigning {
  readonly serviceKey: KerberosKey;
  readonly krbtgtKey: KerberosKey;
  /**
   * The ticket that the PAC goes into, without any other PAC in it; its authorization data comes behind the PAC. Absent: no ticket
   * signature, as in ticket-granting tickets.
   */
  readonly ticketPart?: EncTicketPart | undefined;
  /** Whether to make a full signature too. Default true. */
  readonly full?: boolean | undefined;
}

/**
 * Lays out the buffers given and signs them. The order is that of Windows Server 2022: behind the first buffer, which is the
 * LOGON_INFO, come the two old signatures, and at the end the two new ones.
 * @returns the octets of the PAC
 */
export function signPac(
  contents: readonly { readonly type: number; readonly data: Uint8Array }[],
  { serviceKey, krbtgtKey, ticketPart, full = true }: PacSigning,
): Uint8Array {
  const room = (type: number, key: KerberosKey) => ({ type, data: signatureRoom(key) });
  const pac = encodePac([
    ...contents.slice(0, 1),
    room(PAC_TYPE.SERVER_CHECKSUM, serviceKey),
    room(PAC_TYPE.KDC_CHECKSUM, krbtgtKey),
    ...contents.slice(1),
    ...(ticketPart === undefined ? [] : [room(PAC_TYPE.TICKET_CHECKSUM, krbtgtKey)]),
    ...(full ? [room(PAC_TYPE.FULL_CHECKSUM, krbtgtKey)] : []),
  ]);
  const sign = (type: number, key: KerberosKey, covered: Uint8Array): void => {
    pacSignature(pac, type).checksum.set(key.checksum(USAGE, covered).checksum);
  };
  // Each covers those before it.
  if (ticketPart !== undefined) {
    const withPlaceholder = [...pacAuthorizationData(PLACEHOLDER), ...(ticketPart.authorizationData ?? [])];
    sign(
      PAC_TYPE.TICKET_CHECKSUM,
      krbtgtKey,
      encode(EncTicketPart, { ...ticketPart, authorizationData: withPlaceholder }),
    );
  }
  if (full) sign(PAC_TYPE.FULL_CHECKSUM, krbtgtKey, withoutSignatures(pac, OF_FULL));
  sign(PAC_TYPE.SERVER_CHECKSUM, serviceKey, withoutSignatures(pac, OF_SERVER));
  sign(PAC_TYPE.KDC_CHECKSUM, krbtgtKey, pacSignature(pac, PAC_TYPE.SERVER_CHECKSUM).checksum);
  return pac.octets;
}

function signatureRoom({ type: { checksumType, checksumLength } }: KerberosKey): Uint8Array {
  const data = new Uint8Array(TYPE_LENGTH + checksumLength);
  new DataView(data.buffer).setInt32(0, checksumType, true);
  return data;
}
