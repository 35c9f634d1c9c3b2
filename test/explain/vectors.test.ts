import { describe, expect, test } from 'vitest';
import { bindingHash, encodeTSRequest } from '../../src/credssp/index.ts';
import { decode as decodeDer, encode } from '../../src/der/index.ts';
import { diagnose } from '../../src/explain/index.ts';
import { Certificate, SubjectPublicKeyInfo } from '../../src/explain/x509.ts';
import { encodeKeytab, Ticket } from '../../src/kerberos/index.ts';
import { encodeNegTokenInit, encodeNegTokenResp } from '../../src/negotiate/index.ts';
import { encodeAuthenticate, NtlmMessageSecurity } from '../../src/ntlm/index.ts';
import { Secret } from '../../src/sspi/index.ts';
import { hex, octets, record, text, toHex, type VectorCase, vectorCases } from '../support/vectors.ts';
import { decodedCalmly, notesOf, outcomes, part } from './support.ts';

const EMPTY = new Uint8Array(0);

describe('vectors of SPNEGO', () => {
  test.each(vectorCases('spnego').filter((one) => 'hex' in one || 'tokens' in one))(
    'S1-S3: $kind $name decodes whole',
    async (one) => {
      const tokens = 'hex' in one ? [text(one, 'hex')] : (one['tokens'] as string[]);
      const explanation = await decodedCalmly(tokens.join('\n'));
      expect(explanation.messages.length).toBe(tokens.length);
      expect(explanation.messages.map(({ protocol }) => protocol)).toEqual(tokens.map(() => 'SPNEGO'));
      expect(notesOf(explanation).filter((note) => /^(?:MALFORMED|TRUNCATED)/.test(note))).toEqual([]);
    },
  );

  test('S9: what a fallback to NTLM looks like, from the side of the client', async () => {
    const [fallback] = vectorCases('spnego').filter((one) => one['name'] === 'gssapi_negotiate_ntlm_fallback');
    const tokens = (fallback?.['tokens'] ?? []) as string[];
    const { messages } = await decodedCalmly(tokens.join('\n'));
    expect(messages.map(({ from, summary }) => `${from}: ${summary}`)).toEqual([
      expect.stringMatching(/^client: NegTokenInit \[Kerberos, NTLM\] \{Kerberos AP-REQ/),
      'server: NegTokenResp request-mic [NTLM]',
      'client: NegTokenResp accept-incomplete {NTLM NEGOTIATE}',
      'client: NegTokenResp accept-incomplete {NTLM NEGOTIATE}',
      expect.stringMatching(/^server: NegTokenResp accept-incomplete \{NTLM CHALLENGE/),
      expect.stringMatching(/^client: NegTokenResp accept-incomplete \{NTLM AUTHENTICATE/),
      'server: NegTokenResp accept-completed with mechListMIC',
    ]);
  });
});

describe('captures of NTLM, with their passwords', () => {
  test.each(vectorCases('ntlm-captures'))('N9, N12: $name', async (one) => {
    const messages = ['negotiate', 'challenge', 'authenticate'].map((name) => text(one, name)).join('\n');
    const explanation = await decodedCalmly(messages, { password: text(one, 'password') });
    expect(outcomes(explanation, 'failed')).toEqual([]);
    expect(outcomes(explanation, 'verified')).toEqual(
      one['mic'] === undefined ? ['#3 NTProofStr'] : ['#3 NTProofStr', '#3 MIC'],
    );
    expect(part(explanation, 3, 'NTProofStr').value).toBe(text(one, 'nt_proof_str'));
    expect(part(explanation, 2, 'ServerChallenge').value).toBe(text(one, 'server_challenge'));
    const byHash = await decodedCalmly(messages, { sessionKey: new Secret(octets(one, 'exported_session_key')) });
    expect(outcomes(byHash, 'verified')).toEqual(one['mic'] === undefined ? [] : ['#3 MIC']);
  });
});

describe('vectors of CredSSP', () => {
  const requests = vectorCases('credssp', 'TSRequest');

  test.each(requests)('X9: TSRequest, $name', async (one) => {
    const explanation = await decodedCalmly(octets(one, 'hex'));
    expect(explanation.messages[0]?.protocol).toBe('CredSSP');
    const version = record(one, 'fields')['version'];
    expect(part(explanation, 1, 'version').value).toBe(String(version));
    // The letters `o` and `t` begin messages of Kerberos: "one" and "two" are taken for such, and broken ones.
    const broken = String(one['name']).startsWith('two negoTokens') ? 2 : 0;
    expect(notesOf(explanation).filter((note) => /^(?:MALFORMED|TRUNCATED)/.test(note))).toHaveLength(broken);
  });

  test('X10: the errorCode by its name, in both of its forms', async () => {
    for (const one of requests.filter((request) => 'hex_unsigned_form' in request))
      for (const form of ['hex', 'hex_unsigned_form']) {
        const explanation = await decodedCalmly(octets(one, form));
        expect(text(one, 'name')).toContain(part(explanation, 1, 'errorCode').value?.split(' ')[0]);
        expect(explanation.messages[0]?.from).toBe('server');
      }
  });

  test.each(vectorCases('credssp', 'TSCredentials'))(
    'X34: TSCredentials, $name: their shape and not their secrets',
    async (one) => {
      const explanation = await decodedCalmly(octets(one, 'hex'));
      expect(explanation.messages[0]?.summary).toMatch(/^TSCredentials \((?:password|smart card|remote guard)\)$/);
      const fields = record(one, 'fields');
      const told = JSON.stringify(explanation);
      for (const name of ['password', 'pin']) {
        const secret = fields[name];
        if (typeof secret !== 'string' || secret === '') continue;
        expect(told.includes(toHex(Buffer.from(secret, 'utf16le')))).toBe(false);
        expect(part(explanation, 1, name).value).toBe(`(${2 * secret.length} octets, not shown)`);
      }
      if (typeof fields['user'] === 'string' && fields['user'] !== '')
        expect(part(explanation, 1, 'userName').value).toBe(fields['user']);
    },
  );

  test.each(vectorCases('credssp').filter((one) => String(one['kind']).startsWith('INVALID')))(
    'X9: invalid, $name: says so',
    async (one) => {
      const explanation = await decodedCalmly(octets(one, 'hex'));
      const isAccepted = one['name'] === 'non-minimal length'; // decided so, and pinned, where TSRequests are decoded
      expect(notesOf(explanation).length > 0 || isAccepted).toBe(true);
    },
  );
});

describe('sealed exchanges of CredSSP with a known session key', () => {
  test.each(vectorCases('credssp-sealed-exchanges'))('X28-X31, S7: version $version, $inner', async (one) => {
    const explanation = await decodedCalmly(exchangeOf(one), {
      sessionKey: new Secret(octets(one, 'exported_session_key')),
      certificate: certificateFor(octets(one, 'subject_public_key')),
    });
    expect(outcomes(explanation, 'failed')).toEqual([]);
    const names = explanation.checks.filter(({ outcome }) => outcome === 'verified').map(({ name }) => name);
    const mics = one['mech_list_mic'] === undefined ? 0 : 2;
    expect(names.filter((name) => name === 'mechListMIC')).toHaveLength(mics);
    expect(names.filter((name) => name === 'pubKeyAuth seal')).toHaveLength(2);
    expect(names.filter((name) => name === 'pubKeyAuth binding')).toHaveLength(2);
    expect(names).toContain('authInfo');
    expect(part(explanation, explanation.messages.length, 'userName').value).toBe('username');
    expect(part(explanation, explanation.messages.length, 'password').value).toBe('(16 octets, not shown)');
  });

  test.each([
    ['mechTypes', 1, ['mechListMIC', 'mechListMIC']],
    ['mechListMIC', 2, ['mechListMIC']],
    ['mechListMIC', 3, ['mechListMIC']],
  ])('S7: a flipped octet in %s of message %i is named', async (name, message, expected) => {
    const [one] = vectorCases('credssp-sealed-exchanges').filter(
      (other) => other['version'] === 5 && other['mech_list_mic'] !== undefined,
    );
    if (one === undefined) throw new TypeError('no such case');
    const tokens = exchangeOf(one).split('\n');
    const sessionKey = octets(one, 'exported_session_key');
    const { offset, length } = part(await decodedCalmly(tokens.join('\n')), message, name);
    const line = Buffer.from(tokens[message - 1]?.slice(2).trim() ?? '', 'hex');
    const at = offset + length - 5;
    line[at] = (line[at] ?? 0) ^ 0x01;
    tokens[message - 1] = `${tokens[message - 1]?.slice(0, 2)} ${line.toString('hex')}`;
    const { checks } = await decodedCalmly(tokens.join('\n'), { sessionKey: new Secret(sessionKey) });
    expect(checks.filter(({ outcome }) => outcome === 'failed').map((check) => check.name)).toEqual(expected);
  });

  test('X30: a proof over the whole certificate, the SubjectPublicKeyInfo or the BIT STRING is called by its name', async () => {
    const key = new Uint8Array(16).fill(0x55);
    const nonce = new Uint8Array(32).fill(7);
    const publicKey = hex('3006020101020103');
    const certificate = certificateFor(publicKey);
    const info = decodeDer(Certificate, certificate).tbsCertificate.subjectPublicKeyInfo;
    const wrong: readonly (readonly [string, Uint8Array])[] = [
      ['the DER of the whole certificate', certificate],
      ['the BIT STRING with its octet of unused bits', Uint8Array.of(0, ...publicKey)],
      ['the SubjectPublicKeyInfo, with its algorithm', encode(SubjectPublicKeyInfo, info)],
    ];
    expect(info.subjectPublicKey.octets).toEqual(publicKey);
    for (const [what, octetsOfKey] of wrong) {
      const client = new NtlmMessageSecurity({ flags: FLAGS, exportedSessionKey: key, side: 'client' });
      const pubKeyAuth = client.wrap(bindingHash('clientToServer', nonce, octetsOfKey));
      const request = encodeTSRequest({
        version: 6,
        negoTokens: [{ negoToken: authenticate(FLAGS) }],
        pubKeyAuth,
        clientNonce: nonce,
      });
      const explanation = await decodedCalmly(request, { sessionKey: new Secret(Uint8Array.from(key)), certificate });
      const binding = explanation.checks.find(({ name }) => name === 'pubKeyAuth binding');
      expect(binding).toMatchObject({ outcome: 'failed', why: expect.stringContaining(what) });
      expect(diagnose(explanation).causes[0]?.code).toBe('PUBLIC_KEY_NOT_SPKI_CONTENT');
    }
  });
});

describe('vectors of Kerberos', () => {
  test.each(vectorCases('kerberos-captures'))('K1: $name decodes whole', async (one) => {
    const explanation = await decodedCalmly(text(one, 'hex'));
    expect(explanation.messages[0]?.summary).toMatch(/^Kerberos AP-RE[QP]/);
    expect(notesOf(explanation)).toEqual([]);
  });

  test('K8, K12: a ticket of Windows Server 2022, opened with the key of the service; its four signatures', async () => {
    const [one] = vectorCases('kerberos-pac-signatures').filter((other) => 'ticket' in other);
    if (one === undefined) throw new TypeError('no ticket');
    const ticket = octets(one, 'ticket');
    const { sname, realm, encPart } = decodeDer(Ticket, ticket);
    const entry = { realm, timestamp: 0, etype: encPart.etype };
    const service = { ...entry, name: sname, kvno: encPart.kvno ?? 0, key: new Secret(octets(one, 'server_key')) };
    const krbtgt = {
      ...entry,
      name: { nameType: 2, nameString: ['krbtgt', realm] },
      kvno: 2,
      key: new Secret(octets(one, 'krbtgt_key')),
    };

    const explanation = await decodedCalmly(ticket, { keytab: encodeKeytab([service, krbtgt]) });
    expect(outcomes(explanation, 'verified')).toEqual([
      '#1 Ticket',
      '#1 PAC server signature',
      '#1 PAC KDC signature',
      '#1 PAC ticket signature',
      '#1 PAC full signature',
    ]);
    expect(explanation.checks).toHaveLength(5);
    expect(part(explanation, 1, 'EncTicketPart').decrypted).toBe(true);
    expect(part(explanation, 1, 'keyvalue').value).toBe('(32 octets, not shown)');
    expect(part(explanation, 1, 'LOGON_INFO (1)').children.map(({ name }) => name)).toContain('EffectiveName');

    const serviceOnly = await decodedCalmly(ticket, { keytab: encodeKeytab([service]) });
    expect(outcomes(serviceOnly, 'not-checked')).toEqual([
      '#1 PAC KDC signature',
      '#1 PAC ticket signature',
      '#1 PAC full signature',
    ]);
  });

  test.each(vectorCases('kerberos-asn1'))('K1: sample encoding of $name does not upset the decoder', async (one) => {
    await decodedCalmly(octets(one, 'hex'));
  });

  test.each(vectorCases('kerberos-gss').filter((one) => 'token' in one))('K5: $kind, $name', async (one) => {
    const key = octets(one, 'key');
    const explanation = await decodedCalmly(octets(one, 'token'), { sessionKey: new Secret(key) });
    expect(explanation.messages[0]?.from).toBe(one['sent_by_acceptor'] === true ? 'server' : 'client');
    const isMic = String(one['kind']).includes('MIC');
    expect(outcomes(explanation, isMic ? 'not-checked' : 'verified')).toEqual(['#1 GSS message']);
  });
});

const FLAGS = 0x60080030; // what the vectors have: KEY_EXCH, 128, extended session security, SEAL, SIGN

/** An AUTHENTICATE that says nothing but its flags. */
function authenticate(flags: number): Uint8Array {
  const empty = { lmResponse: EMPTY, ntResponse: EMPTY, encryptedRandomSessionKey: EMPTY };
  return encodeAuthenticate({ flags, domain: '', user: 'username', workstation: '', version: undefined, ...empty });
}

/** The messages of a sealed exchange, line by line. */
function exchangeOf(one: VectorCase): string {
  const version = Number(one['version']);
  const flags = Number(one['flags']);
  const nonce = one['client_nonce'] === null ? undefined : octets(one, 'client_nonce');
  const mics = one['mech_list_mic'] === undefined ? undefined : record(one, 'mech_list_mic');
  const auth = authenticate(flags);
  const wrapped =
    mics === undefined
      ? auth
      : encodeNegTokenResp({ negState: 1, responseToken: auth, mechListMIC: octets(mics, 'client') });
  const request = (more: Partial<Parameters<typeof encodeTSRequest>[0]>) =>
    toHex(encodeTSRequest({ version, clientNonce: nonce, ...more }));
  const lines = [
    `C: ${request({ negoTokens: [{ negoToken: wrapped }], pubKeyAuth: octets(one, 'client_pub_key_auth') })}`,
    `S: ${request({ negoTokens: mics && [{ negoToken: encodeNegTokenResp({ negState: 0, mechListMIC: octets(mics, 'server') }) }], pubKeyAuth: octets(one, 'server_pub_key_auth') })}`,
    `C: ${request({ authInfo: octets(one, 'auth_info') })}`,
  ];
  if (mics === undefined) return lines.join('\n');
  const first = encodeNegTokenInit({ mechTypeList: octets(one, 'mech_type_list') });
  return [`C: ${request({ negoTokens: [{ negoToken: first }] })}`, ...lines].join('\n');
}

/** A certificate with this key in it, signed by nobody. */
function certificateFor(publicKey: Uint8Array): Uint8Array {
  const rsa = { algorithm: '1.2.840.113549.1.1.1', parameters: hex('0500') };
  const name = [[{ type: '2.5.4.3', value: hex('0c0474657374') }]];
  const time = hex('170d3236303130313030303030305a');
  return encode(Certificate, {
    tbsCertificate: {
      version: 2,
      serialNumber: 1n,
      signature: rsa,
      issuer: name,
      validity: { notBefore: time, notAfter: time },
      subject: name,
      subjectPublicKeyInfo: { algorithm: rsa, subjectPublicKey: { unused: 0, octets: publicKey } },
    },
    signatureAlgorithm: rsa,
    signatureValue: { unused: 0, octets: hex('00') },
  });
}
