/**
 * A mechanism for tests: a fixed number of messages in turn, and signatures that tell number and key-stream position apart, as
 * NTLM's do: a `restart` forgotten on one side, or a number counted twice, makes the next message fail.
 */
import { md5 } from '../../src/crypto/index.ts';
import type { Mechanism } from '../../src/negotiate/index.ts';
import {
  type Credential,
  contextOf,
  type Exchange,
  NEVER,
  type PackageInfo,
  type Scope,
  SspiError,
  type TokenProtection,
} from '../../src/sspi/index.ts';

export interface FakeOptions {
  readonly name: string;
  readonly oids: readonly [string, ...string[]];
  /** How many messages there are in all; the initiator sends the first. */
  readonly messages: number;
  readonly integrity?: boolean | undefined;
  readonly demandsMic?: boolean | undefined;
  /** Thrown when a credential is asked for. */
  readonly acquireError?: SspiError | undefined;
  /** Thrown instead of the initiator's first token. */
  readonly firstTokenError?: SspiError | undefined;
  /** Thrown by the acceptor when it has seen the initiator's first token. */
  readonly acceptorError?: SspiError | undefined;
}

/** What happened, in order: `initiator sign 0`, `acceptor restart received`, ... */
export type Journal = string[];

const text = new TextEncoder();

export function fakeMechanism(options: FakeOptions, journal: Journal = []): Mechanism {
  const info: PackageInfo = {
    name: options.name,
    comment: '',
    capabilities: 0,
    version: 1,
    rpcId: 0xffff,
    maxToken: 1024,
  };
  const attributes = ['NAMES', 'SIZES'] as const;
  const credential = (use: number): Credential => ({
    info,
    use,
    expiry: NEVER,
    initiate: (given) => {
      const start = (scope: Scope, first: Uint8Array): Exchange => initiate(options, scope, first, journal);
      return contextOf({ ...given, info, role: 'initiator', start, attributes });
    },
    accept: (given) => {
      const start = (scope: Scope, first: Uint8Array): Exchange => accept(options, scope, first, journal);
      return contextOf({ ...given, info, role: 'acceptor', start, attributes });
    },
    dispose: () => journal.push(`${options.name} credential disposed`),
  });
  return {
    name: options.name,
    oids: options.oids,
    demandsMic: options.demandsMic === true ? () => true : undefined,
    package: {
      info,
      async acquire({ use }) {
        if (options.acquireError !== undefined) throw options.acquireError;
        return credential(use);
      },
    },
  };
}

async function* initiate(options: FakeOptions, scope: Scope, first: Uint8Array, journal: Journal): Exchange {
  if (first.length > 0) throw new SspiError('UNEXPECTED_MESSAGE', { stage: options.name });
  if (options.firstTokenError !== undefined) throw options.firstTokenError;
  for (let number = 1; ; number += 2) {
    if (number >= options.messages)
      return established(options, scope, 'initiator', messageOf(options, number), journal);
    expectMessage(options, number + 1, yield { token: messageOf(options, number) });
    if (number + 1 === options.messages) return established(options, scope, 'initiator', undefined, journal);
  }
}

async function* accept(options: FakeOptions, scope: Scope, first: Uint8Array, journal: Journal): Exchange {
  expectMessage(options, 1, first);
  if (options.acceptorError !== undefined) throw options.acceptorError;
  for (let number = 2; ; number += 2) {
    if (number > options.messages) return established(options, scope, 'acceptor', undefined, journal);
    if (number === options.messages)
      return established(options, scope, 'acceptor', messageOf(options, number), journal);
    expectMessage(options, number + 1, yield { token: messageOf(options, number) });
  }
}

function messageOf({ name }: FakeOptions, number: number): Uint8Array {
  return text.encode(`${name} message ${number}`);
}

function expectMessage(options: FakeOptions, number: number, received: Uint8Array): void {
  const expected = messageOf(options, number);
  if (received.length === expected.length && received.every((octet, at) => octet === expected[at])) return;
  throw new SspiError('MALFORMED_TOKEN', { stage: options.name, detail: `message ${number} expected` });
}

function established(
  options: FakeOptions,
  scope: Scope,
  role: 'initiator' | 'acceptor',
  token: Uint8Array | undefined,
  journal: Journal,
): { token?: Uint8Array | undefined; flags: number; messages: TokenProtection } {
  scope.publish('NAMES', () => ({ userName: `${options.name} user` }));
  const messages = new FakeProtection(role, options.integrity ?? true, journal);
  scope.publish('SIZES', () => messages.sizes);
  return { token, flags: options.integrity === false ? 0 : 0x4, messages };
}

/** Where a direction stands. */
interface Direction {
  number: number;
  position: number;
}

class FakeProtection implements TokenProtection {
  readonly kind = 'token';
  readonly sizes = { maxToken: 1024, maxSignature: 16, blockSize: 0, securityTrailer: 16 };
  readonly confidentiality = true;
  readonly integrity: boolean;
  readonly #role: 'initiator' | 'acceptor';
  readonly #journal: Journal;
  readonly #sent: Direction = { number: 0, position: 0 };
  readonly #received: Direction = { number: 0, position: 0 };

  constructor(role: 'initiator' | 'acceptor', integrity: boolean, journal: Journal) {
    this.#role = role;
    this.integrity = integrity;
    this.#journal = journal;
  }

  wrap(message: Uint8Array): Uint8Array {
    return Uint8Array.from([...this.sign(message), ...message]);
  }

  unwrap(token: Uint8Array): Uint8Array {
    const message = token.slice(16);
    this.verify(message, token.subarray(0, 16));
    return message;
  }

  seal(data: Uint8Array): Uint8Array {
    return this.sign(data);
  }

  unseal(header: Uint8Array, data: Uint8Array): void {
    this.verify(data, header);
  }

  sign(message: Uint8Array): Uint8Array {
    if (!this.integrity) throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'fake' });
    this.#journal.push(`${this.#role} sign ${this.#sent.number}`);
    return signature(this.#role, this.#sent, message);
  }

  verify(message: Uint8Array, received: Uint8Array): void {
    if (!this.integrity) throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'fake' });
    this.#journal.push(`${this.#role} verify ${this.#received.number}`);
    const expected = signature(this.#role === 'initiator' ? 'acceptor' : 'initiator', this.#received, message);
    if (received.length !== 16 || !expected.every((octet, at) => octet === received[at]))
      throw new SspiError('MESSAGE_ALTERED', { stage: 'fake' });
  }

  restart(direction: 'sent' | 'received'): void {
    this.#journal.push(`${this.#role} restart ${direction}`);
    (direction === 'sent' ? this.#sent : this.#received).position = 0;
  }
}

function signature(role: string, direction: Direction, message: Uint8Array): Uint8Array {
  const { number, position } = direction;
  direction.number++;
  direction.position++;
  return md5(text.encode(`${role} ${number} ${position} `), message);
}
