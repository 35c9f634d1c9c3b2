/**
 * TLS as a pure function of octets: what the peer sent goes in, what is to be sent comes out. `node:tls` does the work, on a
 * stream that leads nowhere. Both roles; used by Schannel as it is, and by CredSSP as its lower half.
 *
 * The handshake signature is always verified by OpenSSL. What OpenSSL thinks of the certificate *chain* is not asked here: that
 * is a verdict of its own (`evaluation.ts`), because MANUAL_CRED_VALIDATION separates the two (contract R24, fault Z44).
 * @module
 */
import { Buffer } from 'node:buffer';
import { setImmediate } from 'node:timers';
import type { TLSSocket } from 'node:tls';
import { type DecryptedRecord, SspiError } from '../sspi/index.ts';
import { alertReceived, plainAlert } from './alerts.ts';
import { tlsFailure } from './failures.ts';
import { HANDSHAKE, handshakeMessages, sessionIdIn } from './handshake-messages.ts';
import {
  CONTENT_TYPE,
  eachRecord,
  frameFirstRecord,
  MAXIMUM_PLAINTEXT,
  RECORD_HEADER,
  wholeRecord,
} from './records.ts';
import { interned } from './remembered.ts';
import { Wire } from './wire.ts';

/** What one call of `handshake` did. */
export interface HandshakeLeg {
  /** For the peer; may be empty. */
  readonly token: Uint8Array;
  /** Octets of the input that were used: all, or up to the end of the record that finished the handshake. */
  readonly consumed: number;
}

/** What the runtime tells an engine about its socket. */
export interface EngineEvents {
  /** The handshake is done. */
  secured(socket: TLSSocket): void;
  /** It never will be. */
  failed(error: unknown): void;
}

/** The parameters that a handshake agreed on. */
export interface NegotiatedParameters {
  readonly protocol: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** The IANA name of the cipher suite. */
  readonly cipherSuite: string;
  /** `ECDH` and 253, for example; undefined on servers, where the runtime does not tell. */
  readonly ephemeralKey: { readonly type: string; readonly bits: number } | undefined;
  readonly applicationProtocol: string | undefined;
}

const EMPTY = new Uint8Array(0);

/** How often to look again for octets that the runtime still owes. Each look is one turn of the event loop. */
const PATIENCE = 8;

/** One TLS connection of either role, without a connection. Made by a `TlsCredential`. */
export class TlsEngine {
  readonly role: 'client' | 'server';
  /** DER of the certificate that this side presents, if it is known beforehand. */
  readonly #ownCertificate: Uint8Array | undefined;
  readonly #wire = new Wire();
  #socket: TLSSocket | undefined;
  #established = false;
  /** The peer's ChangeCipherSpec was seen. */
  #cipherChanged = false;
  #received: Uint8Array[] = [];
  #closedByPeer = false;
  #closed = false;
  #failure: SspiError | undefined;
  #disposed = false;
  #receiving = false;
  #sending = false;
  #peerChain: readonly Uint8Array[] | undefined;
  #sessionId: Uint8Array = EMPTY;

  /**
   * @param connect - puts a TLS socket of the right role on the wire; a client may return it at once
   * @param ownCertificate - DER of this side's certificate, where there is only one that it can be
   */
  constructor(
    role: 'client' | 'server',
    connect: (wire: Wire, events: EngineEvents) => TLSSocket | undefined,
    ownCertificate?: Uint8Array,
  ) {
    this.role = role;
    this.#ownCertificate = ownCertificate;
    this.#wire.on('error', (error) => this.#fail(error));
    const socket = connect(this.#wire, {
      secured: (secured) => this.#secured(secured),
      failed: (error) => this.#fail(error),
    });
    if (socket !== undefined) this.#watch(socket);
  }

  /** Whether the handshake is over, and well. */
  get established(): boolean {
    return this.#established;
  }

  // ------------------------------------------------------------------------------------------------------- handshake

  /**
   * Takes whole records of the peer (none to begin with, on a client) and gives what is to be sent.
   *
   * Feeding stops behind the record that finishes the handshake: what follows is application data, and stays the caller's.
   * @throws SspiError TLS_FAILED, TLS_ALERT; its `token` holds the alert for the peer
   */
  async handshake(records: Uint8Array = EMPTY): Promise<HandshakeLeg> {
    this.#assertSound();
    const held = this.#wire.busy;
    let consumed = 0;
    let seen = 0;
    for (const record of eachRecord(records)) {
      if (this.#established || this.#broken) break;
      const alert = plainAlert(record);
      if (alert !== undefined) throw this.#die(alertReceived(alert, 'TLS handshake'));
      if (this.role === 'client') this.#watchServerHello(record);
      seen += record.length;
      // Each push costs OpenSSL a round. What cannot be the end yet goes in together with the next record.
      const goesWithNext = !this.#mayFinish(record) && seen < records.length;
      if (goesWithNext) continue;
      this.#wire.push(records.subarray(consumed, seen));
      consumed = seen;
    }
    await this.#settle(held);
    // The runtime tears a socket down at once, and says why a turn later.
    for (let turn = 0; this.#wire.destroyed && this.#failure === undefined && turn < PATIENCE; turn++) await nextTurn();
    if (this.#wire.destroyed && !this.#established) this.#fail(undefined);
    this.#assertSound();
    const token = this.#wire.takeWritten();
    if (this.role === 'server') this.#watchServerHello(token);
    return { token, consumed };
  }

  /** Whether Finished can be in this record: it is never in front of ChangeCipherSpec (TLS 1.2) or unencrypted (TLS 1.3). */
  #mayFinish(record: Uint8Array): boolean {
    if (record[0] === CONTENT_TYPE.CHANGE_CIPHER_SPEC) {
      this.#cipherChanged = true;
      return false;
    }
    return record[0] !== CONTENT_TYPE.HANDSHAKE || this.#cipherChanged;
  }

  /** The runtime does not tell the session id; the ServerHello does. */
  #watchServerHello(records: Uint8Array): void {
    if (records[0] !== CONTENT_TYPE.HANDSHAKE || records[RECORD_HEADER] !== HANDSHAKE.ServerHello) return;
    const [message] = handshakeMessages(records.subarray(RECORD_HEADER)).messages;
    if (message !== undefined) this.#sessionId = sessionIdIn(message.body);
  }

  get #broken(): boolean {
    return this.#failure !== undefined || this.#disposed || this.#wire.destroyed;
  }

  #secured(socket: TLSSocket): void {
    if (this.#socket === undefined) this.#watch(socket);
    this.#established = true;
    socket.on('data', (chunk: Uint8Array) => this.#received.push(chunk));
  }

  #watch(socket: TLSSocket): void {
    this.#socket = socket;
    socket.on('error', (error) => this.#fail(error));
    socket.on('end', () => {
      this.#closedByPeer = true;
    });
  }

  // ---------------------------------------------------------------------------------------------------------- messages

  /**
   * Encrypts: one record for up to 16,384 octets (contract X4), for more as many as it takes. Nothing for nothing: OpenSSL
   * makes no empty records, and no peer can tell one from silence.
   * @throws SspiError CONTEXT_EXPIRED after `close`
   */
  async encrypt(plaintext: Uint8Array): Promise<Uint8Array> {
    const socket = this.#open('EncryptMessage');
    if (this.#closed)
      throw new SspiError('CONTEXT_EXPIRED', { stage: 'EncryptMessage', detail: 'close_notify was sent' });
    if (this.#sending) throw new SspiError('CONTEXT_BUSY', { stage: 'EncryptMessage' });
    if (plaintext.length === 0) return EMPTY;
    this.#sending = true;
    try {
      while (this.#wire.busy && !this.#broken) await nextTurn();
      this.#assertSound();
      socket.write(plaintext);
      // The record is there as soon as write() returns; of several the last ones may not be.
      const severalRecords = plaintext.length > MAXIMUM_PLAINTEXT;
      for (let turn = 0; this.#wire.pending === 0 && !this.#broken && turn < PATIENCE; turn++) await nextTurn();
      while (severalRecords && socket.writableLength > 0 && !this.#broken) await nextTurn();
      this.#assertSound();
      return this.#wire.takeWritten();
    } finally {
      this.#sending = false;
    }
  }

  /**
   * Opens the first record of `input` that holds data for the application, and leaves the rest alone. Those without any in front of
   * it (session tickets, key updates, empty records) are swallowed; when no other follows, the plaintext is empty (contract M7, M10,
   * X13).
   * @throws SspiError MESSAGE_ALTERED, TLS_ALERT, TLS_FAILED; the engine is dead then
   */
  async decrypt(input: Uint8Array): Promise<DecryptedRecord> {
    this.#open('DecryptMessage');
    if (this.#receiving) throw new SspiError('CONTEXT_BUSY', { stage: 'DecryptMessage' });
    if (this.#closedByPeer) return { kind: 'closed', consumed: 0 };
    const frame = frameFirstRecord(input);
    if ('missing' in frame) return { kind: 'incomplete', missing: frame.missing };
    this.#receiving = true;
    try {
      let consumed = 0;
      for (let length: number | undefined = frame.whole; length !== undefined; ) {
        await this.#feed(input.subarray(consumed, consumed + length));
        consumed += length;
        if (this.#closedByPeer) return { kind: 'closed', consumed };
        length = this.#received.length === 0 ? wholeRecord(input.subarray(consumed)) : undefined;
      }
      return { kind: 'data', plaintext: this.#takeReceived(), consumed };
    } finally {
      this.#receiving = false;
    }
  }

  /** Gives one record to OpenSSL. */
  async #feed(record: Uint8Array): Promise<void> {
    this.#wire.push(record);
    // Plaintext is there as soon as push() returns; 'end' comes a tick later.
    if (this.#received.length === 0) await nextTick();
    // An alert of ours waits for what was written before.
    while (this.#broken && this.#wire.busy) await nextTurn();
    this.#assertSound();
  }

  #takeReceived(): Uint8Array {
    const [only, ...more] = this.#received;
    this.#received = [];
    if (only === undefined) return EMPTY;
    if (more.length === 0) return new Uint8Array(only.buffer, only.byteOffset, only.length);
    return new Uint8Array(Buffer.concat([only, ...more]));
  }

  /** The close_notify record. Nothing can be encrypted any more; the peer may still have something to say. */
  async close(): Promise<Uint8Array> {
    const socket = this.#open('shutdown');
    if (this.#closed) return EMPTY;
    this.#closed = true;
    socket.end();
    for (let turn = 0; this.#wire.pending === 0 && turn < PATIENCE; turn++) await nextTurn();
    return this.#wire.takeWritten();
  }

  #open(stage: string): TLSSocket {
    this.#assertSound();
    if (!this.#established || this.#socket === undefined) throw new SspiError('CONTEXT_NOT_ESTABLISHED', { stage });
    return this.#socket;
  }

  // -------------------------------------------------------------------------------------------------------- what is known

  /**
   * DER of the peer's certificates as they came, leaf first; empty when there is none. Known as soon as the peer's Certificate
   * message was read, which on a client may be before the handshake is over. Other engines may hold the same arrays: they are
   * not to be written to.
   */
  get peerCertificates(): readonly Uint8Array[] {
    const socket = this.#socket;
    if (this.#peerChain !== undefined || socket === undefined) return this.#peerChain ?? [];
    const chain = certificatesSentTo(socket);
    if (chain.length > 0 || this.#established) this.#peerChain = chain;
    return chain;
  }

  /** DER of the certificate that this side presented. */
  get ownCertificate(): Uint8Array | undefined {
    if (this.#ownCertificate !== undefined) return this.#ownCertificate;
    const own = this.#socket?.getX509Certificate();
    return own === undefined ? undefined : interned(own.raw);
  }

  /** The id that the server gave the session; empty under TLS 1.3, where the field only repeats what the client sent. */
  get sessionId(): Uint8Array {
    return this.parameters.protocol === 'TLSv1.3' ? EMPTY : this.#sessionId;
  }

  /** What the handshake agreed on. @throws SspiError CONTEXT_NOT_ESTABLISHED */
  get parameters(): NegotiatedParameters {
    const socket = this.#open('TLS parameters');
    const protocol = socket.getProtocol();
    if (protocol !== 'TLSv1' && protocol !== 'TLSv1.1' && protocol !== 'TLSv1.2' && protocol !== 'TLSv1.3')
      throw new SspiError('INTERNAL_ERROR', { stage: 'TLS parameters', detail: `protocol ${protocol ?? 'unknown'}` });
    const cipher = socket.getCipher();
    return {
      protocol,
      cipherSuite: cipher.standardName,
      ephemeralKey: this.role === 'client' ? ephemeralKeyOf(socket) : undefined,
      applicationProtocol: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    };
  }

  /**
   * The first Finished message of the handshake, which is what `tls-unique` is made of (RFC 5929 3.1): the client's, as no
   * session is ever resumed here.
   */
  get firstFinished(): Uint8Array | undefined {
    const socket = this.#open('TLS Finished');
    const finished = this.role === 'client' ? socket.getFinished() : socket.getPeerFinished();
    return finished === undefined ? undefined : plainView(finished);
  }

  /** Keying material exporter (RFC 5705, RFC 8446 7.5). Without a context the two versions differ, as the RFCs say. */
  exportKeyingMaterial(label: string, context: Uint8Array | undefined, length: number): Uint8Array {
    const socket = this.#open('keying material');
    // The runtime takes no context as well as an empty one; only its type declaration does not say so.
    const exporter: { exportKeyingMaterial(length: number, label: string, context?: Buffer): Uint8Array } = socket;
    return plainView(
      exporter.exportKeyingMaterial(length, label, context === undefined ? undefined : Buffer.from(context)),
    );
  }

  // ------------------------------------------------------------------------------------------------------------ failure

  /** Ends everything. What the runtime still reports afterwards falls on deaf ears. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#received = [];
    // A write that is cut off is an error to the runtime, and those are dear. In a turn it is over.
    if (this.#wire.busy) setImmediate(() => this.#destroy());
    else this.#destroy();
  }

  #destroy(): void {
    this.#socket?.destroy();
    this.#wire.destroy();
  }

  #fail(error: unknown): void {
    const stage = this.#established ? 'TLS record' : 'TLS handshake';
    if (!this.#disposed) this.#failure ??= tlsFailure(error, stage);
  }

  #die(error: SspiError): SspiError {
    this.#failure ??= error;
    return error;
  }

  /** Throws what killed the engine; the alert goes out with the first throw. */
  #assertSound(): void {
    if (this.#disposed)
      throw this.#failure ?? new SspiError('INVALID_HANDLE', { stage: 'TLS', detail: 'the engine was disposed' });
    if (this.#failure === undefined) return;
    throw this.#wire.pending > 0 ? this.#failure.withToken(this.#wire.takeWritten()) : this.#failure;
  }

  /**
   * Waits until OpenSSL has done all it can. What it writes is there as soon as it has read, unless a write was not over when
   * the input came: then one turn of the event loop later. The runtime begins to read, and reports errors, in a tick.
   *
   * When nothing came of the input, a turn has to go by in which nothing happens.
   */
  async #settle(held: boolean): Promise<void> {
    if (this.#wire.readableLength > 0) await nextTick();
    await nextTick();
    if (held) await nextTurn();
    if (this.#wire.pending > 0 || this.#established) return;
    let seen: number;
    do {
      seen = this.#wire.pending;
      await nextTurn();
    } while (seen !== this.#wire.pending || this.#wire.readableLength > 0);
  }
}

function nextTick(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/**
 * Everything that the peer's Certificate message held. To be asked once only: on a client the runtime takes the certificates
 * out of the session as it hands them over.
 */
function certificatesSentTo(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  for (let next = socket.getPeerX509Certificate(); next !== undefined; next = next.issuerCertificate)
    chain.push(interned(next.raw));
  return chain;
}

function ephemeralKeyOf(socket: TLSSocket): NegotiatedParameters['ephemeralKey'] {
  const info: { type?: unknown; size?: unknown } = socket.getEphemeralKeyInfo() ?? {};
  const { type, size } = info;
  return typeof type === 'string' && typeof size === 'number' ? { type, bits: size } : undefined;
}

/** The same octets as a Uint8Array proper, so that no Buffer semantics leak out of this room. */
function plainView(octets: Uint8Array): Uint8Array {
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.length);
}
