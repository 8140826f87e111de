/** UltraSPARC III+: page sizes in the context register, and the two banks of the data TLB that go by them. */
import { createSparc64, HPAGE_SHIFT, type Sparc64Mmu, sizeCode } from '@fourfold/arch-sparc64';
import type { Machine } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

function plus({ geometry }: ArchDescriptor): ArchDescriptor {
  return createSparc64({ pageShift: geometry.pageShift as 13 | 16, tlb: 'cheetah_plus' });
}

/** Page sizes in the register of each CPU, in place. */
function sizes({ kernel }: Machine): number[] {
  const mmu = kernel.mmu as Sparc64Mmu;
  return kernel.cpus.map((cpu) => (mmu.pageSizes?.registerOf(cpu) ?? -1) - cpu.context);
}

/** The base size in bits 18:16, the huge one in 21:19. */
function wanted({ geometry }: ArchDescriptor): number {
  return (sizeCode(geometry.pageShift) << 16) | (sizeCode(HPAGE_SHIFT) << 19);
}

export default quirks({
  port: 'sparc64',
  about: 'UltraSPARC III+ (cheetah_plus)',
  quirks: {
    'the first mapping of huge pages states both page sizes in the context register of every CPU that runs the program':
      {
        source: 'arch/sparc64/mm/hugetlbpage.c: hugetlb_prefault_arch_hook, context_reload',
        holds: (arch) => {
          const world = new HugeWorld(plus(arch), 2, { cpus: 3 });
          const { machine } = world;
          const process = machine.spawn();
          const thread = process.thread();
          thread.runOn(1);
          machine.spawn({ cpu: 2 }).brk(0);
          for (const one of [process, thread]) one.brk(0);
          expect(sizes(machine)).toEqual([0, 0, 0]);
          const { file } = world.open('f');
          world.map(process, file, 0, 1);
          expect(sizes(machine)).toEqual([wanted(arch), wanted(arch), 0]);
          expect(machine.counters.get('ipiCall')).toBe(2);
          world.map(process, file, 1, 1);
          expect(machine.counters.get('ipiCall')).toBe(2);
        },
      },
    'before the sizes change the whole context is demapped on every CPU of the mask: smp_flush_tlb_mm': {
      source: 'arch/sparc64/mm/hugetlbpage.c: hugetlb_prefault_arch_hook; kernel/smp.c: smp_flush_tlb_mm',
      holds: (arch) => {
        const held = (of: ArchDescriptor): { left: boolean[]; ipis: number } => {
          const world = new HugeWorld(of, 1, { cpus: 2 });
          const { machine } = world;
          const process = machine.spawn();
          const thread = process.thread();
          thread.runOn(1);
          const at = process.mmap({ length: of.pageSize, prot: 'rw', flags: 'private|anonymous' });
          for (const one of [process, thread]) one.store8(at, 1);
          world.map(process, world.open('f').file, 0, 1);
          const vpn = Number(at / BigInt(of.pageSize));
          return {
            left: machine.kernel.cpus.map(({ tlb, context }) => tlb.holds(vpn, context)),
            ipis: machine.counters.get('ipiFlushMm'),
          };
        };
        expect(held(plus(arch))).toEqual({ left: [false, false], ipis: 1 });
        expect(held(arch)).toEqual({ left: [true, true], ipis: 0 });
      },
    },
    'with one user smp_flush_tlb_mm interrupts nobody, and the other CPUs leave the mask': {
      source: 'arch/sparc64/kernel/smp.c: smp_flush_tlb_mm',
      holds: (arch) => {
        const world = new HugeWorld(plus(arch), 1, { cpus: 2 });
        const { machine } = world;
        const process = machine.spawn({ cpu: 1 });
        process.brk(0);
        process.runOn(0);
        process.brk(0);
        expect(process.mm.cpuVmMask).toBe(0b11);
        world.map(process, world.open('f').file, 0, 1);
        expect([process.mm.cpuVmMask, machine.counters.get('ipiFlushMm')]).toEqual([0b01, 0]);
      },
    },
    'a child of fork has huge pages and no page sizes: its context is a new one': {
      source: 'asm-sparc64/mmu_context.h: init_new_context; arch/sparc64/mm/init.c: get_new_mmu_context',
      holds: (arch) => {
        const world = new HugeWorld(plus(arch), 1);
        const process = world.machine.spawn();
        world.map(process, world.open('f').file, 0, 1);
        process.store8(world.at(0), 1);
        const child = process.fork();
        expect(child.load8(world.at(0))).toBe(1);
        expect(sizes(world.machine)).toEqual([0]);
        process.load8(world.at(0));
        expect(sizes(world.machine)).toEqual([wanted(arch)]);
      },
    },
    'huge pages have a bank of 512 entries, where cheetah has 16 for all that is larger than 8 KiB': {
      source: "UltraSPARC III Cu user's manual, MMU; arch/sparc64/kernel/dtlb_base.S",
      holds: (arch) => {
        const misses = (tlb: 'cheetah' | 'cheetah_plus'): number => {
          const pageShift = arch.geometry.pageShift as 13 | 16;
          const world = new HugeWorld(createSparc64({ pageShift, tlb }), 24);
          const process = world.machine.spawn();
          world.map(process, world.open('f').file, 0, 24);
          const pass = (): void => {
            for (let i = 0; i < 24; i++) process.load8(world.at(i));
          };
          pass();
          pass();
          const before = world.machine.counters.get('tlbDataMisses');
          pass();
          return world.machine.counters.get('tlbDataMisses') - before;
        };
        expect(misses('cheetah_plus')).toBe(0);
        expect(misses('cheetah')).toBeGreaterThan(8);
      },
    },
  },
});
