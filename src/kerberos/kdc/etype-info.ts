/**
 * Which key, with which salt: ETYPE-INFO2 and its older forms, RFC 4120 5.2.7.
 * @module
 */
import { decode } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { ETYPE, encryptionTypeName, type KerberosKey } from '../encryption/index.ts';
import { EtypeInfo, EtypeInfo2, findPaData, type MethodData, PA_TYPE, type PrincipalName } from '../messages/index.ts';
import type { LongTermKeys } from './long-term-keys.ts';

/** What a KDC says about one encryption type. */
export interface KeyInfo {
  readonly etype: number;
  readonly salt: Uint8Array | undefined;
  readonly parameters: Uint8Array | undefined;
}

/** More entries than there are encryption types. */
const MOST_ENTRIES = 32;

/**
 * Fewer rounds than the RFCs have by default are refused: whoever is in between could ask for one round, and then try
 * passwords on the encrypted timestamp thousands of times faster (RFC 3962 4).
 */
const LEAST_ITERATIONS = 4096;

const utf8 = new TextEncoder();

/** The entries of ETYPE-INFO2, or else ETYPE-INFO, in the KDC's order; undefined when there is neither. @throws DerError */
export function readKeyInfo(padata: MethodData | undefined): readonly KeyInfo[] | undefined {
  const info2 = findPaData(padata, PA_TYPE.ETYPE_INFO2);
  if (info2 !== undefined)
    return decode(EtypeInfo2, info2)
      .slice(0, MOST_ENTRIES)
      .map(({ etype, salt, s2kparams }) => ({
        etype,
        salt: salt === undefined ? undefined : utf8.encode(salt),
        parameters: s2kparams,
      }));
  const info = findPaData(padata, PA_TYPE.ETYPE_INFO);
  if (info === undefined) return undefined;
  return decode(EtypeInfo, info)
    .slice(0, MOST_ENTRIES)
    .map(({ etype, salt }) => ({ etype, salt, parameters: undefined }));
}

/** What is known about the client's key so far. */
export interface KeyChoice {
  readonly keys: LongTermKeys;
  readonly client: PrincipalName;
  readonly realm: string;
  /** Encryption types that the client's key may have. */
  readonly allowed: readonly number[];
  readonly stage: string;
}

/**
 * The client's key as the KDC wants it: of the first type in its list that is allowed and that there is a key of.
 * @param padata - of the KDC's newest word
 * @throws SspiError ENCRYPTION_TYPE_REFUSED when nothing in the list is allowed, NO_KERBEROS_KEY when there is no such key
 */
export async function preAuthenticationKey(choice: KeyChoice, padata: MethodData): Promise<KerberosKey> {
  const { allowed, stage } = choice;
  const offered = readKeyInfo(padata) ?? allowed.map((etype) => ({ etype, salt: undefined, parameters: undefined }));
  const usable = offered.filter(({ etype }) => allowed.includes(etype));
  if (usable.length === 0)
    throw new SspiError('ENCRYPTION_TYPE_REFUSED', {
      stage,
      detail: `the KDC has ${encryptionTypeNames(offered.map(({ etype }) => etype))}; allowed: ${encryptionTypeNames(allowed)}`,
    });
  for (const info of usable) {
    const key = await keyOf(choice, info, padata);
    if (key !== undefined) return key;
  }
  throw noKey(choice, usable);
}

/**
 * The client's key of the type that an AS-REP is encrypted with (RFC 4120 3.1.5).
 * @param padata - of the AS-REP, and of the errors before it: the first that says something counts
 */
export async function replyKey(
  choice: KeyChoice,
  etype: number,
  ...padata: readonly MethodData[]
): Promise<KerberosKey> {
  const bare: KeyInfo = { etype, salt: undefined, parameters: undefined };
  if (!choice.allowed.includes(etype))
    throw new SspiError('ENCRYPTION_TYPE_REFUSED', {
      stage: choice.stage,
      detail: `the answer is encrypted with ${encryptionTypeName(etype)}; offered: ${encryptionTypeNames(choice.allowed)}`,
    });
  for (const list of padata) {
    const info = readKeyInfo(list)?.find((one) => one.etype === etype);
    const salted = info ?? (findPaData(list, PA_TYPE.PW_SALT) === undefined ? undefined : bare);
    if (salted === undefined) continue;
    const key = await keyOf(choice, salted, list);
    if (key !== undefined) return key;
  }
  const key = await keyOf(choice, bare, []);
  if (key === undefined) throw noKey(choice, [bare]);
  return key;
}

async function keyOf(choice: KeyChoice, info: KeyInfo, padata: MethodData): Promise<KerberosKey | undefined> {
  const { keys, client, realm, stage } = choice;
  const { etype, parameters } = info;
  checkIterations(parameters, etype, stage);
  // 5.2.7.3: PA-PW-SALT counts for types that have no entry of their own; 4: by default realm and name are the salt.
  const salt = info.salt ?? findPaData(padata, PA_TYPE.PW_SALT) ?? utf8.encode(realm + client.nameString.join(''));
  return await keys.keyFor({ client, realm, etype, salt, parameters });
}

function checkIterations(parameters: Uint8Array | undefined, etype: number, stage: string): void {
  if (parameters?.length !== 4 || etype === ETYPE.RC4_HMAC) return; // other lengths are refused where they are used
  const count = new DataView(parameters.buffer, parameters.byteOffset, 4).getUint32(0);
  if (count < LEAST_ITERATIONS && count !== 0)
    throw new SspiError('MALFORMED_TOKEN', {
      stage,
      detail: `the KDC asks for ${count} rounds of string-to-key; the least is ${LEAST_ITERATIONS}`,
    });
}

function noKey({ stage }: KeyChoice, wanted: readonly KeyInfo[]): SspiError {
  const detail = `the KDC wants one of ${encryptionTypeNames(wanted.map(({ etype }) => etype))}`;
  return new SspiError('NO_KERBEROS_KEY', { stage, detail });
}

/** Encryption types for people. */
export function encryptionTypeNames(etypes: readonly number[]): string {
  return etypes.map(encryptionTypeName).join(', ') || 'none';
}
