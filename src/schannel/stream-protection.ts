/**
 * Message protection of Schannel and CredSSP contexts: TLS records (contract §2.4), and the sizes that callers need for their
 * buffers (contract Q7, Q8).
 * @module
 */
import {
  type DecryptedRecord,
  SEC_E,
  type Sizes,
  SspiError,
  type StreamProtection,
  type StreamSizes,
} from '../sspi/index.ts';
import { cipherSuite } from './cipher-suites.ts';
import type { NegotiatedParameters, TlsEngine } from './engine.ts';
import { MAXIMUM_PLAINTEXT, RECORD_HEADER } from './records.ts';

/** P4: cbMaxToken of the Schannel package. */
export const SCHANNEL_MAX_TOKEN = 24_576;

/**
 * How a record of this cipher splits into header, data and trailer (contract Q8). Under TLS 1.3 the trailer has room for a record
 * more: the peer may have asked for new keys, and the runtime sends its answer only in front of the next data. Callers lay out
 * their buffers by these sizes; header, data and trailer one behind the other then are the stream, with or without the answer.
 */
export function streamSizesOf({ protocol, cipherSuite: name }: NegotiatedParameters): StreamSizes {
  const { mode, hashLength } = cipherSuite(name);
  const whole = { maximumMessage: MAXIMUM_PLAINTEXT, buffers: 4 };
  // The type octet of TLS 1.3 is encrypted behind the data.
  if (protocol === 'TLSv1.3') return { header: RECORD_HEADER, trailer: 1 + TAG + KEY_UPDATE, blockSize: 1, ...whole };
  switch (mode) {
    case 'GCM':
    case 'CCM':
      return { header: RECORD_HEADER + EXPLICIT_NONCE, trailer: TAG, blockSize: 1, ...whole };
    case 'CCM_8':
      return { header: RECORD_HEADER + EXPLICIT_NONCE, trailer: TAG / 2, blockSize: 1, ...whole };
    case 'POLY1305':
      return { header: RECORD_HEADER, trailer: TAG, blockSize: 1, ...whole };
    case 'CBC':
      return { header: RECORD_HEADER + BLOCK, trailer: hashLength / 8 + BLOCK, blockSize: BLOCK, ...whole };
  }
}

const TAG = 16;
/** A KeyUpdate alone in a record (RFC 8446 4.6.3): message header, one octet, type, tag. */
const KEY_UPDATE = RECORD_HEADER + 4 + 1 + 1 + TAG;
const EXPLICIT_NONCE = 8;
const BLOCK = 16;

/** The sizes of an engine that is up. @throws SspiError CONTEXT_NOT_ESTABLISHED */
export function streamSizes(engine: TlsEngine): StreamSizes {
  return streamSizesOf(engine.parameters);
}

/** `SecPkgContext_Sizes` of a TLS context: nothing can be signed, and the trailer is what a record may add (contract Q7). */
export function tlsSizes(engine: TlsEngine, maxToken: number = SCHANNEL_MAX_TOKEN): Sizes {
  const { header, trailer, blockSize } = streamSizes(engine);
  return { maxToken, maxSignature: 0, blockSize, securityTrailer: header + trailer };
}

/**
 * The message protection of an engine.
 * @param maxToken - cbMaxToken of the package that the context belongs to
 */
export function streamProtection(engine: TlsEngine, maxToken: number = SCHANNEL_MAX_TOKEN): StreamProtection {
  return new RecordProtection(engine, maxToken);
}

class RecordProtection implements StreamProtection {
  readonly kind = 'stream';
  readonly #engine: TlsEngine;
  readonly #maxToken: number;
  /** Asked for with every message, and always the same: keys change within a connection, its cipher does not. */
  #streamSizes: StreamSizes | undefined;
  #leastTrailer: number | undefined;

  constructor(engine: TlsEngine, maxToken: number) {
    this.#engine = engine;
    this.#maxToken = maxToken;
  }

  get sizes(): Sizes {
    return tlsSizes(this.#engine, this.#maxToken);
  }

  get streamSizes(): StreamSizes {
    this.#streamSizes ??= streamSizes(this.#engine);
    return this.#streamSizes;
  }

  get leastTrailer(): number {
    const reserved = (): number => (this.#engine.parameters.protocol === 'TLSv1.3' ? KEY_UPDATE : 0);
    this.#leastTrailer ??= this.streamSizes.trailer - reserved();
    return this.#leastTrailer;
  }

  async encrypt(plaintext: Uint8Array): Promise<Uint8Array> {
    if (plaintext.length > MAXIMUM_PLAINTEXT) throw tooLong(plaintext.length);
    return this.#engine.encrypt(plaintext);
  }

  decrypt(input: Uint8Array): Promise<DecryptedRecord> {
    return this.#engine.decrypt(input);
  }

  close(): Promise<Uint8Array> {
    return this.#engine.close();
  }
}

function tooLong(length: number): SspiError {
  const detail = `${length} octets; one record carries ${MAXIMUM_PLAINTEXT}`;
  return new SspiError('INVALID_PARAMETER', { stage: 'EncryptMessage', status: SEC_E.INVALID_TOKEN, detail });
}
