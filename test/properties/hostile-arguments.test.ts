/**
 * Nothing a simulated program asks for may throw out of core: every call with edge values and random words answers a
 * value, and the audit is clean afterwards.
 */
import { Machine, type MappedFile, runToEnd } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const EDGES = [
  0n,
  1n,
  4095n,
  4096n,
  8192n,
  65536n,
  0x1000_0000n,
  0x1fff_f000n,
  0x2000_0000n,
  0x2001_0000n,
  0xbfff_f000n,
  0xc000_0000n,
  0xffff_f000n,
  0xffff_ffffn,
  1n << 32n,
  1n << 39n,
  1n << 43n,
  (1n << 43n) - 8192n,
  1n << 46n,
  (1n << 47n) - 4096n,
  1n << 47n,
  1n << 61n,
  0x1fff_fff0_0000_0000n,
  1n << 63n,
  0xffff_f800_0000_0000n,
  0xffff_fffb_ffff_e000n,
  (1n << 64n) - 65536n,
  (1n << 64n) - 4096n,
  (1n << 64n) - 1n,
];
const word = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...EDGES) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 64 }).map((n) => 0x2000_0000n + BigInt(n) * 4096n) },
  { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
);
const size = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 40 }).map((n) => BigInt(n) * 4096n) },
  { weight: 2, arbitrary: fc.constantFrom(...EDGES) },
);
const bits = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.constantFrom(-1, 0x7fff_ffff, 8, 0x0100_0000, 0x0200_0000));
const flags = fc.oneof(
  fc.constantFrom(0x22, 0x32, 0x122, 0x4022, 0x8032, 0x02, 0x01, 0x11, 0x21, 0, 3, 0x7fff_ffff, 0x2032, 0x112),
  fc.nat(0xffff),
);
const call = fc.oneof(
  fc.tuple(fc.constant('mmap' as const), word, size, bits, flags, fc.boolean(), word),
  fc.tuple(fc.constant('munmap' as const), word, size),
  fc.tuple(fc.constant('mprotect' as const), word, size, bits),
  fc.tuple(fc.constant('mremap' as const), word, size, size, fc.oneof(fc.nat(3), fc.constantFrom(-1, 4, 8)), word),
  fc.tuple(fc.constant('brk' as const), word),
  fc.tuple(fc.constant('madvise' as const), word, size, fc.oneof(fc.nat(12), fc.constantFrom(-1, 100))),
  fc.tuple(fc.constant('mlock' as const), word, size),
  fc.tuple(fc.constant('munlock' as const), word, size),
  fc.tuple(fc.constant('msync' as const), word, size, fc.oneof(fc.nat(8), fc.constant(-1))),
  fc.tuple(
    fc.constant('mincore' as const),
    word,
    fc.integer({ min: 0, max: 40 }).map((n) => BigInt(n) * 4096n),
  ),
  fc.tuple(fc.constant('load' as const), word),
  fc.tuple(fc.constant('store' as const), word),
  fc.tuple(fc.constant('fetch' as const), word),
);

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('no argument of any call throws out of core or breaks an invariant', () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 25, size: 'max' }), (calls) => {
        const machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 10) });
        const process = machine.spawn();
        const inode = machine.createFile('d1', { size: 8 * machine.pageSize });
        const file: MappedFile = { inode, readable: true, writable: true, refs: 1 };
        const { ops } = process;
        const buffer = new Uint8Array(3).fill(7);
        for (const c of calls) {
          switch (c[0]) {
            case 'mmap':
              runToEnd(
                ops.mmap({ addr: c[1], length: c[2], prot: c[3], flags: c[4], file: c[5] ? file : null, offset: c[6] }),
              );
              break;
            case 'munmap':
            case 'mlock':
            case 'munlock':
              runToEnd(ops[c[0]](c[1], c[2]));
              break;
            case 'mprotect':
            case 'madvise':
            case 'msync':
              runToEnd(ops[c[0]](c[1], c[2], c[3]));
              break;
            case 'mremap':
              runToEnd(ops.mremap(c[1], c[2], c[3], c[4], c[5]));
              break;
            case 'brk':
              runToEnd(ops.brk(c[1]));
              break;
            case 'mincore':
              runToEnd(ops.mincore(c[1], c[2], []));
              break;
            case 'load':
            case 'store':
              runToEnd(ops[c[0]](c[1], buffer));
              break;
            case 'fetch':
              runToEnd(ops.fetch(c[1]));
              break;
          }
        }
        machine.check();
        process.exit();
        machine.check();
        expect(machine.kernel.committed).toBe(0);
      }),
      { numRuns: 400 },
    );
  }, 60_000);
});
