/** As much of LDAP (RFC 4511) as it takes to bind with GSS-SPNEGO and to read an entry. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  applicationImplicit,
  boolean,
  choice,
  decode,
  encode,
  enumerated,
  frameDer,
  implicit,
  integer,
  octetString,
  optional,
  sequence,
  sequenceOf,
  setOf,
  type TypeOf,
} from '../../src/der/index.ts';
import type { KerberosProtection } from '../../src/kerberos/index.ts';
import { SEC_E, type SecurityContext } from '../../src/sspi/index.ts';

const LdapResult = { resultCode: enumerated, matchedDn: octetString, diagnosticMessage: octetString };
const SaslCredentials = sequence({ mechanism: octetString, credentials: octetString });
const BindRequest = sequence({ version: integer, name: octetString, authentication: implicit(3, SaslCredentials) });
const BindResponse = sequence({ ...LdapResult, serverSaslCreds: optional(implicit(7, octetString)) });
const SearchRequest = sequence({
  baseObject: octetString,
  scope: enumerated,
  derefAliases: enumerated,
  sizeLimit: integer,
  timeLimit: integer,
  typesOnly: boolean,
  filter: implicit(3, sequence({ attributeDesc: octetString, assertionValue: octetString })), // equalityMatch
  attributes: sequenceOf(octetString),
});
const SearchResultEntry = sequence({
  objectName: octetString,
  attributes: sequenceOf(sequence({ type: octetString, values: setOf(octetString) })),
});
const LdapMessage = sequence({
  messageId: integer,
  protocolOp: choice({
    bindRequest: applicationImplicit(0, BindRequest),
    bindResponse: applicationImplicit(1, BindResponse),
    searchRequest: applicationImplicit(3, SearchRequest),
    searchResultEntry: applicationImplicit(4, SearchResultEntry),
    searchResultDone: applicationImplicit(5, sequence(LdapResult)),
    searchResultReference: applicationImplicit(19, sequenceOf(octetString)),
  }),
});
type ProtocolOp = TypeOf<typeof LdapMessage>['protocolOp'];

const SASL_BIND_IN_PROGRESS = 14;
const LONGEST = 1 << 20;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A connection to a directory. */
export class Ldap {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #opened: Buffer = Buffer.alloc(0);
  #protection: { readonly messages: KerberosProtection; readonly isSealed: boolean } | undefined;
  #messageId = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  static async open(host: string, port = 389): Promise<Ldap> {
    const socket = connect(port, host);
    await once(socket, 'connect');
    return new Ldap(socket);
  }

  /** Binds with GSS-SPNEGO; afterwards everything is sealed or signed, as the context was asked for. @returns the resultCode */
  async bind(context: SecurityContext, isSealed: boolean): Promise<{ resultCode: number; message: string }> {
    const mechanism = encoder.encode('GSS-SPNEGO');
    let input: Uint8Array = new Uint8Array(0);
    for (;;) {
      const step = await context.step(input);
      if (!('token' in step)) throw new TypeError('the step gave no token');
      if (step.status === SEC_E.OK && step.token.length === 0) break;
      const authentication = { mechanism, credentials: step.token };
      this.#send({ kind: 'bindRequest', value: { version: 3, name: new Uint8Array(0), authentication } });
      const answer = await this.#next();
      if (answer.kind !== 'bindResponse') throw new TypeError(`${answer.kind} instead of bindResponse`);
      const { resultCode, diagnosticMessage, serverSaslCreds = new Uint8Array(0) } = answer.value;
      if (resultCode !== 0 && resultCode !== SASL_BIND_IN_PROGRESS)
        return { resultCode, message: decoder.decode(diagnosticMessage) };
      if (step.status === SEC_E.OK) break;
      input = serverSaslCreds;
    }
    const messages = context.messages as KerberosProtection; // Negotiate with Kerberos inside
    this.#protection = { messages, isSealed };
    return { resultCode: 0, message: '' };
  }

  /** Finds the entries with a value of an attribute. @returns their names and what was asked for of them */
  async search(base: string, attribute: string, value: string, wanted: readonly string[]) {
    this.#send({
      kind: 'searchRequest',
      value: {
        baseObject: encoder.encode(base),
        scope: 2, // wholeSubtree
        derefAliases: 0,
        sizeLimit: 0,
        timeLimit: 0,
        typesOnly: false,
        filter: { attributeDesc: encoder.encode(attribute), assertionValue: encoder.encode(value) },
        attributes: wanted.map((name) => encoder.encode(name)),
      },
    });
    const entries: { readonly name: string; readonly attributes: Readonly<Record<string, readonly string[]>> }[] = [];
    for (;;) {
      const answer = await this.#next();
      if (answer.kind === 'searchResultDone') {
        if (answer.value.resultCode !== 0) throw new Error(decoder.decode(answer.value.diagnosticMessage));
        return entries;
      }
      if (answer.kind !== 'searchResultEntry') continue;
      const { objectName, attributes } = answer.value;
      const texts = attributes.map(({ type, values }) => [
        decoder.decode(type),
        values.map((one) => decoder.decode(one)),
      ]);
      entries.push({ name: decoder.decode(objectName), attributes: Object.fromEntries(texts) });
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #send(protocolOp: ProtocolOp): void {
    const message = encode(LdapMessage, { messageId: ++this.#messageId, protocolOp });
    if (this.#protection === undefined) {
      this.#socket.write(message);
      return;
    }
    // RFC 4422 3.7: a length of four octets in front of each protected buffer
    const { messages, isSealed } = this.#protection;
    const wrapped = isSealed ? messages.wrap(message) : messages.wrapSigned(message);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(wrapped.length);
    this.#socket.write(Buffer.concat([length, wrapped]));
  }

  async #next(): Promise<ProtocolOp> {
    for (;;) {
      const frame = frameDer(this.#opened, { maxLength: LONGEST, lengths: 'ber-long' });
      if ('whole' in frame) {
        const message = this.#opened.subarray(0, frame.whole);
        this.#opened = this.#opened.subarray(frame.whole);
        return decode(LdapMessage, message, { lengths: 'ber-long' }).protocolOp;
      }
      await this.#receive();
    }
  }

  async #receive(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done === true) throw new Error('the directory closed the connection');
    this.#received = Buffer.concat([this.#received, value]);
    const protection = this.#protection;
    if (protection === undefined) {
      this.#opened = Buffer.concat([this.#opened, this.#received]);
      this.#received = Buffer.alloc(0);
      return;
    }
    while (this.#received.length >= 4 && this.#received.length >= 4 + this.#received.readUInt32BE(0)) {
      const end = 4 + this.#received.readUInt32BE(0);
      const { message, sealed } = protection.messages.unwrapAny(this.#received.subarray(4, end));
      if (sealed !== protection.isSealed) throw new Error(`the directory ${sealed ? 'sealed' : 'only signed'}`);
      this.#opened = Buffer.concat([this.#opened, message]);
      this.#received = this.#received.subarray(end);
    }
  }
}
