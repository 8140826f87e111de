import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ia64_16k, regionOf, thash } from '../src/index.js';

test('the example of the README prints what it says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]?.replace(/^import .*$/m, '') ?? '';
  const lines: string[] = [];
  const print = { log: (...words: unknown[]) => lines.push(words.join(' ')) };
  new Function('ia64_16k', 'regionOf', 'thash', 'console', code)(ia64_16k, regionOf, thash, print);
  expect(lines[0]).toBe('100000048d05a1');
  expect(lines[1]).toBe('false true');
  expect(lines.at(-2)).toBe('1 257');
  expect(lines.at(-1)).toBe('3ffc000002468ac8');
  expect(lines).toContain('ar 2');
});
