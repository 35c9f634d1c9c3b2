import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** Against real peers: one file after the other, because they listen on ports and share accounts. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/interop/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
