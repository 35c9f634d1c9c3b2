/** A lab realm and a client of it, for the tests of this room. */
import { systemTimer, type Timer } from '../../src/host/index.ts';
import { PasswordKeys } from '../../src/kerberos/credentials/index.ts';
import { encryptionType, KEY_USAGE, KerberosKey } from '../../src/kerberos/encryption/index.ts';
import { decodeKeytab } from '../../src/kerberos/files/index.ts';
import {
  DEFAULT_POLICY,
  type KdcClient,
  KdcClock,
  KdcNetwork,
  type KerberosPolicy,
  type KerberosTicket,
  kdcLocator,
  requestInitialTicket,
} from '../../src/kerberos/kdc/index.ts';
import { EncTicketPart, parsePrincipal, samePrincipal, unseal } from '../../src/kerberos/messages/index.ts';
import { LabKdc, type LabKdcOptions, memoryTransport } from '../../src/lab/index.ts';
import { Secret } from '../../src/sspi/index.ts';

export const REALM = 'LAB.EXAMPLE';
export const SID = 'S-1-5-21-1004336348-1177238915-682003330';
export const SERVICE = 'TERMSRV/server.lab.example';
/** 2026-01-15 12:00:00 UTC. */
export const NOW = 1_768_478_400_000;
export const PASSWORD = 'AlicePass1!';
export const ALL_AES = [18, 17, 20, 19];
export const WITH_RC4 = [...ALL_AES, 23];

export const ACCOUNTS = [
  { user: 'alice', password: PASSWORD, fullName: 'Alice Example', groups: [1120] },
  { user: 'bob', password: PASSWORD },
  { user: 'SERVER$', services: [SERVICE, 'HOST/server.lab.example'], rid: 1000, trustedForDelegation: true },
] as const;

/** The realm. */
export function labKdc(options: Partial<LabKdcOptions> = {}): LabKdc {
  return new LabKdc({ realm: REALM, sid: SID, accounts: ACCOUNTS, clock: { now: () => NOW }, ...options });
}

/** What {@link clientOf} may be told. */
export interface ClientOptions extends Partial<KerberosPolicy> {
  /** Milliseconds that this machine's clock is ahead. */
  readonly ahead?: number;
  readonly timer?: Timer;
}

/** A client that finds these KDCs. */
export function clientOf(
  kdcs: readonly LabKdc[],
  { ahead = 0, timer = systemTimer, ...policy }: ClientOptions = {},
): KdcClient {
  const clock = { now: () => NOW + ahead };
  const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  const locator = kdcLocator({
    kdcs: Object.fromEntries(kdcs.map(({ realm }) => [realm, ['kdc.lab.example']])),
    random,
  });
  const limits = { patience: 50, perTry: 500, total: 800 }; // what is silent is waited for; what is busy is not given up
  return {
    network: new KdcNetwork({ transport: memoryTransport(kdcs), locator, clock, timer, limits }),
    clock: new KdcClock(clock),
    random,
    policy: { ...DEFAULT_POLICY, ...policy },
  };
}

/** An initial ticket. @param name - `alice`, or an enterprise name with its type */
export async function logOn(
  client: KdcClient,
  user = 'alice',
  { password = PASSWORD, realm = REALM, nameType = 1 } = {},
): Promise<KerberosTicket> {
  using secret = Secret.fromText(password);
  const keys = new PasswordKeys(secret);
  try {
    return await requestInitialTicket(client, { client: { nameType, nameString: [user] }, realm, keys });
  } finally {
    keys.dispose();
  }
}

/** The inside of a ticket, opened with the keytab of its service as the service would. */
export async function opened(kdc: LabKdc, { ticket }: KerberosTicket, account: string): Promise<EncTicketPart> {
  return unseal(EncTicketPart, ticket.encPart, await keyOf(kdc, account, ticket.encPart.etype), KEY_USAGE.TICKET);
}

/** The key of an account, out of its keytab. */
export async function keyOf(kdc: LabKdc, account: string, etype: number): Promise<KerberosKey> {
  const { name } = parsePrincipal(account);
  const entry = decodeKeytab(await kdc.keytab(account)).find(
    (one) => one.etype === etype && samePrincipal(one.name, name),
  );
  if (entry === undefined) throw new Error(`no key of type ${etype} for ${account}`);
  return new KerberosKey(encryptionType(etype, [etype]), entry.key.reveal());
}
