/**
 * What every built package shares. The values of named constants are put in their places: left as the variables that
 * bundling makes of them, V8 reads and checks each one each time (a hit took 9 to 13 ns, not 7.5; a fault 5 to 15 % more).
 * esbuild's minifySyntax does it for constants of other files that begin with them and import nothing before, terser for
 * those of the same file, `numbersOf` for those of another package. Nothing is renamed.
 */
import type { Options } from 'tsup';
import { numbersOf } from './scripts/numbers.js';

/** Packages whose exported numbers the others use in their hot paths. */
const CORE = /^@fourfold\/core(\/|$)/;

export const shared: Options = {
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  clean: true,
  treeshake: true,
  dts: false,
  minify: 'terser',
  terserOptions: {
    module: true,
    mangle: false,
    compress: {
      defaults: false,
      evaluate: true,
      module: true,
      passes: 2,
      reduce_vars: true,
      toplevel: true,
      unused: true,
    },
    format: { beautify: true, comments: false },
  },
  noExternal: [CORE],
  esbuildPlugins: [numbersOf(CORE)],
  esbuildOptions(options) {
    options.minifySyntax = true;
  },
};
