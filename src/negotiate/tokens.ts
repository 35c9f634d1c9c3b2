/**
 * The messages of SPNEGO: RFC 4178 4.2, with the hints of [MS-SPNG] 2.2.1, in the framing of RFC 2743 3.1.
 * @see https://www.rfc-editor.org/rfc/rfc4178#section-4.2
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-spng/8e71cf53-e867-4b79-b5b5-38c92be3d472
 * @module
 */
import {
  anyValue,
  applicationImplicit,
  choice,
  type DecodeOptions,
  DerError,
  decode,
  encode,
  enumerated,
  explicit,
  generalString,
  objectIdentifier,
  octetString,
  optional,
  type Schema,
  sequence,
  sequenceOf,
  type TypeOf,
} from '../der/index.ts';
import { SspiError } from '../sspi/index.ts';
import { OID } from './oids.ts';

/** RFC 4178 4.1. Windows offers five; nobody has a use for dozens. */
export const MechTypeList = sequenceOf(objectIdentifier, { min: 1, max: 32 });

/** [MS-SPNG] 2.2.1. */
const NegHints = sequence({
  hintName: optional(0, anyValue), // GeneralString, but in the code page of the server where it is an old one (note 6)
  hintAddress: optional(1, octetString),
});

/**
 * NegTokenInit and NegTokenInit2 have the same tag, and peers take one for the other; only the type of field 3 tells them
 * apart. The list of mechanisms stays as it came: the mechListMIC covers these very octets.
 */
const NegTokenInitFields = sequence(
  {
    mechTypes: optional(0, anyValue), // MechTypeList
    reqFlags: optional(1, anyValue), // not protected by anything, so to be ignored: [MS-SPNG] 3.1.5.3
    mechToken: optional(2, octetString),
    hintsOrMic: optional(3, choice({ mechListMIC: octetString, negHints: NegHints })),
    mechListMIC: optional(4, octetString),
  },
  { extensible: true },
);

/** RFC 2743 3.1, around the first message only. */
export const InitialContextToken = applicationImplicit(
  0,
  sequence({ thisMech: objectIdentifier, negTokenInit: explicit(0, NegTokenInitFields) }),
);

const NegTokenRespFields = sequence(
  {
    negState: optional(0, enumerated),
    supportedMech: optional(1, objectIdentifier),
    responseToken: optional(2, octetString),
    mechListMIC: optional(3, octetString),
  },
  { extensible: true },
);

/** RFC 4178 4.2: every message after the first, by its tag. */
export const NegTokenRespMessage = explicit(1, NegTokenRespFields);

/** How far the negotiation is, in the words of the acceptor. */
export const NEG_STATE = { ACCEPT_COMPLETED: 0, ACCEPT_INCOMPLETE: 1, REJECT: 2, REQUEST_MIC: 3 } as const;

/** The first message, of the initiator or, with hints, of a server that speaks first. Octets are views of the message. */
export interface NegTokenInit {
  /** The mechanisms offered, the most preferred first. */
  readonly mechTypes: readonly string[];
  /** The DER of the list as it was sent: what a mechListMIC is made over. */
  readonly mechTypeList: Uint8Array;
  /** The optimistic token: for the first of `mechTypes`. */
  readonly mechToken?: Uint8Array | undefined;
  readonly mechListMIC?: Uint8Array | undefined;
  /** Set when the sender used the layout of NegTokenInit2. */
  readonly hints?:
    | { readonly hintName?: Uint8Array | undefined; readonly hintAddress?: Uint8Array | undefined }
    | undefined;
}

/** Every message after the first, in both directions. */
export type NegTokenResp = TypeOf<typeof NegTokenRespFields>;

/** Every Windows hint carries it since Vista ([MS-SPNG] 2.2.1). */
const HINT_NAME = 'not_defined_in_RFC4178@please_ignore';

/** Peers may write lengths longer than needed; nothing else that is not DER is taken. */
const FROM_PEERS: DecodeOptions = { lengths: 'ber-long' };

/** @returns the DER of the list, to be put in a message and under a MIC */
export function encodeMechTypeList(mechTypes: readonly string[]): Uint8Array {
  return encode(MechTypeList, mechTypes);
}

/**
 * Writes an initiator's first message.
 * @param message - `mechTypes` is not looked at: the octets of `mechTypeList` go out
 */
export function encodeNegTokenInit(
  message: Pick<NegTokenInit, 'mechTypeList' | 'mechToken' | 'mechListMIC'>,
): Uint8Array {
  const { mechTypeList, mechToken, mechListMIC } = message;
  return encode(InitialContextToken, {
    thisMech: OID.SPNEGO,
    negTokenInit: {
      mechTypes: mechTypeList,
      mechToken,
      hintsOrMic: mechListMIC === undefined ? undefined : { kind: 'mechListMIC', value: mechListMIC },
    },
  });
}

/** Writes the message of a server that speaks first: what it can do, and nothing else ([MS-SPNG] 3.2.5.2). */
export function encodeHint(mechTypes: readonly string[]): Uint8Array {
  return encode(InitialContextToken, {
    thisMech: OID.SPNEGO,
    negTokenInit: {
      mechTypes: encodeMechTypeList(mechTypes),
      hintsOrMic: { kind: 'negHints', value: { hintName: encode(generalString, HINT_NAME) } },
    },
  });
}

export function encodeNegTokenResp(message: NegTokenResp): Uint8Array {
  return encode(NegTokenRespMessage, message);
}

/**
 * Reads a first message, of either layout.
 * @param octets - the whole message; what comes out are views of it
 * @throws SspiError MALFORMED_TOKEN
 */
export function decodeNegTokenInit(octets: Uint8Array, options: DecodeOptions = FROM_PEERS): NegTokenInit {
  const stage = 'SPNEGO NegTokenInit';
  const { thisMech, negTokenInit } = decodeMessage(stage, InitialContextToken, octets, options);
  if (thisMech !== OID.SPNEGO) throw new SspiError('MALFORMED_TOKEN', { stage, detail: `framed for ${thisMech}` });

  const { mechTypes: mechTypeList, mechToken, hintsOrMic, mechListMIC } = negTokenInit;
  if (mechTypeList === undefined) throw new SspiError('MALFORMED_TOKEN', { stage, detail: 'no mechanisms' });
  const mechTypes = decodeMessage(stage, MechTypeList, mechTypeList, options);
  if (hintsOrMic?.kind === 'mechListMIC') {
    if (mechListMIC !== undefined) throw new SspiError('MALFORMED_TOKEN', { stage, detail: 'two mechListMICs' });
    return { mechTypes, mechTypeList, mechToken, mechListMIC: hintsOrMic.value };
  }
  return { mechTypes, mechTypeList, mechToken, mechListMIC, hints: hintsOrMic?.value };
}

/**
 * Reads a message after the first.
 *
 * A mechListMIC that is a copy of the responseToken, as some servers send it, is taken as absent, not as wrong: but whoever
 * needs one has none then (fault Z27).
 * @throws SspiError MALFORMED_TOKEN
 */
export function decodeNegTokenResp(octets: Uint8Array, options: DecodeOptions = FROM_PEERS): NegTokenResp {
  const stage = 'SPNEGO NegTokenResp';
  const message = decodeMessage(stage, NegTokenRespMessage, octets, options);
  const { negState = 0, responseToken, mechListMIC } = message;
  if (negState < NEG_STATE.ACCEPT_COMPLETED || negState > NEG_STATE.REQUEST_MIC)
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: `negState ${negState}` });
  return isCopy(mechListMIC, responseToken) ? { ...message, mechListMIC: undefined } : message;
}

function isCopy(mechListMIC: Uint8Array | undefined, responseToken: Uint8Array | undefined): boolean {
  if (mechListMIC === undefined || responseToken === undefined || mechListMIC.length !== responseToken.length)
    return false;
  return mechListMIC.every((octet, at) => octet === responseToken[at]);
}

function decodeMessage<T>(stage: string, schema: Schema<T>, octets: Uint8Array, options: DecodeOptions): T {
  try {
    return decode(schema, octets, options);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: error.message, cause: error });
  }
}
