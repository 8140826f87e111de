/** Memory calls at the edges: what a replay makes of them, page sizes and moved addresses included. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sparc64_8k } from '@fourfold/arch-sparc64';
import { i386, x86_64 } from '@fourfold/arch-x86';
import { tmpfs } from '@fourfold/tmpfs';
import { afterAll, describe, expect, test } from 'vitest';
import type { MachineReport } from '../../src/index.js';
import { type ReplayHereOptions, replayHere } from '../../src/node/index.js';

const folder = mkdtempSync(join(tmpdir(), 'fourfold-calls-'));
afterAll(() => rmSync(folder, { recursive: true }));

const TMPFS = tmpfs({ nr_blocks: 0, nr_inodes: 0 });
const MACHINES = [i386, x86_64, sparc64_8k];

function call(nr: number, name: string, args: string, result: string): string {
  return `SYSCALL[1,1](${nr}) sys_${name} ( ${args} ) --> [pre-success] Success(${result})`;
}
const hex = (value: number): string => `0x${value.toString(16)}`;
const store = (address: number): string => ` S ${address.toString(16).padStart(8, '0')},8`;
const load = (address: number): string => ` L ${address.toString(16).padStart(8, '0')},8`;
const BREAK = call(12, 'brk', '0x0', '0x4036000');
function mmap(address: number | string, length: number, flags = 34, fd = 4294967295): string {
  const at = typeof address === 'string' ? address : hex(address);
  return call(9, 'mmap', `0x0, ${length}, 3, ${flags}, ${fd}, 0`, at);
}
const munmap = (address: number, length: number): string => call(11, 'munmap', `${hex(address)}, ${length}`, '0x0');
function mremap(from: number, oldLength: number, newLength: number, to: number, flags = 1): string {
  return call(25, 'mremap', `${hex(from)}, ${oldLength}, ${newLength}, ${hex(flags)}, 0x0`, hex(to));
}

let serial = 0;
async function replayed(lines: readonly string[], options: ReplayHereOptions = {}): Promise<MachineReport[]> {
  const path = join(folder, `${serial++}.lk`);
  writeFileSync(path, `${[BREAK, ...lines].join('\n')}\n`);
  return Promise.all(MACHINES.map((arch) => replayHere(path, arch, { tmpfs: TMPFS, ...options })));
}

/** All was read, nothing was left out, nothing was refused. */
function expectClean(reports: readonly MachineReport[]): void {
  for (const { machine, error, problems } of reports) expect([machine, error, problems]).toEqual([machine, null, []]);
}

describe('addresses near the top, as other recorders have them', () => {
  const TOP = 0x7ffff7fff000;

  test('areas one below another move as one, across every border', async () => {
    const size = 0x300000;
    const lines = Array.from({ length: 40 }, (_, i) => TOP - (i + 1) * size).flatMap((at) => [
      mmap(at, size),
      store(at),
      store(at + size - 8),
    ]);
    const reports = await replayed([...lines, munmap(TOP - 40 * size, 40 * size), load(TOP - 8)]);
    // The areas begin at odd parts: on 8 KiB pages the end of one and the start of the next are one page.
    expect(reports.map(({ faults }) => faults.store)).toEqual([80, 80, 41]);
    for (const { error, badAccesses, problems } of reports) {
      expect([error, badAccesses]).toEqual([null, 1]);
      expect(problems.map(({ message }) => message)).toEqual([
        'access at 0x7ffff7ffe000 goes to an area that the trace unmapped; left out',
      ]);
    }
  });

  test('a mapping over two that were moved apart stops with its addresses', async () => {
    const [first] = await replayed([
      mmap(0x7fff00000000, 4096),
      mmap(0x7ffe00000000, 4096),
      mmap(0x7ffe00000000, 0x100001000, 50),
    ]);
    expect(first?.error).toMatch(/line 4: mmap: .*0x7ffe00000000 to 0x7fff00001000/);
  });

  test('the last page of the address space can be mapped and touched', async () => {
    const reports = await replayed([
      mmap('0xffffffffffffe000', 8192),
      ' S fffffffffffff000,8',
      ' S ffffffffffffe000,8',
    ]);
    expectClean(reports);
    expect(reports.map(({ faults }) => faults.store)).toEqual([2, 2, 1]);
  });

  test('an access there that goes nowhere is reported with its own page', async () => {
    for (const { problems } of await replayed([' L ffffffffffffff00,8']))
      expect(problems.map(({ message }) => message)).toEqual([
        'access at 0xfffffffffffff000 goes to no area; left out',
      ]);
  });
});

describe('mremap', () => {
  const at = 0x5000000;
  const to = 0x6000000;

  test.each([
    ['a private file', 2, 3],
    ['a shared file', 1, 3],
    ['shared anonymous memory', 33, 4294967295],
  ])('grows %s: the file is as long as it is mapped', async (_, flags, fd) => {
    expectClean(
      await replayed([
        mmap(at, 16384, flags, fd),
        store(at),
        mremap(at, 16384, 32768, to),
        store(to + 28672),
        mremap(to, 32768, 65536, to),
        store(to + 61440),
      ]),
    );
  });

  test('shared memory is refused without a file system for it, and what follows is left out', async () => {
    for (const { error, problems } of await replayed([mmap(at, 16384, 33), store(at)], { tmpfs: undefined })) {
      expect([error, problems.map(({ message }) => message)]).toEqual([
        null,
        ['mmap refused: ENODEV', 'access at 0x5000000 goes to an area without the right; left out'],
      ]);
    }
  });

  test('that keeps the old range leaves it mapped and empty', async () => {
    const reports = await replayed([mmap(at, 16384), store(at), mremap(at, 16384, 16384, to, 5), load(to), load(at)]);
    expectClean(reports);
    for (const { faults } of reports) expect([faults.store, faults.load]).toEqual([1, 1]);
  });

  test('of a range that nothing maps is reported', async () => {
    for (const { problems } of await replayed([mremap(0x9000000, 4096, 8192, to)]))
      expect(problems).toEqual([{ line: 2, message: 'mremap of 0x9000000, where nothing is mapped; left out' }]);
  });
});

test('madvise(DONTNEED) acts on a larger page whose other parts are not mapped', async () => {
  const at = 0x5000000;
  const reports = await replayed([
    mmap(at, 4096),
    store(at),
    call(28, 'madvise', `${hex(at)}, 4096, 4`, '0x0'),
    load(at),
    mmap(at + 4096, 4096),
    call(28, 'madvise', `${hex(at)}, 4096, 4`, '0x0'),
    load(at),
  ]);
  expectClean(reports);
  expect(reports.map(({ faults }) => faults.load)).toEqual([2, 2, 1]);
});

test('madvise(DONTNEED) of an initial area that was not touched yet is no problem', async () => {
  expectClean(await replayed([call(28, 'madvise', '0x1fff000000, 4096, 4', '0x0')]));
});

test('a fork that finds no memory stops with the message that says so', async () => {
  const forks = Array.from({ length: 3000 }, (_, i) => call(57, 'fork', '', hex(100 + i)));
  for (const { error } of await replayed(forks, { memory: '2MiB' }))
    expect(error).toMatch(/line \d+: the machine is out of memory \(2MiB\); give it more; the results/);
});

test('a second shmget of a segment that gives no length keeps the first', async () => {
  expectClean(
    await replayed([
      call(29, 'shmget', '7, 8192, 950', '0x5'),
      call(29, 'shmget', '7, 0, 0', '0x5'),
      call(30, 'shmat', '5, 0x0, 0', '0x6000000'),
      store(0x6001000),
    ]),
  );
});

test('a segment attached over the end of the address space stops the replay', async () => {
  const lines = [call(29, 'shmget', '7, 8192, 950', '0x5'), call(30, 'shmat', '5, 0x0, 0', '0xfffffffffffff000')];
  for (const { error } of await replayed(lines)) expect(error).toMatch(/line 3: expected a range of shmat inside/);
});
