/**
 * PA-ENC-TIMESTAMP, RFC 4120 5.2.7.2: the client encrypts the time with its own key.
 * @module
 */
import { encode } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { KEY_USAGE, type KerberosKey } from '../encryption/index.ts';
import { EncryptedData, PA_TYPE, PaEncTsEnc, seal, timestampOf } from '../messages/index.ts';
import type { PreAuthentication } from './pre-authentication.ts';

/** The way that every KDC knows. Whoever overhears it can try out passwords; FAST and SPAKE are there against that. */
export const encryptedTimestamp: PreAuthentication = {
  name: 'encrypted timestamp',
  padataType: PA_TYPE.ENC_TIMESTAMP,

  begin({ clock, random, stage, clientKey }) {
    let key: KerberosKey | undefined;
    return {
      async answer(offered) {
        // Once is enough: a second one could only cost another of the few attempts that a lockout policy leaves.
        if (key !== undefined)
          throw new SspiError('PREAUTHENTICATION_UNSUPPORTED', {
            stage,
            detail: 'the KDC asks for more after an encrypted timestamp',
          });
        key = await clientKey(offered);
        const { time, usec } = timestampOf(clock.now());
        const timestamp = seal(
          PaEncTsEnc,
          { patimestamp: time, pausec: usec },
          { key, usage: KEY_USAGE.PA_ENC_TIMESTAMP, random },
        );
        return [{ padataType: PA_TYPE.ENC_TIMESTAMP, padataValue: encode(EncryptedData, timestamp) }];
      },
      dispose() {
        key?.dispose();
      },
    };
  },
};
