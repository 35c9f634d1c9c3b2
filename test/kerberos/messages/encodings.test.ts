/** MIT's reference encodings: what goes in comes out, and holds the values that were put in. */
import { describe, expect, test } from 'vitest';
import { DerError, decode, encode } from '../../../src/der/index.ts';
import * as k from '../../../src/kerberos/messages/index.ts';
import { kerberosCodec } from '../../../tools/vectors/kerberos-schemas.ts';
import { hex, octets, text, toHex, type VectorCase, vectorCases } from '../../support/vectors.ts';

const samples = [...vectorCases('kerberos-asn1'), ...vectorCases('kerberos-fast-pkinit', 'encoding')];
const sample = (name: string): Uint8Array => {
  const found = samples.find((one) => one['name'] === name);
  if (found === undefined) throw new TypeError(`no sample ${name}`);
  return octets(found, 'hex');
};
const codecOf = (one: VectorCase) => {
  const codec = kerberosCodec(text(one, 'name'));
  if (codec === undefined) throw new TypeError(`no codec for ${text(one, 'name')}`);
  return codec;
};
const ascii = (value: string): Uint8Array => new TextEncoder().encode(value);

// The values of kerberos-asn1.json `sample`.
const realm = 'ATHENA.MIT.EDU';
const name = { nameType: 1, nameString: ['hftsai', 'extra'] };
const time = Date.UTC(1994, 5, 10, 6, 3, 17);
const usec = 123456;
const key = { keytype: 1, keyvalue: ascii('12345678') };
const encPart = { etype: 0, kvno: 5, cipher: ascii('krbASN.1 test message') };
const ticket = { tktVno: 5, realm, sname: name, encPart };
const address = { addrType: 2, address: hex('12d00023') };
const authorizationData = [0, 1].map(() => ({ adType: 1, adData: ascii('foobar') }));
const padata = [0, 1].map(() => ({ padataType: 13, padataValue: ascii('pa-data') }));
const cksum = { cksumtype: 1, checksum: ascii('1234') };
const flags = 0xfedcba98;

describe('encodings', () => {
  test.each(samples)('K1: $name decodes and encodes to the same octets', (one) => {
    expect(toHex(codecOf(one).again(octets(one, 'hex')))).toBe(text(one, 'hex'));
  });

  test('K1: the fields hold what was put into them', () => {
    expect(decode(k.Ticket, sample('ticket'))).toEqual(ticket);
    expect(decode(k.Authenticator, sample('authenticator'))).toEqual({
      authenticatorVno: 5,
      crealm: realm,
      cname: name,
      cksum,
      cusec: usec,
      ctime: time,
      subkey: key,
      seqNumber: 17,
      authorizationData,
    });
    expect(decode(k.EncTicketPart, sample('enc_tkt_part'))).toEqual({
      flags,
      key,
      crealm: realm,
      cname: name,
      transited: { trType: 1, contents: ascii('EDU,MIT.,ATHENA.,WASHINGTON.EDU,CS.') },
      authtime: time,
      starttime: time,
      endtime: time,
      renewTill: time,
      caddr: [address, address],
      authorizationData,
    });
    expect(decode(k.AsRep, sample('as_rep'))).toEqual({
      pvno: 5,
      msgType: 11,
      padata,
      crealm: realm,
      cname: name,
      ticket,
      encPart,
    });
    expect(decode(k.KdcReqBody, sample('kdc_req_body'))).toEqual({
      kdcOptions: 0xfedcba90,
      cname: name,
      realm,
      sname: name,
      from: time,
      till: time,
      rtime: time,
      nonce: 42,
      etype: [0, 1],
      addresses: [address, address],
      encAuthorizationData: encPart,
      additionalTickets: [ticket, ticket],
    });
    expect(decode(k.KrbError, sample('error'))).toMatchObject({
      errorCode: 60,
      stime: time,
      susec: usec,
      realm,
      sname: name,
    });
    expect(decode(k.EncApRepPart, sample('ap_rep_enc_part'))).toEqual({
      ctime: time,
      cusec: usec,
      subkey: key,
      seqNumber: 17,
    });
    expect(decode(k.EncKrbCredPart, sample('enc_cred_part')).ticketInfo[0]).toMatchObject({
      key,
      prealm: realm,
      pname: name,
    });
    expect(decode(k.PaSpake, sample('pa_spake(challenge)'))).toEqual({
      kind: 'challenge',
      value: { group: 1, pubkey: ascii('T value'), factors: [{ type: 1 }, { type: 2, data: ascii('fdata') }] },
    });
    expect(decode(k.EtypeInfo2, sample('etype_info2'))[1]).toEqual({ etype: 1, s2kparams: ascii('s2k: 1') });
  });

  test('K14: key versions of read-only domain controllers: negative on the wire, positive here', () => {
    const data = decode(k.EncryptedData, sample('enc_data(kvno=-1)'));
    expect(data.kvno).toBe(0xffffffff);
    expect(toHex(encode(k.EncryptedData, data))).toBe(toHex(sample('enc_data(kvno=-1)')));
  });

  test('Z50: sequence numbers of any length, also the negative ones of old peers', () => {
    const part = (seqNumber: string): Uint8Array =>
      hex(`7b${length(30 + seqNumber.length / 2)} 30${length(28 + seqNumber.length / 2)}
           a011180f31393934303631303036303331375a a105020301e240 a3${length(seqNumber.length / 2)}${seqNumber}`);
    for (const [octetsOf, value] of [
      ['020100', 0],
      ['02017f', 127],
      ['0201ff', 0xffffffff],
      ['02020100', 256],
      ['020500ffffffff', 0xffffffff],
      ['020480000000', 0x80000000],
    ] as const)
      expect(decode(k.EncApRepPart, part(octetsOf)).seqNumber).toBe(value);
    expect(() => decode(k.EncApRepPart, part('02050100000000'))).toThrow(DerError);
    expect(() => decode(k.EncApRepPart, part('02020000'))).toThrow(DerError);
  });

  test('K8: microseconds end at 999999, times are of the one form', () => {
    expect(() => decode(k.PaEncTsEnc, hex('301a a011180f31393934303631303036303331375a a10502030f4240'))).toThrow(
      DerError,
    );
    expect(() => decode(k.PaEncTsEnc, hex('301a a011180f31393934303631303036303331375a a10502 0380 0000'))).toThrow(
      DerError,
    );
    for (const [wrong] of [['19940610060317+'], ['19941310060317Z'], ['19940610060360Z']] as const)
      expect(() => decode(k.PaEncTsEnc, hex(`3013a011180f${Buffer.from(wrong).toString('hex')}`))).toThrow(DerError);
  });

  test('K1: flags of fewer and of more bits than 32', () => {
    for (const [bits, value] of [
      ['030200 40', 0x40000000],
      ['03020640', 0x40000000],
      ['0301 00', 0],
      ['030600 50800000ff', 0x50800000],
    ] as const) {
      const octetsOf = hex(bits);
      expect(
        decode(k.PaPacOptions, hex(`30${length(octetsOf.length + 2)}a0${length(octetsOf.length)}${toHex(octetsOf)}`))
          .flags,
      ).toBe(value);
    }
    expect(toHex(encode(k.PaPacOptions, { flags: k.PAC_OPTIONS.RESOURCE_BASED_CONSTRAINED_DELEGATION }))).toBe(
      '3009a00703050010000000',
    );
  });

  test('wrong version, wrong message type, trailing octets', () => {
    const ticketOctets = toHex(sample('ticket'));
    expect(() => decode(k.Ticket, hex(ticketOctets.replace('a003020105', 'a003020104')))).toThrow(DerError);
    expect(() => decode(k.AsReq, sample('tgs_req'))).toThrow(DerError);
    expect(() => decode(k.ApRep, hex(toHex(sample('ap_rep')).replace('a10302010f', 'a10302010e')))).toThrow(DerError);
    expect(() => decode(k.Ticket, hex(`${ticketOctets}00`))).toThrow(DerError);
  });
});

function length(octetsOf: number): string {
  return octetsOf.toString(16).padStart(2, '0');
}

describe('malformed messages', () => {
  test.each(samples)('Z42: every cut of $name is a typed error', (one) => {
    const whole = octets(one, 'hex');
    for (let end = 0; end < whole.length; end++)
      expect(() => codecOf(one).decode(whole.subarray(0, end))).toThrow(DerError);
  });

  test.each(samples)('Z42: every flipped octet of $name is a typed error or another value', (one) => {
    const whole = octets(one, 'hex');
    for (let at = 0; at < whole.length; at++) {
      for (const mask of [0x01, 0x80, 0xff]) {
        const flipped = whole.slice();
        flipped[at] = (flipped[at] ?? 0) ^ mask;
        let again: Uint8Array | undefined;
        try {
          again = codecOf(one).again(flipped);
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
        }
        // What is still accepted reads as something else. Only flags without their last, unset bits are the same flags.
        const shorterFlags = [0x03, 0x80].includes(whole[at - 2] ?? 0) && whole[at - 1] === 5 && mask === 1;
        if (again !== undefined && !shorterFlags) expect(toHex(again)).not.toBe(text(one, 'hex'));
      }
    }
  });

  test('Z35, Z42: bombs: nesting, lengths, elements without end', () => {
    expect(() => decode(k.Ticket, hex('6184ffffffff3082ffff'))).toThrow(DerError);
    expect(() => decode(k.Ticket, hex('6180 3080 0000 0000'))).toThrow(DerError);
    expect(() => decode(k.MethodData, hex(`3082fffc${'3000'.repeat(0x7ffe)}`))).toThrow(DerError);
    const name33 = { nameType: 1, nameString: Array.from({ length: 33 }, () => 'a') };
    expect(() => encode(k.PrincipalName, name33)).toThrow(DerError);
    expect(() => decode(k.PrincipalName, hex(`306fa003020101a1683066${'1b0161'.repeat(34)}`))).toThrow(DerError);
  });
});

describe('authorization data', () => {
  const wrap = (inner: k.AuthorizationData): k.AuthorizationData => [
    { adType: k.AD_TYPE.IF_RELEVANT, adData: encode(k.AuthorizationData, inner) },
  ];
  const pac = [{ adType: k.AD_TYPE.WIN2K_PAC, adData: hex('05') }];

  test('K15: a PAC is found at the top and within AD-IF-RELEVANT, unknown elements do not matter', () => {
    expect(k.findAuthorizationData(undefined, 128)).toEqual([]);
    expect(k.findAuthorizationData([...pac, ...wrap([{ adType: 999, adData: hex('ff') }, ...pac])], 128)).toEqual([
      hex('05'),
      hex('05'),
    ]);
  });

  test('Z35: nesting and number are bounded, the contents typed', () => {
    const deep = Array.from({ length: 6 }).reduce<k.AuthorizationData>((inner) => wrap(inner), pac);
    expect(() => k.findAuthorizationData(deep, 128)).toThrow(/nested too deep/);
    const many = Array.from({ length: 300 }, () => ({ adType: 999, adData: hex('00') }));
    expect(() => k.findAuthorizationData(wrap(many), 128)).toThrow(/more than 256/);
    expect(() => k.findAuthorizationData([{ adType: 1, adData: hex('3001') }], 128)).toThrow(DerError);
  });
});
