/**
 * One line of the table: what was measured, and how far it is from its bar.
 * @module
 */

/** A measured value and the bar that it is held against. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar: number;
  /** Whether more is better, or less. */
  readonly better: 'more' | 'less';
  /** What else was measured in the same rounds, for people. */
  readonly detail: Readonly<Record<string, number>>;
  /** What should have been measured beside it, and could not be. */
  readonly missing?: string | undefined;
}

/** How far the value is from the bar: 1 is on it, above 1 is better. */
export function distance({ value, bar, better }: Figure): number {
  return better === 'more' ? value / bar : bar / value;
}

/** Three digits that count. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}
