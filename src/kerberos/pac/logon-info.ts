/**
 * KERB_VALIDATION_INFO, [MS-PAC] 2.5: who the user is, and which groups he is in.
 * @module
 */

import { invalidPac } from './invalid.ts';
import { NdrReader, NdrWriter } from './ndr.ts';

/** GROUP_MEMBERSHIP, [MS-PAC] 2.2.2: a group of the domain. */
export interface GroupMembership {
  readonly relativeId: number;
  /** SE_GROUP_ bits, [MS-PAC] 2.2.1. */
  readonly attributes: number;
}

/** KERB_SID_AND_ATTRIBUTES, [MS-PAC] 2.2.1: a group of any domain. */
export interface SidAndAttributes {
  readonly sid: string;
  readonly attributes: number;
}

/** Bits of UserFlags. */
export const USER_FLAGS = {
  GUEST: 0x1,
  EXTRA_SIDS: 0x20,
  RESOURCE_GROUPS: 0x200,
} as const;

/** KERB_VALIDATION_INFO. Times are FILETIME ticks; SIDs are texts. */
export interface LogonInfo {
  readonly logonTime: bigint;
  readonly logoffTime: bigint;
  readonly kickOffTime: bigint;
  readonly passwordLastSet: bigint;
  readonly passwordCanChange: bigint;
  readonly passwordMustChange: bigint;
  /** sAMAccountName. */
  readonly effectiveName: string;
  readonly fullName: string;
  readonly logonScript: string;
  readonly profilePath: string;
  readonly homeDirectory: string;
  readonly homeDirectoryDrive: string;
  readonly logonCount: number;
  readonly badPasswordCount: number;
  /** RID of the user within `logonDomainId`. */
  readonly userId: number;
  readonly primaryGroupId: number;
  readonly groupIds: readonly GroupMembership[];
  /** Bits of {@link USER_FLAGS}. */
  readonly userFlags: number;
  /** 16 octets; zeros in Kerberos. */
  readonly userSessionKey: Uint8Array;
  readonly logonServer: string;
  /** NetBIOS name. */
  readonly logonDomainName: string;
  readonly logonDomainId: string | undefined;
  readonly userAccountControl: number;
  readonly subAuthStatus: number;
  readonly lastSuccessfulILogon: bigint;
  readonly lastFailedILogon: bigint;
  readonly failedILogonCount: number;
  readonly extraSids: readonly SidAndAttributes[];
  readonly resourceGroupDomainSid: string | undefined;
  readonly resourceGroupIds: readonly GroupMembership[];
}

/** Octets of a GROUP_MEMBERSHIP, and of a KERB_SID_AND_ATTRIBUTES without its SID. */
const ELEMENT = 8;

/** @throws SspiError PAC_INVALID */
export function decodeLogonInfo(octets: Uint8Array): LogonInfo {
  const ndr = new NdrReader(octets);
  if (!ndr.pointer()) throw invalidPac('no logon information');
  const logonTime = ndr.fileTime();
  const logoffTime = ndr.fileTime();
  const kickOffTime = ndr.fileTime();
  const passwordLastSet = ndr.fileTime();
  const passwordCanChange = ndr.fileTime();
  const passwordMustChange = ndr.fileTime();
  const effectiveName = ndr.stringHeader();
  const fullName = ndr.stringHeader();
  const logonScript = ndr.stringHeader();
  const profilePath = ndr.stringHeader();
  const homeDirectory = ndr.stringHeader();
  const homeDirectoryDrive = ndr.stringHeader();
  const logonCount = ndr.u16();
  const badPasswordCount = ndr.u16();
  const userId = ndr.u32();
  const primaryGroupId = ndr.u32();
  const groupCount = ndr.u32();
  const groups = ndr.pointer();
  const userFlags = ndr.u32();
  const userSessionKey = ndr.octets(16);
  const logonServer = ndr.stringHeader();
  const logonDomainName = ndr.stringHeader();
  const logonDomainId = ndr.pointer();
  ndr.octets(8); // Reserved1
  const userAccountControl = ndr.u32();
  const subAuthStatus = ndr.u32();
  const lastSuccessfulILogon = ndr.fileTime();
  const lastFailedILogon = ndr.fileTime();
  const failedILogonCount = ndr.u32();
  ndr.u32(); // Reserved3
  const sidCount = ndr.u32();
  const extraSids = ndr.pointer();
  const resourceGroupDomainSid = ndr.pointer();
  const resourceGroupCount = ndr.u32();
  const resourceGroups = ndr.pointer();

  const membership = (): GroupMembership => ({ relativeId: ndr.u32(), attributes: ndr.u32() });
  // What the pointers point to comes in their order; the order of these lines is that of the octets. All in one literal: an object
  // of so many fields that begins as a copy of another one grows with each of them, and that took longer than all the reading.
  return {
    logonTime,
    logoffTime,
    kickOffTime,
    passwordLastSet,
    passwordCanChange,
    passwordMustChange,
    effectiveName: ndr.string(effectiveName),
    fullName: ndr.string(fullName),
    logonScript: ndr.string(logonScript),
    profilePath: ndr.string(profilePath),
    homeDirectory: ndr.string(homeDirectory),
    homeDirectoryDrive: ndr.string(homeDirectoryDrive),
    logonCount,
    badPasswordCount,
    userId,
    primaryGroupId,
    groupIds: ndr.array(groups, groupCount, ELEMENT, membership),
    userFlags,
    userSessionKey,
    logonServer: ndr.string(logonServer),
    logonDomainName: ndr.string(logonDomainName),
    logonDomainId: logonDomainId ? ndr.sid() : undefined,
    userAccountControl,
    subAuthStatus,
    lastSuccessfulILogon,
    lastFailedILogon,
    failedILogonCount,
    extraSids: readExtraSids(ndr, extraSids, sidCount),
    resourceGroupDomainSid: resourceGroupDomainSid ? ndr.sid() : undefined,
    resourceGroupIds: ndr.array(resourceGroups, resourceGroupCount, ELEMENT, membership),
  };
}

/** All pointers and attributes come first, then the SIDs. */
function readExtraSids(ndr: NdrReader, present: boolean, count: number): readonly SidAndAttributes[] {
  const elements = ndr.array(present, count, ELEMENT, () => ({ pointer: ndr.pointer(), attributes: ndr.u32() }));
  return elements.map(({ pointer, attributes }) => {
    if (!pointer) throw invalidPac('a SID is missing');
    return { sid: ndr.sid(), attributes };
  });
}

/** Windows leaves room for a zero behind these two names. */
const SPARE = 2;

/** The reverse of {@link decodeLogonInfo}, as Windows writes it. */
export function encodeLogonInfo(info: LogonInfo): Uint8Array {
  const names = [
    info.effectiveName,
    info.fullName,
    info.logonScript,
    info.profilePath,
    info.homeDirectory,
    info.homeDirectoryDrive,
  ];
  const ndr = new NdrWriter().pointer(true);
  ndr.fileTime(info.logonTime).fileTime(info.logoffTime).fileTime(info.kickOffTime);
  ndr.fileTime(info.passwordLastSet).fileTime(info.passwordCanChange).fileTime(info.passwordMustChange);
  for (const name of names) ndr.stringHeader(name);
  ndr.u16(info.logonCount).u16(info.badPasswordCount).u32(info.userId).u32(info.primaryGroupId);
  ndr.u32(info.groupIds.length).pointer(info.groupIds.length > 0);
  ndr.u32(info.userFlags).octets(info.userSessionKey);
  ndr.stringHeader(info.logonServer, SPARE).stringHeader(info.logonDomainName, SPARE);
  ndr
    .pointer(info.logonDomainId !== undefined)
    .u32(0)
    .u32(0); // Reserved1
  ndr.u32(info.userAccountControl).u32(info.subAuthStatus);
  ndr.fileTime(info.lastSuccessfulILogon).fileTime(info.lastFailedILogon);
  ndr.u32(info.failedILogonCount).u32(0); // Reserved3
  ndr.u32(info.extraSids.length).pointer(info.extraSids.length > 0);
  const extraSids = info.extraSids.map((extra) => ({ ...extra, referent: ndr.referent() }));
  ndr.pointer(info.resourceGroupDomainSid !== undefined);
  ndr.u32(info.resourceGroupIds.length).pointer(info.resourceGroupIds.length > 0);

  for (const name of names) ndr.string(name);
  writeGroups(ndr, info.groupIds);
  ndr.string(info.logonServer, SPARE).string(info.logonDomainName, SPARE);
  if (info.logonDomainId !== undefined) ndr.sid(info.logonDomainId);
  if (extraSids.length > 0) {
    ndr.u32(extraSids.length);
    for (const { referent, attributes } of extraSids) ndr.u32(referent).u32(attributes);
    for (const { sid } of extraSids) ndr.sid(sid);
  }
  if (info.resourceGroupDomainSid !== undefined) ndr.sid(info.resourceGroupDomainSid);
  writeGroups(ndr, info.resourceGroupIds);
  return ndr.take();
}

function writeGroups(ndr: NdrWriter, groups: readonly GroupMembership[]): void {
  if (groups.length === 0) return;
  ndr.u32(groups.length);
  for (const { relativeId, attributes } of groups) ndr.u32(relativeId).u32(attributes);
}

/** The SID of the user. Undefined when the domain is not told, or the user is of another one and told by `extraSids` alone. */
export function userSid({ logonDomainId, userId }: LogonInfo): string | undefined {
  return logonDomainId === undefined || userId === 0 ? undefined : `${logonDomainId}-${userId}`;
}

/** The SIDs of all groups that the user is in, each once ([MS-PAC] 4.1.2.2). */
export function groupSids(info: LogonInfo): readonly string[] {
  const sids = new Set<string>();
  const { logonDomainId, resourceGroupDomainSid } = info;
  if (logonDomainId !== undefined)
    for (const { relativeId } of info.groupIds) sids.add(`${logonDomainId}-${relativeId}`);
  for (const { sid } of info.extraSids) sids.add(sid);
  if (resourceGroupDomainSid !== undefined)
    for (const { relativeId } of info.resourceGroupIds) sids.add(`${resourceGroupDomainSid}-${relativeId}`);
  return [...sids];
}
