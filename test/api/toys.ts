/**
 * Packages whose every octet a test can write down by hand: one whose messages have tokens, one that speaks records. They show
 * what the door does, and nothing of what a mechanism does.
 */
import {
  type AcceptOptions,
  type AttributeName,
  type Credential,
  type CredentialRequest,
  contextOf,
  type DecryptedRecord,
  type Exchange,
  type Frame,
  type InitiateOptions,
  NEVER,
  type PackageInfo,
  type Scope,
  SECPKG_CRED,
  SECPKG_FLAG,
  type SecurityPackage,
  SspiError,
  type StreamProtection,
  type TokenProtection,
} from '../../src/sspi/index.ts';

/** ASCII text as octets. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Octets as ASCII text. */
export function textOf(octets: Uint8Array): string {
  return String.fromCharCode(...octets);
}

/** What a scripted package is made of. */
export interface Script {
  readonly name: string;
  readonly capabilities?: number;
  readonly frame?: (input: Uint8Array) => Frame;
  readonly attributes?: readonly AttributeName[];
  readonly intermediateFlags?: number;
  readonly expiry?: bigint;
  initiate?(scope: Scope, first: Uint8Array, options: InitiateOptions): Exchange;
  accept?(scope: Scope, first: Uint8Array, options: AcceptOptions): Exchange;
}

/** A package, and what became of its credentials. */
export interface ScriptedPackage extends SecurityPackage {
  readonly acquired: { readonly request: CredentialRequest; disposed: number; contexts: number }[];
}

/** Makes a package of two conversations. */
export function scriptedPackage(script: Script): ScriptedPackage {
  const info: PackageInfo = {
    name: script.name,
    comment: `${script.name} of the tests`,
    capabilities: script.capabilities ?? SECPKG_FLAG.CONNECTION | SECPKG_FLAG.INTEGRITY | SECPKG_FLAG.PRIVACY,
    version: 1,
    rpcId: 0xffff,
    maxToken: 64,
  };
  const acquired: ScriptedPackage['acquired'] = [];
  return {
    info,
    acquired,
    async acquire(request) {
      if (request.authData?.kind === 'anonymous') throw new SspiError('NO_CREDENTIALS', { stage: 'toy' });
      const record = { request, disposed: 0, contexts: 0 };
      acquired.push(record);
      const shared = {
        info,
        frame: script.frame,
        attributes: script.attributes ?? [],
        intermediateFlags: script.intermediateFlags,
        host: request.host,
      };
      const credential: Credential = {
        info,
        use: request.use,
        expiry: script.expiry ?? NEVER,
        initiate(options) {
          const { initiate } = script;
          if (initiate === undefined) throw new SspiError('NO_CREDENTIALS', { stage: 'toy' });
          record.contexts += 1;
          return contextOf({ ...shared, role: 'initiator', start: (scope, first) => initiate(scope, first, options) });
        },
        accept(options) {
          const { accept } = script;
          if (accept === undefined) throw new SspiError('NO_CREDENTIALS', { stage: 'toy' });
          record.contexts += 1;
          return contextOf({ ...shared, role: 'acceptor', start: (scope, first) => accept(scope, first, options) });
        },
        dispose: () => {
          record.disposed += 1;
        },
      };
      return credential;
    },
  };
}

/** Three legs in the clear: `hello`, `welcome`, `proof`. Anything else is refused with the token `no`. */
export function tokenPackage(overrides: Partial<Script> = {}): ScriptedPackage {
  return scriptedPackage({
    name: 'TOKENS',
    attributes: ['SIZES', 'NAMES', 'LIFESPAN', 'SESSION_KEY', 'CREDS'],
    async *initiate(scope, first) {
      if (first.length > 0) throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'toy' });
      expect(yield { token: ascii('hello') }, 'welcome');
      scope.publish('SIZES', () => TOKEN_SIZES);
      return { token: ascii('proof'), flags: 0x10010, messages: tokenProtection() };
    },
    async *accept(scope, first) {
      expect(first, 'hello');
      scope.publish('NAMES', () => ({ userName: 'TOYS\\somebody' }));
      expect(yield { token: ascii('welcome') }, 'proof');
      scope.publish('SIZES', () => TOKEN_SIZES);
      return { flags: 0x20010, messages: tokenProtection() };
    },
    ...overrides,
  });
}

/** Sent by the toys when they refuse. */
function expect(token: Uint8Array, text: string): void {
  if (textOf(token) !== text) throw new SspiError('LOGON_DENIED', { stage: 'toy', token: ascii('no') });
}

/** The trailer of the toy is 16 octets, its signature 12. */
export const TOKEN_SIZES = { maxToken: 64, maxSignature: 12, blockSize: 1, securityTrailer: 16 };

/**
 * Encryption flips every bit. The header is `HEADER..........` with the number of the message at its end, the signature
 * `SIGNED` with the sum of the octets in six digits.
 */
export function tokenProtection(overrides: Partial<TokenProtection> = {}): TokenProtection {
  let sealed = 0;
  let unsealed = 0;
  const header = (number: number): Uint8Array => ascii(`HEADER${String(number).padStart(10, '.')}`);
  const flip = (data: Uint8Array): void => {
    data.forEach((octet, at) => {
      data[at] = octet ^ 0xff;
    });
  };
  const signature = (message: Uint8Array): Uint8Array =>
    ascii(`SIGNED${String(message.reduce((sum, octet) => sum + octet, 0)).padStart(6, '0')}`);
  const protection: TokenProtection = {
    kind: 'token',
    sizes: TOKEN_SIZES,
    confidentiality: true,
    integrity: true,
    seal(data) {
      flip(data);
      return header(sealed++);
    },
    unseal(token, data) {
      if (token.length < 16) throw new SspiError('MALFORMED_TOKEN', { stage: 'toy' });
      if (textOf(token) !== textOf(header(unsealed))) {
        data.fill(0);
        throw new SspiError('MESSAGE_OUT_OF_ORDER', { stage: 'toy' });
      }
      unsealed += 1;
      flip(data);
    },
    wrap(message) {
      const data = message.slice();
      const token = protection.seal(data);
      return Uint8Array.from([...token, ...data]);
    },
    unwrap(token) {
      const data = token.slice(16);
      protection.unseal(token.subarray(0, 16), data);
      return data;
    },
    sign: signature,
    verify(message, given) {
      if (textOf(given) !== textOf(signature(message))) throw new SspiError('MESSAGE_ALTERED', { stage: 'toy' });
    },
    restart: () => undefined,
    ...overrides,
  };
  return protection;
}

/** A record of the toy: type, 3, 3, length in two octets, content. */
export function record(type: number, content: Uint8Array): Uint8Array {
  return Uint8Array.from([type, 3, 3, content.length >> 8, content.length & 0xff, ...content]);
}

/** One record after another: all whole ones belong to the frame. */
export function frameToyRecords(input: Uint8Array): Frame {
  let whole = 0;
  while (input.length - whole >= 5) {
    const length = 5 + ((input[whole + 3] ?? 0) << 8) + (input[whole + 4] ?? 0);
    if (input[whole] !== 22 && input[whole] !== 23) throw new SspiError('NOT_TLS', { stage: 'toy' });
    if (input.length - whole < length) return whole > 0 ? { whole } : { missing: length - (input.length - whole) };
    whole += length;
  }
  return whole > 0 ? { whole } : { missing: 5 - input.length };
}

export const STREAM_SIZES = { header: 5, trailer: 4, maximumMessage: 32, buffers: 4, blockSize: 1 };

/**
 * Handshake records of type 22: `hello`, `server`, `finished`. The acceptor uses one record per step, so that the rest comes
 * back as EXTRA.
 */
export function recordPackage(overrides: Partial<Script> = {}): ScriptedPackage {
  return scriptedPackage({
    name: 'RECORDS',
    capabilities: SECPKG_FLAG.STREAM | SECPKG_FLAG.CONNECTION | SECPKG_FLAG.INTEGRITY | SECPKG_FLAG.PRIVACY,
    frame: frameToyRecords,
    attributes: ['STREAM_SIZES', 'REMOTE_CERT_CONTEXT', 'CREDS', 'CREDS_2'],
    async *initiate(scope, first) {
      if (first.length > 0) throw new SspiError('INTERNAL_ERROR', { stage: 'toy saw the HelloRequest' });
      const { used, extra } = oneRecord(yield { token: record(22, ascii('hello')) });
      expect(used.subarray(5), 'server');
      scope.publish('STREAM_SIZES', () => STREAM_SIZES);
      return { token: record(22, ascii('finished')), extra, flags: 0x1001c, messages: streamProtection() };
    },
    async *accept(scope, first) {
      let { used, extra } = oneRecord(first);
      expect(used.subarray(5), 'hello');
      scope.publish('STREAM_SIZES', () => STREAM_SIZES);
      ({ used, extra } = oneRecord(yield { token: record(22, ascii('server')), extra }));
      expect(used.subarray(5), 'finished');
      return { extra, flags: 0x2001c, messages: streamProtection() };
    },
    ...overrides,
  });
}

function oneRecord(input: Uint8Array): { used: Uint8Array; extra: number } {
  const length = 5 + ((input[3] ?? 0) << 8) + (input[4] ?? 0);
  return { used: input.subarray(0, length), extra: input.length - length };
}

/** Records of type 23: the data with every bit flipped, and behind it `tail`. Type 21 is close_notify. */
export function streamProtection(overrides: Partial<StreamProtection> = {}): StreamProtection {
  return {
    kind: 'stream',
    sizes: { maxToken: 64, maxSignature: 0, blockSize: 1, securityTrailer: 9 },
    streamSizes: STREAM_SIZES,
    async encrypt(plaintext) {
      return record(23, Uint8Array.from([...plaintext.map((octet) => octet ^ 0xff), ...ascii('tail')]));
    },
    async decrypt(input): Promise<DecryptedRecord> {
      if (input.length < 5) return { kind: 'incomplete', missing: 5 - input.length };
      const consumed = 5 + ((input[3] ?? 0) << 8) + (input[4] ?? 0);
      if (input.length < consumed) return { kind: 'incomplete', missing: consumed - input.length };
      if (input[0] === 21) return { kind: 'closed', consumed };
      if (textOf(input.subarray(consumed - 4, consumed)) !== 'tail')
        throw new SspiError('MESSAGE_ALTERED', { stage: 'toy' });
      return { kind: 'data', plaintext: input.slice(5, consumed - 4).map((octet) => octet ^ 0xff), consumed };
    },
    close: async () => record(21, Uint8Array.of(1, 0)),
    ...overrides,
  };
}

/** For a client's credential. */
export const OUTBOUND = { credentialUse: SECPKG_CRED.OUTBOUND };
