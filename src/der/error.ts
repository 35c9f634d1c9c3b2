/**
 * What goes wrong with DER.
 * @module
 */

/** What a {@link DerError} knows besides its message. */
export interface DerErrorDetails {
  /** Names of the fields around the fault, the outermost first. */
  readonly path?: readonly string[] | undefined;
  /** Where in the input, in octets. */
  readonly offset?: number | undefined;
  /** `limit` when the input may be right but is larger or deeper than allowed. */
  readonly kind?: 'malformed' | 'limit' | undefined;
}

/**
 * Octets that are not the DER of the type expected, or a value that the type cannot hold. The message names the place and the
 * fault, and shows no content: that may be secret.
 */
export class DerError extends Error {
  readonly path: readonly string[];
  readonly offset: number | undefined;
  readonly kind: 'malformed' | 'limit';

  constructor(message: string, details: DerErrorDetails = {}) {
    const { path = [], offset, kind = 'malformed' } = details;
    const place = path.length === 0 ? '' : `${path.join('.')}: `;
    super(offset === undefined ? `${place}${message}` : `${place}${message} (octet ${offset})`);
    this.name = 'DerError';
    this.path = path;
    this.offset = offset;
    this.kind = kind;
  }
}
