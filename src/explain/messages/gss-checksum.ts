/**
 * The checksum of type 0x8003 in an authenticator (RFC 4121 4.1.1): flags of GSS-API, channel bindings, a delegated ticket.
 * @module
 */
import { decodeAuthenticatorChecksum, GSS_FLAG } from '../../kerberos/index.ts';
import { Cursor, reading as run } from '../cursor.ts';
import type { Reading } from '../reading.ts';
import { flagsText, hexText } from '../text.ts';
import { reasonOf } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';

/** @param describeKerberos - decodes the KRB-CRED in it */
export function describeChecksumField(
  octets: Uint8Array,
  branch: Branch,
  reading: Reading,
  describeKerberos: (octets: Uint8Array, branch: Branch, reading: Reading) => string,
): string {
  branch.name = 'GSS checksum';
  const cursor = new Cursor(octets, branch);
  run(() => {
    cursor.little('Lgth', 4);
    const bindings = cursor.take('Bnd', 16, (hash) => (hash.every((octet) => octet === 0) ? 'none' : hexText(hash)));
    if (bindings.every((octet) => octet === 0)) reading.fact({ kind: 'no-bindings' });
    const flags = cursor.little('Flags', 4, (bits) => flagsText(bits, GSS_FLAG));
    if ((flags & GSS_FLAG.DELEG) === 0) return;
    cursor.little('DlgOpt', 2);
    const length = cursor.little('Dlgth', 2);
    const delegation = cursor.open('Deleg', length);
    const inner = reading.inside();
    if (inner !== undefined) describeKerberos(delegation.octets, delegation.branch, inner);
  });
  try {
    decodeAuthenticatorChecksum(octets);
  } catch (error) {
    branch.note('REFUSED', `a receiver refuses it: ${reasonOf(error)}`);
  }
  return 'flags and bindings of GSS-API';
}
