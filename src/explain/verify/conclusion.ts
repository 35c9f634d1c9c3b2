/**
 * What the checks of a conversation say together, and none of them alone.
 * @module
 */
import type { Check } from './check.ts';

/** Made with the session key that the AUTHENTICATE carries. */
const SEALS: readonly Check['name'][] = ['mechListMIC', 'pubKeyAuth seal', 'authInfo'];

/**
 * When the logon is genuine and something behind it is not, the other checks tell what was changed: the session key on its way, if
 * nothing that was made with it verifies; else the messages.
 */
export function concluded(checks: readonly Check[]): readonly Check[] {
  const seals = checks.filter(({ name, outcome }) => SEALS.includes(name) && outcome !== 'not-checked');
  const proven = checks.some(({ name, outcome }) => name === 'NTProofStr' && outcome === 'verified');
  if (!proven || seals.length === 0) return checks;
  const allFail = seals.every(({ outcome }) => outcome === 'failed') && seals.length > 1;
  return checks.map((check) => {
    if (check.outcome !== 'failed') return check;
    if (check.name === 'MIC')
      return {
        ...check,
        why: allFail ? 'the session key is wrong: EncryptedRandomSessionKey was changed on the way' : micText(seals),
      };
    if (allFail && SEALS.includes(check.name))
      return {
        ...check,
        why: `${check.why}; as nothing verifies that the session key made, EncryptedRandomSessionKey or NegotiateFlags was changed`,
      };
    return check;
  });
}

function micText(seals: readonly Check[]): string {
  const isKeyRight = seals.some(({ outcome }) => outcome === 'verified');
  return isKeyRight
    ? 'the session key is right, as what it sealed shows: NEGOTIATE, CHALLENGE or AUTHENTICATE was changed on the way'
    : 'one of the three messages was changed on the way, or its EncryptedRandomSessionKey';
}
