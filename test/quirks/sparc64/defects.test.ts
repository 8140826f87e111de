/** The port's own defects, mended and kept. */
import { VpteArea, vpteFlushRange } from '@fourfold/arch-sparc64';
import { type Cpu, Machine, runToEnd } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const NO_CHECKS = { flushes: false, hits: false };

/** What the gather does when four pages are unmapped: flush calls and freed frames, in order. */
function order(arch: ArchDescriptor, defects: 'kept' | 'mended'): string[] {
  const machine = new Machine({ arch, cpus: 2, defects, checks: NO_CHECKS });
  const process = machine.spawn();
  const at = process.mmap({ length: 4 * arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
  for (let i = 0; i < 4; i++) process.store8(at + BigInt(i * arch.pageSize), 1);
  machine.drainBatches();
  const spy = machine.spy();
  process.madvise(at, 4 * arch.pageSize, 4);
  const names = [...spy.of('gatherFlush', 'freePage')].map(({ name }) => name);
  return names.filter((name, i) => name !== names[i - 1]);
}

export default quirks({
  port: 'sparc64',
  about: "The port's defects: mended by default, kept on request",
  quirks: {
    'tlb_flush_mmu frees the pages before the demaps are sent (kept); the flush comes first (mended)': {
      source: 'asm-sparc64/tlb.h: tlb_flush_mmu, tlb_finish_mmu',
      holds: (arch) => {
        expect(order(arch, 'kept')).toEqual(['freePage', 'gatherFlush']);
        expect(order(arch, 'mended')).toEqual(['gatherFlush', 'freePage']);
      },
    },
    'the flush ledger finds a frame that is freed before its demap': {
      source: 'asm-sparc64/tlb.h: tlb_flush_mmu',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 2, defects: 'kept', checks: { flushes: true } });
        const process = machine.spawn();
        const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(at, 1);
        machine.drainBatches();
        expect(() => process.madvise(at, arch.pageSize, 4)).toThrow(
          /frame of page \d+ is freed: CPU 0 may still use page/,
        );
      },
    },
    'a kernel thread that borrows an mm with one user flushes it on its own CPU alone (kept); where the user runs too (mended)':
      {
        source: 'arch/sparc64/kernel/smp.c: smp_flush_tlb_pending (mm == current->active_mm)',
        holds: (arch) => {
          const truncated = (defects: 'kept' | 'mended'): (() => void) => {
            const machine = new Machine({ arch, cpus: 2, defects, checks: { flushes: true } });
            const process = machine.spawn();
            const inode = machine.createFile('f', { size: arch.pageSize });
            const file = { inode, readable: true, writable: true, refs: 1 };
            const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'shared', file });
            process.store8(at, 1);
            process.runOn(1);
            process.store8(at, 2);
            // Somebody else truncates the file, on the CPU that the process left.
            machine.kernel.cpu = machine.kernel.cpus[0] as Cpu;
            return () => {
              runToEnd(inode.setSize(0));
              machine.check();
            };
          };
          expect(truncated('mended')).not.toThrow();
          expect(truncated('kept')).toThrow(/CPU 1 may still use page/);
        },
      },
    'flush_tlb_pgtables across the hole swaps its ends and names the complement of the range': {
      source: 'arch/sparc64/mm/tlb.c: flush_tlb_pgtables',
      holds: ({ geometry }) => {
        const area = new VpteArea(geometry.pageShift);
        const page = (va: bigint): number => Number(va >> BigInt(geometry.pageShift));
        const range = vpteFlushRange(area, page(0x7ff_0000_0000n), page(0xffff_f801_0000_0000n), true);
        expect(range.swapped).toBe(true);
        expect(range.first).toBeLessThan(range.end);
        // The pages of the range itself are not among those named.
        expect(area.pageOf(page(0x7ff_0000_0000n))).toBeGreaterThanOrEqual(range.end);
      },
    },
  },
});
