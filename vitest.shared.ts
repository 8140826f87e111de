/** What every vitest project shares: workspace packages are read from their TypeScript source, so no build is needed. */
import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const SOURCE = '@fourfold/source';
const conditions = [SOURCE, 'module', 'node', 'development|production'];

export const shared: ViteUserConfig = defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: [SOURCE, 'node'] } },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    passWithNoTests: true,
    // Property tests on a loaded machine; a hang is still found.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    setupFiles: [fileURLToPath(new URL('./vitest.setup.ts', import.meta.url))],
    // scripts/count-tests.mjs sums these reports.
    reporters: ['default', ['json', { outputFile: '.reports/vitest.json' }]],
  },
});
