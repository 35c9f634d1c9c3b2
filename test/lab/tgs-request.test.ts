/** What the KDC of the lab demands of a TGS-REQ and of the ticket in it: RFC 4120 3.3.3.1, [MS-PAC] 2.8, [MS-KILE] 3.3.5.7. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decode, encode } from '../../src/der/index.ts';
import { type ChecksumValue, encryptionType, KEY_USAGE, KerberosKey } from '../../src/kerberos/encryption/index.ts';
import { type KerberosTicket, requestServiceTicket } from '../../src/kerberos/kdc/index.ts';
import {
  AD_TYPE,
  ApReq,
  Authenticator,
  type EncTicketPart,
  findAuthorizationData,
  KdcReqBody,
  KrbError,
  PA_TYPE,
  parsePrincipal,
  seal,
  TgsReq,
  unseal,
} from '../../src/kerberos/messages/index.ts';
import {
  decodePac,
  encodePac,
  encodePacRequestor,
  PAC_TYPE,
  type PacSigning,
  pacAuthorizationData,
  pacSignature,
  signPac,
} from '../../src/kerberos/pac/index.ts';
import type { LabKdc } from '../../src/lab/index.ts';
import { clientOf, labKdc, logOn, SERVICE, SID } from './realm.ts';

const service = parsePrincipal(SERVICE).name;
const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

/** Asks for a ticket with a request that is changed on its way. @returns `ticket`, or the error-code that came instead */
async function outcome(
  kdc: LabKdc,
  grantingTicket: KerberosTicket,
  change: (message: Uint8Array) => Uint8Array = (message) => message,
): Promise<number | 'ticket'> {
  let answer: Uint8Array = new Uint8Array(0);
  const exchange = async ({ message }: { readonly message: Uint8Array }) =>
    (answer = await kdc.handle(change(message)));
  await requestServiceTicket({ ...clientOf([kdc]), network: { exchange } }, { grantingTicket, service }).catch(
    () => undefined, // what came is looked at below
  );
  return answer[0] === 0x6d ? 'ticket' : decode(KrbError, answer).errorCode;
}

describe('RFC 4120 3.3.3.1: the checksum of the request in the authenticator', () => {
  /** Octets of the body; a key that is the session key. */
  type Checksum = (body: Uint8Array, key: KerberosKey) => ChecksumValue | undefined;
  const right: Checksum = (body, key) => key.checksum(KEY_USAGE.TGS_REQ_CHECKSUM, body);
  const cut: Checksum = (body, key) => {
    const { cksumtype, checksum } = key.checksum(KEY_USAGE.TGS_REQ_CHECKSUM, body);
    return { cksumtype, checksum: checksum.slice(0, 4) };
  };
  /** RSA-MD5, RFC 3961 6.1.2: anybody can make it. */
  const unkeyed: Checksum = (body) => ({ cksumtype: 7, checksum: createHash('md5').update(body).digest() });
  const ofAnotherType: Checksum = (body) =>
    KerberosKey.generate(encryptionType(17, [17]), random).checksum(KEY_USAGE.TGS_REQ_CHECKSUM, body);

  test.each([
    ['the right one', right, 'ticket'],
    ['none', () => undefined, 50], // KRB_AP_ERR_INAPP_CKSUM
    ['one that needs no key (CVE-2010-1324)', unkeyed, 50],
    ['one of a type that the session key does not have', ofAnotherType, 50],
    ['the right one, cut short', cut, 41], // KRB_AP_ERR_MODIFIED
    ['none of its octets', (...of) => ({ ...right(...of), cksumtype: 16, checksum: new Uint8Array(0) }), 41],
    ['over another body', (body, key) => right(body.subarray(1), key), 41],
    ['with another key', (body) => right(body, KerberosKey.generate(encryptionType(18), random)), 41],
  ] satisfies [string, Checksum, number | 'ticket'][])('Z33: %s', async (_, checksum, expected) => {
    using kdc = labKdc();
    using granting = await logOn(clientOf([kdc]));
    const { sessionKey: key } = granting;
    const usage = KEY_USAGE.TGS_REQ_AUTHENTICATOR;
    const found = await outcome(kdc, granting, (message) => {
      const request = decode(TgsReq, message);
      const cksum = checksum(encode(KdcReqBody, request.reqBody), key);
      const padata = request.padata?.map((one) => {
        if (one.padataType !== PA_TYPE.TGS_REQ) return one;
        const apReq = decode(ApReq, one.padataValue);
        const made = { ...unseal(Authenticator, apReq.authenticator, key, usage), cksum };
        const authenticator = seal(Authenticator, made, { key, usage, random });
        return { ...one, padataValue: encode(ApReq, { ...apReq, authenticator }) };
      });
      return encode(TgsReq, { ...request, padata });
    });
    expect(found).toBe(expected);
  });
});

describe('[MS-KILE] 3.3.5.7: the PAC of the ticket-granting ticket', () => {
  const SIGNATURES: ReadonlySet<number> = new Set([PAC_TYPE.SERVER_CHECKSUM, PAC_TYPE.KDC_CHECKSUM]);
  type Contents = readonly { readonly type: number; readonly data: Uint8Array }[];

  /** What comes of a ticket-granting ticket that krbtgt's key opens, with another PAC. */
  async function outcomeOf(make: (contents: Contents, krbtgt: KerberosKey) => Uint8Array) {
    using kdc = labKdc();
    const krbtgt = await kdc.principals.krbtgt.keys.of(18);
    if (krbtgt === undefined) throw new TypeError('krbtgt has no key');
    kdc.faults = {
      forgeTicket(part: EncTicketPart): EncTicketPart {
        const [octets = new Uint8Array(0)] = findAuthorizationData(part.authorizationData, AD_TYPE.WIN2K_PAC);
        const contents = decodePac(octets).buffers.filter(({ type }) => !SIGNATURES.has(type));
        return { ...part, authorizationData: pacAuthorizationData(make(contents, krbtgt)) };
      },
    };
    using granting = await logOn(clientOf([kdc]));
    kdc.faults = {};
    return await outcome(kdc, granting);
  }

  const signed = (contents: Contents, krbtgt: KerberosKey, others: Partial<PacSigning> = {}): Uint8Array =>
    signPac(contents, { serviceKey: krbtgt, krbtgtKey: krbtgt, full: false, ...others });
  const another = KerberosKey.generate(encryptionType(18), random);

  /** CVE-2014-6324 (MS14-068): whatever may be a signature, and can be made by anybody. The KDC signature over it is right. */
  function unkeyed(contents: Contents, krbtgt: KerberosKey): Uint8Array {
    const pac = encodePac([
      ...contents,
      { type: PAC_TYPE.SERVER_CHECKSUM, data: Uint8Array.of(7, 0, 0, 0, ...new Uint8Array(16)) },
      { type: PAC_TYPE.KDC_CHECKSUM, data: Uint8Array.of(16, 0, 0, 0, ...new Uint8Array(12)) },
    ]);
    const md5 = createHash('md5').update(pac.octets).digest();
    const signature = pac.buffers.find(({ type }) => type === PAC_TYPE.SERVER_CHECKSUM);
    signature?.data.set(md5, 4); // a view of the PAC
    const { checksum } = krbtgt.checksum(KEY_USAGE.KERB_NON_KERB_CKSUM_SALT, md5);
    pacSignature(pac, PAC_TYPE.KDC_CHECKSUM).checksum.set(checksum);
    return pac.octets;
  }

  test.each([
    ['signed as the KDC does', signed, 'ticket'],
    ['whose server signature is MD5', unkeyed, 41], // KRB_AP_ERR_MODIFIED
    [
      'whose server signature is made with another key',
      (contents, krbtgt) => signed(contents, krbtgt, { serviceKey: another }),
      41,
    ],
    [
      'whose KDC signature is made with another key',
      (contents, krbtgt) => signed(contents, krbtgt, { krbtgtKey: another }),
      41,
    ],
  ] satisfies [string, Parameters<typeof outcomeOf>[0], number | 'ticket'][])(
    'Z33: one %s',
    async (_, make, expected) => {
      expect(await outcomeOf(make)).toBe(expected);
    },
  );

  test.each([
    [`${SID}-1104`, 'ticket'],
    [`${SID}-500`, 20], // KDC_ERR_TGT_REVOKED
    ['S-1-5-21-1-2-3-1104', 20],
  ] as const)('Z34: CVE-2021-42287: asked for by %s, about alice, who is 1104', async (sid, expected) => {
    const requestor = { type: PAC_TYPE.REQUESTOR, data: encodePacRequestor(sid) };
    const found = await outcomeOf((contents, krbtgt) => {
      expect(contents.some(({ type }) => type === PAC_TYPE.REQUESTOR)).toBe(true);
      return signed([...contents.filter(({ type }) => type !== PAC_TYPE.REQUESTOR), requestor], krbtgt);
    });
    expect(found).toBe(expected);
  });
});
