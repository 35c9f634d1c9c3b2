/**
 * What an open context costs. Measured in a process of its own, in which nothing else has happened.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SecurityContext } from '../../src/sspi/index.ts';
import { type Actors, credsspActors, schannelActors } from '../lab/actors.ts';
import { converse } from '../lab/converse.ts';
import type { Figure } from './figure.ts';

const PAIRS = 1000;
const WARM_UP = 200;

/** Resident memory per open CredSSP context, in both roles taken together, beside that of TLS alone. */
export function contextMemory(): Figure {
  const [credssp, schannel] = [measuredApart('credssp'), measuredApart('schannel')];
  return {
    name: 'memory per open CredSSP context (RSS)',
    value: credssp,
    unit: 'KiB',
    bar: 48,
    better: 'less',
    detail: { 'Schannel context alone, KiB': schannel },
  };
}

function measuredApart(kind: 'credssp' | 'schannel'): number {
  const { stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, fileURLToPath(import.meta.url), kind], {
    encoding: 'utf8',
  });
  const kibibytes = Number(stdout);
  if (!(kibibytes > 0)) throw new Error(`the memory of ${kind} was not measured: ${stdout}${stderr}`);
  return kibibytes;
}

async function measure(actors: Actors): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const settled = async (): Promise<number> => {
    for (let times = 0; times < 4; times++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      collect();
    }
    return process.memoryUsage().rss;
  };
  const open: SecurityContext[] = [];
  const establish = async (pairs: number): Promise<void> => {
    for (let i = 0; i < pairs; i++) {
      const [client, server] = [actors.client(), actors.server()];
      await converse(client, server);
      open.push(client, server);
    }
  };
  await establish(WARM_UP);
  const before = await settled();
  await establish(PAIRS);
  const after = await settled();
  return (after - before) / (2 * PAIRS) / 1024;
}

const [, script, kind] = process.argv;
if (script === fileURLToPath(import.meta.url) && kind !== undefined) {
  process.stdout.write(String(await measure(kind === 'credssp' ? await credsspActors() : await schannelActors())));
  process.exit(0);
}
