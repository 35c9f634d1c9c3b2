/**
 * Credential cache files, format 3 and 4: the tickets of a user.
 * @see https://web.mit.edu/kerberos/krb5-latest/doc/formats/ccache_file_format.html
 * @module
 */
import { Secret } from '../../sspi/index.ts';
import type { AuthorizationData, HostAddresses, PrincipalName } from '../messages/index.ts';
import { OctetReader, OctetWriter } from './octets.ts';

const STAGE = 'credential cache';

/** Header field: how far the clock of the KDC is ahead. */
const TAG_DELTA_TIME = 1;
/** Entries of this realm are no tickets, but settings. */
const CONFIG_REALM = 'X-CACHECONF:';
const CONFIG_NAME = 'krb5_ccache_conf_data';

/** A name with its realm. */
export interface CachePrincipal {
  readonly name: PrincipalName;
  readonly realm: string;
}

/** A ticket, and what its owner has to know about it. */
export interface CachedCredential {
  readonly client: CachePrincipal;
  readonly server: CachePrincipal;
  readonly etype: number;
  /** The session key: a copy of its own. */
  readonly key: Secret;
  /** Milliseconds since 1970, as all times here; undefined where the file has zero. */
  readonly authtime: number | undefined;
  readonly starttime: number | undefined;
  readonly endtime: number | undefined;
  readonly renewTill: number | undefined;
  /** Whether the ticket is encrypted with a session key and not with the key of a service (user-to-user). */
  readonly isSessionKey: boolean;
  /** Bits of `TICKET_FLAGS`. */
  readonly flags: number;
  readonly addresses: HostAddresses;
  readonly authorizationData: AuthorizationData;
  /** DER of a Ticket. */
  readonly ticket: Uint8Array;
  /** DER of the ticket whose session key encrypts this one; mostly empty. */
  readonly secondTicket: Uint8Array;
}

/** A setting: `fast_avail`, `pa_type`, `refresh_time` and such. */
export interface CacheSetting {
  readonly key: string;
  /** Whom it concerns, when not everybody. */
  readonly principal: string | undefined;
  readonly value: Uint8Array;
}

/** A file. */
export interface CredentialCache {
  readonly version: 3 | 4;
  /** How far the clock of the KDC is ahead, in milliseconds. Version 4 only. */
  readonly kdcOffset: number | undefined;
  readonly defaultPrincipal: CachePrincipal;
  readonly credentials: readonly CachedCredential[];
  readonly settings: readonly CacheSetting[];
}

/**
 * Reads a credential cache. Credentials that were removed from it are not in the result.
 * @throws SspiError FILE_MALFORMED; also for versions 1 and 2, which no system writes any more
 */
export function decodeCredentialCache(octets: Uint8Array): CredentialCache {
  const file = new OctetReader(octets, STAGE);
  const magic = file.u16();
  if (magic !== 0x0503 && magic !== 0x0504) return file.fail(`version 0x${magic.toString(16)}, not 0x503 or 0x504`);
  const version = magic === 0x0504 ? 4 : 3;
  const kdcOffset = version === 4 ? decodeHeader(file) : undefined;
  const defaultPrincipal = decodePrincipal(file);
  const credentials: CachedCredential[] = [];
  const settings: CacheSetting[] = [];
  try {
    while (file.left > 0) {
      const credential = decodeCredential(file, version);
      const setting = asSetting(credential);
      if (setting === undefined && !isRemoved(credential)) {
        credentials.push(credential);
      } else {
        credential.key.dispose();
        if (setting !== undefined) settings.push(setting);
      }
    }
  } catch (error) {
    for (const { key } of credentials) key.dispose();
    throw error;
  }
  return { version, kdcOffset, defaultPrincipal, credentials, settings };
}

function decodeHeader(file: OctetReader): number | undefined {
  const header = file.part(file.u16());
  let offset: number | undefined;
  while (header.left > 0) {
    const tag = header.u16();
    const field = header.part(header.u16());
    if (tag === TAG_DELTA_TIME) offset = field.i32() * 1000 + field.i32() / 1000;
  }
  return offset;
}

function decodePrincipal(file: OctetReader): CachePrincipal {
  const nameType = file.i32();
  const count = file.u32();
  const realm = file.text(file.u32());
  // Each part takes four octets at least, so the count cannot announce more than the file holds.
  if (count > file.left / 4) return file.fail(`a name of ${count} parts`);
  const nameString: string[] = [];
  for (let i = 0; i < count; i++) nameString.push(file.text(file.u32()));
  return { name: { nameType, nameString }, realm };
}

function decodeCredential(file: OctetReader, version: 3 | 4): CachedCredential {
  const client = decodePrincipal(file);
  const server = decodePrincipal(file);
  const etype = (file.u16() << 16) >> 16;
  if (version === 3) file.u16(); // the same once more
  const keyOctets = file.octets(file.u32());
  const [authtime, starttime, endtime, renewTill] = [time(file), time(file), time(file), time(file)];
  const isSessionKey = file.u8() !== 0;
  const flags = file.u32();
  const addresses = decodeList(file).map(({ type, data }) => ({ addrType: type, address: data }));
  const authorizationData = decodeList(file).map(({ type, data }) => ({ adType: type, adData: data }));
  const ticket = file.octets(file.u32());
  const secondTicket = file.octets(file.u32());
  return {
    client,
    server,
    etype,
    key: new Secret(Uint8Array.from(keyOctets)),
    authtime,
    starttime,
    endtime,
    renewTill,
    isSessionKey,
    flags,
    addresses,
    authorizationData,
    ticket,
    secondTicket,
  };
}

function time(file: OctetReader): number | undefined {
  const seconds = file.u32();
  return seconds === 0 ? undefined : seconds * 1000;
}

function decodeList(file: OctetReader): { readonly type: number; readonly data: Uint8Array }[] {
  const count = file.u32();
  if (count > file.left / 6) return file.fail(`a list of ${count} elements`);
  const elements: { readonly type: number; readonly data: Uint8Array }[] = [];
  for (let i = 0; i < count; i++) elements.push({ type: file.u16(), data: file.octets(file.u32()) });
  return elements;
}

function asSetting({ server, ticket }: CachedCredential): CacheSetting | undefined {
  const [name, key, principal] = server.name.nameString;
  if (server.realm !== CONFIG_REALM || name !== CONFIG_NAME || key === undefined) return undefined;
  return { key, principal, value: ticket };
}

/** MIT removes a credential by writing times into it that make it useless: it ended before it was given. */
function isRemoved({ authtime, endtime }: CachedCredential): boolean {
  return endtime === undefined && authtime === 0xffffffff * 1000;
}

const encoder = new TextEncoder();

/** Writes a credential cache. */
export function encodeCredentialCache(cache: CredentialCache): Uint8Array {
  const { version, kdcOffset, defaultPrincipal, credentials, settings } = cache;
  const file = new OctetWriter().u16(version === 4 ? 0x0504 : 0x0503);
  if (version === 4) encodeHeader(file, kdcOffset);
  encodePrincipal(file, defaultPrincipal);
  for (const setting of settings) encodeCredential(file, version, settingCredential(setting, defaultPrincipal));
  for (const credential of credentials) encodeCredential(file, version, credential);
  return file.take();
}

function encodeHeader(file: OctetWriter, kdcOffset: number | undefined): void {
  if (kdcOffset === undefined) {
    file.u16(0);
    return;
  }
  const seconds = Math.trunc(kdcOffset / 1000);
  file
    .u16(12)
    .u16(TAG_DELTA_TIME)
    .u16(8)
    .u32(seconds)
    .u32(Math.round((kdcOffset - seconds * 1000) * 1000));
}

function encodePrincipal(file: OctetWriter, { name, realm }: CachePrincipal): void {
  file.u32(name.nameType).u32(name.nameString.length);
  for (const part of [realm, ...name.nameString]) counted(file, encoder.encode(part));
}

function counted(file: OctetWriter, octets: Uint8Array): void {
  file.u32(octets.length).octets(octets);
}

function encodeCredential(file: OctetWriter, version: 3 | 4, credential: CachedCredential): void {
  encodePrincipal(file, credential.client);
  encodePrincipal(file, credential.server);
  file.u16(credential.etype);
  if (version === 3) file.u16(credential.etype);
  counted(file, credential.key.reveal());
  for (const when of [credential.authtime, credential.starttime, credential.endtime, credential.renewTill])
    file.u32(Math.floor((when ?? 0) / 1000));
  file.u8(credential.isSessionKey ? 1 : 0).u32(credential.flags);
  file.u32(credential.addresses.length);
  for (const { addrType, address } of credential.addresses) counted(file.u16(addrType), address);
  file.u32(credential.authorizationData.length);
  for (const { adType, adData } of credential.authorizationData) counted(file.u16(adType), adData);
  counted(file, credential.ticket);
  counted(file, credential.secondTicket);
}

function settingCredential({ key, principal, value }: CacheSetting, client: CachePrincipal): CachedCredential {
  const nameString = principal === undefined ? [CONFIG_NAME, key] : [CONFIG_NAME, key, principal];
  return {
    client,
    server: { name: { nameType: 0, nameString }, realm: CONFIG_REALM },
    etype: 0,
    key: new Secret(new Uint8Array(0)),
    authtime: undefined,
    starttime: undefined,
    endtime: undefined,
    renewTill: undefined,
    isSessionKey: false,
    flags: 0,
    addresses: [],
    authorizationData: [],
    ticket: value,
    secondTicket: new Uint8Array(0),
  };
}
