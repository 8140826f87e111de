import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/node/index.ts', 'src/node/*worker.ts'],
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  clean: true,
  treeshake: true,
  dts: false,
});
