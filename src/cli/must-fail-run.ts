/**
 * Runs the logons that must fail, each in a lab that does one thing wrong, and looks at the reason that comes of it.
 * @module
 */
import { type Diagnosis, diagnose } from '../explain/index.ts';
import type { Lab, LabNla, LogonOptions } from '../lab/index.ts';
import { type ConnectNlaOptions, connectNla } from '../rdp/index.ts';
import { type AuthIdentity, ntStatusName, SspiError, statusName } from '../sspi/index.ts';
import { MUST_FAIL, type MustFail, type Reason } from './must-fail.ts';

/** What came of one. */
export interface MustFailResult {
  readonly group: string;
  readonly fault: string;
  readonly by: 'Kerberos' | 'NTLM' | undefined;
  readonly noticedBy: 'client' | 'server';
  readonly expected: Reason;
  /** Undefined: the logon did not fail, or not on the side that was to notice it. */
  readonly reported: Reason | undefined;
  readonly equal: boolean;
  readonly milliseconds: number;
  readonly diagnosis: Diagnosis;
}

/** More than a message takes on the loopback address of a busy machine; milliseconds. */
const LEG_TIMEOUT = 8_000;
/** So long a KDC that says nothing is waited for. */
const SILENCE = 300;

/** Runs them one after the other. @param groups - others than those that there are */
export async function* runMustFail(realm: Lab, groups = MUST_FAIL): AsyncGenerator<MustFailResult> {
  for (const [group, rows] of groups) for (const row of rows) yield await runOne(realm, group, row);
}

async function runOne(realm: Lab, group: string, row: MustFail): Promise<MustFailResult> {
  const { fault, by, noticedBy, expected } = row;
  realm.kdc.faults = row.kdc ?? {};
  const started = performance.now();
  try {
    const error = await failureOf(realm, row);
    const milliseconds = Math.round(performance.now() - started);
    const reported = error === undefined ? undefined : reasonOf(error, noticedBy);
    const equal = reported?.cause === expected.cause && reported.status === expected.status;
    const diagnosis = error === undefined ? { causes: [] } : diagnose(error);
    return { group, fault, by, noticedBy, expected, reported, equal, milliseconds, diagnosis };
  } finally {
    realm.kdc.faults = {};
  }
}

/** The error of the side that is to notice. */
async function failureOf(realm: Lab, row: MustFail): Promise<SspiError | undefined> {
  if (row.instead !== undefined) return await clientFailure(realm, row, await doorOf(realm, row.instead));
  await using server = await realm.nla({
    legTimeout: LEG_TIMEOUT,
    identity: realm.acceptor(row.acceptor),
    ...row.server,
  });
  if (row.between === undefined) return await failureAt(realm, row, server, server);
  await using middle = await realm.middle(server, row.between);
  if (row.between === 'replayed') await overheard(realm, row, server, middle);
  return await failureAt(realm, row, server, middle);
}

async function failureAt(realm: Lab, row: MustFail, server: LabNla, door: Door): Promise<SspiError | undefined> {
  const error = await clientFailure(realm, row, door);
  if (row.noticedBy === 'client') return error;
  const logon = await server.next();
  if (logon.kind === 'refused') return logon.error;
  logon.session.dispose();
  return undefined;
}

/** A logon that goes through, for somebody to listen to. */
async function overheard(realm: Lab, row: MustFail, server: LabNla, door: Door): Promise<void> {
  const error = await clientFailure(realm, row, door);
  const logon = await server.next();
  if (error !== undefined || logon.kind === 'refused')
    throw new SspiError('INTERNAL_ERROR', { stage: 'lab', cause: error });
  logon.session.dispose();
}

interface Door {
  readonly host: string;
  readonly port: number;
}

async function doorOf(realm: Lab, instead: NonNullable<MustFail['instead']>): Promise<Door> {
  if (instead !== 'nobody') return await realm.stranger(instead);
  const { host, port, close } = await realm.stranger('silent');
  await close(); // a port that was free a moment ago
  return { host, port };
}

async function clientFailure(realm: Lab, row: MustFail, door: Door): Promise<SspiError | undefined> {
  const options: ConnectNlaOptions = {
    host: 'localhost',
    port: door.port,
    targetName: realm.targetName,
    identity: identityOf(realm, row),
    rootStore: [realm.certificate.certificate],
    platform: realm.host,
    legTimeout: LEG_TIMEOUT,
    ...row.client,
  };
  try {
    const { stream } = await connectNla(options);
    stream.destroy();
    return undefined;
  } catch (error) {
    if (error instanceof SspiError) return error;
    throw error;
  }
}

const MECHANISM = { Kerberos: 'kerberos', NTLM: 'ntlm' } as const satisfies Record<string, LogonOptions['mechanism']>;

function identityOf(realm: Lab, { user = 'alice', password, by, kdc }: MustFail): AuthIdentity {
  const identity = realm.identity(user, { password, mechanism: by === undefined ? 'both' : MECHANISM[by] });
  if (identity.kerberos === undefined) return identity;
  return { ...identity, kerberos: { ...identity.kerberos, deadline: kdc?.silent === true ? SILENCE : LEG_TIMEOUT } };
}

function reasonOf(error: SspiError, noticedBy: MustFail['noticedBy']): Reason {
  const { status, ntStatus } = error; // the NTSTATUS of a server is what it tells its client, which may be less than it knows
  const cause = diagnose(error).causes[0]?.code ?? 'INTERNAL';
  return {
    cause,
    status: noticedBy === 'server' || ntStatus === undefined ? statusName(status) : ntStatusName(ntStatus),
  };
}
