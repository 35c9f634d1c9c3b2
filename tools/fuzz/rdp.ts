/**
 * Both sides of an RDP logon on a stream, with one piece that goes wrong on its way.
 * @module
 */
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { type Carrier, connectCleanPath } from '../../src/rdp/external.ts';
import { acceptNla, connectNla } from '../../src/rdp/index.ts';
import type { CertificateWithKey } from '../../src/sspi/index.ts';
import { ALICE } from '../lab/actors.ts';
import { wirePair } from '../lab/wire.ts';
import { NOW } from './exchanges.ts';
import { mutate } from './mutate.ts';
import { Finding, judge, type Target } from './target.ts';

/** Milliseconds after which a side that waits for ever has waited long enough. */
const PATIENCE = 40;

/** The logon as a target. Under TLS most changes end in an alert; in the two X.224 PDUs before it they reach our parsers. */
export function rdpTarget(certificate: CertificateWithKey, corpus: readonly Uint8Array[]): Target {
  const accounts = memoryAccounts([ALICE]);
  return {
    name: 'RDP logon',
    async run(chance) {
      const victim = chance.below(3) < 2 ? chance.below(2) : chance.below(12);
      const inputs: Uint8Array[] = [];
      let piece = 0;
      const [near, far] = wirePair((octets) => {
        if (piece++ !== victim) return octets;
        inputs.push(octets.slice(), mutate(octets, chance, corpus));
        return inputs[1] ?? octets;
      });
      const platform = chance.host(NOW);
      const [client, server] = await Promise.allSettled([
        connectNla({
          host: 'server.example.com',
          stream: near,
          identity: { kind: 'identity', ...ALICE },
          platform,
          deadline: PATIENCE,
        }),
        acceptNla({ stream: far, certificate, identity: { kind: 'acceptor', accounts }, platform, deadline: PATIENCE }),
      ]);
      if (client.status === 'fulfilled') client.value.stream.on('error', ignore).destroy();
      else judge(client.reason, inputs);
      if (server.status === 'fulfilled') {
        server.value.stream.on('error', ignore).destroy();
        const { name } = server.value.identity;
        if (name !== `${ALICE.domain}\\${ALICE.user}`) throw new Finding(`somebody else is logged on: ${name}`, inputs);
        server.value.dispose();
      } else judge(server.reason, inputs);
    },
  };
}

/** A stream that was torn down on purpose has nothing to say. */
function ignore(): undefined {
  return undefined;
}

/** A gateway that answers with something like one of these messages, in pieces, and something like a TSRequest behind it. */
export function gatewayTarget(messages: readonly Uint8Array[], corpus: readonly Uint8Array[]): Target {
  return {
    name: 'RDP logon through a gateway',
    async run(chance) {
      const answer = mutate(chance.pick(messages), chance, messages);
      const behind = mutate(chance.pick(corpus), chance, corpus);
      const cut = chance.below(answer.length + 1);
      const pieces = [answer.subarray(0, cut), answer.subarray(cut), behind];
      const carrier: Carrier = { send: () => undefined, receive: () => Promise.resolve(pieces.shift()?.slice()) };
      const identity = { kind: 'identity', ...ALICE } as const;
      const options = { carrier, proxyAuth: 'token', host: 'server.example.com', identity, deadline: PATIENCE };
      try {
        await connectCleanPath({ ...options, platform: chance.host(NOW) });
      } catch (error) {
        return judge(error, [answer, behind]);
      }
      throw new Finding('a logon that nobody has answered', [answer, behind]);
    },
  };
}
