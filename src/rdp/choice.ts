/**
 * Which mechanism it came to be inside CredSSP, and why.
 * @module
 */
import type { MechanismContext } from '../credssp/index.ts';
import { SECPKG_NEGOTIATION, type SecurityContext, SspiError } from '../sspi/index.ts';
import type { LogonMechanism, MechanismChoice } from './session.ts';

/**
 * Looks at a mechanism under way.
 * @returns undefined while nothing is chosen, not even hoped for
 */
export function choiceOf(mechanism: MechanismContext): (MechanismChoice & { readonly settled: boolean }) | undefined {
  if (mechanism.info.name !== 'Negotiate') {
    const chosen = mechanismOf(mechanism.info);
    return { settled: true, offered: [chosen], chosen, how: 'direct', reason: `${chosen} without SPNEGO is set` };
  }
  const { inner } = mechanism;
  if (inner === undefined && mechanism.role === 'acceptor') return undefined; // a server hopes for nothing
  const { packageInfo, state } = mechanism.query('NEGOTIATION_INFO');
  const { offered, reason } = mechanism.query('NEGO_STATUS');
  const chosen = mechanismOf(packageInfo);
  const how = state === SECPKG_NEGOTIATION.DIRECT ? 'direct' : 'negotiated';
  return { settled: inner !== undefined, offered, chosen, how, reason: reason === '' ? usual(mechanism, how) : reason };
}

/** What it came to in the end. */
export function settledChoice(mechanism: MechanismContext): MechanismChoice {
  const choice = choiceOf(mechanism);
  if (choice === undefined) throw new SspiError('INTERNAL_ERROR', { stage: 'SPNEGO', detail: 'nothing was chosen' });
  const { offered, chosen, how, reason } = choice;
  return { offered, chosen, how, reason };
}

/** Where nothing stood in the way. */
function usual({ role }: MechanismContext, how: MechanismChoice['how']): string {
  if (role === 'initiator') return 'the first of the offer';
  return how === 'direct' ? 'the client spoke it without SPNEGO' : 'the first of the offer that this server has';
}

function mechanismOf({ name }: SecurityContext['info']): LogonMechanism {
  return name === 'NTLM' ? 'NTLM' : 'Kerberos';
}
