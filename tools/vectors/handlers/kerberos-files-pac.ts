/**
 * Keytabs, buffers of PACs, password changes, and signatures of PACs.
 * @module
 */
import { readFileSync } from 'node:fs';
import { concat, fromHex, sha256 } from '../../../src/crypto/index.ts';
import { decode, encode } from '../../../src/der/index.ts';
import { encryptionType, KEY_USAGE } from '../../../src/kerberos/encryption/index.ts';
import { decodeKeytab, encodeKeytab, type KeytabEntry } from '../../../src/kerberos/files/index.ts';
import {
  ApRep,
  ApReq,
  ChangePasswdData,
  decodeChangePassword,
  EncTicketPart,
  encodeChangePassword,
  KrbPriv,
  Ticket,
  unseal,
} from '../../../src/kerberos/messages/index.ts';
import {
  decodeClaims,
  decodeLogonInfo,
  decodePac,
  decodePacClientInfo,
  decodeUpnDnsInfo,
  encodeLogonInfo,
  encodePac,
  encodeUpnDnsInfo,
  PAC_TYPE,
  pacBuffer,
  pacSignature,
  ticketWithoutPac,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from '../../../src/kerberos/pac/index.ts';
import { type CaseReader, isObject, Mismatch, same } from '../case.ts';
import { des3StringToKey } from '../des3.ts';
import type { CaseHandler } from '../runner.ts';
import { EVERY_TYPE, keyIn, utf16OfUtf8 } from './kerberos-crypto.ts';

const ofKind = (kind: string, check: CaseHandler['check']): CaseHandler => ({
  kind,
  applies: (value) => value['kind'] === kind,
  check,
});

const keytab = ofKind('keytab (v0x0502)', async (fields) => {
  const octets = fields.hex('hex');
  const entries = decodeKeytab(octets);
  const expected = fields.objects('entries');
  same('entries', entries.length, expected.length);
  for (const [index, entry] of entries.entries()) compareEntry(entry, expected[index]);
  const password = fields.optionalText('password');
  if (password !== undefined) for (const entry of entries) await compareKey(entry, password);
  same('entries written and read again', decodeKeytab(encodeKeytab(entries)).length, entries.length);
});

function compareEntry(entry: KeytabEntry, expected: CaseReader | undefined): void {
  if (expected === undefined) throw new Mismatch('an entry too many');
  same('realm', entry.realm, expected.text('realm'));
  same('principal', entry.name.nameString, expected.list('principal'));
  same('name type', entry.name.nameType, expected.number('name_type'));
  same('timestamp', entry.timestamp, expected.number('timestamp') * 1000);
  const short = expected.number('vno8');
  same('kvno', entry.kvno, expected.isNull('vno32') ? short : expected.number('vno32'));
  same('kvno in 8 bits', entry.kvno & 0xff, short);
  same('etype', entry.etype, expected.number('etype'));
  same('key', entry.key.reveal(), expected.hex('key'));
}

async function compareKey({ name, realm, etype, key }: KeytabEntry, password: string): Promise<void> {
  const utf8 = new TextEncoder().encode(password);
  const salt = new TextEncoder().encode(realm + name.nameString.join(''));
  const derived =
    etype === 16
      ? des3StringToKey(utf8, salt)
      : await encryptionType(etype, EVERY_TYPE).stringToKey(utf16OfUtf8(utf8), salt);
  same(`key of the password, etype ${etype}`, derived, key.reveal());
}

/** How each buffer is read, and written again where we write it. */
const buffers: Readonly<Record<string, (octets: Uint8Array) => Uint8Array | undefined>> = {
  MarshaledPAC_AD_WIN2K_PAC: (octets) => encodePac(decodePac(octets).buffers).octets,
  MarshaledPAC_Kerb_Validation_Info: (octets) => encodeLogonInfo(decodeLogonInfo(octets)),
  MarshaledPAC_UPN_DNS_Info: (octets) => encodeUpnDnsInfo(decodeUpnDnsInfo(octets)),
  MarshaledPAC_Server_Signature: (octets) => signatureAgain(octets, PAC_TYPE.SERVER_CHECKSUM),
  MarshaledPAC_KDC_Signature: (octets) => signatureAgain(octets, PAC_TYPE.KDC_CHECKSUM),
  MarshaledPAC_ClientClaimsInfoStr(octets) {
    const [{ sourceType, claims } = { sourceType: 0, claims: [] }] = decodeClaims(octets) ?? [];
    // The account's name, as Active Directory claims it of the user of all these samples.
    same('claims', claims, [{ id: 'ad://ext/sAMAccountName:88d5d9085ea5c0c0', type: 'string', values: ['testuser1'] }]);
    same('source', sourceType, 1);
    return undefined;
  },
};

function signatureAgain(octets: Uint8Array, type: number): Uint8Array {
  const { cksumtype, checksum } = pacSignature(encodePac([{ type, data: octets }]), type);
  const typeOctets = new Uint8Array(4);
  new DataView(typeOctets.buffer).setInt32(0, cksumtype, true);
  return concat(typeOctets, checksum);
}

const pac: CaseHandler = {
  kind: 'PAC',
  applies: (value) => value['kind'] === 'PAC' && Object.hasOwn(buffers, String(value['name'])),
  check(fields) {
    const octets = fields.hex('hex');
    const again = buffers[fields.text('name')]?.(octets);
    if (again !== undefined) same('written again', again, octets);
  },
};

const passwordChanges: Readonly<Record<string, (octets: Uint8Array) => Uint8Array>> = {
  MarshaledChangePasswdData: (octets) => encode(ChangePasswdData, decode(ChangePasswdData, octets)),
  MarshaledKpasswd_Req(octets) {
    const { version, ap, rest } = decodeChangePassword(octets);
    return encodeChangePassword({
      version,
      ap: encode(ApReq, decode(ApReq, ap)),
      rest: encode(KrbPriv, decode(KrbPriv, rest)),
    });
  },
  MarshaledKpasswd_Rep(octets) {
    const { version, ap, rest } = decodeChangePassword(octets);
    return encodeChangePassword({
      version,
      ap: encode(ApRep, decode(ApRep, ap)),
      rest: encode(KrbPriv, decode(KrbPriv, rest)),
    });
  },
};

const changePassword: CaseHandler = {
  kind: 'kpasswd (RFC 3244)',
  applies: (value) => value['kind'] === 'kpasswd (RFC 3244)' && Object.hasOwn(passwordChanges, String(value['name'])),
  check(fields) {
    const octets = fields.hex('hex');
    same('encoded again', passwordChanges[fields.text('name')]?.(octets), octets);
  },
};

/** The octets of the sample of a name: this kind of case points to another one of its file. */
function sampleNamed(name: string): Uint8Array {
  const file = new URL('../../../test/vectors/kerberos-files-pac.json', import.meta.url);
  const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const cases = isObject(content) && Array.isArray(content['cases']) ? content['cases'] : [];
  const found: unknown = cases.find((one) => isObject(one) && one['name'] === name);
  if (!isObject(found)) throw new Mismatch(`no sample ${name}`);
  return fromHex(String(found['hex']));
}

const serverSignature = ofKind('PAC server signature', (fields) => {
  const sample = decodePac(sampleNamed(fields.text('pac')));
  same('key usage', fields.number('usage'), KEY_USAGE.KERB_NON_KERB_CKSUM_SALT);
  verifyServerSignature(sample, keyIn(fields));
  const { cksumtype, checksum } = pacSignature(sample, PAC_TYPE.SERVER_CHECKSUM);
  same('signature type', cksumtype, fields.number('signature_type'));
  same('signature', checksum, fields.hex('signature'));
  const zeroed = Uint8Array.from(sample.octets);
  for (const { type, offset, data } of sample.buffers)
    if (type === PAC_TYPE.SERVER_CHECKSUM || type === PAC_TYPE.KDC_CHECKSUM)
      zeroed.fill(0, offset + 4, offset + data.length);
  same('SHA-256 of the PAC with its signatures zeroed', sha256(zeroed), fields.hex('zeroed_pac_sha256'));
});

/** What a signature of the case is said to be, held against the PAC. */
function compareSignature(octets: Uint8Array, expected: CaseReader, type: number): void {
  same('buffer type', expected.number('buffer_type'), type);
  same('signature', pacSignature(decodePac(octets), type).checksum, expected.hex('value'));
  if (expected.has('key_name')) expected.text('key_name'); // for people, as is the next one
  if (expected.has('over')) expected.text('over');
}

const signatures: CaseHandler = {
  kind: 'PAC signatures',
  applies: (value) =>
    typeof value['pac'] === 'string' && typeof value['server_key'] === 'string' && isObject(value['signatures']),
  check(fields) {
    const octets = fields.hex('pac');
    const signed = decodePac(octets);
    const expected = fields.object('signatures');
    const serviceKey = keyIn(fields, 'server_key');
    same('key usage', fields.number('usage'), KEY_USAGE.KERB_NON_KERB_CKSUM_SALT);
    compareSignature(octets, expected.object('server'), PAC_TYPE.SERVER_CHECKSUM);
    verifyServerSignature(signed, serviceKey);
    if (fields.has('client_info_name')) {
      const info = decodePacClientInfo(pacBuffer(signed, PAC_TYPE.CLIENT_INFO) ?? new Uint8Array(0));
      same('client', info.name, fields.text('client_info_name'));
    }
    if (!fields.has('krbtgt_key')) return;
    const krbtgtKey = keyIn(fields, 'krbtgt_key');
    compareSignature(octets, expected.object('kdc'), PAC_TYPE.KDC_CHECKSUM);
    verifyKdcSignature(signed, krbtgtKey);
    if (!fields.has('ticket')) return;
    const part = unseal(EncTicketPart, decode(Ticket, fields.hex('ticket')).encPart, serviceKey, KEY_USAGE.TICKET);
    same('EncTicketPart', encode(EncTicketPart, part), fields.hex('enc_ticket_part'));
    const ticketSignature = expected.object('ticket');
    compareSignature(octets, ticketSignature, PAC_TYPE.TICKET_CHECKSUM);
    same('input of the ticket signature', ticketWithoutPac(part), ticketSignature.hex('input'));
    verifyTicketSignature(signed, part, krbtgtKey);
    compareSignature(octets, expected.object('full'), PAC_TYPE.FULL_CHECKSUM);
    verifyFullSignature(signed, krbtgtKey);
  },
};

export const kerberosFilesPac: readonly CaseHandler[] = [keytab, pac, changePassword, serverSignature, signatures];
