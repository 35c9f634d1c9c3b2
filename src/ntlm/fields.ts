/**
 * How every NTLM message is laid out, [MS-NLMP] 2.2.1: signature, type, a fixed part with pairs of length and offset, and a
 * payload that these point into. All numbers are little-endian.
 * @module
 */
import { SspiError } from '../sspi/index.ts';

/** `NTLMSSP` and a zero. */
const SIGNATURE = Uint8Array.of(0x4e, 0x54, 0x4c, 0x4d, 0x53, 0x53, 0x50, 0x00);

/** MessageType. */
export const MESSAGE_TYPE = { NEGOTIATE: 1, CHALLENGE: 2, AUTHENTICATE: 3 } as const;

/** The name of a message. */
export type MessageName = keyof typeof MESSAGE_TYPE;

const NAMES: readonly MessageName[] = ['NEGOTIATE', 'CHALLENGE', 'AUTHENTICATE'];
const EMPTY = new Uint8Array(0);

/** Whether these octets begin as an NTLM message does: how NTLM without SPNEGO is recognised (contract X23). */
export function isNtlmToken(octets: Uint8Array): boolean {
  for (let i = 0; i < SIGNATURE.length; i++) if (octets[i] !== SIGNATURE[i]) return false;
  return true;
}

/** Which message this is, by its header alone; undefined for anything that is not one of the three. */
export function messageName(octets: Uint8Array): MessageName | undefined {
  if (octets.length < 12 || !isNtlmToken(octets)) return undefined;
  const [low = 0, ...high] = octets.subarray(8, 12);
  return high.some((octet) => octet !== 0) ? undefined : NAMES[low - 1];
}

/**
 * What a token is, for people: `NTLM NEGOTIATE`, `NTLM CHALLENGE`, `NTLM AUTHENTICATE`, or that it is none of them. Never
 * throws, whatever the octets are.
 */
export function describeNtlm(token: Uint8Array): string {
  const name = messageName(token);
  if (name !== undefined) return `NTLM ${name}`;
  return isNtlmToken(token) ? 'NTLM message of unknown type' : 'not an NTLM message';
}

/** Reads one message. Every access is checked against its length; what is given out are views. */
export class MessageReader {
  readonly octets: Uint8Array;
  /** For errors, for example `NTLM CHALLENGE`. */
  readonly stage: string;
  readonly #view: DataView;
  readonly #fixed: number;
  #payload: number;

  /**
   * @param name - the message that has to be here now
   * @param fixed - octets of the part before the payload, as short as any peer makes it
   * @throws SspiError MALFORMED_TOKEN, MESSAGE_OUT_OF_ORDER (contract N22)
   */
  constructor(octets: Uint8Array, name: MessageName, fixed: number) {
    this.octets = octets;
    this.stage = `NTLM ${name}`;
    const found = messageName(octets);
    if (found === undefined) throw this.malformed(describeNtlm(octets));
    if (found !== name) throw new SspiError('MESSAGE_OUT_OF_ORDER', { stage: this.stage, detail: `got ${found}` });
    if (octets.length < fixed) throw this.malformed(`${octets.length} octets, at least ${fixed} are needed`);
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    this.#fixed = fixed;
    this.#payload = octets.length;
  }

  u32(offset: number): number {
    return this.#view.getUint32(offset, true);
  }

  /** A view of fixed octets, or undefined when the message is too short to have them. */
  part(offset: number, length: number): Uint8Array | undefined {
    return offset + length <= this.octets.length ? this.octets.subarray(offset, offset + length) : undefined;
  }

  /**
   * What a pair of length and offset points to. Without length the offset means nothing; the allocated length never does
   * (contract N4). The sum cannot wrap: numbers here have 53 bits, not 32.
   */
  field(at: number): Uint8Array {
    const length = this.#view.getUint16(at, true);
    if (length === 0) return EMPTY;
    const offset = this.u32(at + 4);
    if (offset < this.#fixed || offset + length > this.octets.length)
      throw this.malformed(`the field at ${at} points to ${offset}+${length} of ${this.octets.length} octets`);
    if (offset < this.#payload) this.#payload = offset;
    return this.octets.subarray(offset, offset + length);
  }

  /** Where the payload that was asked for so far begins. */
  get payloadStart(): number {
    return this.#payload;
  }

  malformed(detail: string): SspiError {
    return new SspiError('MALFORMED_TOKEN', { stage: this.stage, detail });
  }
}

/** Writes one message: the fixed part at its places, the payload in the order of the calls. */
export class MessageWriter {
  readonly octets: Uint8Array;
  readonly #view: DataView;
  #end: number;

  /**
   * @param fixed - octets before the payload
   * @param payload - octets of all fields together
   */
  constructor(name: MessageName, fixed: number, payload: number) {
    this.octets = new Uint8Array(fixed + payload);
    this.#view = new DataView(this.octets.buffer);
    this.#end = fixed;
    this.octets.set(SIGNATURE);
    this.u32(8, MESSAGE_TYPE[name]);
  }

  u32(offset: number, value: number): void {
    this.#view.setUint32(offset, value, true);
  }

  put(offset: number, octets: Uint8Array): void {
    this.octets.set(octets, offset);
  }

  /** An empty field still says where it would be. @throws SspiError INVALID_PARAMETER for more than 65,535 octets */
  field(at: number, content: Uint8Array): void {
    if (content.length > 0xffff)
      throw new SspiError('INVALID_PARAMETER', { stage: 'NTLM', detail: 'a field is too long' });
    this.#view.setUint16(at, content.length, true);
    this.#view.setUint16(at + 2, content.length, true);
    this.u32(at + 4, this.#end);
    this.octets.set(content, this.#end);
    this.#end += content.length;
  }
}
