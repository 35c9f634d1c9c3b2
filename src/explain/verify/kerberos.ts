/**
 * What keys make of the messages of Kerberos: tickets, authenticators and replies opened and shown, checksums and PAC signatures
 * checked. Keys found in one message open the next ones.
 * @module
 */
import { decode, type Schema } from '../../der/index.ts';
import {
  AD_TYPE,
  AnyEncKdcRepPart,
  Authenticator,
  Checksum,
  decodeAuthenticatorChecksum,
  decodePac,
  EncApRepPart,
  type EncKdcRepPart,
  type EncryptedData,
  EncTicketPart,
  encryptionTypeName,
  findAuthorizationData,
  findPaData,
  formatPrincipal,
  KEY_USAGE,
  type KerberosKey,
  PA_TYPE,
  PAC_TYPE,
  type Pac,
  PaEncTsEnc,
  pacBuffer,
  protectionOf,
  samePrincipal,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from '../../kerberos/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { describePart } from '../messages/kerberos.ts';
import type { KerberosName, Observation, SessionSealed, Side } from '../observations.ts';
import type { Reading } from '../reading.ts';
import { counted, printable } from '../text.ts';
import { reasonOf } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import { type Finding, failed, notChecked, verified } from './check.ts';
import type { KeyRing, RingKey } from './key-ring.ts';

/** An observation of one kind. */
type Of<K extends Observation['kind']> = Extract<Observation, { readonly kind: K }>;

/** The last authenticator that could be read, and what it promised. */
interface Opened {
  readonly message: number;
  readonly part: Authenticator;
  readonly sessionKey: KerberosKey;
}

/** A key and what it opened. */
interface Unlocked {
  readonly plaintext: Uint8Array;
  readonly by: KerberosKey;
  readonly label: string;
}

/** The Kerberos messages of one conversation. Keys go to the ring, which all conversations share. */
export class KerberosTrail {
  readonly #ring: KeyRing;
  #sessionKey: KerberosKey | undefined;
  #initiatorSubkey: KerberosKey | undefined;
  #acceptorSubkey: KerberosKey | undefined;
  #opened: Opened | undefined;
  #request: Uint8Array | undefined;
  #client: KerberosName | undefined;
  /** The channel bindings of the authenticator, when there are some. */
  channelBindings: Uint8Array | undefined;

  constructor(ring: KeyRing) {
    this.#ring = ring;
  }

  request({ octets, client }: Of<'kdc-request'>): void {
    this.#request = octets;
    this.#client = client;
  }

  /** RFC 4120 5.2.7.2: the key of the password, and the time. */
  async preAuthentication({ data, branch }: Of<'pre-authentication'>, reading: Reading): Promise<Finding[]> {
    const name = 'PA-ENC-TIMESTAMP';
    const covers = ['PA-ENC-TIMESTAMP'];
    const keys = this.#client === undefined ? [] : await this.#ring.ofUser(data.etype, this.#client);
    const unlocked = unlock(data, [KEY_USAGE.PA_ENC_TIMESTAMP], keys);
    if (unlocked !== undefined) {
      this.#show(PaEncTsEnc, 'PA-ENC-TS-ENC', unlocked, branch, reading);
      return [verified(name, covers, `opened with ${unlocked.label}`)];
    }
    return [this.#unopenedByUser(name, covers, data, this.#client, keys)];
  }

  /** RFC 4120 3.1.5, 3.3.4. */
  async reply(observation: Of<'kdc-reply'>, reading: Reading): Promise<Finding[]> {
    const { which, client, ticket, encPart, branch, otherKey } = observation;
    const covers = ['enc-part', which];
    const findings = this.ticket({ kind: 'ticket', ticket, branch: branch.find('ticket') ?? branch }, reading);
    const isInitial = which === 'AS-REP';
    const keys = isInitial && !otherKey ? await this.#ring.ofUser(encPart.etype, client) : this.#sessionKeys();
    const usages = isInitial ? [KEY_USAGE.AS_REP] : [KEY_USAGE.TGS_REP_SUBKEY, KEY_USAGE.TGS_REP_SESSION_KEY];
    const unlocked = unlock(encPart, usages, keys);
    if (unlocked === undefined) {
      if (isInitial && !otherKey) return [...findings, this.#unopenedByUser(which, covers, encPart, client, keys)];
      const known = !isInitial && this.#opened !== undefined;
      const why = known
        ? 'the keys of the request do not open it: it was changed, or answers another request'
        : 'the key that it is encrypted with is not known';
      return [...findings, known ? failed(which, covers, why) : notChecked(which, covers, why)];
    }
    const shown = this.#show(
      AnyEncKdcRepPart,
      isInitial ? 'EncASRepPart' : 'EncTGSRepPart',
      unlocked,
      branch.find('encPart') ?? branch,
      reading,
    );
    findings.push(verified(which, covers, `opened with ${unlocked.label}`));
    if (shown === undefined) return findings;
    const part: EncKdcRepPart = shown.value.value;
    const service = printable(formatPrincipal(part.sname, part.srealm));
    this.#ring.addSession(part.key, `the session key of ${service}`, ticket.encPart);
    return [...findings, ...this.#requestChecksum(part, unlocked.by)];
  }

  /** RFC 6806 11: the KDC repeats what it was asked. */
  #requestChecksum(part: EncKdcRepPart, replyKey: KerberosKey): Finding[] {
    const octets = findPaData(part.encryptedPaData, PA_TYPE.REQ_ENC_PA_REP);
    if (octets === undefined || octets.length === 0 || this.#request === undefined) return [];
    const covers = ['AS-REQ'];
    const checksum = understood(() => decode(Checksum, octets));
    const isRight = checksum !== undefined && replyKey.verifies(KEY_USAGE.AS_REQ_CHECKSUM, checksum, this.#request);
    return [
      isRight
        ? verified('AS-REQ checksum', covers, 'the KDC was asked what the client asked')
        : failed('AS-REQ checksum', covers, 'the request was changed on its way to the KDC'),
    ];
  }

  /** A ticket by itself, or in a reply: keys of the service open it. */
  ticket({ ticket, branch }: Of<'ticket'>, reading: Reading): Finding[] {
    const { sname, realm, encPart } = ticket;
    const service = { name: sname, realm };
    const covers = ['ticket', 'Ticket enc-part'];
    const fitting = this.#ring.ofService(service, encPart.etype, encPart.kvno);
    const others = this.#ring.keys.filter((one) => !fitting.includes(one) && one.origin !== 'password');
    const unlocked = unlock(encPart, [KEY_USAGE.TICKET], [...fitting, ...others]);
    const name = printable(formatPrincipal(sname, realm));
    if (unlocked === undefined) {
      if (fitting.length > 0)
        return [
          failed(
            'Ticket',
            covers,
            `${fitting[0]?.label} does not open it: it was changed, or encrypted with the key of another account or password`,
          ),
        ];
      return [notChecked('Ticket', covers, this.#whyNoServiceKey(name, encPart))];
    }
    const shown = this.#show(EncTicketPart, 'EncTicketPart', unlocked, branch.find('encPart') ?? branch, reading);
    const findings = [verified('Ticket', covers, `opened with ${unlocked.label}`)];
    if (shown === undefined) return findings;
    this.#ring.addSession(shown.value.key, `the session key of ${name}`, encPart);
    return [...findings, ...this.#pac(shown.value, unlocked.by)];
  }

  #whyNoServiceKey(name: string, { etype, kvno }: EncryptedData): string {
    const version = kvno === undefined ? '' : `, version ${kvno}`;
    const wanted = `the key of ${name}, ${encryptionTypeName(etype)}${version}`;
    return this.#ring.hasKeytab ? `the keytab does not have ${wanted}` : `it needs ${wanted}`;
  }

  /** RFC 4120 3.2.3: first the ticket, then the authenticator with the key that is in it. */
  apRequest({ message, branch }: Of<'ap-req'>, reading: Reading): Finding[] {
    const { ticket, authenticator } = message;
    const findings = this.ticket({ kind: 'ticket', ticket, branch: branch.find('ticket') ?? branch }, reading);
    const sessionKey = this.#ring.sessionKeyOf(ticket.encPart);
    const covers = ['authenticator'];
    if (sessionKey === undefined)
      return [
        ...findings,
        notChecked(
          'Authenticator',
          covers,
          'it needs the session key, which is in the ticket and in the reply of the KDC',
        ),
      ];
    this.#sessionKey = sessionKey;
    this.#initiatorSubkey = undefined;
    this.#acceptorSubkey = undefined;
    const usages = [KEY_USAGE.AP_REQ_AUTHENTICATOR, KEY_USAGE.TGS_REQ_AUTHENTICATOR];
    const unlocked = unlock(authenticator, usages, [
      { key: sessionKey, origin: 'session', label: 'the session key of the ticket' },
    ]);
    if (unlocked === undefined)
      return [
        ...findings,
        failed(
          'Authenticator',
          covers,
          'the session key of the ticket does not open it: it was changed, or its sender does not have that key',
        ),
      ];
    const shown = this.#show(Authenticator, 'Authenticator', unlocked, branch.find('authenticator') ?? branch, reading);
    findings.push(verified('Authenticator', covers, 'opened with the session key of the ticket'));
    if (shown === undefined) return findings;
    this.#opened = { message: reading.index, part: shown.value, sessionKey };
    if (shown.value.subkey !== undefined)
      this.#initiatorSubkey = this.#ring.addSession(shown.value.subkey, 'the subkey of the client');
    const { cksum } = shown.value;
    if (cksum?.cksumtype === 0x8003)
      this.channelBindings = understood(() => decodeAuthenticatorChecksum(cksum.checksum))?.bindings;
    return findings;
  }

  /** RFC 4120 5.5.1: the authenticator in a TGS-REQ has a checksum of the request's body. */
  requestBody({ body }: Of<'request-body'>, reading: Reading): Finding[] {
    const covers = ['req-body'];
    const opened = this.#opened;
    if (opened === undefined || opened.message !== reading.index)
      return [notChecked('TGS-REQ checksum', covers, 'it needs the session key of the ticket-granting ticket')];
    const { cksum } = opened.part;
    if (cksum === undefined) return [failed('TGS-REQ checksum', covers, 'the authenticator has no checksum')];
    return [
      opened.sessionKey.verifies(KEY_USAGE.TGS_REQ_CHECKSUM, cksum, body)
        ? verified('TGS-REQ checksum', covers, 'the body is as it was sent')
        : failed('TGS-REQ checksum', covers, 'the body of the request was changed on the way'),
    ];
  }

  /** What a session key or a subkey opens. */
  sessionSealed(observation: SessionSealed, reading: Reading): Finding[] {
    const { name, data, usages, schema, branch } = observation;
    const covers = [`${name} enc-part`];
    const place = branch.find('encPart') ?? branch;
    if (data.etype === 0) {
      // KRB-CRED may go in the clear where something around it is encrypted (RFC 4120 3.6.2).
      describePart(schema, data.cipher, place.addDecrypted(`${name}, not encrypted`, data.cipher.length), reading);
      return [];
    }
    const own = this.#ownKeys();
    const unlocked = unlock(data, usages, own.length > 0 ? own : this.#sessionKeys());
    if (unlocked === undefined) {
      const isKnown = own.some(({ key }) => key.etype === data.etype);
      const why = isKnown
        ? 'the keys of the session do not open it: it was changed, or belongs to another exchange'
        : 'it needs the session key';
      return [isKnown ? failed(name, covers, why) : notChecked(name, covers, why)];
    }
    const shown = this.#show(schema, PART_NAMES[name], unlocked, place, reading);
    const opened = verified(name, covers, `opened with ${unlocked.label}`);
    if (name !== 'AP-REP' || shown === undefined) return [opened];
    return [
      this.#answer(
        understood(() => decode(EncApRepPart, unlocked.plaintext)),
        opened,
        covers,
      ),
    ];
  }

  /** RFC 4120 3.2.5: the service repeats the time of the authenticator. */
  #answer(part: EncApRepPart | undefined, opened: Finding, covers: readonly string[]): Finding {
    if (part === undefined) return opened;
    if (part.subkey !== undefined)
      this.#acceptorSubkey = this.#ring.addSession(part.subkey, 'the subkey of the service');
    const asked = this.#opened?.part;
    if (asked !== undefined && (asked.ctime !== part.ctime || asked.cusec !== part.cusec))
      return failed('AP-REP', covers, 'it answers another AP-REQ: the time is not that of the authenticator');
    return opened;
  }

  safe({ body, checksum }: Of<'krb-safe'>): Finding[] {
    const covers = ['KRB-SAFE-BODY'];
    const keys = this.#ownKeys();
    if (keys.length === 0) return [notChecked('KRB-SAFE', covers, 'it needs the session key')];
    const isRight = keys.some(({ key }) => key.verifies(KEY_USAGE.KRB_SAFE, checksum, body));
    return [
      isRight
        ? verified('KRB-SAFE', covers, 'the body is as it was sent')
        : failed('KRB-SAFE', covers, 'the checksum is wrong: the body was changed'),
    ];
  }

  // -------------------------------------------------------------------------------------------------- messages of GSS-API

  /** Whether there is a key for messages. */
  get hasKey(): boolean {
    return this.#ownKeys().length > 0;
  }

  /** Opens a Wrap token of one side; undefined when no key does. The plaintext is the caller's to wipe. */
  unwrap(token: Uint8Array, from: Side): Uint8Array | undefined {
    return this.#withProtection(from, (protection) => protection.unwrapAny(token).message);
  }

  /** The same in two pieces. */
  open(header: Uint8Array, data: Uint8Array, from: Side): Uint8Array | undefined {
    return this.#withProtection(from, (protection) => {
      const copy = Uint8Array.from(data);
      protection.unseal(header, copy);
      return copy;
    });
  }

  /** Whether a MIC token of one side is right. */
  verifies(message: Uint8Array, mic: Uint8Array, from: Side): boolean {
    return this.#withProtection(from, (protection) => protection.verify(message, mic) ?? true) === true;
  }

  /** Tries the keys of the context, each as the receiver of the message would. */
  #withProtection<T>(from: Side, use: (protection: ReturnType<typeof protectionOf>) => T): T | undefined {
    for (const { key } of this.#ownKeys()) {
      const protection = protectionOf({
        key: key.clone(),
        role: from === 'client' ? 'acceptor' : 'initiator',
        acceptorSubkey: key === this.#acceptorSubkey,
        sendSequence: 0,
        receiveSequence: 0,
        sequence: 'none', // numbers are the business of receivers; here each message stands for itself
        confidentiality: true,
        integrity: true,
        random: { bytes: (length) => new Uint8Array(length) },
        maxToken: 65_536,
      });
      try {
        return use(protection);
      } catch (error) {
        if (!(error instanceof SspiError)) throw error;
      } finally {
        protection.dispose();
      }
    }
    return undefined;
  }

  /** The keys of this conversation's context, the one that counts first; or those that were given. */
  #ownKeys(): RingKey[] {
    const own = [this.#acceptorSubkey, this.#initiatorSubkey, this.#sessionKey].filter((key) => key !== undefined);
    const known = this.#ring.keys.filter(({ key, origin }) => own.includes(key) || origin === 'given');
    return known.toSorted((a, b) => own.indexOf(a.key) - own.indexOf(b.key));
  }

  #sessionKeys(): RingKey[] {
    return this.#ring.keys.filter(({ origin }) => origin === 'session' || origin === 'given').toReversed();
  }

  // ---------------------------------------------------------------------------------------------------------------- parts

  #unopenedByUser(
    name: Finding['name'],
    covers: readonly string[],
    data: EncryptedData,
    client: KerberosName | undefined,
    keys: readonly RingKey[],
  ): Finding {
    const whose = client === undefined ? 'the user' : printable(formatPrincipal(client.name, client.realm));
    // A keytab of services says nothing about a user who is not in it.
    const fitting = keys.filter(
      ({ origin, owner }) =>
        origin === 'password' ||
        (owner !== undefined &&
          client !== undefined &&
          owner.realm === client.realm &&
          samePrincipal(owner.name, client.name)),
    );
    if (fitting.length === 0)
      return notChecked(
        name,
        covers,
        `it needs the password of ${whose}, or a keytab with its key of ${encryptionTypeName(data.etype)}`,
      );
    return failed(name, covers, `the password is not that of ${whose}, or it was changed on the way`);
  }

  #show<T>(
    schema: Schema<T>,
    name: string,
    { plaintext }: Unlocked,
    branch: Branch,
    reading: Reading,
  ): { readonly value: T } | undefined {
    const value = describePart(schema, plaintext, branch.addDecrypted(name, plaintext.length), reading);
    return value === undefined ? undefined : { value };
  }

  /** [MS-PAC] 2.8. */
  #pac(part: EncTicketPart, serviceKey: KerberosKey): Finding[] {
    const octets = understood(() => findAuthorizationData(part.authorizationData, AD_TYPE.WIN2K_PAC))?.[0];
    const pac = octets && understood(() => decodePac(octets));
    if (pac === undefined) return [];
    const findings = [
      signature('PAC server signature', ['PAC'], 'the key of the service', () =>
        verifyServerSignature(pac, serviceKey),
      ),
    ];
    for (const { name, type, covers, verify } of KDC_SIGNATURES) {
      if (pacBuffer(pac, type) === undefined) continue;
      const keys = this.#ring.ofKdc;
      if (keys.length === 0) findings.push(notChecked(name, covers, 'it needs the key of krbtgt'));
      else
        findings.push(signature(name, covers, 'the key of krbtgt', () => anyOf(keys, (key) => verify(pac, part, key))));
    }
    return findings;
  }
}

const PART_NAMES: Readonly<Record<SessionSealed['name'], string>> = {
  'AP-REP': 'EncAPRepPart',
  'KRB-PRIV': 'EncKrbPrivPart',
  'KRB-CRED': 'EncKrbCredPart',
  'enc-authorization-data': 'AuthorizationData',
};

const KDC_SIGNATURES: readonly {
  readonly name: Finding['name'];
  readonly type: number;
  readonly covers: readonly string[];
  readonly verify: (pac: Pac, part: EncTicketPart, key: KerberosKey) => void;
}[] = [
  {
    name: 'PAC KDC signature',
    type: PAC_TYPE.KDC_CHECKSUM,
    covers: ['PAC server signature'],
    verify: (pac, _, key) => verifyKdcSignature(pac, key),
  },
  {
    name: 'PAC ticket signature',
    type: PAC_TYPE.TICKET_CHECKSUM,
    covers: ['EncTicketPart'],
    verify: verifyTicketSignature,
  },
  {
    name: 'PAC full signature',
    type: PAC_TYPE.FULL_CHECKSUM,
    covers: ['PAC'],
    verify: (pac, _, key) => verifyFullSignature(pac, key),
  },
];

function signature(name: Finding['name'], covers: readonly string[], whose: string, verify: () => void): Finding {
  try {
    verify();
    return verified(name, covers, `made with ${whose}`);
  } catch (error) {
    return failed(name, covers, reasonOf(error));
  }
}

/** Runs until one does not throw. */
function anyOf(keys: readonly KerberosKey[], verify: (key: KerberosKey) => void): void {
  let last: unknown;
  for (const key of keys) {
    try {
      verify(key);
      return;
    } catch (error) {
      last = error;
    }
  }
  throw last instanceof Error ? last : new TypeError('no key');
}

/** Tries keys. Each attempt is one HMAC over the ciphertext at least, so that only those of its type are tried. */
function unlock(
  { etype, cipher }: EncryptedData,
  usages: readonly number[],
  keys: readonly RingKey[],
): Unlocked | undefined {
  for (const { key, label } of keys) {
    if (key.etype !== etype) continue;
    for (const usage of usages) {
      try {
        return { plaintext: key.decrypt(usage, cipher), by: key, label };
      } catch (error) {
        if (!(error instanceof SspiError)) throw error;
      }
    }
  }
  return undefined;
}

/** What cannot be read is shown as that elsewhere. */
function understood<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** For notes: how much was decrypted, and nothing of it. */
export function opaque(plaintext: Uint8Array): string {
  return plaintext.length === 0 ? '(empty)' : `${counted(plaintext.length, 'octet')} of plaintext, not shown`;
}
