/**
 * SetCredentialsAttributes (contract L8): through which proxies KDCs are reached.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-setcredentialsattributesw
 * @module
 */
import {
  KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY,
  type KdcProxySettings,
  SEC_E,
  SECPKG_CRED_ATTR,
  SspiError,
} from '../sspi/index.ts';
import { type Environment, findCredential } from './environment.ts';
import type { CredHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `setCredentialsAttributes` takes. */
export interface SetCredentialsAttributesParameters {
  /** `phCredential`. */
  readonly credential: CredHandle;
  /** `ulAttribute`. */
  readonly attribute: typeof SECPKG_CRED_ATTR.KDC_PROXY_SETTINGS;
  /** `pBuffer`. */
  readonly value: KdcProxySettings;
}

/** Counts for contexts that are started from now on; those under way go on as they began. */
export async function setCredentialsAttributes(
  environment: Environment,
  parameters: SetCredentialsAttributesParameters,
): Promise<Outcome> {
  try {
    const { credential, attribute, value } = requireParameters(parameters);
    const entry = findCredential(environment, credential);
    const { credential: target } = entry;
    if (attribute !== SECPKG_CRED_ATTR.KDC_PROXY_SETTINGS || target.setKdcProxy === undefined)
      throw new SspiError('UNSUPPORTED_FUNCTION', {
        stage: `set credential attribute ${String(attribute)} (${target.info.name})`,
      });
    const settings = readSettings(value);
    target.setKdcProxy(settings);
    entry.kdcProxy = () => settings;
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}

function readSettings(value: unknown): KdcProxySettings {
  if (typeof value !== 'object' || value === null) throw invalid('there is no value');
  const { version = 1, flags = 0, proxyServer }: { version?: unknown; flags?: unknown; proxyServer?: unknown } = value;
  if (version !== 1) throw invalid('the version is not 1');
  if (flags !== 0 && flags !== KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY) throw invalid('unknown flags');
  const proxies: readonly unknown[] = Array.isArray(proxyServer) ? proxyServer : [proxyServer];
  if (proxies.length === 0 || !proxies.every(isProxyAddress)) throw invalid('proxies are https:// addresses');
  return { version, flags, proxyServer: proxies };
}

function isProxyAddress(proxy: unknown): proxy is string {
  return typeof proxy === 'string' && URL.canParse(proxy) && new URL(proxy).protocol === 'https:';
}

function invalid(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: 'KDC_PROXY_SETTINGS', detail });
}
