import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { groupOf, hashOf, hpteFlags, ppc64_4k, userVsid, virtualAddress } from '../src/index.js';

test('the example of the README prints what it says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]?.replace(/^import .*$/m, '') ?? '';
  const lines: string[] = [];
  const print = { log: (...words: unknown[]) => lines.push(words.join(' ')) };
  const names = { groupOf, hashOf, hpteFlags, ppc64_4k, userVsid, virtualAddress };
  new Function(...Object.keys(names), 'console', code)(...Object.values(names), print);
  const said = [...code.matchAll(/console\.log\(.*\/\/ ([^:\n]*)/g)].map((m) => m[1]);
  expect(lines.slice(0, said.length)).toEqual(said);
  expect(lines).toContain('RPN 12345');
  expect(lines).toContain('GROUP_IX 5');
});
