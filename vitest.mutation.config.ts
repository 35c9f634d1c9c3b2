import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** The tests that bear on the rooms that `stryker.config.json` mutates, and no others: each mutant runs those that reach it. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: [
      'test/{api,contract,credssp,faults,negotiate,ntlm}/**/*.test.ts',
      'test/kerberos/{credssp,package}.test.ts',
    ],
    // One mutant is tried after the other, thousands of times: loading the modules anew for each file would be most of the work.
    isolate: false,
  },
});
