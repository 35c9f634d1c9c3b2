/** Remote Credential Guard: contract §3.9, X35, and what it bypasses, Y10. */
import { pbkdf2Sync, X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import {
  credsspInitiator,
  decodeTSCredentials,
  decodeTSRequest,
  encodeTSCredentials,
  encodeTSRequest,
  subjectPublicKey,
  type TSRequest,
} from '../../src/credssp/index.ts';
import {
  type DelegatedCredentials,
  type DelegationPolicy,
  ISC_REQ,
  NTLM_SUPPLEMENTAL,
  packNtlmSupplemental,
  packTicketLogon,
  remoteCredentialKey,
  Secret,
  statusName,
  systemHost,
  unpackTicketLogon,
} from '../../src/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { acceptExternally, logOnExternally } from '../../src/rdp/external.ts';
import {
  type AcceptNlaOptions,
  acceptNla,
  type ConnectNlaOptions,
  connectNla,
  type NlaEvent,
  RDP_PROTOCOL,
} from '../../src/rdp/index.ts';
import { socketPair } from '../rdp/pair.ts';
import { carrierPair } from '../support/gateway.ts';
import { hex } from '../support/vectors.ts';
import { honest } from './fake-server.ts';
import { ALICE, certificates, IDENTITY } from './support.ts';

const NOTHING: DelegationPolicy = {
  allowDefault: [],
  allowDefaultNtlmOnly: [],
  allowFresh: [],
  allowFreshNtlmOnly: [],
  allowSaved: [],
  allowSavedNtlmOnly: [],
  denyDefault: [],
  denyFresh: [],
  denySaved: [],
};

describe('Remote Credential Guard', () => {
  test('X35: KERB_TICKET_LOGON, octet by octet', () => {
    const logon = { flags: 2, serviceTicket: hex('aabbcc'), ticketGrantingTicket: hex('ddee') };
    const packed = packTicketLogon(logon);
    expect(Buffer.from(packed).toString('hex')).toBe(
      [
        '0a000000', // MessageType 10
        '02000000', // Flags
        '03000000', // ServiceTicketLength
        '02000000', // TicketGrantingTicketLength
        '2000000000000000', // ServiceTicket
        '2300000000000000', // TicketGrantingTicket
        'aabbcc',
        'ddee',
      ].join(''),
    );
    expect(unpackTicketLogon(packed)).toEqual(logon);
  });

  test('X35, Z19: offsets and lengths that lead elsewhere are refused', () => {
    const packed = packTicketLogon({ flags: 0, serviceTicket: hex('aa'), ticketGrantingTicket: hex('bb') });
    for (let cut = 0; cut < packed.length; cut++)
      expect(() => unpackTicketLogon(packed.subarray(0, cut))).toThrow(
        expect.objectContaining({ code: 'UNKNOWN_CREDENTIALS' }),
      );
    for (const [at, value] of [
      [0, 2],
      [8, 0xff],
      [16, 0x1f],
      [16, 0xff],
      [20, 1],
      [24, 0],
    ] as const) {
      const changed = packed.slice();
      changed[at] = value;
      expect(() => unpackTicketLogon(changed)).toThrow(expect.objectContaining({ code: 'UNKNOWN_CREDENTIALS' }));
    }
  });

  test('X35: NTLM_REMOTE_SUPPLEMENTAL_CREDENTIAL, and the key for one SID', async () => {
    // MD4 of 'Password', [MS-NLMP] 4.2.2.1.2; the SID of a domain's administrator.
    const ntHash = hex('a4f49c406510bdcab6824ee7c30fd852');
    const sid = 'S-1-5-21-3623811015-3361044348-30300820-500';
    const salt = Buffer.from(sid, 'utf16le');
    const inner = pbkdf2Sync(ntHash, salt, 10_000, 32, 'sha256');
    const expected = Buffer.concat([pbkdf2Sync(inner, salt, 1, 16, 'sha256'), Buffer.alloc(4)]);
    const key = await remoteCredentialKey(ntHash, sid);
    expect(Buffer.from(key)).toEqual(expected);
    const packed = Buffer.from(packNtlmSupplemental(key)).toString('hex');
    expect(packed).toBe(`${'0200ffff'}${'08000000'}${expected.toString('hex')}${'02000000'}${'00000000'}`);
    expect(NTLM_SUPPLEMENTAL).toEqual({ LM_OWF: 1, NT_OWF: 2, CREDENTIAL_KEY: 8 });
    expect(() => packNtlmSupplemental(key.subarray(1))).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER' }));
  });

  // [MS-CSSP] 2.2.1.2, 2.2.1.2.3, 2.2.1.2.3.1, written out by hand. Every field has its explicit tag.
  const GUARD_CREDENTIALS = hex(
    [
      '304b', // TSCredentials
      'a003020106', // credType 6
      'a144',
      '0442', // credentials
      '3040', // TSRemoteGuardCreds
      'a01e',
      '301c', // logonCred
      'a0120410',
      '4b00650072006200650072006f007300', // packageName
      'a1060404',
      '0a000000', // credBuffer
      'a11e',
      '301c', // supplementalCreds, of which there may be several
      '301a',
      'a00a0408',
      '4e0054004c004d00',
      'a10c040a',
      '0200ffff000000000000',
    ].join(''),
  );
  const logon = () => ({ packageName: 'Kerberos', credential: new Secret(hex('0a000000')) });
  const supplemental = () => ({ packageName: 'NTLM', credential: new Secret(hex('0200ffff000000000000')) });

  test('X35, X8: TSRemoteGuardCreds under credType 6, octet by octet', () => {
    expect(encodeTSCredentials({ kind: 'remote-guard', logon: logon(), supplemental: [supplemental()] })).toEqual(
      GUARD_CREDENTIALS,
    );
    const decoded = decodeTSCredentials(GUARD_CREDENTIALS);
    if (decoded.kind !== 'remote-guard') throw new TypeError(decoded.kind);
    const opened = [decoded.logon, ...decoded.supplemental].map(({ packageName, credential }) => [
      packageName,
      hexOf(credential.reveal()),
    ]);
    expect(opened).toEqual([
      ['Kerberos', '0a000000'],
      ['NTLM', '0200ffff000000000000'],
    ]);
  });

  const TO_NOBODY = 'WSMAN/nobody.example.test';

  /** The client's engine against an honest server. */
  async function against(
    credentials: DelegatedCredentials,
    more: { readonly flags?: number; readonly trusted?: boolean } = {},
  ) {
    const { flags = ISC_REQ.DELEGATE, trusted = true } = more;
    const inner = await ntlmPackage.acquire({ use: 2, authData: IDENTITY, host: systemHost });
    const { answer, context: server } = await honest();
    const context = credsspInitiator({
      publicKey: subjectPublicKey(derOf(certificates.ec.certificate)),
      mechanism: inner.initiate({ flags: ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY }),
      credentials,
      serverCertificateTrusted: trusted,
      targetName: TO_NOBODY,
      flags,
      options: { policy: NOTHING },
    });
    const sent: TSRequest[] = [];
    let error: unknown;
    try {
      for (let input: Uint8Array = new Uint8Array(0); ; ) {
        const step = await context.step(input);
        if (!('token' in step)) throw new TypeError(statusName(step.status));
        const request = decodeTSRequest(step.token);
        sent.push(request);
        const reply = await answer(request);
        if (reply === undefined) break;
        input = encodeTSRequest(reply);
      }
    } catch (thrown) {
      error = thrown;
    }
    return { error, sent, server };
  }

  const guard = (): DelegatedCredentials => ({ kind: 'remote-guard', logon: logon(), supplemental: [supplemental()] });

  test('X35, Y10: they go where no list lets a password go', async () => {
    const password = { kind: 'password', domain: '', user: 'alice', password: Secret.fromText('x') } as const;
    const refused = await against(password);
    expect(refused.error).toMatchObject({ code: 'DELEGATION_POLICY' });
    expect(refused.sent).toEqual([]);
    const { error, server } = await against(guard());
    expect(error).toBeUndefined();
    expect(server.query('CREDS')).toMatchObject({ kind: 'remote-guard', logon: { packageName: 'Kerberos' } });
  });

  test.each([
    ['remote-guard', guard, ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH],
    ['none, under DELEGATE', (): DelegatedCredentials => ({ kind: 'none' }), ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH],
    ['none', (): DelegatedCredentials => ({ kind: 'none' }), ISC_REQ.MUTUAL_AUTH],
  ])('Y10, R22: %s: the server must be authenticated all the same when that was asked for', async (_, make, flags) => {
    const { error, sent } = await against(make(), { flags, trusted: false });
    expect(error).toMatchObject({ code: 'MUTUAL_AUTH_FAILED' });
    expect(sent.some(({ pubKeyAuth }) => pubKeyAuth !== undefined)).toBe(true); // it came as far as that
    expect(sent.some(({ authInfo }) => authInfo !== undefined)).toBe(false);
    expect((await against(make(), { flags, trusted: true })).error).toBeUndefined();
  });
});

describe('Remote Credential Guard over RDP', () => {
  const open: { destroy(): void }[] = [];
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
  });
  const guard = (): DelegatedCredentials => ({
    kind: 'remote-guard',
    logon: { packageName: 'Kerberos', credential: new Secret(hex('0a000000')) },
    supplemental: [],
  });
  const accounts = { kind: 'acceptor', accounts: memoryAccounts([ALICE]) } as const;

  async function logOn(client: Partial<ConnectNlaOptions>, server: Partial<AcceptNlaOptions>) {
    const { near, far } = await socketPair();
    open.push(near, far);
    const pdus: NlaEvent[] = [];
    const [connected, accepted] = await Promise.allSettled([
      connectNla({
        stream: near,
        host: 'host.example.test',
        identity: IDENTITY,
        deadline: 4000,
        observe: (event) => pdus.push(event),
        ...client,
      }),
      acceptNla({ stream: far, certificate: certificates.ec, identity: accounts, deadline: 4000, ...server }),
    ]);
    const octets = pdus.flatMap((event) => (event.kind === 'x224' ? [hexOf(event.octets)] : []));
    return { connected, accepted, octets, kinds: pdus.map(({ kind }) => kind) };
  }

  test('F5, F7, X37: asked for and allowed; and both sides know what was offered and chosen', async () => {
    const { connected, accepted, octets } = await logOn({ credentials: guard() }, { remoteGuard: true });
    if (connected.status === 'rejected') throw connected.reason;
    if (accepted.status === 'rejected') throw accepted.reason;
    expect(accepted.value).toMatchObject({
      identity: { name: 'EXAMPLE\\alice' },
      credentials: { kind: 'remote-guard', logon: { packageName: 'Kerberos' } },
    });
    // [MS-RDPBCGR] 2.2.1.1.1: flags 2, SSL | HYBRID | HYBRID_EX; 2.2.1.2.1: flags 0x10, HYBRID_EX.
    expect(octets).toEqual(['030000130ee00000000000010208000b000000', '030000130ed000000000000210080008000000']);
    const agreed = { requestedProtocols: 11, selectedProtocol: 8, serverFlags: 0x10 };
    expect(connected.value.session).toMatchObject({ ...agreed, remoteGuard: true, restrictedAdmin: false });
    expect(accepted.value.session).toMatchObject({ ...agreed, remoteGuard: true, restrictedAdmin: false });
  });

  test('F5: a server does not allow it by default; the client gives up before TLS', async () => {
    const { connected, accepted, kinds } = await logOn({ credentials: guard() }, {});
    expect(connected).toMatchObject({
      reason: { code: 'RDP_REMOTE_GUARD_REFUSED', statusName: 'SEC_E_UNSUPPORTED_FUNCTION' },
    });
    expect(accepted.status).toBe('rejected');
    expect(kinds).toEqual(['x224', 'x224']);
  });

  test('F5: whoever allows it takes a password too; Restricted Admin beside it hands nothing over', async () => {
    const { accepted } = await logOn({}, { remoteGuard: true });
    expect(accepted).toMatchObject({ value: { credentials: { kind: 'password' }, session: { remoteGuard: false } } });
    const both = await logOn({ credentials: guard(), restrictedAdmin: true }, { restrictedAdmin: true });
    expect(both.accepted).toMatchObject({
      value: { credentials: { kind: 'none' }, session: { remoteGuard: false, restrictedAdmin: true, serverFlags: 8 } },
    });
  });

  test.each([
    ['to a server that did not allow it', { flags: 0x02, remoteGuard: false }],
    ['by a client that did not ask for it', { flags: 0, remoteGuard: true }],
  ])('F5: such credentials %s are refused', async (_, { flags, remoteGuard }) => {
    const [near, far] = carrierPair();
    const certificate = derOf(certificates.ec.certificate);
    const negotiation = { flags, requestedProtocols: RDP_PROTOCOL.HYBRID };
    const [connected, accepted] = await Promise.allSettled([
      logOnExternally({
        carrier: near,
        certificates: [certificate],
        host: 'host.example.test',
        identity: IDENTITY,
        selectedProtocol: RDP_PROTOCOL.HYBRID,
        serverFlags: 0x10, // somebody has told the client so
        credentials: guard(),
      }),
      acceptExternally({
        carrier: far,
        certificate,
        request: { negotiation },
        selectedProtocol: RDP_PROTOCOL.HYBRID,
        identity: accounts,
        remoteGuard,
      }),
    ]);
    expect(accepted).toMatchObject({ reason: { code: 'UNEXPECTED_MESSAGE', stage: 'authInfo' } });
    expect(connected.status).toBe('fulfilled'); // under HYBRID nobody tells it: the connection closes
    const next = await near.receive().then(
      (octets) => octets?.length,
      () => undefined,
    );
    expect(next).toBeUndefined();
  });
});

const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');
const derOf = (certificate: string): Uint8Array => Uint8Array.from(new X509Certificate(certificate).raw);
