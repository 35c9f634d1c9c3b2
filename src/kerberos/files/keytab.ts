/**
 * Keytab files, version 0x502: the long-term keys of services and users.
 * @see https://web.mit.edu/kerberos/krb5-latest/doc/formats/keytab_file_format.html
 * @module
 */
import { Secret } from '../../sspi/index.ts';
import type { PrincipalName } from '../messages/index.ts';
import { OctetReader, OctetWriter } from './octets.ts';

const STAGE = 'keytab';
const VERSION = 0x0502;

/** One key. */
export interface KeytabEntry {
  readonly name: PrincipalName;
  readonly realm: string;
  /** When the entry was written: milliseconds since 1970. */
  readonly timestamp: number;
  /** Version of the key. */
  readonly kvno: number;
  /** Encryption type of the key. One that this library does not have is kept all the same. */
  readonly etype: number;
  /** A copy of its own: whoever has read the file disposes it. */
  readonly key: Secret;
}

/**
 * Reads a keytab. Entries that were deleted leave holes, which are passed over.
 * @throws SspiError FILE_MALFORMED; also for the older version 0x501, whose numbers are in the order of the machine that wrote it
 * @example
 * const keys = decodeKeytab(await host.files.read('/etc/krb5.keytab', 1 << 20));
 */
export function decodeKeytab(octets: Uint8Array): readonly KeytabEntry[] {
  const file = new OctetReader(octets, STAGE);
  const version = file.u16();
  if (version !== VERSION) return file.fail(`version 0x${version.toString(16)}, not 0x502`);
  const entries: KeytabEntry[] = [];
  try {
    while (file.left > 0) {
      const size = file.i32();
      if (size === 0) break; // what is reserved behind the last entry
      if (size < 0) file.octets(-size);
      else entries.push(decodeEntry(file.part(size)));
    }
  } catch (error) {
    for (const { key } of entries) key.dispose();
    throw error;
  }
  return entries;
}

function decodeEntry(record: OctetReader): KeytabEntry {
  const count = record.u16();
  const realm = record.text(record.u16());
  const nameString: string[] = [];
  for (let i = 0; i < count; i++) nameString.push(record.text(record.u16()));
  const nameType = record.i32();
  const timestamp = record.u32() * 1000;
  const shortVersion = record.u8();
  const etype = toSigned(record.u16());
  const keyOctets = record.octets(record.u16());
  // A version above 255 did not fit. Zero here means that whoever wrote the entry did not know of this field.
  const longVersion = record.left >= 4 ? record.u32() : 0;
  return {
    name: { nameType, nameString },
    realm,
    timestamp,
    kvno: longVersion === 0 ? shortVersion : longVersion,
    etype,
    key: new Secret(Uint8Array.from(keyOctets)),
  };
}

/** Encryption types are signed, and those of Microsoft negative. */
function toSigned(etype: number): number {
  return (etype << 16) >> 16;
}

const encoder = new TextEncoder();

/** Writes a keytab. */
export function encodeKeytab(entries: readonly KeytabEntry[]): Uint8Array {
  const file = new OctetWriter().u16(VERSION);
  for (const entry of entries) {
    const record = encodeEntry(entry);
    file.u32(record.length).octets(record);
    record.fill(0);
  }
  return file.take();
}

function encodeEntry({ name, realm, timestamp, kvno, etype, key }: KeytabEntry): Uint8Array {
  const record = new OctetWriter().u16(name.nameString.length);
  for (const part of [realm, ...name.nameString]) {
    const octets = encoder.encode(part);
    record.u16(octets.length).octets(octets);
  }
  return record
    .u32(name.nameType)
    .u32(Math.floor(timestamp / 1000))
    .u8(kvno & 0xff)
    .u16(etype)
    .u16(key.length)
    .octets(key.reveal())
    .u32(kvno)
    .take();
}
