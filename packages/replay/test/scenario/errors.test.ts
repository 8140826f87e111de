/** What ends a run: every kind of message, with its line, what was expected and what came. */
import { x86_64 } from '@fourfold/arch-x86';
import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/scenario/run.js';
import { ScenarioError } from '../../src/scenario/scenario-error.js';

function errorOf(text: string): ScenarioError {
  try {
    runScenario(text, { arch: x86_64, name: 'x.mm' });
  } catch (error) {
    if (error instanceof ScenarioError) return error;
    throw error;
  }
  throw new Error(`no error for ${text}`);
}

const ADDRESS = 'an address (N, N+B, Nh, 0x.., max, brk:N, a label or any)';

describe('a line the format does not know', () => {
  test('an unknown operation names every known one', () => {
    const error = errorOf('\n# comment\nfrobnicate 1');
    expect(error).toMatchObject({ kind: 'syntax', file: 'x.mm', line: 3, came: "'frobnicate'" });
    expect(error.expected).toMatch(/^an operation \(mmap munmap mprotect .* same\)$/);
  });

  test('a long word is cut', () => {
    expect(errorOf(`read ${'x'.repeat(5000)}`).came).toMatch(/^'x{59}\.\.\.$/);
  });

  test.each([
    ['toString 1', /an operation/, "'toString'"],
    ['read', `${ADDRESS} for read`, 'the end of the line'],
    ['read nowhere', `${ADDRESS} for read`, "'nowhere'"],
    ['read -1', `${ADDRESS} for read`, "'-1'"],
    ['read 16 17', 'no more arguments for read', "'17'"],
    ['munmap 16 x', 'a length (N, N+B, Nh, 0x.. or max) for munmap', "'x'"],
    ['write 16 x', 'a byte value for write', "'x'"],
    ['fill 16 1+1', 'a number of pages for fill', "'1+1'"],
    ['bytes 16 1000000000000', 'a number of pages, at most 1048576, for bytes', "'1000000000000'"],
    ['pages 16 1000000000', 'a number of pages, at most 1048576, for pages', "'1000000000'"],
    ['share 16 4000000000', 'a number of pages, at most 1048576, for share', "'4000000000'"],
    ['fill 16 4 1 0', 'a step of at least one page for fill', "'0'"],
    ['sum 16 4 0', 'a step of at least one page for sum', "'0'"],
    ['mprotect 16 1 rq', 'letters of rwx, or -, as protection for mprotect', "'rq'"],
    ['mmap 16 1 rw private,shiny', /^flag of mmap \(private shared anon .* badfd\)$/, "'shiny'"],
    ['mmap 16 1 rw private,anon =long', 'a label of one to three letters and digits after =', "'=long'"],
    ['mmap 16 1 rw private,anon =any', 'a label of one to three letters and digits after =', "'=any'"],
    ['mremap 16 1 2 maymove,sideways', 'flag of mremap (maymove fixed badflag)', "'sideways'"],
    ['madvise 16 1 hurry', /^advice of madvise \(normal random .* bad\)$/, "'hurry'"],
    ['msync 16 1 later', 'flag of msync (async invalidate sync bad)', "'later'"],
    ['mlockall now', 'flag of mlockall (current future)', "'now'"],
    ['rlimit cpu 1', 'limit of rlimit (memlock as data stack)', "'cpu'"],
    ['rlimit data +1', 'a number as limit of data', "'+1'"],
    ['rlimit as x', 'a limit (N, N+B, Nh, 0x.. or max) for rlimit', "'x'"],
    ['brk x', 'a number of pages or ? (N, N+B, Nh, 0x.. or max) for brk', "'x'"],
    ['file x1 4', 'a file name that begins with t, d or h', "'x1'"],
    ['file d1 4 full', 'word of file (fill)', "'full'"],
    ['fork LONG', 'a process label of one to three letters and digits for fork', "'LONG'"],
    ['fork A', 'a process label that no living process has', "'A'"],
    ['stat now', 'no more arguments for stat', "'now'"],
  ])('%s', (text, expected, came) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ kind: 'syntax', line: 1, came });
    if (typeof expected === 'string') expect(error.expected).toBe(expected);
    else expect(error.expected).toMatch(expected);
    expect(error.message).toBe(`x.mm:1: expected ${error.expected}, came ${came}`);
  });
});

describe('an operation whose subsystem is missing', () => {
  test.each([
    ['file t1 4', 'tmpfs'],
    ['mmap 16 1 rw shared,anon', 'tmpfs, which backs shared anonymous memory'],
    ['shmget 1 4', 'tmpfs, which SysV shared memory stands on'],
    ['shmat 1 any 0 =S', 'tmpfs, which SysV shared memory stands on'],
    ['shmdt 16', 'tmpfs, which SysV shared memory stands on'],
    ['shmrm 1', 'tmpfs, which SysV shared memory stands on'],
    ['shmstat 1', 'tmpfs, which SysV shared memory stands on'],
  ])('%s', (text, what) => {
    const error = errorOf(text);
    expect(error).toMatchObject({ kind: 'unsupported', line: 1, came: `'${text}'` });
    expect(error.message).toBe(`x.mm:1: expected a machine with ${what}, which this one does not have, came '${text}'`);
  });

  test.each([['shmat 1 any rdonly,wide'], ['shmget 1 4 tiny'], ['swapout 16'], ['remap_file_pages 16 1 q 3']])(
    '%s: its words are checked all the same',
    (text) => {
      expect(errorOf(text).kind).toBe('syntax');
    },
  );
});

test('the results before the line are delivered', () => {
  const lines: string[] = [];
  const run = (): unknown =>
    runScenario('mmap 16 1 rw private,anon,fixed\nread 16\nreed 16\nread 16', {
      arch: x86_64,
      onLine: (line) => lines.push(line),
    });
  expect(run).toThrow(/^scenario:3: /);
  expect(lines).toEqual(['1 A mmap 16 1 rw private,anon,fixed -> ok 16 | 0 0', '2 A read 16 -> ok 0 | 1 0']);
});
