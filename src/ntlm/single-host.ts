/**
 * Single_Host_Data, [MS-NLMP] 2.2.2.2: what a Windows client tells services on its own machine, in MsvAvSingleHost. We only
 * show it; to anybody on another machine it means nothing.
 * @module
 */
import { SspiError } from '../sspi/index.ts';

/** The value of MsvAvSingleHost. */
export interface SingleHostData {
  readonly size: number;
  readonly z4: number;
  /** 8 octets. */
  readonly customData: Uint8Array;
  /** 32 octets, made anew at each start of the machine. */
  readonly machineId: Uint8Array;
}

const LENGTH = 48;

/** Octets behind the MachineID are ignored. @throws SspiError MALFORMED_TOKEN */
export function decodeSingleHost(octets: Uint8Array): SingleHostData {
  if (octets.length < LENGTH)
    throw new SspiError('MALFORMED_TOKEN', { stage: 'NTLM Single_Host_Data', detail: `${octets.length} octets` });
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  return {
    size: view.getUint32(0, true),
    z4: view.getUint32(4, true),
    customData: octets.subarray(8, 16),
    machineId: octets.subarray(16, LENGTH),
  };
}
