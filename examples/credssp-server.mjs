/**
 * The server to credssp-client.mjs: "Using SSPI with a Windows Sockets Server" and "AcceptSecurityContext (CredSSP)".
 *
 *     node examples/credssp-server.mjs PORT CERTIFICATE-FILE KEY-FILE DOMAIN USER PASSWORD-FILE [FRAME-SIZE]
 *
 * Serves one client, answers its message, and says who it was. Port 0 takes a free one; it is printed first.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import {
  ASC_REQ,
  acceptSecurityContext,
  acquireCredentialsHandle,
  completeAuthToken,
  contentOf,
  decryptMessage,
  deleteSecurityContext,
  encryptMessage,
  freeContextBuffer,
  freeCredentialsHandle,
  isFailure,
  memoryAccounts,
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

const [port = '0', certificateFile = '', keyFile = '', domain, user, passwordFile = '', frameSize = '65536'] =
  process.argv.slice(2);

// 1. A handle to the credentials of the server: its certificate, and where it has its accounts.
const acquired = await acquireCredentialsHandle({
  package: 'CREDSSP',
  credentialUse: SECPKG_CRED.INBOUND,
  authData: {
    kind: 'credssp',
    schannelCred: {
      kind: 'schannel',
      certificates: [{ certificate: readFileSync(certificateFile, 'utf8'), privateKey: readFileSync(keyFile, 'utf8') }],
    },
    spnegoCred: {
      kind: 'acceptor',
      accounts: memoryAccounts([{ domain, user, password: readFileSync(passwordFile, 'utf8').trimEnd() }]),
    },
  },
});
if (isFailure(acquired.status)) fail('AcquireCredentialsHandle', acquired);

const listener = createServer(async (socket) => {
  listener.close();
  await serve(socket);
  await freeCredentialsHandle({ credential: acquired.credential });
  socket.end();
});
listener.listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ port: listener.address().port })));

async function serve(socket) {
  const receive = frameReader(socket);
  const send = (token) => sendInFrames(socket, token, Number(frameSize));

  // 2. The loop: each token of the client goes in, what is to be sent comes out, until the status is SEC_E_OK.
  let context = null;
  let received = await receive();
  let status = SEC_I.CONTINUE_NEEDED;
  while (status !== SEC_E.OK) {
    const token = secBuffer(SECBUFFER.TOKEN, received);
    const report = secBuffer(SECBUFFER.EMPTY);
    const output = secBuffer(SECBUFFER.TOKEN);
    const result = await acceptSecurityContext({
      credential: acquired.credential,
      context,
      contextReq: ASC_REQ.EXTENDED_ERROR | ASC_REQ.ALLOCATE_MEMORY,
      input: { buffers: [token, report] },
      output: { buffers: [output] },
    });
    status = result.status;
    context = result.context ?? context;
    if (status === SEC_E.INCOMPLETE_MESSAGE) {
      received = Buffer.concat([received, await receive()]);
      continue;
    }
    if (status === SEC_I.COMPLETE_NEEDED || status === SEC_I.COMPLETE_AND_CONTINUE)
      await completeAuthToken({ context, token: { buffers: [output] } });

    // A server that refuses says so: the client learns the reason from the token that comes with the failure.
    if (output.count > 0) {
      await send(contentOf(output));
      await freeContextBuffer({ buffer: output.buffer });
    }
    if (isFailure(status)) fail('AcceptSecurityContext', result);
    received = report.type === SECBUFFER.EXTRA ? received.subarray(received.length - report.count) : new Uint8Array(0);
    if (status !== SEC_E.OK && received.length === 0) received = await receive();
  }

  // 3. Who is it, and what was delegated? The password is there for whoever may use it, and is not printed.
  const token = await queryContextAttributes({ context, attribute: SECPKG_ATTR.ACCESS_TOKEN });
  const delegated = await queryContextAttributes({ context, attribute: SECPKG_ATTR.CREDS_2 });
  const sizes = await queryContextAttributes({ context, attribute: SECPKG_ATTR.STREAM_SIZES });
  const { kind, domain: delegatedDomain, user: delegatedUser } = delegated.value.credentials;
  console.log(
    JSON.stringify({
      status: statusName(status),
      client: token.value.name,
      delegated: { kind, domain: delegatedDomain, user: delegatedUser },
    }),
  );
  await freeContextBuffer({ buffer: delegated.value.authBuffer });

  // 4. One message of the client, and its answer.
  let text;
  while (text === undefined) {
    const buffers = [secBuffer(SECBUFFER.DATA, received), ...[1, 2, 3].map(() => secBuffer(SECBUFFER.EMPTY))];
    const opened = received.length === 0 ? undefined : await decryptMessage({ context, message: { buffers } });
    if (opened === undefined || opened.status === SEC_E.INCOMPLETE_MESSAGE) {
      received = Buffer.concat([received, await receive()]);
      continue;
    }
    if (isFailure(opened.status)) fail('DecryptMessage', opened);
    text = new TextDecoder().decode(contentOf(buffers.find(({ type }) => type === SECBUFFER.DATA)));
  }
  console.log(JSON.stringify({ message: text }));
  const answer = [
    secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(sizes.value.header)),
    secBuffer(SECBUFFER.DATA, new TextEncoder().encode(`echo: ${text}`)),
    secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(sizes.value.trailer)),
    secBuffer(SECBUFFER.EMPTY),
  ];
  const sealed = await encryptMessage({ context, message: { buffers: answer } });
  if (isFailure(sealed.status)) fail('EncryptMessage', sealed);
  await send(Buffer.concat(answer.slice(0, 3).map(contentOf)));
  await deleteSecurityContext({ context });
}

function fail(call, { status, error }) {
  console.log(JSON.stringify({ call, status: statusName(status), error: error?.message, hint: error?.hint }));
  process.exit(1);
}
