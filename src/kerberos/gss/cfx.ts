/**
 * Per-message tokens of AES keys, RFC 4121 4.2, in the layout of Windows ([MS-KILE] 3.4.5.4.1, contract K5).
 * @see https://www.rfc-editor.org/rfc/rfc4121#section-4.2
 * @module
 */
import { concat } from '../../crypto/index.ts';
import type { Sizes } from '../../sspi/index.ts';
import { KEY_USAGE, type UsageKeys } from '../encryption/index.ts';
import { BaseProtection, type Opened, type ProtectionOptions, type Refusal } from './protection.ts';

const HEADER = 16;
const TOKEN_MIC = 0x0404;
const TOKEN_WRAP = 0x0504;
const FILLER = 0xff;

/** Flags in the third octet. */
const SENT_BY_ACCEPTOR = 0x01;
const SEALED = 0x02;
const ACCEPTOR_SUBKEY = 0x04;

/** In DCE style the data is filled up by a block that the receiver finds by EC (contract E17). */
const DCE_FILLER = new Uint8Array(16);
const NO_FILLER = new Uint8Array(0);

/** Seals, opens, signs and checks with an AES key. */
export class CfxProtection extends BaseProtection {
  readonly sizes: Sizes;
  readonly #acceptorSubkey: boolean;
  readonly #dceStyle: boolean;
  readonly #filler: Uint8Array;
  readonly #checksumType: number;
  readonly #checksumLength: number;
  /** What Windows puts in front of the data: the encrypted header copy and the integrity check. */
  readonly #rotated: number;

  constructor(options: ProtectionOptions) {
    super(options, 64);
    const { checksumType, checksumLength, confounderLength, integrityLength } = options.key.type;
    this.#acceptorSubkey = options.acceptorSubkey;
    this.#dceStyle = options.dceStyle === true;
    this.#filler = this.#dceStyle ? DCE_FILLER : NO_FILLER;
    this.#checksumType = checksumType;
    this.#checksumLength = checksumLength;
    this.#rotated = HEADER + integrityLength;
    this.sizes = {
      maxToken: options.maxToken,
      maxSignature: HEADER + checksumLength,
      blockSize: 1,
      securityTrailer: HEADER + this.#filler.length + this.#rotated + confounderLength,
    };
  }

  protected sealData(data: Uint8Array, sequence: number): Uint8Array {
    const token = this.#sealed(data, sequence);
    const start = token.length - data.length;
    data.set(token.subarray(start));
    return token.subarray(0, start);
  }

  protected wrapMessage(message: Uint8Array, sequence: number, sealed: boolean): Uint8Array {
    return sealed ? this.#sealed(message, sequence) : this.#signed(message, sequence);
  }

  /** 4.2.4 with confidentiality: header | {plaintext | filler | header}, the end of it rotated to the front. */
  #sealed(message: Uint8Array, sequence: number): Uint8Array {
    const header = this.#header(TOKEN_WRAP, SEALED, sequence);
    const view = new DataView(header.buffer);
    view.setUint16(4, this.#filler.length); // EC. RRC is still zero in the copy that is encrypted
    const confounder = this.random.bytes(this.key.type.confounderLength);
    const cipher = this.#sealingKeys(this.byAcceptor).encrypt(confounder, message, this.#filler, header);
    view.setUint16(6, this.#rotated); // RRC

    const token = new Uint8Array(HEADER + cipher.length);
    const turned = this.#rotated + (this.#dceStyle ? this.#filler.length : 0);
    token.set(header);
    token.set(cipher.subarray(cipher.length - turned), HEADER);
    token.set(cipher.subarray(0, cipher.length - turned), HEADER + turned);
    return token;
  }

  /** 4.2.4 without confidentiality: header | plaintext | checksum of plaintext and header. EC is the checksum's length. */
  #signed(message: Uint8Array, sequence: number): Uint8Array {
    const header = this.#header(TOKEN_WRAP, 0, sequence);
    const checksum = this.#sealingKeys(this.byAcceptor).checksum(this.#checksumType, message, header);
    new DataView(header.buffer).setUint16(4, checksum.length);
    return concat(header, message, checksum);
  }

  protected open(header: Uint8Array, data: Uint8Array): Opened | Refusal {
    const fields = this.#readHeader(header, TOKEN_WRAP);
    if (typeof fields === 'string') return fields;
    const { ec, rrc, sealed, sequence } = fields;

    const rest = header.subarray(HEADER);
    const length = rest.length + data.length;
    if (length === 0) return 'MALFORMED_TOKEN';
    const turned = (rrc + (this.#dceStyle && sealed ? ec : 0)) % length;
    const body = turnedBack(rest, data, turned);
    const message = sealed ? this.#decrypted(header, body, ec) : this.#checked(header, body, ec);
    return typeof message === 'string' ? message : { message, sealed, sequence };
  }

  #decrypted(header: Uint8Array, body: Uint8Array, ec: number): Uint8Array | Refusal {
    const opened = this.#sealingKeys(!this.byAcceptor).decrypt(body);
    if (opened === undefined) return 'MESSAGE_ALTERED';
    const end = opened.length - HEADER - ec;
    if (end < 0) return 'MALFORMED_TOKEN';
    // The header travels in the clear: only its encrypted copy can be believed (CVE-2024-37370). RRC is not protected.
    const copy = opened.subarray(opened.length - HEADER);
    for (let i = 0; i < HEADER; i++) if (i !== 6 && i !== 7 && copy[i] !== header[i]) return 'MESSAGE_ALTERED';
    return opened.subarray(0, end);
  }

  #checked(header: Uint8Array, body: Uint8Array, ec: number): Uint8Array | Refusal {
    const end = body.length - ec;
    if (ec !== this.#checksumLength || end < 0) return 'MALFORMED_TOKEN';
    const covered = header.slice(0, HEADER);
    covered.fill(0, 4, 8); // EC and RRC count as zero
    const message = body.subarray(0, end);
    const right = this.key.verifies(
      sealUsage(!this.byAcceptor),
      { cksumtype: this.#checksumType, checksum: body.subarray(end) },
      message,
      covered,
    );
    return right ? message : 'MESSAGE_ALTERED';
  }

  /** 4.2.6.1: the checksum covers the message, then the header. */
  protected mic(message: Uint8Array, sequence: number): Uint8Array {
    const header = this.#header(TOKEN_MIC, 0, sequence);
    header.fill(FILLER, 4, 8);
    return concat(header, this.key.forUsage(signUsage(this.byAcceptor)).checksum(this.#checksumType, message, header));
  }

  protected checkMic(message: Uint8Array, token: Uint8Array): number | Refusal {
    const fields = this.#readHeader(token, TOKEN_MIC);
    if (typeof fields === 'string') return fields;
    const header = token.subarray(0, HEADER);
    const checksum = { cksumtype: this.#checksumType, checksum: token.subarray(HEADER) };
    const right = this.key.verifies(signUsage(!this.byAcceptor), checksum, message, header);
    return right ? fields.sequence : 'MESSAGE_ALTERED';
  }

  #header(tokenId: number, flags: number, sequence: number): Uint8Array {
    const header = new Uint8Array(HEADER);
    const view = new DataView(header.buffer);
    const sender = this.byAcceptor ? SENT_BY_ACCEPTOR : 0;
    view.setUint16(0, tokenId);
    header[2] = flags | sender | (this.#acceptorSubkey ? ACCEPTOR_SUBKEY : 0);
    header[3] = FILLER;
    view.setUint32(8, Math.floor(sequence / 2 ** 32));
    view.setUint32(12, sequence >>> 0);
    return header;
  }

  #readHeader(token: Uint8Array, tokenId: number): HeaderFields | Refusal {
    if (token.length < HEADER) return 'MALFORMED_TOKEN';
    const view = new DataView(token.buffer, token.byteOffset, HEADER);
    const flags = view.getUint8(2);
    if (view.getUint16(0) !== tokenId || view.getUint8(3) !== FILLER) return 'MALFORMED_TOKEN';
    if (tokenId === TOKEN_MIC && view.getUint32(4) !== 0xffffffff) return 'MALFORMED_TOKEN';
    // Our own message come back is not the peer's.
    if (((flags & SENT_BY_ACCEPTOR) !== 0) === this.byAcceptor) return 'MESSAGE_ALTERED';
    return {
      ec: view.getUint16(4),
      rrc: view.getUint16(6),
      sealed: (flags & SEALED) !== 0,
      sequence: view.getUint32(8) * 2 ** 32 + view.getUint32(12),
    };
  }

  #sealingKeys(byAcceptor: boolean): UsageKeys {
    return this.key.forUsage(sealUsage(byAcceptor));
  }
}

interface HeaderFields {
  readonly ec: number;
  readonly rrc: number;
  readonly sealed: boolean;
  readonly sequence: number;
}

function sealUsage(byAcceptor: boolean): number {
  return byAcceptor ? KEY_USAGE.GSS_ACCEPTOR_SEAL : KEY_USAGE.GSS_INITIATOR_SEAL;
}

function signUsage(byAcceptor: boolean): number {
  return byAcceptor ? KEY_USAGE.GSS_ACCEPTOR_SIGN : KEY_USAGE.GSS_INITIATOR_SIGN;
}

/** `first | second` without its rotation to the right by `turned` octets, which may reach into the second part. */
function turnedBack(first: Uint8Array, second: Uint8Array, turned: number): Uint8Array {
  if (turned === 0 && second.length === 0) return first;
  if (turned <= first.length) return concat(first.subarray(turned), second, first.subarray(0, turned));
  const cut = turned - first.length;
  return concat(second.subarray(cut), first, second.subarray(0, cut));
}
