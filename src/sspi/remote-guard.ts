/**
 * What a client of Remote Credential Guard sends instead of a password: KERB_TICKET_LOGON, and for NTLM a key that is good for one
 * user at one domain, as the `credBuffer`s of TSRemoteGuardCreds (contract X35). The layout is that of 64-bit Windows.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-cssp/85f57821-40bb-46aa-bfcb-ba9590b8fc30 (note 22)
 * @module
 */
import { concat, encodeUtf16, pbkdf2 } from '../crypto/index.ts';
import { SspiError } from './errors.ts';
import { StructureReader } from './structures.ts';

const TICKET_LOGON = { name: 'KERB_TICKET_LOGON', messageType: 10, size: 32 } as const;
const NTLM_CREDENTIAL = { name: 'NTLM_REMOTE_SUPPLEMENTAL_CREDENTIAL', version: 0xffff0002, keyLength: 20 } as const;

/** KERB_TICKET_LOGON. */
export interface TicketLogon {
  readonly flags: number;
  /** DER of the ticket to the account of the server. */
  readonly serviceTicket: Uint8Array;
  /** DER of a KRB-CRED with the ticket-granting ticket, encrypted with the session key of that ticket. */
  readonly ticketGrantingTicket: Uint8Array;
}

/** Packs it: offsets from the start instead of pointers. */
export function packTicketLogon({ flags, serviceTicket, ticketGrantingTicket }: TicketLogon): Uint8Array {
  const fixed = new Uint8Array(TICKET_LOGON.size);
  const view = new DataView(fixed.buffer);
  view.setUint32(0, TICKET_LOGON.messageType, true);
  view.setUint32(4, flags, true);
  view.setUint32(8, serviceTicket.length, true);
  view.setUint32(12, ticketGrantingTicket.length, true);
  view.setUint32(16, TICKET_LOGON.size, true); // the upper halves stay 0
  view.setUint32(24, TICKET_LOGON.size + serviceTicket.length, true);
  return concat(fixed, serviceTicket, ticketGrantingTicket);
}

/**
 * Reads what a client sent.
 * @returns views of the octets
 * @throws SspiError UNKNOWN_CREDENTIALS for another message type, or an offset or length that leads outside
 */
export function unpackTicketLogon(octets: Uint8Array): TicketLogon {
  const reader = new StructureReader(octets, TICKET_LOGON.name, 'UNKNOWN_CREDENTIALS');
  if (reader.u32(0) !== TICKET_LOGON.messageType) throw reader.malformed('the message type is not 10');
  const member = (offsetAt: number, lengthAt: number): Uint8Array => {
    const offset = reader.offset64(offsetAt);
    if (offset < TICKET_LOGON.size) throw reader.malformed(`the offset at ${offsetAt} points into the fixed part`);
    return reader.slice(offset, reader.u32(lengthAt));
  };
  return { flags: reader.u32(4), serviceTicket: member(16, 8), ticketGrantingTicket: member(24, 12) };
}

/** Bits of `NTLM_REMOTE_SUPPLEMENTAL_CREDENTIAL.Flags`: which keys are there. */
export const NTLM_SUPPLEMENTAL = { LM_OWF: 0x1, NT_OWF: 0x2, CREDENTIAL_KEY: 0x8 } as const;

/** What else the structure holds says nothing yet: the kind of key, and how much is reserved behind it. */
const CREDENTIAL_KEY_TYPE = 2;

/**
 * NTLM_REMOTE_SUPPLEMENTAL_CREDENTIAL with a credential key.
 * @param credentialKey - of {@link remoteCredentialKey}
 */
export function packNtlmSupplemental(credentialKey: Uint8Array): Uint8Array {
  if (credentialKey.length !== NTLM_CREDENTIAL.keyLength)
    throw new SspiError('INVALID_PARAMETER', { stage: NTLM_CREDENTIAL.name, detail: 'the key has 20 octets' });
  const octets = new Uint8Array(16 + NTLM_CREDENTIAL.keyLength);
  const view = new DataView(octets.buffer);
  view.setUint32(0, NTLM_CREDENTIAL.version, true);
  view.setUint32(4, NTLM_SUPPLEMENTAL.CREDENTIAL_KEY, true);
  octets.set(credentialKey, 8);
  view.setUint32(28, CREDENTIAL_KEY_TYPE, true);
  return octets; // reservedSize 0: nothing is reserved
}

/**
 * CredentialKey: what an NT hash becomes for one user and nobody else.
 * @param ntHash - 16 octets
 * @param sid - of the user, as text
 * @returns 20 octets, the last four of them zero
 */
export async function remoteCredentialKey(ntHash: Uint8Array, sid: string): Promise<Uint8Array> {
  const salt = encodeUtf16(sid);
  const inner = await pbkdf2('sha256', ntHash, salt, 10_000, 32);
  const key = await pbkdf2('sha256', inner, salt, 1, 16);
  inner.fill(0);
  return concat(key, new Uint8Array(4));
}
