import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decode, diagnose, nodesOf, renderText } from '../../src/explain/index.ts';
import { notesOf, outcomes, PASSWORD, part, serverCertificate, transcript, withFlip } from './support.ts';

const certificate = serverCertificate();
const OTHER_CERTIFICATE = readFileSync(new URL('../certificates/rsa.pem', import.meta.url), 'utf8');
const keys = { password: PASSWORD, certificate };

describe('the recorded logon freerdp2-ntlm-v6, decoded', () => {
  const recording = transcript('freerdp2-ntlm-v6');

  test('N1-N3: every message is known, and said in one line', async () => {
    const { messages } = await decode(recording, keys);
    expect(messages.map(({ from, summary }) => `${from}: ${summary}`)).toEqual([
      'client: X.224 Connection Request, offers SSL, HYBRID',
      'server: X.224 Connection Confirm, selects HYBRID',
      expect.stringContaining('(recorded) tls client TLSv1.3, TLS_AES_256_GCM_SHA384'),
      'client: TSRequest v6 {negoToken: NTLM NEGOTIATE}',
      'server: TSRequest v6 {negoToken: NTLM CHALLENGE (VM)}',
      'client: TSRequest v6 {negoToken: NTLM AUTHENTICATE (EXAMPLE\\alice), pubKeyAuth}',
      'server: TSRequest v6 {pubKeyAuth}',
      'client: TSRequest v6 {authInfo}',
      'client: (recorded) closed eof',
      'server: (recorded) closed eof',
    ]);
  });

  test('N9, N12, X28, X30, X31: every check verifies with the password and the certificate', async () => {
    const explanation = await decode(recording, keys);
    expect(outcomes(explanation, 'verified')).toEqual([
      '#3 certificate',
      '#6 NTProofStr',
      '#6 MIC',
      '#6 pubKeyAuth seal',
      '#6 pubKeyAuth binding',
      '#7 pubKeyAuth seal',
      '#7 pubKeyAuth binding',
      '#8 authInfo',
    ]);
    expect(explanation.checks.length).toBe(8);
    expect(diagnose(explanation).causes).toEqual([]);
    expect(notesOf(explanation)).toEqual(['WEAK: the client binds its logon to no TLS channel']);
  });

  test('N5, N7: flags, AV_PAIRs and fields as an independent decoder found them when it was recorded', async () => {
    const explanation = await decode(recording);
    expect(part(explanation, 4, 'NegotiateFlags').value).toBe(
      '0xe20882b7: UNICODE, OEM, REQUEST_TARGET, SIGN, SEAL, LM_KEY, NTLM, ALWAYS_SIGN, EXTENDED_SESSIONSECURITY, VERSION, KEY_128, KEY_EXCH, KEY_56',
    );
    expect(part(explanation, 5, 'ServerChallenge').value).toBe('21656c1dd2564b6e');
    expect(part(explanation, 6, 'UserName').value).toBe('alice');
    expect(part(explanation, 6, 'DomainName').value).toBe('EXAMPLE');
    expect(part(explanation, 6, 'MsvAvTargetName').value).toBe('TERMSRV/127.0.0.1');
    expect(part(explanation, 6, 'MsvAvFlags').value).toBe('MIC');
    expect(part(explanation, 6, 'MIC').value).toBe('5213e37159aa9fbc280163a76333e4e2');
    expect(part(explanation, 6, 'Version').value).toBe('6.1 build 7601, NTLM revision 15');
  });

  test('offsets and lengths are those of the octets', async () => {
    const { messages } = await decode(recording);
    const lines = recording.trim().split('\n');
    const message = Buffer.from(JSON.parse(lines[5] ?? '').ts.der, 'hex');
    for (const node of nodesOf(messages[5]?.tree ?? expect.fail())) {
      expect(node.offset + node.length).toBeLessThanOrEqual(message.length);
      if (node.name === 'MIC')
        expect(message.subarray(node.offset, node.offset + node.length).toString('hex')).toBe(node.value);
      if (node.name === 'UserName')
        expect(message.subarray(node.offset, node.offset + node.length).toString('utf16le')).toBe(node.value);
    }
  });

  test('the text fits 80 columns', async () => {
    const text = renderText(await decode(recording, keys));
    expect(text.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(text).toContain('ok      #6 MIC: the three messages are as they were sent');
  });

  test('without keys every check says what it needs', async () => {
    const { checks } = await decode(recording);
    expect(checks.map(({ name, outcome, why }) => [name, outcome, why])).toEqual([
      ['NTProofStr', 'not-checked', 'it needs the password or the NT hash'],
      ['MIC', 'not-checked', expect.stringContaining('session key')],
      ['pubKeyAuth seal', 'not-checked', expect.stringContaining('session key')],
      ['pubKeyAuth seal', 'not-checked', expect.stringContaining('session key')],
      ['authInfo', 'not-checked', expect.stringContaining('session key')],
    ]);
  });

  test('a wrong password is told from a changed message', async () => {
    const explanation = await decode(recording, { ...keys, password: 'AlicePass2!' });
    expect(outcomes(explanation, 'failed')).toEqual(['#6 NTProofStr']);
    expect(diagnose(explanation).causes[0]?.code).toBe('WRONG_PASSWORD');
  });

  test('another certificate than that of the server is named', async () => {
    const other = await decode(recording, { password: PASSWORD, certificate: OTHER_CERTIFICATE });
    expect(outcomes(other, 'failed')).toEqual(['#3 certificate', '#6 pubKeyAuth binding', '#7 pubKeyAuth binding']);
    expect(diagnose(other).causes.map(({ code }) => code)).toContain('WRONG_CERTIFICATE');
  });

  test.each([
    [4, 'NegotiateFlags', 1, ['MIC'], /NEGOTIATE, CHALLENGE or AUTHENTICATE was changed/],
    [4, 'Version', 0, ['MIC'], /changed/],
    [5, 'ServerChallenge', 0, ['NTProofStr'], /changed/],
    [5, 'MsvAvTimestamp', 0, ['MIC'], /changed/],
    [5, 'TargetName', 0, ['MIC'], /changed/],
    [6, 'NTProofStr', 0, ['NTProofStr'], /changed/],
    [6, 'TimeStamp', 0, ['NTProofStr'], /TimeStamp is not MsvAvTimestamp/],
    [6, 'ChallengeFromClient', 3, ['NTProofStr'], /changed/],
    [6, 'MsvAvNbDomainName', 0, ['NTProofStr'], /AV_PAIR 2 is not the one of the CHALLENGE/],
    [6, 'MsvAvTargetName', 0, ['NTProofStr'], /changed/],
    [6, 'UserName', 2, ['NTProofStr'], /changed/],
    [6, 'DomainName', 2, ['NTProofStr'], /changed/],
    [6, 'Workstation', 0, ['MIC'], /changed/],
    [
      6,
      'EncryptedRandomSessionKey',
      0,
      ['MIC', 'pubKeyAuth seal', 'pubKeyAuth seal', 'authInfo'],
      /EncryptedRandomSessionKey/,
    ],
    [6, 'MIC', 0, ['MIC'], /changed/],
    [6, 'pubKeyAuth', 30, ['pubKeyAuth seal'], /checksum of the signature is wrong.*it was changed/],
    [
      6,
      'clientNonce',
      9,
      ['pubKeyAuth binding', 'pubKeyAuth binding', 'pubKeyAuth binding', 'pubKeyAuth binding'],
      /clientNonce/,
    ],
    [7, 'pubKeyAuth', 30, ['pubKeyAuth seal'], /of the server/],
    [8, 'authInfo', 40, ['authInfo'], /changed/],
  ] as const)('a flipped octet in message %i, %s, is named', async (message, name, at, expected, why) => {
    const { offset } = part(await decode(recording), message, name);
    const explanation = await decode(withFlip(recording, message, offset + at), keys);
    const failed = explanation.checks.filter(({ outcome }) => outcome === 'failed');
    expect(failed.map((check) => check.name)).toEqual(expected);
    expect(failed[0]?.why).toMatch(why);
  });

  test('no octet of the five TSRequests can be changed unnoticed, but where nothing protects it', async () => {
    const lengths = [93, 162, 443, 95, 135];
    const unnoticed: string[] = [];
    for (const [index, length] of lengths.entries()) {
      for (let at = 0; at < length; at++) {
        const explanation = await decode(withFlip(recording, index + 4, at), keys);
        const isNoticed =
          outcomes(explanation, 'failed').length > 0 ||
          notesOf(explanation).some((note) => /^(?:MALFORMED|TRUNCATED|REFUSED|UNKNOWN)/.test(note));
        if (!isNoticed) unnoticed.push(`${index + 4}:${at}`);
      }
    }
    // The version 7 that a flip makes of 6 counts as 6; what the server repeats of the clientNonce nobody reads.
    const range = (message: number, from: number, count: number) =>
      Array.from({ length: count }, (_, at) => `${message}:${from + at}`);
    expect(unnoticed).toEqual(['4:6', '5:7', ...range(5, 130, 32), '6:8', '7:6', ...range(7, 63, 32), '8:7']);
  }, 20_000);
});

describe('the recorded logon impacket-ntlm-v2, decoded', () => {
  const recording = transcript('impacket-ntlm-v2');

  test('N9, X28, Z3: every check verifies; there is no MIC', async () => {
    const explanation = await decode(recording, keys);
    expect(outcomes(explanation, 'verified')).toEqual([
      '#3 certificate',
      '#6 NTProofStr',
      '#6 pubKeyAuth seal',
      '#6 pubKeyAuth binding',
      '#7 pubKeyAuth seal',
      '#7 pubKeyAuth binding',
      '#8 authInfo',
    ]);
    expect(explanation.checks.length).toBe(7);
    expect(notesOf(explanation).filter((note) => note.startsWith('WEAK: versions 2 to 4')).length).toBe(3);
    expect(notesOf(explanation)).toContain(
      'REMARK: there is no MIC: nothing proves that NEGOTIATE and CHALLENGE arrived as they were sent',
    );
  });

  test('a flipped session key is told from flipped messages', async () => {
    const { offset } = part(await decode(recording), 6, 'EncryptedRandomSessionKey');
    const { checks } = await decode(withFlip(recording, 6, offset), keys);
    const failed = checks.filter(({ outcome }) => outcome === 'failed');
    expect(failed.map(({ name }) => name)).toEqual(['pubKeyAuth seal', 'pubKeyAuth seal', 'authInfo']);
    expect(failed[0]?.why).toContain('as nothing verifies that the session key made, EncryptedRandomSessionKey');
  });

  test('a flipped NtChallengeResponse is told from a wrong password by the LmChallengeResponse', async () => {
    const { offset } = part(await decode(recording), 6, 'NTProofStr');
    const { checks } = await decode(withFlip(recording, 6, offset), keys);
    expect(checks.find(({ outcome }) => outcome === 'failed')?.why).toContain(
      'the password is right, as the LmChallengeResponse shows',
    );
  });
});
