/**
 * For builds: the numbers that a package imports from another one, as literals. Left as imports, V8 loads and checks each
 * one each time it is used, as with the variables of tsup.shared.ts.
 *
 * The other package, already built, is loaded; what it exports as a number stands in the bundle as a constant, everything
 * else stays an import. A package is thus built for one version of the other, which its dependency states.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Options } from 'tsup';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

const NAMESPACE = 'numbers';

/** The plugin for the modules whose specifier matches `filter`; they must not be external for the bundler. */
export function numbersOf(filter: RegExp): Plugin {
  return {
    name: NAMESPACE,
    setup(build) {
      build.onResolve({ filter }, ({ path, namespace, resolveDir }) => {
        if (namespace === NAMESPACE) return { path, external: true };
        return { path, namespace: NAMESPACE, pluginData: resolveDir };
      });
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path, pluginData }) => {
        const file = createRequire(join(pluginData, 'importer.js')).resolve(path);
        const loaded: Record<string, unknown> = await import(pathToFileURL(file).href);
        const numbers = Object.entries(loaded).filter(([, value]) => typeof value === 'number');
        const others = Object.keys(loaded).filter((name) => typeof loaded[name] !== 'number');
        const lines = numbers.map(([name, value]) => `export const ${name} = ${value};`);
        return { contents: `${lines.join('\n')}\nexport { ${others.join(', ')} } from '${path}';\n`, loader: 'js' };
      });
    },
  };
}
