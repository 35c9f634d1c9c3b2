/**
 * The fields of Kerberos messages as text: numbers by name, flags by name, keys not at all.
 * @module
 */
import {
  AD_TYPE,
  AP_OPTIONS,
  CHECKSUM_TYPE,
  encryptionTypeName,
  formatPrincipal,
  KDC_OPTIONS,
  krbErrorName,
  MESSAGE_TYPE,
  NAME_TYPE,
  PA_TYPE,
  TICKET_FLAGS,
} from '../../kerberos/index.ts';
import { asciiText, flagsText, hexText, namedNumber, printable, secretText } from '../text.ts';
import type { ReadField } from '../tracing-reader.ts';

/** Octets that are keys, or passwords, or may hold some. */
const SECRETS: readonly string[] = ['keyvalue', 'newpasswd', 'userData', 'samSad'];

/** The text of a field; undefined for the usual one. */
export function kerberosText({ name, value, before, parent }: ReadField): string | undefined {
  if (typeof value === 'number') return numberText(name, value, parent);
  if (value instanceof Uint8Array) return octetsText(name, value, before);
  return isPrincipal(value) ? printable(formatPrincipal(value)) : undefined;
}

function numberText(name: string, value: number, parent: string): string | undefined {
  switch (name) {
    case 'msgType':
      return namedNumber(value, MESSAGE_TYPE).replaceAll('_', '-');
    case 'etype':
    case 'keytype':
      return encryptionTypeName(value);
    case 'cksumtype':
      return namedNumber(value, CHECKSUM_TYPE);
    case 'errorCode':
      return krbErrorName(value);
    case 'nameType':
      return namedNumber(value, NAME_TYPE);
    case 'padataType':
      return padataName(value);
    case 'adType':
      return adName(value);
    case 'kdcOptions':
      return flagsText(value, KDC_OPTIONS);
    case 'apOptions':
      return flagsText(value, AP_OPTIONS);
    case 'flags':
      return parent === 'PA-PAC-OPTIONS' ? undefined : flagsText(value, TICKET_FLAGS);
    default:
      return undefined;
  }
}

function octetsText(name: string, value: Uint8Array, before: ReadonlyMap<string, unknown>): string | undefined {
  if (SECRETS.includes(name)) return secretText(value);
  switch (name) {
    case 'cipher':
      return `encrypted, ${hexText(value, 16)}`;
    case 'address':
      return before.get('addrType') === 2 && value.length === 4 ? value.join('.') : hexText(value);
    case 's2kparams':
      return value.length === 4
        ? `${new DataView(value.buffer, value.byteOffset).getUint32(0)} iterations`
        : hexText(value);
    case 'salt':
      return asciiText(value);
    default:
      return undefined;
  }
}

/** `PA-ENC-TIMESTAMP (2)`. */
export function padataName(type: number): string {
  return `PA-${namedNumber(type, PA_TYPE).replaceAll('_', '-')}`;
}

/** `AD-IF-RELEVANT (1)`. */
export function adName(type: number): string {
  return `AD-${namedNumber(type, AD_TYPE).replaceAll('_', '-')}`;
}

function isPrincipal(value: unknown): value is { readonly nameType: number; readonly nameString: readonly string[] } {
  return typeof value === 'object' && value !== null && 'nameString' in value && Array.isArray(value.nameString);
}
