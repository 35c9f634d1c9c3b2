/**
 * The credentials that a client delegates, [MS-CSSP] 2.2.1.2, between their DER and {@link DelegatedCredentials}.
 * @module
 */
import { decodeUtf16, encodeUtf16 } from '../crypto/index.ts';
import { decode, encode } from '../der/index.ts';
import { type DelegatedCredentials, Secret, SspiError } from '../sspi/index.ts';
import { TSCredentials, TSPasswordCreds, TSRemoteGuardCreds, TSSmartCardCreds } from './messages.ts';

const PASSWORD = 1;
const SMART_CARD = 2;
const REMOTE_GUARD = 6;

const EMPTY = new Uint8Array(0);
const STAGE = 'TSCredentials';

/**
 * Encodes credentials for `authInfo`. "None" are password credentials with three empty strings: what is sent when nothing is
 * delegated, and under Restricted Admin (contract R21, X34).
 * @returns DER that holds the secrets: the caller wipes it
 */
export function encodeTSCredentials(credentials: DelegatedCredentials): Uint8Array {
  const inner = encodeKind(credentials);
  try {
    return encode(TSCredentials, { credType: inner.credType, credentials: inner.der });
  } finally {
    inner.der.fill(0);
  }
}

function encodeKind(credentials: DelegatedCredentials): { credType: number; der: Uint8Array } {
  switch (credentials.kind) {
    case 'none':
      return {
        credType: PASSWORD,
        der: encode(TSPasswordCreds, { domainName: EMPTY, userName: EMPTY, password: EMPTY }),
      };
    case 'password':
      return {
        credType: PASSWORD,
        der: encode(TSPasswordCreds, {
          domainName: encodeUtf16(credentials.domain),
          userName: encodeUtf16(credentials.user),
          password: credentials.password.reveal(),
        }),
      };
    case 'smart-card':
      return {
        credType: SMART_CARD,
        der: encode(TSSmartCardCreds, {
          pin: credentials.pin.reveal(),
          cspData: {
            keySpec: credentials.keySpec,
            cardName: optionalText(credentials.cardName),
            readerName: optionalText(credentials.readerName),
            containerName: optionalText(credentials.containerName),
            cspName: optionalText(credentials.cspName),
          },
          userHint: optionalText(credentials.userHint),
          domainHint: optionalText(credentials.domainHint),
        }),
      };
    case 'remote-guard':
      return {
        credType: REMOTE_GUARD,
        der: encode(TSRemoteGuardCreds, {
          logonCred: packageCredential(credentials.logon),
          supplementalCreds:
            credentials.supplemental.length === 0 ? undefined : credentials.supplemental.map(packageCredential),
        }),
      };
  }
}

/**
 * Decodes what an unsealed `authInfo` holds.
 * @param octets - DER of TSCredentials; the secrets are copied, so that the caller can wipe it
 * @throws SspiError MALFORMED_TOKEN; DerError
 */
export function decodeTSCredentials(octets: Uint8Array): DelegatedCredentials {
  const { credType, credentials } = decode(TSCredentials, octets, { lengths: 'ber-long' });
  switch (credType) {
    case PASSWORD:
      return decodePassword(credentials);
    case SMART_CARD:
      return decodeSmartCard(credentials);
    case REMOTE_GUARD:
      return decodeRemoteGuard(credentials);
    default:
      throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: `credType ${credType} does not exist` });
  }
}

function decodePassword(octets: Uint8Array): DelegatedCredentials {
  const { domainName, userName, password } = decode(TSPasswordCreds, octets, { lengths: 'ber-long' });
  if (domainName.length === 0 && userName.length === 0 && password.length === 0) return { kind: 'none' };
  return {
    kind: 'password',
    domain: text(domainName),
    user: text(userName),
    password: secretText(password),
  };
}

function decodeSmartCard(octets: Uint8Array): DelegatedCredentials {
  const { pin, cspData, userHint, domainHint } = decode(TSSmartCardCreds, octets, { lengths: 'ber-long' });
  const { keySpec, cardName, readerName, containerName, cspName } = cspData;
  return {
    kind: 'smart-card',
    pin: secretText(pin),
    keySpec,
    cardName: cardName && text(cardName),
    readerName: readerName && text(readerName),
    containerName: containerName && text(containerName),
    cspName: cspName && text(cspName),
    userHint: userHint && text(userHint),
    domainHint: domainHint && text(domainHint),
  };
}

function decodeRemoteGuard(octets: Uint8Array): DelegatedCredentials {
  const { logonCred, supplementalCreds } = decode(TSRemoteGuardCreds, octets, { lengths: 'ber-long' });
  const named = ({ packageName, credBuffer }: typeof logonCred) => ({
    packageName: text(packageName),
    credential: new Secret(credBuffer.slice()),
  });
  return { kind: 'remote-guard', logon: named(logonCred), supplemental: (supplementalCreds ?? []).map(named) };
}

function packageCredential(named: { readonly packageName: string; readonly credential: Secret }) {
  return { packageName: encodeUtf16(named.packageName), credBuffer: named.credential.reveal() };
}

function optionalText(value: string | undefined): Uint8Array | undefined {
  return value === undefined ? undefined : encodeUtf16(value);
}

function text(octets: Uint8Array): string {
  assertUtf16(octets);
  return decodeUtf16(octets);
}

function secretText(octets: Uint8Array): Secret {
  assertUtf16(octets);
  return new Secret(octets.slice());
}

function assertUtf16(octets: Uint8Array): void {
  if (octets.length % 2 !== 0)
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'a UTF-16 text has an odd number of octets' });
}

/** Zeroises the secrets of credentials. */
export function disposeCredentials(credentials: DelegatedCredentials): void {
  switch (credentials.kind) {
    case 'none':
      return;
    case 'password':
      credentials.password.dispose();
      return;
    case 'smart-card':
      credentials.pin.dispose();
      return;
    case 'remote-guard':
      for (const { credential } of [credentials.logon, ...credentials.supplemental]) credential.dispose();
      return;
  }
}
