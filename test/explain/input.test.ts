import { describe, expect, test } from 'vitest';
import { credsspPackage } from '../../src/credssp/package.ts';
import { ASC_REQ, ISC_REQ } from '../../src/sspi/index.ts';
import { certificates, inbound, outbound, TARGET, TLS_1_2, TLS_1_3 } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';
import { hex, octets, toHex, vectorCases } from '../support/vectors.ts';
import { frames, type Packet, pcap, pcapng, type Wrapping } from './captures.ts';
import { decodedCalmly, notesOf, outcomes, part, transcript } from './support.ts';

const NEGOTIATE = '4e544c4d5353500001000000b78208e2000000000000000000000000000000000a0063450000000f';
const BASE64 = Buffer.from(NEGOTIATE, 'hex').toString('base64');
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('one message, in the forms in which people have it', () => {
  test.each([
    ['octets', hex(NEGOTIATE), 'octets'],
    ['hexadecimal', NEGOTIATE, 'hexadecimal'],
    ['hexadecimal in a file', text(`${NEGOTIATE}\n`), 'hexadecimal'],
    ['hexadecimal with spaces', NEGOTIATE.replace(/../g, '$& '), 'hexadecimal'],
    ['hexadecimal with colons', NEGOTIATE.replace(/..(?!$)/g, '$&:').toUpperCase(), 'hexadecimal'],
    ['hexadecimal over several lines', NEGOTIATE.replace(/.{32}/g, '$&\n'), 'hexadecimal'],
    ['base64', BASE64, 'base64'],
    ['base64 over several lines', BASE64.replace(/.{20}/g, '$&\r\n'), 'base64'],
    ['base64 of URLs without padding', BASE64.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''), 'base64'],
    ['base64 with a byte order mark', text(`\u{feff}${BASE64}`), 'base64'],
    ['UTF-16 as PowerShell writes it', Uint8Array.from([0xff, 0xfe, ...Buffer.from(BASE64, 'utf16le')]), 'base64'],
    ['a header of HTTP', `Authorization: Negotiate ${BASE64}`, 'text'],
    [
      'the output of curl -v',
      `* Server auth using Negotiate\n> GET / HTTP/1.1\n> Authorization: NTLM ${BASE64}\n> User-Agent: curl\n`,
      'text',
    ],
  ] as const)('%s', async (_, input, container) => {
    const explanation = await decodedCalmly(input);
    expect(explanation.container).toBe(container);
    expect(explanation.messages.map(({ summary, from }) => [summary, from])).toEqual([['NTLM NEGOTIATE', 'client']]);
    expect(notesOf(explanation)).toEqual([]);
  });

  test('a certificate in PEM: whose, for whom, how long, which key', async () => {
    const explanation = await decodedCalmly(certificates.rsa.certificate);
    expect(explanation.messages[0]?.protocol).toBe('X.509');
    expect(explanation.messages[0]?.summary).toBe('CN=host.example.test');
    expect(part(explanation, 1, 'subjectPublicKey').value).toMatch(/^rsaEncryption, 2048 bits; SHA-256 [0-9a-f]{64}$/);
    const values = JSON.stringify(explanation.messages[0]?.tree);
    expect(values).toContain('DNS host.example.test');
    expect(values).toContain('serverAuth');
    expect(part(explanation, 1, 'notBefore').value).toMatch(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ$/);
  });

  test('a private key is not looked at', async () => {
    const explanation = await decodedCalmly(String(certificates.ec.privateKey));
    expect(explanation.messages).toEqual([]);
    expect(notesOf(explanation)).toEqual(['REMARK: a private key, which is not looked at']);
  });

  test('what is nothing of all that is said to be unknown, and not shown', async () => {
    const explanation = await decodedCalmly('Passwort: sehr geheim');
    expect(explanation.messages).toEqual([]);
    expect(notesOf(explanation)).toEqual(['UNKNOWN: a line that is neither hexadecimal nor base64']);
    expect((await decodedCalmly('')).messages).toEqual([]);
    expect((await decodedCalmly(new Uint8Array(0))).messages).toEqual([]);
  });
});

describe('several messages as one conversation', () => {
  const [exchange] = vectorCases('ntlm-captures');
  const tokens = ['negotiate', 'challenge', 'authenticate'].map((name) => octets(exchange ?? {}, name));

  test.each([
    ['lines of hexadecimal', tokens.map(toHex).join('\n')],
    ['lines of base64', tokens.map((token) => Buffer.from(token).toString('base64')).join('\n')],
    [
      'lines that say who speaks',
      tokens.map((token, at) => `${at % 2 === 0 ? 'client' : 'server'}: ${toHex(token)}`).join('\n'),
    ],
    ['blocks between empty lines', tokens.map((token) => toHex(token).replace(/.{64}/g, '$&\n')).join('\n\n')],
    [
      'headers of HTTP',
      tokens
        .map(
          (token, at) =>
            `${at % 2 === 0 ? 'Authorization' : 'WWW-Authenticate'}: NTLM ${Buffer.from(token).toString('base64')}`,
        )
        .join('\r\n'),
    ],
    [
      'JSON lines',
      tokens
        .map((token, at) =>
          JSON.stringify({ from: at % 2 === 0 ? 'client' : 'server', token: Buffer.from(token).toString('base64') }),
        )
        .join('\n'),
    ],
  ])('N12: %s', async (_, input) => {
    const explanation = await decodedCalmly(input, { password: 'VagrantPass1' });
    expect(explanation.messages.map(({ from }) => from)).toEqual(['client', 'server', 'client']);
    expect(outcomes(explanation, 'verified')).toEqual(['#3 NTProofStr', '#3 MIC']);
  });

  test('TSRequests one behind the other in one file', async () => {
    const requests = transcript('freerdp2-ntlm-v6')
      .trim()
      .split('\n')
      .flatMap((line) => JSON.parse(line).ts?.der ?? []);
    const explanation = await decodedCalmly(hex(requests.join('')), { password: 'AlicePass1!' });
    expect(explanation.messages.map(({ from, protocol }) => `${from} ${protocol}`)).toEqual([
      'client CredSSP',
      'server CredSSP',
      'client CredSSP',
      'server CredSSP',
      'client CredSSP',
    ]);
    expect(outcomes(explanation, 'verified')).toEqual([
      '#3 NTProofStr',
      '#3 MIC',
      '#3 pubKeyAuth seal',
      '#4 pubKeyAuth seal',
      '#5 authInfo',
    ]);
  });

  test('a damaged line of JSON costs that line alone', async () => {
    const lines = transcript('freerdp2-ntlm-v6').trim().split('\n');
    lines[1] = lines[1]?.slice(0, 30) ?? '';
    const explanation = await decodedCalmly(lines.join('\n'), { password: 'AlicePass1!' });
    expect(notesOf(explanation)).toContain('MALFORMED: line 2 is no JSON object');
    expect(outcomes(explanation, 'failed')).toEqual([]);
  });
});

describe('captures', () => {
  const lines = transcript('freerdp2-ntlm-v6')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const conversation: Packet[] = lines.flatMap(({ frm, x224, ts }) =>
    (x224 ?? ts?.der) === undefined ? [] : [{ from: frm, data: hex(x224 ?? ts.der) }],
  );
  const opening: Packet[] = [
    { from: 'client', data: new Uint8Array(0), syn: true },
    { from: 'server', data: new Uint8Array(0), syn: true },
  ];
  const whole = [...opening, ...conversation];
  const summaries = [
    'client X.224 Connection Request, offers SSL, HYBRID',
    'server X.224 Connection Confirm, selects HYBRID',
    'client TSRequest v6 {negoToken: NTLM NEGOTIATE}',
    'server TSRequest v6 {negoToken: NTLM CHALLENGE (VM)}',
    'client TSRequest v6 {negoToken: NTLM AUTHENTICATE (EXAMPLE\\alice), pubKeyAuth}',
    'server TSRequest v6 {pubKeyAuth}',
    'client TSRequest v6 {authInfo}',
  ];

  async function read(file: Uint8Array) {
    const explanation = await decodedCalmly(file, { password: 'AlicePass1!' });
    return { explanation, said: explanation.messages.map(({ from, summary }) => `${from} ${summary}`) };
  }

  const wrappings: readonly (readonly [string, Wrapping])[] = [
    ['Ethernet, IPv4', {}],
    ['Ethernet with a VLAN tag', { link: 'vlan' }],
    ['Ethernet, IPv6', { ip: 6 }],
    ['Linux cooked', { link: 'sll' }],
    ['raw IP', { link: 'raw', ip: 6 }],
    ['BSD loopback', { link: 'null' }],
  ];

  test.each(wrappings)('pcap and pcapng, both orders of octets: %s', async (_, wrapping) => {
    for (const order of ['little', 'big'] as const) {
      const packets = frames(whole, wrapping);
      for (const file of [pcap(packets, wrapping.link, order), pcapng(packets, wrapping.link, order)]) {
        const { explanation, said } = await read(file);
        expect(said).toEqual(summaries);
        expect(outcomes(explanation, 'verified')).toEqual([
          '#5 NTProofStr',
          '#5 MIC',
          '#5 pubKeyAuth seal',
          '#6 pubKeyAuth seal',
          '#7 authInfo',
        ]);
        expect(explanation.messages[0]?.conversation).toMatch(
          wrapping.ip === 6
            ? /^tcp \[fd00::a00:1\]:50000 \[fd00::a00:2\]:3389$/
            : /^tcp 10\.0\.0\.1:50000 10\.0\.0\.2:3389$/,
        );
      }
    }
  });

  test('segments of one octet, twice, in the wrong order: the same messages', async () => {
    const packets: Packet[] = [...opening];
    const sent = { client: 0, server: 0 };
    for (const { from, data } of conversation) {
      const pieces: Packet[] = [];
      for (let at = 0; at < data.length; at += 40)
        pieces.push({ from, data: data.subarray(at, at + 40), at: sent[from] + at });
      sent[from] += data.length;
      packets.push(...pieces.toReversed(), ...pieces.slice(0, 1)); // backwards, and the first of them again
    }
    const { said, explanation } = await read(pcap(frames(packets)));
    expect(said).toEqual(summaries);
    expect(notesOf(explanation).filter((note) => note.startsWith('TRUNCATED'))).toEqual([]);
  });

  test('without the beginning of the connection', async () => {
    expect((await read(pcap(frames(conversation)))).said).toEqual(summaries);
  });

  test('a segment that is missing is said to be', async () => {
    const { explanation, said } = await read(pcap(frames(whole).toSpliced(6, 1)));
    expect(notesOf(explanation)).toContain('TRUNCATED: octets are missing between 10.0.0.1:50000 and 10.0.0.2:3389');
    expect(said.slice(0, 3)).toEqual(summaries.slice(0, 3));
  });

  test('half a capture is decoded up to its end, wherever it is cut', async () => {
    const file = pcap(frames(whole));
    for (const end of [24, 30, 41, 200, 500, 900, file.length - 1]) {
      const { explanation, said } = await read(file.subarray(0, end));
      expect(said).toEqual(summaries.slice(0, said.length));
      if (end > 24)
        expect(notesOf(explanation).some((note) => note.startsWith('TRUNCATED: the capture file breaks off'))).toBe(
          true,
        );
    }
    const ng = pcapng(frames(whole));
    expect((await read(ng.subarray(0, ng.length - 3))).said).toEqual(summaries.slice(0, 6));
  });

  test('HTTP: tokens in headers, however long the body', async () => {
    const [exchange] = vectorCases('ntlm-captures');
    const token = (name: string) => octets(exchange ?? {}, name);
    const b64 = (name: string) => Buffer.from(token(name)).toString('base64');
    const said: Packet[] = [
      {
        from: 'client',
        data: text(`GET / HTTP/1.1\r\nHost: server\r\nAuthorization: NTLM ${b64('negotiate')}\r\n\r\n`),
      },
      {
        from: 'server',
        data: text(
          `HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM ${b64('challenge')}\r\nContent-Length: 5\r\n\r\nhello`,
        ),
      },
      {
        from: 'client',
        data: text(
          `POST / HTTP/1.1\r\nAuthorization: NTLM ${b64('authenticate')}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
        ),
      },
      {
        from: 'server',
        data: text('HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n'),
      },
    ];
    const explanation = await decodedCalmly(pcap(frames(said, { serverPort: 80 })), { password: 'VagrantPass1' });
    expect(explanation.messages.map(({ context, summary }) => `${context}: ${summary}`)).toEqual([
      'Authorization: NTLM: NTLM NEGOTIATE',
      'WWW-Authenticate: NTLM: NTLM CHALLENGE (DOMAIN)',
      'Authorization: NTLM: NTLM AUTHENTICATE (vagrant-domain@DOMAIN.LOCAL)',
    ]);
    expect(outcomes(explanation, 'verified')).toEqual(['#3 NTProofStr', '#3 MIC']);
  });

  test('Kerberos over UDP, and over TCP behind its length', async () => {
    const [capture] = vectorCases('kerberos-asn1').filter(({ name }) => name === 'as_rep');
    const message = octets(capture ?? {}, 'hex');
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, message.length);
    const udp = await decodedCalmly(
      pcap(frames([{ from: 'server', data: message }], { protocol: 'udp', serverPort: 88 })),
    );
    expect(udp.messages.map(({ from, summary }) => `${from} ${summary}`)).toEqual([
      expect.stringMatching(/^server Kerberos AS-REP/),
    ]);
    const tcp = await decodedCalmly(
      pcap(
        frames([{ from: 'server', data: Uint8Array.from([...length, ...message, ...length, ...message]) }], {
          serverPort: 88,
        }),
      ),
    );
    expect(tcp.messages.map(({ summary }) => summary)).toHaveLength(2);
    expect(tcp.messages[0]?.tree.name).toBe('AS-REP (TCP)');
  });

  test('what is foreign is counted and passed over', async () => {
    const arp = Uint8Array.from([...new Array<number>(12).fill(2), 0x08, 0x06, ...new Array<number>(28).fill(0)]);
    const ssh: Packet[] = [{ from: 'server', data: text('SSH-2.0-OpenSSH_9.2\r\n') }];
    const explanation = await decodedCalmly(pcap([arp, ...frames(ssh, { serverPort: 22 })]));
    expect(explanation.messages).toEqual([]);
    expect(notesOf(explanation)).toEqual([
      'REMARK: 1 TCP connection with nothing in it that is known here',
      'REMARK: 1 packet that are not TCP or UDP over IP, or fragments',
    ]);
  });
});

describe('TLS', () => {
  test.each([
    [
      '1.2',
      TLS_1_2,
      [
        'ClientHello (TLS 1.2, SNI host.example.test)',
        /^ServerHello \(TLS 1\.2, TLS_ECDHE_ECDSA_WITH_AES_\d+_\w+\), Certificate \(CN=host\.example\.test\)/,
      ],
    ],
    [
      '1.3',
      TLS_1_3,
      [
        /^ClientHello \(TLS 1\.3, SNI host\.example\.test\)/,
        /^ServerHello \(TLS 1\.3, TLS_AES_256_GCM_SHA384\), ChangeCipherSpec/,
      ],
    ],
  ] as const)('M1: a handshake of TLS %s, as far as it is legible', async (_, protocols, expected) => {
    expect(credsspPackage.info.name).toBe('CREDSSP');
    const client = (await outbound({ protocols })).initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET });
    const server = (await inbound({ protocols })).accept({ flags: ASC_REQ.CONFIDENTIALITY });
    const { tokens } = await converse(client, server);
    const packets = tokens.map(
      ({ from, token }): Packet => ({ from: from === 'initiator' ? 'client' : 'server', data: token }),
    );
    const explanation = await decodedCalmly(pcap(frames(packets)));
    expect(explanation.messages[0]?.summary).toMatch(
      expected[0] instanceof RegExp
        ? new RegExp(`TLS ${expected[0].source.slice(1)}`)
        : new RegExp(`^TLS ${expected[0].replace(/[()]/g, '\\$&')}`),
    );
    expect(explanation.messages[1]?.summary).toMatch(new RegExp(`TLS ${expected[1].source.slice(1)}`));
    expect(part(explanation, 1, 'cipher_suites').value).toContain('_GCM_SHA');
    expect(part(explanation, 1, 'host_name').value).toBe('host.example.test');
    expect(explanation.messages.at(-1)?.summary).toMatch(/encrypted/);
    expect(notesOf(explanation).filter((note) => /^(?:MALFORMED|TRUNCATED)/.test(note))).toEqual([]);
  });

  test('M17: alerts by name', async () => {
    const explanation = await decodedCalmly('15030300020246');
    expect(explanation.messages[0]?.summary).toBe('TLS fatal alert protocol_version');
  });
});

describe('WinRM', () => {
  const boundary = '--Encrypted Boundary\r\n';
  const body = (protocol: string, sealed: readonly number[], length = 5): Uint8Array =>
    Uint8Array.from([
      ...text(
        `${boundary}\tContent-Type: application/${protocol}\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=${length}\r\n${boundary}\tContent-Type: application/octet-stream\r\n`,
      ),
      ...sealed,
      ...text('--Encrypted Boundary--\r\n'),
    ]);

  /** A record of TLS 1.2 around `fragment`, as RFC 5246 6.2.3 lays it out. */
  const recordOf = (...fragment: readonly number[]): number[] => [
    0x17,
    0x03,
    0x03,
    fragment.length >> 8,
    fragment.length & 0xff,
    ...fragment,
  ];
  /** What a hostile or an unlucky ciphertext may look like. */
  const boundaryInside = [7, ...text('--Encrypted Boundary\r\n\tContent-Type: application/x\r\n'), 7, 7, 7];
  const lowered = (found: string): string => found.toLowerCase();
  const raised = (found: string): string => found.toUpperCase();
  const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1');

  test('F16-F18: CredSSP: header and data are TLS records', async () => {
    const record = recordOf(1, 2, 3, 4, 5, 6, 7, 8);
    for (const length of [0, 5, 13]) {
      const explanation = await decodedCalmly(body('HTTP-CredSSP-session-encrypted', [length, 0, 0, 0, ...record]));
      expect(explanation.messages[0]?.summary).toBe('WinRM HTTP-CredSSP-session-encrypted (5 octets of plaintext)');
      expect(part(explanation, 1, 'TLS record: application data').length).toBe(13);
      expect(notesOf(explanation)).toEqual([]);
    }
  });

  test('F18: a header that is longer than what there is, and plaintext that cannot be in it, are said to be so', async () => {
    const record = recordOf(1, 2, 3, 4, 5, 6, 7, 8);
    const long = await decodedCalmly(body('HTTP-CredSSP-session-encrypted', [14, 0, 0, 0, ...record]));
    expect(notesOf(long)).toEqual(['MALFORMED: a header of 14 octets in 13 octets']);
    const ntlm = await decodedCalmly(body('HTTP-SPNEGO-session-encrypted', [16, 0, 0, 0, 1, 2, 3, 4, 5]));
    expect(notesOf(ntlm)).toEqual(['MALFORMED: a header of 16 octets in 5 octets']);
    const short = await decodedCalmly(body('HTTP-CredSSP-session-encrypted', [5, 0, 0, 0, ...record], 14));
    expect(notesOf(short)).toEqual(['MALFORMED: 14 octets of plaintext in 13 octets']);
  });

  test('F17: a boundary in the ciphertext is none: CredSSP, by the lengths of the records', async () => {
    const records = [...recordOf(...boundaryInside), ...recordOf(...boundaryInside)];
    const octetsOfBody = body('HTTP-CredSSP-session-encrypted', [16, 0, 0, 0, ...records], 40);
    const explanation = await decodedCalmly(octetsOfBody);
    expect(part(explanation, 1, 'encrypted').length).toBe(4 + records.length);
    expect(part(explanation, 1, 'closing boundary').offset).toBe(octetsOfBody.length - 24);
    expect(notesOf(explanation)).toEqual([]);
  });

  test('F17, F22: nor is it with NTLM, by the lengths of header and plaintext', async () => {
    const sealed = [16, 0, 0, 0, ...new Array<number>(16).fill(1), ...boundaryInside];
    const explanation = await decodedCalmly(body('HTTP-SPNEGO-session-encrypted', sealed, boundaryInside.length));
    expect(part(explanation, 1, 'data').value).toBe(`${boundaryInside.length} octets`);
    expect(notesOf(explanation)).toEqual([]);
  });

  test('F17: what is no record, or is cut, goes up to the next boundary, and both are seen', async () => {
    for (const sealed of [
      [5, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
      [5, 0, 0, 0, 0x17, 3, 3, 0xff, 0xff, 1, 2, 3],
    ]) {
      const explanation = await decodedCalmly(body('HTTP-CredSSP-session-encrypted', sealed));
      expect(part(explanation, 1, 'encrypted').length).toBe(12);
      expect(part(explanation, 1, 'closing boundary').length).toBe(24);
    }
    const lying = await decodedCalmly(
      body('HTTP-SPNEGO-session-encrypted', [0xff, 0xff, 0xff, 0xff, 1, 2, 3], 4_294_967_295),
    );
    expect(part(lying, 1, 'encrypted').length).toBe(7);
    expect(notesOf(lying)[0]).toMatch(/^MALFORMED: a header of 4294967295 octets in 3 octets/);
  });

  test.each<readonly [string, (body: string) => string]>([
    ['names behind spaces', (octets) => octets.replaceAll('\t', '    ')],
    ['names behind nothing', (octets) => octets.replaceAll('\t', '')],
    ['names and types in small letters', (octets) => octets.replaceAll(/Content-Type|OriginalContent/g, lowered)],
    ['names and types in capitals', (octets) => octets.replaceAll(/Content-Type|application\/octet-stream/g, raised)],
    ['boundaries in small letters', (octets) => octets.replaceAll('Encrypted Boundary', lowered)],
    ['boundaries behind a space', (octets) => octets.replaceAll('--Encrypted', '-- Encrypted')],
    ['UTF-16', (octets) => octets.replaceAll('UTF-8', 'UTF-16')],
  ])('F20: %s', async (_, change) => {
    const original = latin1(body('HTTP-CredSSP-session-encrypted', [5, 0, 0, 0, ...recordOf(1, 2, 3, 4, 5, 6, 7, 8)]));
    expect(change(original)).not.toBe(original);
    const explanation = await decodedCalmly(Uint8Array.from(Buffer.from(change(original), 'latin1')));
    expect(explanation.messages[0]?.summary).toBe('WinRM HTTP-CredSSP-session-encrypted (5 octets of plaintext)');
    expect(part(explanation, 1, 'TLS record: application data').length).toBe(13);
    expect(notesOf(explanation)).toEqual([]);
  });

  test('F20: a response with status 500 is encrypted like any other', async () => {
    const fault = body('HTTP-CredSSP-session-encrypted', [5, 0, 0, 0, ...recordOf(1, 2, 3, 4, 5, 6, 7, 8)]);
    const head = [
      'HTTP/1.1 500 Internal Server Error',
      'Content-Type: multipart/encrypted;protocol="application/HTTP-CredSSP-session-encrypted";boundary="Encrypted Boundary"',
      `Content-Length: ${fault.length}`,
    ];
    const packets: Packet[] = [
      { from: 'client', data: text('POST /wsman HTTP/1.1\r\nContent-Length: 0\r\n\r\n') },
      { from: 'server', data: Uint8Array.from([...text(`${head.join('\r\n')}\r\n\r\n`), ...fault]) },
    ];
    const explanation = await decodedCalmly(pcap(frames(packets, { serverPort: 5985 })));
    expect(explanation.messages.map(({ from, summary }) => [from, summary])).toEqual([
      ['server', 'WinRM HTTP-CredSSP-session-encrypted (5 octets of plaintext)'],
    ]);
  });

  test('F20, F22: NTLM, with a space in the boundary: header of 16 octets', async () => {
    const octetsOfBody = body('HTTP-SPNEGO-session-encrypted', [
      16,
      0,
      0,
      0,
      ...new Array<number>(16).fill(1),
      9,
      9,
      9,
      9,
      9,
    ]);
    const spaced = Uint8Array.from(
      Buffer.from(Buffer.from(octetsOfBody).toString('latin1').replaceAll('--Encrypted', '-- Encrypted'), 'latin1'),
    );
    for (const input of [octetsOfBody, spaced]) {
      const explanation = await decodedCalmly(input);
      expect(part(explanation, 1, 'header').length).toBe(16);
      expect(part(explanation, 1, 'data').value).toBe('5 octets');
      expect(outcomes(explanation, 'not-checked')).toEqual(['#1 WinRM message']);
    }
  });
});
