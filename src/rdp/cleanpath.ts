/**
 * RDCleanPath, the way of a browser to an RDP server: a gateway opens the connection, has TLS with the server, and shows the
 * server's certificate, so that the client at the other end of a WebSocket can bind to it (contract F12). DER with EXPLICIT tags.
 * Written down in the source of Devolutions' IronRDP (`ironrdp-rdcleanpath`), and spoken by its gateways.
 * @module
 */
import {
  DerError,
  decode,
  encode,
  field,
  frameDer,
  integer,
  integerBetween,
  octetString,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
  utf8String,
} from '../der/index.ts';
import { type Frame, SspiError, type SspiErrorCode } from '../sspi/index.ts';

/** The one version that there is: 3389 and 1. */
export const RDCLEANPATH_VERSION = 3390;

/** Values of `errorCode`. */
export const RDCLEANPATH_ERROR = {
  GENERAL: 1,
  /** The server refused; its X.224 Connection Confirm is there. */
  NEGOTIATION: 2,
} as const;

const uint16 = integerBetween(0, 0xffff);
/** Longer chains than this exist only to be stumbled over. */
const MAX_CERTIFICATES = 16;

const RdCleanPathErr = sequence({
  errorCode: field(0, uint16),
  httpStatusCode: optional(1, uint16),
  wsaLastError: optional(2, uint16),
  tlsAlertCode: optional(3, integerBetween(0, 0xff)),
});

const RdCleanPathPdu = sequence({
  version: field(0, integer),
  error: optional(1, RdCleanPathErr),
  destination: optional(2, utf8String),
  proxyAuth: optional(3, utf8String),
  serverAuth: optional(4, utf8String),
  preconnectionBlob: optional(5, utf8String),
  x224ConnectionPdu: optional(6, octetString),
  serverCertChain: optional(7, sequenceOf(octetString, { min: 1, max: MAX_CERTIFICATES })),
  serverAddr: optional(9, utf8String),
});
type RdCleanPathPdu = TypeOf<typeof RdCleanPathPdu>;

/** What a client asks for. */
export interface RdCleanPathRequest {
  readonly kind: 'request';
  /** `host:port`, as the gateway is to reach it. */
  readonly destination: string;
  /** What the gateway knows the client by: a token. A secret. */
  readonly proxyAuth: string;
  /** For a server that would know what to do with it. */
  readonly serverAuth?: string | undefined;
  /** What goes before the first octet of RDP ([MS-RDPEPS]), for example the id of a virtual machine. */
  readonly preconnectionBlob?: string | undefined;
  /** X.224 Connection Request; absent where the server begins with TLS, as Hyper-V does. */
  readonly x224ConnectionPdu?: Uint8Array | undefined;
}

/** What a gateway answers once it has TLS with the server. */
export interface RdCleanPathResponse {
  readonly kind: 'response';
  /** X.224 Connection Confirm; absent where none was asked for. */
  readonly x224ConnectionPdu?: Uint8Array | undefined;
  /** DER, the server's own first. */
  readonly serverCertificates: readonly Uint8Array[];
  /** The address behind `destination`. */
  readonly serverAddress: string;
}

/** What it answers otherwise. */
export interface RdCleanPathError {
  readonly kind: 'error';
  /** One of {@link RDCLEANPATH_ERROR}. */
  readonly errorCode: number;
  readonly httpStatusCode?: number | undefined;
  /** Of Winsock: 10061 is a connection refused. */
  readonly wsaLastError?: number | undefined;
  readonly tlsAlertCode?: number | undefined;
  /** X.224 Connection Confirm with the server's refusal. */
  readonly x224ConnectionPdu?: Uint8Array | undefined;
}

/** A message of RDCleanPath. */
export type RdCleanPath = RdCleanPathRequest | RdCleanPathResponse | RdCleanPathError;

/** Octets: a chain of certificates with large keys, and a token. */
export const MAX_RDCLEANPATH = 131_072;
const STAGE = 'RDCleanPath';

/** Finds one whole message at the start of `octets`. @throws SspiError MALFORMED_TOKEN, TOKEN_TOO_LARGE */
export function frameRdCleanPath(octets: Uint8Array): Frame {
  if (octets.length > 0 && octets[0] !== 0x30) throw malformed('it does not begin with a SEQUENCE');
  return translated(() => frameDer(octets, { maxLength: MAX_RDCLEANPATH }));
}

/**
 * Reads a whole message, strictly: each is of one kind, with the fields of this kind and no others.
 * @throws SspiError MALFORMED_TOKEN
 */
export function decodeRdCleanPath(octets: Uint8Array): RdCleanPath {
  const pdu = translated(() => decode(RdCleanPathPdu, octets));
  if (pdu.version !== RDCLEANPATH_VERSION) throw malformed(`version ${pdu.version}, not ${RDCLEANPATH_VERSION}`);
  if (pdu.destination !== undefined) return requestOf(pdu, pdu.destination);
  if (pdu.serverAddr !== undefined) return responseOf(pdu, pdu.serverAddr);
  return errorOf(pdu);
}

/** A message as octets. @throws SspiError INVALID_PARAMETER when a field does not fit */
export function encodeRdCleanPath(message: RdCleanPath): Uint8Array {
  return translated(
    () => encode(RdCleanPathPdu, { version: RDCLEANPATH_VERSION, ...fieldsOf(message) }),
    'INVALID_PARAMETER',
  );
}

function fieldsOf(message: RdCleanPath): Omit<RdCleanPathPdu, 'version'> {
  switch (message.kind) {
    case 'request': {
      const { kind: _, ...fields } = message;
      return fields;
    }
    case 'response': {
      const { x224ConnectionPdu, serverCertificates: serverCertChain, serverAddress: serverAddr } = message;
      return { x224ConnectionPdu, serverCertChain, serverAddr };
    }
    case 'error': {
      const { kind: _, x224ConnectionPdu, ...error } = message;
      return { error, x224ConnectionPdu };
    }
  }
}

function requestOf(pdu: RdCleanPathPdu, destination: string): RdCleanPathRequest {
  const { proxyAuth, serverAuth, preconnectionBlob, x224ConnectionPdu } = pdu;
  assertAbsent('a request', { error: pdu.error, chain: pdu.serverCertChain, address: pdu.serverAddr });
  if (proxyAuth === undefined) throw malformed('a request without proxy_auth');
  if (x224ConnectionPdu === undefined && preconnectionBlob === undefined)
    throw malformed('a request for nothing: neither an X.224 PDU nor a preconnection blob');
  return { kind: 'request', destination, proxyAuth, serverAuth, preconnectionBlob, x224ConnectionPdu };
}

function responseOf(pdu: RdCleanPathPdu, serverAddress: string): RdCleanPathResponse {
  const { serverCertChain, x224ConnectionPdu } = pdu;
  assertAbsent('a response', { error: pdu.error, ...requestFields(pdu) });
  if (serverCertChain === undefined) throw malformed('a response without a certificate');
  return { kind: 'response', x224ConnectionPdu, serverCertificates: serverCertChain, serverAddress };
}

function errorOf(pdu: RdCleanPathPdu): RdCleanPathError {
  const { error, x224ConnectionPdu } = pdu;
  if (error === undefined) throw malformed('neither request nor response nor error');
  assertAbsent('an error', { chain: pdu.serverCertChain, ...requestFields(pdu) });
  return { kind: 'error', ...error, x224ConnectionPdu };
}

function requestFields({ proxyAuth, serverAuth, preconnectionBlob }: RdCleanPathPdu): Record<string, unknown> {
  return { proxyAuth, serverAuth, preconnectionBlob };
}

/** A field that belongs to another kind of message: somebody reads this one otherwise than we do. */
function assertAbsent(kind: string, fields: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(fields))
    if (value !== undefined) throw malformed(`${kind} with the field ${name}`);
}

function translated<T>(work: () => T, otherwise: SspiErrorCode = 'MALFORMED_TOKEN'): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    const code = error.kind === 'limit' ? 'TOKEN_TOO_LARGE' : otherwise;
    throw new SspiError(code, { stage: STAGE, detail: error.message, cause: error });
  }
}

function malformed(detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail });
}
