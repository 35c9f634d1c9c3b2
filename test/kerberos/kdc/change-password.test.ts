/** Changing passwords: RFC 3244. */
import { describe, expect, test } from 'vitest';
import { concat, fromHex } from '../../../src/crypto/index.ts';
import { decode, encode } from '../../../src/der/index.ts';
import { systemHost } from '../../../src/host/index.ts';
import { KEY_USAGE, KerberosKey } from '../../../src/kerberos/encryption/index.ts';
import {
  CHANGE_PASSWORD_SERVICE,
  changePassword,
  type NetworkRequest,
  requestInitialTicket,
} from '../../../src/kerberos/kdc/index.ts';
import {
  ApRep,
  ApReq,
  Authenticator,
  ChangePasswdData,
  decodeChangePassword,
  EncApRepPart,
  EncKrbPrivPart,
  EncTicketPart,
  encodeChangePassword,
  KrbError,
  KrbPriv,
  parsePrincipal,
  seal,
  unseal,
} from '../../../src/kerberos/messages/index.ts';
import { Secret, SspiError } from '../../../src/sspi/index.ts';
import { ALICE, clientOf, flip, keysOf, refusalOf, ScriptedKdc, TestClock, testKey } from './scripted-kdc.ts';

const REALM = 'EXAMPLE.COM';
const { random } = systemHost;

interface Answer {
  /** Result code and text. */
  readonly result?: Uint8Array;
  readonly ownSubkey?: boolean;
  readonly ctimeOff?: number;
  /** A KRB-ERROR with this e-data instead. */
  readonly error?: Uint8Array;
  alter?(frame: Uint8Array): Uint8Array;
}

/** A server for password changes beside a KDC. */
async function scene(answer: Answer = {}) {
  const clock = new TestClock();
  const kdc = new ScriptedKdc({ realm: REALM, clock });
  const seen: { version: number; userData: Uint8Array; realm: string }[] = [];
  const serve = ({ message, realm }: NetworkRequest): Uint8Array => {
    const { version, ap, rest } = decodeChangePassword(message);
    const request = decode(ApReq, ap);
    const inside = unseal(EncTicketPart, request.ticket.encPart, testKey('kadmin/changepw'), KEY_USAGE.TICKET);
    const session = KerberosKey.from(inside.key);
    const { ctime, cusec, subkey } = unseal(
      Authenticator,
      request.authenticator,
      session,
      KEY_USAGE.AP_REQ_AUTHENTICATOR,
    );
    if (subkey === undefined) throw new Error('no subkey');
    const clients = KerberosKey.from(subkey);
    const { userData } = unseal(EncKrbPrivPart, decode(KrbPriv, rest).encPart, clients, KEY_USAGE.KRB_PRIV);
    seen.push({ version, userData, realm });

    if (answer.error !== undefined) {
      const base = { pvno: 5, msgType: 30, stime: 0, susec: 0, errorCode: 60, realm, sname: CHANGE_PASSWORD_SERVICE };
      return encodeChangePassword({
        version: 1,
        ap: new Uint8Array(0),
        rest: encode(KrbError, { ...base, eData: answer.error }),
      });
    }
    const own = answer.ownSubkey === true ? testKey('server subkey') : undefined;
    const proof = { ctime: ctime + (answer.ctimeOff ?? 0), cusec, subkey: own?.reveal() };
    const apRep = {
      pvno: 5,
      msgType: 15,
      encPart: seal(EncApRepPart, proof, { key: session, usage: KEY_USAGE.AP_REP, random }),
    };
    const part = { userData: answer.result ?? fromHex('0000'), sAddress: { addrType: 2, address: new Uint8Array(4) } };
    const sealing = { key: own ?? clients, usage: KEY_USAGE.KRB_PRIV, random };
    const priv = { pvno: 5, msgType: 21, encPart: seal(EncKrbPrivPart, part, sealing) };
    const frame = encodeChangePassword({ version: 1, ap: encode(ApRep, apRep), rest: encode(KrbPriv, priv) });
    return answer.alter?.(frame) ?? frame;
  };
  const client = clientOf(
    {
      exchange: (request) => (request.service === 'kpasswd' ? Promise.resolve(serve(request)) : kdc.exchange(request)),
    },
    clock,
  );
  const ticket = await requestInitialTicket(client, {
    client: ALICE,
    realm: REALM,
    keys: keysOf('alice'),
    service: CHANGE_PASSWORD_SERVICE,
  });
  const newPassword = Secret.fromText('Pässwörd1€');
  const change = (target?: string) => {
    const parsed = target === undefined ? undefined : parsePrincipal(target);
    const of = parsed?.realm === undefined ? undefined : { name: parsed.name, realm: parsed.realm };
    return changePassword(client, { ticket, newPassword, target: of });
  };
  return { seen, change };
}

const text = (code: number, message: string) =>
  concat(Uint8Array.of(code >>> 8, code), new TextEncoder().encode(message));

describe('RFC 3244', () => {
  test("one's own password goes as it is, in UTF-8, in the older version", async () => {
    const { seen, change } = await scene();
    await change();
    expect(seen).toEqual([{ version: 1, userData: new TextEncoder().encode('Pässwörd1€'), realm: REALM }]);
  });

  test("somebody else's goes with the name, in the newer one", async () => {
    const { seen, change } = await scene();
    await change('bob@EXAMPLE.COM');
    expect(seen[0]?.version).toBe(0xff80);
    const data = decode(ChangePasswdData, seen[0]?.userData ?? new Uint8Array(0));
    expect(new TextDecoder().decode(data.newpasswd)).toBe('Pässwörd1€');
    expect([data.targname?.nameString, data.targrealm]).toEqual([['bob'], 'EXAMPLE.COM']);
  });

  test('a server with a subkey of its own is understood', async () => {
    const { change } = await scene({ ownSubkey: true });
    await expect(change()).resolves.toBeUndefined();
  });

  test.each([
    [4, 'Password too short', 'SOFTERROR: Password too short', 0xc000006c],
    [5, '', 'ACCESSDENIED', undefined],
    [99, 'x', 'result 99: x', undefined],
  ])('result %i is PASSWORD_CHANGE_REFUSED with the reason', async (code, message, detail, ntStatus) => {
    const { change } = await scene({ result: text(code, message) });
    const error = await refusalOf(() => change());
    expect([error.code, error.detail, error.ntStatus]).toEqual(['PASSWORD_CHANGE_REFUSED', detail, ntStatus]);
  });

  test('the rules of a Windows domain are read out', async () => {
    // 00 04, then: 00 00, at least 7 characters, the last 24, complexity, expires after 42 days, at least 1 day old
    const rules = fromHex('0000' + '00000007' + '00000018' + '00000001' + '000021026ed5c000' + '000000c92a69c000');
    const { change } = await scene({ result: concat(fromHex('0004'), rules) });
    const error = await refusalOf(() => change());
    expect(error.detail).toBe(
      'SOFTERROR: at least 7 characters, of several kinds; not one of the last 24; not within 1 d of the last change',
    );
  });

  test('a server that could not read the request says why in a KRB-ERROR', async () => {
    const { change } = await scene({ error: text(6, 'bad version') });
    expect((await refusalOf(() => change())).detail).toBe('BAD_VERSION: bad version');
    const silent = await scene({ error: new Uint8Array(0) });
    expect((await refusalOf(() => silent.change())).detail).toBe('KRB_ERR_GENERIC (60)');
  });

  test('Z50: an AP-REP that repeats another time is not the answer to this request', async () => {
    const { change } = await scene({ ctimeOff: 1000 });
    expect((await refusalOf(() => change())).code).toBe('KDC_REPLY_MISMATCH');
  });

  test('Z42: an answer with any octet flipped, or cut off anywhere, is a typed error', async () => {
    let frame = new Uint8Array(0);
    await (await scene({ alter: (octets) => (frame = Uint8Array.from(octets)) })).change();
    const outcomes: string[] = [];
    for (let at = 0; at < frame.length; at++) {
      const { change } = await scene({ alter: (octets) => flip(octets, at) });
      const outcome = await change().catch((error: unknown) => error);
      if (outcome instanceof SspiError) outcomes.push(outcome.code);
      else expect([2, 3], `octet ${at}`).toContain(at); // the version, which says nothing that is not known
    }
    expect(outcomes).not.toContain('INTERNAL_ERROR');
    for (let length = 0; length < frame.length; length++) {
      const { change } = await scene({ alter: (octets) => octets.subarray(0, length) });
      expect((await refusalOf(() => change())).code, `cut at ${length}`).not.toBe('INTERNAL_ERROR');
    }
  }, 20_000);
});
