/**
 * One line for everybody who came to `sspi serve rdp`: who, how, with what kind of client, and why not. What was delegated is told by
 * its kind; passwords never come near these lines.
 * @module
 */
import { decode, nodesOf, printable } from '../explain/index.ts';
import { type NlaAcceptance, type NlaEvent, RDP_PROTOCOL } from '../rdp/index.ts';
import { asSspiError, flagNames, ntStatusName } from '../sspi/index.ts';

/** Facts about a client that is logging on, as they turn up. What a client claims is not proved. */
export interface ClientFacts {
  /** Offered in the X.224 request. */
  protocols?: readonly string[];
  cookie?: string;
  tls?: string;
  /** What the NTLM AUTHENTICATE says: who it wants to be. */
  claimed?: string;
  workstation?: string;
  /** Of NTLM: the Windows that the client is, or says to be. */
  clientVersion?: string;
}

/** One of the lines, for JSON. */
export type LogonLine = ClientFacts & {
  readonly time: string;
  readonly from: string;
  readonly milliseconds: number;
} & (
    | {
        readonly ok: true;
        readonly name: string;
        readonly domain: string;
        readonly user: string;
        readonly principal: string | undefined;
        readonly mechanism: string;
        readonly version: number;
        readonly delegated: string;
        readonly restrictedAdmin: boolean;
      }
    | {
        readonly ok: false;
        readonly code: string;
        readonly status: string;
        /** What the client was told. */
        readonly ntStatus: string | undefined;
        readonly stage: string;
        readonly message: string;
      }
  );

/** Listens to one logon. */
export class LogonLog {
  readonly #facts: ClientFacts = {};
  readonly #from: string;
  readonly #started = performance.now();
  #looking: Promise<void> = Promise.resolve();

  /** @param from - address and port of the client */
  constructor(from: string) {
    this.#from = from;
  }

  readonly observe = (event: NlaEvent): void => {
    switch (event.kind) {
      case 'x224':
        if (event.message === 'request') this.#request(event);
        break;
      case 'tls':
        this.#facts.tls = `${event.version} ${event.cipher}`;
        break;
      case 'message':
        if (event.direction === 'received') this.#looking = this.#looking.then(() => this.#look(event.octets));
        break;
      default:
    }
  };

  /** The line of somebody who was let in. */
  async accepted({ identity, credentials, session }: NlaAcceptance): Promise<LogonLine> {
    const { name, domain, user, principal, mechanism } = identity;
    const { version, restrictedAdmin } = session;
    const delegated = credentials.kind;
    const who = { ok: true, name, domain, user, principal, mechanism, version, delegated, restrictedAdmin } as const;
    return { ...(await this.#common()), ...who };
  }

  /** The line of somebody who was not. */
  async refused(error: unknown): Promise<LogonLine> {
    const { code, statusName: status, ntStatus, stage, message } = asSspiError(error);
    const told = ntStatus === undefined ? undefined : ntStatusName(ntStatus);
    return { ...(await this.#common()), ok: false, code, status, ntStatus: told, stage, message };
  }

  async #common(): Promise<ClientFacts & Pick<LogonLine, 'time' | 'from' | 'milliseconds'>> {
    const milliseconds = Math.round(performance.now() - this.#started);
    await this.#looking;
    return { time: new Date().toISOString(), from: this.#from, milliseconds, ...this.#facts };
  }

  #request({ request }: NlaEvent & { readonly kind: 'x224'; readonly message: 'request' }): void {
    if (request.negotiation !== undefined)
      this.#facts.protocols = flagNames(RDP_PROTOCOL, request.negotiation.requestedProtocols);
    if (request.cookie !== undefined) this.#facts.cookie = printable(request.cookie);
  }

  /** What the decoder finds in a TSRequest: its texts are harmless on a terminal whatever the client wrote. */
  async #look(octets: Uint8Array): Promise<void> {
    const { messages } = await decode(octets, { maxNodes: 1_000 });
    const values = new Map<string, string>();
    for (const { tree } of messages)
      for (const { name, value } of nodesOf(tree)) if (value !== undefined) values.set(name, value);
    const user = values.get('UserName');
    if (user === undefined) return;
    const domain = values.get('DomainName') ?? '';
    this.#facts.claimed = /^(?:|\(empty\))$/u.test(domain) ? user : `${domain}\\${user}`;
    const workstation = values.get('Workstation');
    if (workstation !== undefined && workstation !== '(empty)') this.#facts.workstation = workstation;
    const version = values.get('Version');
    if (version !== undefined) this.#facts.clientVersion = version;
  }
}

/** A line as text. */
export function logonText(line: LogonLine): string {
  const { time, from, milliseconds, claimed, workstation, clientVersion, cookie, protocols, tls } = line;
  const outcome = line.ok
    ? `LOGGED ON ${line.name} by ${line.mechanism}, CredSSP ${line.version}, delegated: ${line.delegated}${line.restrictedAdmin ? ' (Restricted Admin)' : ''}`
    : `REFUSED ${claimed ?? 'somebody'}: ${line.code} ${line.ntStatus ?? line.status}, ${line.message}`;
  const client = Object.entries({ workstation, client: clientVersion, cookie, offers: protocols?.join('+'), tls })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${String(value)}`);
  return printable(`${time} ${from} ${outcome}; ${[...client, `${milliseconds} ms`].join(', ')}`);
}
