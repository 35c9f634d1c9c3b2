/**
 * NegotiateFlags, [MS-NLMP] 2.2.2.5: what each side can do, and what the two agreed upon.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp/99d90ff4-957f-4c8a-80e4-5bfe5a9a9832
 * @module
 */

/** The flags that have a name. A bit without one is carried along and means nothing (fault Z54). */
export const NEGOTIATE = {
  UNICODE: 0x00000001,
  OEM: 0x00000002,
  REQUEST_TARGET: 0x00000004,
  SIGN: 0x00000010,
  SEAL: 0x00000020,
  DATAGRAM: 0x00000040,
  LM_KEY: 0x00000080,
  NTLM: 0x00000200,
  ANONYMOUS: 0x00000800,
  OEM_DOMAIN_SUPPLIED: 0x00001000,
  OEM_WORKSTATION_SUPPLIED: 0x00002000,
  ALWAYS_SIGN: 0x00008000,
  TARGET_TYPE_DOMAIN: 0x00010000,
  TARGET_TYPE_SERVER: 0x00020000,
  EXTENDED_SESSIONSECURITY: 0x00080000,
  IDENTIFY: 0x00100000,
  REQUEST_NON_NT_SESSION_KEY: 0x00400000,
  TARGET_INFO: 0x00800000,
  VERSION: 0x02000000,
  KEY_128: 0x20000000,
  KEY_EXCH: 0x40000000,
  KEY_56: 0x80000000,
} as const;

/** Flags that decide how messages are protected. What the one side offered the other may neither add to nor take from. */
export const PROTECTION_FLAGS =
  NEGOTIATE.SIGN | NEGOTIATE.SEAL | NEGOTIATE.EXTENDED_SESSIONSECURITY | NEGOTIATE.KEY_EXCH | NEGOTIATE.KEY_128;

/** Whether all the bits of `wanted` are set. */
export function hasAll(flags: number, wanted: number): boolean {
  return (flags & wanted) >>> 0 === wanted >>> 0;
}

/** Whether any bit of `wanted` is set. */
export function hasAny(flags: number, wanted: number): boolean {
  return (flags & wanted) !== 0;
}

/** Whether messages will be protected at all: sealing includes signing ([MS-NLMP] 3.4.3). */
export function hasSessionSecurity(flags: number): boolean {
  return hasAny(flags, NEGOTIATE.SIGN | NEGOTIATE.SEAL);
}
