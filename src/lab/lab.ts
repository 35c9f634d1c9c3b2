/**
 * A whole lab: a realm with its KDC, its accounts, and a server that people log on to. Everything is in this process or on the
 * loopback address, and there may be several at once.
 *
 * A FIXTURE for tests and demonstrations: see `LabKdc`.
 * @module
 */
import { memoryReplayCache } from '../acceptor/index.ts';
import { type Host, systemHost } from '../host/index.ts';
import { NAME_TYPE } from '../kerberos/index.ts';
import {
  type AcceptorIdentity,
  type AuthIdentity,
  type CertificateWithKey,
  type CredSspCredential,
  type CredSspOptions,
  Secret,
  SspiError,
} from '../sspi/index.ts';
import type { LabAccount } from './account.ts';
import { type ChangeRequest, changeOf, type MiddleFault } from './faults-between.ts';
import { type KdcEvent, LabKdc } from './kdc.ts';
import { type KdcListener, listenAsKdc } from './listen.ts';
import { type Middle, startMiddle } from './middle.ts';
import { type LabNla, type LabNlaOptions, startNla } from './nla.ts';
import { ntlmAccounts } from './ntlm-accounts.ts';
import type { LabPolicy } from './realm.ts';
import { selfSigned } from './self-signed.ts';
import { type Stranger, type StrangerKind, startStranger } from './stranger.ts';
import { memoryTransport } from './transport.ts';

/** The password of all {@link LAB_ACCOUNTS}. */
export const LAB_PASSWORD = 'LabPass1!';

/** Who is there unless somebody says otherwise: one account of each kind. */
export const LAB_ACCOUNTS: readonly LabAccount[] = [
  { user: 'alice', password: LAB_PASSWORD, fullName: 'Alice, as anybody' },
  { user: 'bob', password: LAB_PASSWORD, fullName: 'Bob, as anybody' },
  { user: 'dora', password: LAB_PASSWORD, fullName: 'Dora, disabled', state: 'disabled' },
  { user: 'erin', password: LAB_PASSWORD, fullName: 'Erin, expired', state: 'expired' },
  { user: 'lena', password: LAB_PASSWORD, fullName: 'Lena, locked out', state: 'locked' },
  { user: 'mona', password: LAB_PASSWORD, fullName: 'Mona, must change her password', state: 'must-change' },
  { user: 'paula', password: LAB_PASSWORD, fullName: 'Paula, of Protected Users', isProtected: true },
];

/** What a lab is to be like. */
export interface LabOptions {
  /** Default `LAB.EXAMPLE`. */
  readonly realm?: string | undefined;
  /** What NTLM calls the domain. Default: the first part of the realm. */
  readonly netbiosName?: string | undefined;
  /** The people. Default {@link LAB_ACCOUNTS}. */
  readonly accounts?: readonly LabAccount[] | undefined;
  /** DNS name of the server. Default: `server` in the domain of the realm. */
  readonly server?: string | undefined;
  /** Numbers of encryption types, the best liked first. Default: all with AES. */
  readonly encryptionTypes?: readonly number[] | undefined;
  readonly policy?: Partial<LabPolicy> | undefined;
  /** Clock, random source and timers. Default: those of the system. */
  readonly host?: Host | undefined;
  /** Let the KDC listen on the loopback address as well, for clients in other processes. Default false. */
  readonly listen?: boolean | undefined;
  /** Is told of every question to the KDC, and its answer. */
  readonly observe?: ((event: KdcEvent) => void) | undefined;
}

/** How somebody logs on. */
export interface LogonOptions {
  /** Default: the right one. */
  readonly password?: string | undefined;
  /** Default: Kerberos, and NTLM where that does not work. */
  readonly mechanism?: 'kerberos' | 'ntlm' | 'both' | undefined;
}

/** What the server's account is called for. */
const SERVICE_CLASSES = ['TERMSRV', 'HTTP', 'WSMAN', 'HOST', 'cifs', 'ldap', 'MSSQLSvc'];

/**
 * Starts a lab.
 * @throws SspiError INVALID_PARAMETER when a name comes twice among the accounts
 * @example
 * await using realm = await lab();
 * const client = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: realm.identity('alice'), host: realm.host });
 * const server = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: realm.acceptor(), host: realm.host });
 */
export async function lab(options: LabOptions = {}): Promise<Lab> {
  const { realm = 'LAB.EXAMPLE', accounts = LAB_ACCOUNTS, host = systemHost } = options;
  const server = options.server ?? `server.${realm.toLowerCase()}`;
  const computer = `${(server.split('.')[0] ?? server).slice(0, 15).toUpperCase()}$`;
  const names = [...new Set([server, 'localhost'])]; // both, so that nothing has to be resolved
  const services = SERVICE_CLASSES.flatMap((service) => names.map((name) => `${service}/${name}`));
  const kdc = new LabKdc({
    ...options,
    realm,
    accounts: [...accounts, { user: computer, services, trustedForDelegation: true, rid: 1000 }],
    clock: host.clock,
    random: host.random,
    timer: host.timer,
  });
  return new Lab({
    kdc,
    server,
    host,
    keytab: await kdc.keytab(computer),
    listener: options.listen === true ? await listenAsKdc(kdc) : undefined,
    certificate: selfSigned({
      key: 'ec',
      dnsNames: [server, 'localhost'],
      addresses: ['127.0.0.1'],
      now: host.clock.now(),
    }),
  });
}

interface LabParts {
  readonly kdc: LabKdc;
  readonly server: string;
  readonly host: Host;
  readonly keytab: Uint8Array;
  readonly listener: KdcListener | undefined;
  readonly certificate: CertificateWithKey;
}

/** See the module; made by {@link lab}. */
export class Lab implements AsyncDisposable {
  /** Its `faults` may be set at any time. */
  readonly kdc: LabKdc;
  /** DNS name of the server. */
  readonly server: string;
  /** For both sides: the lab's clock, and the way to its KDC without a network. */
  readonly host: Host;
  /** Where the KDC listens, when it does. */
  readonly listener: KdcListener | undefined;
  readonly #keytab: Uint8Array;
  readonly #certificate: CertificateWithKey;
  /** This lab and those that it trusts. */
  readonly #reachable: Lab[] = [this];
  readonly #kdcs: LabKdc[];
  readonly #open: AsyncDisposable[] = [];
  readonly #replayCache;
  readonly #ntlmAccounts;

  constructor(parts: LabParts) {
    const { kdc, server, host, keytab, certificate } = parts;
    this.#kdcs = [kdc];
    this.kdc = kdc;
    this.server = server;
    this.host = { ...host, kdcTransport: memoryTransport(this.#kdcs) };
    this.#keytab = keytab;
    this.#certificate = certificate;
    this.listener = parts.listener;
    this.#replayCache = memoryReplayCache({ clock: host.clock });
    this.#ntlmAccounts = ntlmAccounts(kdc);
  }

  get realm(): string {
    return this.kdc.realm;
  }

  /** What NTLM calls the domain. */
  get domain(): string {
    return this.kdc.netbiosName;
  }

  /** Keys of the server's account. */
  get keytab(): Uint8Array {
    return this.#keytab;
  }

  /** Of the server: self-signed, for its name, `localhost` and 127.0.0.1. */
  get certificate(): CertificateWithKey {
    return this.#certificate;
  }

  /** The service principal name that RDP clients ask for. */
  get targetName(): string {
    return `TERMSRV/${this.server}`;
  }

  /** A krb5.conf for this realm and those that it trusts. KDCs that do not listen are only found through {@link host}. */
  get krb5Conf(): string {
    const realms = this.#reachable.map(({ realm, listener }) => {
      if (listener === undefined) return `  ${realm} = {\n    kdc = kdc.${realm.toLowerCase()}\n  }`;
      const { host, port, passwordPort } = listener;
      return `  ${realm} = {\n    kdc = ${host}:${port}\n    kpasswd_server = ${host}:${passwordPort}\n  }`;
    });
    return [
      '[libdefaults]',
      `  default_realm = ${this.realm}`,
      '  dns_lookup_kdc = false',
      '  dns_lookup_realm = false',
      '  dns_canonicalize_hostname = false',
      '  rdns = false',
      '  udp_preference_limit = 1', // tickets with a PAC are too large for UDP as often as not
      '[realms]',
      ...realms,
      '',
    ].join('\n');
  }

  /**
   * What somebody logs on with.
   * @throws SspiError INVALID_PARAMETER when no password is given and the account has none, or is not there
   */
  identity(user: string, { password, mechanism = 'both' }: LogonOptions = {}): AuthIdentity {
    const right = this.kdc.principals.client({ nameType: NAME_TYPE.PRINCIPAL, nameString: [user] })?.password;
    const given = password ?? right;
    if (given === undefined)
      throw new SspiError('INVALID_PARAMETER', { stage: 'lab identity', detail: `no password of ${user}` });
    const kerberos = { realm: this.realm, configuration: this.krb5Conf };
    return {
      kind: 'identity',
      user,
      domain: this.domain,
      password: Secret.fromText(given),
      kerberos: mechanism === 'ntlm' ? undefined : kerberos,
      packageList: mechanism === 'kerberos' ? '!ntlm' : undefined,
    };
  }

  /** What the server takes: Kerberos with its keytab, and NTLM with the accounts of the domain. */
  acceptor(options: Partial<AcceptorIdentity> = {}): AcceptorIdentity {
    return {
      kind: 'acceptor',
      accounts: this.#ntlmAccounts,
      computer: {
        netbiosComputer: (this.server.split('.')[0] ?? this.server).slice(0, 15).toUpperCase(),
        netbiosDomain: this.domain,
        dnsComputer: this.server,
        dnsDomain: this.realm.toLowerCase(),
      },
      kerberosService: { keytab: this.keytab, replayCache: this.#replayCache },
      ...options,
    };
  }

  /** What a client of CredSSP takes: it trusts the server's certificate. */
  credsspClient(user: string, logon: LogonOptions = {}, options: CredSspOptions = {}): CredSspCredential {
    return {
      kind: 'credssp',
      schannelCred: { kind: 'schannel', rootStore: [this.certificate.certificate] },
      spnegoCred: this.identity(user, logon),
      options,
    };
  }

  /** What a server of CredSSP takes. */
  credsspServer(options: CredSspOptions = {}): CredSspCredential {
    return {
      kind: 'credssp',
      schannelCred: { kind: 'schannel', certificates: [this.certificate] },
      spnegoCred: this.acceptor(),
      options,
    };
  }

  /** An RDP server on the loopback address that asks for Network Level Authentication. It ends with the lab. */
  async nla(options: LabNlaOptions = {}): Promise<LabNla> {
    const { certificate, host } = this;
    const server = await startNla({ certificate, identity: this.acceptor(), platform: host, ...options });
    this.#open.push(server);
    return server;
  }

  /**
   * Somebody between a client and an RDP server, who does one of these things, or what a function of the caller does to
   * TSRequests. He has got hold of the server's key, unless he shows a certificate of his own. It ends with the lab.
   * - `swapped-certificate`: shows a certificate of his own.
   * - `stripped-mic`: takes the MIC out of NTLM's AUTHENTICATE.
   * - `old-version`: makes both sides believe that the other one knows version 2 only.
   * - `struck-kerberos`: strikes Kerberos from the mechanisms that the client offers.
   * - `replayed`: says the first client's first words again in the place of everybody's who comes later.
   * - `oversize`, `reset`, `stalled`: the server's first answer is four megabytes, cuts the connection, or never comes.
   * - `slow`: every message takes 200 milliseconds.
   */
  async middle(
    server: { readonly host: string; readonly port: number },
    fault: MiddleFault | ChangeRequest,
  ): Promise<Middle> {
    const own = selfSigned({ key: 'ec', dnsNames: [this.server, 'localhost'], now: this.host.clock.now() });
    const certificate = fault === 'swapped-certificate' ? own : this.certificate;
    const change = typeof fault === 'function' ? fault : changeOf(fault);
    const middle = await startMiddle({ server, certificate, change });
    this.#open.push(middle);
    return middle;
  }

  /**
   * Somebody who listens and is no server with Network Level Authentication. It ends with the lab.
   * - `echo`: says what it hears.
   * - `silent`: takes connections, and never says a word.
   * - `https`: a web server, with the lab's certificate.
   * - `rdp-without-nla`: an RDP server that wants TLS and nothing more.
   * - `rdp-standard`: an RDP server from before the negotiation.
   */
  async stranger(kind: StrangerKind): Promise<Stranger> {
    const stranger = await startStranger(kind, this.certificate);
    this.#open.push(stranger);
    return stranger;
  }

  /** From now on the two realms trust each other. */
  trust(other: Lab): void {
    this.kdc.trust(other.kdc);
    const all = [...new Set([...this.#reachable, ...other.#reachable])];
    for (const one of all) {
      one.#reachable.splice(0, one.#reachable.length, one, ...all.filter((another) => another !== one));
      one.#kdcs.splice(0, one.#kdcs.length, ...one.#reachable.map(({ kdc }) => kdc));
    }
  }

  /** Ends what listens, and zeroises the keys. */
  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((server) => server[Symbol.asyncDispose]()));
    await this.listener?.close();
    this.#ntlmAccounts.dispose();
    this.kdc.dispose();
    this.keytab.fill(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
