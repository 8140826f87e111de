import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { sparc64_8k, vpteAddress } from '../src/index.js';

test('the example of the README prints what it says', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
  const code = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]?.replace(/^import .*$/m, '') ?? '';
  const lines: string[] = [];
  const print = { log: (...words: unknown[]) => lines.push(words.join(' ')) };
  new Function('sparc64_8k', 'vpteAddress', 'console', code)(sparc64_8k, vpteAddress, print);
  expect(lines[0]).toBe('80000000024697b0');
  expect(lines[1]).toBe('false');
  expect(lines.at(-1)).toBe('fffffffe001c0000');
  expect(lines).toContain('PADDR 1234');
});
