/**
 * CredSSP ([MS-CSSP] 2.2.1): TSRequest with what is in it, the shape of TSCredentials and never their secrets, and the Early User
 * Authorization Result of RDP.
 * @module
 */

import {
  decodeTSCredentials,
  decodeTSRequest,
  ntStatusOf,
  TSCredentials,
  TSPasswordCreds,
  TSRemoteGuardCreds,
  TSRequest,
  TSSmartCardCreds,
} from '../../credssp/index.ts';
import { decodeUtf16 } from '../../crypto/index.ts';
import type { Schema } from '../../der/index.ts';
import { ntStatusName } from '../../sspi/index.ts';
import { Cursor, reading as run } from '../cursor.ts';
import type { Reading } from '../reading.ts';
import { hexNumber, hexText, namedNumber, printable, secretText } from '../text.ts';
import { contentOf, type ReadField, reasonOf, traceDer } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import type { DescribeInside } from './inside.ts';

/** @returns one line about it */
export function describeTSRequest(
  octets: Uint8Array,
  branch: Branch,
  reading: Reading,
  inside: DescribeInside,
): string {
  const tokens: string[] = [];
  const request = traceDer({
    schema: TSRequest,
    octets,
    branch,
    dress: (field) => dressRequest(field, reading, inside, tokens),
  });
  if (request === undefined) return ['TSRequest, malformed', ...tokens].join(', ');

  try {
    decodeTSRequest(octets);
  } catch (error) {
    branch.note('REFUSED', `a receiver refuses it: ${reasonOf(error)}`);
  }
  if (request.authInfo !== undefined) reading.suggest('client');
  const ntStatus = ntStatusOf(request);
  if (ntStatus !== undefined) {
    reading.suggest('server');
    reading.fact({ kind: 'nt-status', ntStatus });
  }
  if (request.version < 5) branch.find('version')?.note('WEAK', 'versions 2 to 4 can be relayed (CVE-2018-0886)');
  reading.fact({ kind: 'credssp-version', version: request.version });
  if (request.authInfo !== undefined) reading.fact({ kind: 'delegated' });
  reading.observe({ kind: 'ts-request', request, branch });
  return summaryOf(request, tokens);
}

function summaryOf(request: TSRequest, tokens: readonly string[]): string {
  const parts = tokens.map((token) => `negoToken: ${token}`);
  for (const name of ['authInfo', 'pubKeyAuth'] as const) if (request[name] !== undefined) parts.push(name);
  const ntStatus = ntStatusOf(request);
  if (ntStatus !== undefined) parts.push(`errorCode: ${ntStatusName(ntStatus)}`);
  return `TSRequest v${request.version} {${parts.join(', ')}}`;
}

function dressRequest(
  { name, value, branch }: ReadField,
  reading: Reading,
  inside: DescribeInside,
  tokens: string[],
): string | undefined {
  if (name === 'negoToken' && value instanceof Uint8Array) {
    tokens.push(inside(value, branch, reading));
    return undefined;
  }
  if (name === 'errorCode' && typeof value === 'number') return `${ntStatusName(value)} (${hexNumber(value >>> 0)})`;
  if ((name === 'authInfo' || name === 'pubKeyAuth') && value instanceof Uint8Array)
    return `sealed, ${hexText(value, 16)}`;
  return undefined;
}

const CREDENTIAL_TYPES = { password: 1, 'smart card': 2, 'remote guard': 6 } as const;

/**
 * The shape of TSCredentials: who, what kind, how long the secrets are.
 * @returns one line about them
 */
export function describeTSCredentials(octets: Uint8Array, branch: Branch): string {
  const credentials = traceDer({ schema: TSCredentials, octets, branch, dress: dressCredentials });
  if (credentials === undefined) return 'TSCredentials, malformed';
  try {
    decodeTSCredentials(octets);
  } catch (error) {
    branch.note('REFUSED', `a receiver refuses them: ${reasonOf(error)}`);
  }
  return `TSCredentials (${namedNumber(credentials.credType, CREDENTIAL_TYPES).replace(/ \(.*/u, '')})`;
}

function dressCredentials({ name, value, branch, before }: ReadField): string | undefined {
  if (name === 'credType' && typeof value === 'number') return namedNumber(value, CREDENTIAL_TYPES);
  if (!(value instanceof Uint8Array)) return undefined;
  if (name === 'credentials') {
    const schema = schemaOf(before.get('credType'));
    // Nothing of octets that cannot be read is shown: they are somebody's credentials.
    if (schema !== undefined)
      traceDer({ schema, octets: value, branch: contentOf(branch, value), dress: dressCredentials });
    return schema === undefined ? secretText(value) : undefined;
  }
  return SECRETS.includes(name) ? secretText(value) : textOf(value);
}

const SECRETS: readonly string[] = ['password', 'pin', 'credBuffer'];

function schemaOf(credType: unknown): Schema<unknown> | undefined {
  switch (credType) {
    case 1:
      return TSPasswordCreds;
    case 2:
      return TSSmartCardCreds;
    case 6:
      return TSRemoteGuardCreds;
    default:
      return undefined;
  }
}

function textOf(octets: Uint8Array): string {
  if (octets.length === 0) return '(empty)';
  return octets.length % 2 === 0 ? printable(decodeUtf16(octets)) : secretText(octets);
}

/** [MS-RDPBCGR] 5.4.2.2: four octets, inside TLS, after the credentials. */
export function describeAuthorization(octets: Uint8Array, branch: Branch, reading: Reading): string {
  let granted = false;
  run(() => {
    const value = new Cursor(octets, branch).little('authorizationResult', 4, authorizationText);
    granted = value === 0;
  });
  reading.suggest('server');
  reading.fact({ kind: 'authorization', granted });
  return `Early User Authorization Result: ${granted ? 'AUTHZ_SUCCESS' : 'AUTHZ_ACCESS_DENIED'}`;
}

function authorizationText(value: number): string {
  return namedNumber(value, { AUTHZ_SUCCESS: 0, AUTHZ_ACCESS_DENIED: 5 });
}
