/** A realm for tests: keys, keytabs, and tickets with a PAC, minted without asking anybody. */
import { encode } from '../../src/der/index.ts';
import type { Random } from '../../src/host/index.ts';
import { encryptionType, KEY_USAGE, KerberosKey } from '../../src/kerberos/encryption/index.ts';
import { encodeKeytab } from '../../src/kerberos/files/index.ts';
import { KerberosTicket } from '../../src/kerberos/kdc/index.ts';
import {
  AuthorizationData,
  EncTicketPart,
  parsePrincipal,
  seal,
  TICKET_FLAGS,
} from '../../src/kerberos/messages/index.ts';
import {
  encodeLogonInfo,
  encodePacClientInfo,
  encodeUpnDnsInfo,
  type LogonInfo,
  PAC_TYPE,
  pacAuthorizationData,
  signPac,
} from '../../src/kerberos/pac/index.ts';
import { Secret, toFileTime } from '../../src/sspi/index.ts';

export const REALM = 'EXAMPLE.TEST';
export const DOMAIN_SID = 'S-1-5-21-1004336348-1177238915-682003330';
const HOUR = 3_600_000;

/** What a ticket is to be like, where it is not to be as usual. Times in milliseconds since 1970. */
export interface TicketOptions {
  readonly client?: string;
  readonly service?: string;
  /** Key of the service; default: the realm's for this name. */
  readonly serviceKey?: KerberosKey;
  readonly kvno?: number | undefined;
  /** Encryption type of the session key. */
  readonly sessionType?: number;
  readonly flags?: number;
  readonly authTime?: number;
  readonly startTime?: number;
  readonly endTime?: number;
  /** Default: a whole PAC. */
  readonly pac?: 'none' | 'minimal' | 'full';
  readonly changePac?: (octets: Uint8Array) => Uint8Array;
  readonly changePart?: (part: EncTicketPart) => EncTicketPart;
  readonly authorizationData?: AuthorizationData;
}

/** Keys of a realm, made of its names: the same in every run. */
export class TestRealm {
  readonly realm: string;
  readonly now: number;
  readonly etype: number;
  readonly random: Random;
  readonly #keys = new Map<string, KerberosKey>();

  constructor(options: {
    readonly now: number;
    readonly random: Random;
    readonly realm?: string;
    readonly etype?: number;
  }) {
    this.realm = options.realm ?? REALM;
    this.now = Math.floor(options.now / 1000) * 1000;
    this.etype = options.etype ?? 18;
    this.random = options.random;
  }

  /** The key of a principal, the same for the same name. */
  key(principal: string, etype = this.etype): KerberosKey {
    const id = `${principal} ${etype}`;
    let key = this.#keys.get(id);
    if (key === undefined) {
      const type = encryptionType(etype, [etype]);
      const seed = new TextEncoder().encode(id.padEnd(type.keyLength, '*')).subarray(0, type.keyLength);
      const octets = Uint8Array.from(seed, (octet, index) => octet ^ (id.length * (index + 1)));
      key = new KerberosKey(type, octets);
      this.#keys.set(id, key);
    }
    return key;
  }

  get krbtgtKey(): KerberosKey {
    return this.key(`krbtgt/${this.realm}`);
  }

  /** A keytab of principals; one may be given with another kvno than 2, or with the key of another name. */
  keytab(
    ...entries: readonly (
      | string
      | { readonly principal: string; readonly kvno?: number; readonly etype?: number; readonly keyOf?: string }
    )[]
  ): Uint8Array {
    return encodeKeytab(
      entries.map((entry) => {
        const {
          principal,
          kvno = 2,
          etype = this.etype,
          keyOf = principal,
        } = typeof entry === 'string' ? { principal: entry } : entry;
        const { name, realm = this.realm } = parsePrincipal(principal);
        const key = new Secret(this.key(keyOf, etype).reveal().keyvalue.slice());
        return { name, realm, timestamp: this.now, kvno, etype, key };
      }),
    );
  }

  /** A ticket as the KDC of the realm would give it to its client. */
  ticket(options: TicketOptions = {}): KerberosTicket {
    const { client = 'alice', service = 'HTTP/server.example.test', kvno = 2, pac = 'full' } = options;
    const { name: cname, realm: crealm = this.realm } = parsePrincipal(client);
    const { name: sname, realm: srealm = this.realm } = parsePrincipal(service);
    const serviceKey = options.serviceKey ?? this.key(service);
    const sessionKey = KerberosKey.generate(
      encryptionType(options.sessionType ?? this.etype, [options.sessionType ?? this.etype]),
      this.random,
    );
    const authTime = options.authTime ?? this.now - HOUR;
    const startTime = options.startTime ?? authTime;
    const endTime = options.endTime ?? this.now + 9 * HOUR;
    const flags = options.flags ?? TICKET_FLAGS.PRE_AUTHENT | TICKET_FLAGS.FORWARDABLE;
    const plain: EncTicketPart = {
      flags,
      key: sessionKey.reveal(),
      crealm,
      cname,
      transited: { trType: 1, contents: new Uint8Array(0) },
      authtime: authTime,
      starttime: startTime,
      endtime: endTime,
      authorizationData: options.authorizationData,
    };
    const changed = options.changePart?.(plain) ?? plain;
    const part = pac === 'none' ? changed : this.#withPac(changed, serviceKey, options);
    const encPart = seal(EncTicketPart, part, { key: serviceKey, usage: KEY_USAGE.TICKET, random: this.random, kvno });
    return new KerberosTicket({
      client: cname,
      clientRealm: crealm,
      server: sname,
      serverRealm: srealm,
      ticket: { tktVno: 5, realm: srealm, sname, encPart },
      sessionKey,
      flags,
      authTime,
      startTime,
      endTime,
    });
  }

  /** A ticket-granting ticket. */
  grantingTicket(options: TicketOptions = {}): KerberosTicket {
    return this.ticket({ service: `krbtgt/${this.realm}`, ...options });
  }

  #withPac(
    part: EncTicketPart,
    serviceKey: KerberosKey,
    { pac, changePac = (octets) => octets }: TicketOptions,
  ): EncTicketPart {
    const octets = signPac(pacContents(part, pac === 'minimal'), {
      serviceKey,
      krbtgtKey: this.krbtgtKey,
      ticketPart: part,
    });
    const authorizationData = [...pacAuthorizationData(changePac(octets)), ...(part.authorizationData ?? [])];
    return { ...part, authorizationData };
  }
}

/** The buffers of a PAC about the client of a ticket, unsigned. */
export function pacContents(
  { cname, crealm, authtime }: EncTicketPart,
  minimal = false,
): { type: number; data: Uint8Array }[] {
  const name = cname.nameString.join('/');
  const clientInfo = {
    type: PAC_TYPE.CLIENT_INFO,
    data: encodePacClientInfo({ clientId: toFileTime(authtime), name }),
  };
  if (minimal) return [clientInfo];
  const upn = `${name}@${crealm.toLowerCase()}`;
  const upnDnsInfo = { upn, dnsDomainName: crealm, flags: 0, samName: name, sid: `${DOMAIN_SID}-1104` };
  return [
    { type: PAC_TYPE.LOGON_INFO, data: encodeLogonInfo(logonInfo(name, authtime)) },
    clientInfo,
    { type: PAC_TYPE.UPN_DNS_INFO, data: encodeUpnDnsInfo(upnDnsInfo) },
  ];
}

function logonInfo(name: string, authtime: number): LogonInfo {
  const never = 0x7fffffffffffffffn;
  return {
    logonTime: toFileTime(authtime),
    logoffTime: never,
    kickOffTime: never,
    passwordLastSet: toFileTime(authtime - 24 * HOUR),
    passwordCanChange: toFileTime(authtime),
    passwordMustChange: toFileTime(authtime + 720 * HOUR),
    effectiveName: name,
    fullName: 'Alice Example',
    logonScript: '',
    profilePath: '',
    homeDirectory: '',
    homeDirectoryDrive: '',
    logonCount: 7,
    badPasswordCount: 0,
    userId: 1104,
    primaryGroupId: 513,
    groupIds: [
      { relativeId: 513, attributes: 7 },
      { relativeId: 1120, attributes: 7 },
    ],
    userFlags: 0x20,
    userSessionKey: new Uint8Array(16),
    logonServer: 'DC1',
    logonDomainName: 'EXAMPLE',
    logonDomainId: DOMAIN_SID,
    userAccountControl: 0x10,
    subAuthStatus: 0,
    lastSuccessfulILogon: 0n,
    lastFailedILogon: 0n,
    failedILogonCount: 0,
    extraSids: [{ sid: 'S-1-18-1', attributes: 7 }],
    resourceGroupDomainSid: undefined,
    resourceGroupIds: [],
  };
}

/** Authorization data as octets, for tests that nest it. */
export function nested(data: AuthorizationData): Uint8Array {
  return encode(AuthorizationData, data);
}
