/**
 * What a lab's KDC does wrong on request, so that others can be tested on it.
 * @module
 */
import type { Timer } from '../host/index.ts';
import type { EncKdcRepPart, EncTicketPart } from '../kerberos/index.ts';

/** What an answer is; `KRB-PRIV` that of the server for password changes. */
export type AnswerKind = 'AS-REP' | 'TGS-REP' | 'KRB-PRIV' | 'KRB-ERROR';

/** Faults. Any of them can be combined; without any the KDC is honest. */
export interface KdcFaults {
  /** The KDC's clock: milliseconds that it is ahead, or behind when negative. */
  readonly clockAhead?: number | undefined;
  /** Tickets that were over an hour ago. */
  readonly expiredTickets?: boolean | undefined;
  /** No service is known but the ticket-granting one. */
  readonly unknownServices?: boolean | undefined;
  /** Answers are encrypted with this type, whatever the client can do. */
  readonly encryptionType?: number | undefined;
  /**
   * A random key in the place of the right one: `ticket`, that of the service, which then cannot read its tickets; `answer`, that
   * of the client.
   */
  readonly wrongKey?: 'ticket' | 'answer' | undefined;
  /** Every request is refused with this error-code. */
  readonly errorCode?: number | undefined;
  /** Changes what the client is told under encryption, before it is encrypted. */
  readonly forgeAnswer?: ((part: EncKdcRepPart) => EncKdcRepPart) | undefined;
  /** Changes what the service is told, before it is encrypted and after the PAC was signed. */
  readonly forgeTicket?: ((part: EncTicketPart) => EncTicketPart) | undefined;

  /** The faults below concern answers of these kinds only. Default: all. */
  readonly answers?: readonly AnswerKind[] | undefined;
  /** No answer at all. */
  readonly silent?: boolean | undefined;
  /** An answer after so many milliseconds. */
  readonly slow?: number | undefined;
  /** Only so many octets of an answer. */
  readonly truncateTo?: number | undefined;
  /** An octet of the answer with its lowest bit flipped: the place, counted from the end when negative. */
  readonly flipOctet?: number | undefined;
}

/** Does to an answer what was asked for. A promise that is never kept is silence. */
export async function withFaults(
  answer: Uint8Array,
  kind: AnswerKind,
  { answers, silent, slow, truncateTo, flipOctet }: KdcFaults,
  timer: Timer,
): Promise<Uint8Array> {
  if (answers !== undefined && !answers.includes(kind)) return answer;
  if (silent === true) return await new Promise<never>(() => undefined);
  if (slow !== undefined) await new Promise<void>((resolve) => timer.after(slow, resolve));
  const faulty = answer.slice(0, truncateTo);
  if (flipOctet !== undefined) {
    const at = flipOctet < 0 ? faulty.length + flipOctet : flipOctet;
    faulty[at] = (faulty[at] ?? 0) ^ 1; // a place outside the answer is not written to
  }
  return faulty;
}

/** What an answer of the KDC is, by its first octet: constructed [APPLICATION n]. */
export function answerKind([first]: Uint8Array): AnswerKind {
  if (first === 0x6b) return 'AS-REP';
  return first === 0x6d ? 'TGS-REP' : 'KRB-ERROR';
}
