/**
 * The first two PDUs of an RDP connection: X.224 Connection Request and Confirm in TPKT, with the negotiation of the security
 * protocol in them ([MS-RDPBCGR] 2.2.1.1 and 2.2.1.2; contract F1-F4). Octets in, values out; no I/O.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-rdpbcgr/18a27ef9-6f9a-4501-b000-94b1fe3c2c10
 * @module
 */
import { type Frame, SspiError } from '../sspi/index.ts';

/** Bits of requestedProtocols and the value of selectedProtocol. */
export const RDP_PROTOCOL = { RDP: 0x0, SSL: 0x1, HYBRID: 0x2, RDSTLS: 0x4, HYBRID_EX: 0x8, RDSAAD: 0x10 } as const;

/** Bits of `RDP_NEG_REQ.flags`. */
export const RDP_NEG_REQ_FLAG = {
  RESTRICTED_ADMIN_MODE_REQUIRED: 0x01,
  REDIRECTED_AUTHENTICATION_MODE_REQUIRED: 0x02,
  CORRELATION_INFO_PRESENT: 0x08,
} as const;

/** Bits of `RDP_NEG_RSP.flags`. */
export const RDP_NEG_RSP_FLAG = {
  EXTENDED_CLIENT_DATA_SUPPORTED: 0x01,
  DYNVC_GFX_PROTOCOL_SUPPORTED: 0x02,
  RESERVED: 0x04,
  RESTRICTED_ADMIN_MODE_SUPPORTED: 0x08,
  REDIRECTED_AUTHENTICATION_MODE_SUPPORTED: 0x10,
} as const;

/** Values of `RDP_NEG_FAILURE.failureCode`. */
export const RDP_NEG_FAILURE_CODE = {
  SSL_REQUIRED_BY_SERVER: 1,
  SSL_NOT_ALLOWED_BY_SERVER: 2,
  SSL_CERT_NOT_ON_SERVER: 3,
  INCONSISTENT_FLAGS: 4,
  HYBRID_REQUIRED_BY_SERVER: 5,
  SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER: 6,
} as const;

/** What the client asks for. */
export interface ConnectionRequest {
  /** The user name of `Cookie: mstshash=NAME`, for load balancers; at most nine characters reach the wire from Windows. */
  readonly cookie?: string | undefined;
  /** The line that a redirecting server gave, without its CR LF; instead of a cookie. */
  readonly routingToken?: Uint8Array | undefined;
  /** Absent: a client from before the negotiation, which knows only standard RDP security. */
  readonly negotiation?: NegotiationRequest | undefined;
}

/** `RDP_NEG_REQ`, and `RDP_NEG_CORRELATION_INFO` behind it. */
export interface NegotiationRequest {
  /** Bits of {@link RDP_NEG_REQ_FLAG}, without CORRELATION_INFO_PRESENT, which `correlationId` stands for. */
  readonly flags: number;
  /** Bits of {@link RDP_PROTOCOL}. */
  readonly requestedProtocols: number;
  /** 16 octets that name the connection in logs. */
  readonly correlationId?: Uint8Array | undefined;
}

/** What the server answers. */
export type ConnectionConfirm =
  /** `RDP_NEG_RSP`: `selectedProtocol` is one of {@link RDP_PROTOCOL}, `flags` are bits of {@link RDP_NEG_RSP_FLAG}. */
  | { readonly kind: 'selected'; readonly selectedProtocol: number; readonly flags: number }
  /** `RDP_NEG_FAILURE`: `failureCode` is one of {@link RDP_NEG_FAILURE_CODE}. */
  | { readonly kind: 'failure'; readonly failureCode: number }
  /** A server from before the negotiation: standard RDP security only. */
  | { readonly kind: 'none' };

const TPKT_VERSION = 3;
const TPKT_HEADER = 4;
/** LI, code, DST-REF, SRC-REF, class: the fixed part of a Connection Request or Confirm. */
const X224_FIXED = 7;
const CONNECTION_REQUEST = 0xe0;
const CONNECTION_CONFIRM = 0xd0;
const TYPE_NEG_REQ = 0x01;
const TYPE_NEG_RSP = 0x02;
const TYPE_NEG_FAILURE = 0x03;
const TYPE_CORRELATION_INFO = 0x06;
const NEGOTIATION_LENGTH = 8;
const CORRELATION_LENGTH = 36;
const CORRELATION_ID_LENGTH = 16;
/** The length indicator is one octet and 255 is reserved (X.224 13.2.1), so no such PDU is longer. */
const MAX_PDU = TPKT_HEADER + 1 + 254;
const CR = 0x0d;
const LF = 0x0a;
const COOKIE_PREFIX = 'Cookie: mstshash=';

/**
 * Finds one whole Connection Request or Confirm at the start of `octets`.
 * @throws SspiError MALFORMED_TOKEN as soon as the header shows that no such PDU begins here
 */
export function frameConnectionPdu(octets: Uint8Array): Frame {
  const stage = 'TPKT header';
  const [version, reserved, high, low] = octets;
  if (version !== undefined && version !== TPKT_VERSION) throw malformed(stage, `version ${version}, not 3`);
  if (reserved === undefined || high === undefined || low === undefined)
    return { missing: TPKT_HEADER - octets.length };
  const length = (high << 8) | low;
  if (length < TPKT_HEADER + X224_FIXED || length > MAX_PDU) throw malformed(stage, `length ${length}`);
  return octets.length < length ? { missing: length - octets.length } : { whole: length };
}

/**
 * A Connection Request as octets.
 * @throws SspiError INVALID_PARAMETER when cookie or routing token do not fit or would end early
 * @example
 * encodeConnectionRequest({ cookie: 'alice', negotiation: { flags: 0, requestedProtocols: RDP_PROTOCOL.HYBRID } });
 */
export function encodeConnectionRequest(request: ConnectionRequest): Uint8Array {
  const { negotiation } = request;
  const line = routingLine(request);
  if (negotiation === undefined) return connectionPdu(CONNECTION_REQUEST, line);
  const { flags, requestedProtocols, correlationId } = negotiation;
  const correlated = correlationId === undefined ? 0 : RDP_NEG_REQ_FLAG.CORRELATION_INFO_PRESENT;
  return connectionPdu(
    CONNECTION_REQUEST,
    line,
    negotiationStructure(TYPE_NEG_REQ, flags | correlated, requestedProtocols),
    correlationId === undefined ? EMPTY : correlationInfo(correlationId),
  );
}

/**
 * Reads a whole Connection Request.
 * @throws SspiError MALFORMED_TOKEN
 */
export function decodeConnectionRequest(pdu: Uint8Array): ConnectionRequest {
  const stage = 'X.224 Connection Request';
  let rest = variablePart(pdu, CONNECTION_REQUEST, stage);
  let routing: { cookie?: string; routingToken?: Uint8Array } = {};
  // A request is told from a routing line by its type; no line begins with 0x01.
  if (rest.length > 0 && rest[0] !== TYPE_NEG_REQ) {
    const end = rest.findIndex((octet, at) => octet === CR && rest[at + 1] === LF);
    if (end < 0) throw malformed(stage, 'the cookie or routing token has no end');
    routing = readRoutingLine(rest.subarray(0, end));
    rest = rest.subarray(end + 2);
  }
  return rest.length === 0 ? routing : { ...routing, negotiation: readNegotiationRequest(rest) };
}

function readNegotiationRequest(octets: Uint8Array): NegotiationRequest {
  const stage = 'RDP_NEG_REQ';
  const { flags: wireFlags, value: requestedProtocols } = readStructure(octets, TYPE_NEG_REQ, stage);
  const flags = wireFlags & ~RDP_NEG_REQ_FLAG.CORRELATION_INFO_PRESENT;
  const rest = octets.subarray(NEGOTIATION_LENGTH);
  if (flags === wireFlags) {
    if (rest.length > 0) throw malformed(stage, `${rest.length} octets behind it`);
    return { flags, requestedProtocols };
  }
  if (
    rest.length !== CORRELATION_LENGTH ||
    rest[0] !== TYPE_CORRELATION_INFO ||
    rest[2] !== CORRELATION_LENGTH ||
    rest[3] !== 0
  )
    throw malformed(stage, 'the correlation info is not whole');
  return { flags, requestedProtocols, correlationId: rest.slice(4, 4 + CORRELATION_ID_LENGTH) };
}

/** A Connection Confirm as octets. */
export function encodeConnectionConfirm(confirm: ConnectionConfirm): Uint8Array {
  switch (confirm.kind) {
    case 'selected':
      return connectionPdu(
        CONNECTION_CONFIRM,
        negotiationStructure(TYPE_NEG_RSP, confirm.flags, confirm.selectedProtocol),
      );
    case 'failure':
      return connectionPdu(CONNECTION_CONFIRM, negotiationStructure(TYPE_NEG_FAILURE, 0, confirm.failureCode));
    case 'none':
      return connectionPdu(CONNECTION_CONFIRM);
  }
}

/**
 * Reads a whole Connection Confirm.
 * @throws SspiError MALFORMED_TOKEN
 */
export function decodeConnectionConfirm(pdu: Uint8Array): ConnectionConfirm {
  const stage = 'X.224 Connection Confirm';
  const rest = variablePart(pdu, CONNECTION_CONFIRM, stage);
  if (rest.length === 0) return { kind: 'none' };
  if (rest.length !== NEGOTIATION_LENGTH) throw malformed(stage, `${rest.length} octets of negotiation data, not 8`);
  if (rest[0] === TYPE_NEG_FAILURE)
    return { kind: 'failure', failureCode: readStructure(rest, TYPE_NEG_FAILURE, 'RDP_NEG_FAILURE').value };
  const { flags, value } = readStructure(rest, TYPE_NEG_RSP, 'RDP_NEG_RSP');
  return { kind: 'selected', selectedProtocol: value, flags };
}

/** Names for people of the protocols set in a mask. */
export function protocolNames(mask: number): string {
  const names = Object.entries(RDP_PROTOCOL).filter(([, bit]) => bit !== 0 && (mask & bit) !== 0);
  return names.length === 0 ? 'RDP' : names.map(([name]) => name).join('|');
}

/** The SDK's name of a failure code. */
export function failureName(code: number): string {
  const found = Object.entries(RDP_NEG_FAILURE_CODE).find(([, value]) => value === code);
  return found?.[0] ?? `code ${code}`;
}

const EMPTY = new Uint8Array(0);

function connectionPdu(code: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const variable = parts.reduce((sum, part) => sum + part.length, 0);
  const length = TPKT_HEADER + X224_FIXED + variable;
  if (length > MAX_PDU)
    throw new SspiError('INVALID_PARAMETER', { stage: 'X.224', detail: 'cookie or routing token too long' });
  const pdu = new Uint8Array(length);
  pdu.set([TPKT_VERSION, 0, length >>> 8, length & 0xff, length - TPKT_HEADER - 1, code]); // references and class are zero
  let at = TPKT_HEADER + X224_FIXED;
  for (const part of parts) {
    pdu.set(part, at);
    at += part.length;
  }
  return pdu;
}

function variablePart(pdu: Uint8Array, code: number, stage: string): Uint8Array {
  const found = frameConnectionPdu(pdu);
  if (!('whole' in found) || found.whole !== pdu.length)
    throw malformed(stage, 'the length is not that of the TPKT header');
  const [lengthIndicator, tpdu] = pdu.subarray(TPKT_HEADER);
  if (lengthIndicator !== pdu.length - TPKT_HEADER - 1) throw malformed(stage, `length indicator ${lengthIndicator}`);
  if (tpdu !== code) throw malformed(stage, `TPDU code ${tpdu}, not ${code}`);
  // The references are the peers' own business (Windows confirms with 0x1234); the class must be 0.
  if (pdu[TPKT_HEADER + X224_FIXED - 1] !== 0) throw malformed(stage, 'the class is not 0');
  return pdu.subarray(TPKT_HEADER + X224_FIXED);
}

function negotiationStructure(type: number, flags: number, value: number): Uint8Array {
  const octets = new Uint8Array(NEGOTIATION_LENGTH);
  octets.set([type, flags, NEGOTIATION_LENGTH, 0]);
  new DataView(octets.buffer).setUint32(4, value, true);
  return octets;
}

function readStructure(octets: Uint8Array, type: number, stage: string): { flags: number; value: number } {
  const [foundType, flags, low, high] = octets;
  if (octets.length < NEGOTIATION_LENGTH || flags === undefined) throw malformed(stage, 'it is cut short');
  if (foundType !== type) throw malformed(stage, `type ${foundType}`);
  if (low !== NEGOTIATION_LENGTH || high !== 0) throw malformed(stage, 'the length is not 8');
  return { flags, value: new DataView(octets.buffer, octets.byteOffset).getUint32(4, true) };
}

function correlationInfo(correlationId: Uint8Array): Uint8Array {
  if (correlationId.length !== CORRELATION_ID_LENGTH)
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'correlationId',
      detail: `${correlationId.length} octets, not 16`,
    });
  const octets = new Uint8Array(CORRELATION_LENGTH);
  octets.set([TYPE_CORRELATION_INFO, 0, CORRELATION_LENGTH, 0]);
  octets.set(correlationId, 4);
  return octets;
}

function routingLine(request: ConnectionRequest): Uint8Array {
  const { cookie, routingToken } = request;
  if (cookie === undefined && routingToken === undefined) return EMPTY;
  if (cookie !== undefined && routingToken !== undefined)
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'X.224',
      detail: 'a cookie and a routing token exclude each other',
    });
  const text = routingToken ?? new TextEncoder().encode(`${COOKIE_PREFIX}${cookie ?? ''}`);
  if (text.includes(CR) || text.includes(LF) || text[0] === TYPE_NEG_REQ || text.length === 0)
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'X.224',
      detail: 'cookie or routing token would not be read as one',
    });
  const line = new Uint8Array(text.length + 2);
  line.set(text);
  line.set([CR, LF], text.length);
  return line;
}

function readRoutingLine(line: Uint8Array): { cookie?: string; routingToken?: Uint8Array } {
  const prefix = new TextEncoder().encode(COOKIE_PREFIX);
  const isCookie = prefix.every((octet, at) => line[at] === octet);
  if (!isCookie) return { routingToken: line.slice() };
  return { cookie: new TextDecoder().decode(line.subarray(prefix.length)) };
}

function malformed(stage: string, detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage, detail });
}
