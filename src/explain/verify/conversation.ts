/**
 * Everything that can be checked in one conversation, in the order of the wire: the logon by NTLM or Kerberos, the list of
 * mechanisms, the binding to the server's key, the credentials that were handed over.
 * @module
 */
import { bindingProof } from '../../credssp/index.ts';
import { equalInConstantTime, sha256, toHex } from '../../crypto/index.ts';
import { describeTSCredentials } from '../messages/credssp.ts';
import type { Observation, Side } from '../observations.ts';
import type { Reading } from '../reading.ts';
import { reasonOf } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import { certificateKey, endPointBindings } from '../x509.ts';
import { type Check, type Finding, failed, notChecked, verified } from './check.ts';
import { KerberosTrail, opaque } from './kerberos.ts';
import type { KeyRing } from './key-ring.ts';
import { NtlmTrail } from './ntlm.ts';

/** What was opened of a sealed field. */
interface Unsealed {
  readonly plaintext: Uint8Array | undefined;
  readonly genuine: boolean;
  readonly why: string;
}

const NO_KEY = 'it needs the session key: the password, the NT hash or a keytab that opens the logon';

/** The state of one conversation. */
export class ConversationVerifier implements Disposable {
  readonly #ring: KeyRing;
  /** DER of the server's certificate: the one given, else the one seen. */
  #certificate: Uint8Array | undefined;
  readonly #isGiven: boolean;
  readonly #ntlm = new NtlmTrail();
  readonly #kerberos: KerberosTrail;
  #mechTypes: Uint8Array | undefined;
  readonly #versions: Partial<Record<Side, number>> = {};
  #nonce: Uint8Array | undefined;
  #clientProved = false;
  #lastSender: Side | undefined;
  #bindingsChecked = false;

  constructor(ring: KeyRing, certificate: Uint8Array | undefined) {
    this.#ring = ring;
    this.#certificate = certificate;
    this.#isGiven = certificate !== undefined;
    this.#kerberos = new KerberosTrail(ring);
  }

  /** Checks what a message brought. Goes on when checking brings up more. */
  async take(reading: Reading): Promise<Check[]> {
    const checks: Check[] = [];
    // The list grows while it is read: what is decrypted has parts of its own.
    for (let at = 0; at < reading.observations.length && at < 256; at++) {
      const observation = reading.observations[at];
      if (observation === undefined) continue;
      for (const finding of await this.#check(observation, reading))
        checks.push({ ...finding, message: reading.index });
    }
    this.#lastSender = reading.from ?? this.#lastSender;
    return checks;
  }

  dispose(): void {
    this.#ntlm.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  async #check(observation: Observation, reading: Reading): Promise<readonly Finding[]> {
    switch (observation.kind) {
      case 'ntlm':
        return this.#ntlmMessage(observation.name, observation.octets);
      case 'mech-types':
        this.#mechTypes ??= observation.list;
        return [];
      case 'mech-list-mic':
        return this.#mechListMic(observation.mic, this.#sender(reading));
      case 'ts-request':
        return this.#tsRequest(observation, reading);
      case 'certificate':
        return this.#seen(observation.der);
      case 'tls-records':
        return [tlsRecords(observation.opened, observation.failed)];
      case 'certificate-hash':
        return this.#told(observation.sha256);
      case 'salts':
        this.#ring.remember(observation.salts);
        return [];
      case 'kdc-request':
        this.#kerberos.request(observation);
        return [];
      case 'pre-authentication':
        return this.#kerberos.preAuthentication(observation, reading);
      case 'kdc-reply':
        return this.#kerberos.reply(observation, reading);
      case 'ticket':
        return this.#kerberos.ticket(observation, reading);
      case 'ap-req':
        return [
          ...this.#kerberos.apRequest(observation, reading),
          ...this.#channelBindings(this.#kerberos.channelBindings),
        ];
      case 'request-body':
        return this.#kerberos.requestBody(observation, reading);
      case 'session-sealed':
        return this.#kerberos.sessionSealed(observation, reading);
      case 'krb-safe':
        return this.#kerberos.safe(observation);
      case 'gss-message':
        return this.#gssMessage(observation.token, observation.isMic, observation.branch, this.#sender(reading));
      case 'sealed-message':
        return this.#sealedMessage(observation.header, observation.data, observation.branch, this.#sender(reading));
    }
  }

  /** Conversations go back and forth: who did not say who he is is the other one. */
  #sender(reading: Reading): Side {
    return reading.from ?? (this.#lastSender === 'client' ? 'server' : 'client');
  }

  // ---------------------------------------------------------------------------------------------------- NTLM and SPNEGO

  #ntlmMessage(name: 'NEGOTIATE' | 'CHALLENGE' | 'AUTHENTICATE', octets: Uint8Array): readonly Finding[] {
    switch (name) {
      case 'NEGOTIATE':
        this.#ntlm.negotiate(octets);
        return [];
      case 'CHALLENGE':
        this.#ntlm.challenge(octets);
        return [];
      case 'AUTHENTICATE': {
        const findings = this.#ntlm.authenticate(octets, this.#ring.ntHashes, this.#ring.sessionKey);
        return [...findings, ...this.#channelBindings(this.#ntlm.channelBindings)];
      }
    }
  }

  /** RFC 4178 5, [MS-SPNG] 3.3.5.1. */
  #mechListMic(mic: Uint8Array, from: Side): readonly Finding[] {
    const covers = ['mechTypes', 'mechListMIC'];
    const list = this.#mechTypes;
    if (list === undefined) return [notChecked('mechListMIC', covers, 'it needs the NegTokenInit with the list')];
    const right = verified('mechListMIC', covers, 'the list of mechanisms is as it was offered');
    if (this.#ntlm.authenticated) {
      const messages = this.#ntlm.messagesOf(from);
      if (messages === undefined) return [notChecked('mechListMIC', covers, NO_KEY)];
      const { genuine, why } = messages.check(list, mic);
      messages.restart();
      return [genuine ? right : failed('mechListMIC', covers, `${why}: the list was changed on the way, or the MIC`)];
    }
    if (!this.#kerberos.hasKey) return [notChecked('mechListMIC', covers, NO_KEY)];
    return [
      this.#kerberos.verifies(list, mic, from)
        ? right
        : failed('mechListMIC', covers, 'the list was changed on the way, or the MIC'),
    ];
  }

  // ------------------------------------------------------------------------------------------------------------ CredSSP

  #tsRequest({ request, branch }: Extract<Observation, { kind: 'ts-request' }>, reading: Reading): readonly Finding[] {
    const { version, clientNonce, pubKeyAuth, authInfo } = request;
    const isProofOfServer =
      pubKeyAuth !== undefined && authInfo === undefined && request.negoTokens === undefined && this.#clientProved;
    const from = reading.from ?? (isProofOfServer ? 'server' : this.#sender(reading));
    this.#versions[from] ??= version;
    const findings: Finding[] = [];
    if (from === 'client' && clientNonce !== undefined) {
      const isSame = this.#nonce === undefined || toHex(this.#nonce) === toHex(clientNonce);
      if (!isSame)
        findings.push(failed('pubKeyAuth binding', ['clientNonce'], 'the clientNonce changed within the exchange'));
      this.#nonce = clientNonce;
    }
    if (pubKeyAuth !== undefined) {
      findings.push(...this.#publicKeyProof(pubKeyAuth, from));
      if (from === 'client') this.#clientProved = true;
    }
    if (authInfo !== undefined) findings.push(this.#credentials(authInfo, branch, reading));
    return findings;
  }

  #publicKeyProof(sealed: Uint8Array, from: Side): readonly Finding[] {
    const covers = [`pubKeyAuth of the ${from}`, 'EncryptedRandomSessionKey'];
    const unsealed = this.#unseal(sealed, from);
    if (unsealed === undefined) return [notChecked('pubKeyAuth seal', covers, NO_KEY)];
    if (!unsealed.genuine || unsealed.plaintext === undefined)
      return [
        failed(
          'pubKeyAuth seal',
          covers,
          `of the ${from}: ${unsealed.why}: it was changed on the way, or sealed with another session key`,
        ),
      ];
    return [verified('pubKeyAuth seal', covers, `of the ${from}`), this.#binding(unsealed.plaintext, from)];
  }

  /** [MS-CSSP] 3.1.5 steps 3 and 4: is the proof over the key of the certificate, and over nothing else? */
  #binding(proof: Uint8Array, from: Side): Finding {
    const name = 'pubKeyAuth binding';
    const covers = ['clientNonce', 'version', 'certificate'];
    const certificate = this.#certificate;
    if (certificate === undefined) return notChecked(name, covers, 'it needs the certificate of the server');
    const version = Math.min(this.#versions.client ?? 6, this.#versions.server ?? 6, 6);
    const nonce = this.#nonce;
    if (version >= 5 && nonce === undefined) return failed(name, covers, 'there is no clientNonce');
    const direction = from === 'client' ? 'clientToServer' : 'serverToClient';
    const isOver = (key: Uint8Array): boolean =>
      equalInConstantTime(bindingProof(direction, version, nonce ?? new Uint8Array(0), key), proof);
    try {
      const { subjectPublicKey, mistakes } = certificateKey(certificate);
      if (isOver(subjectPublicKey))
        return verified(name, covers, `of the ${from}: over the public key of the certificate, version ${version}`);
      for (const [what, octets] of mistakes)
        if (isOver(octets))
          return failed(name, covers, `${MISTAKE}${what}, and not over the content of its SubjectPublicKey`);
    } catch (error) {
      return failed(name, covers, `the certificate cannot be read: ${reasonOf(error)}`);
    }
    return failed(
      name,
      covers,
      `of the ${from}: over another key than that of the certificate, or another clientNonce or version`,
    );
  }

  /** [MS-CSSP] 3.1.5 step 5. */
  #credentials(sealed: Uint8Array, branch: Branch, reading: Reading): Finding {
    const covers = ['authInfo', 'EncryptedRandomSessionKey'];
    const unsealed = this.#unseal(sealed, 'client');
    if (unsealed === undefined) return notChecked('authInfo', covers, NO_KEY);
    const { plaintext, genuine, why } = unsealed;
    if (!genuine || plaintext === undefined)
      return failed('authInfo', covers, `${why}: it was changed on the way, or sealed with another session key`);
    const place = (branch.find('authInfo') ?? branch).addDecrypted('TSCredentials', plaintext.length);
    const summary = describeTSCredentials(plaintext, place);
    plaintext.fill(0);
    reading.suggest('client');
    return verified('authInfo', covers, `${summary}, not shown`);
  }

  /** @returns undefined when there is no key to try */
  #unseal(sealed: Uint8Array, from: Side): Unsealed | undefined {
    const messages = this.#ntlm.messagesOf(from);
    if (messages !== undefined) {
      if (sealed.length < 16) return { plaintext: undefined, genuine: false, why: 'it is shorter than a signature' };
      return messages.unwrap(sealed);
    }
    if (this.#ntlm.authenticated || !this.#kerberos.hasKey) return undefined;
    const plaintext = this.#kerberos.unwrap(sealed, from);
    return { plaintext, genuine: plaintext !== undefined, why: 'no key of the context opens it' };
  }

  // -------------------------------------------------------------------------------------------------------- TLS

  #seen(der: Uint8Array): readonly Finding[] {
    if (this.#certificate === undefined) {
      this.#certificate = der;
      return [];
    }
    return this.#isGiven ? this.#told(toHex(sha256(der))) : [];
  }

  /** The recording or the handshake says which certificate the server showed. */
  #told(sha256Text: string): readonly Finding[] {
    const covers = ['certificate'];
    if (!this.#isGiven || this.#certificate === undefined) return [];
    const isSame = toHex(sha256(this.#certificate)) === sha256Text.toLowerCase();
    return [
      isSame
        ? verified('certificate', covers, 'the server showed the certificate given')
        : failed('certificate', covers, 'the server showed another certificate than the one given'),
    ];
  }

  /** RFC 5929 4: the client says over which TLS channel it thinks to log on. Once for each conversation. */
  #channelBindings(hash: Uint8Array | undefined): readonly Finding[] {
    if (hash === undefined || this.#bindingsChecked) return [];
    this.#bindingsChecked = true;
    const covers = ['channel bindings'];
    if (this.#certificate === undefined)
      return [notChecked('channel bindings', covers, 'it needs the certificate of the server')];
    try {
      if (equalInConstantTime(endPointBindings(this.#certificate), hash))
        return [verified('channel bindings', covers, 'tls-server-end-point of the certificate')];
    } catch (error) {
      return [failed('channel bindings', covers, `the certificate cannot be read: ${reasonOf(error)}`)];
    }
    return [
      failed(
        'channel bindings',
        covers,
        'not the tls-server-end-point of the certificate: the client sees another TLS server, or binds in another way',
      ),
    ];
  }

  // ---------------------------------------------------------------------------------------------- application messages

  #gssMessage(token: Uint8Array, isMic: boolean, branch: Branch, from: Side): readonly Finding[] {
    const covers = ['GSS message'];
    if (isMic) return [notChecked('GSS message', covers, 'a MIC by itself: the message that it covers is not here')];
    if (!this.#kerberos.hasKey) return [notChecked('GSS message', covers, NO_KEY)];
    const plaintext = this.#kerberos.unwrap(token, from);
    if (plaintext === undefined) return [failed('GSS message', covers, 'no key of the context opens it')];
    branch.note('REMARK', opaque(plaintext));
    return [verified('GSS message', covers, 'it is as it was sent')];
  }

  #sealedMessage(header: Uint8Array, data: Uint8Array, branch: Branch, from: Side): readonly Finding[] {
    const covers = ['WinRM message'];
    const messages = this.#ntlm.messagesOf(from);
    const opened: Unsealed | undefined =
      messages !== undefined
        ? messages.open(header, data)
        : this.#kerberos.hasKey
          ? { plaintext: this.#kerberos.open(header, data, from), genuine: true, why: 'no key of the context opens it' }
          : undefined;
    if (opened === undefined) return [notChecked('WinRM message', covers, NO_KEY)];
    if (!opened.genuine || opened.plaintext === undefined) return [failed('WinRM message', covers, opened.why)];
    branch.note('REMARK', opaque(opened.plaintext));
    opened.plaintext.fill(0);
    return [verified('WinRM message', covers, 'it is as it was sent')];
  }
}

/** Records that the secrets of a key log open, or should. */
function tlsRecords(opened: number, failedCount: number): Finding {
  const covers = ['TLS record'];
  if (failedCount === 0) return verified('TLS records', covers, `${opened} opened with the key log`);
  const why = `${failedCount} of ${opened + failedCount} do not open: they were changed, some before them are missing, or the key log is of another connection`;
  return failed('TLS records', covers, why);
}

/** By this the diagnosis knows the mistake that everybody makes once. */
export const MISTAKE = 'the proof is over ';
