/**
 * What a CredSSP context tells about the mechanism inside it (contract §2.3).
 * @module
 */
import {
  type AttributeName,
  type ClientClaim,
  type ClientIdentity,
  NEVER,
  parseTargetName,
  type Scope,
  SECPKG_CRED_CLASS,
  SspiError,
  toFileTime,
} from '../sspi/index.ts';
import type { MechanismContext } from './mechanism.ts';

/** Asked of the mechanism as they are. */
const FORWARDED = ['NAMES', 'SESSION_KEY', 'NATIVE_NAMES'] as const satisfies readonly AttributeName[];
const FORWARDED_BY_ACCEPTOR = ['ACCESS_TOKEN', 'CLIENT_SPECIFIED_TARGET'] as const satisfies readonly AttributeName[];

/** Every attribute that some CredSSP context has: the engines' own, the mechanism's, and those of the TLS channel. */
export const CREDSSP_ATTRIBUTES: readonly AttributeName[] = [
  ...FORWARDED,
  ...FORWARDED_BY_ACCEPTOR,
  'CREDENTIAL_NAME',
  'C_ACCESS_TOKEN',
  'C_FULL_ACCESS_TOKEN',
  'CREDS',
  'CREDS_2',
  'FLAGS',
  'IS_LOOPBACK',
  'LAST_CLIENT_TOKEN_STATUS',
  'LIFESPAN',
  'NEGOTIATION_INFO',
  'NEGOTIATION_PACKAGE',
  'NEGO_STATUS',
  'SERVER_AUTH_FLAGS',
  'SUBJECT_SECURITY_ATTRIBUTES',
];

const LAST_TOKEN_YES = 0;

/** Publishes what the mechanism knows, once authentication is over. */
export function publishInnerAttributes(scope: Scope, context: MechanismContext, role: 'initiator' | 'acceptor'): void {
  const forward = <N extends AttributeName>(name: N): void => scope.publish(name, () => context.query(name));

  for (const name of FORWARDED) forward(name);
  scope.publish('NEGOTIATION_PACKAGE', () => (context.inner ?? context).info);
  if (context.inner !== undefined) {
    forward('NEGOTIATION_INFO');
    forward('NEGO_STATUS');
  }
  scope.publish('LAST_CLIENT_TOKEN_STATUS', () => ({ status: LAST_TOKEN_YES }));
  if (role === 'initiator') {
    scope.publish('CREDENTIAL_NAME', () => ({
      credentialType: SECPKG_CRED_CLASS.EXPLICIT, // there are no others here (contract A2)
      credentialName: context.query('NAMES').userName,
    }));
    return;
  }
  for (const name of FORWARDED_BY_ACCEPTOR) forward(name);
  scope.publish('C_ACCESS_TOKEN', () => context.query('ACCESS_TOKEN'));
  scope.publish('C_FULL_ACCESS_TOKEN', () => context.query('ACCESS_TOKEN'));
  scope.publish('SUBJECT_SECURITY_ATTRIBUTES', () => ({ attributes: claimsOf(context.query('ACCESS_TOKEN')) }));
}

/**
 * Publishes how long the context is good for: as long as the channel and what the mechanism proved, a ticket for one (contract R46).
 * @param channelExpiry - FILETIME ticks, UTC
 * @returns when it ends
 */
export function publishLifespan(scope: Scope, context: MechanismContext, channelExpiry: bigint = NEVER): bigint {
  const ofMechanism = expiryOfMechanism(context.inner ?? context);
  const expiry = ofMechanism < channelExpiry ? ofMechanism : channelExpiry;
  const start = toFileTime(scope.host.clock.now());
  scope.publish('LIFESPAN', () => ({ start, expiry }));
  return expiry;
}

function expiryOfMechanism(context: MechanismContext): bigint {
  try {
    return context.query('LIFESPAN').expiry;
  } catch (error) {
    if (error instanceof SspiError && error.code === 'UNSUPPORTED_FUNCTION') return NEVER; // it does not tell
    throw error;
  }
}

/** Claims travel in the PAC of Kerberos. NTLM has none: the set is there and empty (contract Q3). */
function claimsOf({ authorization }: ClientIdentity): readonly ClientClaim[] {
  if (authorization === undefined) return [];
  if (authorization.claims !== undefined) return authorization.claims;
  throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'attribute SUBJECT_SECURITY_ATTRIBUTES', detail: 'compressed' });
}

/** Whether a target is this machine, as far as its name tells: localhost, 127.0.0.0/8, ::1. */
export function isLoopback(targetName: string | undefined): boolean {
  const host = targetName === undefined ? '' : parseTargetName(targetName).host.toLowerCase();
  return host === '::1' || /^(?:.+\.)?localhost\.?$/.test(host) || /^127(?:\.\d{1,3}){3}$/.test(host);
}
