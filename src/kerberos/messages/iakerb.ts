/**
 * IAKERB (draft-ietf-kitten-iakerb): a KDC reached through the service.
 * @module
 */
import { field, octetString, optional, sequence, type TypeOf, utf8String } from '../../der/index.ts';
import { Checksum } from './encrypted-data.ts';

const extensible = { extensible: true } as const;

/** IAKERB-HEADER: its fields are numbered from 1 on. */
export const IakerbHeader = sequence(
  { targetRealm: field(1, utf8String), cookie: optional(2, octetString) },
  extensible,
);
export type IakerbHeader = TypeOf<typeof IakerbHeader>;

/** IAKERB-FINISHED. */
export const IakerbFinished = sequence({ gssMic: field(1, Checksum) }, extensible);
export type IakerbFinished = TypeOf<typeof IakerbFinished>;
