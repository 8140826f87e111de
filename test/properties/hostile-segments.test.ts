/**
 * SysV segments, shared anonymous memory and tmpfs files under calls with odd arguments: each answers a value, nothing throws
 * out of core, the audit is clean after each, and nothing is left at the end.
 */
import { Machine, type Process, runToEnd, vmtruncateRange } from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const BASE = 0x2000_0000n;
const ODD = [0n, 1n, 4095n, 4097n, 1n << 31n, (1n << 32n) - 1n, 1n << 44n, 1n << 47n, 1n << 63n, (1n << 64n) - 4096n];
const near = fc.integer({ min: 0, max: 24 }).map((n) => BASE + BigInt(n) * 0x10000n);
const word = fc.oneof({ weight: 5, arbitrary: near }, { weight: 1, arbitrary: fc.constantFrom(...ODD) });
const size = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 6 }).map((n) => BigInt(n) * 0x10000n) },
  { weight: 1, arbitrary: fc.constantFrom(...ODD, -1n, 33n << 20n) },
);
const key = fc.constantFrom(0, 1, 2, -1, 0x7fff_ffff);
const id = fc.oneof({ weight: 5, arbitrary: fc.nat(5) }, { weight: 1, arbitrary: fc.constantFrom(-1, 32768, 2 ** 31) });
const flags = fc.oneof(fc.constantFrom(0, 0o1000, 0o3000, 0o4000, 0o11000), fc.nat(0xffff));
const offset = fc.constantFrom(0, 1, 4096, 65536, 5 * 65536, -1, -65536, 2 ** 40, 2 ** 52, 2 ** 53 - 1);

const call = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('shmget' as const), key, size, flags) },
  {
    weight: 5,
    arbitrary: fc.tuple(
      fc.constant('shmat' as const),
      id,
      word,
      fc.oneof(fc.constantFrom(0, 0o10000, 0o20000, 0o40000), fc.nat(0x1ffff)),
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('shmdt' as const), word) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('shmctl' as const), id, fc.constantFrom(0, 0, 1, 2, 11, 12, -1)) },
  {
    weight: 3,
    arbitrary: fc.tuple(
      fc.constant('mmap' as const),
      word,
      size,
      fc.constantFrom(0x21, 0x31, 0x4031, 0x8031, 0x1, 0x11),
      word,
    ),
  },
  { weight: 2, arbitrary: fc.tuple(fc.constant('munmap' as const), word, size) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('mremap' as const), word, size, size, fc.nat(3), word) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('mprotect' as const), word, size, fc.nat(7)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('remove' as const), word, size) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('store' as const), word) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('fork' as const)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('exit' as const)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('write' as const), offset) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('truncate' as const), offset) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('punch' as const), fc.nat(8), fc.nat(8)) },
);

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('no call on shared memory throws out of core or breaks an invariant', () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 30, size: 'max' }), (calls) => {
        const machine = new Machine({
          arch,
          memory: 2 ** (arch.geometry.pageShift + 10),
          mounts: { '/tmp': tmpfs({ nr_blocks: 40 }) },
        });
        const file = machine.open('/tmp/f', { create: true });
        const { inode } = file;
        const { pageSize } = machine;
        const bytes = new Uint8Array(9).fill(7);
        // Ids of segments, those that are gone too: calls name them by their place here.
        const ids: number[] = [];
        let processes: Process[] = [machine.spawn()];
        for (const c of calls) {
          const { ops } = processes[processes.length - 1] as Process;
          switch (c[0]) {
            case 'shmget': {
              const made = runToEnd(ops.shmget(c[1], c[2], c[3]));
              if (made >= 0) ids.push(made);
              break;
            }
            case 'shmat':
              runToEnd(ops.shmat(ids[c[1]] ?? c[1], c[2], c[3]));
              break;
            case 'shmdt':
              runToEnd(ops.shmdt(c[1]));
              break;
            case 'shmctl':
              runToEnd(ops.shmctl(ids[c[1]] ?? c[1], c[2]));
              break;
            case 'mmap':
              runToEnd(ops.mmap({ addr: c[1], length: c[2], prot: 3, flags: c[3], file, offset: c[4] - BASE }));
              break;
            case 'munmap':
              runToEnd(ops.munmap(c[1], c[2]));
              break;
            case 'mremap':
              runToEnd(ops.mremap(c[1], c[2], c[3], c[4], c[5]));
              break;
            case 'mprotect':
              runToEnd(ops.mprotect(c[1], c[2], c[3]));
              break;
            case 'remove':
              runToEnd(ops.madvise(c[1], c[2], arch.madvRemove));
              break;
            case 'store':
              runToEnd(ops.store(c[1], bytes));
              break;
            case 'fork': {
              const child = processes.length < 4 ? runToEnd(ops.fork()) : 0;
              if (typeof child !== 'number') processes.push(child);
              break;
            }
            case 'exit':
              if (processes.length > 1) (processes.pop() as Process).exit();
              break;
            case 'write':
              if (c[1] >= 0) runToEnd(inode.write(c[1], bytes));
              break;
            case 'truncate':
              runToEnd(inode.setSize(c[1]));
              break;
            case 'punch':
              runToEnd(vmtruncateRange(machine.kernel, inode, c[1] * pageSize, (c[1] + c[2]) * pageSize));
              break;
          }
          machine.check();
        }
        const last = processes[0] as Process;
        for (const made of ids) runToEnd(last.ops.shmctl(made, 0));
        for (const process of processes) process.exit();
        processes = [];
        machine.unlink('/tmp/f');
        machine.close(file);
        machine.check();
        expect(machine.kernel.committed).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
