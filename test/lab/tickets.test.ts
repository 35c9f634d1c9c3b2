import { describe, expect, test } from 'vitest';
import { decode } from '../../src/der/index.ts';
import { KEY_USAGE } from '../../src/kerberos/encryption/index.ts';
import { decodeGssToken } from '../../src/kerberos/gss/index.ts';
import { exchangeTicket, forwardTicket, renewTicket, requestServiceTicket } from '../../src/kerberos/kdc/index.ts';
import {
  AD_TYPE,
  ApRep,
  AsRep,
  EncTicketPart,
  findAuthorizationData,
  formatPrincipal,
  KDC_OPTIONS,
  NAME_TYPE,
  parsePrincipal,
  TgsRep,
  TICKET_FLAGS,
  unseal,
} from '../../src/kerberos/messages/index.ts';
import {
  decodeLogonInfo,
  decodePac,
  decodePacClientInfo,
  decodeUpnDnsInfo,
  groupSids,
  PAC_TYPE,
  pacBuffer,
  userSid,
  verifyServerSignature,
} from '../../src/kerberos/pac/index.ts';
import { acceptor, clientWith, initiator, passMessages, realmOf } from '../kerberos/ap-support.ts';
import { converse } from '../support/loop.ts';
import {
  ACCOUNTS,
  ALL_AES,
  clientOf,
  keyOf,
  labKdc,
  logOn,
  NOW,
  opened,
  PASSWORD,
  REALM,
  SERVICE,
  WITH_RC4,
} from './realm.ts';

const HOUR = 3_600_000;
const service = parsePrincipal(SERVICE).name;

describe('tickets of the lab', () => {
  test.each(WITH_RC4)('K7, K8, K9: password, ticket and session key of encryption type %i', async (etype) => {
    using kdc = labKdc({ encryptionTypes: WITH_RC4 });
    const client = clientOf([kdc], { encryptionTypes: [etype] });
    using granting = await logOn(client);
    expect(granting.sessionKey.etype).toBe(etype);
    expect(granting.has(TICKET_FLAGS.INITIAL)).toBe(true);
    const { ticket } = await requestServiceTicket(client, { grantingTicket: granting, service });
    expect(ticket.sessionKey.etype).toBe(etype);
    expect(ticket.ticket.encPart.etype).toBe(etype);
    const part = await opened(kdc, ticket, SERVICE);
    expect(part.key).toEqual(ticket.sessionKey.reveal());
    expect(formatPrincipal(part.cname, part.crealm)).toBe('alice@LAB.EXAMPLE');
  });

  test('Z39: RC4 is refused unless the realm has it', async () => {
    using kdc = labKdc();
    const logon = logOn(clientOf([kdc], { encryptionTypes: [23] }));
    await expect(logon).rejects.toMatchObject({ code: 'ENCRYPTION_TYPE_UNSUPPORTED' });
  });

  test('K8: the end is the one asked for, and not later than the realm allows', async () => {
    using kdc = labKdc();
    using short = await logOn(clientOf([kdc], { lifetime: 2 * HOUR }));
    expect([short.startTime, short.endTime]).toEqual([NOW, NOW + 2 * HOUR]);
    using long = await logOn(clientOf([kdc], { lifetime: 100 * HOUR }));
    expect(long.endTime).toBe(NOW + 10 * HOUR);
  });

  test('K14: the PAC of a service ticket says who it is, and verifies with the key of the service', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    const { ticket } = await requestServiceTicket(client, { grantingTicket: granting, service });
    const part = await opened(kdc, ticket, SERVICE);
    const [octets = new Uint8Array(0)] = findAuthorizationData(part.authorizationData, AD_TYPE.WIN2K_PAC);
    const pac = decodePac(octets);
    verifyServerSignature(pac, await keyOf(kdc, SERVICE, 18));
    // [MS-PAC] 2.4; the buffers of a service ticket of Windows Server 2022, as in test/vectors/kerberos-pac-signatures.json.
    expect(pac.buffers.map(({ type }) => type).toSorted((a, b) => a - b)).toEqual([
      0x1, 0x6, 0x7, 0xa, 0xc, 0x10, 0x13,
    ]);

    const info = decodeLogonInfo(pacBuffer(pac, PAC_TYPE.LOGON_INFO) ?? new Uint8Array(0));
    expect(info).toMatchObject({ effectiveName: 'alice', fullName: 'Alice Example', logonDomainName: 'LAB' });
    expect(userSid(info)).toBe('S-1-5-21-1004336348-1177238915-682003330-1104');
    expect(groupSids(info)).toEqual([
      'S-1-5-21-1004336348-1177238915-682003330-513',
      'S-1-5-21-1004336348-1177238915-682003330-1120',
      'S-1-18-1',
    ]);
    const clientInfo = decodePacClientInfo(pacBuffer(pac, PAC_TYPE.CLIENT_INFO) ?? new Uint8Array(0));
    // FILETIME of 2026-01-15 12:00:00 UTC: (1768478400 + 11644473600) * 10^7.
    expect(clientInfo).toEqual({ name: 'alice', clientId: 134_129_520_000_000_000n });
    const names = decodeUpnDnsInfo(pacBuffer(pac, PAC_TYPE.UPN_DNS_INFO) ?? new Uint8Array(0));
    expect(names).toMatchObject({
      upn: 'alice@lab.example',
      dnsDomainName: REALM,
      samName: 'alice',
      sid: userSid(info),
    });
  });

  test('K8: no PAC for who wants none', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc], { pac: false });
    using granting = await logOn(client);
    const { ticket } = await requestServiceTicket(client, { grantingTicket: granting, service });
    expect((await opened(kdc, ticket, SERVICE)).authorizationData).toBeUndefined();
  });

  test('a service that may have tickets handed on is marked', async () => {
    using kdc = labKdc({ accounts: [...ACCOUNTS, { user: 'WEB$', services: ['HTTP/web.lab.example'] }] });
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    const trusted = await requestServiceTicket(client, { grantingTicket: granting, service });
    expect(trusted.ticket.has(TICKET_FLAGS.OK_AS_DELEGATE)).toBe(true);
    const other = parsePrincipal('HTTP/web.lab.example').name;
    const plain = await requestServiceTicket(client, { grantingTicket: granting, service: other });
    expect(plain.ticket.has(TICKET_FLAGS.OK_AS_DELEGATE)).toBe(false);
  });

  test('forwardable tickets can be forwarded, others cannot', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc], { forwardable: true });
    using granting = await logOn(client);
    using forwarded = await forwardTicket(client, granting);
    expect(forwarded.has(TICKET_FLAGS.FORWARDED)).toBe(true);
    expect(forwarded.sessionKey.reveal()).not.toEqual(granting.sessionKey.reveal());

    const plain = clientOf([kdc]);
    using bound = await logOn(plain);
    const options = KDC_OPTIONS.FORWARDED;
    await expect(
      exchangeTicket(plain, { grantingTicket: bound, service: bound.server, options }),
    ).rejects.toMatchObject({
      code: 'KDC_POLICY',
    });
  });

  test('renewable tickets can be renewed: the same life again, the same last day', async () => {
    let now = NOW;
    using kdc = labKdc({ clock: { now: () => now } });
    const client = clientOf([kdc], { renewableLifetime: 48 * HOUR, lifetime: 2 * HOUR });
    using granting = await logOn(client);
    expect(granting.renewTill).toBe(NOW + 48 * HOUR);
    now += HOUR;
    client.clock.adopt(now);
    using renewed = await renewTicket(client, granting);
    expect([renewed.startTime, renewed.endTime, renewed.renewTill]).toEqual([
      NOW + HOUR,
      NOW + 3 * HOUR,
      NOW + 48 * HOUR,
    ]);
    expect(renewed.authTime).toBe(NOW);
    // A ticket that was not made to be renewed is not.
    using plain = await logOn(clientOf([kdc]));
    const asked = exchangeTicket(client, { grantingTicket: plain, service: plain.server, options: KDC_OPTIONS.RENEW });
    await expect(asked).rejects.toMatchObject({ code: 'KDC_POLICY' });
  });
});

describe('user-to-user', () => {
  test('K12: a user is no service, except under the session key of his own ticket', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    const bob = parsePrincipal('bob').name;
    await expect(requestServiceTicket(client, { grantingTicket: granting, service: bob })).rejects.toMatchObject({
      code: 'USER_TO_USER_REQUIRED',
    });
    using his = await logOn(client, 'bob');
    const { ticket } = await requestServiceTicket(client, {
      grantingTicket: granting,
      service: bob,
      secondTicket: his.ticket,
    });
    const part = unseal(EncTicketPart, ticket.ticket.encPart, his.sessionKey, KEY_USAGE.TICKET);
    expect(part.key).toEqual(ticket.sessionKey.reveal());
  });

  test('K12: the ticket of somebody else does not help', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    const bob = parsePrincipal('bob').name;
    const asked = requestServiceTicket(client, {
      grantingTicket: granting,
      service: bob,
      secondTicket: granting.ticket,
    });
    await expect(asked).rejects.toMatchObject({
      code: 'KDC_REFUSED',
      detail: expect.stringContaining('SERVER_NOMATCH'),
    });
  });
});

describe('names', () => {
  test('RFC 6806 6: the KDC writes the name as the account has it, for who asked for that', async () => {
    using kdc = labKdc();
    using canonical = await logOn(clientOf([kdc]), 'ALICE');
    expect(formatPrincipal(canonical.client)).toBe('alice');
    // Without canonicalisation the name stays what was typed, and the salt is the account's all the same.
    using typed = await logOn(clientOf([kdc], { canonicalize: false }), 'ALICE');
    expect(formatPrincipal(typed.client)).toBe('ALICE');
  });

  test('RFC 6806 5: enterprise names, with any suffix', async () => {
    using kdc = labKdc({
      accounts: [{ user: 'alice', password: PASSWORD, userPrincipalName: 'a.example@corp.example' }],
    });
    using ticket = await logOn(clientOf([kdc]), 'A.Example@corp.example', { nameType: NAME_TYPE.ENTERPRISE });
    expect(formatPrincipal(ticket.client, ticket.clientRealm)).toBe('alice@LAB.EXAMPLE');
  });

  test('RFC 6806 7: a client of another realm is sent there', async () => {
    using here = labKdc();
    using there = labKdc({ realm: 'OTHER.EXAMPLE', accounts: [{ user: 'carol', password: PASSWORD }] });
    here.trust(there);
    using ticket = await logOn(clientOf([here, there]), 'carol@other.example', { nameType: NAME_TYPE.ENTERPRISE });
    expect(formatPrincipal(ticket.client, ticket.clientRealm)).toBe('carol@OTHER.EXAMPLE');
  });
});

describe('realms that trust each other', () => {
  function three() {
    const here = labKdc();
    const middle = labKdc({ realm: 'MIDDLE.EXAMPLE', sid: 'S-1-5-21-1-1-1', accounts: [] });
    const services = ['HTTP/www.far.example'];
    const far = labKdc({ realm: 'FAR.EXAMPLE', sid: 'S-1-5-21-2-2-2', accounts: [{ user: 'WWW$', services }] });
    here.trust(middle);
    middle.trust(far);
    return { here, middle, far };
  }

  test('K9: the KDC refers to the realm of the host, and on from there', async () => {
    const { here, middle, far } = three();
    const client = clientOf([here, middle, far]);
    using granting = await logOn(client);
    const { name } = parsePrincipal('HTTP/www.far.example');
    const { ticket, way } = await requestServiceTicket(client, { grantingTicket: granting, service: name });
    expect(way.map(({ server, serverRealm }) => formatPrincipal(server, serverRealm))).toEqual([
      'krbtgt/MIDDLE.EXAMPLE@LAB.EXAMPLE',
      'krbtgt/FAR.EXAMPLE@MIDDLE.EXAMPLE',
    ]);
    expect(ticket.serverRealm).toBe('FAR.EXAMPLE');
    const part = await opened(far, ticket, 'HTTP/www.far.example');
    // RFC 4120 3.3.3.2: neither the client's realm nor the service's.
    expect(new TextDecoder().decode(part.transited.contents)).toBe('MIDDLE.EXAMPLE');
    expect(part.flags & TICKET_FLAGS.TRANSITED_POLICY_CHECKED).not.toBe(0);
    // The PAC came all the way.
    const [octets = new Uint8Array(0)] = findAuthorizationData(part.authorizationData, AD_TYPE.WIN2K_PAC);
    const pac = decodePac(octets);
    verifyServerSignature(pac, await keyOf(far, 'HTTP/www.far.example', 18));
    const info = decodeLogonInfo(pacBuffer(pac, PAC_TYPE.LOGON_INFO) ?? new Uint8Array(0));
    expect(userSid(info)).toBe('S-1-5-21-1004336348-1177238915-682003330-1104');
  });

  test('Z41: a host that no realm has is no reason to go round in circles', async () => {
    const { here, middle, far } = three();
    const client = clientOf([here, middle, far]);
    using granting = await logOn(client);
    for (const spn of ['HTTP/nowhere.far.example', 'HTTP/www.unknown.example', 'HTTP/nowhere.lab.example']) {
      const { name } = parsePrincipal(spn);
      const asked = requestServiceTicket(client, { grantingTicket: granting, service: name });
      await expect(asked).rejects.toMatchObject({ code: 'SPN_UNKNOWN' });
    }
  });

  test('Z34: no realm speaks for the accounts of another', async () => {
    using here = labKdc();
    const services = ['HTTP/www.other.example'];
    // The other realm calls itself by the SID of this one, as one that was taken over would.
    using there = labKdc({ realm: 'OTHER.EXAMPLE', accounts: [{ user: 'WWW$', services }] });
    here.trust(there);
    const client = clientOf([here, there]);
    using granting = await logOn(client);
    const { name } = parsePrincipal('HTTP/www.other.example');
    await expect(requestServiceTicket(client, { grantingTicket: granting, service: name })).rejects.toMatchObject({
      code: 'KDC_POLICY',
    });
  });
});

describe('Protected Users', () => {
  const accounts = [{ user: 'paula', password: PASSWORD, isProtected: true }, ACCOUNTS[2]];

  test('no forwarding, no renewal, four hours', async () => {
    using kdc = labKdc({ accounts });
    using ticket = await logOn(clientOf([kdc], { forwardable: true, renewableLifetime: 48 * HOUR }), 'paula');
    expect(ticket.has(TICKET_FLAGS.FORWARDABLE | TICKET_FLAGS.RENEWABLE)).toBe(false);
    expect(ticket.endTime).toBe(NOW + 4 * HOUR);
  });

  test('no RC4, even in a realm that has it', async () => {
    using kdc = labKdc({ accounts, encryptionTypes: WITH_RC4 });
    await expect(logOn(clientOf([kdc], { encryptionTypes: [23] }), 'paula')).rejects.toMatchObject({
      code: 'ENCRYPTION_TYPE_UNSUPPORTED',
    });
    using ticket = await logOn(clientOf([kdc], { encryptionTypes: ALL_AES }), 'paula');
    expect(ticket.sessionKey.etype).toBe(18);
  });
});

test('Z50: every exchange has the encryption type of its own key, also where no two have the same', async () => {
  using kdc = labKdc({
    encryptionTypes: [19, 18, 17, 20], // the ticket-granting ticket is for krbtgt alone: 19
    accounts: [
      { user: 'alice', password: PASSWORD, encryptionTypes: [17] },
      { user: 'SERVER$', services: [SERVICE], encryptionTypes: [20] },
    ],
  });
  const answers: Uint8Array[] = [];
  const exchange = async ({ message }: { readonly message: Uint8Array }) => {
    const answer = await kdc.handle(message);
    answers.push(answer);
    return answer;
  };
  const client = { ...clientOf([kdc], { encryptionTypes: [18, 17, 20] }), network: { exchange } };
  using granting = await logOn(client);
  const asRep = decode(AsRep, answers.at(-1) ?? new Uint8Array(0));
  expect([asRep.encPart.etype, asRep.ticket.encPart.etype, granting.sessionKey.etype]).toEqual([17, 19, 18]);
  const { ticket } = await requestServiceTicket(client, { grantingTicket: granting, service });
  const tgsRep = decode(TgsRep, answers.at(-1) ?? new Uint8Array(0));
  expect([tgsRep.encPart.etype, tgsRep.ticket.encPart.etype, ticket.sessionKey.etype]).toEqual([18, 20, 20]);

  const source = { ticketFor: async () => ticket };
  const from = initiator(clientWith(realmOf(), {}, {}, undefined, source), { targetName: SERVICE });
  const to = await acceptor(realmOf(), { keytab: await kdc.keytab(SERVICE) });
  const { tokens, initiatorError, acceptorError } = await converse(from, to);
  expect([initiatorError, acceptorError, from.state, to.state]).toEqual([
    undefined,
    undefined,
    'established',
    'established',
  ]);
  const apRep = decode(ApRep, decodeGssToken(tokens.at(-1)?.token ?? new Uint8Array(0)).message);
  expect(apRep.encPart.etype).toBe(20);
  passMessages(from, to);
});
