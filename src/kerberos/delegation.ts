/**
 * Delegation: the client's ticket-granting ticket in a KRB-CRED, RFC 4120 3.6 and 5.8, inside the authenticator's checksum (RFC
 * 4121 4.1.1).
 * @module
 */
import { decode, encode } from '../der/index.ts';
import type { Random } from '../host/index.ts';
import { Secret, SspiError } from '../sspi/index.ts';
import { writeTickets } from './credentials/index.ts';
import { KEY_USAGE, KerberosKey } from './encryption/index.ts';
import { KerberosTicket } from './kdc/index.ts';
import {
  EncKrbCredPart,
  KrbCred,
  type KrbCredInfo,
  type PrincipalName,
  samePrincipal,
  seal,
  type Ticket,
  timestampOf,
  unseal,
} from './messages/index.ts';

const STAGE = 'Kerberos KRB-CRED';
/** Not encrypted: MIT and Heimdal leave that to the authenticator around it. */
const NULL_ETYPE = 0;

/**
 * A ticket with its session key, for the service alone.
 * @param key - the session key of the ticket for the service
 */
export function encodeDelegation(forwarded: KerberosTicket, key: KerberosKey, now: number, random: Random): Uint8Array {
  const { ticket, sessionKey, client, clientRealm, server, serverRealm, flags } = forwarded;
  const { time: timestamp, usec } = timestampOf(now);
  const info: KrbCredInfo = {
    key: sessionKey.reveal(),
    prealm: clientRealm,
    pname: client,
    flags,
    authtime: forwarded.authTime,
    starttime: forwarded.startTime,
    endtime: forwarded.endTime,
    renewTill: forwarded.renewTill,
    srealm: serverRealm,
    sname: server,
  };
  const encPart = seal(
    EncKrbCredPart,
    { ticketInfo: [info], timestamp, usec },
    { key, usage: KEY_USAGE.KRB_CRED, random },
  );
  return encode(KrbCred, { pvno: 5, msgType: 22, tickets: [ticket], encPart });
}

/** What {@link decodeDelegation} has to know. */
export interface DelegationKeys {
  readonly sessionKey: KerberosKey;
  /** The client's subkey; some encrypt with that. */
  readonly subkey: KerberosKey | undefined;
  /** Whom the ticket with the KRB-CRED belongs to: nobody hands on tickets of others. */
  readonly client: PrincipalName;
  readonly clientRealm: string;
  readonly encryptionTypes?: readonly number[] | undefined;
}

/**
 * Reads what a client delegated.
 * @returns a credential cache in its file form, for a `CredentialCacheIdentity`
 * @throws SspiError DECRYPT_FAILURE, MALFORMED_TOKEN, PRINCIPAL_MISMATCH, ENCRYPTION_TYPE_REFUSED; DerError
 */
export function decodeDelegation(octets: Uint8Array, keys: DelegationKeys): Secret {
  const { client, clientRealm } = keys;
  const { tickets, encPart } = decode(KrbCred, octets);
  const { ticketInfo } = openPart(encPart, keys);
  if (ticketInfo.length === 0 || ticketInfo.length !== tickets.length)
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'not one key for each ticket' });

  const handedOn: KerberosTicket[] = [];
  try {
    for (const [index, ticket] of tickets.entries()) {
      const info = ticketInfo[index];
      if (info === undefined) continue;
      const { pname = client, prealm = clientRealm } = info;
      if (prealm !== clientRealm || !samePrincipal(pname, client))
        throw new SspiError('PRINCIPAL_MISMATCH', { stage: STAGE, detail: 'a ticket of somebody else' });
      handedOn.push(ticketOf(ticket, info, keys));
    }
    return new Secret(writeTickets({ owner: { name: client, realm: clientRealm }, kdcOffset: 0, tickets: handedOn }));
  } finally {
    for (const ticket of handedOn) ticket.dispose();
  }
}

function ticketOf(
  ticket: Ticket,
  info: KrbCredInfo,
  { client, clientRealm, encryptionTypes }: DelegationKeys,
): KerberosTicket {
  const { authtime = 0, starttime = authtime, endtime = 0 } = info;
  return new KerberosTicket({
    client,
    clientRealm,
    server: info.sname ?? ticket.sname,
    serverRealm: info.srealm ?? ticket.realm,
    ticket,
    sessionKey: KerberosKey.from(info.key, encryptionTypes),
    flags: info.flags ?? 0,
    authTime: authtime,
    startTime: starttime,
    endTime: endtime,
    renewTill: info.renewTill,
    addresses: info.caddr,
  });
}

function openPart(encPart: KrbCred['encPart'], { sessionKey, subkey }: DelegationKeys): EncKrbCredPart {
  if (encPart.etype === NULL_ETYPE) return decode(EncKrbCredPart, encPart.cipher);
  // The type alone does not tell which of the two it was, for both mostly have the same.
  const keys = subkey === undefined ? [sessionKey] : [sessionKey, subkey];
  for (const key of keys) {
    if (key.etype !== encPart.etype) continue;
    const plaintext = key.forUsage(KEY_USAGE.KRB_CRED).decrypt(encPart.cipher);
    if (plaintext !== undefined) return decode(EncKrbCredPart, plaintext);
  }
  return unseal(EncKrbCredPart, encPart, sessionKey, KEY_USAGE.KRB_CRED); // says what is wrong
}
