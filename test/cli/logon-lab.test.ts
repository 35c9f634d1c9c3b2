import { beforeAll, describe, expect, test, vi } from 'vitest';
import { MUST_FAIL, type MustFail } from '../../src/cli/must-fail.ts';
import { runMustFail } from '../../src/cli/must-fail-run.ts';
import { lab } from '../../src/lab/index.ts';
import { objectOf, type Ran, sspi } from './command.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

describe('sspi logon without a target', () => {
  let ran: Ran;
  let text: string;
  let milliseconds: number;
  beforeAll(async () => {
    const started = performance.now();
    ran = await sspi('logon');
    milliseconds = performance.now() - started;
    text = ran.lines.join('\n');
  });

  test('everything as expected, well within 10 seconds', () => {
    expect(ran.notes).toEqual([]);
    expect(ran.code).toBe(0);
    expect(milliseconds).toBeLessThan(10_000);
    expect(text).not.toContain('NOT as expected');
  });

  test('F1, X30, Y7, F9: the timeline of the logon by Kerberos', () => {
    const timeline = between(text, '1. LAB\\alice logs on by Kerberos', '2. The same by NTLM');
    const steps = timeline
      .split('\n')
      .flatMap((line) => /^ *\d+\.\d (?:->|<-| {2}) [ \d]{6} (\S+ +.*)$/u.exec(line)?.[1]?.replace(/ +/u, ' ') ?? []);
    expect(steps).toEqual([
      expect.stringMatching(/^TCP 127\.0\.0\.1 port \d+$/u),
      'X.224 request: SSL, HYBRID, HYBRID_EX',
      'X.224 confirm: HYBRID_EX',
      expect.stringMatching(/^TLS TLSv1\.3, TLS_/u),
      'certificate trusted, and for this name',
      'KDC AS-REQ for krbtgt/LAB.EXAMPLE',
      'KDC KRB-ERROR KDC_ERR_PREAUTH_REQUIRED (25)',
      'KDC AS-REQ for krbtgt/LAB.EXAMPLE',
      'KDC AS-REP: a ticket',
      'KDC TGS-REQ for TERMSRV/server.lab.example',
      'KDC TGS-REP: a ticket',
      'CredSSP TSRequest v6 {negoTokens: NegTokenInit',
      'SPNEGO offers MS-Kerberos, Kerberos, NTLM; hopes for',
      'CredSSP TSRequest v6 {negoTokens: NegTokenResp',
      expect.stringMatching(/^binding our proof of the TLS key/u),
      'CredSSP TSRequest v6 {pubKeyAuth, clientNonce}',
      expect.stringMatching(/^SPNEGO Kerberos: /u),
      'CredSSP TSRequest v6 {pubKeyAuth}',
      expect.stringMatching(/^binding the peer's proof holds/u),
      'delegation password to TERMSRV/server.lab.example, allowed by',
      'CredSSP TSRequest v6 {authInfo}',
      'access the user may use this server (Early User',
    ]);
    expect(timeline).toMatch(/^LOGGED ON as alice@LAB\.EXAMPLE by Kerberos, CredSSP 6, in \d+ ms$/mu);
    expect(timeline).toMatch(/SHA256:[A-Za-z0-9+/]{43}$/mu);
  });

  test('S10: that by NTLM, with its three messages', () => {
    const timeline = between(text, '2. The same by NTLM', '3. The same through the SSPI functions');
    expect(timeline).toMatch(/^LOGGED ON as LAB\\alice by NTLM, CredSSP 6, in \d+ ms$/mu);
    expect(timeline.match(/NTLM\s+(?:NEGOTIATE|CHALLENGE|AUTHENTICATE)/gu)).toHaveLength(3);
  });

  test('K8, K9, S10: the loop by Kerberos, with what is asked of the KDC in between', () => {
    const kerberos = between(text, '\n3.1 ', '\n3.2 ');
    expect(kerberos).toMatch(
      /KDC {2}KRB-ERROR +\d+ +\d+ AS-REQ for krbtgt\/LAB.EXAMPLE:\n +KDC_ERR_PREAUTH_REQUIRED \(25\)$/mu,
    );
    expect(kerberos).toMatch(/KDC {2}AS-REP +\d+ +\d+ AS-REQ for krbtgt\/LAB.EXAMPLE$/mu);
    expect(kerberos).toMatch(/KDC {2}TGS-REP +\d+ +\d+ TGS-REQ for TERMSRV\/server.lab.example$/mu);
    expect(kerberos).toMatch(/\[MS-Kerberos, Kerberos, NTLM\] \{Kerberos\s+AP-REQ\}/u);
    expect(kerberos).toContain('NEGOTIATION_PACKAGE     Kerberos');
    expect(kerberos).toContain('LAB\\alice, proved by Kerberos');
    expect(kerberos).toMatch(/SID +S-1-5-21-\d+-\d+-\d+-1104$/mu);
    expect(kerberos).toMatch(/groups +S-1-5-21-\d+-\d+-\d+-513\n +S-1-5-21-\d+-\d+-\d+-512 S-1-18-1$/mu);
  });

  test('R47, R71: each call of the loop', () => {
    expect(text).toMatch(/ 1 ISC {2}SEC_I_CONTINUE_NEEDED {4}0 +\d+ ClientHello$/mu);
    expect(text).toContain('NTLM AUTHENTICATE');
    expect(text).toMatch(/ISC {2}SEC_E_OK .*TSRequest v6 \{authInfo\}$/mu);
    expect(text).toMatch(/ASC {2}SEC_E_OK +\d+ +0 -$/mu);
  });

  test('Q3: what both sides know, the delegated identity among it', () => {
    expect(text).toContain('domain LAB, user alice, password [redacted]');
    expect(text).toContain('LAB\\alice, proved by NTLM');
    expect(text).toContain('trusted, and it is for server.lab.example');
  });

  test('M1, M6: a sealed message in each direction', () => {
    expect(text).toMatch(/client -> server .*\n.*opened by the other side/u);
    expect(text).toMatch(/server -> client .*\n.*opened by the other side/u);
  });

  test('K11, S11: a wrong password, said by the KDC; not tried again by NTLM, and the server hears a goodbye', () => {
    const kerberos = between(text, '\n3.3 ', '\n3.4 ');
    expect(kerberos).toContain('KDC_ERR_PREAUTH_FAILED (24)');
    expect(kerberos).toMatch(/The client: SEC_E_LOGON_DENIED\n {2}code +LOGON_DENIED/u);
    expect(kerberos).toMatch(/The server: SEC_E_UNFINISHED_CONTEXT_DELETED\n {2}code +CONNECTION_CLOSED/u);
    expect(kerberos).not.toContain('NTLM');
  });

  test('C13, T7: a wrong password by NTLM, with its reason on both sides', () => {
    const ntlm = between(text, '\n3.4 ', '4. What must fail');
    expect(ntlm).toMatch(/ASC {2}SEC_E_LOGON_DENIED .*TSRequest v6 \{errorCode: 0xc000006d\}$/mu);
    expect(ntlm).toMatch(/The server: SEC_E_LOGON_DENIED\n {2}code +LOGON_DENIED/u);
    expect(ntlm).toMatch(/The client: SEC_E_LOGON_DENIED\n {2}code +PEER_REFUSED/u);
    expect(ntlm).toContain('STATUS_LOGON_FAILURE');
  });

  test('Z1, Z12, Z22, Z26, Z51: every logon that must fail is there, with both reasons', () => {
    const table = between(text, '4. What must fail', 'logon over RDP by Kerberos:');
    const rows = MUST_FAIL.flatMap(([, group]) => group);
    expect(rows.length).toBeGreaterThan(40);
    expect(table.match(/^ok /gmu)).toHaveLength(rows.length);
    expect(table).not.toMatch(/^NO /mu);
    expect(table).toMatch(/^ok wrong password, {5}WRONG_PASSWORD {15}WRONG_PASSWORD$/mu);
    expect(text).toContain(
      `${rows.length} of ${rows.length} logons that must fail, for the expected reason: as expected`,
    );
  });

  test('no secret is printed, no line is longer than 80 columns, and there are no colours in a pipe', () => {
    expect(text).not.toMatch(/LabPass1!|not the password|any password/u);
    expect(ran.lines.flatMap((line) => line.split('\n')).filter((line) => line.length > 80)).toEqual([]);
    expect(text).not.toContain('\u001b');
  });

  test('the same as JSON', async () => {
    const json = await sspi('logon', '--json');
    expect(json.code).toBe(0);
    expect(json.lines.join('\n')).not.toMatch(/LabPass1!|not the password|any password/u);
    expect(objectOf(json.lines.join('\n'))).toMatchObject({
      ok: true,
      kerberos: { verdict: { ok: true, name: 'alice@LAB.EXAMPLE', mechanism: 'Kerberos', delegated: 'password' } },
      ntlm: { verdict: { ok: true, name: 'LAB\\alice', mechanism: 'NTLM' } },
      loops: {
        kerberos: {
          asExpected: true,
          calls: expect.arrayContaining([
            expect.objectContaining({ function: 'KDC', status: 'TGS-REP' }),
            expect.objectContaining({ function: 'AcceptSecurityContext', status: 'SEC_E_OK' }),
          ]),
          server: { principal: 'alice@LAB.EXAMPLE' },
          messages: [
            { from: 'client', opened: true },
            { from: 'server', opened: true },
          ],
        },
        ntlm: { asExpected: true, client: { NEGOTIATION_PACKAGE: 'NTLM' } },
        wrongPasswordByKerberos: { asExpected: true, clientReason: { ntStatus: 'STATUS_WRONG_PASSWORD' } },
        wrongPasswordByNtlm: { asExpected: true, clientReason: { ntStatus: 'STATUS_LOGON_FAILURE' } },
      },
      mustFail: expect.arrayContaining([
        expect.objectContaining({
          fault: 'takes the MIC out',
          equal: true,
          reported: { cause: 'MESSAGE_TAMPERED', status: 'SEC_E_LOGON_DENIED' },
        }),
      ]),
    });
  });
});

describe('the table of logons that must fail', () => {
  const resultOf = async (row: MustFail) => {
    await using realm = await lab();
    for await (const result of runMustFail(realm, [['Controls', [row]]])) return result;
    throw new Error('no result');
  };

  test('a logon that goes through is not as expected', async () => {
    const expected = { cause: 'WRONG_PASSWORD', status: 'STATUS_WRONG_PASSWORD' } as const;
    const result = await resultOf({ fault: 'none', noticedBy: 'client', expected });
    expect(result).toMatchObject({ reported: undefined, equal: false });
    expect(await resultOf({ fault: 'none', noticedBy: 'server', expected })).toMatchObject({ equal: false });
  });

  test('nor is another cause, or another status', async () => {
    const row = { fault: 'wrong password', by: 'NTLM', password: 'x', noticedBy: 'client' } as const;
    const right = { cause: 'WRONG_PASSWORD', status: 'STATUS_LOGON_FAILURE' } as const;
    expect(await resultOf({ ...row, expected: right })).toMatchObject({ equal: true });
    expect(await resultOf({ ...row, expected: { ...right, cause: 'UNKNOWN_USER' } })).toMatchObject({ equal: false });
    const status = 'STATUS_WRONG_PASSWORD';
    expect(await resultOf({ ...row, expected: { ...right, status } })).toMatchObject({ equal: false, reported: right });
  });
});

function between(text: string, start: string, end: string): string {
  const from = text.indexOf(start);
  const to = text.indexOf(end, from + 1);
  if (from < 0 || to < 0) throw new Error(`not found: ${start} ... ${end}`);
  return text.slice(from, to);
}
