import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts'],
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  clean: true,
  treeshake: true,
  dts: false,
  // Inlines the named constants of the hot paths: bundled, they would be variables that V8 reads each time.
  esbuildOptions(options) {
    options.minifySyntax = true;
  },
});
