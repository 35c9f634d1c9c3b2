/**
 * The accounts of a lab realm as NTLM knows them: one password is good for both.
 * @module
 */
import { type MemoryAccounts, memoryAccounts } from '../acceptor/index.ts';
import type { LabKdc } from './kdc.ts';
import { ntlmRestriction } from './restrictions.ts';

/** All accounts that have a password, always with the one that they have now. */
export function ntlmAccounts(kdc: LabKdc): MemoryAccounts {
  let revision = kdc.principals.revision;
  let accounts = accountsOf(kdc);
  return {
    async find(query) {
      if (revision !== kdc.principals.revision) {
        revision = kdc.principals.revision;
        accounts.dispose();
        accounts = accountsOf(kdc);
      }
      return await accounts.find(query);
    },
    dispose: () => accounts.dispose(),
  };
}

function accountsOf({ principals, netbiosName: domain }: LabKdc): MemoryAccounts {
  return memoryAccounts(
    [...principals.all].flatMap((principal) => {
      const { user, password } = principal;
      return password === undefined ? [] : [{ user, domain, password, restriction: ntlmRestriction(principal) }];
    }),
  );
}
