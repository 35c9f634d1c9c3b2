import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/**
 * The tests that bear on the rooms that `stryker.config.json` mutates, without those that are slow and show the same again: a mutant
 * that survives has run every test that reaches it.
 */
export default defineConfig({
  resolve: { alias },
  test: {
    include: [
      'test/{api,credssp,negotiate,ntlm}/**/*.test.ts',
      'test/contract/{calls,delegation,errata,function-table,remote-guard,return-codes}.test.ts',
    ],
    // One mutant is tried after the other, thousands of times: loading the modules anew for each file would be most of the work.
    isolate: false,
  },
});
