import { describe, expect, expectTypeOf, test } from 'vitest';
import {
  anyValue,
  application,
  applicationImplicit,
  bitString,
  boolean,
  choice,
  DerError,
  decode,
  encode,
  enumerated,
  explicit,
  field,
  generalizedTime,
  generalString,
  implicit,
  int32,
  integer,
  integerBetween,
  objectIdentifier,
  octetString,
  optional,
  type Schema,
  sequence,
  sequenceOf,
  setOf,
  type TypeOf,
  uint32,
} from '../../src/der/index.ts';
import { hex, octets, record, toHex, vectorCases } from '../support/vectors.ts';

/** A small message with everything in it: the shape of [MS-CSSP] 2.2.1. */
const fields = {
  version: field(0, integer),
  tokens: optional(1, sequenceOf(sequence({ token: field(0, octetString) }))),
  proof: optional(3, octetString),
};
const Message = sequence(fields);
const Extensible = sequence(fields, { extensible: true });

function refusal(schema: Schema<unknown>, input: string): string {
  try {
    decode(schema, hex(input));
  } catch (error) {
    if (error instanceof DerError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('SEQUENCE', () => {
  test('reads and writes its fields, absent ones not at all', () => {
    const whole = '3014a003020101a10930073005a003040107a3020400'; // written out by hand
    expect(decode(Message, hex(whole))).toEqual({
      version: 1,
      tokens: [{ token: hex('07') }],
      proof: new Uint8Array(0),
    });
    expect(toHex(encode(Message, { version: 1, tokens: [{ token: hex('07') }], proof: hex('') }))).toBe(whole);
    expect(Object.keys(decode(Message, hex('3005a003020101')))).toEqual(['version']);
    expect(toHex(encode(Message, { version: 1, tokens: undefined }))).toBe('3005a003020101');
  });

  test.each([
    ['a required field is missing', '3000', /version: \[0\] INTEGER is missing/],
    ['a field comes twice', '300aa003020101a003020101', /\[0\] is unknown here, repeated or out of order/],
    [
      'an optional field comes twice',
      '300fa003020101a303040107a303040107',
      /\[3\] is unknown here, repeated or out of order/,
    ],
    ['fields are out of order', '300aa303040107a003020101', /version: \[0\] INTEGER is missing/],
    ['optional fields are out of order', '300ea003020101a303040107a1023000', /\[1\] is unknown here/],
    ['an unknown field stands between', '300aa003020101a203040107', /\[2\] is unknown here/],
    ['an unknown field stands at the end', '300aa003020101a403040107', /\[4\] is unknown here/],
    ['octets follow inside', '3006a00302010100', /tag 0x00 is unknown here/],
    ['octets follow the value of a field', '3008a006020101020102', /octets behind its value/],
    ['octets follow at top level', '3005a00302010100', /octets behind the SEQUENCE/],
    ['a field has another type', '3005a003040101', /version: INTEGER expected, not tag 0x04/],
    ['a field is not constructed', '30058003020101', /version: \[0\] INTEGER is missing/],
    ['a value ends behind the one around it', '3005a003020201', /version: the value is longer than what is left/],
    ['it is a SET', '3105a003020101', /SEQUENCE expected, not tag 0x31/],
    ['it is of indefinite length', '3080a0030201010000', /indefinite length/],
    ['a field is of indefinite length', '3007a0800201010000', /indefinite length/],
    ['its length is not minimal', '308105a003020101', /not minimal/],
    ['the length of a field is not minimal', '3006a08103020101', /not minimal/],
    ['a tag number is above 30', '3006bf2003020101', /version: \[0\] INTEGER is missing/],
  ])('X9, Z6: refused when %s', (_, input, message) => {
    expect(refusal(Message, input)).toMatch(message);
  });

  test('X9: lengths in more octets than needed are taken on request, indefinite ones never', () => {
    expect(decode(Message, hex('308105a003020101'), { lengths: 'ber-long' })).toEqual({ version: 1 });
    expect(decode(Message, hex('30820006a08103020101'), { lengths: 'ber-long' })).toEqual({ version: 1 });
    expect(decode(Message, hex('30880000000000000005a003020101'), { lengths: 'ber-long' })).toEqual({ version: 1 });
    expect(() => decode(Message, hex('3080a0030201010000'), { lengths: 'ber-long' })).toThrow('indefinite length');
    expect(() => decode(Message, hex('3089000000000000000005a003020101'), { lengths: 'ber-long' })).toThrow('9 octets');
  });

  test('X9: unknown fields above the last known one are passed over on request', () => {
    expect(decode(Extensible, hex('300aa003020101a403040107'))).toEqual({ version: 1 });
    expect(decode(Extensible, hex('300ca003020101a400a503800107'))).toEqual({ version: 1 });
  });

  test.each([
    ['a known field comes again behind an unknown one', '300fa003020101a403040107a003020101', /\[0\]/],
    ['an unknown field comes twice', '300fa003020101a403040107a403040107', /\[4\]/],
    ['unknown fields descend', '300fa003020101a503040107a403040107', /\[4\]/],
    ['an unknown field is below the last known one', '300aa003020101a203040107', /\[2\]/],
    ['what follows has no context tag', '3008a003020101020101', /tag 0x02/],
    ['an unknown field is cut off', '3008a003020101a40304', /longer than what is left/],
    ['an unknown field is of indefinite length', '300ba003020101a48004000000', /indefinite length/],
    ['an unknown field has a number above 30', '300ba003020101bf2103040107', /above 30/],
  ])('X9, Z6: refused when %s', (_, input, message) => {
    expect(refusal(Extensible, input)).toMatch(message);
  });

  test('an error names the field in which the fault is, and where', () => {
    try {
      decode(Message, hex('3010a003020101a10930073005a003020107'));
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DerError);
      expect(error).toMatchObject({ path: ['tokens', 'token'], offset: 15, kind: 'malformed' });
    }
  });

  test('a required field that is not given cannot be encoded', () => {
    const Optional = sequence({ a: optional(0, integer) });
    const Required: Schema<{ readonly a?: number | undefined }> = Optional;
    expect(toHex(encode(Required, {}))).toBe('3000');
    const Loose: Schema<Record<string, unknown>> = sequence({ a: field(0, integer) });
    expect(() => encode(Loose, {})).toThrow('a: [0] INTEGER is missing');
  });

  test('fields without a tag of their own', () => {
    const Pair = sequence({ first: integer, second: optional(boolean), third: octetString });
    expect(toHex(encode(Pair, { first: 1, third: hex('aa') }))).toBe('30060201010401aa');
    expect(decode(Pair, hex('30090201010101ff0401aa'))).toEqual({ first: 1, second: true, third: hex('aa') });
  });

  test('the type follows: readonly, optional fields may be absent or undefined', () => {
    expectTypeOf<TypeOf<typeof Message>>().toEqualTypeOf<{
      readonly version: number;
      readonly tokens?: readonly { readonly token: Uint8Array }[] | undefined;
      readonly proof?: Uint8Array | undefined;
    }>();
  });
});

describe('SEQUENCE OF', () => {
  test('none, one and many', () => {
    const Numbers = sequenceOf(integer);
    for (const values of [[], [1], [1, 2, 300]]) expect(decode(Numbers, encode(Numbers, values))).toEqual(values);
    expect(toHex(encode(Numbers, [1, 2]))).toBe('3006020101020102');
  });

  test('Z42: the number of elements is bounded', () => {
    const Few = sequenceOf(integer, { min: 1, max: 2 });
    expect(decode(Few, hex('3003020101'))).toEqual([1]);
    expect(() => decode(Few, hex('3000'))).toThrow('less than 1');
    expect(() => decode(Few, hex('3009020101020102020103'))).toThrow('more than 2');
    expect(() => encode(Few, [])).toThrow(DerError);
    expect(() => encode(Few, [1, 2, 3])).toThrow(DerError);
    const many = encode(sequenceOf(octetString, { max: 5000 }), Array(5000).fill(new Uint8Array(0)));
    expect(() => decode(sequenceOf(octetString), many)).toThrow('more than 4096');
  });
});

describe('SET OF', () => {
  const Octets = setOf(octetString, { max: 4 });

  test('is written in the order of its encodings (X.690 11.6), and read in any', () => {
    const values = ['bb', '', 'aabb', 'aa'].map(hex);
    expect(toHex(encode(Octets, values))).toBe('310c04000401aa0401bb0402aabb');
    expect(decode(Octets, hex('310c0402aabb04000401bb0401aa')).map(toHex)).toEqual(['aabb', '', 'bb', 'aa']);
    expect(toHex(encode(Octets, [hex('aa'), hex('aa')]))).toBe('31060401aa0401aa');
  });

  test('is bounded like a SEQUENCE OF, and is none', () => {
    expect(() => decode(Octets, hex('310a04000400040004000400'))).toThrow('SET OF with more than 4');
    expect(() => encode(Octets, Array(5).fill(hex('')))).toThrow(DerError);
    expect(() => decode(Octets, hex('3000'))).toThrow('SET OF expected');
  });
});

describe('limits', () => {
  /** SEQUENCE OF around SEQUENCE OF, and as many octets that say so. */
  function nested(depth: number): { readonly schema: Schema<unknown>; readonly octets: Uint8Array } {
    let schema: Schema<readonly unknown[]> = sequenceOf(anyValue);
    let octets = hex('3000');
    for (let level = 1; level < depth; level++) {
      schema = sequenceOf(schema);
      octets = Uint8Array.of(0x30, octets.length, ...octets);
    }
    return { schema, octets };
  }

  test.each(['schemas', 'anyValue'])('Z35, Z42: %s go 32 values deep and no deeper, or as deep as told', (what) => {
    const schemaFor = (depth: number): Schema<unknown> => (what === 'anyValue' ? anyValue : nested(depth).schema);
    expect(() => decode(schemaFor(32), nested(32).octets)).not.toThrow();
    expect(() => decode(schemaFor(33), nested(33).octets)).toThrow('nested deeper than 32');
    expect(() => decode(schemaFor(33), nested(33).octets, { maxDepth: 33 })).not.toThrow();
    expect(() => decode(schemaFor(3), nested(3).octets, { maxDepth: 2 })).toThrow('nested deeper than 2');
  });

  test('Z35: values side by side are not nested', () => {
    const wide = encode(sequenceOf(sequenceOf(integer)), Array(100).fill([1]));
    expect(decode(sequenceOf(sequenceOf(integer)), wide)).toHaveLength(100);
  });

  test('Z42: an input above the limit is refused before it is looked at', () => {
    expect(() => decode(octetString, new Uint8Array(11), { maxSize: 10 })).toThrow('the limit is 10');
    expect(() => decode(octetString, new Uint8Array(1024 * 1024 + 1))).toThrow('the limit is 1048576');
  });
});

describe('tagging', () => {
  test('explicit, implicit, application, side by side', () => {
    expect(toHex(encode(explicit(1, integer), 5))).toBe('a103020105');
    expect(toHex(encode(implicit(1, integer), 5))).toBe('810105');
    expect(toHex(encode(implicit(1, sequence({ a: integer })), { a: 5 }))).toBe('a103020105');
    expect(toHex(encode(application(14, sequence({ a: integer })), { a: 5 }))).toBe('6e053003020105');
    expect(toHex(encode(applicationImplicit(0, sequence({ a: integer })), { a: 5 }))).toBe('6003020105');
    for (const schema of [explicit(1, integer), implicit(1, integer)])
      expect(decode(schema, encode(schema, 5))).toBe(5);
    expect(decode(applicationImplicit(0, sequence({ a: integer })), hex('6003020105'))).toEqual({ a: 5 });
    expect(decode(application(14, sequence({ a: integer })), hex('6e053003020105'))).toEqual({ a: 5 });
  });

  test('an explicit tag holds one value', () => {
    expect(() => decode(explicit(1, integer), hex('a100'))).toThrow('at an end');
    expect(() => decode(explicit(1, integer), hex('a106020105020106'))).toThrow('octets behind');
  });

  test('numbers above 30 do not exist, in schemas and in octets', () => {
    expect(() => explicit(31, integer)).toThrow(DerError);
    expect(() => explicit(-1, integer)).toThrow(DerError);
    expect(() => application(0.5, integer)).toThrow(DerError);
    expect(() => decode(anyValue, hex('bf2003020101'))).toThrow('tag number above 30');
    expect(() => decode(anyValue, hex('1f'))).toThrow('tag number above 30');
  });

  test('what has no tag of its own cannot lose it', () => {
    expect(() => implicit(0, anyValue)).toThrow(DerError);
    expect(() => implicit(0, choice({ a: integer, b: octetString }))).toThrow(DerError);
  });
});

describe('CHOICE', () => {
  const Value = choice({ number: integer, text: generalString, list: explicit(0, sequenceOf(integer)) });

  test('tells which alternative it is', () => {
    expect(decode(Value, hex('020105'))).toEqual({ kind: 'number', value: 5 });
    expect(decode(Value, hex('1b0161'))).toEqual({ kind: 'text', value: 'a' });
    expect(decode(Value, hex('a0053003020105'))).toEqual({ kind: 'list', value: [5] });
    expect(toHex(encode(Value, { kind: 'list', value: [5] }))).toBe('a0053003020105');
    expect(() => decode(Value, hex('0401aa'))).toThrow('CHOICE of number, text, list expected');
  });

  test('the type is a discriminated union', () => {
    expectTypeOf<TypeOf<typeof Value>>().toEqualTypeOf<
      | { readonly kind: 'number'; readonly value: number }
      | { readonly kind: 'text'; readonly value: string }
      | { readonly kind: 'list'; readonly value: readonly number[] }
    >();
  });

  test('as a field, tagged and not', () => {
    const Message = sequence({ a: optional(Value), b: field(1, Value) });
    const message = { a: { kind: 'number', value: 1 }, b: { kind: 'text', value: 'x' } } as const;
    expect(toHex(encode(Message, message))).toBe('3008020101a1031b0178');
    expect(decode(Message, hex('3008020101a1031b0178'))).toEqual(message);
    expect(decode(Message, hex('3005a1031b0178'))).toEqual({ b: message.b });
  });

  test('alternatives that cannot be told apart are refused', () => {
    expect(() => choice({ a: integer, b: int32 })).toThrow(DerError);
    expect(() => choice({ a: integer, b: anyValue })).toThrow(DerError);
  });
});

describe('values of any type', () => {
  test('are left as they are, header included', () => {
    const Wrapper = sequence({ kind: objectIdentifier, content: field(0, anyValue) });
    const octets = hex('300f06032a0304a00830060201010401aa');
    const value = decode(Wrapper, octets);
    expect(toHex(value.content)).toBe('30060201010401aa');
    expect(toHex(encode(Wrapper, value))).toBe(toHex(octets));
  });

  test('are plain arrays, also from a Buffer, whose slice would not copy', () => {
    const input = Buffer.from('0402aabb', 'hex');
    for (const value of [decode(anyValue, input), decode(octetString, input)]) {
      expect(Buffer.isBuffer(value)).toBe(false);
      expect(value.buffer).toBe(input.buffer);
    }
  });

  test.each(['', '0000', '2000', '30020000', '30', '300302010100', '3080', '30040402aa', '3003020201', '308103020101'])(
    '"%s" is no value, neither to read nor to write',
    (input) => {
      expect(() => decode(anyValue, hex(input))).toThrow(DerError);
      expect(() => encode(anyValue, hex(input))).toThrow(DerError);
    },
  );
});

describe('the writer', () => {
  test('grows over any size, and what was written before does not show in what comes after', () => {
    for (const length of [0, 1, 1000, 1023, 1024, 5000, 200_000, 3]) {
      const contents = new Uint8Array(length).fill(0x77);
      const encoded = encode(sequence({ a: octetString, b: integer }), { a: contents, b: 7 });
      const { a, b } = decode(sequence({ a: octetString, b: integer }), encoded);
      expect(toHex(a)).toBe(toHex(contents));
      expect(b).toBe(7);
    }
  });

  test('the result is the caller to keep: the next message does not change it', () => {
    const first = encode(octetString, hex('aabb'));
    encode(octetString, hex('ccdd'));
    expect(toHex(first)).toBe('0402aabb');
  });

  test('an error leaves it as good as new', () => {
    const Pair = sequence({ a: int32, b: octetString });
    expect(() => encode(Pair, { a: 2 ** 40, b: new Uint8Array(50) })).toThrow(DerError);
    expect(toHex(encode(Pair, { a: 1, b: hex('aa') }))).toBe('30060201010401aa');
  });
});

describe('messages of the protocols above', () => {
  // RFC 4120 5: the types of the samples that MIT Kerberos publishes (reference_encode.out).
  const PrincipalName = sequence({ nameType: field(0, int32), nameString: field(1, sequenceOf(generalString)) });
  const EncryptedData = sequence({
    encryptionType: field(0, int32),
    keyVersion: optional(1, uint32),
    cipher: field(2, octetString),
  });
  const Ticket = application(
    1,
    sequence({
      version: field(0, integer),
      realm: field(1, generalString),
      serverName: field(2, PrincipalName),
      encryptedPart: field(3, EncryptedData),
    }),
  );
  const ApReq = application(
    14,
    sequence({
      version: field(0, integer),
      messageType: field(1, integer),
      options: field(2, bitString),
      ticket: field(3, Ticket),
      authenticator: field(4, EncryptedData),
    }),
  );
  const ApRepPart = application(
    27,
    sequence({ clientTime: field(0, generalizedTime), clientMicroseconds: field(1, integerBetween(0, 999_999)) }),
  );

  const ticketHex =
    '615c305aa003020105a1101b0e415448454e412e4d49542e454455a21a3018a003020101a111300f1b066866747361691b056578747261' +
    'a3253023a003020100a103020105a21704156b726241534e2e312074657374206d657373616765';
  const name = { nameType: 1, nameString: ['hftsai', 'extra'] };
  const encrypted = {
    encryptionType: 0,
    keyVersion: 5,
    cipher: Uint8Array.from(Buffer.from('krbASN.1 test message', 'latin1')),
  };
  const ticket = { version: 5, realm: 'ATHENA.MIT.EDU', serverName: name, encryptedPart: encrypted };

  test('Ticket', () => {
    expect(decode(Ticket, hex(ticketHex))).toEqual(ticket);
    expect(toHex(encode(Ticket, ticket))).toBe(ticketHex);
  });

  test('AP-REQ: a ticket inside, and flags of 32 bits', () => {
    const input =
      `6e819d30819aa003020105a10302010ea207030500fedcba98a35e${ticketHex}` +
      'a4253023a003020100a103020105a21704156b726241534e2e312074657374206d657373616765';
    const value = {
      version: 5,
      messageType: 14,
      options: { unused: 0, octets: hex('fedcba98') },
      ticket,
      authenticator: encrypted,
    };
    expect(decode(ApReq, hex(input))).toEqual(value);
    expect(toHex(encode(ApReq, value))).toBe(input);
  });

  test('EncAPRepPart: KerberosTime and microseconds', () => {
    const input = '7b1c301aa011180f31393934303631303036303331375aa105020301e240';
    const value = { clientTime: Date.UTC(1994, 5, 10, 6, 3, 17), clientMicroseconds: 123456 };
    expect(decode(ApRepPart, hex(input))).toEqual(value);
    expect(toHex(encode(ApRepPart, value))).toBe(input);
  });

  // RFC 4178 4.2
  const NegTokenInit = sequence({
    mechTypes: field(0, sequenceOf(objectIdentifier)),
    reqFlags: optional(1, bitString),
    mechToken: optional(2, octetString),
    mechListMIC: optional(3, octetString),
  });
  const NegTokenResp = sequence({
    negState: optional(0, enumerated),
    supportedMech: optional(1, objectIdentifier),
    responseToken: optional(2, octetString),
    mechListMIC: optional(3, octetString),
  });
  const InitialContextToken = applicationImplicit(
    0,
    sequence({ thisMech: objectIdentifier, negTokenInit: explicit(0, NegTokenInit) }),
  );
  const Token = choice({ initial: InitialContextToken, negTokenResp: explicit(1, NegTokenResp) });

  test.each(vectorCases('spnego', 'NegTokenInit'))('S2: NegTokenInit behind the header of GSS-API', (one) => {
    const token = decode(Token, octets(one, 'hex'));
    expect(token).toMatchObject({
      kind: 'initial',
      value: {
        thisMech: '1.3.6.1.5.5.2',
        negTokenInit: { mechTypes: record(one, 'fields')['mech_types'], mechToken: hex('00000000') },
      },
    });
    expect(toHex(encode(Token, token))).toBe(one['hex']);
  });

  test.each(vectorCases('spnego', 'NegTokenResp'))('S4: NegTokenResp, $name', (one) => {
    const token = decode(Token, octets(one, 'hex'));
    expect(token).toMatchObject({ kind: 'negTokenResp', value: { negState: record(one, 'fields')['neg_state'] } });
    expect(toHex(encode(Token, token))).toBe(one['hex']);
  });
});
