/** The kernel's own addresses: misses in the nucleus, and the flush of what they cached. */
import { PAGE_OFFSET, type Sparc64Mmu, vpteAddress } from '@fourfold/arch-sparc64';
import { kernelLoad, kernelStore, Machine, runToEnd, vfree, vmalloc } from '@fourfold/core';
import { type ArchDescriptor, type Cpu, FAULT_ABSENT, LOAD } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

type Counter = Parameters<Machine['counters']['get']>[0];

function growth(machine: Machine, names: readonly Counter[], run: () => void): number[] {
  const before = names.map((name) => machine.counters.get(name));
  run();
  return names.map((name, i) => machine.counters.get(name) - (before[i] as number));
}

/** Pages and contexts of the slots of a CPU. */
function held({ tlb }: Cpu): string[] {
  const slots = Array.from({ length: tlb.slots }, (_, slot) => slot).filter((slot) => tlb.contextOf(slot) >= 0);
  return slots.map((slot) => `${tlb.contextOf(slot)}:${tlb.pageOf(slot).toString(16)}`);
}

function pageOf(arch: ArchDescriptor, address: bigint): string {
  return (address >> BigInt(arch.geometry.pageShift)).toString(16);
}

export default quirks({
  port: 'sparc64',
  about: "The kernel's addresses",
  quirks: {
    "a kernel miss reads the linear table in the nucleus, context 0; the nested handler has the swapper's root entry at hand and loads the pmd alone":
      {
        source:
          'arch/sparc64/kernel/dtlb_backend.S: sparc64_vpte_nucleus; mm/init.c: paging_init (sparc64_vpte_patchme1)',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const k = machine.kernel;
          machine.spawn().brk(0);
          const at = runToEnd(vmalloc(k, 2 * arch.pageSize));
          const names = ['softwareFills', 'nestedFills', 'walkReferences'] as const;
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([1, 1, 2]);
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at + BigInt(arch.pageSize)))).toEqual([1, 0, 1]);
          const vpte = vpteAddress(arch.geometry.pageShift, at);
          expect(held(k.cpu)).toEqual(expect.arrayContaining([`0:${pageOf(arch, vpte)}`, `0:${pageOf(arch, at)}`]));
        },
      },
    'a page of the kernel and one of a program at the same address are two translations, by their contexts': {
      source: "asm-sparc64/mmu_context.h: context 0 is the kernel's; UltraSPARC user's manual: TLB tag",
      holds: (arch) => {
        const machine = new Machine({ arch });
        const k = machine.kernel;
        const process = machine.spawn();
        const at = runToEnd(vmalloc(k, arch.pageSize));
        process.mmap({ addr: at, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
        process.store8(at, 1);
        kernelStore(k, k.cpu, at, 2);
        expect([process.load8(at), kernelLoad(k, k.cpu, at)]).toEqual([1, 2]);
        const { context } = k.cpu;
        expect(context).toBeGreaterThan(0);
        expect(held(k.cpu)).toEqual(
          expect.arrayContaining([`0:${pageOf(arch, at)}`, `${context}:${pageOf(arch, at)}`]),
        );
        process.munmap(at, arch.pageSize);
        expect(held(k.cpu)).toContain(`0:${pageOf(arch, at)}`);
        machine.check();
      },
    },
    'the direct map has no tables: a miss turns the address into a translation of 4 MiB': {
      source: 'arch/sparc64/kernel/dtlb_base.S: KERN_HIGHBITS, KERN_LOWBITS',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const k = machine.kernel;
        const names = ['softwareFills', 'walkReferences'] as const;
        const from = PAGE_OFFSET + 0x40_0000n;
        expect(growth(machine, names, () => kernelLoad(k, k.cpu, from))).toEqual([1, 0]);
        expect(growth(machine, names, () => kernelLoad(k, k.cpu, from + 0x3f_ffffn))).toEqual([0, 0]);
        expect(growth(machine, names, () => kernelLoad(k, k.cpu, from + 0x40_0000n))).toEqual([1, 0]);
        machine.check();
      },
    },
    "what lies below the modules, in the firmware's range or in the hole is in no table of the kernel's": {
      source: 'arch/sparc64/kernel/dtlb_backend.S: sparc64_vpte_nucleus, kvmap; asm-sparc64/pgtable.h: LOW_OBP_ADDRESS',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const k = machine.kernel;
        const miss = (address: bigint): number[] => {
          const page = address >> BigInt(arch.geometry.pageShift);
          return growth(machine, ['softwareFills'], () => {
            const answer = k.mmu.kernel.miss(k.cpu, LOAD, Number(page >> 32n), Number(page & 0xffff_ffffn) | 0);
            expect(answer).toBe(FAULT_ABSENT);
          });
        };
        for (const address of [0n, 0x40_0000n, 0xf000_0000n, 0xffff_e000n, 0x2_0000_0000n, 0x800_0000_0000n])
          expect(miss(address)).toEqual([0]);
        for (const address of [0x1000_0000n, 0x1_0000_0000n, 0x1_ffff_0000n]) expect(miss(address)).toEqual([1]);
      },
    },
    'flush_tlb_kernel_range demaps the range page by page in the nucleus, on every CPU, by cross call; other pages stay':
      {
        source: 'arch/sparc64/kernel/smp.c: smp_flush_tlb_kernel_range; mm/ultra.S: xcall_flush_tlb_kernel_range',
        holds: (arch) => {
          const machine = new Machine({ arch, cpus: 3 });
          const k = machine.kernel;
          for (const { id } of k.cpus) machine.spawn({ cpu: id }).brk(0);
          const [freed, kept] = [runToEnd(vmalloc(k, 5 * arch.pageSize)), runToEnd(vmalloc(k, arch.pageSize))];
          for (const cpu of k.cpus) for (const at of [freed, kept]) kernelLoad(k, cpu, at);
          const names = ['ipiFlushPage', 'purges', 'purgedEntries', 'flushRange'] as const;
          expect(growth(machine, names, () => runToEnd(vfree(k, freed)))).toEqual([2, 15, 3, 1]);
          for (const cpu of k.cpus) {
            expect(growth(machine, ['softwareFills'], () => kernelLoad(k, cpu, kept))).toEqual([0]);
            expect(() => kernelLoad(k, cpu, freed)).toThrow('nothing is mapped there');
          }
          expect(growth(machine, names, () => k.mmu.flushKernelRange(7, 7))).toEqual([0, 0, 0, 0]);
          machine.check();
        },
      },
    "a new version of context numbers, and a CPU that flushes the context it gets, leave the kernel's translations": {
      source: 'arch/sparc64/mm/init.c: get_new_mmu_context; asm-sparc64/mmu_context.h: switch_mm',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const k = machine.kernel;
        const { contexts } = k.mmu as Sparc64Mmu;
        const at = runToEnd(vmalloc(k, arch.pageSize));
        const old = machine.spawn();
        old.brk(0);
        kernelStore(k, k.cpu, at, 9);
        const version = contexts.cache;
        while (Math.floor(contexts.cache / 2 ** 22) === Math.floor(version / 2 ** 22)) contexts.allocate(0);
        machine.spawn().brk(0);
        old.brk(0);
        expect(growth(machine, ['softwareFills'], () => expect(kernelLoad(k, k.cpu, at)).toBe(9))).toEqual([0]);
        machine.check();
      },
    },
  },
});
