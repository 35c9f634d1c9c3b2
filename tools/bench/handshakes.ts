/**
 * How many logons a second: CredSSP beside the TLS that it is made of, and NTLM.
 * @module
 */
import type { CertificateWithKey } from '../../src/sspi/index.ts';
import { type Actors, credsspActors, ntlmActors, schannelActors, tlsCredentials } from '../lab/actors.ts';
import { converse } from '../lab/converse.ts';
import { BareTls } from './bare-tls.ts';
import type { Figure } from './figure.ts';
import { rates, type Work } from './rounds.ts';

/** Logs on `count` times, one after the other, with contexts that are disposed afterwards. */
const logons =
  (actors: Actors, count: number): Work =>
  async () => {
    for (let i = 0; i < count; i++) {
      const [client, server] = [actors.client(), actors.server()];
      await converse(client, server);
      client.dispose();
      server.dispose();
    }
    return count;
  };

/** CredSSP version 6 with SPNEGO and NTLM inside and a password delegated, against the same TLS handshake alone. */
export async function credsspHandshake(key: 'rsa' | 'ec'): Promise<Figure> {
  const tls = tlsCredentials(key);
  const [certificate] = tls.server.certificates ?? [];
  const bare = bareLogons(certificate);
  const [credssp, schannel] = [await credsspActors(tls), await schannelActors(tls)];
  const found = await rates(9, { credssp: logons(credssp, 60), schannel: logons(schannel, 60), bare });
  return {
    name: `CredSSP v6 handshake pair, ${key === 'rsa' ? 'RSA 2048' : 'P-256'}, against a bare TLS pair in memory`,
    value: found.credssp / found.bare,
    unit: 'of it',
    bar: 0.85,
    better: 'more',
    detail: {
      'CredSSP pairs/s': found.credssp,
      'Schannel package pairs/s': found.schannel,
      'bare TLS pairs/s': found.bare,
    },
  };
}

function bareLogons(certificate: CertificateWithKey | undefined): Work {
  if (certificate === undefined) throw new Error('the server has no certificate');
  const tls = new BareTls(certificate);
  return async () => {
    for (let i = 0; i < 60; i++) for (const socket of await tls.pair()) socket.destroy();
    return 60;
  };
}

/** NTLMv2 with MIC, both roles. */
export async function ntlmHandshake(): Promise<Figure> {
  const found = await rates(9, { ntlm: logons(await ntlmActors(), 2000) });
  return {
    name: 'NTLMv2 + MIC handshake pair, both roles',
    value: found.ntlm,
    unit: 'pairs/s',
    bar: 19_000,
    better: 'more',
    detail: {},
  };
}
