/**
 * What the exchanges with KDCs share: the way to them, their clock, and what is allowed.
 * @module
 */
import type { Random } from '../../host/index.ts';
import { DEFAULT_ENCRYPTION_TYPES } from '../encryption/index.ts';
import type { KdcClock } from './clock.ts';
import type { RealmNetwork } from './network.ts';

/** What is asked for and what is accepted. Times in milliseconds. */
export interface KerberosPolicy {
  /** Numbers of encryption types, the best liked first; no key of another type is used for anything (fault Z39). */
  readonly encryptionTypes: readonly number[];
  /** How far clocks may be apart. */
  readonly clockSkew: number;
  /** How long tickets are to be good. The KDC may give less. */
  readonly lifetime: number;
  /** For how long they are to be renewable; 0: not at all. */
  readonly renewableLifetime: number;
  /** Ask for tickets that can be forwarded. */
  readonly forwardable: boolean;
  /** Let the KDC say what name and realm the client has (RFC 6806). */
  readonly canonicalize: boolean;
  /** Ask for a PAC, or for none ([MS-KILE] 2.2.3). Undefined: as the KDC likes. */
  readonly pac: boolean | undefined;
  /** Most realms on the way to a service, or to the client's own realm (contract K9). */
  readonly maxReferrals: number;
}

/** What holds unless somebody says otherwise. */
export const DEFAULT_POLICY: KerberosPolicy = {
  encryptionTypes: DEFAULT_ENCRYPTION_TYPES,
  clockSkew: 5 * 60_000,
  lifetime: 10 * 3_600_000,
  renewableLifetime: 0,
  forwardable: false,
  canonicalize: true,
  pac: true, // what Windows always says ([MS-KILE] 3.2.5.5)
  maxReferrals: 10,
};

/** A client of KDCs. */
export interface KdcClient {
  readonly network: RealmNetwork;
  readonly clock: KdcClock;
  readonly random: Random;
  readonly policy: KerberosPolicy;
}
