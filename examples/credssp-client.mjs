/**
 * The client of the pages "Using SSPI with a Windows Sockets Client" and "InitializeSecurityContext (CredSSP)", loop for loop.
 *
 *     node examples/credssp-client.mjs HOST PORT DOMAIN USER PASSWORD-FILE [CA-FILE [FRAME-SIZE]]
 *
 * FRAME-SIZE cuts every token into frames of so many octets; any size works.
 */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import {
  acquireCredentialsHandle,
  completeAuthToken,
  contentOf,
  decryptMessage,
  deleteSecurityContext,
  encryptMessage,
  freeContextBuffer,
  freeCredentialsHandle,
  ISC_REQ,
  initializeSecurityContext,
  isFailure,
  queryContextAttributes,
  SEC_E,
  SEC_I,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  secBuffer,
  statusName,
} from 'sspi';
import { frameReader, sendInFrames } from './frames.mjs';

const [host = '127.0.0.1', port = '0', domain, user, passwordFile = '', caFile = '', frameSize = '65536'] =
  process.argv.slice(2);
const socket = connect(Number(port), host);
const receive = frameReader(socket);
const send = (token) => sendInFrames(socket, token, Number(frameSize));

// 1. A handle to the credentials. Nobody is contacted yet.
const acquired = await acquireCredentialsHandle({
  package: 'CREDSSP',
  credentialUse: SECPKG_CRED.OUTBOUND,
  authData: {
    kind: 'credssp',
    schannelCred: caFile === '' ? undefined : { kind: 'schannel', rootStore: [readFileSync(caFile, 'utf8')] },
    spnegoCred: { kind: 'identity', domain, user, password: readFileSync(passwordFile, 'utf8').trimEnd() },
  },
});
if (isFailure(acquired.status)) fail('AcquireCredentialsHandle', acquired);

// 2. The loop: what the server sent goes in, what is to be sent comes out, until the status is SEC_E_OK.
const target = `TERMSRV/${host}`;
const contextReq = ISC_REQ.DELEGATE | ISC_REQ.EXTENDED_ERROR | ISC_REQ.ALLOCATE_MEMORY;
let context = null;
let received = new Uint8Array(0);
let status = SEC_I.CONTINUE_NEEDED;
while (status !== SEC_E.OK) {
  // On every call but the first there are two buffers: the token, and an empty one for what SSPI has to say about it.
  const token = secBuffer(SECBUFFER.TOKEN, received);
  const report = secBuffer(SECBUFFER.EMPTY);
  const output = secBuffer(SECBUFFER.TOKEN);
  const result = await initializeSecurityContext({
    credential: acquired.credential,
    context,
    targetName: target,
    contextReq,
    input: context === null ? null : { buffers: [token, report] },
    output: { buffers: [output] },
  });
  status = result.status;
  context = result.context ?? context;

  // Short input: nothing has changed. Read more, and come again with all of it.
  if (status === SEC_E.INCOMPLETE_MESSAGE) {
    received = Buffer.concat([received, await receive()]);
    continue;
  }
  if (status === SEC_I.COMPLETE_NEEDED || status === SEC_I.COMPLETE_AND_CONTINUE)
    await completeAuthToken({ context, token: { buffers: [output] } });

  // Whatever the status is, a token that came out must be sent: a failure has its alert, success its last message.
  if (output.count > 0) {
    await send(contentOf(output));
    await freeContextBuffer({ buffer: output.buffer });
  }
  if (isFailure(status)) fail('InitializeSecurityContext', result);

  // Input that was not used comes again with the next call; only then is there something to wait for.
  received = report.type === SECBUFFER.EXTRA ? received.subarray(received.length - report.count) : new Uint8Array(0);
  if (status !== SEC_E.OK && received.length === 0) received = await receive();
}

// 3. What was established?
const package_ = await queryContextAttributes({ context, attribute: SECPKG_ATTR.NEGOTIATION_PACKAGE });
const sizes = await queryContextAttributes({ context, attribute: SECPKG_ATTR.STREAM_SIZES });
console.log(JSON.stringify({ status: statusName(status), package: package_.value?.name }));

// 4. A message there: header, data and trailer go over the wire one after the other.
const { header, trailer } = sizes.value;
const message = [
  secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(header)),
  secBuffer(SECBUFFER.DATA, new TextEncoder().encode('Hello from the client')),
  secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(trailer)),
  secBuffer(SECBUFFER.EMPTY),
];
const sealed = await encryptMessage({ context, message: { buffers: message } });
if (isFailure(sealed.status)) fail('EncryptMessage', sealed);
await send(Buffer.concat(message.slice(0, 3).map(contentOf)));

// 5. And one back. TLS 1.3 session tickets may come first: records that hold no data.
let answer = '';
received = Buffer.concat([received]);
while (answer === '') {
  const buffers = [secBuffer(SECBUFFER.DATA, received), ...[1, 2, 3].map(() => secBuffer(SECBUFFER.EMPTY))];
  const opened = received.length === 0 ? undefined : await decryptMessage({ context, message: { buffers } });
  if (opened === undefined || opened.status === SEC_E.INCOMPLETE_MESSAGE) {
    received = Buffer.concat([received, await receive()]);
    continue;
  }
  if (isFailure(opened.status)) fail('DecryptMessage', opened);
  answer = new TextDecoder().decode(contentOf(buffers.find(({ type }) => type === SECBUFFER.DATA)));
  const extra = buffers.find(({ type }) => type === SECBUFFER.EXTRA);
  received = extra === undefined ? new Uint8Array(0) : received.subarray(received.length - extra.count);
}
console.log(JSON.stringify({ answer }));

// 6. Everything is given back.
await deleteSecurityContext({ context });
await freeCredentialsHandle({ credential: acquired.credential });
socket.end();

function fail(call, { status, error }) {
  console.log(JSON.stringify({ call, status: statusName(status), error: error?.message, hint: error?.hint }));
  process.exit(1);
}
