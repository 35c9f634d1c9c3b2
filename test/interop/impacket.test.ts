import { afterAll, describe, expect, test } from 'vitest';
import type { AcceptNlaOptions } from '../../src/rdp/index.ts';
import { acceptOne } from './nla-server.ts';
import { ALICE, Peers } from './peers.ts';

const peers = new Peers();
afterAll(() => peers.stop());

function impacket(password: string, options: Partial<AcceptNlaOptions> = {}) {
  const args = [ALICE.user, ALICE.domain, password];
  return acceptOne((port) => peers.run('impacket-rdp-check.sh', ['127.0.0.1', String(port), ...args]), options);
}

/** impacket sends TSRequest version 2, from before CVE-2018-0886 was mended. */
const oldClients = { credssp: { minVersion: 2 } } as const;

describe('impacket against our acceptor', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)(
    'F1, C14: %s, right password: the credentials are those that were sent',
    async (version) => {
      const { server, client } = await impacket(ALICE.password, { ...oldClients, tls: { maxVersion: version } });
      expect(server).toMatchObject({ status: 'fulfilled', value: { ...ALICE, version: 2, tls: version } });
      expect(client).toMatchObject({ code: 0, output: expect.stringContaining('Access Granted') });
    },
  );

  test('X20, Z22: wrong password: refused without a word, as version 2 has none', async () => {
    const { server, client } = await impacket('not the password', oldClients);
    expect(server).toMatchObject({ status: 'rejected', reason: { code: 'LOGON_DENIED' } });
    expect(client.code).toBe(1);
  });

  test('Y19, Z1: at the default policy such a client is refused before it can prove anything', async () => {
    const { server, client } = await impacket(ALICE.password);
    expect(server).toMatchObject({ status: 'rejected', reason: { code: 'VERSION_REFUSED' } });
    expect(client.code).toBe(1);
  });
});
