/** Exchanges recorded with the system's clock and random source, and run once more from the trace alone. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credsspAcceptor, credsspInitiator } from '../../src/credssp/index.ts';
import { decode as decodeDer } from '../../src/der/index.ts';
import { decode, Recorder, type Replay, readTrace, renderText, replay } from '../../src/explain/index.ts';
import type { Host } from '../../src/host/index.ts';
import { KerberosKey } from '../../src/kerberos/encryption/key.ts';
import { KEY_USAGE } from '../../src/kerberos/encryption/numbers.ts';
import { encryptionType } from '../../src/kerberos/encryption/registry.ts';
import { kerberosPackage } from '../../src/kerberos/index.ts';
import { unseal } from '../../src/kerberos/messages/encrypted-data.ts';
import { EncTgsRepPart, TgsRep } from '../../src/kerberos/messages/kdc.ts';
import { type Lab, lab } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ntlmPackage, ntowfV1 } from '../../src/ntlm/index.ts';
import {
  ASC_REQ,
  ISC_REQ,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  type SecurityPackage,
  SspiError,
} from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { hex } from '../support/vectors.ts';

const PUBLIC_KEY = hex('3082010a0282010100c0ffee');
const CLIENT_FLAGS = ISC_REQ.MUTUAL_AUTH | ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY | ISC_REQ.REPLAY_DETECT;
const SERVER_FLAGS = ASC_REQ.MUTUAL_AUTH | ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY | ASC_REQ.REPLAY_DETECT;

let realm: Lab;
beforeAll(async () => {
  realm = await lab();
});
afterAll(() => realm.close());

type Mechanism = 'ntlm' | 'kerberos';
interface Kind {
  readonly package: SecurityPackage;
  readonly mechanism: Mechanism;
  readonly inCredSsp: boolean;
}

const KINDS: readonly (readonly [string, Kind])[] = [
  ['NTLM', { package: ntlmPackage, mechanism: 'ntlm', inCredSsp: false }],
  ['SPNEGO with NTLM', { package: negotiatePackage, mechanism: 'ntlm', inCredSsp: false }],
  ['Kerberos', { package: kerberosPackage, mechanism: 'kerberos', inCredSsp: false }],
  ['SPNEGO with Kerberos', { package: negotiatePackage, mechanism: 'kerberos', inCredSsp: false }],
  ['CredSSP with NTLM', { package: negotiatePackage, mechanism: 'ntlm', inCredSsp: true }],
  ['CredSSP with Kerberos', { package: negotiatePackage, mechanism: 'kerberos', inCredSsp: true }],
];

async function client({ package: chosen, mechanism, inCredSsp }: Kind, host: Host, password?: string) {
  const authData = realm.identity('alice', { mechanism, password });
  const credential = await chosen.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
  const context = credential.initiate({ flags: CLIENT_FLAGS, targetName: realm.targetName, host });
  if (!inCredSsp) return context;
  return credsspInitiator({
    publicKey: PUBLIC_KEY,
    mechanism: context,
    credentials: { kind: 'password', domain: 'LAB', user: 'alice', password: Secret.fromText('LabPass1!') },
    serverCertificateTrusted: false,
    targetName: realm.targetName,
    flags: ISC_REQ.DELEGATE,
    host,
  });
}

async function server({ package: chosen, inCredSsp }: Kind, host: Host) {
  const credential = await chosen.acquire({ use: SECPKG_CRED.INBOUND, authData: realm.acceptor(), host });
  const context = credential.accept({ flags: SERVER_FLAGS, host });
  return inCredSsp ? credsspAcceptor({ publicKey: PUBLIC_KEY, mechanism: context, flags: 0, host }) : context;
}

/** An exchange, written down on one side. */
async function recorded(kind: Kind, { side = 'client', replayable = true, password = 'LabPass1!' } = {}) {
  const lines: string[] = [];
  const recorder = new Recorder({ host: realm.host, write: (line) => lines.push(line), replayable });
  recorder.begin({ target: realm.targetName });
  const own = (which: string) => (which === side ? recorder.host : realm.host);
  let [initiator, acceptor]: [SecurityContext, SecurityContext] = [
    await client(kind, own('client'), password),
    await server(kind, own('server')),
  ];
  if (side === 'client') initiator = recorder.watch(initiator);
  else acceptor = recorder.watch(acceptor);
  const outcome = await converse(initiator, acceptor);
  return { lines, ...outcome, initiator, acceptor };
}

/** Our side of a recorded exchange once more. */
const again = (lines: readonly string[], kind: Kind, password?: string): Promise<Replay> =>
  replay(lines.join('\n'), (host) => client(kind, host, password));

describe('a recorded exchange', () => {
  test.each(KINDS)(
    '%s: the client says the same octets again, with the system’s clock and chance of then',
    async (_, kind) => {
      const { lines, initiatorError, acceptorError, tokens } = await recorded(kind);
      expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
      const outcome = await again(lines, kind);
      const compared = tokens.filter(({ from }) => from === 'initiator').length;
      expect(outcome).toEqual({ kind: 'same', compared, state: 'established', error: undefined });
    },
  );

  // Kerberos: the acceptor of the lab remembers authenticators, and a replay is just what it refuses.
  test.each(KINDS.filter(([, { mechanism }]) => mechanism === 'ntlm'))('%s: so does the server', async (_, kind) => {
    const { lines, tokens } = await recorded(kind, { side: 'server' });
    const outcome = await replay(lines.join('\n'), (host) => server(kind, host));
    const compared = tokens.filter(({ from }) => from === 'acceptor').length;
    // The credentials that a client of CredSSP sealed are not in the trace: the server waits for them.
    const state = kind.inCredSsp ? 'negotiating' : 'established';
    expect(outcome).toEqual({ kind: 'same', compared, state, error: undefined });
  });

  test('one that failed fails again, and says the same of it', async () => {
    const kind = KINDS[4]?.[1];
    if (kind === undefined) throw new TypeError('no CredSSP');
    const { lines, initiatorError } = await recorded(kind, { password: 'not the password' });
    expect(initiatorError?.code).toBe('PEER_REFUSED');
    const outcome = await again(lines, kind, 'not the password');
    expect(outcome).toMatchObject({ kind: 'same', state: 'failed', error: { code: 'PEER_REFUSED' } });
  });
});

describe('where a replay goes another way', () => {
  const credssp = (mechanism: Mechanism): Kind => ({ package: negotiatePackage, mechanism, inCredSsp: true });

  test('another password shows in the proof of it', async () => {
    const outcome = await again((await recorded(credssp('ntlm'))).lines, credssp('ntlm'), 'not the password');
    if (outcome.kind !== 'differs' || outcome.difference.kind !== 'octets') throw new TypeError(outcome.kind);
    expect(outcome.summary).toContain('NTLM AUTHENTICATE');
    const parts = outcome.difference.parts.map((part) => part.split(' / ').at(-1));
    // The session key is random, and so the same: what it makes is. Not so what the password makes, and the MIC over it.
    expect(parts).toEqual(['MIC', 'NTProofStr', 'EncryptedRandomSessionKey']);
  });

  test('by Kerberos it shows in what the KDC is asked', async () => {
    const outcome = await again((await recorded(credssp('kerberos'))).lines, credssp('kerberos'), 'not the password');
    if (outcome.kind !== 'differs' || outcome.difference.kind !== 'draw') throw new TypeError(outcome.kind);
    expect(outcome.difference.detail).toMatch(/another question to .*PA-ENC-TIMESTAMP/u);
  });

  /** The lines of a trace with one octet of one message changed. */
  function flipped(lines: readonly string[], from: 'client' | 'server', count: number, at: number): string[] {
    let seen = 0;
    return lines.map((line) => {
      const entry: Record<string, unknown> = JSON.parse(line);
      if (entry['frm'] !== from || typeof entry['octets'] !== 'string' || seen++ !== count) return line;
      const octets = Buffer.from(entry['octets'], 'hex');
      const place = at < 0 ? octets.length + at : at;
      octets[place] = (octets[place] ?? 0) ^ 1;
      return JSON.stringify({ ...entry, octets: octets.toString('hex') });
    });
  }

  test.each(['ntlm', 'kerberos'] as const)('%s: a changed octet of ours is named by its place', async (mechanism) => {
    const { lines } = await recorded(credssp(mechanism));
    const messages = readTrace(lines.join('\n')).messages.filter(({ from }) => from === 'client');
    // All but the credentials, of which the trace has the SHA-256 only.
    for (const [count, { content }] of messages.slice(0, -1).entries()) {
      if (!('octets' in content)) throw new TypeError('left out');
      for (let at = 0; at < content.octets.length; at += 37) {
        const outcome = await again(flipped(lines, 'client', count, at), credssp(mechanism));
        expect(outcome).toMatchObject({ kind: 'differs', difference: { kind: 'octets', offset: at } });
      }
    }
  });

  test('a changed octet of the server’s proof is answered by silence, and the error says why', async () => {
    const { lines } = await recorded(credssp('ntlm'));
    const outcome = await again(flipped(lines, 'server', 1, -1), credssp('ntlm'));
    expect(outcome).toMatchObject({
      kind: 'differs',
      difference: { kind: 'silence' },
      error: { code: 'MESSAGE_ALTERED' },
    });
  });

  test('the digest of the credentials tells of other ones', async () => {
    const { lines } = await recorded(credssp('ntlm'));
    const changed = lines.map((line) => line.replace(/"sha256":"[0-9a-f]{8}/u, '"sha256":"01234567'));
    expect(changed).not.toEqual(lines);
    const outcome = await again(changed, credssp('ntlm'));
    expect(outcome).toMatchObject({ kind: 'differs', difference: { kind: 'digest' } });
  });

  test('a recording that breaks off, and one that goes on', async () => {
    const { lines } = await recorded(credssp('ntlm'));
    const isLast = (line: string) => line.includes('"sha256"');
    const shorter = await again(
      lines.filter((line) => !isLast(line)),
      credssp('ntlm'),
    );
    expect(shorter).toMatchObject({ kind: 'differs', difference: { kind: 'speech' } });
    const longer = await again([...lines, ...lines.filter(isLast)], credssp('ntlm'));
    expect(longer).toMatchObject({ kind: 'differs', difference: { kind: 'silence' } });
  });

  test('random octets that were not drawn then', async () => {
    const { lines } = await recorded(credssp('ntlm'));
    const outcome = await again(
      lines.filter((line) => !line.includes('"drawn":"random"')),
      credssp('ntlm'),
    );
    expect(outcome).toMatchObject({ kind: 'differs', difference: { kind: 'draw' } });
  });
});

describe('what is in a trace', () => {
  const secretsOf = ({ initiator, acceptor }: { initiator: SecurityContext; acceptor: SecurityContext }): string[] => {
    const password = Secret.fromText('LabPass1!').reveal();
    const key = acceptor.query('SESSION_KEY').sessionKey.reveal();
    expect(initiator.state).toBe('established');
    const octets = [password, ntowfV1(password), key];
    return ['LabPass1!', ...octets.map((secret) => Buffer.from(secret).toString('hex'))];
  };

  test.each(KINDS.filter(([, { inCredSsp }]) => !inCredSsp))(
    '%s: neither password nor its hash nor session key, unless it is asked for',
    async (_, kind) => {
      const run = await recorded(kind, { replayable: false });
      const text = run.lines.join('\n');
      for (const secret of secretsOf(run)) expect(text.toLowerCase()).not.toContain(secret.toLowerCase());
      expect(text).not.toContain('"drawn"');
      await expect(again(run.lines, kind)).rejects.toThrow('not recorded to be replayed');
    },
  );

  test('a trace that can be replayed has the session key among its random octets, and so no credentials', async () => {
    const kind: Kind = { package: negotiatePackage, mechanism: 'ntlm', inCredSsp: true };
    const run = await recorded(kind);
    const last = readTrace(run.lines.join('\n')).messages.at(-1);
    expect(last?.content).toEqual({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/u) });
    expect(last?.summary).toContain('authInfo');
    expect(run.lines.join('\n')).not.toContain(Buffer.from(run.tokens.at(-1)?.token ?? hex('')).toString('hex'));
  });

  test('what the first line warns of is so: the random octets of a Kerberos logon open the session key of its ticket', async () => {
    const { lines } = await recorded({ package: kerberosPackage, mechanism: 'kerberos', inCredSsp: false });
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ warning: expect.stringContaining('a ticket that can be used') });
    const { draws } = readTrace(lines.join('\n'));
    const answers = draws.flatMap((draw) =>
      draw.kind === 'kdc' && draw.answer instanceof Uint8Array ? [draw.answer] : [],
    );
    const { encPart } = decodeDer(TgsRep, answers.at(-1) ?? hex(''));
    const type = encryptionType(encPart.etype);
    const opened = draws.flatMap((draw) => {
      if (draw.kind !== 'random' || draw.octets.length !== type.keyLength) return [];
      try {
        return [unseal(EncTgsRepPart, encPart, new KerberosKey(type, draw.octets), KEY_USAGE.TGS_REP_SUBKEY)];
      } catch {
        return []; // another random number of this length
      }
    });
    expect(opened.map(({ key }) => key.keytype)).toEqual([encPart.etype]);
  });

  test('a TSRequest of a client that cannot be read is left out as well: others may read credentials in it', () => {
    for (const [replayable, expected] of [
      [true, 'sha256'],
      [false, 'octets'],
    ] as const) {
      const lines: string[] = [];
      const recorder = new Recorder({ host: realm.host, write: (line) => lines.push(line), replayable });
      recorder.begin();
      recorder.message('client', hex('3009a003020106a2020401')); // authInfo, cut
      expect(Object.keys(readTrace(lines.join('\n')).messages[0]?.content ?? {})).toEqual([expected]);
    }
  });

  test('`decode` reads it, verifies what it can, and shows no random octets', async () => {
    const kind: Kind = { package: negotiatePackage, mechanism: 'ntlm', inCredSsp: true };
    const { lines } = await recorded(kind);
    const explanation = await decode(lines.join('\n'), { password: 'LabPass1!' });
    const checks = explanation.checks.map(({ name, outcome }) => `${name} ${outcome}`);
    expect(checks).toEqual(expect.arrayContaining(['NTProofStr verified', 'MIC verified', 'mechListMIC verified']));
    expect(checks.join()).not.toContain('failed');
    const text = renderText(explanation);
    expect(text).toContain('redacted: authInfo');
    for (const { kind: drawn, ...draw } of readTrace(lines.join('\n')).draws)
      if (drawn === 'random' && 'octets' in draw && draw.octets.length > 8)
        expect(text).not.toContain(Buffer.from(draw.octets).toString('hex'));
  });
});

describe('what is no trace', () => {
  const header = '{"trace":"sspi-trace-1","replayable":true,"about":{}}';
  test.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['no header', '{"drawn":"clock","values":[1]}'],
    ['two headers', `${header}\n${header}`],
    ['another form', '{"trace":"2","replayable":true,"about":{}}'],
    ['a clock that has no end', `${header}\n{"drawn":"clock","values":[1e999]}`],
    ['a message that was cut', `${header}\n{"summary":"","at":1,"size":2,"conn":"1","frm":"client","octets":"30"}`],
    ['a digest that is none', `${header}\n{"summary":"","at":1,"size":1,"conn":"1","frm":"client","sha256":"30"}`],
    ['a clock of texts', `${header}\n{"drawn":"clock","values":["1"]}`],
    ['random octets that are none', `${header}\n{"drawn":"random","octets":"0"}`],
    ['something else that was drawn', `${header}\n{"drawn":"lots"}`],
    ['a message of nobody', `${header}\n{"summary":"","at":1,"size":1,"frm":"x","conn":"1","octets":""}`],
    ['a message without octets', `${header}\n{"summary":"","at":1,"size":1,"conn":"1","frm":"client"}`],
    ['a record of the DNS that is none', `${header}\n{"drawn":"dns","name":"x","records":[null]}`],
    ['a KDC that says nothing', `${header}\n{"drawn":"kdc","at":1,"to":"x","request":""}`],
  ])('%s is FILE_MALFORMED', (_, text) => {
    let error: unknown;
    try {
      readTrace(text);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(SspiError);
    expect(error).toMatchObject({ code: 'FILE_MALFORMED', stage: 'trace' });
  });

  test('a message of the peer that was left out, though the exchange went on with it, cannot be replayed', async () => {
    const kind: Kind = { package: ntlmPackage, mechanism: 'ntlm', inCredSsp: false };
    const { lines } = await recorded(kind);
    const challenge = lines.findIndex((line) => line.includes('"frm":"server"'));
    const digest = `"sha256":"${'0'.repeat(64)}"`;
    const without = lines.with(challenge, lines[challenge]?.replace(/"octets":"[0-9a-f]*"/u, digest) ?? '');
    await expect(again(without, kind)).rejects.toThrow('message 2 of the peer was left out');
  });

  test('a client that needs more chance than then before it says anything', async () => {
    const kind: Kind = { package: negotiatePackage, mechanism: 'ntlm', inCredSsp: true };
    const outcome = await replay(header, (host) => server(kind, host));
    expect(outcome).toMatchObject({ kind: 'differs', message: 1, difference: { kind: 'draw' } });
  });
});
