/**
 * The messages of CredSSP, [MS-CSSP] 2.2.1: EXPLICIT context tags throughout, text as UTF-16LE in OCTET STRINGs.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-cssp/6aac4dea-08ef-47a6-8747-22ea7f6d8685
 * @module
 */
import {
  decode,
  encode,
  field,
  integer,
  octetString,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
} from '../der/index.ts';
import { SspiError } from '../sspi/index.ts';

/** [MS-CSSP] 2.2.1.1 NegoData. One token is the rule; more are taken in turn (contract X9). */
const NegoData = sequenceOf(sequence({ negoToken: field(0, octetString) }), { max: 8 });

/** [MS-CSSP] 2.2.1 TSRequest. Fields that a later version may add behind the known ones are ignored (contract X9). */
export const TSRequest = sequence(
  {
    version: field(0, integer),
    negoTokens: optional(1, NegoData),
    authInfo: optional(2, octetString),
    pubKeyAuth: optional(3, octetString),
    errorCode: optional(4, integer), // an NTSTATUS as a signed INTEGER: 02 04 C0 00 00 6D
    clientNonce: optional(5, octetString), // versions 5 and 6
  },
  { extensible: true },
);
export type TSRequest = TypeOf<typeof TSRequest>;

/** [MS-CSSP] 2.2.1.2 TSCredentials: `credentials` wraps the DER of one of the three structures below. */
export const TSCredentials = sequence({
  credType: field(0, integer),
  credentials: field(1, octetString),
});

/** [MS-CSSP] 2.2.1.2.1 TSPasswordCreds, credType 1. */
export const TSPasswordCreds = sequence({
  domainName: field(0, octetString),
  userName: field(1, octetString),
  password: field(2, octetString),
});

/** [MS-CSSP] 2.2.1.2.2.1 TSCspDataDetail. */
const TSCspDataDetail = sequence({
  keySpec: field(0, integer), // AT_KEYEXCHANGE 1, AT_SIGNATURE 2
  cardName: optional(1, octetString),
  readerName: optional(2, octetString),
  containerName: optional(3, octetString),
  cspName: optional(4, octetString),
});

/** [MS-CSSP] 2.2.1.2.2 TSSmartCardCreds, credType 2. */
export const TSSmartCardCreds = sequence({
  pin: field(0, octetString),
  cspData: field(1, TSCspDataDetail),
  userHint: optional(2, octetString),
  domainHint: optional(3, octetString),
});

/** [MS-CSSP] 2.2.1.2.3.1 TSRemoteGuardPackageCred. */
const TSRemoteGuardPackageCred = sequence({
  packageName: field(0, octetString),
  credBuffer: field(1, octetString),
});

/** [MS-CSSP] 2.2.1.2.3 TSRemoteGuardCreds, credType 6. */
export const TSRemoteGuardCreds = sequence({
  logonCred: field(0, TSRemoteGuardPackageCred),
  supplementalCreds: optional(1, sequenceOf(TSRemoteGuardPackageCred, { max: 16 })),
});

/** clientNonce is 32 octets ([MS-CSSP] 2.2.1). */
export const NONCE_LENGTH = 32;

/**
 * Decodes a TSRequest strictly, but for lengths that are longer than they need be: Windows peers send them.
 * @param octets - exactly one TSRequest
 * @throws SspiError MALFORMED_TOKEN, NONCE_INVALID; DerError
 */
export function decodeTSRequest(octets: Uint8Array): TSRequest {
  const request = decode(TSRequest, octets, { lengths: 'ber-long' });
  const stage = 'TSRequest';
  if (request.version < 2)
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: `version ${request.version} does not exist` });
  if (request.negoTokens?.length === 0)
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: 'negoTokens is empty' });
  if (request.clientNonce !== undefined && request.clientNonce.length !== NONCE_LENGTH)
    throw new SspiError('NONCE_INVALID', { stage, detail: `${request.clientNonce.length} octets` });
  const { negoTokens, authInfo, pubKeyAuth, errorCode } = request;
  if (negoTokens === undefined && authInfo === undefined && pubKeyAuth === undefined && errorCode === undefined)
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: 'it carries nothing' });
  return request;
}

/** Encodes a TSRequest as minimal DER. */
export function encodeTSRequest(request: TSRequest): Uint8Array {
  return encode(TSRequest, request);
}

/** The errorCode as an unsigned NTSTATUS: peers write it signed in four octets or unsigned in five (contract X10). */
export function ntStatusOf(request: TSRequest): number | undefined {
  return request.errorCode === undefined ? undefined : request.errorCode >>> 0;
}

/**
 * What a TSRequest carries, for people: `TSRequest v6 {negoTokens: NTLM NEGOTIATE}`.
 * @param describeToken - tells what a negoToken is
 */
export function describeTSRequest(request: TSRequest, describeToken: (token: Uint8Array) => string): string {
  const parts: string[] = [];
  if (request.negoTokens !== undefined)
    parts.push(`negoTokens: ${request.negoTokens.map(({ negoToken }) => describeToken(negoToken)).join(', ')}`);
  if (request.authInfo !== undefined) parts.push('authInfo');
  if (request.pubKeyAuth !== undefined) parts.push('pubKeyAuth');
  const ntStatus = ntStatusOf(request);
  if (ntStatus !== undefined) parts.push(`errorCode: 0x${ntStatus.toString(16).padStart(8, '0')}`);
  if (request.clientNonce !== undefined) parts.push('clientNonce');
  return `TSRequest v${request.version} {${parts.join(', ')}}`;
}
