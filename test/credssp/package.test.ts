import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { credsspPackage } from '../../src/credssp/package.ts';
import { systemHost } from '../../src/host/index.ts';
import {
  ASC_RET,
  CERT_TRUST,
  type ExchangeEvent,
  ISC_REQ,
  ISC_RET,
  SEC_E,
  SEC_I,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  type Step,
  type StreamProtection,
  toFileTime,
} from '../../src/sspi/index.ts';
import { certificates, inbound, outbound, PASSWORD, TARGET, TLS_1_2, TLS_1_3 } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';

const FLAGS = ISC_REQ.DELEGATE | ISC_REQ.ALLOCATE_MEMORY | ISC_REQ.STREAM;

const kinds = [
  { tls: 'TLS 1.2', protocols: TLS_1_2 },
  { tls: 'TLS 1.3', protocols: TLS_1_3 },
].flatMap((one) =>
  (['rsa', 'ec'] as const).flatMap((key) =>
    (['negotiate', 'ntlm'] as const).map((mechanism) => ({ ...one, key, mechanism })),
  ),
);

async function contexts(
  one: { protocols?: number; key?: 'rsa' | 'ec'; mechanism?: 'negotiate' | 'ntlm'; tls13?: 'combined' | 'split' } = {},
  flags: number = FLAGS,
): Promise<{ client: SecurityContext; server: SecurityContext; events: ExchangeEvent[] }> {
  const { protocols = 0, key = 'ec', mechanism = 'negotiate', tls13 = 'combined' } = one;
  const events: ExchangeEvent[] = [];
  const observe = (event: ExchangeEvent): void => void events.push(event);
  const client = (await outbound({ protocols, options: { mechanism, tls13 } })).initiate({
    flags,
    targetName: TARGET,
    observe,
  });
  const server = (await inbound({ protocols, certificate: certificates[key] })).accept({ flags: 0 });
  return { client, server, events };
}

function streamOf(context: SecurityContext): StreamProtection {
  const { messages } = context;
  if (messages.kind !== 'stream') throw new TypeError('not a stream');
  return messages;
}

async function plaintextOf(protection: StreamProtection, record: Uint8Array): Promise<string> {
  let rest = record;
  let text = '';
  while (rest.length > 0) {
    const opened = await protection.decrypt(rest);
    if (opened.kind !== 'data') throw new TypeError(opened.kind);
    text += Buffer.from(opened.plaintext).toString();
    rest = rest.subarray(opened.consumed);
  }
  return text;
}

describe.each(kinds)('CREDSSP over $tls, $key key, $mechanism', (kind) => {
  test('R47, C15: both sides are established and the password has arrived', async () => {
    const { client, server, events } = await contexts(kind);
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    const delegated = server.query('CREDS');
    if (delegated.kind !== 'password') throw new TypeError(delegated.kind);
    expect(Buffer.from(delegated.password.reveal()).toString('utf16le')).toBe(PASSWORD);
    expect(server.query('NAMES').userName).toBe('EXAMPLE\\alice');
    expect(server.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    expect(server.query('FLAGS').flags & ASC_RET.DELEGATE).toBe(ASC_RET.DELEGATE);
    expect(client.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(ISC_RET.DELEGATE);
    expect(events.filter(({ protocol }) => protocol === 'CredSSP').map(({ message }) => message)).toContain(
      'TSRequest v6 {authInfo}',
    );

    const sealed = await streamOf(client).encrypt(Buffer.from('to the server'));
    expect(await plaintextOf(streamOf(server), sealed)).toBe('to the server');
    const answer = await streamOf(server).encrypt(Buffer.from('to the client'));
    expect(await plaintextOf(streamOf(client), answer)).toBe('to the client');
  });

  test('R35, R36: fed octet by octet, the same comes out', async () => {
    const { client, server } = await contexts(kind);
    const peers = { initiator: client, acceptor: server };
    let to: 'initiator' | 'acceptor' = 'acceptor';
    let token = outputOf(await client.step());
    while (token.length > 0) {
      token = await dripped(peers[to], token);
      to = to === 'initiator' ? 'acceptor' : 'initiator';
    }
    expect([client.state, server.state]).toEqual(['established', 'established']);
    expect(server.query('CREDS').kind).toBe('password');
  });
});

/** Gives one octet more each time, as a caller does who reads a slow socket. */
async function dripped(context: SecurityContext, token: Uint8Array): Promise<Uint8Array> {
  const answers: Uint8Array[] = [];
  let buffer = new Uint8Array(0);
  for (const octet of token) {
    buffer = Uint8Array.of(...buffer, octet);
    const step = await context.step(buffer);
    if (step.status === SEC_E.INCOMPLETE_MESSAGE) {
      if (!('missing' in step)) throw new TypeError('no MISSING');
      expect(step.missing).toBeGreaterThan(0);
      continue;
    }
    answers.push(outputOf(step));
    buffer = buffer.slice(step.consumed);
  }
  expect(buffer).toHaveLength(0);
  return Uint8Array.from(Buffer.concat(answers));
}

function outputOf(step: Step): Uint8Array {
  return 'token' in step ? step.token : new Uint8Array(0);
}

describe('CREDSSP: tokens', () => {
  test('R34: application data behind the last record stays the caller’s', async () => {
    const { client, server } = await contexts();
    let last: Uint8Array = new Uint8Array(0);
    await converse(client, server, (from, token) => {
      last = from === 'initiator' ? token : last;
      return client.state === 'established' ? new Uint8Array(0) : token;
    });
    const early = await streamOf(client).encrypt(Buffer.from('early'));
    const step = await server.step(Uint8Array.of(...last, ...early));
    expect(step).toMatchObject({ status: SEC_E.OK, consumed: last.length });
    expect(await plaintextOf(streamOf(server), early)).toBe('early');
  });

  test('X12: split: the client waits for the server’s token behind its Finished', async () => {
    const { client, server } = await contexts({ protocols: TLS_1_3, tls13: 'split' });
    const flight = outputOf(await server.step(outputOf(await client.step())));
    const finished = outputOf(await client.step(flight));
    const tickets = await server.step(finished);
    expect(tickets).toMatchObject({ status: SEC_I.CONTINUE_NEEDED });
    let said = await client.step(outputOf(tickets));
    expect(outputOf(said).length).toBeGreaterThan(0);
    // It speaks before it reads: the tickets are EXTRA, and come again in front of the next token.
    expect(said).toMatchObject({ consumed: 0 });
    let rest = outputOf(tickets);
    for (let leg = 0; leg < 4 && server.state === 'negotiating'; leg++) {
      const answer = await server.step(outputOf(said));
      if (client.state === 'negotiating') said = await client.step(Uint8Array.of(...rest, ...outputOf(answer)));
      rest = new Uint8Array(0);
    }
    expect([client.state, server.state]).toEqual(['established', 'established']);
    expect(server.query('CREDS').kind).toBe('password');
  });

  test('X4: one TSRequest is one TLS record', async () => {
    const { client, server } = await contexts({ protocols: TLS_1_2 });
    const { tokens } = await converse(client, server);
    for (const { token } of tokens.slice(4)) {
      expect(token[0]).toBe(23);
      expect(token.length).toBe(5 + (token[3] ?? 0) * 256 + (token[4] ?? 0));
    }
  });

  test('R58: what is not TLS is refused', async () => {
    const { server } = await contexts();
    await expect(server.step(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).rejects.toMatchObject({
      status: SEC_E.INVALID_TOKEN,
    });
    expect(server.state).toBe('failed');
  });

  test('C4: the server’s first token may not be empty', async () => {
    const { server } = await contexts();
    await expect(server.step()).rejects.toMatchObject({ status: SEC_E.INVALID_TOKEN });
  });

  test('R68: an octet flipped in the record header, the middle or the end of any token: never credentials', async () => {
    const honest = await contexts();
    const { tokens } = await converse(honest.client, honest.server);
    // ClientHello, the server's flight, Finished with NEGOTIATE, CHALLENGE, the proof, the proof, the credentials.
    expect(tokens.map(({ from }) => from)).toHaveLength(7);
    for (const [index, { token: whole }] of tokens.entries()) {
      const places = [0, 1, 3, 4, 5, 0.1, 0.3, 0.5, 0.7, 0.95, 1].map((at) =>
        Math.min(whole.length - 1, Number.isInteger(at) && at !== 1 ? at : Math.floor(whole.length * at)),
      );
      for (const place of places) {
        const { client, server } = await contexts();
        await converse(client, server, (_, token, leg) =>
          leg === index
            ? token.map((octet, at) => (at === Math.min(place, token.length - 1) ? octet ^ 0x55 : octet))
            : token,
        ).catch((error: unknown) => {
          // A record that says it is longer than it is: both sides wait for the rest.
          if (!(error instanceof TypeError)) throw error;
        });
        expect([index, place, server.state]).not.toEqual([index, place, 'established']);
        expect(() => server.query('CREDS')).toThrow();
      }
    }
  });

  test('C13: a wrong password is told inside TLS, and the client names it', async () => {
    const identity = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: 'wrong' } as const;
    const client = (await outbound({ identity })).initiate({ flags: FLAGS, targetName: TARGET });
    const server = (await inbound()).accept({ flags: 0 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect(acceptorError).toMatchObject({ code: 'LOGON_DENIED', status: SEC_E.LOGON_DENIED });
    expect(acceptorError?.token?.[0]).toBe(23);
    expect(initiatorError).toMatchObject({ code: 'PEER_REFUSED', ntStatus: 0xc000006d, status: SEC_E.LOGON_DENIED });
  });

  test.each([
    ['TLS 1.2', TLS_1_2],
    ['TLS 1.3', TLS_1_3],
  ])(
    'R25: %s: with EXTENDED_ERROR a client that gives up says goodbye, and the server hears it',
    async (_, protocols) => {
      const flags = ISC_REQ.DELEGATE | ISC_REQ.EXTENDED_ERROR;
      const client = (await outbound({ protocols })).initiate({ flags, targetName: 'WSMAN/host' });
      const server = (await inbound({ protocols })).accept({ flags: 0 });
      const { initiatorError, acceptorError } = await converse(client, server);
      expect(initiatorError).toMatchObject({ code: 'DELEGATION_POLICY' });
      // close_notify, and not an alert that blames somebody.
      expect(acceptorError).toMatchObject({ code: 'CONNECTION_CLOSED', status: SEC_E.UNFINISHED_CONTEXT_DELETED });
      expect(server.state).toBe('failed');
    },
  );

  test('R25: without EXTENDED_ERROR it says nothing', async () => {
    const client = (await outbound()).initiate({ flags: ISC_REQ.DELEGATE, targetName: 'WSMAN/host' });
    const server = (await inbound()).accept({ flags: 0 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError?.code, initiatorError?.token, acceptorError]).toEqual([
      'DELEGATION_POLICY',
      undefined,
      undefined,
    ]);
  });
});

describe('CREDSSP: server authentication', () => {
  test('R24, Q4: a self-signed certificate does not abort, and is reported', async () => {
    const { client, server } = await contexts();
    await converse(client, server);
    expect(client.query('CERT_TRUST_STATUS').errorStatus & CERT_TRUST.IS_UNTRUSTED_ROOT).not.toBe(0);
    expect(client.query('SERVER_AUTH_FLAGS').flags).toBe(0);
    expect(client.query('REMOTE_CERT_CONTEXT').certificate).toEqual(
      new Uint8Array(new X509Certificate(certificates.ec.certificate).raw),
    );
  });

  test('Y6: a trusted certificate for this name authenticates the server', async () => {
    const rootStore = [certificates.ec.certificate];
    const mutual = FLAGS | ISC_REQ.MUTUAL_AUTH;
    const client = (await outbound({ rootStore })).initiate({ flags: mutual, targetName: TARGET });
    const server = (await inbound()).accept({ flags: 0 });
    const { initiatorError } = await converse(client, server);
    expect(initiatorError).toBeUndefined();
    expect(client.query('SERVER_AUTH_FLAGS').flags).toBe(2);
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).toBe(ISC_RET.MUTUAL_AUTH);
  });

  test('R64, R67: the right certificate for another name does not', async () => {
    const rootStore = [certificates.ec.certificate];
    const flags = FLAGS | ISC_REQ.MUTUAL_AUTH;
    const client = (await outbound({ rootStore })).initiate({ flags, targetName: 'TERMSRV/other.example.test' });
    const server = (await inbound()).accept({ flags: 0 });
    const { initiatorError } = await converse(client, server);
    expect(initiatorError).toMatchObject({ status: SEC_E.MUTUAL_AUTH_FAILED });
  });

  test('R46: the context expires with the certificate of the server', async () => {
    const { client, server } = await contexts();
    let expiry: bigint | undefined;
    let input = outputOf(await client.step());
    for (;;) {
      input = outputOf(await server.step(input));
      const step = await client.step(input);
      if (step.status === SEC_E.OK && 'expiry' in step) expiry = step.expiry;
      input = outputOf(step);
      if (step.status === SEC_E.OK) break;
    }
    const notAfter = new X509Certificate(certificates.ec.certificate).validTo;
    expect(expiry).toBe(toFileTime(Date.parse(notAfter)));
  });
});

describe('CREDSSP: credentials', () => {
  test.each([
    ['an unknown submit type', { kind: 'credssp', type: 99 }, SEC_E.UNKNOWN_CREDENTIALS],
    [
      'a CREDSSP_CRED_EX of another version',
      { kind: 'credssp-ex', version: 1, cred: { kind: 'credssp' } },
      SEC_E.UNKNOWN_CREDENTIALS,
    ],
    ['a smart card', { kind: 'credssp', type: 13 }, SEC_E.UNSUPPORTED_FUNCTION],
    ['nothing at all', undefined, SEC_E.NO_CREDENTIALS],
    ['an identity without CREDSSP_CRED', { kind: 'identity', user: 'a', password: 'b' }, SEC_E.UNKNOWN_CREDENTIALS],
  ] as const)('A12, A17, A18: %s', async (_, authData, status) => {
    const request = { use: SECPKG_CRED.OUTBOUND, authData, host: systemHost };
    await expect(credsspPackage.acquire(request)).rejects.toMatchObject({ status });
  });

  test('A6: a server without a certificate, and R7: the wrong role', async () => {
    const noCertificate = {
      kind: 'credssp',
      spnegoCred: { kind: 'acceptor', accounts: { find: async () => undefined } },
    } as const;
    const request = { use: SECPKG_CRED.INBOUND, authData: noCertificate, host: systemHost };
    await expect(credsspPackage.acquire(request)).rejects.toMatchObject({ status: SEC_E.NO_CREDENTIALS });
    const client = await outbound();
    expect(() => client.accept({ flags: 0 })).toThrow(expect.objectContaining({ status: SEC_E.NO_CREDENTIALS }));
  });

  test('A14: freeing the credential does not break a context that lives', async () => {
    const clientCredential = await outbound();
    const serverCredential = await inbound();
    const client = clientCredential.initiate({ flags: FLAGS, targetName: TARGET });
    const server = serverCredential.accept({ flags: 0 });
    clientCredential.dispose();
    serverCredential.dispose();
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(() => clientCredential.initiate({ flags: FLAGS })).toThrow(
      expect.objectContaining({ status: SEC_E.INVALID_HANDLE }),
    );
  });

  test('L1: deleting the context zeroises what was delegated', async () => {
    const { client, server } = await contexts();
    await converse(client, server);
    const delegated = server.query('CREDS');
    if (delegated.kind !== 'password') throw new TypeError(delegated.kind);
    server.dispose();
    expect(delegated.password.disposed).toBe(true);
  });

  test('an NT hash logs on, and cannot be delegated', async () => {
    const ntHash = new Secret(Buffer.from('d5922a65c4d5c082ca444af1be0001db', 'hex'));
    const identity = { kind: 'nt-hash', user: 'alice', domain: 'EXAMPLE', ntHash } as const;
    const credential = await outbound({ identity });
    expect(() => credential.initiate({ flags: FLAGS, targetName: TARGET })).toThrow(
      expect.objectContaining({ status: SEC_E.NO_CREDENTIALS }),
    );
  });
});
