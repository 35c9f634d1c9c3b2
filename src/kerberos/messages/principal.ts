/**
 * Names of principals, RFC 4120 5.2.2 and 6.2.
 * @module
 */
import { field, int32, sequence, sequenceOf, type TypeOf } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { KerberosString, Realm } from './basic-types.ts';

/** Name types: RFC 4120 6.2, RFC 6806, RFC 8062. A hint only: names of different types may be the same principal. */
export const NAME_TYPE = {
  UNKNOWN: 0,
  PRINCIPAL: 1,
  SRV_INST: 2,
  SRV_HST: 3,
  SRV_XHST: 4,
  UID: 5,
  X500_PRINCIPAL: 6,
  SMTP_NAME: 7,
  ENTERPRISE: 10,
  WELLKNOWN: 11,
} as const;

/** More parts than any name has: SPNs for replication have three or four. */
const MOST_PARTS = 32;

/** PrincipalName, 5.2.2. */
export const PrincipalName = sequence({
  nameType: field(0, int32),
  nameString: field(1, sequenceOf(KerberosString, { max: MOST_PARTS })),
});
export type PrincipalName = TypeOf<typeof PrincipalName>;

/** KRB5PrincipalName, RFC 4556 3.2.2: a name with its realm. */
export const KRB5PrincipalName = sequence({ realm: field(0, Realm), principalName: field(1, PrincipalName) });
export type KRB5PrincipalName = TypeOf<typeof KRB5PrincipalName>;

/** A principal as text has it: the realm may be left out. */
export interface Principal {
  readonly name: PrincipalName;
  readonly realm: string | undefined;
}

/**
 * Reads `part/part@REALM`. A backslash makes the next character ordinary; `\n`, `\t`, `\b`, `\0` are control characters.
 * @param nameType - SRV_INST when there are several parts, else PRINCIPAL, unless told. ENTERPRISE takes all before the last `@`
 *   for one part.
 * @throws SspiError INVALID_PARAMETER for an empty name and a backslash at the end
 * @example
 * parsePrincipal('HTTP/www.example.com@EXAMPLE.COM').name.nameString; // ['HTTP', 'www.example.com']
 */
export function parsePrincipal(text: string, nameType?: number): Principal {
  if (nameType === NAME_TYPE.ENTERPRISE) return parseEnterprise(text);
  const parts: string[] = [''];
  let realm: string | undefined;
  for (let i = 0; i < text.length; i++) {
    let character = text.charAt(i);
    const isEscaped = character === '\\';
    if (isEscaped) character = unescaped(text.charAt(++i));
    if (realm !== undefined) {
      if (!isEscaped && character === '@') throw unusable('more than one @');
      realm += character;
    } else if (!isEscaped && character === '@') {
      realm = '';
    } else if (!isEscaped && character === '/') {
      parts.push('');
    } else {
      parts.push(`${parts.pop() ?? ''}${character}`);
    }
  }
  if (parts.length > MOST_PARTS || parts.some((part) => part === '') || realm === '') throw unusable('an empty part');
  const implied = parts.length > 1 ? NAME_TYPE.SRV_INST : NAME_TYPE.PRINCIPAL;
  return { name: { nameType: nameType ?? implied, nameString: parts }, realm };
}

/** RFC 6806 5: `user@upn.suffix` is one part, and what comes behind a second `@` is the realm. */
function parseEnterprise(text: string): Principal {
  const [user = '', suffix, ...more] = text.split('@');
  const name = suffix === undefined ? user : `${user}@${suffix}`;
  if (user === '' || suffix === '' || more.length > 1 || more[0] === '') throw unusable('not a user principal name');
  return { name: { nameType: NAME_TYPE.ENTERPRISE, nameString: [name] }, realm: more[0] };
}

function unescaped(character: string): string {
  switch (character) {
    case '':
      throw unusable('a backslash at the end');
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case '0':
      return '\0';
    default:
      return character;
  }
}

function unusable(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: 'Kerberos principal name', detail });
}

/** A principal as text, escaped so that {@link parsePrincipal} finds the same. */
export function formatPrincipal(name: PrincipalName, realm?: string): string {
  const parts = name.nameString.map((part) => escaped(part, name.nameType !== NAME_TYPE.ENTERPRISE)).join('/');
  return realm === undefined ? parts : `${parts}@${escaped(realm, true)}`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\t': '\\t', '\b': '\\b', '\0': '\\0' };

function escaped(part: string, at: boolean): string {
  const special = at ? /[\\/@\n\t\b\0]/g : /[\\/\n\t\b\0]/g;
  return part.replace(special, (character) => ESCAPES[character] ?? `\\${character}`);
}

/** Whether two names are the same: their parts decide, letter by letter, and not their types (6.2). */
export function samePrincipal(a: PrincipalName, b: PrincipalName): boolean {
  return (
    a.nameString.length === b.nameString.length && a.nameString.every((part, index) => part === b.nameString[index])
  );
}

/** The name of a realm's ticket-granting service: `krbtgt/REALM`. */
export function ticketGrantingService(realm: string): PrincipalName {
  return { nameType: NAME_TYPE.SRV_INST, nameString: ['krbtgt', realm] };
}
