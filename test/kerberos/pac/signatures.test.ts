import { describe, expect, test } from 'vitest';
import { sha256 } from '../../../src/crypto/index.ts';
import { decode, encode } from '../../../src/der/index.ts';
import { systemHost } from '../../../src/host/index.ts';
import {
  CHECKSUM_TYPE,
  ETYPE,
  encryptionType,
  KEY_USAGE,
  KerberosKey,
} from '../../../src/kerberos/encryption/index.ts';
import { AD_TYPE, EncTicketPart, findAuthorizationData, Ticket, unseal } from '../../../src/kerberos/messages/index.ts';
import {
  decodePac,
  encodePacClientInfo,
  PAC_TYPE,
  type Pac,
  pacAuthorizationData,
  pacBuffer,
  pacSignature,
  signPac,
  ticketWithoutPac,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from '../../../src/kerberos/pac/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { hex, number, octets, record, text, toHex, type VectorCase, vectorCases } from '../../support/vectors.ts';

const ALL = Object.values(ETYPE);
const cases = vectorCases('kerberos-pac-signatures');
const { random } = systemHost;

const keyOf = (one: VectorCase, field: string): KerberosKey =>
  new KerberosKey(encryptionType(number(one, 'etype'), ALL), octets(one, field));
const signatureOf = (one: VectorCase, name: string): string => text(record(record(one, 'signatures'), name), 'value');
const [server2022] = cases;
if (server2022 === undefined) throw new TypeError('the cases are missing');
const serverKey = keyOf(server2022, 'server_key');
const krbtgtKey = keyOf(server2022, 'krbtgt_key');
const ticketPart = decode(EncTicketPart, octets(server2022, 'enc_ticket_part'));

const refused = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error instanceof SspiError ? error.code : error;
  }
  return 'nothing was thrown';
};

describe('PAC signatures', () => {
  test.each(cases)('Z32, Z33: server signature: $name', (one) => {
    const pac = decodePac(octets(one, 'pac'));
    expect(toHex(pacSignature(pac, PAC_TYPE.SERVER_CHECKSUM).checksum)).toBe(signatureOf(one, 'server'));
    verifyServerSignature(pac, keyOf(one, 'server_key'));
  });

  test('Z32: server signature of a PAC with its ciphertext key in a keytab', () => {
    const [one] = vectorCases('kerberos-files-pac', 'PAC server signature');
    const [source] = vectorCases('kerberos-files-pac').filter(({ name }) => name === one?.['pac']);
    if (one === undefined || source === undefined) throw new TypeError('the case is missing');
    const pac = decodePac(octets(source, 'hex'));
    verifyServerSignature(pac, keyOf(one, 'key'));
    expect(pacSignature(pac, PAC_TYPE.SERVER_CHECKSUM)).toMatchObject({
      cksumtype: 16,
      checksum: octets(one, 'signature'),
    });
    const zeroed = octets(source, 'hex');
    zeroed.fill(0, 764, 776);
    zeroed.fill(0, 780, 796);
    expect(toHex(sha256(zeroed))).toBe(text(one, 'zeroed_pac_sha256'));
  });

  test.each(cases.filter((one) => 'krbtgt_key' in one))('Z32: KDC signature: $name', (one) => {
    const pac = decodePac(octets(one, 'pac'));
    expect(toHex(pacSignature(pac, PAC_TYPE.KDC_CHECKSUM).checksum)).toBe(signatureOf(one, 'kdc'));
    verifyKdcSignature(pac, keyOf(one, 'krbtgt_key'));
  });

  test('Z32: ticket and full signature of Windows Server 2022, from the ticket on', () => {
    const ticket = decode(Ticket, octets(server2022, 'ticket'));
    const opened = unseal(EncTicketPart, ticket.encPart, serverKey, KEY_USAGE.TICKET);
    expect(toHex(encode(EncTicketPart, opened))).toBe(text(server2022, 'enc_ticket_part'));
    const [found] = findAuthorizationData(opened.authorizationData, AD_TYPE.WIN2K_PAC);
    const pac = decodePac(found ?? new Uint8Array(0));
    expect(toHex(pac.octets)).toBe(text(server2022, 'pac'));
    expect(toHex(ticketWithoutPac(opened))).toBe(text(record(record(server2022, 'signatures'), 'ticket'), 'input'));
    expect(toHex(pacSignature(pac, PAC_TYPE.TICKET_CHECKSUM).checksum)).toBe(signatureOf(server2022, 'ticket'));
    expect(toHex(pacSignature(pac, PAC_TYPE.FULL_CHECKSUM).checksum)).toBe(signatureOf(server2022, 'full'));
    verifyTicketSignature(pac, opened, krbtgtKey);
    verifyFullSignature(pac, krbtgtKey);
  });

  test.each(cases)('Z34, Z37: every flipped octet of a PAC fails the server signature, or the frame: $name', (one) => {
    const whole = octets(one, 'pac');
    const key = keyOf(one, 'server_key');
    const { buffers } = decodePac(whole);
    const kdc = buffers.find(({ type }) => type === PAC_TYPE.KDC_CHECKSUM);
    for (let at = 0; at < whole.length; at++) {
      const flipped = whole.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 0x01;
      // Only the value of the KDC signature is not covered: that one is checked with the key of krbtgt.
      const covered = kdc === undefined || at < kdc.offset + 4 || at >= kdc.offset + kdc.data.length;
      const result = refused(() => verifyServerSignature(decodePac(flipped), key));
      expect(result).toBe(covered ? 'PAC_INVALID' : 'nothing was thrown');
    }
  });

  test('Z32: the KDC signatures fail for an altered signature, PAC or ticket', () => {
    const whole = octets(server2022, 'pac');
    const altered = (at: number): Pac => {
      const copy = whole.slice();
      copy[at] = (copy[at] ?? 0) ^ 1;
      return decodePac(copy);
    };
    expect(refused(() => verifyKdcSignature(altered(676), krbtgtKey))).toBe('PAC_INVALID');
    expect(refused(() => verifyKdcSignature(altered(660), krbtgtKey))).toBe('PAC_INVALID'); // server signature
    expect(refused(() => verifyFullSignature(altered(300), krbtgtKey))).toBe('PAC_INVALID');
    expect(refused(() => verifyFullSignature(altered(924), krbtgtKey))).toBe('PAC_INVALID');
    const pac = decodePac(whole);
    // CVE-2020-17049: the service made its ticket forwardable
    const forged = { ...ticketPart, flags: ticketPart.flags | 0x40000000 };
    expect(ticketPart.flags & 0x40000000).toBe(0);
    expect(refused(() => verifyTicketSignature(pac, forged, krbtgtKey))).toBe('PAC_INVALID');
    expect(
      refused(() => verifyTicketSignature(pac, { ...ticketPart, endtime: ticketPart.endtime + 1000 }, krbtgtKey)),
    ).toBe('PAC_INVALID');
    for (const verify of [verifyServerSignature, verifyKdcSignature, verifyFullSignature])
      expect(refused(() => verify(pac, KerberosKey.generate(encryptionType(18), random)))).toBe('PAC_INVALID');
  });

  test('Z33: a signature without key, of a type that does not fit, or of another length, is refused (MS14-068)', () => {
    const whole = octets(server2022, 'pac');
    const { offset } = decodePac(whole).buffers.find(({ type }) => type === PAC_TYPE.SERVER_CHECKSUM) ?? { offset: 0 };
    for (const type of [0, 1, 2, 7, 14, CHECKSUM_TYPE.HMAC_MD5, CHECKSUM_TYPE.HMAC_SHA1_96_AES128, CHECKSUM_TYPE.GSS]) {
      const copy = whole.slice();
      new DataView(copy.buffer).setInt32(offset, type, true);
      expect(refused(() => verifyServerSignature(decodePac(copy), serverKey))).toBe('PAC_INVALID');
    }
  });

  test('Z32: what is not there does not verify', () => {
    const plain = signPac([{ type: PAC_TYPE.CLIENT_INFO, data: encodePacClientInfo({ clientId: 1n, name: 'a' }) }], {
      serviceKey: serverKey,
      krbtgtKey,
      full: false,
    });
    const pac = decodePac(plain);
    verifyServerSignature(pac, serverKey);
    verifyKdcSignature(pac, krbtgtKey);
    expect(refused(() => verifyFullSignature(pac, krbtgtKey))).toBe('PAC_INVALID');
    expect(refused(() => verifyTicketSignature(pac, ticketPart, krbtgtKey))).toBe('PAC_INVALID');
    expect(refused(() => verifyServerSignature(decodePac(hex('0000000000000000')), serverKey))).toBe('PAC_INVALID');
  });

  test('Z32: a ticket with no PAC, or two', () => {
    expect(refused(() => ticketWithoutPac({ ...ticketPart, authorizationData: undefined }))).toBe('PAC_INVALID');
    const twice = [...(ticketPart.authorizationData ?? []), ...pacAuthorizationData(hex('00'))];
    expect(refused(() => ticketWithoutPac({ ...ticketPart, authorizationData: twice }))).toBe('PAC_INVALID');
  });

  test('signatures with the identifier of a read-only domain controller', () => {
    const whole = octets(server2022, 'pac');
    const kdc = decodePac(whole).buffers.find(({ type }) => type === PAC_TYPE.KDC_CHECKSUM);
    const padded = new Uint8Array(18);
    padded.set(kdc?.data ?? []);
    padded.set([0x34, 0x12], 16);
    expect(
      pacSignature(
        { octets: padded, buffers: [{ type: PAC_TYPE.KDC_CHECKSUM, offset: 0, data: padded }] },
        PAC_TYPE.KDC_CHECKSUM,
      ),
    ).toMatchObject({
      rodcIdentifier: 0x1234,
      checksum: padded.subarray(4, 16),
    });
  });

  test.each(ALL)('a PAC of ours verifies in all four ways, etype %d', (etype) => {
    const [service, krbtgt] = [0, 1].map(() => KerberosKey.generate(encryptionType(etype, ALL), random));
    if (service === undefined || krbtgt === undefined) throw new TypeError('no keys');
    const bare = { ...ticketPart, authorizationData: undefined };
    const contents = [{ type: PAC_TYPE.CLIENT_INFO, data: encodePacClientInfo({ clientId: 1n, name: 'alice' }) }];
    const pac = decodePac(signPac(contents, { serviceKey: service, krbtgtKey: krbtgt, ticketPart: bare }));
    verifyServerSignature(pac, service);
    verifyKdcSignature(pac, krbtgt);
    verifyFullSignature(pac, krbtgt);
    const whole = { ...bare, authorizationData: pacAuthorizationData(pac.octets) };
    verifyTicketSignature(pac, whole, krbtgt);
    expect(pacBuffer(pac, PAC_TYPE.CLIENT_INFO)).toEqual(contents[0]?.data);
    expect(refused(() => verifyServerSignature(pac, krbtgt))).toBe('PAC_INVALID');
  });

  test('signing the contents of the Windows PAC anew gives the PAC of Windows, octet for octet', () => {
    const { buffers } = decodePac(octets(server2022, 'pac'));
    const { TICKET_CHECKSUM, FULL_CHECKSUM, SERVER_CHECKSUM, KDC_CHECKSUM } = PAC_TYPE;
    const signatures: readonly number[] = [TICKET_CHECKSUM, FULL_CHECKSUM, SERVER_CHECKSUM, KDC_CHECKSUM];
    const contents = buffers.filter(({ type }) => !signatures.includes(type));
    const bare = { ...ticketPart, authorizationData: undefined };
    expect(toHex(signPac(contents, { serviceKey: serverKey, krbtgtKey, ticketPart: bare }))).toBe(
      text(server2022, 'pac'),
    );
  });
});
