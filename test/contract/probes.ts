/**
 * What each function that takes a context has to answer for each package in each state, written down from the documents, and what
 * shows that a SEC_E_OK is none in name only.
 */
import { expect } from 'vitest';
import { type CtxtHandle, shutdownToken } from '../../src/api/index.ts';
import {
  contentOf,
  ISC_REQ,
  SECBUFFER,
  SECPKG_ATTR,
  type SecBuffer,
  type SecurityStatus,
  secBuffer,
  statusName,
} from '../../src/index.ts';
import { desc, named, present } from '../api/door.ts';
import { ascii, textOf } from '../api/toys.ts';
import { type AnyPackage, isStream, REQUESTED, type There, targetOf } from './situations.ts';
import { opening, sealed } from './support.ts';

const KEY = Uint8Array.from({ length: 32 }, (_, at) => 5 * at + 3);
const OK = 'SEC_E_OK';
const HANDLE = 'SEC_E_INVALID_HANDLE';
const UNSUPPORTED = 'SEC_E_UNSUPPORTED_FUNCTION';

/** Packages whose contexts move (L6). */
export const MOVING: readonly string[] = ['NTLM', 'Kerberos', 'Negotiate'];

/** What a call came to, and how its effect shows if that was SEC_E_OK. */
export interface Called {
  readonly status: SecurityStatus;
  readonly shows?: () => Promise<void>;
}

export interface Probe {
  /** By what the documents say. Handles that are none, of others, and deleted ones are dealt with before. */
  readonly expected: (name: AnyPackage, side: string, stage: string) => string;
  readonly call: (there: There) => Promise<Called>;
}

const sizesOf = async ({ sspi, context }: There) => {
  const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.SIZES });
  return value ?? { maxSignature: 64, securityTrailer: 64 };
};

/** What a message is in buffers of its package: TOKEN and DATA, or one TLS record in four pieces. */
async function messageOf(there: There, text: string, signature = false): Promise<SecBuffer[]> {
  const { maxSignature, securityTrailer } = await sizesOf(there);
  const data = secBuffer(SECBUFFER.DATA, ascii(text));
  if (!isStream(there.name))
    return [secBuffer(SECBUFFER.TOKEN, new Uint8Array(signature ? maxSignature : securityTrailer)), data];
  return [
    secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(40)),
    data,
    secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(80)),
    secBuffer(SECBUFFER.EMPTY),
  ];
}

/** Seals with the one what is opened with the other. */
async function opens({ sspi, name }: There, context: CtxtHandle, buffers: readonly SecBuffer[]): Promise<string> {
  const octets = Uint8Array.from(buffers.slice(0, 3).flatMap((buffer) => [...contentOf(buffer)]));
  const message = isStream(name) ? opening(octets) : buffers;
  const { status } = await sspi.decryptMessage({ context, message: desc(...message) });
  return status === 0 ? textOf(contentOf(present(message[1]))) : statusName(status);
}

/** A sealed message of the other side; octets that could be one where there is no other side. */
async function fromPeer(there: There): Promise<SecBuffer[]> {
  const { sspi, name, peer } = there;
  if (peer === undefined || there.state.endsWith('deleted')) return messageOf(there, 'nobody’s');
  if (isStream(name)) return opening(await sealed(sspi, peer, ascii('of the peer')));
  const buffers = await messageOf({ ...there, context: peer }, 'of the peer');
  expect(named(await sspi.encryptMessage({ context: peer, message: desc(...buffers) }))).toBe(OK);
  return buffers;
}

const notYet = (stage: string): boolean => stage === 'half-open' || stage === 'failed';

/** Functions that take a context, as the table has them. */
export const ON_CONTEXTS = {
  initializeSecurityContext: {
    expected: (name, side, stage) => {
      if (side === 'server') return HANDLE;
      if (stage !== 'established') return 'SEC_E_INVALID_TOKEN'; // no TOKEN; or what it failed with
      return name === 'CREDSSP' ? 'SEC_I_CONTINUE_NEEDED' : 'SEC_E_OUT_OF_SEQUENCE'; // R72
    },
    call: async ({ sspi, context, name }) => {
      const output = secBuffer(SECBUFFER.TOKEN);
      const result = await sspi.initializeSecurityContext({
        context,
        contextReq: REQUESTED | ISC_REQ.ALLOCATE_MEMORY,
        output: desc(output),
        targetName: targetOf(name),
      });
      expect(output.count > 0).toBe(named(result) === 'SEC_I_CONTINUE_NEEDED');
      return result;
    },
  },
  acceptSecurityContext: {
    expected: (_, side, stage) => {
      if (side === 'client') return HANDLE;
      return stage === 'established' ? 'SEC_E_OUT_OF_SEQUENCE' : 'SEC_E_INVALID_TOKEN';
    },
    call: async ({ sspi, context }) => {
      const output = secBuffer(SECBUFFER.TOKEN);
      const result = await sspi.acceptSecurityContext({ context, contextReq: 0x100, output: desc(output) });
      expect(output.count).toBe(0);
      return result;
    },
  },
  completeAuthToken: {
    expected: () => UNSUPPORTED,
    call: ({ sspi, context }) => sspi.completeAuthToken({ context, token: desc() }),
  },
  deleteSecurityContext: {
    expected: () => OK,
    call: async ({ sspi, context }) => ({
      ...(await sspi.deleteSecurityContext({ context })),
      async shows() {
        const after = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.PACKAGE_INFO });
        expect([named(after), after.value]).toEqual([HANDLE, null]);
      },
    }),
  },
  applyControlToken: {
    expected: (name, _, stage) => (notYet(stage) ? HANDLE : isStream(name) ? OK : UNSUPPORTED),
    call: async (there) => {
      const { sspi, context, peer, state } = there;
      const input = desc(secBuffer(SECBUFFER.TOKEN, shutdownToken()));
      return {
        ...(await sspi.applyControlToken({ context, input })),
        async shows() {
          const goodbye = secBuffer(SECBUFFER.TOKEN);
          const call = state.startsWith('client') ? sspi.initializeSecurityContext : sspi.acceptSecurityContext;
          expect(named(await call({ context, contextReq: 0x100, output: desc(goodbye) }))).toBe(OK);
          const message = desc(...opening(contentOf(goodbye)));
          const heard = await sspi.decryptMessage({ context: present(peer), message });
          expect(named(heard)).toBe('SEC_I_CONTEXT_EXPIRED');
        },
      };
    },
  },
  queryContextAttributes: {
    expected: (_, __, stage) => (notYet(stage) ? HANDLE : OK),
    call: async ({ sspi, context }) => {
      const { status, value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.SIZES });
      expect(value === null).toBe(status !== 0);
      return { status, shows: async () => expect(value?.maxToken).toBeGreaterThan(2000) };
    },
  },
  queryContextAttributesEx: {
    expected: (_, __, stage) => (notYet(stage) ? HANDLE : OK),
    call: async ({ sspi, context }) => {
      const query = { context, attribute: SECPKG_ATTR.SIZES };
      const { status, value } = await sspi.queryContextAttributesEx({ ...query, size: 16 });
      expect(value === null).toBe(status !== 0);
      return {
        status,
        shows: async () => expect(value).toEqual((await sspi.queryContextAttributes(query)).value),
      };
    },
  },
  setContextAttributes: {
    expected: (name, _, stage) => (stage === 'failed' ? HANDLE : isStream(name) ? OK : UNSUPPORTED),
    call: async ({ sspi, context, state }) => {
      const attribute = SECPKG_ATTR.APP_DATA;
      const value = { appData: ascii('kept') };
      return {
        ...(await sspi.setContextAttributes({ context, attribute, value })),
        async shows() {
          if (state.endsWith('half-open')) return; // to be read when it is established: see below
          const { value: read } = await sspi.queryContextAttributes({ context, attribute });
          expect(textOf(present(read).appData)).toBe('kept');
        },
      };
    },
  },
  impersonateSecurityContext: {
    expected: (name, side, stage) => (notYet(stage) ? HANDLE : whoIs(name, side)),
    call: async ({ sspi, context, name }) => {
      const seen: (string | undefined)[] = [];
      const note = (): void => void seen.push(sspi.impersonatedIdentity()?.user);
      async function run(): Promise<void> {
        note();
        expect(named(await sspi.revertSecurityContext({ context }))).toBe(OK);
        note();
      }
      const { status } = await sspi.impersonateSecurityContext({ context, run });
      expect(seen).toHaveLength(status === 0 ? 2 : 0);
      return { status, shows: async () => expect([name, seen]).toEqual([name, ['alice', undefined]]) };
    },
  },
  revertSecurityContext: {
    expected: () => 'SEC_E_NO_IMPERSONATION', // nobody is being impersonated
    call: ({ sspi, context }) => sspi.revertSecurityContext({ context }),
  },
  querySecurityContextToken: {
    expected: (name, side, stage) => (notYet(stage) ? HANDLE : whoIs(name, side)),
    call: async ({ sspi, context }) => {
      const { status, token } = await sspi.querySecurityContextToken({ context });
      expect(token === null).toBe(status !== 0);
      return { status, shows: async () => expect(token).toMatchObject({ user: 'alice', anonymous: false }) };
    },
  },
  exportSecurityContext: {
    expected: (name, _, stage) => (notYet(stage) ? HANDLE : MOVING.includes(name) ? OK : UNSUPPORTED),
    call: async (there) => {
      const { sspi, context, peer, name } = there;
      const { status, packedContext } = await sspi.exportSecurityContext({ context, key: KEY });
      expect(packedContext === null).toBe(status !== 0);
      return {
        status,
        async shows() {
          const packed = { package: name, packedContext: present(packedContext), key: KEY };
          const imported = await sspi.importSecurityContext(packed);
          const moved = { ...there, context: present(imported.context, imported.status) };
          const buffers = await messageOf(moved, 'from elsewhere');
          expect(named(await sspi.encryptMessage({ context: moved.context, message: desc(...buffers) }))).toBe(OK);
          expect(await opens(there, present(peer), buffers)).toBe('from elsewhere');
          const old = await sspi.encryptMessage({ context, message: desc(...(await messageOf(moved, 'x'))) });
          expect(named(old)).toBe('SEC_E_CONTEXT_EXPIRED');
        },
      };
    },
  },
  encryptMessage: {
    expected: (_, __, stage) => (notYet(stage) ? HANDLE : OK),
    call: async (there) => {
      const { sspi, context, peer } = there;
      const buffers = await messageOf(there, 'for the peer');
      const { status } = await sspi.encryptMessage({ context, message: desc(...buffers) });
      expect(textOf(contentOf(present(buffers[1]))) === 'for the peer').toBe(status !== 0);
      return { status, shows: async () => expect(await opens(there, present(peer), buffers)).toBe('for the peer') };
    },
  },
  decryptMessage: {
    expected: (_, __, stage) => (notYet(stage) ? HANDLE : OK),
    call: async (there) => {
      const { sspi, context } = there;
      const buffers = await fromPeer(there);
      const { status } = await sspi.decryptMessage({ context, message: desc(...buffers) });
      return {
        status,
        async shows() {
          expect(textOf(contentOf(present(buffers[1])))).toBe('of the peer');
          // And what no peer has sealed is never opened.
          const forgery = isStream(there.name)
            ? opening(Uint8Array.from([23, 3, 3, 0, 32, ...new Uint8Array(32)]))
            : await messageOf(there, 'nobody’s');
          const refused = await sspi.decryptMessage({ context, message: desc(...forgery) });
          expect(refused.status).toBeGreaterThan(0x80000000);
        },
      };
    },
  },
  makeSignature: {
    expected: (name, _, stage) => (notYet(stage) ? HANDLE : isStream(name) ? UNSUPPORTED : OK),
    call: async (there) => {
      const { sspi, context, peer } = there;
      const buffers = await messageOf(there, 'signed', true);
      const { status } = await sspi.makeSignature({ context, message: desc(...buffers) });
      return {
        status,
        async shows() {
          expect(textOf(contentOf(present(buffers[1])))).toBe('signed');
          const verified = await sspi.verifySignature({ context: present(peer), message: desc(...buffers) });
          expect(named(verified)).toBe(OK);
        },
      };
    },
  },
  verifySignature: {
    expected: (name, _, stage) => (notYet(stage) ? HANDLE : isStream(name) ? UNSUPPORTED : 'SEC_E_MESSAGE_ALTERED'),
    // A signature of the other side, over something else.
    call: async (there) => {
      const { sspi, context, peer, state } = there;
      const buffers = await messageOf(there, 'signed', true);
      if (peer !== undefined && state.endsWith('established'))
        await sspi.makeSignature({ context: peer, message: desc(...buffers) });
      present(buffers[1]).buffer?.set(ascii('s1gned'));
      return sspi.verifySignature({ context, message: desc(...buffers) });
    },
  },
} satisfies Readonly<Record<string, Probe>>;

/** The identity of a client: servers have it whose package knows one. */
function whoIs(name: AnyPackage, side: string): string {
  return side === 'server' && name !== 'Schannel' ? OK : UNSUPPORTED;
}

export function expectedOf(probe: Probe, { name, state }: There, functionName: string): string {
  const [side = '', stage] = state.split(', ');
  if (stage === undefined) {
    // NULL is no handle that is not valid: it asks for a new context, and there is no credential to make one of.
    const first = state === 'nothing' && /^(initialize|accept)/.test(functionName);
    return first ? 'SEC_E_NO_CREDENTIALS' : HANDLE;
  }
  if (stage === 'deleted') return functionName === 'deleteSecurityContext' ? OK : HANDLE; // L1
  return probe.expected(name, side, stage);
}
