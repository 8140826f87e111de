/** Regions 5 to 7: the kernel's accesses to what it maps, and what the walker and the purges do to them. */
import { type Ia64Mmu, regionBase } from '@fourfold/arch-ia64';
import { ioremap, kernelLoad, kernelStore, Machine, runToEnd, vfree, vmalloc } from '@fourfold/core';
import { type ArchDescriptor, highWord, LOAD, lookupKernelPte, lowWord } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

type Counter = Parameters<Machine['counters']['get']>[0];

function growth(machine: Machine, names: readonly Counter[], run: () => void): number[] {
  const before = names.map((name) => machine.counters.get(name));
  run();
  return names.map((name, i) => machine.counters.get(name) - (before[i] as number));
}

function halves(arch: ArchDescriptor, address: bigint): [hi: number, lo: number] {
  const page = address >> BigInt(arch.geometry.pageShift);
  return [highWord(page), lowWord(page)];
}

const GRANULE = 0x100_0000n;

export default quirks({
  port: 'ia64',
  about: "The kernel's regions",
  quirks: {
    "a miss of vmalloc's goes the way of users': vhpt_miss walks the kernel's root for the first page of a table, the walker serves the others":
      {
        source: 'arch/ia64/kernel/ivt.S: vhpt_miss (region 5: swapper_pg_dir); asm-ia64/pgtable.h: pgd_offset_k',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const k = machine.kernel;
          const at = runToEnd(vmalloc(k, 2 * arch.pageSize));
          const names = ['softwareFills', 'walks', 'walkReferences'] as const;
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([1, 0, 3]);
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at + BigInt(arch.pageSize)))).toEqual([0, 1, 1]);
          machine.check();
        },
      },
    'a fault of the kernel on an entry that is present just returns: Page Not Present has purged what the walker loaded before it was':
      {
        source: 'arch/ia64/mm/fault.c: mapped_kernel_page_is_present; kernel/ivt.S: page_not_present',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const k = machine.kernel;
          const first = runToEnd(vmalloc(k, arch.pageSize));
          kernelLoad(k, k.cpu, first); // the page of the linear table is there: the walker will serve
          const next = first + BigInt(2 * arch.pageSize);
          k.mmu.kernel.miss(k.cpu, LOAD, ...halves(arch, next)); // a speculative load: no fault, so no purge
          const at = runToEnd(vmalloc(k, arch.pageSize));
          expect(at).toBe(next);
          const names = ['walks', 'purges', 'purgedEntries', 'tlbDataLookups', 'tlbDataMisses2'] as const;
          // A hit of the absent copy, its purge from both levels, and a miss that the walker serves.
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([1, 1, 2, 2, 1]);
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([0, 0, 0, 1, 0]);
          expect(() => kernelLoad(k, k.cpu, at + BigInt(arch.pageSize))).toThrow('nothing is mapped there');
          machine.check();
        },
      },
    'flush_tlb_kernel_range is flush_tlb_all: what programs and the kernel have in any TLB goes, whatever the range': {
      source: 'asm-ia64/tlbflush.h: flush_tlb_kernel_range; arch/ia64/mm/tlb.c: local_flush_tlb_all',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 2 });
        const k = machine.kernel;
        const processes = k.cpus.map(({ id }) => machine.spawn({ cpu: id }));
        const own = processes.map((process) => {
          const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
          process.store8(at, 1);
          return at;
        });
        const [freed, kept] = [runToEnd(vmalloc(k, arch.pageSize)), runToEnd(vmalloc(k, arch.pageSize))];
        for (const cpu of k.cpus) for (const at of [freed, kept]) kernelLoad(k, cpu, at);
        expect(growth(machine, ['ipiFlushAll', 'flushAll'], () => runToEnd(vfree(k, freed)))).toEqual([1, 1]);
        for (const [i, cpu] of k.cpus.entries()) {
          expect(growth(machine, ['tlbDataMisses2'], () => kernelLoad(k, cpu, kept))).toEqual([1]);
          expect(growth(machine, ['tlbDataMisses2'], () => processes[i]?.load8(own[i] as bigint))).toEqual([1]);
        }
        machine.check();
      },
    },
    "region 5 has one id in all address spaces, and its pages privilege level 0: programs hit the kernel's translation, and it gives them nothing":
      {
        source:
          'asm-ia64/pgtable.h: PAGE_KERNEL; asm-ia64/mmu_context.h: ia64_rid; Itanium manual vol. 2: access rights',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const k = machine.kernel;
          const process = machine.spawn();
          process.brk(0);
          const at = runToEnd(vmalloc(k, arch.pageSize));
          kernelStore(k, k.cpu, at, 5);
          const names = ['tlbDataMisses2', 'walks', 'softwareFills'] as const;
          expect(growth(machine, names, () => expect(() => process.load8(at)).toThrow('SEGV_MAPERR'))).toEqual([
            0, 0, 0,
          ]);
          const other = machine.spawn();
          other.brk(0);
          expect(growth(machine, names, () => expect(kernelLoad(k, k.cpu, at)).toBe(5))).toEqual([0, 0, 0]);
        },
      },
    'the kernel may read the gate page that programs may only execute': {
      source: 'asm-ia64/pgtable.h: PAGE_GATE (ar 7); Itanium manual vol. 2: access rights',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const gate = regionBase(5) + 0x1_0000n;
        process.fetch(gate);
        expect(() => process.load8(gate)).toThrow('SEGV');
        expect(machine.kernelLoad8(gate)).toBe(0);
        expect(() => machine.kernelStore8(gate, 1)).toThrow('it is read-only');
        process.fetch(gate);
        machine.check();
      },
    },
    'regions 6 and 7 have no tables: the alternate handler makes a translation of a granule of 16 MiB from the address':
      {
        source: 'arch/ia64/kernel/ivt.S: alt_dtlb_miss; asm-ia64/page.h: IA64_GRANULE_SHIFT',
        holds: (arch) => {
          const machine = new Machine({
            arch,
            memory: 2 ** 26,
            devices: [{ base: 0x8000_0000, size: 4 * arch.pageSize }],
          });
          const k = machine.kernel;
          const names = ['softwareFills', 'walkReferences'] as const;
          const at = regionBase(7) + GRANULE;
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([1, 0]);
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at + GRANULE - 1n))).toEqual([0, 0]);
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at + GRANULE))).toEqual([1, 0]);
          const device = runToEnd(ioremap(k, 0x8000_0000, 1));
          expect(device).toBe(regionBase(6) + 0x8000_0000n);
          expect(growth(machine, names, () => kernelStore(k, k.cpu, device, 3))).toEqual([1, 0]);
          expect(growth(machine, names, () => expect(kernelLoad(k, k.cpu, device)).toBe(3))).toEqual([0, 0]);
          machine.check();
        },
      },
    'vhpt_miss looks at an entry of region 5 again too, and purges what another CPU unmapped meanwhile': {
      source: 'arch/ia64/kernel/ivt.S: vhpt_miss (CONFIG_SMP)',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 2 });
        const k = machine.kernel;
        const at = runToEnd(vmalloc(k, arch.pageSize));
        const mmu = k.mmu as Ia64Mmu;
        mmu.between = () => {
          mmu.between = null;
          const entry = lookupKernelPte(k, Number(at >> BigInt(arch.geometry.pageShift)));
          k.memory.words[entry] = 0;
          k.memory.words[entry + 1] = 0;
        };
        expect(() => kernelLoad(k, k.cpu, at)).toThrow('nothing is mapped there');
        expect(k.cpu.tlb.find(LOAD, ...halves(arch, at), 0)).toBe(-1);
      },
    },
    "a wrap of the context numbers empties each CPU's TLB, and what the kernel had in it is loaded again": {
      source: 'arch/ia64/mm/tlb.c: wrap_mmu_context',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 2 });
        const k = machine.kernel;
        const { contexts } = k.mmu as Ia64Mmu;
        const at = runToEnd(vmalloc(k, arch.pageSize));
        for (const { id } of k.cpus) machine.spawn({ cpu: id }).brk(0);
        kernelStore(k, k.cpu, at, 9);
        contexts.next = contexts.max;
        contexts.limit = contexts.max;
        machine.spawn().brk(0);
        expect(contexts.wraps).toBe(1);
        expect(growth(machine, ['tlbDataMisses2'], () => expect(kernelLoad(k, k.cpu, at)).toBe(9))).toEqual([1]);
        machine.check();
      },
    },
  },
});
