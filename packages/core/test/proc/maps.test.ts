import { expect, test } from 'vitest';
import { mapsLines, mapsText } from '../../src/proc/maps.js';
import { statusOf, statusText } from '../../src/proc/status.js';
import { MAP_FIXED, MAP_PRIVATE, MAP_SHARED } from '../../src/vma/mmap-bits.js';
import { insertStack } from '../../src/vma/stack.js';
import { TASK_PAGES, testArch } from '../support/test-arch.js';
import { openTest, testFile, testKernel } from '../support/test-kernel.js';
import { TestProcess } from '../support/test-process.js';

function program(wordBits: 32 | 64): TestProcess {
  const arch = testArch({ gate: { start: 0x2000_0000n, end: 0x2000_1000n, pages: [] } }, { wordBits });
  const p = new TestProcess(testKernel(arch));
  const { mm } = p;
  const file = openTest(testFile(p.k, '/bin/prog', 8));
  p.mmap(100, 2, 5, MAP_PRIVATE | MAP_FIXED, file);
  p.mmap(110, 1, 3, MAP_SHARED | MAP_FIXED, file, 3);
  mm.startCode = p.bytes(100);
  mm.endCode = p.bytes(101) + 5n;
  mm.startBrk = p.bytes(200) + 8n;
  mm.brk = mm.startBrk;
  p.brk(p.bytes(203));
  insertStack(p.k, mm, TASK_PAGES, 4);
  mm.startStack = p.bytes(TASK_PAGES - 1) + 16n;
  p.anon(300, 1, 0);
  return p;
}

const LINES = [
  '00064000-00066000 r-xp 00000000 00:00 0 ',
  '0006e000-0006f000 rw-s 00003000 00:00 0 ',
  '000c9000-000cb000 rw-p 000c9000 00:00 0 ',
  '0012c000-0012d000 ---p 0012c000 00:00 0 ',
  '0fffc000-10000000 rw-p 0fffc000 00:00 0 ',
  '20000000-20001000 ---p 00000000 00:00 0 ',
];

test('maps prints a line an area, names in their column, the gate area last', () => {
  for (const [wordBits, column] of [
    [32, 49],
    [64, 73],
  ] as const) {
    const names = ['/bin/prog', '/bin/prog', '', '', '[stack]', '[vdso]'];
    const expected = LINES.map((line, i) => (names[i] === '' ? line : line.padEnd(column) + names[i]));
    const p = program(wordBits);
    expect(mapsText(p.k, p.mm)).toBe(`${expected.join('\n')}\n`);
    expect(mapsLines(p.k, p.mm).map((line) => line.kind)).toEqual(['file', 'file', 'anon', 'anon', 'stack', 'vdso']);
  }
});

test('an area from the initial break to the present one is the heap', () => {
  const p = new TestProcess(testKernel());
  p.mm.startBrk = p.bytes(200);
  p.mm.brk = p.mm.startBrk;
  p.brk(p.bytes(203));
  expect(mapsLines(p.k, p.mm).map((line) => line.kind)).toEqual(['heap']);
});

test('status gives every size of the block in kB', () => {
  const p = program(64);
  p.store(201, 1);
  p.load(100);
  p.munmap(300, 1);
  expect(statusOf(p.k, p.mm)).toEqual({
    VmPeak: 40,
    VmSize: 36,
    VmLck: 0,
    VmHWM: 8,
    VmRSS: 8,
    VmData: 8,
    VmStk: 16,
    VmExe: 8,
    VmLib: 0,
    VmPTE: 1,
  });
  expect(statusText(statusOf(p.k, p.mm)).split('\n')[0]).toBe('VmPeak:\t      40 kB');
});
