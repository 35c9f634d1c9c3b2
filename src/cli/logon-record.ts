/**
 * `--trace FILE --replayable`: a logon written down so that `sspi replay` can run it again, and what has to be known for that.
 * @module
 */
import { subjectPublicKey } from '../credssp/index.ts';
import { fromHex, toHex } from '../crypto/index.ts';
import { Recorder, type TraceHeader } from '../explain/index.ts';
import type { Host } from '../host/index.ts';
import type { ConnectNlaOptions } from '../rdp/index.ts';
import type { CredSspOptions } from '../sspi/index.ts';
import { type DelegationPolicy, policyOf } from './policy-file.ts';
import { UsageError } from './terminal.ts';
import type { TimelineEvent } from './timeline.ts';
import type { TraceFile } from './trace-file.ts';

/** What the header of such a trace tells. */
export interface RecordedLogon {
  readonly targetName: string;
  /** Content of the SubjectPublicKey BIT STRING of the server's certificate. */
  readonly publicKey: Uint8Array;
  readonly trusted: boolean;
  readonly requireServerAuthentication: boolean;
  /** Whether the password was handed over, if there was one. */
  readonly delegates: boolean;
  readonly mechanism: 'ntlm' | 'negotiate';
  readonly minVersion: number | undefined;
  readonly maxVersion: number | undefined;
  readonly policy: DelegationPolicy | undefined;
}

/** A logon is begun with this host, and its events are told to this. */
export class LogonRecorder {
  readonly host: Host;
  readonly #recorder: Recorder;
  readonly #trace: TraceFile;
  readonly #settings: Omit<ConnectNlaOptions, 'identity'>;

  constructor(trace: TraceFile, settings: Omit<ConnectNlaOptions, 'identity'> & { readonly platform: Host }) {
    const write = (line: string): void => trace.write(line);
    this.#recorder = new Recorder({ host: settings.platform, write, replayable: true, conversation: 'rdp' });
    this.host = this.#recorder.host;
    this.#trace = trace;
    this.#settings = settings;
  }

  add(event: TimelineEvent): void {
    switch (event.kind) {
      case 'message':
        this.#recorder.message(event.direction === 'sent' ? 'client' : 'server', event.octets);
        break;
      case 'kdc': // is among what was drawn
        break;
      case 'certificate':
        this.#trace.add(event);
        this.#recorder.begin(this.#about(event.certificate, event.verdict?.trusted === true));
        break;
      default:
        this.#trace.add(event);
    }
  }

  #about(certificate: Uint8Array, trusted: boolean): Record<string, unknown> {
    const { host, targetName, requireServerAuthentication, restrictedAdmin, credentials, credssp } = this.#settings;
    return {
      protocol: 'rdp',
      targetName: targetName ?? `TERMSRV/${host}`,
      publicKey: toHex(subjectPublicKey(certificate)),
      trusted,
      requireServerAuthentication: requireServerAuthentication === true,
      delegates: restrictedAdmin !== true && credentials?.kind !== 'none',
      mechanism: credssp?.mechanism ?? 'negotiate',
      minVersion: credssp?.minVersion,
      maxVersion: credssp?.maxVersion,
      policy: credssp?.policy,
    };
  }
}

/** What a header tells of the logon. @throws UsageError when it is that of something else */
export function recordedLogonOf({ about, replayable }: TraceHeader): RecordedLogon {
  if (!replayable) throw new UsageError('FILE: this trace cannot be replayed', 'record it with --replayable');
  const { protocol, targetName, publicKey, trusted, requireServerAuthentication, delegates, mechanism } = about;
  if (
    protocol !== 'rdp' ||
    typeof targetName !== 'string' ||
    typeof publicKey !== 'string' ||
    !/^(?:[0-9a-f]{2})+$/u.test(publicKey) ||
    typeof trusted !== 'boolean' ||
    typeof requireServerAuthentication !== 'boolean' ||
    typeof delegates !== 'boolean' ||
    (mechanism !== 'ntlm' && mechanism !== 'negotiate')
  )
    throw notALogon();
  return {
    targetName,
    publicKey: fromHex(publicKey),
    trusted,
    requireServerAuthentication,
    delegates,
    mechanism,
    minVersion: versionIn(about['minVersion']),
    maxVersion: versionIn(about['maxVersion']),
    policy: about['policy'] === undefined ? undefined : policyOf(about['policy']),
  };
}

/** What CredSSP is told again. */
export function credsspOptionsOf({ minVersion, maxVersion, mechanism, policy }: RecordedLogon): CredSspOptions {
  return { minVersion, maxVersion, mechanism, policy };
}

function versionIn(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 2 || value > 6) throw notALogon();
  return value;
}

function notALogon(): UsageError {
  return new UsageError(
    'FILE: its header is not that of a logon',
    'give a file that `sspi logon --trace FILE --replayable` wrote',
  );
}
