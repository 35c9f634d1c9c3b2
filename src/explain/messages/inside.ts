/**
 * How a decoder has a message within its own message decoded, without knowing all the others.
 * @module
 */
import type { Reading } from '../reading.ts';
import type { Branch } from '../tree.ts';

/**
 * Decodes a token inside a field.
 * @param field - gets the token's tree below it
 * @returns one line about the token
 */
export type DescribeInside = (token: Uint8Array, field: Branch, reading: Reading) => string;
