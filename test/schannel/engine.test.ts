/** The engine below every package that has TLS in it. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { acquireTls, type TlsEngine } from '../../src/schannel/index.ts';
import { SECPKG_CRED } from '../../src/sspi/index.ts';
import { EMPTY, selfSigned, TLS1_2, TLS1_3 } from './support.ts';

async function engines(enabledProtocols: number): Promise<{ client: TlsEngine; server: TlsEngine }> {
  const into = acquireTls(
    { kind: 'schannel', certificates: [selfSigned('ec')], enabledProtocols },
    SECPKG_CRED.INBOUND,
  );
  const client = acquireTls({ kind: 'schannel', enabledProtocols }, SECPKG_CRED.OUTBOUND).client({});
  const server = into.server({});
  let token = (await client.handshake()).token;
  while (!(client.established && server.established)) {
    const answer = (await server.handshake(token)).token;
    token = answer.length > 0 && !client.established ? (await client.handshake(answer)).token : EMPTY;
  }
  return { client, server };
}

describe.each([
  ['TLS 1.2', TLS1_2, 24],
  ['TLS 1.3', TLS1_3, 17],
] as const)('X4: more than one record holds, in %s', (_, enabledProtocols, overhead) => {
  test.each([16_384, 16_385, 32_768, 40_000, 65_536, 1_000_000, 5_000_000])('%i octets', async (length) => {
    const { client, server } = await engines(enabledProtocols);
    const plaintext = randomBytes(length);
    const records = Buffer.from(await client.encrypt(plaintext));
    const opened: Uint8Array[] = [];
    const lengths: number[] = [];
    for (let at = 0; at < records.length; ) {
      const record = await server.decrypt(records.subarray(at));
      if (record.kind !== 'data') throw new TypeError(record.kind);
      expect(record.consumed).toBe(5 + records.readUInt16BE(at + 3));
      lengths.push(records.readUInt16BE(at + 3) - overhead);
      opened.push(record.plaintext);
      at += record.consumed;
    }
    // Each as full as RFC 8446 5.1 lets it be, and the last one holds the rest.
    const full = Math.ceil(length / 16_384) - 1;
    expect(lengths).toEqual([...new Array<number>(full).fill(16_384), length - full * 16_384]);
    expect(Buffer.concat(opened).equals(plaintext)).toBe(true);
    // And nothing is left behind for the next one.
    expect((await client.encrypt(Uint8Array.of(1))).length).toBe(5 + 1 + overhead);
  });
});
