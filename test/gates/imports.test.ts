/**
 * The import limits of biome.json, each with violations planted in a throw-away copy of the workspace's outline.
 * A gate that catches nothing is worse than none: every line of `PLANTED` must be reported, no line of `ALLOWED` may be.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const RESTRICTED = 'lint/style/noRestrictedImports';
const NODE_MODULE = 'lint/correctness/noNodejsModules';
const UNDECLARED = 'lint/correctness/noUndeclaredDependencies';

/** Where the import is planted, what it imports, and the rule that must report it. */
const PLANTED: readonly (readonly [folder: string, specifier: string, rule: string])[] = [
  ['packages/core/src', '@fourfold/arch-x86', RESTRICTED],
  ['packages/core/src', '@fourfold/arch-sparc64/pte', RESTRICTED],
  ['packages/core/src', '../../arch-x86/src/index.js', RESTRICTED],
  ['packages/core/src', '@fourfold/tmpfs', RESTRICTED],
  ['packages/core/src', '@fourfold/replay', RESTRICTED],
  ['packages/core/src', '@fourfold/replay/node', RESTRICTED],
  ['packages/core/src', '@fourfold/cli', RESTRICTED],
  ['packages/core/src', '../../replay/src/index.js', RESTRICTED],
  ['packages/core/src/mm', '../../../tmpfs/src/index.js', RESTRICTED],
  ['packages/core/test', '@fourfold/arch-x86', RESTRICTED],
  ['packages/core/src', 'node:fs', NODE_MODULE],
  ['packages/core/src', 'fs', NODE_MODULE],
  ['packages/core/src', 'left-pad', UNDECLARED],
  ['packages/arch-x86/src', '@fourfold/core', RESTRICTED],
  ['packages/arch-x86/src', '@fourfold/core/fs', RESTRICTED],
  ['packages/arch-x86/src', '../../core/src/arch/index.js', RESTRICTED],
  ['packages/arch-x86/src', '@fourfold/arch-sparc64', RESTRICTED],
  ['packages/arch-x86/src', '../../arch-sparc64/src/index.js', RESTRICTED],
  ['packages/arch-x86/src', '@fourfold/tmpfs', RESTRICTED],
  ['packages/arch-x86/src', '@fourfold/replay', RESTRICTED],
  ['packages/arch-x86/src', '@fourfold/testkit', RESTRICTED],
  ['packages/arch-x86/src', 'node:fs', NODE_MODULE],
  ['packages/arch-x86/test', '@fourfold/core', RESTRICTED],
  ['packages/arch-x86/test', '@fourfold/arch-sparc64', RESTRICTED],
  ['packages/arch-sparc64/src', '@fourfold/arch-x86', RESTRICTED],
  ['packages/arch-ppc64/src', '@fourfold/core/fs', RESTRICTED],
  ['packages/arch-ia64/src', '@fourfold/arch-x86', RESTRICTED],
  ['packages/tmpfs/src', '@fourfold/core/arch', RESTRICTED],
  ['packages/tmpfs/src', '@fourfold/arch-x86', RESTRICTED],
  ['packages/tmpfs/src', '@fourfold/replay', RESTRICTED],
  ['packages/tmpfs/src', '../../core/src/index.js', RESTRICTED],
  ['packages/tmpfs/src', 'node:fs', NODE_MODULE],
  ['packages/replay/src', '@fourfold/arch-x86', RESTRICTED],
  ['packages/replay/src', '@fourfold/tmpfs', RESTRICTED],
  ['packages/replay/src', '@fourfold/cli', RESTRICTED],
  ['packages/replay/src', '../../core/src/index.js', RESTRICTED],
  ['packages/replay/src', 'node:worker_threads', NODE_MODULE],
  ['packages/replay/src/node', '@fourfold/arch-x86', RESTRICTED],
  ['packages/cli/src', '@fourfold/test', RESTRICTED],
  ['packages/cli/src', '@fourfold/bench', RESTRICTED],
  ['packages/cli/src', '@fourfold/explorer', RESTRICTED],
  ['packages/cli/src', '../../core/src/index.js', RESTRICTED],
];

const ALLOWED: readonly (readonly [folder: string, specifier: string])[] = [
  ['packages/core/src', './arch/index.js'],
  ['packages/core/src/fault', '../arch/index.js'],
  ['packages/core/test', 'node:fs'],
  ['packages/core/test', '../src/index.js'],
  ['packages/arch-x86/src', '@fourfold/core/arch'],
  ['packages/arch-x86/src', './pte.js'],
  ['packages/arch-x86/test', '@fourfold/core/arch'],
  ['packages/arch-x86/test', 'node:fs'],
  ['packages/arch-sparc64/src', '@fourfold/core/arch'],
  ['packages/replay/src', '@fourfold/core'],
  ['packages/replay/src', '@fourfold/core/arch'],
  ['packages/replay/src/node', '@fourfold/core'],
  ['packages/replay/src/node', 'node:worker_threads'],
  ['packages/replay/src/node', '../index.js'],
  ['packages/cli/src', '@fourfold/core'],
  ['packages/cli/src', '@fourfold/arch-x86'],
  ['packages/cli/src', '@fourfold/replay/node'],
  ['packages/cli/src', 'node:fs'],
];

/** Allowed by its gate, though the package need not depend on it yet. */
const ALLOWED_BY_GATE: typeof ALLOWED = [
  ['packages/arch-x86/test', '@fourfold/testkit'],
  ['packages/tmpfs/src', '@fourfold/core'],
  ['packages/tmpfs/src', '@fourfold/core/fs'],
  ['packages/cli/src', '@fourfold/tmpfs'],
];

const root = fileURLToPath(new URL('../..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'fourfold-gates-'));
const reported = new Map<string, Set<string>>();

beforeAll(() => {
  for (const file of ['biome.json', '.gitignore', 'package.json']) copyFileSync(join(root, file), join(copy, file));
  for (const name of readdirSync(join(root, 'packages'))) {
    mkdirSync(join(copy, 'packages', name), { recursive: true });
    copyFileSync(join(root, 'packages', name, 'package.json'), join(copy, 'packages', name, 'package.json'));
  }
  for (const [folder, specifier] of [...PLANTED, ...ALLOWED, ...ALLOWED_BY_GATE]) {
    for (const form of Object.keys(FORMS)) plant(folder, specifier, form);
  }
  lint();
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

const FORMS: Record<string, (specifier: string) => string> = {
  static: (specifier) => `import { a } from '${specifier}';\nconsole.log(a);\n`,
  type: (specifier) => `import type { A } from '${specifier}';\nexport const a: A | null = null;\n`,
  reexport: (specifier) => `export { a } from '${specifier}';\n`,
  dynamic: (specifier) => `console.log(await import('${specifier}'));\n`,
};

describe.each(Object.keys(FORMS))('%s import', (form) => {
  // A type import of a Node module is erased; the build of these packages, without Node's types, refuses it instead.
  const planted = PLANTED.filter(([, , rule]) => form !== 'type' || rule !== NODE_MODULE);

  test.each(planted)('in %s of %s is caught by %s', (folder, specifier, rule) => {
    expect(rulesAt(folder, specifier, form)).toContain(rule);
  });

  test.each(ALLOWED)('in %s of %s passes', (folder, specifier) => {
    expect([...rulesAt(folder, specifier, form)]).toEqual([]);
  });

  test.each(ALLOWED_BY_GATE)('in %s of %s passes its gate', (folder, specifier) => {
    expect([...rulesAt(folder, specifier, form)].filter((rule) => rule !== UNDECLARED)).toEqual([]);
  });
});

test('@fourfold/core has no runtime dependency', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'packages/core/package.json'), 'utf8'));
  expect(manifest).not.toHaveProperty('dependencies');
  expect(manifest).not.toHaveProperty('peerDependencies');
});

function pathOf(folder: string, specifier: string, form: string): string {
  return `${folder}/${form}-${specifier.replaceAll(/[^a-z0-9]+/g, '_')}.ts`;
}

function plant(folder: string, specifier: string, form: string): void {
  const path = join(copy, pathOf(folder, specifier, form));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, FORMS[form]!(specifier));
}

/** Errors and warnings only: an error is what fails `biome ci`. */
function lint(): void {
  const biome = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');
  const args = [biome, 'lint', '--reporter=json', '--max-diagnostics=none', 'packages'];
  const { stdout } = spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', maxBuffer: 1 << 28 });
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { category: string; severity: string; location: { path: string } }[];
  };
  for (const { category, severity, location } of diagnostics) {
    if (severity !== 'error') continue;
    const path = location.path.replaceAll('\\', '/');
    const rules = reported.get(path) ?? new Set();
    reported.set(path, rules.add(category));
  }
}

function rulesAt(folder: string, specifier: string, form: string): Set<string> {
  return reported.get(pathOf(folder, specifier, form)) ?? new Set();
}
