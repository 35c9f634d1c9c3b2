/**
 * The PAC ([MS-PAC]) as a tree: who the user is, which groups he is in, and the signatures that vouch for it.
 * @module
 */

import {
  CHECKSUM_TYPE,
  decodeClaims,
  decodeLogonInfo,
  decodePac,
  decodePacAttributes,
  decodePacClientInfo,
  decodePacRequestor,
  decodeUpnDnsInfo,
  groupSids,
  PAC_ATTRIBUTES,
  PAC_TYPE,
  type Pac,
  pacSignature,
  USER_FLAGS,
  userSid,
} from '../../kerberos/index.ts';
import { counted, fileTimeText, flagsText, hexText, namedNumber, printable } from '../text.ts';
import { reasonOf } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';

/** @returns what stands beside its name */
export function describePac(octets: Uint8Array, branch: Branch): string | undefined {
  let pac: Pac;
  try {
    pac = decodePac(octets);
  } catch (error) {
    branch.note('MALFORMED', reasonOf(error));
    return undefined;
  }
  for (const { type, offset, data } of pac.buffers) {
    const buffer = branch.add(namedNumber(type, PAC_TYPE), branch.offset + offset, data.length);
    try {
      describeBuffer(pac, type, data, buffer);
    } catch (error) {
      buffer.note('MALFORMED', reasonOf(error));
    }
  }
  return undefined;
}

function describeBuffer(pac: Pac, type: number, data: Uint8Array, buffer: Branch): void {
  const say = (name: string, value: string): void =>
    void buffer.add(name, buffer.offset, data.length, printable(value));
  switch (type) {
    case PAC_TYPE.LOGON_INFO: {
      const info = decodeLogonInfo(data);
      say('EffectiveName', info.effectiveName);
      say('LogonDomainName', info.logonDomainName);
      say('LogonServer', info.logonServer);
      say('user', userSid(info) ?? 'no SID');
      const sids = groupSids(info);
      say('groups', `${counted(sids.length, 'SID')}: ${sids.map(String).join(', ')}`);
      say('UserFlags', flagsText(info.userFlags, USER_FLAGS));
      say('LogonTime', fileTimeText(info.logonTime));
      say('PasswordMustChange', fileTimeText(info.passwordMustChange));
      return;
    }
    case PAC_TYPE.CLIENT_INFO: {
      const { name, clientId } = decodePacClientInfo(data);
      say('Name', name);
      say('ClientId', fileTimeText(clientId));
      return;
    }
    case PAC_TYPE.UPN_DNS_INFO: {
      const { upn, dnsDomainName, samName, sid } = decodeUpnDnsInfo(data);
      say('Upn', upn);
      say('DnsDomainName', dnsDomainName);
      if (samName !== undefined) say('SamName', samName);
      if (sid !== undefined) say('Sid', sid);
      return;
    }
    case PAC_TYPE.ATTRIBUTES:
      buffer.value = flagsText(decodePacAttributes(data), PAC_ATTRIBUTES);
      return;
    case PAC_TYPE.REQUESTOR:
      buffer.value = decodePacRequestor(data);
      return;
    case PAC_TYPE.SERVER_CHECKSUM:
    case PAC_TYPE.KDC_CHECKSUM:
    case PAC_TYPE.TICKET_CHECKSUM:
    case PAC_TYPE.FULL_CHECKSUM: {
      const { cksumtype, checksum, rodcIdentifier } = pacSignature(pac, type);
      say('SignatureType', namedNumber(cksumtype, CHECKSUM_TYPE));
      say('Signature', hexText(checksum));
      if (rodcIdentifier !== undefined) say('RODCIdentifier', String(rodcIdentifier));
      return;
    }
    case PAC_TYPE.CLIENT_CLAIMS:
    case PAC_TYPE.DEVICE_CLAIMS: {
      const sets = decodeClaims(data);
      for (const { claims } of sets ?? []) for (const { id, values } of claims) say(id, values.map(String).join(', '));
      if (sets === undefined) buffer.value = 'compressed';
      return;
    }
    case PAC_TYPE.CREDENTIALS_INFO:
      buffer.value = `encrypted credentials, ${counted(data.length, 'octet')}`;
      return;
    default:
      buffer.value = hexText(data);
  }
}
