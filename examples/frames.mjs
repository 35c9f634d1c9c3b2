/**
 * Tokens over TCP: four octets of length, big-endian, and then so many octets. TCP is a stream; somebody has to say where a
 * token ends.
 */

/** Sends octets as one frame. */
export function sendFrame(socket, octets) {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(octets.length);
  return new Promise((resolve, reject) => {
    socket.write(Buffer.concat([length, octets]), (error) => (error ? reject(error) : resolve()));
  });
}

/** Sends a token in frames of at most `size` octets. The receiver has to cope with any size: SEC_E_INCOMPLETE_MESSAGE. */
export async function sendInFrames(socket, token, size) {
  for (let at = 0; at < token.length; at += size) await sendFrame(socket, token.subarray(at, at + size));
}

/** Reads frames one at a time: `const receive = frameReader(socket); const octets = await receive();` */
export function frameReader(socket) {
  const chunks = socket[Symbol.asyncIterator]();
  let buffered = Buffer.alloc(0);

  async function read(count) {
    while (buffered.length < count) {
      const { value, done } = await chunks.next();
      if (done) throw new Error('the other side closed the connection');
      buffered = Buffer.concat([buffered, value]);
    }
    const octets = buffered.subarray(0, count);
    buffered = buffered.subarray(count);
    return octets;
  }

  return async function receive() {
    const length = (await read(4)).readUInt32BE();
    if (length > 65_536) throw new Error(`a frame of ${length} octets`);
    return read(length);
  };
}
