/**
 * Odd calls on huge pages beside ordinary ones, with allocations failing now and then: nothing throws out of core, the audit
 * is clean after every step, and what ends gives everything back.
 */
import { closeFile, runToEnd } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootTables } from '../support/boot.js';
import { HugeWorld, hugeName, SMALL_HUGE_MACHINES } from '../support/huge.js';

/** An address or length: whole huge pages, and pages and bytes beside that. */
const place = fc.record({
  huge: fc.nat(6),
  pages: fc.constantFrom(0, 0, 0, 0, 1, -1, 3),
  bytes: fc.constantFrom(0, 0, 0, 0, 0, 1, 17),
});
const length = fc.record({
  huge: fc.nat(3),
  pages: fc.constantFrom(0, 0, 0, 1, -1, 5),
  bytes: fc.constantFrom(0, 0, 0, 1),
});
const prot = fc.constantFrom(0, 1, 3, 5, 7, 2);
const who = fc.nat(1);
const call = fc.oneof(
  fc.tuple(
    fc.constant('mmap' as const),
    who,
    place,
    length,
    prot,
    fc.constantFrom(0x11, 0x12, 0x1, 0x2, 0x2011, 0x8011, 0x13),
    fc.nat(2),
    place,
  ),
  fc.tuple(fc.constant('munmap' as const), who, place, length),
  fc.tuple(fc.constant('mprotect' as const), who, place, length, prot),
  fc.tuple(fc.constant('mremap' as const), who, place, length, length, fc.nat(3), place),
  fc.tuple(fc.constant('madvise' as const), who, place, length, fc.nat(6)),
  fc.tuple(fc.constant('mlock' as const), who, place, length),
  fc.tuple(fc.constant('msync' as const), who, place, length),
  fc.tuple(fc.constant('mincore' as const), who, place, length),
  fc.tuple(fc.constant('store' as const), who, place),
  fc.tuple(fc.constant('store' as const), who, place),
  fc.tuple(fc.constant('load' as const), who, place),
  fc.tuple(fc.constant('truncate' as const), place),
  fc.tuple(fc.constant('fork' as const)),
  fc.tuple(fc.constant('resize' as const), fc.nat(5)),
);

describe.each(SMALL_HUGE_MACHINES.map((arch) => [hugeName(arch), arch] as const))('%s', (_name, arch) => {
  test.each(['mended', 'kept'] as const)(
    'random calls, defects %s',
    (defects) => {
      fc.assert(
        fc.property(fc.array(call, { minLength: 1, maxLength: 30, size: 'max' }), fc.nat(40), (calls, seed) => {
          const bytes = 2 ** (arch.huge?.shift ?? 0);
          const world = new HugeWorld(arch, 4, { defects, memory: bytes * 6 + arch.geometry.pageSize * 1024 });
          const { machine, size, base } = world;
          const { kernel: k, pageSize } = machine;
          const { inode, file } = world.open('h1');
          const disk = {
            inode: machine.createFile('d1', { size: 8 * pageSize }),
            readable: true,
            writable: true,
            refs: 1,
          };
          const processes = [machine.spawn()];
          let n = seed;
          k.inject.failPage = () => ++n % 37 === 0;
          const offset = (p: { huge: number; pages: number; bytes: number }): bigint =>
            BigInt(p.huge) * size + BigInt(p.pages * pageSize + p.bytes);
          const at = (p: { huge: number; pages: number; bytes: number }): bigint => base + offset(p);
          for (const c of calls) {
            const process = processes[typeof c[1] === 'number' ? c[1] % processes.length : 0]!;
            const { ops } = process;
            switch (c[0]) {
              case 'mmap': {
                const from = offset(c[7]);
                const files = [file, disk, null] as const;
                const chosen = files[c[6]] ?? null;
                const flags = chosen === null ? c[5] | 0x20 : c[5];
                runToEnd(
                  ops.mmap({ addr: at(c[2]), length: offset(c[3]), prot: c[4], flags, file: chosen, offset: from }),
                );
                break;
              }
              case 'munmap':
              case 'mlock':
                runToEnd(ops[c[0]](at(c[2]), offset(c[3])));
                break;
              case 'mprotect':
              case 'madvise':
                runToEnd(ops[c[0]](at(c[2]), offset(c[3]), c[4]));
                break;
              case 'mremap':
                runToEnd(ops.mremap(at(c[2]), offset(c[3]), offset(c[4]), c[5], at(c[6])));
                break;
              case 'msync':
                runToEnd(ops.msync(at(c[2]), offset(c[3]), 4));
                break;
              case 'mincore':
                runToEnd(ops.mincore(at(c[2]), offset(c[3]), []));
                break;
              case 'store':
              case 'load':
                runToEnd(ops[c[0]](at(c[2]), new Uint8Array(2).fill(9)));
                break;
              case 'truncate':
                runToEnd(inode.setSize(Number(offset(c[1]))));
                break;
              case 'fork': {
                if (processes.length > 1) break;
                const child = runToEnd(ops.fork());
                if (typeof child !== 'number') processes.push(child);
                break;
              }
              case 'resize':
                k.hugetlb?.resize(c[1]);
                break;
            }
            machine.check();
          }
          for (const process of processes) process.exit();
          runToEnd(closeFile(file));
          runToEnd(world.fs.unlink('h1'));
          disk.inode.destroy();
          machine.check();
          expect([k.hugetlb?.freePages, k.committed]).toEqual([k.hugetlb?.nrPages, 0]);
          expect([...k.tablesInUse]).toEqual(bootTables(arch));
        }),
        { numRuns: 30 },
      );
    },
    60_000,
  );
});
