/**
 * Kerberos: AP-REQs made and taken a second, and messages sealed, beside MIT's C library in the same rounds.
 * @module
 */
import { toHex } from '../../src/crypto/index.ts';
import { kerberosPackage } from '../../src/kerberos/package.ts';
import type { Lab } from '../../src/lab/index.ts';
import { type Credential, ISC_REQ, SECPKG_CRED, type SecurityContext } from '../../src/sspi/index.ts';
import { ALICE, kerberosLab } from '../lab/actors.ts';
import { converse } from '../lab/converse.ts';
import type { Figure } from './figure.ts';
import { Mit } from './mit.ts';
import { type Measured, rates, type Work } from './rounds.ts';

const COUNT = 500;
/** Clients with a ticket of their own each. */
const CLIENTS = 200;
const MESSAGE = 16_384;
const MESSAGES = 500;
const ROUNDS = 9;

/** What a client of CredSSP or of HTTP asks for, and what MIT is asked for too. */
const FLAGS = ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT;

/** AP-REQs taken a second, against the bar and against MIT; what else there is in the details. */
export async function kerberos(): Promise<readonly Figure[]> {
  await using realm = await kerberosLab();
  const client = await credentialOf(realm);
  const mine = await ours(realm, client);
  const mit = await Mit.start(realm.keytab).catch((error: unknown) => String(error));
  if (typeof mit === 'string') {
    const found = await rates(ROUNDS, mine);
    return [{ ...acceptFigure(found), missing: `MIT's C library, which this is to be compared with: ${mit}` }];
  }
  const found = await rates(ROUNDS, {
    ...mine,
    // The same client, the same ticket, the same PAC.
    mitAccept: async () => await mit.work(`accept ${(await requestsOf(client, realm)).map(toHex).join(' ')}`),
    mitInitiate: () => mit.work(`initiate ${COUNT}`),
    mitWrap: () => mit.work(`wrap ${MESSAGES} ${MESSAGE}`),
    mitCall: () => mit.work('call 20000'),
  });
  await mit.stop();
  // What is left of a call when the way through Python is taken off: the library alone.
  const library = (rate: number): number => 1 / (1 / rate - 1 / found.mitCall);
  const share = (rate: number): number => (100 * rate) / found.mitCall;
  return [
    acceptFigure(found),
    {
      name: "Kerberos AP-REQ accept with keytab, against MIT's C library",
      value: found.accept / library(found.mitAccept),
      unit: 'of it',
      bar: 1,
      better: 'more',
      detail: {
        'MIT accept/s': library(found.mitAccept),
        "share of the Python binding in MIT's accept, taken off, %": share(found.mitAccept),
        'initiate/s': found.initiate,
        'MIT initiate/s': library(found.mitInitiate),
        "share of the Python binding in MIT's initiate, taken off, %": share(found.mitInitiate),
        'initiate, of MIT': found.initiate / library(found.mitInitiate),
        'first time accept, of MIT': found.first / library(found.mitAccept),
        'MIT wrap 16 KiB, MB/s': found.mitWrap,
        'wrap, of MIT': found.wrap / found.mitWrap,
      },
    },
  ];
}

function acceptFigure(found: Readonly<Record<'accept' | 'first' | 'initiate' | 'wrap', number>>): Figure {
  return {
    name: 'Kerberos AP-REQ accept with keytab, AP-REP and all',
    value: found.accept,
    unit: '/s',
    bar: 5000,
    better: 'more',
    detail: {
      'accept/s of tickets that were not seen before': found.first,
      'initiate/s': found.initiate,
      'wrap 16 KiB, MB/s': found.wrap,
    },
  };
}

async function ours(realm: Lab, client: Credential): Promise<Record<'accept' | 'first' | 'initiate' | 'wrap', Work>> {
  const service = await serviceOf(realm);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => credentialOf(realm)));
  const [sender, receiver] = [start(client, realm), service.accept({ flags: 0 })];
  await converse(sender, receiver);
  const message = new Uint8Array(MESSAGE);
  return {
    accept: async () => await accepting(service, await requestsOf(client, realm)),
    async first() {
      const fresh = await serviceOf(realm); // services remember the tickets that they have opened
      const measured = await accepting(fresh, await requests(clients, realm));
      fresh.dispose();
      return measured;
    },
    async initiate() {
      for (let count = 0; count < COUNT; count++) {
        const context = start(client, realm);
        await context.step();
        context.dispose();
      }
      return COUNT;
    },
    wrap() {
      const { messages } = sender;
      if (messages.kind !== 'token') throw new Error('not GSS messages');
      for (let count = 0; count < MESSAGES; count++) messages.wrap(message);
      return (MESSAGES * MESSAGE) / 1_000_000;
    },
  };
}

/** AP-REQs taken one after the other. What made them is not counted. */
async function accepting(service: Credential, tokens: readonly Uint8Array[]): Promise<Measured> {
  const started = performance.now();
  for (const token of tokens) {
    const context = service.accept({ flags: 0 });
    await context.step(token);
    context.dispose();
  }
  return { work: tokens.length, milliseconds: performance.now() - started };
}

/** AP-REQs of one client. */
function requestsOf(client: Credential, realm: Lab): Promise<Uint8Array[]> {
  return requests(Array<Credential>(COUNT).fill(client), realm);
}

async function requests(clients: readonly Credential[], realm: Lab): Promise<Uint8Array[]> {
  const tokens: Uint8Array[] = [];
  for (const client of clients) {
    const context = start(client, realm);
    const step = await context.step();
    if ('token' in step) tokens.push(step.token);
    context.dispose();
  }
  return tokens;
}

function start(client: Credential, realm: Lab): SecurityContext {
  return client.initiate({ flags: FLAGS, targetName: realm.targetName });
}

/** A client that gets its tickets when it needs them first. */
async function credentialOf(realm: Lab): Promise<Credential> {
  const authData = realm.identity(ALICE.user, { mechanism: 'kerberos' });
  return await kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: realm.host });
}

async function serviceOf(realm: Lab): Promise<Credential> {
  return await kerberosPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: realm.acceptor(), host: realm.host });
}
