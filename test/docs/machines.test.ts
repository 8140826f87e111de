/** The table of machines in the README is made from the descriptors. Run with UPDATE_DOCS=1 to write it anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { env } from 'node:process';
import { expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const README = new URL('../../README.md', import.meta.url);
const BEGIN = '<!-- machines: kept by test/docs/machines.test.ts -->\n';
const END = '<!-- /machines -->';

function table(): string {
  const rows = MACHINES.map((arch) => {
    const { geometry } = arch;
    const folded = geometry.folded.length === 0 ? 'none' : geometry.folded.join(', ');
    return `| \`${arch.name}\` | ${geometry.pageSize / 1024} KiB | ${geometry.depth} | ${folded} | ${arch.walker} | ${arch.hugetlb} | ${arch.flushStyle} |`;
  });
  return [
    '| machine | page size | levels | folded | TLB filled by | huge pages | flush |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

test('the README lists the machines as their descriptors describe them', () => {
  const text = readFileSync(README, 'utf8');
  const start = text.indexOf(BEGIN) + BEGIN.length;
  const end = text.indexOf(END);
  expect(start).toBeGreaterThan(BEGIN.length);
  expect(end).toBeGreaterThan(start - 1);
  if (env.UPDATE_DOCS === '1') writeFileSync(README, text.slice(0, start) + table() + text.slice(end));
  else expect(text.slice(start, end)).toBe(table());
});
