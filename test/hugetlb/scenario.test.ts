/** Huge pages in scenarios: h files, the flag `huge`, sizes in `Nh`, letters and numbers. */

import type { HugeFormat } from '@fourfold/core/arch';
import { runScenario } from '@fourfold/replay';
import { tmpfs } from '@fourfold/tmpfs';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  const { pages, rangeStart, shift } = arch.huge as HugeFormat;
  const run = (text: string): string[] => {
    const { lines } = runScenario(text, { arch, tmpfs: tmpfs(), check: shift < 28 });
    return lines.map((line) => line.replace(/^\d+ (\w+) .* -> /, '$1 ').replace(/ pt=\d+/, ''));
  };

  test('a file of huge pages, shared with a child and cut to one', () => {
    const lines = run(`
file h1 2h
mmap any 2h rw shared h1 =M
stat
write M 7
write M:1h 8
stat
fork B
share M 2
B: write M:1 9
bytes M 2
pages M 2
fblocks h1
ftruncate h1 1h
read M:1h
B: read M:1
mprotect M 1h r
mremap M 1h 2h maymove
madvise M 1h dontneed
munmap M 1
munmap M 1h
exit
B: munmap M 1h
fblocks h1
funlink h1
B: pages M:1h 1`);
    expect(lines).toEqual([
      'A ok',
      expect.stringMatching(/^A ok any:\d+ \| 0 0$/),
      `A vm=${2 * pages} anon=0 file=0 shm=0 zero=0 swap=0 huge=0 lck=0`,
      'A ok | 1 0',
      'A ok | 1 0',
      `A vm=${2 * pages} anon=0 file=0 shm=0 zero=0 swap=0 huge=${2 * pages} lck=0`,
      'A ok',
      'A A[h0 h1] B[h0 h1]',
      'B ok | 0 0',
      'A 7,9 | 0 0',
      'A hh',
      `A ${2 * pages}`,
      'A ok',
      'A BUS_ADRERR | 0 0',
      'B ok 9 | 0 0',
      'A EACCES | 0 0',
      'A EINVAL | 0 0',
      'A EINVAL | 0 0',
      'A EINVAL | 0 0',
      'A ok | 0 0',
      'A ok',
      'B ok | 0 0',
      `A ${pages}`,
      'A ok',
      'B .',
    ]);
  });

  test('the flag huge maps a file of its own; eight huge pages are all there are', () => {
    const lines = run(`
mmap any 8h rw shared,anon,huge =M
mmap any 9h rw shared,anon,huge
mmap any 1h rw private,anon,huge
mmap any 1 rw shared,anon,huge
write M:7h 3
mmap any 8h rw shared,anon,huge
mmap any 7h rw shared,anon,huge =N
munmap M 8h
mlock N 7h
stat
fwrite h9 0 1
file h9 1
file h9 1h fill
fread h9 0
mmap any 1h r private h9 =P
bytes P 3
write P 1
fpunch h9 0 1h`);
    expect(lines).toEqual([
      expect.stringMatching(/^A ok any:\d+ \| 0 0$/),
      'A ENOMEM | 0 0',
      'A EINVAL | 0 0',
      'A EINVAL | 0 0',
      'A ok | 1 0',
      'A ENOMEM | 0 0',
      expect.stringMatching(/^A ok any:\d+ \| 0 0$/),
      'A ok | 0 0',
      'A ok | 0 0',
      `A vm=${7 * pages} anon=0 file=0 shm=0 zero=0 swap=0 huge=${7 * pages} lck=${7 * pages}`,
      'A ENOENT',
      'A EINVAL',
      'A ok',
      'A EINVAL',
      expect.stringMatching(/^A ok any:\d+ \| 0 0$/),
      'A 1,8,15 | 1 0',
      'A SEGV_ACCERR | 0 0',
      'A ENOSYS',
    ]);
  });

  test('a fixed place in the arena, where the machine allows huge pages there', () => {
    const [first, second] = run(`
mmap 4h 1h rw shared,anon,huge,fixed
maps`);
    expect([first, second]).toEqual(
      rangeStart < 0
        ? [`A ok ${4 * pages} | 0 0`, `A ${4 * pages}+${pages} rw-s sanon [ht]`]
        : ['A EINVAL | 0 0', 'A none'],
    );
  });
});
