/**
 * Every function that takes a peer's octets apart, one target each.
 * @module
 */
import {
  subjectPublicKey as bareSubjectPublicKey,
  decodeTSCredentials,
  decodeTSRequest,
  frameTSRequest,
} from '../../src/credssp/index.ts';
import { anyValue, decode, frameDer, type Schema, sequenceOf } from '../../src/der/index.ts';
import { decodeNegTokenInit, decodeNegTokenResp, describeSpnego, MechTypeList } from '../../src/negotiate/index.ts';
import {
  decodeAuthenticate,
  decodeAvPairs,
  decodeChallenge,
  decodeClientChallenge,
  decodeNegotiate,
  decodeSingleHost,
  describeNtlm,
} from '../../src/ntlm/index.ts';
import { decodeRdCleanPath, encodeRdCleanPath, frameRdCleanPath } from '../../src/rdp/external.ts';
import { decodeConnectionConfirm, decodeConnectionRequest, frameConnectionPdu } from '../../src/rdp/x224.ts';
import { plainAlert } from '../../src/schannel/alerts.ts';
import { decodeCertificate, subjectPublicKey, validityOf } from '../../src/schannel/certificate.ts';
import { commonNamesOf, extensionsOf } from '../../src/schannel/extensions.ts';
import { matchesHost } from '../../src/schannel/names.ts';
import { eachRecord, frameFirstRecord, frameRecords } from '../../src/schannel/records.ts';
import {
  decodeApplicationProtocols,
  decodeAuthIdentity,
  decodeSecChannelBindings,
  unpackLogon,
} from '../../src/sspi/index.ts';
import { kerberosDecoders } from './kerberos-decoders.ts';
import { mutate } from './mutate.ts';
import { judge, type Target } from './target.ts';

/** Real input for some of the decoders. */
export interface Samples {
  /** Everything there is. */
  readonly tokens: readonly Uint8Array[];
  readonly certificates: readonly Uint8Array[];
  readonly tlsRecords: readonly Uint8Array[];
}

const LIMIT = 65_536;

/** One schema that goes down as deep as the reader lets it. */
function deep(): Schema<unknown> {
  let schema: Schema<readonly unknown[]> = sequenceOf(anyValue);
  for (let level = 0; level < 40; level++) schema = sequenceOf(schema);
  return schema;
}

/** The decoders with the octets that their input begins with; none: any. */
const decoders: Readonly<Record<string, { readonly begin?: readonly number[]; decode(octets: Uint8Array): unknown }>> =
  {
    'DER value': { decode: (octets) => decode(anyValue, octets) },
    'DER frame': { decode: (octets) => frameDer(octets, { maxLength: LIMIT, lengths: 'ber-long' }) },
    'DER depth': { begin: [0x30], decode: (octets) => decode(deep(), octets) },
    TSRequest: { begin: [0x30], decode: decodeTSRequest },
    'TSRequest frame': { begin: [0x30], decode: (octets) => frameTSRequest(octets, LIMIT) },
    TSCredentials: { begin: [0x30], decode: decodeTSCredentials },
    MechTypeList: { begin: [0x30], decode: (octets) => decode(MechTypeList, octets) },
    NegTokenInit: { begin: [0x60], decode: decodeNegTokenInit },
    NegTokenResp: { begin: [0xa1], decode: decodeNegTokenResp },
    'token description': { decode: (octets) => [describeSpnego(octets), describeNtlm(octets)] },
    'NTLM NEGOTIATE': { begin: [0x4e], decode: decodeNegotiate },
    'NTLM CHALLENGE': { begin: [0x4e], decode: decodeChallenge },
    'NTLM AUTHENTICATE': { begin: [0x4e], decode: decodeAuthenticate },
    'NTLM client challenge': { begin: [0x01], decode: decodeClientChallenge },
    'NTLM AV_PAIRs': { begin: [0x01, 0x02], decode: (octets) => decodeAvPairs(octets, 'fuzz') },
    'NTLM single host': { decode: decodeSingleHost },
    'X.224 request': { begin: [0x03], decode: decodeConnectionRequest },
    'X.224 confirm': { begin: [0x03], decode: decodeConnectionConfirm },
    'X.224 frame': { begin: [0x03], decode: frameConnectionPdu },
    SEC_CHANNEL_BINDINGS: { decode: decodeSecChannelBindings },
    SEC_WINNT_AUTH_IDENTITY_EX2: { decode: decodeAuthIdentity },
    SEC_APPLICATION_PROTOCOLS: { decode: decodeApplicationProtocols },
    'packed logon': { decode: unpackLogon },
  };

const certificateReaders = (octets: Uint8Array): void => {
  decodeCertificate(octets);
  subjectPublicKey(octets);
  bareSubjectPublicKey(octets);
  validityOf(octets);
  extensionsOf(octets);
  commonNamesOf(octets);
  matchesHost(octets, 'server.example.com');
};

/** What it takes has no second form. */
const cleanPathReaders = (octets: Uint8Array): void => {
  frameRdCleanPath(octets);
  const again = encodeRdCleanPath(decodeRdCleanPath(octets));
  if (Buffer.compare(again, octets) !== 0) throw new Error('RDCleanPath: two forms of one message');
};

const recordReaders = (octets: Uint8Array): void => {
  frameFirstRecord(octets);
  const frame = frameRecords(octets);
  if ('whole' in frame) for (const record of eachRecord(octets.subarray(0, frame.whole))) plainAlert(record);
};

/** All of them as targets. */
export function decoderTargets({ tokens, certificates, tlsRecords }: Samples): Target[] {
  const simple = Object.entries(decoders).map(([name, { begin, decode: run }]) => {
    const fitting = begin === undefined ? tokens : tokens.filter((token) => begin.includes(token[0] ?? -1));
    return decoderTarget(name, fitting.length === 0 ? tokens : fitting, run);
  });
  return [
    ...simple,
    ...kerberosDecoders(tokens).map(({ name, samples, decode: run }) => decoderTarget(name, samples, run)),
    decoderTarget('X.509 certificate', certificates, certificateReaders),
    decoderTarget('RDCleanPath', cleanPathMessages(certificates), cleanPathReaders),
    decoderTarget('TLS records', tlsRecords, recordReaders),
  ];
}

/** One message of each kind. */
export function cleanPathMessages(serverCertificates: readonly Uint8Array[]): Uint8Array[] {
  const x224ConnectionPdu = Uint8Array.from(Buffer.from('030000130ed000000000000200080008000000', 'hex'));
  return [
    {
      kind: 'request',
      destination: 'server:3389',
      proxyAuth: 'token',
      preconnectionBlob: 'vm',
      x224ConnectionPdu,
    } as const,
    { kind: 'response', x224ConnectionPdu, serverCertificates, serverAddress: '192.0.2.1' } as const,
    { kind: 'error', errorCode: 1, httpStatusCode: 502, wsaLastError: 10_061, tlsAlertCode: 40 } as const,
  ].map(encodeRdCleanPath);
}

function decoderTarget(name: string, samples: readonly Uint8Array[], run: (octets: Uint8Array) => unknown): Target {
  return {
    name,
    run(chance) {
      const input = mutate(chance.pick(samples), chance, samples);
      const before = input.slice();
      try {
        run(input);
      } catch (error) {
        judge(error, [before]);
      }
    },
  };
}
