import { beforeAll, describe, expect, test } from 'vitest';
import { objectOf, type Ran, sspi } from './command.ts';

describe('sspi demo', () => {
  let ran: Ran;
  let text: string;
  let milliseconds: number;
  beforeAll(async () => {
    const started = performance.now();
    ran = await sspi('demo');
    milliseconds = performance.now() - started;
    text = ran.lines.join('\n');
  });

  test('K8, K9, S10: the logon by Kerberos, with what is asked of the KDC in between', () => {
    const [kerberos = ''] = text.split('2. The same by NTLM');
    expect(kerberos).toMatch(
      /KDC {2}KRB-ERROR +\d+ +\d+ AS-REQ for krbtgt\/EXAMPLE.TEST:\n +KDC_ERR_PREAUTH_REQUIRED \(25\)$/mu,
    );
    expect(kerberos).toMatch(/KDC {2}AS-REP +\d+ +\d+ AS-REQ for krbtgt\/EXAMPLE.TEST$/mu);
    expect(kerberos).toMatch(/KDC {2}TGS-REP +\d+ +\d+ TGS-REQ for TERMSRV\/server.example.test$/mu);
    expect(kerberos).toMatch(/\[MS-Kerberos, Kerberos, NTLM\] \{Kerberos\s+AP-REQ\}/u);
    expect(kerberos).toContain('NEGOTIATION_PACKAGE     Kerberos');
    expect(kerberos).toContain('EXAMPLE\\alice, proved by Kerberos');
    expect(kerberos).toMatch(/SID +S-1-5-21-\d+-\d+-\d+-1104$/mu);
    expect(kerberos).toMatch(/groups +S-1-5-21-\d+-\d+-\d+-513\n +S-1-5-21-\d+-\d+-\d+-512 S-1-18-1$/mu);
  });

  test('K11, S11: a wrong password, said by the KDC; not tried again by NTLM, and the server hears a goodbye', () => {
    const [, wrong = ''] = text.split('3. A wrong password, by Kerberos');
    const [kerberos = ''] = wrong.split('4. A wrong password, by NTLM');
    expect(kerberos).toContain('KDC_ERR_PREAUTH_FAILED (24)');
    expect(kerberos).toMatch(/The client: SEC_E_LOGON_DENIED\n {2}code +LOGON_DENIED/u);
    expect(kerberos).toMatch(/The server: SEC_E_UNFINISHED_CONTEXT_DELETED\n {2}code +CONNECTION_CLOSED/u);
    expect(kerberos).not.toContain('NTLM');
  });

  test('R47, R71: it shows each call of the loop, and ends well within 5 seconds', () => {
    expect(ran.code).toBe(0);
    expect(milliseconds).toBeLessThan(5_000);
    expect(text).toMatch(/ 1 ISC {2}SEC_I_CONTINUE_NEEDED {4}0 +\d+ ClientHello$/mu);
    expect(text).toContain('NTLM AUTHENTICATE');
    expect(text).toMatch(/ISC {2}SEC_E_OK .*TSRequest v6 \{authInfo\}$/mu);
    expect(text).toMatch(/ASC {2}SEC_E_OK +\d+ +0 -$/mu);
  });

  test('Q3: it shows what both sides know, the delegated identity among it', () => {
    expect(text).toContain('domain EXAMPLE, user alice, password [redacted]');
    expect(text).toContain('EXAMPLE\\alice, proved by NTLM');
    expect(text).toContain('trusted, and it is for server.example.test');
  });

  test('M1, M6: a sealed message in each direction', () => {
    expect(text).toMatch(/client -> server .*\n.*opened by the other side/u);
    expect(text).toMatch(/server -> client .*\n.*opened by the other side/u);
  });

  test('C13, T7: a wrong password, with its reason on both sides', () => {
    expect(text).toMatch(/ASC {2}SEC_E_LOGON_DENIED .*TSRequest v6 \{errorCode: 0xc000006d\}$/mu);
    expect(text).toMatch(/The server: SEC_E_LOGON_DENIED\n {2}code +LOGON_DENIED/u);
    expect(text).toMatch(/The client: SEC_E_LOGON_DENIED\n {2}code +PEER_REFUSED/u);
    expect(text).toContain('STATUS_LOGON_FAILURE');
  });

  test('no secret is printed, and no line is longer than 80 columns', async () => {
    const json = (await sspi('demo', '--json')).lines.join('\n');
    for (const printed of [text, json]) expect(printed).not.toMatch(/AlicePass1!|not the password/u);
    expect(ran.lines.filter((line) => line.length > 80)).toEqual([]);
    expect(text).not.toContain('\u001b');
  });

  test('the same as JSON', async () => {
    const json = await sspi('demo', '--json');
    expect(json.code).toBe(0);
    expect(objectOf(json.lines.join('\n'))).toMatchObject({
      ok: true,
      kerberos: {
        asExpected: true,
        calls: expect.arrayContaining([
          expect.objectContaining({ function: 'KDC', status: 'TGS-REP' }),
          expect.objectContaining({ function: 'AcceptSecurityContext', status: 'SEC_E_OK' }),
        ]),
        server: { principal: 'alice@EXAMPLE.TEST' },
        messages: [
          { from: 'client', opened: true },
          { from: 'server', opened: true },
        ],
      },
      ntlm: { asExpected: true, client: { NEGOTIATION_PACKAGE: 'NTLM' } },
      wrongPasswordByKerberos: { asExpected: true, clientReason: { ntStatus: 'STATUS_WRONG_PASSWORD' } },
      wrongPasswordByNtlm: { asExpected: true, clientReason: { ntStatus: 'STATUS_LOGON_FAILURE' } },
    });
  });
});
