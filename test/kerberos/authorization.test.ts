/** The PAC in the tickets that a service takes: [MS-KILE] 3.4.5.3, [MS-PAC] 2.8. */
import { describe, expect, test } from 'vitest';
import { publishInnerAttributes } from '../../src/credssp/attributes.ts';
import { encode } from '../../src/der/index.ts';
import {
  AD_TYPE,
  AuthorizationData,
  decodeLogonInfo,
  decodePac,
  type EncTicketPart,
  encodeLogonInfo,
  encodePacClientInfo,
  encodePacRequestor,
  KEY_USAGE,
  KerberosKey,
  PAC_TYPE,
  pacAuthorizationData,
  pacSignature,
  signPac,
} from '../../src/kerberos/index.ts';
import {
  type ClientIdentity,
  contextOf,
  type KerberosAcceptorSettings,
  SEC_E,
  type SspiError,
  toFileTime,
} from '../../src/sspi/index.ts';
import { present } from '../api/door.ts';
import { DOMAIN_SID, pacContents, REALM, type TicketOptions } from '../support/kdc.ts';
import { octets, vectorCases } from '../support/vectors.ts';
import {
  acceptor,
  clientWith,
  failureOf,
  initiator,
  NOW,
  realmOf,
  SERVICE,
  serviceWith,
  tokenOf,
} from './ap-support.ts';

const realm = realmOf();
const KRBTGT = `krbtgt/${REALM}`;
/** A service that has the key of the KDC as well: a domain controller, a lab. */
const withKdcKey = { keytab: realm.keytab(SERVICE, KRBTGT) };

const request = (ticket: TicketOptions = {}) => tokenOf(initiator(clientWith(realm, ticket)));

async function refusal(ticket: TicketOptions, settings: Partial<KerberosAcceptorSettings> = {}): Promise<SspiError> {
  return failureOf((await acceptor(realm, settings)).step(await request(ticket)));
}

/** A ticket whose PAC is made by hand, and signed as a KDC would. */
function withPac(make: (part: EncTicketPart) => Uint8Array): TicketOptions {
  return { pac: 'none', changePart: (part) => ({ ...part, authorizationData: pacAuthorizationData(make(part)) }) };
}

/** The same buffers, and a password that lives for ever. */
function neverToChange(buffer: { readonly type: number; readonly data: Uint8Array }) {
  if (buffer.type !== PAC_TYPE.LOGON_INFO) return buffer;
  const info = { ...decodeLogonInfo(buffer.data), passwordMustChange: 0x7fffffffffffffffn };
  return { ...buffer, data: encodeLogonInfo(info) };
}

const signing = (part?: EncTicketPart) => ({
  serviceKey: realm.key(SERVICE),
  krbtgtKey: realm.krbtgtKey,
  ticketPart: part,
});

describe('what a service learns from a PAC', () => {
  test('K14: SIDs, groups, names', async () => {
    const server = await acceptor(realm, withKdcKey);
    await server.step(await request());
    expect(server.query('ACCESS_TOKEN')).toEqual({
      domain: 'EXAMPLE',
      user: 'alice',
      name: 'EXAMPLE\\alice',
      mechanism: 'Kerberos',
      identifyOnly: false,
      anonymous: false,
      principal: 'alice@EXAMPLE.TEST',
      delegated: undefined,
      authorization: {
        sid: `${DOMAIN_SID}-1104`,
        groups: [`${DOMAIN_SID}-513`, `${DOMAIN_SID}-1120`, 'S-1-18-1'],
        accountName: 'alice',
        logonDomain: 'EXAMPLE',
        userPrincipalName: 'alice@example.test',
        dnsDomain: REALM,
        fullName: 'Alice Example',
        userFlags: 0x20,
        userAccountControl: 0x10,
        passwordMustChange: toFileTime(NOW - 3_600_000 + 720 * 3_600_000),
        claims: [],
      },
    });
  });

  test('Q3: PASSWORD_EXPIRY is PasswordMustChange, and never where that is not said', async () => {
    const server = await acceptor(realm);
    const client = initiator(clientWith(realm));
    await server.step(await tokenOf(client));
    // The tickets of the test realm are an hour old; its passwords live for 30 days from then on.
    expect(server.query('PASSWORD_EXPIRY')).toEqual({ expires: toFileTime(NOW - 3_600_000 + 720 * 3_600_000) });
    expect(() => client.query('PASSWORD_EXPIRY')).toThrow();
    const never = await acceptor(realm, withKdcKey);
    const endless = withPac((part) => signPac(pacContents(part).map(neverToChange), signing(part)));
    await never.step(await request(endless));
    expect(never.query('PASSWORD_EXPIRY')).toEqual({ expires: 0x7fffffffffffffffn });
  });

  test.each([
    ['no PAC', 'none'],
    ["a PAC of MIT's KDC, which says nothing of the account", 'minimal'],
  ] as const)('%s: the name in the ticket', async (_, pac) => {
    const server = await acceptor(realm);
    await server.step(await request({ pac }));
    const { name, domain, authorization } = server.query('ACCESS_TOKEN');
    expect([name, domain, authorization]).toEqual(['alice@EXAMPLE.TEST', REALM, undefined]);
    expect(() => server.query('PASSWORD_EXPIRY')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
  });

  test('a service may want a PAC in every ticket', async () => {
    expect(await refusal({ pac: 'none' }, { requirePac: true })).toMatchObject({
      code: 'PAC_INVALID',
      status: SEC_E.LOGON_DENIED,
    });
    const server = await acceptor(realm, { requirePac: true });
    expect(await server.step(await request())).toMatchObject({ status: SEC_E.OK });
  });

  test('a ticket that is known says the same as when it was new', async () => {
    const service = await serviceWith(realm);
    const ticket = realm.ticket({ service: SERVICE });
    const credential = clientWith(realm, {}, {}, undefined, { ticketFor: async () => ticket.clone() });
    const identities: ClientIdentity[] = [];
    for (let i = 0; i < 3; i++) {
      const server = service.accept({ flags: 0 });
      await server.step(await tokenOf(initiator(credential)));
      identities.push(server.query('ACCESS_TOKEN'));
      server.dispose();
    }
    expect(identities[1]).toEqual(identities[0]);
    expect(identities[2]).toEqual(identities[0]);
  });
});

describe('Z32, Z33, Z34: signatures', () => {
  test('every octet of a PAC flipped', async () => {
    let length = Number.POSITIVE_INFINITY;
    for (let at = 0; at < length; at++) {
      const changePac = (octets: Uint8Array): Uint8Array => {
        length = octets.length;
        return octets.with(at, (octets[at] ?? 0) ^ 0x01);
      };
      // What the KDC signs for itself, a service without its key cannot check.
      const failure = await refusal({ changePac }, withKdcKey);
      expect(failure.code, `octet ${at}`).toBe('PAC_INVALID');
    }
    expect(length).toBeGreaterThan(700);
  }, 30_000);

  test('every cut of a PAC', async () => {
    for (let length = 0; length < 700; length += 7)
      expect((await refusal({ changePac: (octets) => octets.slice(0, length) })).code).toBe('PAC_INVALID');
  });

  test('of another service', async () => {
    const failure = await refusal(
      withPac((part) => signPac(pacContents(part), { ...signing(), serviceKey: realm.key('other') })),
    );
    expect(failure).toMatchObject({ code: 'PAC_INVALID' });
    expect(failure.detail).toContain('server signature');
  });

  test('CVE-2022-37967: of a KDC that is none, where the key of the KDC is at hand', async () => {
    const forged = withPac((part) => signPac(pacContents(part), { ...signing(), krbtgtKey: realm.key('nobody') }));
    expect(await (await acceptor(realm)).step(await request(forged))).toMatchObject({ status: SEC_E.OK });
    expect((await refusal(forged, withKdcKey)).detail).toContain('KDC signature');
  });

  test('CVE-2020-17049: flags of a ticket that the service itself has changed, where the key of the KDC is at hand', async () => {
    const changed = withPac((part) => signPac(pacContents(part), signing({ ...part, flags: 0 })));
    expect(await (await acceptor(realm)).step(await request(changed))).toMatchObject({ status: SEC_E.OK });
    expect((await refusal(changed, withKdcKey)).detail).toContain('ticket signature');
  });

  test('CVE-2022-37967: a full signature that is not of this PAC, where the key of the KDC is at hand', async () => {
    const changed = withPac((part) => {
      const pac = decodePac(signPac(pacContents(part), signing(part)));
      const signatureOf = (type: number): Uint8Array => pacSignature(pac, type).checksum; // a view of the PAC
      const full = signatureOf(PAC_TYPE.FULL_CHECKSUM);
      full[0] = (full[0] ?? 0) ^ 1;
      // The two old signatures are right again, [MS-PAC] 2.8.1 and 2.8.2: over the PAC without both, and over the first.
      const [ofServer, ofKdc] = [signatureOf(PAC_TYPE.SERVER_CHECKSUM), signatureOf(PAC_TYPE.KDC_CHECKSUM)];
      ofServer.fill(0);
      ofKdc.fill(0);
      const usage = KEY_USAGE.KERB_NON_KERB_CKSUM_SALT;
      ofServer.set(realm.key(SERVICE).checksum(usage, pac.octets).checksum);
      ofKdc.set(realm.krbtgtKey.checksum(usage, ofServer).checksum);
      return pac.octets;
    });
    expect(await (await acceptor(realm)).step(await request(changed))).toMatchObject({ status: SEC_E.OK });
    const failure = await refusal(changed, withKdcKey);
    expect(failure).toMatchObject({ code: 'PAC_INVALID', detail: 'the full signature does not verify' });
  });

  test('signatures that old KDCs do not make are not missed', async () => {
    const old = withPac((part) => signPac(pacContents(part), { ...signing(), full: false }));
    expect(await (await acceptor(realm, withKdcKey)).step(await request(old))).toMatchObject({ status: SEC_E.OK });
  });

  test('a KDC signature of a type for which there is no key', async () => {
    const forged = withPac((part) => signPac(pacContents(part), { ...signing(), krbtgtKey: realm.key(KRBTGT, 17) }));
    expect((await refusal(forged, withKdcKey)).code).toBe('PAC_INVALID');
  });

  test('two PACs', async () => {
    const twice: TicketOptions = {
      pac: 'none',
      changePart(part) {
        const [one] = pacAuthorizationData(signPac(pacContents(part), signing()));
        return { ...part, authorizationData: one === undefined ? [] : [one, one] };
      },
    };
    expect(await refusal(twice)).toMatchObject({ code: 'PAC_INVALID', detail: 'there is more than one' });
  });

  test("K15: a PAC in the authenticator is nobody's", async () => {
    const server = await acceptor(realm);
    await server.step(await request({ pac: 'none' }));
    expect(server.query('ACCESS_TOKEN').authorization).toBeUndefined();
  });
});

describe('a PAC belongs to its ticket', () => {
  const contents = (part: EncTicketPart, clientInfo: Uint8Array) =>
    pacContents(part).map((one) => (one.type === PAC_TYPE.CLIENT_INFO ? { ...one, data: clientInfo } : one));

  test.each([
    [
      'another name',
      (part: EncTicketPart) => encodePacClientInfo({ clientId: toFileTime(part.authtime), name: 'bob' }),
    ],
    [
      'another logon',
      (part: EncTicketPart) => encodePacClientInfo({ clientId: toFileTime(part.authtime + 1000), name: 'alice' }),
    ],
  ])('[MS-PAC] 2.7: %s', async (_, clientInfo) => {
    const failure = await refusal(withPac((part) => signPac(contents(part, clientInfo(part)), signing())));
    expect(failure).toMatchObject({ code: 'PAC_INVALID', detail: 'it belongs to another ticket' });
  });

  test('[MS-PAC] 2.7: no PAC_CLIENT_INFO', async () => {
    const without = withPac((part) =>
      signPac(
        pacContents(part).filter(({ type }) => type !== PAC_TYPE.CLIENT_INFO),
        signing(),
      ),
    );
    expect((await refusal(without)).detail).toContain('PAC_CLIENT_INFO');
  });

  test.each([
    [`${DOMAIN_SID}-1104`, undefined],
    [`${DOMAIN_SID}-500`, 'PAC_INVALID'],
  ])('Z34: PAC_REQUESTOR %s', async (sid, code) => {
    const requestor = { type: PAC_TYPE.REQUESTOR, data: encodePacRequestor(sid) };
    const server = await acceptor(realm);
    const outcome = await server
      .step(await request(withPac((part) => signPac([...pacContents(part), requestor], signing()))))
      .then(
        () => undefined,
        (error: SspiError) => error.code,
      );
    expect(outcome).toBe(code);
  });

  const CLAIM = { id: 'ad://ext/sAMAccountName:88d5d9085ea5c0c0', type: 'string', values: ['testuser1'] };
  const published = present(
    vectorCases('kerberos-files-pac').find((one) => one['name'] === 'MarshaledPAC_ClientClaimsInfoStr'),
  );

  test.each([
    ['without any', undefined, []],
    ['with nothing in them', new Uint8Array(0), []],
    ['as published', octets(published, 'hex'), [CLAIM]],
    ['that cannot be read', octets(published, 'hex').subarray(0, 40), undefined],
  ])('Q3, Z11: claims %s: a server of CredSSP gives them, or says that it cannot', async (_, data, claims) => {
    const server = await acceptor(realm);
    const added = data === undefined ? [] : [{ type: PAC_TYPE.CLIENT_CLAIMS, data }];
    await server.step(await request(withPac((part) => signPac([...pacContents(part), ...added], signing()))));
    expect(server.query('ACCESS_TOKEN').authorization?.claims).toEqual(claims);
    const around = contextOf({
      info: server.info,
      role: 'acceptor',
      // What a CredSSP server does when the mechanism inside is through.
      async *start(scope) {
        yield { token: new Uint8Array(0) };
        publishInnerAttributes(scope, server, 'acceptor');
        return { flags: 0 };
      },
      attributes: ['SUBJECT_SECURITY_ATTRIBUTES'],
    });
    await around.step();
    await around.step();
    const read = (): unknown => around.query('SUBJECT_SECURITY_ATTRIBUTES').attributes;
    if (claims === undefined) expect(read).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
    else expect(read()).toEqual(claims);
  });

  test('a client in any case is the same', async () => {
    const info = (part: EncTicketPart) => encodePacClientInfo({ clientId: toFileTime(part.authtime), name: 'ALICE' });
    const server = await acceptor(realm);
    expect(
      await server.step(await request(withPac((part) => signPac(contents(part, info(part)), signing())))),
    ).toMatchObject({ status: SEC_E.OK });
  });
});

describe('tickets that are known', () => {
  /** One ticket, shown again and again by its client, with whatever is changed about it. */
  async function shownTwice(settings: Partial<KerberosAcceptorSettings> = {}) {
    const service = await serviceWith(realm, settings);
    const ticket = realm.ticket({ service: SERVICE });
    const credential = clientWith(realm, {}, {}, undefined, { ticketFor: async () => ticket.clone() });
    await service.accept({ flags: 0 }).step(await tokenOf(initiator(credential)));
    return { service, ticket, credential };
  }

  test('Z32: the session key is the one of the ticket, whatever comes with it', async () => {
    const { service, ticket } = await shownTwice();
    const other = KerberosKey.from({ keytype: 18, keyvalue: new Uint8Array(32) });
    const thief = clientWith(realm, {}, {}, undefined, {
      ticketFor: async () => Object.assign(ticket.clone(), { sessionKey: other.clone() }),
    });
    const failure = await failureOf(service.accept({ flags: 0 }).step(await tokenOf(initiator(thief))));
    expect(failure).toMatchObject({ code: 'AUTHENTICATOR_INVALID' });
  });

  test('a service under another key does not take it for its own', async () => {
    const other = 'cifs/server.example.test';
    const { service, ticket } = await shownTwice({ keytab: realm.keytab(SERVICE, other) });
    const sname = { nameType: 2, nameString: other.split('/') };
    const renamed = Object.assign(ticket.clone(), { ticket: { ...ticket.ticket, sname } });
    const client = clientWith(realm, {}, {}, undefined, { ticketFor: async () => renamed });
    const failure = await failureOf(service.accept({ flags: 0 }).step(await tokenOf(initiator(client))));
    expect(failure).toMatchObject({ code: 'TICKET_UNREADABLE' });
  });

  test('contexts of one ticket end independently of each other', async () => {
    const { service, credential } = await shownTwice();
    const first = service.accept({ flags: 0 });
    const second = service.accept({ flags: 0 });
    const clients = [initiator(credential), initiator(credential)] as const;
    const [one, two] = [await tokenOf(clients[0]), await tokenOf(clients[1])];
    await clients[0].step(await tokenOf(first, one));
    first.dispose();
    service.dispose();
    await clients[1].step(await tokenOf(second, two));
    expect(second.state).toBe('established');
  });
});

test('AD-IF-RELEVANT around a PAC may hold other things', async () => {
  const changePart: TicketOptions['changePart'] = (part) => {
    const pac = signPac(pacContents(part), signing());
    const adData = encode(AuthorizationData, [
      { adType: 4711, adData: new Uint8Array(1) },
      { adType: AD_TYPE.WIN2K_PAC, adData: pac },
    ]);
    return { ...part, authorizationData: [{ adType: AD_TYPE.IF_RELEVANT, adData }] };
  };
  const server = await acceptor(realm);
  expect(await server.step(await request({ pac: 'none', changePart }))).toMatchObject({ status: SEC_E.OK });
  expect(server.query('ACCESS_TOKEN').authorization?.accountName).toBe('alice');
});
