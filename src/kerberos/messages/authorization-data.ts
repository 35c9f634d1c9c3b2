/**
 * Authorization data, RFC 4120 5.2.6, and what Windows puts there ([MS-KILE] 2.2, contract K15).
 * @module
 */
import { decode, field, int32, octetString, sequence, sequenceOf, type TypeOf } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { Realm } from './basic-types.ts';
import { Checksum } from './encrypted-data.ts';
import { PrincipalName } from './principal.ts';

/** ad-type. */
export const AD_TYPE = {
  IF_RELEVANT: 1,
  KDC_ISSUED: 4,
  AND_OR: 5,
  MANDATORY_FOR_KDC: 8,
  ETYPE_NEGOTIATION: 129,
  AUTHENTICATION_STRENGTH: 70,
  FX_FAST_ARMOR: 71,
  FX_FAST_USED: 72,
  CAMMAC: 96,
  AUTHENTICATION_INDICATOR: 97,
  /** The PAC, [MS-PAC]. */
  WIN2K_PAC: 128,
  KERB_AUTH_DATA_TOKEN_RESTRICTIONS: 141,
  KERB_LOCAL: 142,
  AP_OPTIONS: 143,
  TARGET_PRINCIPAL: 144,
} as const;

/** Bits of AD-AUTH-DATA-AP-OPTIONS, a little-endian number ([MS-KILE] 3.2.5.8). */
export const AP_OPTIONS_DATA = {
  /** The client always sends channel bindings when it knows them: an absent one is a sign of somebody in between. */
  CBT: 0x4000,
  UNVERIFIED_TARGET_NAME: 0x8000,
} as const;

/** AuthorizationData. */
export const AuthorizationData = sequenceOf(sequence({ adType: field(0, int32), adData: field(1, octetString) }));
export type AuthorizationData = TypeOf<typeof AuthorizationData>;

/** AD-KDCIssued, 5.2.6.2. */
export const AdKdcIssued = sequence({
  adChecksum: field(0, Checksum),
  iRealm: field(1, Realm),
  iSname: field(2, PrincipalName),
  elements: field(3, AuthorizationData),
});
export type AdKdcIssued = TypeOf<typeof AdKdcIssued>;

/** KERB-AD-RESTRICTION-ENTRY, [MS-KILE] 2.2.6: `restriction` is a LSAP_TOKEN_INFO_INTEGRITY. */
export const KerbAdRestrictionEntry = sequenceOf(
  sequence({ restrictionType: field(0, int32), restriction: field(1, octetString) }),
);
export type KerbAdRestrictionEntry = TypeOf<typeof KerbAdRestrictionEntry>;

/** Elements of AD-IF-RELEVANT are looked into this deep; honest peers nest once. */
const MOST_LEVELS = 4;
/** Elements looked at in all, however they are nested. */
const MOST_ELEMENTS = 256;

/**
 * The data of all elements of a type, wherever they stand: at the top or within AD-IF-RELEVANT, in their order.
 * @throws SspiError MALFORMED_TOKEN when they are nested without end; DerError
 */
export function findAuthorizationData(data: AuthorizationData | undefined, adType: number): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  let looked = 0;
  const look = (elements: AuthorizationData, level: number): void => {
    if (level > MOST_LEVELS) throw malformed('nested too deep');
    for (const element of elements) {
      if (++looked > MOST_ELEMENTS) throw malformed(`more than ${MOST_ELEMENTS} elements`);
      if (element.adType === adType) found.push(element.adData);
      else if (element.adType === AD_TYPE.IF_RELEVANT) look(decode(AuthorizationData, element.adData), level + 1);
    }
  };
  look(data ?? [], 1);
  return found;
}

function malformed(detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: 'Kerberos authorization data', detail });
}
