/** fContextReq and pfContextAttr: every flag alone and in pairs, contract R19-R27, R44, C5, C6, §2.10. */
import { describe, expect, test } from 'vitest';
import { ASC_REQ, ASC_RET, ISC_REQ, ISC_RET, SECPKG_CRED } from '../../src/index.ts';
import { accept, credentialOf, door, initiate, named, pair } from '../api/door.ts';
import { ascii, record, recordPackage } from '../api/toys.ts';
import { established, inbound, outbound, TARGET, table } from './support.ts';

/** Contract R27, C6: what TLS packages refuse. Written down from the page, not taken from the code. */
const REFUSED_BY_CLIENT = [0x40, 0x200, 0x400, 0x1000, 0x2000, 0x40000, 0x200000, 0x1000000];
const REFUSED_BY_SERVER = [0x200, 0x400, 0x1000, 0x2000, 0x100000, 0x800000];

/** Contract R44: what is echoed already while the exchange is under way, request and answer. */
const ECHOED_TO_CLIENT = [0x100, 0x800, 0x4000, 0x8000];
const ECHOED_TO_SERVER = [0x100, 0x800, 0x8000, 0x10000];

const BITS = Array.from({ length: 32 }, (_, bit) => 2 ** bit);
const hex = (flags: number): string => `0x${flags.toString(16)}`;

describe('ISC_REQ of CREDSSP', () => {
  test.each(BITS)('R19, R20, R26, R27: 0x%i alone: refused, or an exchange that says what holds', async (flag) => {
    const sspi = table();
    if (REFUSED_BY_CLIENT.includes(flag)) {
      const credential = await outbound(sspi, 'CREDSSP');
      const result = await sspi.initializeSecurityContext({ credential, contextReq: flag, targetName: TARGET });
      expect([named(result), result.context]).toEqual(['SEC_E_UNSUPPORTED_FUNCTION', null]);
      return;
    }
    const { clientResult } = await established('CREDSSP', { sspi, contextReq: flag });
    // R26: TLS protects whatever was asked. R24: MANUAL_CRED_VALIDATION. R22: the certificate is trusted, so the server is known.
    const always = 0x4 | 0x8 | 0x10 | 0x10000 | 0x80000 | 0x2;
    // The loop of the tests allocates memory; DELEGATE was carried out; the others are echoed.
    const own = [0x1, ...ECHOED_TO_CLIENT].includes(flag) ? flag : 0;
    expect(hex(clientResult.contextAttr)).toBe(hex((always | 0x100 | own) >>> 0));
  });

  test('R27: every pair with a flag that is refused is refused', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    for (const one of REFUSED_BY_CLIENT)
      for (const other of BITS) {
        const result = await sspi.initializeSecurityContext({
          credential,
          contextReq: one + (one === other ? 0 : other),
        });
        expect([hex(other), named(result)]).toEqual([hex(other), 'SEC_E_UNSUPPORTED_FUNCTION']);
      }
  });
});

describe('flags in pairs', () => {
  const allowedForClient = BITS.filter((flag) => !REFUSED_BY_CLIENT.includes(flag));
  const allowedForServer = BITS.filter((flag) => !REFUSED_BY_SERVER.includes(flag));

  /** Bits of `echoed` that are in a request; ALLOCATE_MEMORY is always asked for by the tests' own loop. */
  const echo = (request: number, echoed: readonly number[]): number =>
    echoed.reduce((bits, flag) => (((request | 0x100) & flag) !== 0 ? bits | flag : bits), 0);

  test.each(allowedForClient)('R19, R44: ISC_REQ 0x%i with each other flag', async (one) => {
    const sspi = door(recordPackage());
    const clientCredential = await credentialOf(sspi, 'RECORDS', SECPKG_CRED.OUTBOUND);
    const serverCredential = await credentialOf(sspi, 'RECORDS', SECPKG_CRED.INBOUND);
    for (const other of allowedForClient) {
      const contextReq = (one | other) >>> 0;
      const first = await initiate(sspi, { credential: clientCredential, contextReq });
      const underWay = 0x1000 | echo(contextReq, ECHOED_TO_CLIENT); // INTERMEDIATE_RETURN
      expect([hex(contextReq), hex(first.result.contextAttr)]).toEqual([hex(contextReq), hex(underWay)]);
      const { clientResult } = await pair(sspi, 'RECORDS', { clientCredential, serverCredential, contextReq });
      // The toy grants 0x1001c, whatever it is asked.
      const final = 0x1001c | echo(contextReq, ECHOED_TO_CLIENT);
      expect([hex(contextReq), hex(clientResult.contextAttr)]).toEqual([hex(contextReq), hex(final)]);
    }
  });

  test.each(allowedForServer)('C5, C6, C8: ASC_REQ 0x%i with each other flag', async (one) => {
    const sspi = door(recordPackage());
    const credential = await credentialOf(sspi, 'RECORDS', SECPKG_CRED.INBOUND);
    for (const other of allowedForServer) {
      const contextReq = (one | other) >>> 0;
      const first = await accept(sspi, { credential, input: record(22, ascii('hello')), contextReq });
      const underWay = echo(contextReq, ECHOED_TO_SERVER);
      expect([hex(contextReq), hex(first.result.contextAttr)]).toEqual([hex(contextReq), hex(underWay)]);
      const last = await accept(sspi, { context: first.context, input: record(22, ascii('finished')), contextReq });
      expect([hex(contextReq), hex(last.result.contextAttr)]).toEqual([hex(contextReq), hex(0x2001c | underWay)]);
    }
  });

  /** Every flag with itself and with those behind it. */
  const pairsOf = (flags: readonly number[]) =>
    flags.flatMap((one, at) => flags.slice(at).map((other) => (one | other) >>> 0));

  test('R19, R20, R44, C5, C8: CREDSSP: each pair of ISC_REQ against each pair of ASC_REQ in turn, from the first call to the last', async () => {
    const sspi = table();
    const clientCredential = await outbound(sspi, 'CREDSSP');
    const serverCredential = await inbound(sspi, 'CREDSSP');
    const ofClient = pairsOf(allowedForClient);
    const ofServer = pairsOf(allowedForServer);
    // 24 and 26 flags have 300 and 351 pairs, themselves included. The shorter list begins anew when it is through.
    expect([ofClient.length, ofServer.length]).toEqual([300, 351]);
    for (const [turn, serverReq] of ofServer.entries()) {
      const contextReq = ofClient[turn % ofClient.length] ?? 0;
      const asked = [hex(contextReq), hex(serverReq)];
      const first = await initiate(sspi, { credential: clientCredential, contextReq, targetName: TARGET });
      // INTERMEDIATE_RETURN, and MANUAL_CRED_VALIDATION from the first call on (R24).
      expect([...asked, hex(first.result.contextAttr)]).toEqual([
        ...asked,
        hex(0x81000 | echo(contextReq, ECHOED_TO_CLIENT)),
      ]);
      await sspi.deleteSecurityContext({ context: first.context });
      const both = await pair(sspi, 'CREDSSP', {
        clientCredential,
        serverCredential,
        contextReq,
        serverReq,
        targetName: TARGET,
      });
      const delegated = contextReq & 0x1;
      // REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY; INTEGRITY; the client knows the server by its certificate: MUTUAL_AUTH.
      const client = 0x1c | 0x10000 | 0x80000 | 0x2 | delegated | echo(contextReq, ECHOED_TO_CLIENT);
      const server = 0x1c | 0x20000 | delegated | echo(serverReq, ECHOED_TO_SERVER);
      const got = [both.clientResult.contextAttr, both.serverResult.contextAttr].map(hex);
      expect([...asked, ...got]).toEqual([...asked, hex(client), hex(server)]);
      await sspi.deleteSecurityContext({ context: both.client });
      await sspi.deleteSecurityContext({ context: both.server });
    }
  }, 60_000);

  test('C6: every pair with a flag that a server refuses is refused', async () => {
    const sspi = table();
    const credential = await inbound(sspi, 'CREDSSP');
    for (const one of REFUSED_BY_SERVER)
      for (const other of BITS) {
        const contextReq = one + (one === other ? 0 : other);
        const result = await sspi.acceptSecurityContext({ credential, contextReq });
        expect([hex(other), named(result)]).toEqual([hex(other), 'SEC_E_UNSUPPORTED_FUNCTION']);
      }
  });
});

describe('ASC_REQ of CREDSSP', () => {
  test.each(BITS.filter((flag) => !REFUSED_BY_SERVER.includes(flag)))('C5, C15: 0x%i alone', async (flag) => {
    const { serverResult } = await established('CREDSSP', { serverReq: flag, contextReq: ISC_REQ.DELEGATE });
    const always = 0x4 | 0x8 | 0x10 | 0x20000; // REPLAY_DETECT, SEQUENCE_DETECT, CONFIDENTIALITY, INTEGRITY
    const own = ECHOED_TO_SERVER.includes(flag) ? flag : 0;
    // DELEGATE: the client handed its password over. MUTUAL_AUTH: NTLM knows none.
    expect(hex(serverResult.contextAttr)).toBe(hex((always | 0x1 | 0x100 | own) >>> 0));
  });
});

describe('E22: the two numeric spaces', () => {
  test('§2.10 from 0x8000 upwards the same name has another value on the other side', () => {
    for (const [name, client, server] of [
      ['EXTENDED_ERROR', 0x4000, 0x8000],
      ['STREAM', 0x8000, 0x10000],
      ['INTEGRITY', 0x10000, 0x20000],
      ['IDENTIFY', 0x20000, 0x80000],
    ] as const) {
      expect([ISC_REQ[name], ISC_RET[name]]).toEqual([client, client]);
      expect([ASC_REQ[name], ASC_RET[name]]).toEqual([server, server]);
    }
    // Below it they agree.
    for (const name of ['DELEGATE', 'MUTUAL_AUTH', 'REPLAY_DETECT', 'SEQUENCE_DETECT', 'CONFIDENTIALITY'] as const)
      expect(ISC_REQ[name]).toBe(ASC_REQ[name]);
  });
});
