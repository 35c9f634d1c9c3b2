/**
 * Messages of Kerberos (RFC 4120 5, RFC 6113, [MS-KILE] 2.2) as trees, with what is nested in their octet strings; and what of
 * them keys can open, written down for whoever has keys.
 * @module
 */
import type { Schema } from '../../der/index.ts';
import * as kerberos from '../../kerberos/index.ts';
import { ntStatusName } from '../../sspi/index.ts';
import type { KerberosName, Salt } from '../observations.ts';
import type { Reading } from '../reading.ts';
import { flagsText, hexText, printable } from '../text.ts';
import { contentOf, type ReadField, traceDer } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import { describeChecksumField } from './gss-checksum.ts';
import { adName, kerberosText, padataName } from './kerberos-fields.ts';
import { describePac } from './pac.ts';

const encoder = new TextEncoder();

/** Every message by its identifier octet, parts that are encrypted on the wire included: people decrypt them by other means. */
const MESSAGES: ReadonlyMap<
  number,
  { readonly name: string; readonly schema: Schema<unknown>; readonly from?: 'client' | 'server' }
> = new Map([
  [0x61, { name: 'Ticket', schema: kerberos.Ticket }],
  [0x62, { name: 'Authenticator', schema: kerberos.Authenticator }],
  [0x63, { name: 'EncTicketPart', schema: kerberos.EncTicketPart }],
  [0x6a, { name: 'AS-REQ', schema: kerberos.AsReq, from: 'client' }],
  [0x6b, { name: 'AS-REP', schema: kerberos.AsRep, from: 'server' }],
  [0x6c, { name: 'TGS-REQ', schema: kerberos.TgsReq, from: 'client' }],
  [0x6d, { name: 'TGS-REP', schema: kerberos.TgsRep, from: 'server' }],
  [0x6e, { name: 'AP-REQ', schema: kerberos.ApReq, from: 'client' }],
  [0x6f, { name: 'AP-REP', schema: kerberos.ApRep, from: 'server' }],
  [0x74, { name: 'KRB-SAFE', schema: kerberos.KrbSafe }],
  [0x75, { name: 'KRB-PRIV', schema: kerberos.KrbPriv }],
  [0x76, { name: 'KRB-CRED', schema: kerberos.KrbCred }],
  [0x79, { name: 'EncASRepPart', schema: kerberos.EncAsRepPart }],
  [0x7a, { name: 'EncTGSRepPart', schema: kerberos.EncTgsRepPart }],
  [0x7b, { name: 'EncAPRepPart', schema: kerberos.EncApRepPart }],
  [0x7c, { name: 'EncKrbPrivPart', schema: kerberos.EncKrbPrivPart }],
  [0x7d, { name: 'EncKrbCredPart', schema: kerberos.EncKrbCredPart }],
  [0x7e, { name: 'KRB-ERROR', schema: kerberos.KrbError, from: 'server' }],
] as const);

/** The name of the message that begins with this octet. */
export function kerberosMessageName(tag: number | undefined): string | undefined {
  return MESSAGES.get(tag ?? 0)?.name;
}

/** @returns one line about it */
export function describeKerberos(octets: Uint8Array, branch: Branch, reading: Reading): string {
  const known = MESSAGES.get(octets[0] ?? 0);
  if (known === undefined) {
    branch.note('UNKNOWN', 'no Kerberos message begins with this octet');
    return 'Kerberos message of unknown type';
  }
  if (known.from !== undefined && reading.depth === 0) reading.suggest(known.from);
  const found: Found = { isRequest: octets[0] === 0x6a || octets[0] === 0x6c, preAuthentication: undefined };
  const value = traceDer({
    schema: known.schema,
    octets,
    branch,
    dress: (field) => dress(field, reading, found),
  });
  const name = `Kerberos ${known.name}`;
  if (value === undefined) return `${name}, malformed`;
  const detail = observe(value, octets, branch, reading, found);
  return detail === undefined ? name : `${name} (${detail})`;
}

/** Looks into a part that was decrypted. @returns the value, when it is whole */
export function describePart<T>(
  schema: Schema<T>,
  plaintext: Uint8Array,
  branch: Branch,
  reading: Reading,
): T | undefined {
  const found: Found = { isRequest: false, preAuthentication: undefined };
  return traceDer({ schema, octets: plaintext, branch, dress: (field) => dress(field, reading, found) });
}

/** What stands in padata and can only be made use of when the whole message is read. */
interface Found {
  /** Requests and replies of FAST have the same number and different types. */
  readonly isRequest: boolean;
  preAuthentication: { readonly data: kerberos.EncryptedData; readonly branch: Branch } | undefined;
}

// ------------------------------------------------------------------------------------------------ what keys can make of them

/** Writes down what can be opened. @returns what belongs into the one line */
function observe(
  value: unknown,
  octets: Uint8Array,
  branch: Branch,
  reading: Reading,
  found: Found,
): string | undefined {
  switch (octets[0]) {
    case 0x61: {
      const ticket = value as kerberos.Ticket; // read with the schema of this tag; likewise below
      reading.observe({ kind: 'ticket', ticket, branch });
      return ticketText(ticket);
    }
    case 0x6a:
    case 0x6c:
      return observeRequest(value as kerberos.AsReq, octets, branch, reading, found);
    case 0x6b:
    case 0x6d: {
      const { cname, crealm, ticket, encPart, padata = [] } = value as kerberos.AsRep;
      const client = { name: cname, realm: crealm };
      const { FX_FAST, PK_AS_REP } = kerberos.PA_TYPE;
      const otherKey = padata.some(({ padataType }) => padataType === FX_FAST || padataType === PK_AS_REP);
      const which = octets[0] === 0x6b ? 'AS-REP' : 'TGS-REP';
      reading.observe({ kind: 'kdc-reply', which, client, ticket, encPart, otherKey, branch });
      return `${nameText(client)} for ${ticketText(ticket)}`;
    }
    case 0x6e: {
      const message = value as kerberos.ApReq;
      reading.observe({ kind: 'ap-req', message, branch });
      return ticketText(message.ticket);
    }
    case 0x6f: {
      const data = (value as kerberos.ApRep).encPart;
      const usages = [kerberos.KEY_USAGE.AP_REP];
      reading.observe({ kind: 'session-sealed', name: 'AP-REP', data, usages, schema: kerberos.EncApRepPart, branch });
      return undefined;
    }
    case 0x74: {
      const { cksum } = value as kerberos.KrbSafe;
      const body = partOf(octets, branch, 'safeBody');
      if (body !== undefined) reading.observe({ kind: 'krb-safe', body, checksum: cksum, branch });
      return undefined;
    }
    case 0x75: {
      const data = (value as kerberos.KrbPriv).encPart;
      const usages = [kerberos.KEY_USAGE.KRB_PRIV];
      reading.observe({
        kind: 'session-sealed',
        name: 'KRB-PRIV',
        data,
        usages,
        schema: kerberos.EncKrbPrivPart,
        branch,
      });
      return undefined;
    }
    case 0x76: {
      const { tickets, encPart } = value as kerberos.KrbCred;
      const usages = [kerberos.KEY_USAGE.KRB_CRED];
      reading.observe({
        kind: 'session-sealed',
        name: 'KRB-CRED',
        data: encPart,
        usages,
        schema: kerberos.EncKrbCredPart,
        branch,
      });
      return tickets.map(ticketText).join(', ');
    }
    case 0x7e:
      return observeError(value as kerberos.KrbError, reading);
    default:
      return undefined;
  }
}

function observeRequest(
  request: kerberos.AsReq,
  octets: Uint8Array,
  branch: Branch,
  reading: Reading,
  found: Found,
): string {
  const { realm, cname, sname, encAuthorizationData } = request.reqBody;
  const client = cname === undefined ? undefined : { name: cname, realm };
  reading.observe({ kind: 'kdc-request', octets, client });
  if (found.preAuthentication !== undefined)
    reading.observe({ kind: 'pre-authentication', ...found.preAuthentication });
  const body = partOf(octets, branch, 'reqBody');
  const place = branch.find('reqBody');
  if (body !== undefined && place !== undefined && octets[0] === 0x6c)
    reading.observe({ kind: 'request-body', body, branch: place });
  if (encAuthorizationData !== undefined) {
    const usages = [
      kerberos.KEY_USAGE.TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY,
      kerberos.KEY_USAGE.TGS_REQ_AUTHORIZATION_DATA_SUBKEY,
    ];
    const where = branch.find('encAuthorizationData') ?? branch;
    reading.observe({
      kind: 'session-sealed',
      name: 'enc-authorization-data',
      data: encAuthorizationData,
      usages,
      schema: kerberos.AuthorizationData,
      branch: where,
    });
  }
  const service = sname === undefined ? realm : printable(kerberos.formatPrincipal(sname, realm));
  return client === undefined ? service : `${nameText(client)} for ${service}`;
}

function observeError(error: kerberos.KrbError, reading: Reading): string {
  const { errorCode, stime, susec, ctime, cusec, sname, realm, eData } = error;
  const name = kerberos.krbErrorName(errorCode);
  const skewSeconds =
    ctime === undefined
      ? undefined
      : Math.round((kerberos.millisecondsOf(stime, susec) - kerberos.millisecondsOf(ctime, cusec)) / 1000);
  const ntStatus = kerberos.windowsErrorData(eData)?.ntStatus;
  reading.fact({
    kind: 'krb-error',
    errorCode,
    service: printable(kerberos.formatPrincipal(sname, realm)),
    ...(skewSeconds === undefined ? {} : { skewSeconds }),
    ...(ntStatus === undefined ? {} : { ntStatus }),
  });
  return ntStatus === undefined ? name : `${name}, ${ntStatusName(ntStatus)}`;
}

/** The octets of a field within its tag: what checksums cover. */
function partOf(octets: Uint8Array, branch: Branch, name: string): Uint8Array | undefined {
  const field = branch.children.find((child) => child.name === name);
  if (field === undefined) return undefined;
  const start = field.offset - branch.offset;
  const whole = octets.subarray(start, start + field.length);
  const first = whole[1] ?? 0;
  return whole.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}

function ticketText({ sname, realm }: kerberos.Ticket): string {
  return printable(kerberos.formatPrincipal(sname, realm));
}

function nameText({ name, realm }: KerberosName): string {
  return printable(kerberos.formatPrincipal(name, realm));
}

// ------------------------------------------------------------------------------------------------------- what is inside fields

function dress(field: ReadField, reading: Reading, found: Found): string | undefined {
  const { name, value, branch, before } = field;
  if (value instanceof Uint8Array) {
    if (name === 'padataValue') return describePadata(value, branch, Number(before.get('padataType')), reading, found);
    if (name === 'adData') return authorizationData(value, branch, Number(before.get('adType')), reading, found);
    if (name === 'eData') return errorData(value, branch, before.get('errorCode'), reading, found);
    if (name === 'armorValue') {
      nested(kerberos.ApReq, value, branch, 'AP-REQ', reading, found, (message, inner) =>
        reading.observe({ kind: 'ap-req', message, branch: inner }),
      );
      return undefined;
    }
    if (name === 'checksum' && before.get('cksumtype') === 0x8003)
      return describeChecksumField(value, contentOf(branch, value), reading, describeKerberos);
  }
  return kerberosText(field);
}

/** Looks into octets that have a schema. */
function nested<T>(
  schema: Schema<T>,
  octets: Uint8Array,
  field: Branch,
  name: string,
  reading: Reading,
  found: Found,
  then: (value: T, branch: Branch) => void = () => undefined,
): undefined {
  const inner = contentOf(field, octets, name);
  const value = traceDer({ schema, octets, branch: inner, dress: (one) => dress(one, reading, found) });
  if (value !== undefined) then(value, inner);
  return undefined;
}

/** Types of pre-authentication data that are a schema and nothing else. */
const PADATA: ReadonlyMap<number, Schema<unknown>> = new Map<number, Schema<unknown>>([
  [kerberos.PA_TYPE.PAC_REQUEST, kerberos.KerbPaPacRequest],
  [kerberos.PA_TYPE.FOR_USER, kerberos.PaForUser],
  [kerberos.PA_TYPE.SPAKE, kerberos.PaSpake],
  [kerberos.PA_TYPE.REQ_ENC_PA_REP, kerberos.Checksum],
  [kerberos.PA_TYPE.ENCRYPTED_CHALLENGE, kerberos.EncryptedData],
]);

function describePadata(
  octets: Uint8Array,
  branch: Branch,
  type: number,
  reading: Reading,
  found: Found,
): string | undefined {
  const name = padataName(type).replace(/ \(.*/u, '');
  const { PA_TYPE } = kerberos;
  if (octets.length === 0) return '(empty)';
  switch (type) {
    case PA_TYPE.TGS_REQ:
      return nested(kerberos.ApReq, octets, branch, 'AP-REQ', reading, found, (message, inner) => {
        reading.observe({ kind: 'ap-req', message, branch: inner });
      });
    case PA_TYPE.ENC_TIMESTAMP:
      return nested(kerberos.EncryptedData, octets, branch, name, reading, found, (data, inner) => {
        found.preAuthentication = { data, branch: inner };
      });
    case PA_TYPE.ETYPE_INFO2:
      return nested(kerberos.EtypeInfo2, octets, branch, name, reading, found, (list) => {
        salts(
          reading,
          list.map(({ etype, salt, s2kparams }) => ({
            etype,
            salt: salt === undefined ? undefined : encoder.encode(salt),
            parameters: s2kparams,
          })),
        );
      });
    case PA_TYPE.ETYPE_INFO:
      return nested(kerberos.EtypeInfo, octets, branch, name, reading, found, (list) => {
        salts(
          reading,
          list.map(({ etype, salt }) => ({ etype, salt, parameters: undefined })),
        );
      });
    case PA_TYPE.PAC_OPTIONS:
      return nested(kerberos.PaPacOptions, octets, branch, name, reading, found, ({ flags }, inner) => {
        const place = inner.find('flags');
        if (place !== undefined) place.value = flagsText(flags, kerberos.PAC_OPTIONS);
      });
    case PA_TYPE.FX_FAST: {
      const schema = found.isRequest ? kerberos.PaFxFastRequest : kerberos.PaFxFastReply;
      return nested<unknown>(schema, octets, branch, name, reading, found);
    }
    default: {
      const schema = PADATA.get(type);
      return schema === undefined ? hexText(octets) : nested(schema, octets, branch, name, reading, found);
    }
  }
}

function salts(reading: Reading, list: readonly Salt[]): void {
  reading.observe({ kind: 'salts', salts: list });
}

function authorizationData(
  octets: Uint8Array,
  branch: Branch,
  type: number,
  reading: Reading,
  found: Found,
): string | undefined {
  const { AD_TYPE } = kerberos;
  switch (type) {
    case AD_TYPE.IF_RELEVANT:
    case AD_TYPE.MANDATORY_FOR_KDC:
      return nested(kerberos.AuthorizationData, octets, branch, adName(type), reading, found);
    case AD_TYPE.KDC_ISSUED:
      return nested(kerberos.AdKdcIssued, octets, branch, adName(type), reading, found);
    case AD_TYPE.KERB_AUTH_DATA_TOKEN_RESTRICTIONS:
      return nested(kerberos.KerbAdRestrictionEntry, octets, branch, adName(type), reading, found);
    case AD_TYPE.WIN2K_PAC:
      return describePac(octets, contentOf(branch, octets, 'PAC'));
    case AD_TYPE.AP_OPTIONS:
      if (octets.length !== 4) return hexText(octets);
      return flagsText(new DataView(octets.buffer, octets.byteOffset).getUint32(0, true), kerberos.AP_OPTIONS_DATA);
    case AD_TYPE.TARGET_PRINCIPAL:
      return printable(new TextDecoder('utf-16le').decode(octets));
    default:
      return hexText(octets);
  }
}

/** RFC 4120 5.9.1, [MS-KILE] 2.2.1: what it is depends on the error, and on who sent it. */
function errorData(
  octets: Uint8Array,
  branch: Branch,
  errorCode: unknown,
  reading: Reading,
  found: Found,
): string | undefined {
  const { KRB_ERROR_CODE } = kerberos;
  if (
    errorCode === KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED ||
    errorCode === KRB_ERROR_CODE.KDC_ERR_PREAUTH_FAILED ||
    errorCode === KRB_ERROR_CODE.KDC_ERR_MORE_PREAUTH_DATA_REQUIRED
  )
    return nested(kerberos.MethodData, octets, branch, 'METHOD-DATA', reading, found);
  const windows = kerberos.windowsErrorData(octets);
  if (windows === undefined) return hexText(octets);
  if (windows.ntStatus !== undefined) return ntStatusName(windows.ntStatus);
  return windows.skewRecovery ? 'try again with the time of this error' : hexText(octets);
}
