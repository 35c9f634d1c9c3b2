/**
 * What a CredSSP token carries, in one line for people: TLS messages as far as they are legible from outside, and the TSRequests
 * inside as the context reports them.
 * @module
 */
import type { EndpointCall } from './endpoint.ts';

const RECORD_HEADER = 5;
const CONTENT = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;

/** RFC 8446 4 and RFC 5246 7.4. */
const HANDSHAKE_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'ClientHello'],
  [2, 'ServerHello'],
  [4, 'NewSessionTicket'],
  [11, 'Certificate'],
  [12, 'ServerKeyExchange'],
  [13, 'CertificateRequest'],
  [14, 'ServerHelloDone'],
  [15, 'CertificateVerify'],
  [16, 'ClientKeyExchange'],
  [20, 'Finished'],
]);

/**
 * What the token that came out of a call carries.
 * @example
 * describeToken(call); // 'ChangeCipherSpec, encrypted handshake, TSRequest v6 {negoTokens: NTLM NEGOTIATE}'
 */
export function describeToken({ token, events, error }: EndpointCall): string {
  const requests = events.filter((event) => event.protocol === 'CredSSP' && event.direction === 'sent');
  const { legible, sealed } = readRecords(token);
  const parts = [...legible];
  // A record that holds no TSRequest belongs to the TLS 1.3 handshake, which is encrypted from ServerHello on, or says goodbye.
  if (sealed > requests.length) parts.push(error === undefined ? 'encrypted handshake' : 'encrypted alert');
  parts.push(...requests.map(({ message }) => message));
  return parts.join(', ');
}

function readRecords(token: Uint8Array): { legible: string[]; sealed: number } {
  const legible: string[] = [];
  let sealed = 0;
  let encrypted = false;
  let handshake: number[] = [];
  for (let at = 0; at + RECORD_HEADER <= token.length; ) {
    const length = ((token[at + 3] ?? 0) << 8) | (token[at + 4] ?? 0);
    const body = token.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length);
    switch (token[at]) {
      case CONTENT.handshake:
        if (encrypted) legible.push('Finished');
        else handshake = [...handshake, ...body];
        break;
      case CONTENT.changeCipherSpec:
        legible.push(...handshakeNames(handshake), 'ChangeCipherSpec');
        handshake = [];
        encrypted = true;
        break;
      case CONTENT.alert:
        legible.push('alert');
        break;
      default:
        sealed++;
    }
    at += RECORD_HEADER + length;
  }
  return { legible: [...legible, ...handshakeNames(handshake)], sealed };
}

/** Messages may share records, and span them. */
function handshakeNames(octets: readonly number[]): string[] {
  const names: string[] = [];
  for (let at = 0; at + 4 <= octets.length; ) {
    const [type = 0, high = 0, middle = 0, low = 0] = octets.slice(at, at + 4);
    names.push(HANDSHAKE_NAMES.get(type) ?? `handshake message ${type}`);
    at += 4 + ((high << 16) | (middle << 8) | low);
  }
  return names;
}
