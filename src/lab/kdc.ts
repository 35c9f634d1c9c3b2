/**
 * The KDC of a lab realm: octets in, octets out, reading like RFC 4120 3.1 and 3.3 from the server's side.
 *
 * THIS IS A FIXTURE for tests and demonstrations. It keeps its keys in plain memory and its accounts in a list, keeps no replay
 * cache, knows no policy and no audit, says more than a real KDC would, and does wrong on request. Nobody's logon may depend on it.
 * @module
 */
import { sha256 } from '../crypto/index.ts';
import { decode } from '../der/index.ts';
import { type Clock, type Random, systemHost, systemTimer, type Timer } from '../host/index.ts';
import {
  AsReq,
  CHANGE_PASSWORD_SERVICE,
  DEFAULT_ENCRYPTION_TYPES,
  formatPrincipal,
  type KdcReqBody,
  KRB_ERROR_CODE,
  parsePrincipal,
  TgsReq,
} from '../kerberos/index.ts';
import { SspiError } from '../sspi/index.ts';
import type { LabAccount } from './account.ts';
import { answerPasswordChange } from './change-password.ts';
import { type AnswerKind, answerKind, type KdcFaults, withFaults } from './faults.ts';
import { issueInitialTicket } from './issue-as.ts';
import { issueServiceTicket } from './issue-tgs.ts';
import { AccountKeys } from './keys.ts';
import { keytabOf } from './keytab.ts';
import { Principals } from './principals.ts';
import { DEFAULT_LAB_POLICY, type LabPolicy, type Realm } from './realm.ts';
import { encodeRefusal, Refusal, refusalOf } from './refusal.ts';
import { Trusts } from './trusts.ts';

/** One question and its answer, for people to look at. Nothing in it is secret. */
export interface KdcEvent {
  readonly realm: string;
  readonly request: 'AS-REQ' | 'TGS-REQ' | 'password change' | 'unknown';
  /** Octets. */
  readonly received: number;
  /** The service that was asked for. */
  readonly service: string | undefined;
  readonly answer: AnswerKind;
  /** Octets. */
  readonly sent: number;
  /** The error-code of a KRB-ERROR. */
  readonly errorCode: number | undefined;
}

/** What a KDC is made of. */
export interface LabKdcOptions {
  /** For example `LAB.EXAMPLE`. */
  readonly realm: string;
  /** What NTLM calls the domain. Default: the first part of the realm. */
  readonly netbiosName?: string | undefined;
  /** SID of the domain. Default: one that is made of the realm's name. */
  readonly sid?: string | undefined;
  readonly accounts: readonly LabAccount[];
  /** Numbers of encryption types, the best liked first. Default: all with AES. 23 (RC4) only when it stands here. */
  readonly encryptionTypes?: readonly number[] | undefined;
  readonly policy?: Partial<LabPolicy> | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly timer?: Timer | undefined;
  /** Is told of every question and its answer. */
  readonly observe?: ((event: KdcEvent) => void) | undefined;
}

/** The most octets that go into one datagram, as everybody has it by default. */
const LARGEST_DATAGRAM = 1465;
const AS_REQ = 0x6a;
const TGS_REQ = 0x6c;

/**
 * See the module.
 * @example
 * using kdc = new LabKdc({ realm: 'LAB.EXAMPLE', accounts: [{ user: 'alice', password: 'AlicePass1!' }] });
 * const reply = await kdc.handle(request);
 */
export class LabKdc implements Disposable {
  /** What it is to do wrong from now on. */
  faults: KdcFaults = {};
  readonly #realm: Realm;
  readonly #options: LabKdcOptions;

  /** @throws SspiError INVALID_PARAMETER when a name comes twice among the accounts */
  constructor(options: LabKdcOptions) {
    const { realm: name, clock = systemHost.clock, random = systemHost.random } = options;
    const { accounts, encryptionTypes = DEFAULT_ENCRYPTION_TYPES } = options;
    const faults = (): KdcFaults => this.faults;
    this.#options = options;
    this.#realm = {
      name,
      netbiosName: options.netbiosName ?? (name.split('.')[0] ?? name).toUpperCase(),
      sid: options.sid ?? domainSid(name),
      encryptionTypes,
      principals: new Principals({ realm: name, accounts, encryptionTypes, random }),
      trusts: new Trusts(name),
      policy: { ...DEFAULT_LAB_POLICY, ...options.policy },
      random,
      now: () => clock.now() + (faults().clockAhead ?? 0),
      get faults() {
        return faults();
      },
    };
  }

  get realm(): string {
    return this.#realm.name;
  }

  get netbiosName(): string {
    return this.#realm.netbiosName;
  }

  /** SID of the domain. */
  get sid(): string {
    return this.#realm.sid;
  }

  get principals(): Principals {
    return this.#realm.principals;
  }

  /**
   * Answers a message. Whatever the octets are, there is an answer, unless a fault says otherwise; a promise that is never kept is a
   * KDC that says nothing.
   */
  async handle(request: Uint8Array): Promise<Uint8Array> {
    return await this.#answer(request, Infinity);
  }

  /** As {@link handle}, for a message that came in a datagram: a large answer has to be fetched over TCP (7.2.1). */
  async handleDatagram(request: Uint8Array): Promise<Uint8Array> {
    return await this.#answer(request, LARGEST_DATAGRAM);
  }

  /** Answers a message to the server for password changes (RFC 3244), as {@link handle} does one to the KDC. */
  async handlePasswordChange(request: Uint8Array): Promise<Uint8Array> {
    const { octets, errorCode } = await answerPasswordChange(this.#realm, request);
    const kind = errorCode === undefined ? 'KRB-PRIV' : 'KRB-ERROR';
    this.#options.observe?.({
      realm: this.realm,
      request: 'password change',
      received: request.length,
      service: formatPrincipal(CHANGE_PASSWORD_SERVICE),
      answer: kind,
      sent: octets.length,
      errorCode,
    });
    return await withFaults(octets, kind, this.faults, this.#options.timer ?? systemTimer);
  }

  async #answer(request: Uint8Array, largest: number): Promise<Uint8Array> {
    let body: KdcReqBody | undefined;
    let answer: Uint8Array;
    let errorCode: number | undefined;
    try {
      if (this.faults.errorCode !== undefined) throw new Refusal(this.faults.errorCode);
      if (request[0] === AS_REQ) {
        const asRequest = decode(AsReq, request);
        body = asRequest.reqBody;
        answer = await issueInitialTicket(this.#realm, asRequest, request);
      } else if (request[0] === TGS_REQ) {
        const tgsRequest = decode(TgsReq, request);
        body = tgsRequest.reqBody;
        answer = await issueServiceTicket(this.#realm, tgsRequest, request);
      } else {
        throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_MSG_TYPE);
      }
      if (answer.length > largest) throw new Refusal(KRB_ERROR_CODE.KRB_ERR_RESPONSE_TOO_BIG);
    } catch (error) {
      const refusal = refusalOf(error);
      errorCode = refusal.errorCode;
      answer = encodeRefusal(refusal, this.realm, this.#realm.now(), body);
    }
    this.#observe(request, body, answer, errorCode);
    return await withFaults(answer, answerKind(answer), this.faults, this.#options.timer ?? systemTimer);
  }

  #observe(request: Uint8Array, body: KdcReqBody | undefined, answer: Uint8Array, errorCode: number | undefined): void {
    this.#options.observe?.({
      realm: this.realm,
      request: request[0] === AS_REQ ? 'AS-REQ' : request[0] === TGS_REQ ? 'TGS-REQ' : 'unknown',
      received: request.length,
      service: body?.sname && formatPrincipal(body.sname),
      answer: answerKind(answer),
      sent: answer.length,
      errorCode,
    });
  }

  /**
   * Keys of accounts as a keytab file: for each under its own name and under the names of all its services.
   * @param accounts - names of the accounts, or of services that they have
   * @throws SspiError INVALID_PARAMETER when there is no such account
   */
  async keytab(...accounts: readonly string[]): Promise<Uint8Array> {
    const principals = accounts.map((name) => {
      const principal = this.principals.service(parsePrincipal(name).name);
      if (principal === undefined)
        throw new SspiError('INVALID_PARAMETER', { stage: 'lab keytab', detail: `no account ${name}` });
      return principal;
    });
    return await keytabOf(this.realm, principals, this.#realm.now());
  }

  /** From now on the two realms trust each other, and whoever one of them trusts already. */
  trust(other: LabKdc): void {
    const mine = this.#realm;
    const theirs = other.#realm;
    const shared = mine.encryptionTypes.filter((etype) => theirs.encryptionTypes.includes(etype));
    const outgoing = AccountKeys.random(mine.random, shared, 1);
    const incoming = AccountKeys.random(mine.random, shared, 1);
    mine.trusts.add({ realm: theirs.name, outgoing, incoming, beyond: theirs.trusts });
    theirs.trusts.add({ realm: mine.name, outgoing: incoming, incoming: outgoing, beyond: mine.trusts });
  }

  /** Zeroises all keys. */
  dispose(): void {
    this.#realm.principals.dispose();
    this.#realm.trusts.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** A SID for the domain, always the same for the same name. */
function domainSid(realm: string): string {
  const digest = sha256(new TextEncoder().encode(realm));
  const view = new DataView(digest.buffer, digest.byteOffset);
  return `S-1-5-21-${view.getUint32(0)}-${view.getUint32(4)}-${view.getUint32(8)}`;
}
