/** Exact forms of results that the scenario files of the matrix do not show. */
import { x86_64 } from '@fourfold/arch-x86';
import { describe, expect, test } from 'vitest';
import { runScenario } from '../../src/scenario/run.js';

/** Results alone, without number, process and operation. */
function resultsOf(...ops: string[]): string[] {
  const { lines } = runScenario(ops.join('\n'), { arch: x86_64, check: true });
  return lines.map((line) => line.slice(line.indexOf(' -> ') + 4));
}

describe('result lines', () => {
  test('numbers count every line, the operation stands as written', () => {
    const text = '# first\n\nmmap  16 1 rw  private,anon,fixed # c\r\n~ A: read 16\n';
    expect(runScenario(text, { arch: x86_64 }).lines).toEqual([
      '3 A mmap  16 1 rw  private,anon,fixed -> ok 16 | 0 0',
      '4 A read 16 -> ok 0',
    ]);
  });

  test('an empty scenario has none', () => {
    expect(runScenario('', { arch: x86_64 }).lines).toEqual([]);
  });
});

describe('processes that are not there', () => {
  test('noproc has no counts, badlabel always has', () => {
    expect(
      resultsOf('fork B', 'B: exit', 'B: read 16', 'B: stat', 'C: read 16', 'C: stat', 'C: fork D', '~ C: stat'),
    ).toEqual(['ok', 'ok', 'noproc', 'noproc', 'badlabel | 0 0', 'badlabel | 0 0', 'badlabel | 0 0', 'badlabel']);
  });

  test('file operations and share ignore the process', () => {
    expect(resultsOf('exit', 'file d1 2 fill', 'fread d1 1', 'Z: fsize d1', 'share 16 2')).toEqual([
      'ok',
      'ok',
      'ok 8',
      '2+0',
      '',
    ]);
  });
});

describe('addresses', () => {
  test('a page in each region and elsewhere', () => {
    expect(
      resultsOf(
        'mmap 0 1 r private,anon,fixed',
        'mmap brk:5 1 r private,anon,fixed',
        'mmap any 1 r private,anon =L',
        'mmap any:4 1 r private,anon,fixed',
        'mmap 0x1000 1 r private,anon,fixed',
        'read 0x1000',
        'maps',
        'stat',
        'read L:1',
        'read max',
      ),
    ).toEqual([
      'ok 0 | 0 0',
      'ok brk:5 | 0 0',
      'ok any:0 | 0 0',
      'ok any:4 | 0 0',
      'ok elsewhere | 0 0',
      'ok 0 | 1 0',
      'brk:5+1 r--p anon; 0+1 r--p anon; any:0+1 r--p anon; any:4+1 r--p anon',
      'vm=4 anon=0 file=0 shm=0 zero=0 swap=0 huge=0 pt=0 lck=0',
      'SEGV_MAPERR | 0 0',
      'SEGV_MAPERR | 0 0',
    ]);
  });

  test('a label that nothing bound', () => {
    expect(resultsOf('read L', 'pages L 2', 'mmap L 1 r private,anon')).toEqual(Array(3).fill('badlabel | 0 0'));
  });

  test('an address below the first pick', () => {
    expect(resultsOf(`mmap 0x${(0x2aaa_aaaa_b000 - 0x3000).toString(16)} 1 r private,anon,fixed`)).toEqual([
      'ok any:-3 | 0 0',
    ]);
  });
});

describe('accesses', () => {
  const map = 'mmap 16 6 rw private,anon,fixed';

  test('fill and sum take a step; values wrap at a byte', () => {
    expect(
      resultsOf(map, 'fill 16 6 254 2', 'bytes 16 6', 'sum 16 6 2', 'sum 17 5 2', 'sum 16 0', 'fill 16 0'),
    ).toEqual([
      'ok 16 | 0 0',
      'ok 3 | 3 0',
      '254,0,0,0,2,0 | 3 0',
      `ok hash=${((((17 * 31 + 254) * 31 + 0) * 31 + 2) >>> 0).toString(16).padStart(8, '0')} | 0 0`,
      'ok all=0 | 0 0',
      'ok all=0 | 0 0',
      'ok 0 | 0 0',
    ]);
  });

  test('sum stops at a signal and says after how many', () => {
    expect(resultsOf(map, 'sum 20 4')).toEqual(['ok 16 | 0 0', 'SEGV_MAPERR after 2 | 2 0']);
  });

  test('rmw loads, then stores one more', () => {
    expect(
      resultsOf(map, 'write 16 0xff', 'rmw 16', 'read 16', 'rmw 17', 'mprotect 16 6 r', 'rmw 16', 'rmw 40'),
    ).toEqual([
      'ok 16 | 0 0',
      'ok | 1 0',
      'ok 255 | 0 0',
      'ok 0 | 0 0',
      'ok 0 | 2 0',
      'ok | 0 0',
      'SEGV_ACCERR | 0 0',
      'SEGV_MAPERR | 0 0',
    ]);
  });

  test('call fetches', () => {
    expect(resultsOf('mmap 16 1 rx private,anon,fixed', 'call 16', 'call 17')).toEqual([
      'ok 16 | 0 0',
      'ok | 1 0',
      'SEGV_MAPERR | 0 0',
    ]);
  });
});

describe('copies by the kernel', () => {
  test('whole pages from the first byte count; the pipe holds 64 KiB, kwrite writes 60,000 bytes', () => {
    expect(
      resultsOf(
        'mmap 16 20 rw private,anon,fixed',
        'kread 16 20',
        'kwrite 16 20 7',
        'bytes 16 3',
        'kwrite 34 4 3',
        'kread 35+1 1',
        'kwrite 35+1 1 9',
        'read 35+4095',
        'kread 15 1',
      ),
    ).toEqual([
      'ok 16 | 0 0',
      'ok 65536 | 16 0',
      'ok 60000 | 15 0',
      '7,7,7 | 0 0',
      'ok 8192 | 2 0',
      'EFAULT | 0 0',
      'EFAULT | 0 0',
      'ok 9 | 0 0',
      'EFAULT | 0 0',
    ]);
  });
});

describe('marks', () => {
  test('a label that nothing bound comes before a tag that nobody made', () => {
    expect(resultsOf('same L t', 'mark L t')).toEqual(['badlabel | 0 0', 'badlabel | 0 0']);
  });

  test('absent, notag, same and different', () => {
    expect(
      resultsOf(
        'mmap 16 2 rw private,anon,fixed',
        'mark 16 t',
        'same 16 t',
        'write 16 1',
        'mark 16 t',
        'same 16 t',
        'same 17 t',
        'write 17 1',
        'same 17 t',
      ),
    ).toEqual(['ok 16 | 0 0', 'absent', 'notag', 'ok | 1 0', 'ok', 'same', 'absent', 'ok | 1 0', 'different']);
  });
});

describe('files', () => {
  test('the byte after the last offset that a number can say is EINVAL, before it is too far', () => {
    expect(
      resultsOf('file d1 1', 'fread d1 0x7fffffffffffffff', 'fwrite d1 0x7fffffffffffffff 1', 'fread d1 max'),
    ).toEqual(['ok', 'EINVAL', 'EINVAL', 'EINVAL']);
  });

  test('sizes in pages and bytes, writes past the end, a second file of the name', () => {
    expect(
      resultsOf(
        'file d1 1+5 fill',
        'fsize d1',
        'fread d1 1',
        'fread d1 1+4',
        'fread d1 1+5',
        'fwrite d1 3 9',
        'fsize d1',
        'fread d1 2',
        'fblocks d1',
        'file d1 2',
        'fsize d1',
        'fread d1 0',
        'ftruncate d1 max',
        'fread d2 0',
        'funlink d1',
        'funlink d1',
      ),
    ).toEqual([
      'ok',
      '1+5',
      'ok 8',
      'ok 8',
      'eof',
      'ok',
      '3+1',
      'ok 0',
      '3',
      'ok',
      '2+0',
      'ok 0',
      'EINVAL',
      'ENOENT',
      'ok',
      'ENOENT',
    ]);
  });

  test('an unlinked file lives while it is mapped', () => {
    expect(
      resultsOf(
        'file d1 2 fill',
        'mmap 16 2 r shared,fixed d1',
        'funlink d1',
        'bytes 16 2',
        'file d1 1',
        'fread d1 0',
        'bytes 16 2',
        'munmap 16 2',
      ),
    ).toEqual(['ok', 'ok 16 | 0 0', 'ok', '1,8 | 2 0', 'ok', 'ok 0', '1,8 | 0 0', 'ok | 0 0']);
  });
});

describe('the heap', () => {
  test('is called so while it lies below the break', () => {
    expect(resultsOf('brk 2', 'maps', 'mmap brk:4 1 rw private,anon,fixed', 'maps', 'brk 0', 'mapsc')).toEqual([
      'ok brk:2 | 0 0',
      'brk:0+2 rw-p heap',
      'ok brk:4 | 0 0',
      'brk:0+2 rw-p heap; brk:4+1 rw-p anon',
      'ok brk:0 | 0 0',
      'brk:4+1 rw-p anon',
    ]);
  });
});

test('madvise remove is refused where no file can be punched', () => {
  expect(
    resultsOf(
      'file d1 2 fill',
      'mmap 16 2 rw shared,fixed d1',
      'mmap 32 2 rw private,anon,fixed',
      'madvise 16 1 remove',
      'madvise 32 1 remove',
      'madvise 40 1 remove',
    ).slice(3),
  ).toEqual(['ENOSYS | 0 0', 'EINVAL | 0 0', 'ENOMEM | 0 0']);
});
