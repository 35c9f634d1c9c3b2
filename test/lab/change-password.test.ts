/** The server for password changes of a lab realm: RFC 3244, asked by our own client and by hand. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import { systemHost } from '../../src/host/index.ts';
import { PasswordKeys } from '../../src/kerberos/credentials/index.ts';
import {
  CHANGE_PASSWORD_SERVICE,
  changePassword,
  type KdcClient,
  KerberosTicket,
  requestInitialTicket,
  requestServiceTicket,
} from '../../src/kerberos/kdc/index.ts';
import {
  decodeChangePassword,
  encodeChangePassword,
  parsePrincipal,
  TICKET_FLAGS,
} from '../../src/kerberos/messages/index.ts';
import { type KdcEvent, LAB_PASSWORD, type LabKdc, lab, listenAsKdc } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ISC_REQ, SECPKG_CRED, Secret, SspiError } from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { ACCOUNTS, clientOf, keyOf, labKdc, logOn, NOW, PASSWORD, REALM, SERVICE } from './realm.ts';

const NEW = 'Pässwörd2€';
const WITH_MORE = [
  ...ACCOUNTS,
  { user: 'mona', password: PASSWORD, state: 'must-change' },
  { user: 'root', password: PASSWORD, groups: [512] },
] as const;

/** An initial ticket for password changes, got with the old one. */
async function ticketOf(
  client: KdcClient,
  user = 'alice',
  password = PASSWORD,
  realm = REALM,
): Promise<KerberosTicket> {
  using secret = Secret.fromText(password);
  const keys = new PasswordKeys(secret);
  const { name } = parsePrincipal(user);
  return await requestInitialTicket(client, { client: name, realm, keys, service: CHANGE_PASSWORD_SERVICE });
}

async function change(kdc: LabKdc, user: string, password = NEW, target?: string): Promise<void> {
  const client = clientOf([kdc]);
  using ticket = await ticketOf(client, user);
  using newPassword = Secret.fromText(password);
  const of = target === undefined ? undefined : { name: parsePrincipal(target).name, realm: REALM };
  await changePassword(client, { ticket, newPassword, target: of });
}

async function refusal(run: Promise<unknown>): Promise<SspiError> {
  const outcome: unknown = await run.catch((error: unknown) => error);
  if (outcome instanceof SspiError) return outcome;
  throw new Error(`let through, or worse: ${String(outcome)}`);
}

describe('RFC 3244: whose password', () => {
  test("one's own: the new one is good, the old one is not, and the keys have another version", async () => {
    using kdc = labKdc();
    await change(kdc, 'alice');
    using ticket = await logOn(clientOf([kdc]), 'alice', { password: NEW });
    expect(ticket.client.nameString).toEqual(['alice']);
    expect(await refusal(logOn(clientOf([kdc]), 'alice'))).toMatchObject({ code: 'LOGON_DENIED' });
    expect(kdc.principals.client({ nameType: 1, nameString: ['alice'] })?.keys.kvno).toBe(3);
  });

  test('who must change it can, and need not any more', async () => {
    using kdc = labKdc({ accounts: WITH_MORE });
    expect(await refusal(logOn(clientOf([kdc]), 'mona'))).toMatchObject({ code: 'ACCOUNT_RESTRICTED' });
    await change(kdc, 'mona');
    await expect(logOn(clientOf([kdc]), 'mona', { password: NEW })).resolves.toBeInstanceOf(KerberosTicket);
  });

  test("somebody else's: by an administrator, and by nobody else", async () => {
    using kdc = labKdc({ accounts: WITH_MORE });
    const refused = await refusal(change(kdc, 'alice', NEW, 'bob'));
    expect(refused).toMatchObject({ code: 'PASSWORD_CHANGE_REFUSED', detail: 'ACCESSDENIED: not your password' });
    await expect(logOn(clientOf([kdc]), 'bob')).resolves.toBeInstanceOf(KerberosTicket);
    await change(kdc, 'root', NEW, 'bob');
    await expect(logOn(clientOf([kdc]), 'bob', { password: NEW })).resolves.toBeInstanceOf(KerberosTicket);
    expect((await refusal(change(kdc, 'root', NEW, 'nobody'))).detail).toBe('HARDERROR: no such account');
    // Naming oneself is no way to another's rights.
    await change(kdc, 'alice', NEW, 'alice');
    await expect(logOn(clientOf([kdc]), 'alice', { password: NEW })).resolves.toBeInstanceOf(KerberosTicket);
  });

  test('one that is too short is refused with the rule, and nothing is changed', async () => {
    using kdc = labKdc();
    const refused = await refusal(change(kdc, 'alice', 'Aa1!€é'));
    expect(refused.code).toBe('PASSWORD_CHANGE_REFUSED');
    expect(refused.detail).toContain('SOFTERROR: at least 7 characters');
    await expect(logOn(clientOf([kdc]), 'alice')).resolves.toBeInstanceOf(KerberosTicket);
    using lenient = labKdc({ policy: { minPasswordLength: 6 } });
    await change(lenient, 'alice', 'Aa1!€é');
  });

  test('NTLM takes the new one as well, and the old one no more', async () => {
    await using realm = await lab({ host: { ...systemHost, clock: { now: () => NOW } } });
    const client = clientOf([realm.kdc]);
    using ticket = await ticketOf(client, 'alice', LAB_PASSWORD, realm.realm);
    using newPassword = Secret.fromText(NEW);
    const logOnWith = async (password?: string) => {
      const authData = realm.identity('alice', { mechanism: 'ntlm', password });
      const { host } = realm;
      const outbound = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
      const acceptor = realm.acceptor({ kerberosService: { keytab: realm.keytab, replayCache: memoryReplayCache() } });
      const inbound = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: acceptor, host });
      const flags = ISC_REQ.CONFIDENTIALITY;
      return await converse(outbound.initiate({ flags, targetName: realm.targetName }), inbound.accept({ flags: 0 }));
    };
    expect((await logOnWith()).acceptorError).toBeUndefined();
    await changePassword(client, { ticket, newPassword });
    expect((await logOnWith(LAB_PASSWORD)).acceptorError?.code).toBe('LOGON_DENIED');
    expect((await logOnWith()).acceptorError).toBeUndefined(); // what the lab itself takes for the right one
  });
});

describe('RFC 3244: with which ticket', () => {
  test('CVE-2022-2031: a ticket for password changes grants no other, under whatever name it is shown', async () => {
    using kdc = labKdc({ accounts: WITH_MORE });
    const client = clientOf([kdc]);
    using ticket = await ticketOf(client, 'mona');
    using granting = await logOn(client);
    const renamed = new KerberosTicket({
      ...ticketFields(ticket),
      ticket: { ...ticket.ticket, sname: granting.ticket.sname },
      server: granting.server,
    });
    const asked = requestServiceTicket(client, { grantingTicket: renamed, service: parsePrincipal(SERVICE).name });
    expect(await refusal(asked)).toMatchObject({ code: expect.stringMatching(/TICKET_UNREADABLE|KDC_REFUSED/u) });
  });

  test('a ticket-granting ticket changes nothing, under whatever name it is shown', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    using newPassword = Secret.fromText(NEW);
    const asIs = await refusal(changePassword(client, { ticket: granting, newPassword }));
    expect(asIs.detail).toBe('AUTHERROR: KRB_AP_ERR_NOT_US (35)');
    const renamed = new KerberosTicket({
      ...ticketFields(granting),
      ticket: { ...granting.ticket, sname: CHANGE_PASSWORD_SERVICE },
    });
    const under = await refusal(changePassword(client, { ticket: renamed, newPassword }));
    expect(under.detail).toBe('AUTHERROR: KRB_AP_ERR_BAD_INTEGRITY (31)');
  });

  test('none is given for a ticket-granting one', async () => {
    using kdc = labKdc();
    const client = clientOf([kdc]);
    using granting = await logOn(client);
    const asked = requestServiceTicket(client, { grantingTicket: granting, service: CHANGE_PASSWORD_SERVICE });
    expect(await refusal(asked)).toMatchObject({ code: 'SPN_UNKNOWN' });
  });

  test('one that is not initial does not do for the own password', async () => {
    using kdc = labKdc();
    kdc.faults = { forgeTicket: (part) => ({ ...part, flags: part.flags & ~TICKET_FLAGS.INITIAL }) };
    expect((await refusal(change(kdc, 'alice'))).detail).toBe('INITIAL_FLAG_NEEDED: an initial ticket is needed');
  });

  test('one that has ended', async () => {
    let now = NOW;
    using kdc = labKdc({ clock: { now: () => now } });
    const client = clientOf([kdc]);
    using ticket = await ticketOf(client);
    using newPassword = Secret.fromText(NEW);
    now += 24 * 3_600_000;
    expect((await refusal(changePassword(client, { ticket, newPassword }))).detail).toBe(
      'AUTHERROR: KRB_AP_ERR_SKEW (37)',
    );
    client.clock.adopt(now);
    const late = await refusal(changePassword(client, { ticket, newPassword }));
    expect(late.detail).toBe('AUTHERROR: KRB_AP_ERR_TKT_EXPIRED (32)');
  });
});

describe('what goes wrong on the way', () => {
  /** A request as it went out. */
  async function recorded(kdc: LabKdc): Promise<Uint8Array> {
    let request: Uint8Array = new Uint8Array(0);
    const client = clientOf([kdc]);
    using ticket = await ticketOf(client);
    using newPassword = Secret.fromText(NEW);
    const network = {
      exchange: async ({ message }: { readonly message: Uint8Array }) => {
        request = message.slice();
        return Promise.reject(new SspiError('KDC_UNREACHABLE', { stage: 'test' }));
      },
    };
    await changePassword({ ...client, network }, { ticket, newPassword }).catch(() => undefined);
    return request;
  }

  const isChanged = (kdc: LabKdc) =>
    kdc.principals.client({ nameType: 1, nameString: ['alice'] })?.password !== PASSWORD;
  /** The answer as a refusal: the AP-REP is not there. */
  const isRefused = (answer: Uint8Array) => decodeChangePassword(answer).ap.length === 0;

  test('Z42: every octet of a request flipped, and every cut: an answer, and never another password than the one sent', async () => {
    using kdc = labKdc();
    const request = await recorded(kdc);
    const passed: number[] = [];
    for (let at = 0; at < request.length; at++) {
      const flipped = Uint8Array.from(request);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      const answer = await kdc.handlePasswordChange(flipped);
      if (!isRefused(answer)) passed.push(at);
      if (isChanged(kdc)) expect(kdc.principals.client({ nameType: 1, nameString: ['alice'] })?.password).toBe(NEW);
    }
    // Nobody protects ap-options (five octets) and the type of a name.
    expect(passed.length).toBeLessThanOrEqual(6);
    using fresh = labKdc();
    for (let length = 0; length < request.length; length++)
      expect(isRefused(await fresh.handlePasswordChange(request.subarray(0, length)))).toBe(true);
    expect(isChanged(fresh)).toBe(false);
  });

  test('another version of the protocol', async () => {
    using kdc = labKdc();
    const { ap, rest } = decodeChangePassword(await recorded(kdc));
    const answer = await kdc.handlePasswordChange(encodeChangePassword({ version: 2, ap, rest }));
    expect(Buffer.from(answer).toString('latin1')).toContain('KRB_AP_ERR_BADVERSION');
    expect(isChanged(kdc)).toBe(false);
  });

  test('the bare password in the version that names somebody is malformed', async () => {
    using kdc = labKdc();
    const { ap, rest } = decodeChangePassword(await recorded(kdc));
    const answer = await kdc.handlePasswordChange(encodeChangePassword({ version: 0xff80, ap, rest }));
    expect(isRefused(answer)).toBe(false); // told under encryption
    expect(isChanged(kdc)).toBe(false);
  });

  test('faults on request: a refusal, silence, an answer under another key', async () => {
    const events: KdcEvent[] = [];
    using kdc = labKdc({ observe: (event) => events.push(event) });
    const client = clientOf([kdc]);
    using ticket = await ticketOf(client);
    using newPassword = Secret.fromText(NEW);
    const run = () => refusal(changePassword(client, { ticket, newPassword }));
    kdc.faults = { errorCode: 29 };
    expect((await run()).detail).toBe('AUTHERROR: KDC_ERR_SVC_UNAVAILABLE (29)');
    expect(events.at(-1)).toMatchObject({
      request: 'password change',
      service: 'kadmin/changepw',
      answer: 'KRB-ERROR',
      errorCode: 29,
    });
    kdc.faults = { silent: true };
    expect((await run()).code).toBe('KDC_UNREACHABLE');
    kdc.faults = { wrongKey: 'answer' };
    expect((await run()).code).toBe('DECRYPT_FAILURE');
    expect(events.at(-1)).toMatchObject({ answer: 'KRB-PRIV', errorCode: undefined });
  });
});

test('RFC 3244 2: a port of its own, for datagrams too', async () => {
  using kdc = labKdc();
  await using listener = await listenAsKdc(kdc);
  expect(listener.passwordPort).not.toBe(listener.port);
  const socket = createSocket('udp4');
  try {
    socket.send(Uint8Array.of(0, 6, 0, 1, 0, 0), listener.passwordPort, listener.host);
    const [answer] = await once(socket, 'message');
    // An AP-REQ of no octets is malformed: a KRB-ERROR (0x7e) in a frame without AP-REP.
    const { version, ap, rest } = decodeChangePassword(new Uint8Array(answer));
    expect([version, ap.length, rest[0]]).toEqual([1, 0, 0x7e]);
  } finally {
    socket.close();
  }
  await expect(listenAsKdc(kdc, 0, listener.passwordPort)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
});

test('the keys of the new password are those that a keytab has afterwards', async () => {
  using kdc = labKdc();
  const before = await keyOf(kdc, 'alice', 18);
  await change(kdc, 'alice');
  expect((await keyOf(kdc, 'alice', 18)).reveal()).not.toEqual(before.reveal());
});

function ticketFields(ticket: KerberosTicket): ConstructorParameters<typeof KerberosTicket>[0] {
  return { ...ticket, sessionKey: ticket.sessionKey.clone() };
}
