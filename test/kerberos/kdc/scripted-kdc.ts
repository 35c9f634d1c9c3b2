/** A KDC for tests: it does what RFC 4120 has a KDC do, and lies on request. */
import { decode, encode } from '../../../src/der/index.ts';
import type { Clock, Random } from '../../../src/host/index.ts';
import { systemHost } from '../../../src/host/index.ts';
import { encryptionType, KEY_USAGE, KerberosKey } from '../../../src/kerberos/encryption/index.ts';
import {
  DEFAULT_POLICY,
  type KdcClient,
  KdcClock,
  type KerberosPolicy,
  type LongTermKeys,
  type NetworkRequest,
  type RealmNetwork,
} from '../../../src/kerberos/kdc/index.ts';
import {
  ApReq,
  AsRep,
  AsReq,
  Authenticator,
  Checksum,
  EncAsRepPart,
  type EncKdcRepPart,
  EncryptedData,
  EncTgsRepPart,
  EncTicketPart,
  EtypeInfo2,
  KDC_OPTIONS,
  KdcReqBody,
  KRB_ERROR_CODE,
  KrbError,
  type KrbError as KrbErrorValue,
  MethodData,
  NAME_TYPE,
  PA_TYPE,
  PaEncTsEnc,
  type PrincipalName,
  parsePrincipal,
  seal,
  TgsRep,
  TgsReq,
  TICKET_FLAGS,
  type Ticket,
  ticketGrantingService,
  unseal,
} from '../../../src/kerberos/messages/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';

const ALL_TYPES = [17, 18, 19, 20, 23];

/** Noon, the first of January 2026. */
export const NOON = Date.UTC(2026, 0, 1, 12);

/** The clock of the test. */
export class TestClock implements Clock {
  time = NOON;
  now(): number {
    return this.time;
  }
}

/** A fixed key for a name: tests need no string-to-key. */
export function testKey(name: string, etype = 18): KerberosKey {
  const type = encryptionType(etype, [etype]);
  const octets = new TextEncoder().encode(name.padEnd(type.keyLength, '.')).subarray(0, type.keyLength);
  return new KerberosKey(type, octets);
}

/** The client's keys: `testKey` of its name. */
export function keysOf(name: string, etype = 18): LongTermKeys {
  return {
    encryptionTypes: () => [etype],
    keyFor: (wanted) => Promise.resolve(wanted.etype === etype ? testKey(name, etype) : undefined),
    dispose: () => undefined,
  };
}

/** A client in front of a network. */
export function clientOf(network: RealmNetwork, clock: Clock, policy: Partial<KerberosPolicy> = {}): KdcClient {
  return { network, clock: new KdcClock(clock), random: systemHost.random, policy: { ...DEFAULT_POLICY, ...policy } };
}

/** What a KDC can be told to do otherwise. */
export interface Lies {
  /** Another EncKDCRepPart. */
  part?(part: EncKdcRepPart): EncKdcRepPart;
  /** Another AS-REP or TGS-REP around it. */
  reply?(reply: AsRep): AsRep;
  /** The name in the ticket, which everybody can read. */
  ticketName?: PrincipalName;
  /** Other octets. */
  octets?(octets: Uint8Array): Uint8Array;
  /** An error instead of an answer. */
  error?(request: 'AS' | 'TGS', count: number): Partial<KrbErrorValue> | undefined;
}

/** What a KDC knows. */
export interface ScriptedKdcOptions {
  readonly realm: string;
  readonly clock: Clock;
  readonly users?: readonly string[];
  readonly services?: readonly string[];
  /** Realms that there are keys for, and to which unknown services are referred: the first. */
  readonly trusts?: readonly string[];
  readonly requirePreAuthentication?: boolean;
  /** RFC 6806 11: sign AS-REQs. Default true. */
  readonly signs?: boolean;
  readonly etype?: number;
  readonly info?: EtypeInfo2;
}

export class ScriptedKdc implements RealmNetwork {
  readonly #options: ScriptedKdcOptions;
  readonly #random: Random = systemHost.random;
  lies: Lies = {};
  readonly asked: string[] = [];
  readonly bodies: KdcReqBody[] = [];
  readonly padata: MethodData[] = [];

  constructor(options: ScriptedKdcOptions) {
    this.#options = options;
  }

  async exchange({ realm, message }: NetworkRequest): Promise<Uint8Array> {
    if (realm !== this.#options.realm) throw new Error(`asked the KDC of ${this.#options.realm} for ${realm}`);
    return message[0] === 0x6a ? this.#as(message) : this.#tgs(message);
  }

  #as(message: Uint8Array): Uint8Array {
    const { realm, users = ['alice'], clock, requirePreAuthentication = true, etype = 18 } = this.#options;
    const { padata = [], reqBody } = decode(AsReq, message);
    this.bodies.push(reqBody);
    this.padata.push(padata);
    const name = reqBody.cname?.nameString.join('/') ?? '';
    this.asked.push(`AS ${name}`);
    const lie = this.lies.error?.('AS', this.asked.length);
    if (lie !== undefined) return this.#error({ errorCode: KRB_ERROR_CODE.KRB_ERR_GENERIC, ...lie });
    if (!users.includes(name)) return this.#error({ errorCode: KRB_ERROR_CODE.KDC_ERR_C_PRINCIPAL_UNKNOWN });
    const key = testKey(name, etype);
    const info = this.#options.info ?? [{ etype, salt: `${realm}${name}`, s2kparams: undefined }];
    if (!reqBody.etype.includes(etype) && this.#options.info === undefined)
      return this.#error({ errorCode: KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP });

    const timestamp = padata.find(({ padataType }) => padataType === PA_TYPE.ENC_TIMESTAMP);
    const info2 = { padataType: PA_TYPE.ETYPE_INFO2, padataValue: encode(EtypeInfo2, info) };
    if (timestamp === undefined && requirePreAuthentication) {
      const offer = [{ padataType: PA_TYPE.ENC_TIMESTAMP, padataValue: new Uint8Array(0) }, info2];
      return this.#error({ errorCode: KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, eData: encode(MethodData, offer) });
    }
    if (timestamp !== undefined) {
      try {
        const sealed = decode(EncryptedData, timestamp.padataValue);
        const { patimestamp } = unseal(PaEncTsEnc, sealed, key, KEY_USAGE.PA_ENC_TIMESTAMP);
        if (Math.abs(patimestamp - clock.now()) > 300_000)
          return this.#error({ errorCode: KRB_ERROR_CODE.KRB_AP_ERR_SKEW });
      } catch {
        return this.#error({ errorCode: KRB_ERROR_CODE.KDC_ERR_PREAUTH_FAILED });
      }
    }

    const sname = reqBody.sname ?? ticketGrantingService(realm);
    const flags = TICKET_FLAGS.INITIAL | TICKET_FLAGS.PRE_AUTHENT;
    const client = { cname: { nameType: 1, nameString: [name] }, crealm: realm };
    const { part, ticket } = this.#issue(reqBody, {
      ...client,
      sname,
      flags,
      key: testKey(sname.nameString.join('/')),
    });
    const signed = this.#options.signs ?? true;
    const finished = signed
      ? {
          ...part,
          flags: part.flags | TICKET_FLAGS.ENC_PA_REP,
          encryptedPaData: [
            {
              padataType: PA_TYPE.REQ_ENC_PA_REP,
              padataValue: encode(Checksum, key.checksum(KEY_USAGE.AS_REQ_CHECKSUM, message)),
            },
          ],
        }
      : part;
    const lied = this.lies.part?.(finished) ?? finished;
    const encPart = seal(EncAsRepPart, lied, { key, usage: KEY_USAGE.AS_REP, random: this.#random });
    const reply: AsRep = { pvno: 5, msgType: 11, padata: [info2], ...client, ticket, encPart };
    return this.#send(encode(AsRep, this.lies.reply?.(reply) ?? reply));
  }

  #tgs(message: Uint8Array): Uint8Array {
    const { realm, services = [], trusts = [] } = this.#options;
    const { padata = [], reqBody } = decode(TgsReq, message);
    this.bodies.push(reqBody);
    const sname = reqBody.sname ?? ticketGrantingService(realm);
    const wanted = sname.nameString.join('/');
    this.asked.push(`TGS ${wanted}`);
    const lie = this.lies.error?.('TGS', this.asked.length);
    if (lie !== undefined) return this.#error({ errorCode: KRB_ERROR_CODE.KRB_ERR_GENERIC, sname, ...lie });

    // 3.3.2: who asks is in the ticket, that it asked for this is in the authenticator
    const request = decode(
      ApReq,
      padata.find(({ padataType }) => padataType === PA_TYPE.TGS_REQ)?.padataValue ?? new Uint8Array(0),
    );
    const granting = unseal(
      EncTicketPart,
      request.ticket.encPart,
      testKey(request.ticket.sname.nameString.join('/')),
      KEY_USAGE.TICKET,
    );
    const session = KerberosKey.from(granting.key, ALL_TYPES);
    const authenticator = unseal(Authenticator, request.authenticator, session, KEY_USAGE.TGS_REQ_AUTHENTICATOR);
    const isOwn =
      authenticator.cksum !== undefined &&
      session.verifies(KEY_USAGE.TGS_REQ_CHECKSUM, authenticator.cksum, encode(KdcReqBody, reqBody));
    if (!isOwn) return this.#error({ errorCode: KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED, sname });
    if (authenticator.subkey === undefined) throw new Error('no subkey');

    const options = reqBody.kdcOptions;
    const second = reqBody.additionalTickets?.[0];
    const granted = wanted === `krbtgt/${realm}`;
    const [referral] = trusts;
    let target = sname;
    if (second === undefined && !granted && !services.includes(wanted) && !trusts.includes(sname.nameString[1] ?? '')) {
      if (referral === undefined) return this.#error({ errorCode: KRB_ERROR_CODE.KDC_ERR_S_PRINCIPAL_UNKNOWN, sname });
      target = { nameType: NAME_TYPE.SRV_INST, nameString: ['krbtgt', referral] };
    }
    const key =
      second === undefined
        ? testKey(target.nameString.join('/'))
        : KerberosKey.from(
            unseal(EncTicketPart, second.encPart, testKey(second.sname.nameString.join('/')), KEY_USAGE.TICKET).key,
          );
    const flags = (options & KDC_OPTIONS.FORWARDED) !== 0 ? TICKET_FLAGS.FORWARDED : 0;
    const { cname, crealm } = granting;
    const { part, ticket } = this.#issue(reqBody, { cname, crealm, sname: target, flags, key });
    const lied = this.lies.part?.(part) ?? part;
    const sealing = {
      key: KerberosKey.from(authenticator.subkey, ALL_TYPES),
      usage: KEY_USAGE.TGS_REP_SUBKEY,
      random: this.#random,
    };
    const reply: TgsRep = { pvno: 5, msgType: 13, crealm, cname, ticket, encPart: seal(EncTgsRepPart, lied, sealing) };
    return this.#send(encode(TgsRep, this.lies.reply?.(reply) ?? reply));
  }

  #issue(
    body: KdcReqBody,
    who: { cname: PrincipalName; crealm: string; sname: PrincipalName; flags: number; key: KerberosKey },
  ): { part: EncKdcRepPart; ticket: Ticket } {
    const { realm, clock } = this.#options;
    const sessionType = body.etype.includes(18) ? 18 : (body.etype[0] ?? 18);
    const session = KerberosKey.generate(encryptionType(sessionType, [sessionType]), this.#random).reveal();
    const authtime = Math.floor(clock.now() / 1000) * 1000;
    const asked = body.kdcOptions;
    const flags =
      who.flags |
      ((asked & KDC_OPTIONS.FORWARDABLE) !== 0 ? TICKET_FLAGS.FORWARDABLE : 0) |
      ((asked & (KDC_OPTIONS.RENEWABLE | KDC_OPTIONS.RENEW)) !== 0 ? TICKET_FLAGS.RENEWABLE : 0);
    const renewTill = body.rtime ?? ((asked & KDC_OPTIONS.RENEW) !== 0 ? body.till : undefined);
    const times = { authtime, starttime: authtime, endtime: Math.min(body.till, authtime + 8 * 3_600_000), renewTill };
    const inside = {
      flags,
      key: session,
      crealm: who.crealm,
      cname: who.cname,
      transited: { trType: 1, contents: new Uint8Array(0) },
      ...times,
    };
    const sealed = seal(EncTicketPart, inside, {
      key: who.key,
      usage: KEY_USAGE.TICKET,
      random: this.#random,
      kvno: 1,
    });
    const ticket = { tktVno: 5, realm, sname: this.lies.ticketName ?? who.sname, encPart: sealed };
    const part = { key: session, lastReq: [], nonce: body.nonce, flags, ...times, srealm: realm, sname: who.sname };
    return { part, ticket };
  }

  #error(error: Partial<KrbErrorValue> & { errorCode: number }): Uint8Array {
    const { realm, clock } = this.#options;
    const stime = Math.floor(clock.now() / 1000) * 1000;
    const base = { pvno: 5, msgType: 30, stime, susec: 0, realm, sname: ticketGrantingService(realm) };
    return this.#send(encode(KrbError, { ...base, ...error }));
  }

  #send(octets: Uint8Array): Uint8Array {
    return this.lies.octets?.(octets) ?? octets;
  }
}

/** Several realms as one network. */
export function networkOf(...kdcs: readonly (readonly [string, RealmNetwork])[]): RealmNetwork {
  const byRealm = new Map(kdcs);
  return {
    exchange(request) {
      const kdc = byRealm.get(request.realm);
      if (kdc === undefined) throw new Error(`no KDC for ${request.realm}`);
      return kdc.exchange(request);
    },
  };
}

export const ALICE: PrincipalName = parsePrincipal('alice').name;
export const HTTP: PrincipalName = parsePrincipal('HTTP/www.example.com').name;

/** The error of something that has to be refused. */
export async function refusalOf(run: () => Promise<unknown>): Promise<SspiError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof SspiError) return error;
    throw error;
  }
  throw new Error('it was let through');
}

/** The octets with one bit changed. */
export function flip(octets: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(octets);
  copy[at] = (copy[at] ?? 0) ^ 0x01;
  return copy;
}

/** The octets with a bit of the last one changed. */
export function flipLast(octets: Uint8Array): Uint8Array {
  return flip(octets, octets.length - 1);
}
