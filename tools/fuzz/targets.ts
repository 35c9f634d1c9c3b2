/**
 * All that is fuzzed.
 * @module
 */
import { X509Certificate } from 'node:crypto';
import type { Host } from '../../src/host/index.ts';
import { type Lab, lab } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { type Credential, ISC_REQ, SECPKG_CRED, type SecurityContext } from '../../src/sspi/index.ts';
import {
  ALICE,
  credsspActors,
  credsspKerberosActors,
  kerberosActors,
  kerberosLab,
  kerberosService,
  negotiateActors,
  negotiatedKerberosActors,
  ntlmActors,
  rc4Actors,
  rc4Lab,
  schannelActors,
  tlsCredentials,
  userToUserActors,
} from '../lab/actors.ts';
import { converse } from '../lab/converse.ts';
import { corpus } from './corpus.ts';
import { cleanPathMessages, decoderTargets } from './decoders.ts';
import { bareCredSsp, bareCredSspSides, exchangeTarget, NOW, type Pair, packagePair } from './exchanges.ts';
import { explainTarget, replayTarget } from './explain.ts';
import { apExchange, forgetfulReplayCache, replayedRequest, tamperedExchange } from './kerberos.ts';
import { kdcTargets } from './kerberos-kdc.ts';
import { passwordKdc, passwordTargets } from './kerberos-passwords.ts';
import { messageTargets } from './messages.ts';
import type { Chance } from './random.ts';
import { gatewayTarget, rdpTarget } from './rdp.ts';
import type { Target } from './target.ts';

/** Every decoder, every exchange in both roles, and the messages after it. */
export async function targets(chance: Chance): Promise<Target[]> {
  const tls = { rsa: tlsCredentials('rsa', NOW), ec: tlsCredentials('ec', NOW) };
  const ntlm = packagePair(await ntlmActors());
  const negotiateLab = await negotiateActors();
  const negotiate = packagePair(negotiateLab);
  const bare = bareCredSsp(negotiateLab, chance.octets(65));
  const schannel = packagePair(await schannelActors(tls.ec));
  const credssp = packagePair(await credsspActors(tls.ec));

  const realm = await kerberosLab(chance.host(NOW));
  const kerberosLabActors = await kerberosActors(realm, forgetfulReplayCache());
  const kerberos = apExchange(kerberosLabActors);
  const mutual = packagePair(kerberosLabActors);
  const negotiatedLab = await negotiatedKerberosActors(realm, forgetfulReplayCache());
  const negotiated = packagePair(negotiatedLab);
  const bareKerberos = bareCredSsp(negotiatedLab, chance.octets(65));
  const credsspKerberos = packagePair(await credsspKerberosActors(tls.ec, realm, forgetfulReplayCache()));
  const userToUser = packagePair(await userToUserActors(realm, forgetfulReplayCache()));
  const rc4 = packagePair(await rc4Actors(await rc4Lab(chance.host(NOW)), forgetfulReplayCache()));
  const elsewhere = await lab({ realm: 'OTHER.ORG', accounts: [], host: chance.host(NOW) });
  realm.trust(elsewhere);
  // KDC_ERR_PREAUTH_REQUIRED, AS-REP, TGS-REP; and between them the referral.
  const here = { name: 'KDC client', realm, targetName: realm.targetName, service: kerberosLabActors, answers: 3 };
  const service = await kerberosService(elsewhere, forgetfulReplayCache());
  const there = { name: 'KDC client, referred', realm, targetName: elsewhere.targetName, service, answers: 4 };

  const recorded: Uint8Array[] = [];
  const starts = [ntlm, negotiate, bare, schannel, credssp, mutual, negotiated, bareKerberos, userToUser, rc4];
  for (const start of starts) recorded.push(...(await tokensOf(start(chance))));
  const tokens = [...corpus(), ...recorded];
  const certificates = Object.values(tls).flatMap(({ server }) =>
    (server.certificates ?? []).map(({ certificate }) => new Uint8Array(new X509Certificate(certificate).raw)),
  );
  const tlsRecords = recorded.filter((token) => [20, 21, 22, 23].includes(token[0] ?? 0));

  const flags = ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY;
  // A client of its own each time, who has no tickets yet: what the KDC says is in the trace.
  const strangerAt = async (host: Host): Promise<SecurityContext> =>
    (await credentialOfAlice(realm, host)).initiate({ flags, targetName: realm.targetName, host });
  const withKdc = { client: strangerAt, server: (host: Host) => negotiatedLab.server({ host }), host: realm.host };

  return [
    ...decoderTargets({ tokens, certificates, tlsRecords }),
    explainTarget(tokens),
    await replayTarget('trace replayed, CredSSP with NTLM', bareCredSspSides(negotiateLab, chance.octets(65)), chance),
    await replayTarget('trace replayed, SPNEGO with Kerberos', withKdc, chance),
    exchangeTarget('NTLM exchange', ntlm, 'nothing-changed', tokens),
    exchangeTarget('SPNEGO exchange', negotiate, 'messages-pass', tokens),
    exchangeTarget('CredSSP exchange, bare', bare, 'credentials-arrived', tokens),
    exchangeTarget('Schannel exchange', schannel, 'settled', tlsRecords),
    exchangeTarget('CredSSP exchange, with TLS', credssp, 'credentials-arrived', tlsRecords),
    exchangeTarget('Kerberos exchange', kerberos, 'settled', tokens),
    exchangeTarget('Kerberos exchange, mutual', mutual, 'messages-pass', tokens),
    exchangeTarget('Kerberos exchange, user to user', userToUser, 'messages-pass', tokens),
    exchangeTarget('Kerberos exchange, RC4', rc4, 'messages-pass', tokens),
    tamperedExchange('Kerberos exchange, ciphertext changed', kerberos),
    tamperedExchange('Kerberos exchange, user to user, ciphertext changed', userToUser, 4),
    tamperedExchange('Kerberos exchange, RC4, ciphertext changed', rc4, 2),
    replayedRequest(kerberosLabActors),
    exchangeTarget('SPNEGO exchange, Kerberos', negotiated, 'messages-pass', tokens),
    exchangeTarget('CredSSP exchange, bare, Kerberos', bareKerberos, 'credentials-arrived', tokens),
    exchangeTarget('CredSSP exchange, with TLS, Kerberos', credsspKerberos, 'credentials-arrived', tlsRecords),
    ...(await kdcTargets(here, tokens)),
    ...(await kdcTargets(there, tokens)),
    ...(await passwordTargets(passwordKdc(chance), chance, tokens)),
    ...(tls.ec.server.certificates ?? []).map((certificate) => rdpTarget(certificate, tokens)),
    gatewayTarget(cleanPathMessages(certificates.slice(0, 2)), tokens),
    ...messageTargets({
      ntlm,
      negotiate,
      schannel,
      credssp,
      kerberos,
      'Kerberos with RC4': rc4,
      'SPNEGO with Kerberos': negotiated,
    }),
  ];
}

/** A credential without tickets. */
function credentialOfAlice(realm: Lab, host: Host): Promise<Credential> {
  const authData = realm.identity(ALICE.user, { mechanism: 'kerberos' });
  return negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
}

/** What an exchange without interference says. */
async function tokensOf({ client, server }: Pair): Promise<Uint8Array[]> {
  const { client: sent, server: answered } = await converse(client, server);
  client.dispose();
  server.dispose();
  return [...sent, ...answered];
}
