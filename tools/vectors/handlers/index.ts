/**
 * Every kind of case that there is a handler for. A case goes to the first one that knows its kind.
 * @module
 */
import type { CaseHandler } from '../runner.ts';
import { channelBindings } from './channel-bindings.ts';
import { credssp } from './credssp.ts';
import { credsspSealed } from './credssp-sealed.ts';
import { der } from './der.ts';
import { kerberosCrypto } from './kerberos-crypto.ts';
import { kerberosFilesPac } from './kerberos-files-pac.ts';
import { kerberosGss } from './kerberos-gss.ts';
import { kerberosMessages } from './kerberos-messages.ts';
import { ntlmCaptures } from './ntlm-captures.ts';
import { ntlmKeys } from './ntlm-keys.ts';
import { ntlmMessages } from './ntlm-messages.ts';
import { ntlmMsNlmp } from './ntlm-ms-nlmp.ts';
import { primitives } from './primitives.ts';
import { spnego } from './spnego.ts';

export const handlers: readonly CaseHandler[] = [
  primitives,
  ...der,
  ...ntlmKeys,
  ntlmMsNlmp,
  ...ntlmMessages,
  ntlmCaptures,
  ...channelBindings,
  ...spnego,
  ...credssp,
  credsspSealed,
  kerberosCrypto,
  ...kerberosMessages,
  ...kerberosGss,
  ...kerberosFilesPac,
];
