import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credsspAcceptor, credsspInitiator } from '../../src/credssp/index.ts';
import { encodeUtf16, md4 } from '../../src/crypto/index.ts';
import { type DecodeOptions, decode, diagnose, renderJson, renderText } from '../../src/explain/index.ts';
import { certificateKey } from '../../src/explain/x509.ts';
import type { Host } from '../../src/host/index.ts';
import { decodeKeytab } from '../../src/kerberos/index.ts';
import { type Lab, lab } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ISC_REQ, SECPKG_CRED, Secret } from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { hex, octets, toHex, vectorCases } from '../support/vectors.ts';

const CANARY = 'Canary-7f3a-Passw0rd!';
const NT_HASH = md4(encodeUtf16(CANARY));
const INNER = ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;

let realm: Lab;
beforeAll(async () => {
  realm = await lab({ accounts: [{ user: 'alice', password: CANARY }] });
});
afterAll(() => realm[Symbol.asyncDispose]());

let known: readonly string[] | undefined;

/** Every form in which the secrets could come out. */
function secrets(): readonly string[] {
  known ??= formsOfSecrets();
  return known;
}

function formsOfSecrets(): string[] {
  const keys = decodeKeytab(realm.keytab).map(({ key }) => key.reveal());
  const raw = [encodeUtf16(CANARY), new TextEncoder().encode(CANARY), NT_HASH, ...keys];
  return [
    CANARY,
    ...raw.flatMap((one) => [
      toHex(one),
      toHex(one).toUpperCase(),
      Buffer.from(one).toString('base64').replace(/=+$/, ''),
    ]),
  ];
}

function assertSilent(...outputs: readonly string[]): void {
  for (const output of outputs) expect(secrets().filter((secret) => output.includes(secret)).length).toBe(0);
}

async function everything(input: Uint8Array | string, options: DecodeOptions): Promise<string[]> {
  const explanation = await decode(input, options);
  const diagnosis = diagnose(explanation);
  return [
    renderText(explanation, { diagnosis }),
    renderJson(explanation, diagnosis),
    inspect(explanation, { depth: 50, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    inspect(diagnosis, { depth: 50 }),
  ];
}

async function logon(mechanism: 'kerberos' | 'ntlm'): Promise<string> {
  const lines: string[] = [];
  const { kdcTransport } = realm.host;
  const host: Host = {
    ...realm.host,
    kdcTransport: {
      async exchange(request) {
        const answer = (await kdcTransport?.exchange(request)) ?? new Uint8Array(0);
        lines.push(
          JSON.stringify({ conn: 'kdc', from: 'client', hex: toHex(request.message) }),
          JSON.stringify({ conn: 'kdc', from: 'server', hex: toHex(answer) }),
        );
        return answer;
      },
    },
  };
  const outbound = await negotiatePackage.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: realm.identity('alice', { mechanism }),
    host,
  });
  const inbound = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: realm.acceptor(), host });
  const der = Uint8Array.from(Buffer.from(realm.certificate.certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
  const publicKey = certificateKey(der).subjectPublicKey;
  const client = credsspInitiator({
    publicKey,
    mechanism: outbound.initiate({ flags: INNER, targetName: realm.targetName }),
    credentials: { kind: 'password', domain: 'LAB', user: 'alice', password: Secret.fromText(CANARY) },
    serverCertificateTrusted: true,
    targetName: realm.targetName,
    flags: ISC_REQ.DELEGATE,
  });
  const server = credsspAcceptor({ publicKey, mechanism: inbound.accept({ flags: 0 }), flags: 0 });
  const { tokens, initiatorError } = await converse(client, server);
  expect(initiatorError).toBeUndefined();
  lines.push(...tokens.map(({ from, token }) => JSON.stringify({ conn: 'rdp', from, hex: toHex(token) })));
  return lines.join('\n');
}

describe('nothing secret comes out', () => {
  test.each(['ntlm', 'kerberos'] as const)('a whole logon by %s, opened with every key there is', async (mechanism) => {
    const recording = await logon(mechanism);
    const keys = {
      password: CANARY,
      ntHash: new Secret(Uint8Array.from(NT_HASH)),
      keytab: realm.keytab,
      certificate: realm.certificate.certificate,
    };
    const outputs = await everything(recording, keys);
    expect(outputs[0]).toMatch(/ok {6}#\d+ authInfo: TSCredentials \(password\), not shown/);
    assertSilent(...outputs);
    // And when something is wrong with it, at every place.
    for (let at = 40; at < recording.length; at += Math.ceil(recording.length / 16)) {
      const digit = recording[at] ?? '';
      if (!/[0-9a-f]/.test(digit)) continue;
      const changed = `${recording.slice(0, at)}${digit === '0' ? '1' : '0'}${recording.slice(at + 1)}`;
      assertSilent(...(await everything(changed, keys)).slice(0, 2));
    }
  });

  test('TSCredentials in plain sight, whole, cut and changed', async () => {
    const content = toHex(encodeUtf16(CANARY));
    const tlv = (tag: string, value: string): string =>
      `${tag}${(value.length / 2 > 127 ? '81' : '') + (value.length / 2).toString(16).padStart(2, '0')}${value}`;
    const password = tlv('30', tlv('a0', '0400') + tlv('a1', '0400') + tlv('a2', tlv('04', content)));
    const credentials = hex(tlv('30', `${tlv('a0', '020101')}${tlv('a1', tlv('04', password))}`));
    const outputs = await everything(credentials, {});
    expect(outputs[0]).toContain(`password: (${2 * CANARY.length} octets, not shown)`);
    assertSilent(...outputs);
    for (let at = 0; at < credentials.length; at++) {
      assertSilent(...(await everything(credentials.subarray(0, at), {})).slice(0, 2));
      const copy = Uint8Array.from(credentials);
      copy[at] = (copy[at] ?? 0) ^ 0x01;
      const [changed = ''] = await everything(copy, {});
      if (at < credentials.length - content.length / 2) assertSilent(changed);
    }
  });

  test('credentials of unknown kinds and octets of unknown meaning', async () => {
    const smartCard = octets(
      vectorCases('credssp', 'TSCredentials').find(({ name }) => name === 'smart_card_full') ?? {},
      'hex',
    );
    const [shown = ''] = await everything(smartCard, {});
    expect(shown).not.toContain('bbbbbbbbbbbb');
    assertSilent(...(await everything(`Basic ${Buffer.from(`alice:${CANARY}`).toString('base64')}`, {})));
    assertSilent(...(await everything(Uint8Array.from([1, 2, 3, 4, ...encodeUtf16(CANARY)]), {})));
    assertSilent(...(await everything(realm.keytab, {})));
  });

  test('errors about keys', async () => {
    const outcomes = await Promise.all(
      [
        decode('', { keytab: Uint8Array.from([5, 2, 0, 0, 0, 99, ...new TextEncoder().encode(CANARY)]) }),
        decode('', { ntHash: Secret.fromText(CANARY) }),
        decode('', {
          certificate: `-----BEGIN CERTIFICATE-----\n${Buffer.from(CANARY).toString('base64')}\n-----END CERTIFICATE-----`,
        }),
      ].map((promise) =>
        promise.then(
          () => 'no error',
          (error: unknown) => inspect(error, { depth: 10, showHidden: true }),
        ),
      ),
    );
    for (const outcome of outcomes) {
      expect(outcome).toContain('SspiError');
      assertSilent(outcome);
    }
    assertSilent(inspect(diagnose(new Error(`a foreign error that quotes ${CANARY}`)), { depth: 10 }));
  });
});
