/**
 * Runs in the browser: logs on through the gateway, once for each case that the page was given, and reports what came of it. The
 * package is what `dist` holds, under its own name; nothing is bundled.
 */
import { connectCleanPath, webSocketCarrier } from 'sspi/rdp/external';

const { cases } = await (await fetch('/cases')).json();
const outcomes = [];
for (const { name, gateway, next, ...options } of cases)
  outcomes.push({ name, ...(await logOn(gateway, next, options)) });
const report = { userAgent: navigator.userAgent, isNode: 'process' in globalThis, outcomes };
await fetch('/report', { method: 'POST', body: JSON.stringify(report) });

async function logOn(gateway, next, options) {
  const events = [];
  try {
    const carrier = await webSocketCarrier(new WebSocket(`wss://${location.host}${gateway}`));
    const observe = ({ kind }) => events.push(kind);
    const { identity, authorization, session, certificates } = await connectCleanPath({ ...options, carrier, observe });
    await carrier.send(Uint8Array.from(next));
    const answer = await carrier.receive();
    carrier.close();
    const { version, selectedProtocol, delegation, mechanism } = session;
    return {
      identity,
      authorization,
      session: { version, selectedProtocol, delegation, mechanism },
      certificates: certificates.map((der) => der.length),
      answer: Array.from(answer ?? []),
      events,
    };
  } catch (error) {
    return {
      error: { code: error.code, stage: error.stage, ntStatus: error.ntStatus, message: String(error) },
      events,
    };
  }
}
