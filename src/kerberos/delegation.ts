/**
 * Delegation: the client's ticket-granting ticket in a KRB-CRED, RFC 4120 3.6 and 5.8, inside the authenticator's checksum (RFC
 * 4121 4.1.1).
 * @module
 */
import { decode, encode } from '../der/index.ts';
import type { Random } from '../host/index.ts';
import { Secret, SspiError } from '../sspi/index.ts';
import { DEFAULT_ENCRYPTION_TYPES, KEY_USAGE, KerberosKey } from './encryption/index.ts';
import { type CachedCredential, encodeCredentialCache } from './files/index.ts';
import type { KerberosTicket } from './kdc/index.ts';
import {
  EncKrbCredPart,
  KrbCred,
  type KrbCredInfo,
  type PrincipalName,
  seal,
  Ticket,
  timestampOf,
  unseal,
} from './messages/index.ts';

const STAGE = 'Kerberos KRB-CRED';
/** Not encrypted: MIT and Heimdal leave that to the authenticator around it. */
const NULL_ETYPE = 0;
const EMPTY = new Uint8Array(0);

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
  const encPart = seal(EncKrbCredPart, { ticketInfo: [info], timestamp, usec }, { key, usage: KEY_USAGE.KRB_CRED, random });
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
  const { client, clientRealm, encryptionTypes = DEFAULT_ENCRYPTION_TYPES } = keys;
  const { tickets, encPart } = decode(KrbCred, octets);
  const { ticketInfo } = openPart(encPart, keys);
  if (ticketInfo.length === 0 || ticketInfo.length !== tickets.length)
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'not one key for each ticket' });

  const credentials: CachedCredential[] = [];
  try {
    for (const [index, ticket] of tickets.entries()) {
      const info = ticketInfo[index];
      if (info === undefined) continue;
      const { key, pname = client, prealm = clientRealm, sname = ticket.sname, srealm = ticket.realm } = info;
      if (prealm !== clientRealm || pname.nameString.join('/') !== client.nameString.join('/'))
        throw new SspiError('PRINCIPAL_MISMATCH', { stage: STAGE, detail: 'a ticket of somebody else' });
      KerberosKey.from(key, encryptionTypes).dispose(); // its type and length must be usable
      credentials.push({
        client: { name: pname, realm: prealm },
        server: { name: sname, realm: srealm },
        etype: key.keytype,
        key: new Secret(key.keyvalue.slice()),
        authtime: info.authtime,
        starttime: info.starttime,
        endtime: info.endtime,
        renewTill: info.renewTill,
        isSessionKey: false,
        flags: info.flags ?? 0,
        addresses: info.caddr ?? [],
        authorizationData: [],
        ticket: encode(Ticket, ticket),
        secondTicket: EMPTY,
      });
    }
    const defaultPrincipal = { name: client, realm: clientRealm };
    return new Secret(
      encodeCredentialCache({ version: 4, kdcOffset: undefined, defaultPrincipal, credentials, settings: [] }),
    );
  } finally {
    for (const { key } of credentials) key.dispose();
  }
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
