/**
 * Every TypeScript example in the documentation runs; a line `expression; // => value` must give that value. Examples are
 * written out as modules and imported, so they resolve packages as a reader's code would.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const OUT = new URL('./.examples/', import.meta.url);
const DOCUMENTS = [
  'README.md',
  'docs/adding-a-machine.md',
  'packages/core/README.md',
  'packages/arch-x86/README.md',
  'packages/arch-ppc64/README.md',
  'packages/arch-ia64/README.md',
  'packages/arch-sparc64/README.md',
  'packages/tmpfs/README.md',
];

interface Example {
  readonly name: string;
  readonly code: string;
}

function examplesOf(document: string): Example[] {
  const text = readFileSync(new URL(document, ROOT), 'utf8');
  return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match, i) => ({
    name: `${document.replaceAll(/[^a-z0-9]+/gi, '-')}-${i + 1}`,
    code: match[1] as string,
  }));
}

/** Turns `expression; // => value` into a check. */
function withChecks(code: string): string {
  return code.replaceAll(
    /^(\s*)(\S.*); \/\/ => (.*)$/gm,
    (_line, indent: string, expression: string, value: string) =>
      `${indent}checks.push([${JSON.stringify(expression)}, String(${expression}), ${JSON.stringify(value.trim())}]);`,
  );
}

afterAll(() => rmSync(OUT, { recursive: true, force: true }));

describe.each(DOCUMENTS)('%s', (document) => {
  const examples = examplesOf(document);

  test('has examples', () => expect(examples.length).toBeGreaterThan(0));

  test.each(examples.map((e) => [e.name, e.code] as const))('%s runs and gives what it says', async (name, code) => {
    mkdirSync(OUT, { recursive: true });
    const file = new URL(`${name}.ts`, OUT);
    writeFileSync(
      file,
      `${withChecks(code)}\n`.replace(/^/, 'export const checks: [string, string, string][] = [];\n'),
    );
    const module = (await import(fileURLToPath(file))) as { checks: [string, string, string][] };
    for (const [expression, got, wanted] of module.checks)
      expect(`${expression} => ${got}`).toBe(`${expression} => ${wanted}`);
  });
});
