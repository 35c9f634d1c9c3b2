/**
 * What takes the octets of Kerberos apart: messages, GSS tokens, files, PACs, the frames around messages.
 * @module
 */
import { decode, type Schema } from '../../src/der/index.ts';
import * as files from '../../src/kerberos/files/index.ts';
import { decodeAuthenticatorChecksum, decodeGssToken } from '../../src/kerberos/gss/index.ts';
import { parseKdcEndpoint } from '../../src/kerberos/kdc/index.ts';
import * as messages from '../../src/kerberos/messages/index.ts';
import * as pac from '../../src/kerberos/pac/index.ts';

/** Takes octets apart. */
export type Decoder = (octets: Uint8Array) => unknown;

const givenOut: Readonly<Record<string, unknown>> = messages;

/** Every type of message, by its name. What the room gives out and is no schema falls through. */
const schemas: readonly (readonly [string, Decoder])[] = Object.entries(givenOut).flatMap(([name, value]) =>
  isSchema(value) ? [[`Kerberos ${name}`, (octets: Uint8Array) => decode(value, octets)] as const] : [],
);

function isSchema(value: unknown): value is Schema<unknown> {
  return typeof value === 'object' && value !== null && 'accepts' in value && 'write' in value;
}

/** A PAC with all that is in it. */
function wholePac(octets: Uint8Array): void {
  const decoded = pac.decodePac(octets);
  for (const [type, read] of PAC_BUFFERS) {
    const buffer = pac.pacBuffer(decoded, type);
    if (buffer !== undefined) read(buffer);
  }
  for (const type of SIGNATURES) if (pac.pacBuffer(decoded, type) !== undefined) pac.pacSignature(decoded, type);
}

const { PAC_TYPE } = pac;
const SIGNATURES: readonly number[] = [
  PAC_TYPE.SERVER_CHECKSUM,
  PAC_TYPE.KDC_CHECKSUM,
  PAC_TYPE.TICKET_CHECKSUM,
  PAC_TYPE.FULL_CHECKSUM,
];
const PAC_BUFFERS: readonly (readonly [number, Decoder])[] = [
  [PAC_TYPE.LOGON_INFO, readLogonInfo],
  [PAC_TYPE.CLIENT_INFO, pac.decodePacClientInfo],
  [PAC_TYPE.UPN_DNS_INFO, pac.decodeUpnDnsInfo],
  [PAC_TYPE.CLIENT_CLAIMS, pac.decodeClaims],
  [PAC_TYPE.ATTRIBUTES, pac.decodePacAttributes],
  [PAC_TYPE.REQUESTOR, pac.decodePacRequestor],
];

/** As an acceptor reads it: with the SIDs that follow from it. */
function readLogonInfo(octets: Uint8Array): void {
  const info = pac.decodeLogonInfo(octets);
  pac.userSid(info);
  pac.groupSids(info);
}

/** The decoders that are no schemas. */
const others: Readonly<Record<string, Decoder>> = {
  'Kerberos GSS token': decodeGssToken,
  'Kerberos authenticator checksum': decodeAuthenticatorChecksum,
  'kpasswd frame': messages.decodeChangePassword,
  'kpasswd result': messages.decodeChangePasswordResult,
  'KDC proxy message': messages.decodeKdcProxyMessage,
  'KRB-ERROR e-data of Windows': messages.windowsErrorData,
  keytab: disposed(files.decodeKeytab, (entries) => entries.map(({ key }) => key)),
  'credential cache': disposed(files.decodeCredentialCache, ({ credentials }) => credentials.map(({ key }) => key)),
  PAC: wholePac,
  'PAC logon info': readLogonInfo,
  'PAC client info': pac.decodePacClientInfo,
  'PAC UPN and DNS info': pac.decodeUpnDnsInfo,
  'PAC claims': pac.decodeClaims,
  'PAC attributes': pac.decodePacAttributes,
  'PAC requestor': pac.decodePacRequestor,
};

/** Keys that came out of a file go away again. */
function disposed<T>(read: (octets: Uint8Array) => T, keysOf: (value: T) => readonly Disposable[]): Decoder {
  return (octets) => {
    for (const key of keysOf(read(octets))) key[Symbol.dispose]();
  };
}

/** Texts that people write, and other people may have written. */
const texts: Readonly<Record<string, { readonly samples: readonly string[]; decode(text: string): unknown }>> = {
  'krb5.conf': {
    samples: [
      '[libdefaults]\n  default_realm = EXAMPLE.COM\n  permitted_enctypes = aes256-cts aes DES3 -rc4\n  clockskew = 5m\n',
      '[realms]\n  EXAMPLE.COM = {\n    kdc = tcp/kdc.example.com:88\n    kdc = [fe80::1]:88\n    kpasswd_server = kdc:464\n  }\n',
      '[domain_realm]\n  .example.com = EXAMPLE.COM\n[capaths]\n  A.COM = {\n    B.COM = .\n    C.COM = B.COM\n  }\n',
      'include /etc/krb5.conf.d/one\nincludedir /etc/krb5.conf.d\n[libdefaults]*\n  ticket_lifetime = "1d 2h"\n',
    ],
    decode: readConfiguration,
  },
  'Kerberos names': {
    samples: ['alice@EXAMPLE.COM', 'HTTP/www.example.com:80@EXAMPLE.COM', 'a\\@b\\/c\\\\d@E\\@F', '@', '/'],
    decode: (text) => messages.formatPrincipal(messages.parsePrincipal(text).name),
  },
  'KDC address': {
    samples: ['kdc.example.com', 'tcp/kdc:88', '[fe80::1%eth0]:88', 'https://proxy.example.com/KdcProxy', 'fe80::1'],
    decode: (text) => parseKdcEndpoint(text),
  },
};

function readConfiguration(text: string): void {
  const configuration = files.parseKrb5Conf(text);
  for (const realm of [...configuration.realms.keys(), 'EXAMPLE.COM', 'A.COM']) {
    configuration.kdcs(realm, 'kdc');
    configuration.kdcs(realm, 'kpasswd');
    configuration.path(realm, 'C.COM');
  }
  configuration.realmOfHost('www.example.com');
}

/** All of them: those of octets with what they begin from, out of everything there is, those of texts with their own. */
export function kerberosDecoders(
  tokens: readonly Uint8Array[],
): readonly { readonly name: string; readonly samples: readonly Uint8Array[]; readonly decode: Decoder }[] {
  const ofOctets = [...schemas, ...Object.entries(others)].map(([name, read]) => {
    const readable = tokens.filter((token) => reads(read, token));
    return { name, samples: readable.length === 0 ? tokens : readable, decode: read };
  });
  const ofTexts = Object.entries(texts).map(([name, { samples, decode: read }]) => ({
    name,
    samples: samples.map((text) => new TextEncoder().encode(text)),
    decode: (octets: Uint8Array) => read(new TextDecoder().decode(octets)),
  }));
  return [...ofOctets, ...ofTexts];
}

/** A mutation of what a decoder reads gets further into it than one of what it refuses at the first octet. */
function reads(read: Decoder, token: Uint8Array): boolean {
  try {
    read(token);
    return true;
  } catch {
    return false;
  }
}
