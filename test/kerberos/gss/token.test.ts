import { describe, expect, test } from 'vitest';
import { DerError, decode } from '../../../src/der/index.ts';
import {
  decodeAuthenticatorChecksum,
  decodeGssToken,
  encodeAuthenticatorChecksum,
  encodeGssToken,
  GSS_FLAG,
  GSS_MECHANISM,
  isKerberosMechanism,
  TOKEN_ID,
} from '../../../src/kerberos/gss/index.ts';
import { ApRep, ApReq } from '../../../src/kerberos/messages/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { hex, number, octets, text, toHex, vectorCases } from '../../support/vectors.ts';

const [apReq, apRep] = vectorCases('kerberos-captures').map((one) => octets(one, 'hex'));
if (apReq === undefined || apRep === undefined) throw new TypeError('the captures are missing');

describe('GSS tokens', () => {
  test('K1: captured AP-REQ and AP-REP', () => {
    const request = decodeGssToken(apReq);
    expect([request.mechanism, request.tokenId]).toEqual([GSS_MECHANISM.KERBEROS, TOKEN_ID.AP_REQ]);
    expect(decode(ApReq, request.message)).toMatchObject({
      apOptions: 0x20000000, // mutual-required
      ticket: { realm: 'DOMAIN.LOCAL', sname: { nameString: ['host', 'dc01'] }, encPart: { etype: 18, kvno: 6 } },
      authenticator: { etype: 18 },
    });
    expect(encodeGssToken(GSS_MECHANISM.KERBEROS, TOKEN_ID.AP_REQ, request.message)).toEqual(apReq);

    const reply = decodeGssToken(apRep);
    expect(reply.tokenId).toBe(TOKEN_ID.AP_REP);
    expect(decode(ApRep, reply.message).encPart.etype).toBe(18);
  });

  test('X23: messages without a frame are known by their first octet', () => {
    const { message } = decodeGssToken(apReq);
    expect(decodeGssToken(message)).toEqual({ mechanism: undefined, tokenId: TOKEN_ID.AP_REQ, message });
    expect(decodeGssToken(hex('6f00')).tokenId).toBe(TOKEN_ID.AP_REP);
    expect(decodeGssToken(hex('7e00')).tokenId).toBe(TOKEN_ID.KRB_ERROR);
  });

  test('K1, K12: mechanisms', () => {
    expect(toHex(encodeGssToken(GSS_MECHANISM.MICROSOFT_KERBEROS, TOKEN_ID.TGT_REQ, hex('ff')))).toBe(
      '600e06092a864882f7120102020400ff',
    );
    expect(toHex(encodeGssToken(GSS_MECHANISM.USER_TO_USER, TOKEN_ID.TGT_REP, hex('')))).toBe(
      '600e060a2a864886f7120102020304' + '01',
    );
    expect(isKerberosMechanism('1.2.840.113554.1.2.2.3')).toBe(true);
    expect(isKerberosMechanism('1.3.6.1.4.1.311.2.2.10')).toBe(false);
  });

  test('Z42: every cut and every flipped octet of the frame is a typed error or another token', () => {
    for (let end = 0; end < 17; end++) {
      let thrown: unknown;
      try {
        decodeGssToken(apReq.subarray(0, end));
      } catch (error) {
        thrown = error;
      }
      expect(thrown instanceof DerError || thrown instanceof SspiError).toBe(true);
    }
    expect(() => decodeGssToken(hex('600d06092a864886f712010202 01'))).toThrow(DerError);
    expect(() => decodeGssToken(hex('600c06092a864886f712010202 01'))).toThrow(SspiError);
    expect(() => decodeGssToken(hex('6084ffffffff06092a864886f712010202'))).toThrow(DerError);
    expect(() => decodeGssToken(hex('60800609 2a864886f7120102020100'))).toThrow(DerError);
  });
});

describe('the authenticator checksum', () => {
  test.each(vectorCases('kerberos-gss', 'GSS checksum 0x8003'))('K2: $name', (one) => {
    const decoded = decodeAuthenticatorChecksum(octets(one, 'hex'));
    expect(decoded.flags).toBe(number(one, 'flags'));
    expect(toHex(decoded.bindings ?? new Uint8Array(16))).toBe(text(one, 'bnd'));
    expect(decoded.delegation).toBeUndefined();
    expect(toHex(encodeAuthenticatorChecksum(decoded))).toBe(text(one, 'hex'));
  });

  // RFC 4121 4.1.1: DlgOpt 1, Dlgth, Deleg behind the flags, all little-endian; then extensions.
  const zeros = '00'.repeat(16);
  const delegated = `10000000${zeros}03000000 0100 0300 76beef`;

  test('K2: delegation', () => {
    const decoded = decodeAuthenticatorChecksum(hex(delegated));
    expect(decoded).toEqual({ flags: 3, bindings: undefined, delegation: hex('76beef') });
    expect(toHex(encodeAuthenticatorChecksum({ flags: GSS_FLAG.MUTUAL, delegation: hex('76beef') }))).toBe(
      toHex(hex(delegated)),
    );
    expect(toHex(encodeAuthenticatorChecksum({ flags: GSS_FLAG.MUTUAL | GSS_FLAG.DELEG }))).toBe(
      `10000000${zeros}02000000`,
    );
  });

  test('K2: extensions are passed over', () => {
    expect(decodeAuthenticatorChecksum(hex(`${delegated} 00000000 00000002 ffff`)).delegation).toEqual(hex('76beef'));
    expect(decodeAuthenticatorChecksum(hex(`10000000${zeros}02000000 ffff`)).flags).toBe(2);
  });

  test('Z42: every cut, and lengths that do not fit', () => {
    const whole = hex(delegated);
    for (let end = 0; end < whole.length; end++)
      expect(() => decodeAuthenticatorChecksum(whole.subarray(0, end))).toThrow(SspiError);
    for (const wrong of [
      `11000000${zeros}00000000`,
      `10000000${zeros}01000000 0200 0000`,
      `10000000${zeros}01000000 0100 ffff 00`,
    ])
      expect(() => decodeAuthenticatorChecksum(hex(wrong))).toThrow(SspiError);
    expect(() => encodeAuthenticatorChecksum({ flags: 0, bindings: new Uint8Array(15) })).toThrow(SspiError);
    expect(() => encodeAuthenticatorChecksum({ flags: 0, delegation: new Uint8Array(65_536) })).toThrow(SspiError);
  });
});
