/**
 * SetContextAttributes (contract L7): attributes of TLS channels.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-setcontextattributesw
 * @module
 */
import { type AttributeValues, SEC_E, SECPKG_ATTR, SECPKG_FLAG, SspiError } from '../sspi/index.ts';
import { type Environment, findContext } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `setContextAttributes` takes. */
export type SetContextAttributesParameters = {
  /** `phContext`. */
  readonly context: CtxtHandle;
} & (
  | {
      /** `ulAttribute`. */
      readonly attribute: typeof SECPKG_ATTR.APP_DATA;
      /** `pBuffer`: a copy is kept, and zeroised with the context. */
      readonly value: AttributeValues['APP_DATA'];
    }
  | {
      readonly attribute: typeof SECPKG_ATTR.KEYING_MATERIAL_INFO;
      readonly value: AttributeValues['KEYING_MATERIAL_INFO'];
    }
);

/** The most that one call of the exporter of TLS 1.3 gives: 255 blocks of SHA-256 (RFC 5869 2.3). */
const MOST_KEYING_MATERIAL = 255 * 32;

/** Leaves something with a context: data of the application's own, or what keying material is to be derived for. */
export async function setContextAttributes(
  environment: Environment,
  parameters: SetContextAttributesParameters,
): Promise<Outcome> {
  try {
    const { context, attribute, value } = requireParameters(parameters);
    const { set, context: target } = findContext(environment, context);
    if (target.state === 'failed') throw new SspiError('INVALID_HANDLE', { stage: 'context handle' });
    if ((target.info.capabilities & SECPKG_FLAG.STREAM) === 0) throw unsupported(attribute, target.info.name);
    const number: unknown = attribute;
    switch (number) {
      case SECPKG_ATTR.APP_DATA:
        set.appData = replacing(set.appData, readAppData(value));
        break;
      case SECPKG_ATTR.KEYING_MATERIAL_INFO:
        set.keyingMaterial = readKeyingMaterialInfo(value);
        break;
      default:
        throw unsupported(number, target.info.name);
    }
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}

function replacing(old: Uint8Array | undefined, value: Uint8Array): Uint8Array {
  old?.fill(0);
  return value;
}

function readAppData(value: unknown): Uint8Array {
  const { appData }: { appData?: unknown } = objectOf(value);
  if (!(appData instanceof Uint8Array)) throw invalid('appData is not octets');
  return new Uint8Array(appData);
}

function readKeyingMaterialInfo(value: unknown): AttributeValues['KEYING_MATERIAL_INFO'] {
  const { label, contextValue, length }: { label?: unknown; contextValue?: unknown; length?: unknown } =
    objectOf(value);
  if (typeof label !== 'string' || label === '') throw invalid('there is no label');
  if (contextValue !== undefined && !(contextValue instanceof Uint8Array)) throw invalid('contextValue is not octets');
  if (typeof length !== 'number' || !Number.isInteger(length) || length < 1 || length > MOST_KEYING_MATERIAL)
    throw invalid(`length is not 1 to ${MOST_KEYING_MATERIAL}`);
  return { label, contextValue: contextValue === undefined ? undefined : new Uint8Array(contextValue), length };
}

function objectOf(value: unknown): object {
  if (typeof value !== 'object' || value === null) throw invalid('there is no value');
  return value;
}

function unsupported(attribute: unknown, packageName: string): SspiError {
  return new SspiError('UNSUPPORTED_FUNCTION', { stage: `set attribute ${String(attribute)} (${packageName})` });
}

function invalid(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: 'pBuffer', detail });
}
