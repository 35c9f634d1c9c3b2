/**
 * Channel bindings: what ties an authentication to the channel it runs in (RFC 2744 3.11, RFC 5929).
 * @module
 */
import { md5 } from '../crypto/index.ts';

/** `gss_channel_bindings_t`. For TLS only the application data is used, for example `tls-server-end-point:` and a hash. */
export interface ChannelBindings {
  readonly initiatorAddressType?: number | undefined;
  readonly initiatorAddress?: Uint8Array | undefined;
  readonly acceptorAddressType?: number | undefined;
  readonly acceptorAddress?: Uint8Array | undefined;
  readonly applicationData: Uint8Array;
}

/** How an acceptor treats channel bindings: extended protection for authentication (fault Z18). */
export type ChannelBindingPolicy = 'never' | 'when-supported' | 'required';

const EMPTY = new Uint8Array(0);

/** The form that is hashed: numbers little-endian, addresses and data each behind its length (RFC 4121 4.1.1.2). */
export function packChannelBindings(bindings: ChannelBindings): Uint8Array {
  const { initiatorAddress = EMPTY, acceptorAddress = EMPTY, applicationData } = bindings;
  const packed = new Uint8Array(20 + initiatorAddress.length + acceptorAddress.length + applicationData.length);
  const view = new DataView(packed.buffer);
  let at = 0;
  const u32 = (value: number): void => {
    view.setUint32(at, value, true);
    at += 4;
  };
  const counted = (octets: Uint8Array): void => {
    u32(octets.length);
    packed.set(octets, at);
    at += octets.length;
  };
  u32(bindings.initiatorAddressType ?? 0);
  counted(initiatorAddress);
  u32(bindings.acceptorAddressType ?? 0);
  counted(acceptorAddress);
  counted(applicationData);
  return packed;
}

/** MD5 of the packed bindings: what MsvAvChannelBindings and the Kerberos checksum carry. */
export function hashChannelBindings(bindings: ChannelBindings): Uint8Array {
  return md5(packChannelBindings(bindings));
}
