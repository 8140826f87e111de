/** Comparing with a kernel, without one: the recorder needs root, so no test runs it. */
import { x86_64 } from '@fourfold/arch-x86';
import { runScenario } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import { expect, test } from 'vitest';
import { compareAll, type KernelRuns, shrink } from '../src/native/compare.js';
import { explained } from '../src/native/eras.js';
import { scenarioOf } from '../src/native/generate.js';
import { parseResult } from '../src/native/result-line.js';

const TMPFS = tmpfs({ nr_blocks: 0, nr_inodes: 0 });

function ourLines(text: string): string[] {
  return runScenario(text, { arch: x86_64, tmpfs: TMPFS }).lines;
}

/** A kernel that does what ours does, but for the lines that `change` changes. */
function kernel(change: (line: string) => string): KernelRuns {
  return { record: (texts) => texts.map((text) => ourLines(text).map(change)) };
}

test.each(Array.from({ length: 19 }, (_, i) => i + 1))('every line of scenario %i is one of the format', (seed) => {
  expect(scenarioOf(seed)).toBe(scenarioOf(seed));
  const lines = scenarioOf(seed)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  expect(ourLines(scenarioOf(seed))).toHaveLength(lines.length);
});

test('a kernel that does the same agrees', () => {
  const [compared] = compareAll(
    kernel((line) => line),
    [scenarioOf(1)],
  );
  expect(compared).toMatchObject({ leftOut: 0, disagreement: null });
});

test('one wrong answer is found and made small', () => {
  const broken = kernel((line) => line.replace(/ munmap (.*) -> ok/, ' munmap $1 -> EINVAL'));
  const found = compareAll(
    broken,
    Array.from({ length: 19 }, (_, i) => scenarioOf(i + 1)),
  );
  const first = found.find(({ disagreement }) => disagreement !== null);
  expect(first?.disagreement?.native).toMatch(/munmap .* -> EINVAL/);
  const { text, disagreement } = shrink(broken, first as (typeof found)[number]);
  expect(text.split('\n')).toHaveLength(1);
  expect(disagreement?.ours).toMatch(/^1 \w+ munmap .* -> ok/);
});

test('a line that the eras do otherwise is left out, and what follows is compared all the same', () => {
  const text = 'mmap 16 2 rw private,anon,fixed\nmincore 16 2\nwrite 16 7\nread 16\n';
  const later = kernel((line) => line.replace('mincore 16 2 -> ENOMEM', 'mincore 16 2 -> ok 00'));
  expect(compareAll(later, [text])).toEqual([
    { text: text.replace('mincore', '# mincore'), leftOut: 1, disagreement: null },
  ]);
  const wrong = kernel((line) =>
    line.replace('mincore 16 2 -> ENOMEM', 'mincore 16 2 -> ok 00').replace('ok 7', 'ok 8'),
  );
  expect(compareAll(wrong, [text])[0]?.disagreement).toEqual({
    native: '4 A read 16 -> ok 8 | 0 0',
    ours: '4 A read 16 -> ok 7 | 0 0',
  });
});

test('fault counts are excused where the eras count otherwise, and nowhere else', () => {
  const explain = (native: string, ours: string, ...source: string[]): unknown =>
    explained({ native: parseResult(native), ours: parseResult(ours), before: [], source });
  const [none, one] = ['2 A write 16 1 -> ok | 0 0', '2 A write 16 1 -> ok | 1 0'];
  expect(explain(none, one, 'mmap 16 1 rw private,anon,fixed', 'write 16 1')).toBeNull();
  expect(explain(none, one, 'mprotect 16 1 rw', 'write 16 1')).toBe('counts');
  expect(explain(one, none, 'mprotect 16 1 rw', 'write 16 1')).toBeNull();
  expect(explain(one, none, 'mmap 16 1 rw shared,anon,fixed', 'write 16 1')).toBe('counts');
  expect(
    explain('2 A write 16 1 -> SEGV_MAPERR | 0 0', none, 'mmap 16 1 rw shared,anon,fixed', 'write 16 1'),
  ).toBeNull();
});

test('populate is excused where it reaches further now, and not where it takes the same pages', () => {
  const file = '1 A file t1 4 -> ok';
  const explain = (native: string, ours: string, ...before: string[]): unknown =>
    explained({
      native: parseResult(native),
      ours: parseResult(ours),
      before: [file, ...before].map(parseResult),
      source: [],
    });
  const mmap = (call: string, faults: number): string => `2 A mmap ${call} -> ok 16 | ${faults} 0`;
  const within = '16 2 rw shared,fixed,populate t1 2';
  const beyond = '16 2 rw shared,fixed,populate t1 3';
  expect(explain(mmap(within, 2), mmap(within, 0))).toBe('counts');
  expect(explain(mmap(within, 0), mmap(within, 2))).toBeNull();
  expect(explain(mmap(beyond, 1), mmap(beyond, 0))).toBe(2);
  const [there, here] = ['3 A pages 16 2 -> TT', '3 A pages 16 2 -> ..'];
  expect(explain(there, here, mmap(within, 2))).toBeNull();
  expect(explain(there, here, mmap(beyond, 1))).toBe(2);
  const other = '16 2 rw private,fixed,populate t1 2';
  expect(explain(there, here, mmap(other, 2))).toBe(2);
});

test('rearranged pages are excused in how they are cut into areas, and in nothing that a program reads', () => {
  const explain = (native: string, ours: string): unknown =>
    explained({
      native: parseResult(native),
      ours: parseResult(ours),
      before: [parseResult('2 A remap_file_pages 16 1 - 3 -> ok | 1 0')],
      source: ['mmap 16 4 rw shared,fixed t1 0', 'remap_file_pages 16 1 - 3'],
    });
  const here = '3 A mapsc -> 16+4 rw-s t1@0';
  expect(explain('3 A mapsc -> 16+1 rw-s t1@3; 17+3 rw-s t1@1', here)).toBe('counts');
  expect(explain('3 A mapsc -> 16+1 rw-s t1@3; 17+2 rw-s t1@1', here)).toBeNull();
  expect(explain('3 A mapsc -> 16+1 r--s t1@3; 17+3 rw-s t1@1', here)).toBeNull();
  expect(explain('3 A read 16 -> ok 1 | 1 0', '3 A read 16 -> ok 1 | 0 1')).toBe('counts');
  expect(explain('3 A read 16 -> ok 1 | 0 1', '3 A read 16 -> ok 1 | 1 0')).toBeNull();
  expect(explain('3 A read 16 -> ok 1 | 0 0', '3 A read 16 -> ok 2 | 0 0')).toBeNull();
});

test('a limit of data excuses what is refused there, never what is refused here', () => {
  const explain = (native: string, ours: string): unknown =>
    explained({ native: parseResult(native), ours: parseResult(ours), before: [], source: ['rlimit data 4'] });
  const [taken, refused] = ['2 A brk 3 -> ok brk:3 | 0 0', '2 A brk 3 -> refused brk:0 | 0 0'];
  expect(explain(refused, taken)).toBe(2);
  expect(explain(taken, refused)).toBeNull();
});
