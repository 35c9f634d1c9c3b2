import { describe, expect, test } from 'vitest';
import {
  decodeConnectionConfirm,
  decodeConnectionRequest,
  encodeConnectionConfirm,
  encodeConnectionRequest,
  frameConnectionPdu,
  protocolNames,
  RDP_NEG_FAILURE_CODE,
  RDP_NEG_REQ_FLAG,
  RDP_NEG_RSP_FLAG,
  RDP_PROTOCOL,
} from '../../src/rdp/x224.ts';
import { SspiError } from '../../src/sspi/index.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

/** Contract F3: the smallest request, SSL|HYBRID|HYBRID_EX. */
const minimal = hex('03 00 00 13 0E E0 00 00 00 00 00 01 00 08 00 0B 00 00 00');
/** What FreeRDP 2.11 sends for user alice with /sec:nla, and what its server answers (recorded). */
const recordedRequest = hex('0300002b26e00000000000436f6f6b69653a206d737473686173683d616c6963650d0a0100080003000000');
const recordedConfirm = hex('030000130ed000000000000203080002000000');
/** [MS-RDPBCGR] 4.1.1 and 4.1.2: the published example, with the cookie of user eltons and standard RDP security. */
const publishedRequest = hex(
  '0300002c27e00000000000436f6f6b69653a206d737473686173683d656c746f6e730d0a0100080000000000',
);
const publishedConfirm = hex('030000130ed000001234000200080000000000');

const malformed = expect.objectContaining({ code: 'MALFORMED_TOKEN' });
function failureOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}

describe('X.224 Connection Request', () => {
  test('F3: the minimal request is written and read as the specification has it', () => {
    const negotiation = {
      flags: 0,
      requestedProtocols: RDP_PROTOCOL.SSL | RDP_PROTOCOL.HYBRID | RDP_PROTOCOL.HYBRID_EX,
    };
    expect(encodeConnectionRequest({ negotiation })).toEqual(minimal);
    expect(decodeConnectionRequest(minimal)).toEqual({ negotiation });
  });

  test('F2: the cookie of a recorded client', () => {
    const expected = { cookie: 'alice', negotiation: { flags: 0, requestedProtocols: 3 } };
    expect(decodeConnectionRequest(recordedRequest)).toEqual(expected);
    expect(encodeConnectionRequest(expected)).toEqual(recordedRequest);
  });

  test('F2: the published example', () => {
    const expected = { cookie: 'eltons', negotiation: { flags: 0, requestedProtocols: 0 } };
    expect(decodeConnectionRequest(publishedRequest)).toEqual(expected);
  });

  test('F2: a routing token, and correlation info', () => {
    const routingToken = new TextEncoder().encode('Cookie: msts=3640205228.15629.0000');
    const correlationId = hex('00112233445566778899aabbccddeeff');
    const request = { routingToken, negotiation: { flags: 1, requestedProtocols: 2, correlationId } };
    const pdu = encodeConnectionRequest(request);
    expect(pdu.subarray(-44)).toEqual(
      hex('01 09 08 00 02 00 00 00 06 00 24 00 00112233445566778899aabbccddeeff 00000000000000000000000000000000'),
    );
    expect(decodeConnectionRequest(pdu)).toEqual(request);
  });

  test('F2: a client from before the negotiation', () => {
    expect(decodeConnectionRequest(hex('03 00 00 0b 06 e0 00 00 00 00 00'))).toEqual({});
  });

  test.each([
    ['CR LF in the cookie', { cookie: 'a\r\nb' }],
    ['a cookie that does not fit', { cookie: 'x'.repeat(300) }],
    ['both a cookie and a routing token', { cookie: 'a', routingToken: hex('41') }],
    ['an empty routing token', { routingToken: hex('') }],
  ])('F2: %s is a mistake of the caller', (_, request) => {
    expect(() => encodeConnectionRequest(request)).toThrow(SspiError);
  });

  test.each([
    ['another TPKT version', '04 00 00 13 0E E0 00 00 00 00 00 01 00 08 00 0B 00 00 00'],
    ['a length indicator that disagrees', '03 00 00 13 0D E0 00 00 00 00 00 01 00 08 00 0B 00 00 00'],
    ['another TPDU', '03 00 00 13 0E F0 00 00 00 00 00 01 00 08 00 0B 00 00 00'],
    ['a class other than 0', '03 00 00 13 0E E0 00 00 00 00 10 01 00 08 00 0B 00 00 00'],
    ['a negotiation length other than 8', '03 00 00 13 0E E0 00 00 00 00 00 01 00 09 00 0B 00 00 00'],
    ['octets behind the negotiation', '03 00 00 14 0F E0 00 00 00 00 00 01 00 08 00 0B 00 00 00 00'],
    ['correlation info announced but absent', '03 00 00 13 0E E0 00 00 00 00 00 01 08 08 00 0B 00 00 00'],
    ['a cookie without an end', '03 00 00 0e 09 E0 00 00 00 00 00 43 6f 6f'],
    ['a length beyond the length indicator', '03 00 01 04 ff e0'],
    ['a length too small', '03 00 00 0a 05 e0 00 00 00 00'],
  ])('F2: %s is refused', (_, octets) => {
    expect(failureOf(() => decodeConnectionRequest(hex(octets)))).toEqual(malformed);
  });

  test('F2: every cut of a request is incomplete as a frame and refused as a PDU', () => {
    for (let cut = 0; cut < recordedRequest.length; cut++) {
      const short = recordedRequest.subarray(0, cut);
      const expected = cut < 4 ? 4 - cut : recordedRequest.length - cut;
      expect(frameConnectionPdu(short)).toEqual({ missing: expected });
      expect(failureOf(() => decodeConnectionRequest(short))).toEqual(malformed);
    }
    expect(frameConnectionPdu(Uint8Array.of(...recordedRequest, 0x16))).toEqual({ whole: recordedRequest.length });
  });

  test('F2: no changed octet makes anything but a request or a typed error', () => {
    for (let at = 0; at < recordedRequest.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const changed = recordedRequest.slice();
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const result = failureOf(() => decodeConnectionRequest(changed));
        expect(result instanceof Error ? result : undefined).toSatisfy(
          (error) => error === undefined || error instanceof SspiError,
        );
      }
    }
  });
});

describe('X.224 Connection Confirm', () => {
  test('F4: the answer of a recorded server', () => {
    const expected = { kind: 'selected', selectedProtocol: RDP_PROTOCOL.HYBRID, flags: 3 } as const;
    expect(decodeConnectionConfirm(recordedConfirm)).toEqual(expected);
    expect(encodeConnectionConfirm(expected)).toEqual(recordedConfirm);
  });

  test('F4: the published example, whose source reference is not 0', () => {
    expect(decodeConnectionConfirm(publishedConfirm)).toEqual({ kind: 'selected', selectedProtocol: 0, flags: 0 });
  });

  test('F4: a failure', () => {
    const confirm = { kind: 'failure', failureCode: RDP_NEG_FAILURE_CODE.HYBRID_REQUIRED_BY_SERVER } as const;
    const octets = hex('03 00 00 13 0e d0 00 00 00 00 00 03 00 08 00 05 00 00 00');
    expect(encodeConnectionConfirm(confirm)).toEqual(octets);
    expect(decodeConnectionConfirm(octets)).toEqual(confirm);
  });

  test('F4: a server from before the negotiation', () => {
    const octets = hex('03 00 00 0b 06 d0 00 00 00 00 00');
    expect(encodeConnectionConfirm({ kind: 'none' })).toEqual(octets);
    expect(decodeConnectionConfirm(octets)).toEqual({ kind: 'none' });
  });

  test.each([
    ['a request', '030000130ee000000000000203080002000000'],
    ['an unknown structure', '030000130ed000000000000903080002000000'],
    ['a structure cut short', '030000120dd0000000000002030800020000'],
    ['a wrong length', '030000130ed000000000000203090002000000'],
  ])('F4: %s is refused', (_, octets) => {
    expect(failureOf(() => decodeConnectionConfirm(hex(octets)))).toEqual(malformed);
  });

  test('X37: Remote Credential Guard is asked for and offered by a flag of its own', () => {
    // [MS-RDPBCGR] 2.2.1.1.1 REDIRECTED_AUTHENTICATION_MODE_REQUIRED, 2.2.1.2.1 REDIRECTED_AUTHENTICATION_MODE_SUPPORTED
    const request = decodeConnectionRequest(hex('030000130ee000000000000102080003000000'));
    expect(request.negotiation?.flags).toBe(RDP_NEG_REQ_FLAG.REDIRECTED_AUTHENTICATION_MODE_REQUIRED);
    const confirm = decodeConnectionConfirm(hex('030000130ed000000000000210080002000000'));
    expect(confirm).toMatchObject({
      kind: 'selected',
      flags: RDP_NEG_RSP_FLAG.REDIRECTED_AUTHENTICATION_MODE_SUPPORTED,
    });
  });

  test('F2: names for people', () => {
    expect(protocolNames(0xb)).toBe('SSL|HYBRID|HYBRID_EX');
    expect(protocolNames(0)).toBe('RDP');
  });
});
