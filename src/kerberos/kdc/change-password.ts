/**
 * Changing passwords, RFC 3244: one's own, or somebody else's where one may.
 * @see https://www.rfc-editor.org/rfc/rfc3244
 * @module
 */
import { decode, encode } from '../../der/index.ts';
import { type DomainPasswordInformation, NTSTATUS, type Secret, SspiError } from '../../sspi/index.ts';
import { KEY_USAGE, KerberosKey, utf8OfUtf16 } from '../encryption/index.ts';
import {
  ApRep,
  ChangePasswdData,
  type ChangePasswordResult,
  decodeChangePassword,
  decodeChangePasswordResult,
  EncApRepPart,
  EncKrbPrivPart,
  encodeChangePassword,
  KrbError,
  KrbPriv,
  krbErrorName,
  type PrincipalName,
  CHANGE_PASSWORD_RESULT as RESULT,
  seal,
  timestampOf,
  unseal,
  CHANGE_PASSWORD_VERSION as VERSION,
} from '../messages/index.ts';
import { type ApRequest, makeApRequest } from './ap-request.ts';
import type { KdcClient } from './client.ts';
import { printable } from './errors.ts';
import { staged } from './exchange.ts';
import { newNonce } from './request-body.ts';
import type { KerberosTicket } from './ticket.ts';

/** The service that changes passwords. An initial ticket for it has to be asked for with the old password. */
export const CHANGE_PASSWORD_SERVICE: PrincipalName = { nameType: 2, nameString: ['kadmin', 'changepw'] };

/** What is to be changed. */
export interface ChangePasswordRequest {
  /** An initial ticket for {@link CHANGE_PASSWORD_SERVICE}. */
  readonly ticket: KerberosTicket;
  /** UTF-16LE, as a `Secret` of text holds it. Stays the caller's. */
  readonly newPassword: Secret;
  /** Whose password is to be set, when it is not one's own. */
  readonly target?: { readonly name: PrincipalName; readonly realm: string } | undefined;
  readonly signal?: AbortSignal | undefined;
}

const STAGE = 'Kerberos change password';

/** RFC 4120 7.5.3, an IPv4 address. KRB-PRIV has to have one, and no server looks at it: those behind NAT would all be refused. */
const NO_ADDRESS = { addrType: 2, address: new Uint8Array(4) };

/**
 * Changes a password.
 * @throws SspiError PASSWORD_CHANGE_REFUSED with the reason that the server gives; KDC_REPLY_MISMATCH, KDC_UNREACHABLE
 */
export async function changePassword(client: KdcClient, request: ChangePasswordRequest): Promise<void> {
  const result = await askForPasswordChange(client, request);
  if (result.code !== RESULT.SUCCESS) throw passwordRefusal(result);
}

/**
 * As {@link changePassword}, for those who want to know what the server said.
 * @throws SspiError PASSWORD_CHANGE_REFUSED from a server that says nothing that could be read; KDC_REPLY_MISMATCH, KDC_UNREACHABLE
 */
export async function askForPasswordChange(
  client: KdcClient,
  request: ChangePasswordRequest,
): Promise<ChangePasswordResult> {
  return await staged(STAGE, () => change(client, request));
}

async function change(client: KdcClient, request: ChangePasswordRequest): Promise<ChangePasswordResult> {
  const { clock, random, network } = client;
  const { ticket, signal } = request;
  const sequenceNumber = newNonce(random);
  const apRequest = makeApRequest({ ticket, usage: KEY_USAGE.AP_REQ_AUTHENTICATOR, sequenceNumber, clock, random });
  try {
    const { time, usec } = timestampOf(clock.now());
    const userData = userDataOf(request);
    const part = { userData, timestamp: time, usec, seqNumber: sequenceNumber, sAddress: NO_ADDRESS };
    const sealing = { key: apRequest.subkey, usage: KEY_USAGE.KRB_PRIV, random };
    const encPart = seal(EncKrbPrivPart, part, sealing);
    userData.fill(0);
    const message = encodeChangePassword({
      version: request.target === undefined ? VERSION.CHANGE : VERSION.SET,
      ap: apRequest.message,
      rest: encode(KrbPriv, { pvno: 5, msgType: 21, encPart }),
    });
    const reply = await network.exchange({ realm: ticket.serverRealm, message, service: 'kpasswd', signal });
    return open(reply, ticket, apRequest);
  } finally {
    apRequest.subkey.dispose();
  }
}

/** Section 2: the older version has the bare password, the newer one says whose it is. */
function userDataOf({ newPassword, target }: ChangePasswordRequest): Uint8Array {
  const newpasswd = utf8OfUtf16(newPassword.reveal());
  if (target === undefined) return newpasswd;
  const data = encode(ChangePasswdData, { newpasswd, targname: target.name, targrealm: target.realm });
  newpasswd.fill(0);
  return data;
}

/** Section 2: an AP-REP and a KRB-PRIV; or a KRB-ERROR, when the server could not even read the request. */
function open(reply: Uint8Array, ticket: KerberosTicket, { subkey, timestamp }: ApRequest): ChangePasswordResult {
  const { ap, rest } = decodeChangePassword(reply);
  if (ap.length === 0) {
    const error = decode(KrbError, rest);
    if (error.eData !== undefined && error.eData.length >= 2) return decodeChangePasswordResult(error.eData);
    throw new SspiError('PASSWORD_CHANGE_REFUSED', { stage: STAGE, detail: krbErrorName(error.errorCode) });
  }
  const proof = unseal(EncApRepPart, decode(ApRep, ap).encPart, ticket.sessionKey, KEY_USAGE.AP_REP);
  if (proof.ctime !== timestamp.time || proof.cusec !== timestamp.usec)
    throw new SspiError('KDC_REPLY_MISMATCH', { stage: STAGE, detail: 'the AP-REP repeats another time' });
  const { encPart } = decode(KrbPriv, rest);
  // RFC 4120 3.2.6: the server's own subkey when it made one; most use the client's.
  const own = proof.subkey === undefined ? undefined : KerberosKey.from(proof.subkey, [subkey.etype]);
  try {
    const { userData } = unseal(EncKrbPrivPart, encPart, own ?? subkey, KEY_USAGE.KRB_PRIV);
    return decodeChangePasswordResult(userData);
  } finally {
    own?.dispose();
  }
}

const RESULT_NAMES = new Map<number, string>(Object.entries(RESULT).map(([name, code]) => [code, name]));

/** What a result other than success is for the caller. */
export function passwordRefusal({ code, data }: ChangePasswordResult): SspiError {
  const name = RESULT_NAMES.get(code) ?? `result ${code}`;
  const rules = passwordRules(data);
  const text = rules === undefined ? printable(new TextDecoder().decode(data)) : rulesText(rules);
  return new SspiError('PASSWORD_CHANGE_REFUSED', {
    stage: STAGE,
    detail: text === '' ? name : `${name}: ${text}`,
    ntStatus: code === RESULT.SOFTERROR ? NTSTATUS.PASSWORD_RESTRICTION : undefined,
  });
}

const RULES_LENGTH = 30;
const TICKS_PER_DAY = 864_000_000_000n;

/** Windows answers with the rules of the domain in numbers instead of a text, big-endian. Undefined when it is something else. */
export function passwordRules(data: Uint8Array): DomainPasswordInformation | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  if (data.length !== RULES_LENGTH || view.getUint16(0) !== 0) return undefined;
  return {
    minPasswordLength: view.getUint32(2) & 0xffff,
    passwordHistoryLength: view.getUint32(6) & 0xffff,
    passwordProperties: view.getUint32(10),
    maxPasswordAge: -view.getBigInt64(14),
    minPasswordAge: -view.getBigInt64(22),
  };
}

function rulesText(rules: DomainPasswordInformation): string {
  const { minPasswordLength: least, passwordHistoryLength: history, passwordProperties, minPasswordAge } = rules;
  const complexity = (passwordProperties & 1) === 0 ? '' : ', of several kinds';
  const days = -minPasswordAge / TICKS_PER_DAY;
  return `at least ${least} characters${complexity}; not one of the last ${history}; not within ${days} d of the last change`;
}
