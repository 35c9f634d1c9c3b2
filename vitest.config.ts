import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Tests run the sources; `#crypto` is the package's own name for the platform's provider, which on Node.js is this file. */
export const alias = { '#crypto': fileURLToPath(new URL('./src/crypto/node.ts', import.meta.url)) };

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'node_modules/**'],
    coverage: { include: ['src/**'], reporter: ['text-summary', 'html'], reportsDirectory: 'build/coverage' },
  },
});
