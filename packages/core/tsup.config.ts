import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts', 'src/arch/index.ts', 'src/fs/index.ts'],
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  clean: true,
  treeshake: true,
  dts: false,
});
