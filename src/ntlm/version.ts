/**
 * VERSION, [MS-NLMP] 2.2.2.10. For debugging only: nothing depends on what a peer writes there.
 * @module
 */

/** Which operating system sends the message, or says it does. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
  /** NTLMRevisionCurrent: 15 (NTLMSSP_REVISION_W2K3) everywhere today. */
  readonly revision: number;
}

/** Octets. */
export const VERSION_LENGTH = 8;

/**
 * What we say: the Windows whose behaviour these messages follow, 10.0 build 17763. Some servers look for a version that they
 * know before they trust a client with a MIC.
 */
export const OUR_VERSION: Version = { major: 10, minor: 0, build: 17763, revision: 15 };

/** What is sent where NTLMSSP_NEGOTIATE_VERSION is not set: the room is there, and zero. */
export const NO_VERSION: Version = { major: 0, minor: 0, build: 0, revision: 0 };

/** @param octets - at least {@link VERSION_LENGTH} octets */
export function decodeVersion(octets: Uint8Array): Version {
  const [major = 0, minor = 0, low = 0, high = 0, , , , revision = 0] = octets;
  return { major, minor, build: low | (high << 8), revision };
}

export function encodeVersion({ major, minor, build, revision }: Version): Uint8Array {
  return Uint8Array.of(major, minor, build, build >>> 8, 0, 0, 0, revision);
}
