/** Core knows no architecture: no file of it names a machine, a processor or a structure that only one has. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const NAMES = /sparc|x86|i386|ppc|powerpc|ia64|itanium|opteron|pentium|\bpae\b|\bhashpte\b|\bvpte\b|\bvhpt\b/i;
const SRC = new URL('../../packages/core/src/', import.meta.url);

function namesIn(text: string): string[] {
  return text.split('\n').filter((line) => NAMES.test(line));
}

test('no file under packages/core/src names a machine', () => {
  const found: string[] = [];
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    for (const line of namesIn(readFileSync(new URL(file, SRC), 'utf8'))) found.push(`${file}: ${line.trim()}`);
  }
  expect(found).toEqual([]);
});

test('the check bites', () => {
  expect(namesIn('a\nif (arch.name === "x86_64") return;\nb')).toHaveLength(1);
  expect(namesIn('// as sparc64 does')).toHaveLength(1);
});
