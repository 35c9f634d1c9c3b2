/** A KDC for tests, with passwords and PACs: the AS and TGS exchanges on top of {@link TestRealm}. */
import { decode, encode } from '../../src/der/index.ts';
import type { Clock, KdcExchange, KdcTransport } from '../../src/host/index.ts';
import {
  ApReq,
  AsRep,
  AsReq,
  Authenticator,
  EncAsRepPart,
  EncryptedData,
  EncTgsRepPart,
  EncTicketPart,
  EtypeInfo2,
  encryptionType,
  KDC_OPTIONS,
  type KdcReqBody,
  KEY_USAGE,
  KerberosKey,
  type KerberosTicket,
  KRB_ERROR_CODE,
  KrbError,
  MethodData,
  PA_TYPE,
  PaEncTsEnc,
  type PrincipalName,
  seal,
  TgsRep,
  TgsReq,
  TICKET_FLAGS,
  type Ticket,
  ticketGrantingService,
  unseal,
} from '../../src/kerberos/index.ts';
import { Secret } from '../../src/sspi/index.ts';
import type { TestRealm, TicketOptions } from './kdc.ts';

/** What the realm knows. */
export interface PasswordKdcOptions {
  readonly clock: Clock;
  readonly users: Readonly<Record<string, string>>;
  readonly services: readonly string[];
  /** Services whose tickets carry ok-as-delegate. */
  readonly trustedServices?: readonly string[];
  readonly realm: TestRealm;
}

class Refusal extends Error {
  readonly errorCode: number;
  readonly eData: Uint8Array | undefined;
  constructor(errorCode: number, eData?: Uint8Array) {
    super(`KRB-ERROR ${errorCode}`);
    this.errorCode = errorCode;
    this.eData = eData;
  }
}

/** See the file. */
export class PasswordKdc implements KdcTransport {
  readonly asked: string[] = [];
  readonly #options: PasswordKdcOptions;

  constructor(options: PasswordKdcOptions) {
    this.#options = options;
  }

  async exchange({ message }: KdcExchange): Promise<Uint8Array> {
    try {
      return message[0] === 0x6a ? await this.#as(decode(AsReq, message)) : this.#tgs(decode(TgsReq, message));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return this.#error(error);
    }
  }

  /** RFC 4120 3.1 */
  async #as({ padata = [], reqBody }: AsReq): Promise<Uint8Array> {
    const { realm, users } = this.#options;
    const name = reqBody.cname?.nameString.join('/') ?? '';
    this.asked.push(`AS ${name}`);
    const password = users[name];
    if (password === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_C_PRINCIPAL_UNKNOWN);
    const salt = `${realm.realm}${name}`;
    const key = await passwordKey(password, salt, realm.etype);

    const proof = padata.find(({ padataType }) => padataType === PA_TYPE.ENC_TIMESTAMP);
    if (proof === undefined) {
      const info = encode(EtypeInfo2, [{ etype: realm.etype, salt }]);
      const offer = [
        { padataType: PA_TYPE.ENC_TIMESTAMP, padataValue: new Uint8Array(0) },
        { padataType: PA_TYPE.ETYPE_INFO2, padataValue: info },
      ];
      throw new Refusal(KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED, encode(MethodData, offer));
    }
    try {
      unseal(PaEncTsEnc, decode(EncryptedData, proof.padataValue), key, KEY_USAGE.PA_ENC_TIMESTAMP);
    } catch {
      throw new Refusal(KRB_ERROR_CODE.KDC_ERR_PREAUTH_FAILED);
    }
    const flags = TICKET_FLAGS.INITIAL | TICKET_FLAGS.PRE_AUTHENT | forwardable(reqBody);
    const ticket = this.#issue({ client: name, service: `krbtgt/${realm.realm}`, flags }, reqBody);
    const encPart = seal(EncAsRepPart, this.#part(ticket, reqBody), {
      key,
      usage: KEY_USAGE.AS_REP,
      random: realm.random,
    });
    return encode(AsRep, {
      pvno: 5,
      msgType: 11,
      crealm: realm.realm,
      cname: ticket.client,
      ticket: ticket.ticket,
      encPart,
    });
  }

  /** RFC 4120 3.3 */
  #tgs({ padata = [], reqBody }: TgsReq): Uint8Array {
    const { realm, services, trustedServices = [], users } = this.#options;
    const service = reqBody.sname?.nameString.join('/') ?? '';
    this.asked.push(`TGS ${service}`);
    const request = decode(
      ApReq,
      padata.find(({ padataType }) => padataType === PA_TYPE.TGS_REQ)?.padataValue ?? new Uint8Array(0),
    );
    const granting = this.#open(request.ticket);
    const session = KerberosKey.from(granting.key, [realm.etype]);
    const { subkey } = unseal(Authenticator, request.authenticator, session, KEY_USAGE.TGS_REQ_AUTHENTICATOR);
    if (subkey === undefined) throw new Refusal(KRB_ERROR_CODE.KRB_ERR_GENERIC);

    const [second] = reqBody.additionalTickets ?? [];
    const isGranting = service === `krbtgt/${realm.realm}`;
    if (users[service] !== undefined && second === undefined)
      throw new Refusal(KRB_ERROR_CODE.KDC_ERR_MUST_USE_USER2USER);
    if (!isGranting && users[service] === undefined && !services.includes(service))
      throw new Refusal(KRB_ERROR_CODE.KDC_ERR_S_PRINCIPAL_UNKNOWN);
    const serviceKey = second === undefined ? undefined : KerberosKey.from(this.#open(second).key, [realm.etype]);
    const flags =
      TICKET_FLAGS.PRE_AUTHENT |
      forwardable(reqBody) |
      ((reqBody.kdcOptions & KDC_OPTIONS.FORWARDED) === 0 ? 0 : TICKET_FLAGS.FORWARDED) |
      (trustedServices.includes(service) ? TICKET_FLAGS.OK_AS_DELEGATE : 0);
    const client = granting.cname.nameString.join('/');
    const more = serviceKey === undefined ? {} : { serviceKey, kvno: undefined };
    const ticket = this.#issue({ client, service, flags, ...more }, reqBody);
    const sealing = {
      key: KerberosKey.from(subkey, [realm.etype]),
      usage: KEY_USAGE.TGS_REP_SUBKEY,
      random: realm.random,
    };
    const encPart = seal(EncTgsRepPart, this.#part(ticket, reqBody), sealing);
    return encode(TgsRep, {
      pvno: 5,
      msgType: 13,
      crealm: granting.crealm,
      cname: granting.cname,
      ticket: ticket.ticket,
      encPart,
    });
  }

  #open({ encPart }: Ticket): EncTicketPart {
    return unseal(EncTicketPart, encPart, this.#options.realm.krbtgtKey, KEY_USAGE.TICKET);
  }

  #issue(options: TicketOptions, { till }: KdcReqBody): KerberosTicket {
    const now = Math.floor(this.#options.clock.now() / 1000) * 1000;
    return this.#options.realm.ticket({
      authTime: now,
      startTime: now,
      endTime: Math.min(till, now + 8 * 3_600_000),
      ...options,
    });
  }

  #part(ticket: KerberosTicket, { nonce }: KdcReqBody) {
    const { sessionKey, flags, authTime, startTime, endTime, server, serverRealm } = ticket;
    const times = { authtime: authTime, starttime: startTime, endtime: endTime };
    return { key: sessionKey.reveal(), lastReq: [], nonce, flags, ...times, srealm: serverRealm, sname: server };
  }

  #error({ errorCode, eData }: Refusal): Uint8Array {
    const { realm, clock } = this.#options;
    const sname: PrincipalName = ticketGrantingService(realm.realm);
    const stime = Math.floor(clock.now() / 1000) * 1000;
    return encode(KrbError, { pvno: 5, msgType: 30, stime, susec: 0, errorCode, realm: realm.realm, sname, eData });
  }
}

function forwardable({ kdcOptions }: KdcReqBody): number {
  return (kdcOptions & KDC_OPTIONS.FORWARDABLE) === 0 ? 0 : TICKET_FLAGS.FORWARDABLE;
}

const keys = new Map<string, Promise<KerberosKey>>();

/** String-to-key takes thousands of rounds: once for each password is enough. */
function passwordKey(password: string, salt: string, etype: number): Promise<KerberosKey> {
  const id = JSON.stringify([password, salt, etype]);
  let key = keys.get(id);
  if (key === undefined) {
    key = KerberosKey.fromPassword(
      encryptionType(etype, [etype]),
      Secret.fromText(password).reveal(),
      new TextEncoder().encode(salt),
    );
    keys.set(id, key);
  }
  return key;
}
