/**
 * What happens while a logon is under way, for whoever has to show or explain it. Facts, with the time of each; no secrets.
 * @module
 */
import type { CredSspFact } from '../credssp/index.ts';
import type { CertTrustStatus, DelegatedCredentials, ExchangeEvent } from '../sspi/index.ts';
import type { MechanismChoice, TlsParameters } from './session.ts';
import type { Timing } from './timing.ts';
import type { ConnectionConfirm, ConnectionRequest } from './x224.ts';

type Direction = ExchangeEvent['direction'];

/** One thing that happened. */
export type NlaFact =
  /** A TCP connection is open. */
  | {
      readonly kind: 'tcp';
      /** Of the server, as the system resolved it. */
      readonly address: string;
      readonly port: number;
      readonly milliseconds: number;
    }
  /** A PDU of the X.224 negotiation, whole, as it is on the wire. */
  | {
      readonly kind: 'x224';
      readonly message: 'request';
      readonly direction: Direction;
      readonly octets: Uint8Array;
      readonly request: ConnectionRequest;
    }
  | {
      readonly kind: 'x224';
      readonly message: 'confirm';
      readonly direction: Direction;
      readonly octets: Uint8Array;
      readonly confirm: ConnectionConfirm;
    }
  /** The TLS handshake is over. */
  | ({
      readonly kind: 'tls';
      /** Octets on the wire until then, those of the X.224 negotiation included; undefined where the stream does not count them. */
      readonly sent: number | undefined;
      readonly received: number | undefined;
      readonly milliseconds: number;
    } & TlsParameters)
  /** The server's certificate: for a client that of the peer, for a server its own, on which it passes no verdict. */
  | {
      readonly kind: 'certificate';
      /** DER. */
      readonly certificate: Uint8Array;
      /** SHA-256 of the content of the SubjectPublicKey BIT STRING: what the binding is made of. */
      readonly publicKeySha256: Uint8Array;
      readonly verdict: { readonly trusted: boolean; readonly trust: CertTrustStatus } | undefined;
    }
  /**
   * A TSRequest, as it is inside TLS. There are no passwords in it that are not sealed, but of NTLM there is what a dictionary can be
   * tried on: keep it like a recording of the network.
   */
  | { readonly kind: 'message'; readonly direction: Direction; readonly octets: Uint8Array }
  /** A message of a mechanism inside, in words. */
  | { readonly kind: 'exchange'; readonly event: ExchangeEvent }
  /** A client's offer with the mechanism that it hopes for; and once more when it is settled which one is spoken. */
  | ({ readonly kind: 'mechanism'; readonly settled: boolean } & MechanismChoice)
  /** The proofs of the TLS key, and to whom what is delegated by which rule: see {@link CredSspFact}. */
  | CredSspFact
  /** What a server was handed. */
  | { readonly kind: 'received'; readonly delegated: DelegatedCredentials['kind'] }
  /** Whether the user may use this server; `not-told` where the protocol has no word for it. */
  | { readonly kind: 'authorization'; readonly result: 'granted' | 'denied' | 'not-told' };

/** One thing that happened, and when. */
export type NlaEvent = NlaFact & {
  /** Milliseconds since the call. */
  readonly at: number;
};

/** Is told of everything. What it throws ends the logon. */
export type NlaObserver = (event: NlaEvent) => void;

/** Tells an observer, if there is one. */
export class Report {
  readonly #observe: NlaObserver | undefined;
  readonly #timing: Timing;

  constructor(observe: NlaObserver | undefined, timing: Timing) {
    this.#observe = observe;
    this.#timing = timing;
  }

  readonly tell = (fact: NlaFact): void => {
    this.#observe?.({ ...fact, at: this.#timing.elapsed });
  };

  /** For the exchanges inside. Without an observer they need not describe their messages. */
  get exchange(): ((event: ExchangeEvent) => void) | undefined {
    return this.#observe === undefined ? undefined : (event) => this.tell({ kind: 'exchange', event });
  }
}
