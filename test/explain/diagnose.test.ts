import { describe, expect, test } from 'vitest';
import { CAUSES_OF_ERROR, type CauseCode, decode, diagnose, renderDiagnosis } from '../../src/explain/index.ts';
import { ERROR_CATALOGUE, NTSTATUS, SspiError, type SspiErrorCode } from '../../src/sspi/index.ts';

function codesOf(...subject: unknown[]): CauseCode[] {
  return diagnose(...subject).causes.map(({ code }) => code);
}

describe('diagnose(error)', () => {
  test.each(Object.keys(ERROR_CATALOGUE) as SspiErrorCode[])('%s leads to a cause, with its evidence', (code) => {
    const { causes } = diagnose(new SspiError(code, { stage: 'a stage', detail: 'a detail' }));
    expect(causes.length).toBeGreaterThan(0);
    expect(causes[0]?.evidence[0]).toContain(`${code} in a stage`);
    expect(causes[0]?.evidence[0]).toContain('a detail');
    expect(causes[0]?.page).toBe(`docs/errors/${causes[0]?.code}.md`);
    expect(CAUSES_OF_ERROR[code].length).toBeGreaterThan(0);
  });

  // What the codes of peers mean: [MS-ERREF] 2.3.1, RFC 4120 7.5.9.
  test.each([
    ['PEER_REFUSED', NTSTATUS.ACCOUNT_DISABLED, 'ACCOUNT_DISABLED'],
    ['PEER_REFUSED', NTSTATUS.ACCOUNT_EXPIRED, 'ACCOUNT_EXPIRED'],
    ['PEER_REFUSED', NTSTATUS.ACCOUNT_LOCKED_OUT, 'ACCOUNT_LOCKED'],
    ['PEER_REFUSED', NTSTATUS.PASSWORD_MUST_CHANGE, 'PASSWORD_EXPIRED'],
    ['PEER_REFUSED', NTSTATUS.INVALID_LOGON_HOURS, 'LOGON_RESTRICTED'],
    ['PEER_REFUSED', NTSTATUS.LOGON_FAILURE, 'WRONG_PASSWORD'],
    ['ACCOUNT_RESTRICTED', NTSTATUS.ACCOUNT_RESTRICTION, 'NTLM_BLOCKED_BY_POLICY'],
    ['ACCOUNT_RESTRICTED', NTSTATUS.ACCOUNT_DISABLED, 'ACCOUNT_DISABLED'],
    ['LOGON_DENIED', NTSTATUS.NO_SUCH_USER, 'UNKNOWN_USER'],
    ['LOGON_DENIED', NTSTATUS.WRONG_PASSWORD, 'WRONG_PASSWORD'],
    ['PEER_REFUSED', NTSTATUS.NOT_SUPPORTED, 'CREDSSP_VERSION_REFUSED'],
    ['PEER_REFUSED', NTSTATUS.BAD_BINDINGS, 'CHANNEL_BINDING_MISMATCH'],
  ] as const)('%s with NTSTATUS %i is first of all %s', (code, ntStatus, expected) => {
    expect(codesOf(new SspiError(code, { stage: 'TSRequest', ntStatus }))[0]).toBe(expected);
  });

  test.each([
    ['TIME_SKEW', 'CLOCK_SKEW'],
    ['SPN_UNKNOWN', 'SPN_UNKNOWN'],
    ['BAD_BINDINGS', 'CHANNEL_BINDING_MISMATCH'],
    ['VERSION_REFUSED', 'CREDSSP_VERSION_REFUSED'],
    ['DELEGATION_POLICY', 'DELEGATION_POLICY'],
    ['KDC_UNREACHABLE', 'KDC_UNREACHABLE'],
    ['TICKET_UNREADABLE', 'SERVICE_KEY_MISMATCH'],
    ['REPLAY_DETECTED', 'REPLAY'],
    ['MECH_LIST_MIC_INVALID', 'DOWNGRADE'],
    ['RDP_NEGOTIATION_FAILED', 'RDP_SECURITY_MISMATCH'],
    ['NO_COMMON_MECHANISM', 'NO_COMMON_MECHANISM'],
    ['NOT_TLS', 'NOT_THE_PROTOCOL'],
  ] as const)('%s is first of all %s', (code, expected) => {
    expect(codesOf(new SspiError(code, { stage: 'somewhere' }))[0]).toBe(expected);
  });

  test.each([
    ['X.224 Connection Confirm', undefined, 'NOT_THE_PROTOCOL'],
    ['TLS handshake', undefined, 'TLS_FAILED'],
    ['TSRequest', undefined, 'SERVER_UNREACHABLE'],
    ['TSRequest', 'right after our answer to its challenge: most likely ...', 'WRONG_PASSWORD'],
    ['Early User Authorization Result', undefined, 'PEER_REFUSED'],
  ] as const)('Z22: a peer that hangs up in %s (%s) means first of all %s', (stage, detail, expected) => {
    expect(codesOf(new SspiError('CONNECTION_CLOSED', { stage, detail }))[0]).toBe(expected);
  });

  test('an error that was told once more counts once, with what it means in its place', () => {
    const cause = new SspiError('CONNECTION_CLOSED', { stage: 'TSRequest' });
    const detail = 'right after our answer to its challenge';
    const told = new SspiError('CONNECTION_CLOSED', { stage: 'TSRequest', detail, cause });
    expect(codesOf(told)).toEqual(['WRONG_PASSWORD', 'PEER_REFUSED', 'UNKNOWN_USER']);
  });

  test('Z8: a public key that does not match is a gateway or a key in the wrong form', () => {
    expect(codesOf(new SspiError('PUBLIC_KEY_MISMATCH', { stage: 'pubKeyAuth' }))).toEqual([
      'TLS_TERMINATED_IN_BETWEEN',
      'PUBLIC_KEY_NOT_SPKI_CONTENT',
      'WRONG_CERTIFICATE',
    ]);
  });

  test('F11: what Windows says with TLS alerts', () => {
    const alert = (detail: string) => new SspiError('TLS_ALERT', { stage: 'CredSSP', detail });
    expect(codesOf(alert('internal_error (80)'))[0]).toBe('PUBLIC_KEY_NOT_SPKI_CONTENT');
    expect(codesOf(alert('access_denied (49)'))[0]).toBe('WRONG_PASSWORD');
    expect(codesOf(alert('unknown_ca (48)'))[0]).toBe('CERTIFICATE_UNTRUSTED');
  });

  test('causes of errors count too, and foreign errors are no riddle', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(codesOf(new SspiError('KDC_UNREACHABLE', { stage: 'KDC', cause: refused }))).toEqual([
      'KDC_UNREACHABLE',
      'SERVER_UNREACHABLE',
    ]);
    expect(codesOf(refused)).toEqual(['SERVER_UNREACHABLE']);
    expect(codesOf(new TypeError('x is not a function'))).toEqual(['INTERNAL']);
    expect(codesOf('a string')).toEqual(['INTERNAL']);
    const circular = new Error('round');
    circular.cause = circular;
    expect(codesOf(circular)).toEqual(['INTERNAL']);
  });

  test('as text it fits 80 columns, and says when there is nothing', () => {
    const text = renderDiagnosis(diagnose(new SspiError('BAD_BINDINGS', { stage: 'NTLM AUTHENTICATE' })));
    expect(text).toContain('CHANNEL_BINDING_MISMATCH (certain)');
    expect(text).toContain('see     docs/errors/CHANNEL_BINDING_MISMATCH.md');
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(renderDiagnosis({ causes: [] })).toBe('Nothing in it tells of a failure.');
  });
});

describe('diagnose(conversation)', () => {
  // TSRequests with an errorCode, from the vectors of [MS-CSSP] 2.2.1: 30 0d a0 03 02 01 06 a4 06 02 04 ...
  test.each([
    ['300da003020106a4060204c0000072', 'ACCOUNT_DISABLED', 'certain'],
    ['300da003020106a4060204c000006d', 'WRONG_PASSWORD', 'likely'],
    ['300da003020106a4060204c0000234', 'ACCOUNT_LOCKED', 'certain'],
    ['300da003020106a4060204c0000071', 'PASSWORD_EXPIRED', 'certain'],
    ['030000130ed000000000000300080005000000', 'RDP_SECURITY_MISMATCH', 'certain'], // RDP_NEG_FAILURE: HYBRID_REQUIRED_BY_SERVER
    ['15030300020250', 'PUBLIC_KEY_NOT_SPKI_CONTENT', 'likely'], // fatal internal_error
    ['a1073005a0030a0102', 'NO_COMMON_MECHANISM', 'possible'], // NegTokenResp reject
  ])('%s: %s', async (hex, code, likelihood) => {
    const [best] = diagnose(await decode(hex)).causes;
    expect(best).toMatchObject({ code, likelihood });
    expect(best?.evidence[0]).toContain('message 1');
  });

  test('error and conversation together: what both say counts most', async () => {
    const conversation = await decode('300da003020106a4060204c000006d');
    const { causes } = diagnose(
      new SspiError('PEER_REFUSED', { stage: 'TSRequest', ntStatus: NTSTATUS.LOGON_FAILURE }),
      conversation,
    );
    expect(causes[0]?.code).toBe('WRONG_PASSWORD');
    expect(causes[0]?.evidence.length).toBe(2);
  });
});
