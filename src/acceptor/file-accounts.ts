/**
 * Accounts from a text file: for the lab and the command line. Passwords lie in it as plain text.
 * @module
 */
import { readFile } from 'node:fs/promises';
import { type Account, type AccountQuery, type AccountSource, SspiError } from '../sspi/index.ts';
import { type MemoryAccount, memoryAccounts } from './memory-accounts.ts';

/**
 * Makes a source of the accounts in a file: one `DOMAIN:user:password` per line in UTF-8. The domain may be empty; the password
 * is everything behind the second colon, further colons and blanks included. Empty lines and lines that begin with `#` are
 * skipped.
 *
 * The file is read anew for every logon, so that changes count at once. A file that is missing, unreadable or broken makes the
 * look-up fail, and every logon with it: there is never an account that the file does not hold (fault Z20).
 * @param path - of the file
 * @example
 * const authData = { kind: 'acceptor', accounts: fileAccounts('/etc/sspi/accounts') } as const;
 */
export function fileAccounts(path: string): AccountSource {
  return {
    async find(query: AccountQuery): Promise<Account | undefined> {
      return memoryAccounts(parse(await read(path))).find(query);
    },
  };
}

async function read(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    const detail = `${path} cannot be read as UTF-8 text`;
    throw new SspiError('NO_AUTHENTICATING_AUTHORITY', { stage: 'account file', detail, cause });
  }
}

function parse(text: string): MemoryAccount[] {
  const accounts: MemoryAccount[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const afterDomain = line.indexOf(':');
    const afterUser = line.indexOf(':', afterDomain + 1);
    // The line itself stays out of the message: there is a password in it.
    if (afterDomain === -1 || afterUser === -1) throw broken(index + 1);
    const [domain, user] = [line.slice(0, afterDomain), line.slice(afterDomain + 1, afterUser)];
    accounts.push({ domain, user, password: line.slice(afterUser + 1) });
  }
  return accounts;
}

function broken(line: number): SspiError {
  const detail = `line ${line} is not DOMAIN:user:password`;
  return new SspiError('NO_AUTHENTICATING_AUTHORITY', { stage: 'account file', detail });
}
