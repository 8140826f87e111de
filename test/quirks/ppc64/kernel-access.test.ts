/** The kernel's segments: vmalloc and ioremap by hash_page, the linear map by its bolted entries. */
import { addressOf, HPTE_WORDS, kernelVsid, type Ppc64Mmu, type Ppc64Registers } from '@fourfold/arch-ppc64';
import { ioremap, kernelLoad, kernelStore, Machine, runToEnd, vfree, vmalloc } from '@fourfold/core';
import { type ArchDescriptor, lookupKernelPte } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

type Counter = Parameters<Machine['counters']['get']>[0];

const VMALLOC = 0xd000_0000_0000_0000n;
const LINEAR = 0xc000_0000_0000_0000n;
const [HASHPTE, PP, N] = [0x400n, 3n, 4n];

function growth(machine: Machine, names: readonly Counter[], run: () => void): number[] {
  const before = names.map((name) => machine.counters.get(name));
  run();
  return names.map((name, i) => machine.counters.get(name) - (before[i] as number));
}

function mmuOf(machine: Machine): Ppc64Mmu {
  return machine.kernel.mmu as Ppc64Mmu;
}

/** Segments that the CPU has loaded. */
function segments({ kernel }: Machine): number[] {
  return [...(kernel.cpu.registers as Ppc64Registers).slb.esid].filter((esid) => esid >= 0);
}

/** The pte of a kernel address, as a word. */
function kernelPte(machine: Machine, address: bigint): bigint {
  const { arch, memory } = machine.kernel;
  const at = lookupKernelPte(machine.kernel, Number(address >> BigInt(arch.geometry.pageShift)));
  return word(memory.words, at);
}

function word(words: Int32Array, at: number): bigint {
  return (BigInt((words[at] as number) >>> 0) << 32n) | BigInt((words[at + 1] as number) >>> 0);
}

/** Valid entries of the hash table that are not bolted: VSID, page of 4 KiB in its context, low bits of R. */
function hashed(machine: Machine): { readonly vsid: number; readonly page: number; readonly flags: bigint }[] {
  const { table } = mmuOf(machine);
  const { words } = machine.kernel.memory;
  const found = [];
  for (let group = 0; group < table.groups; group++) {
    for (let slot = 0; slot < 8; slot++) {
      const at = table.entryAt(group, slot);
      const v = word(words, at);
      const r = word(words, at + HPTE_WORDS / 2);
      if ((v & 0x11n) === 1n) found.push({ vsid: Number(v >> 12n), page: addressOf(v, r, group).page, flags: r & 7n });
    }
  }
  return found;
}

function setUp(arch: ArchDescriptor, cpus = 1): Machine {
  const machine = new Machine({ arch, cpus });
  for (const { id } of machine.kernel.cpus) machine.spawn({ cpu: id }).brk(0);
  return machine;
}

export default quirks({
  port: 'ppc64',
  about: "The kernel's segments",
  quirks: {
    "an address of region 0xD is hashed from init_mm with the kernel's VSID, for the kernel alone (PP 0) and without execution":
      {
        source: 'arch/powerpc/mm/hash_utils_64.c: hash_page (VMALLOC_REGION_ID); asm-ppc64/mmu.h: get_kernel_vsid',
        holds: (arch) => {
          const machine = setUp(arch);
          const k = machine.kernel;
          const at = runToEnd(vmalloc(k, arch.pageSize));
          expect([hashed(machine), kernelPte(machine, at) & HASHPTE]).toEqual([[], 0n]);
          const names = ['softwareFills', 'walkReferences'] as const;
          expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([1, 2]);
          expect(hashed(machine)).toEqual([{ vsid: 0xf09b89af5, page: 0, flags: N }]);
          expect(kernelPte(machine, at) & HASHPTE).toBe(HASHPTE);
          // Another miss finds the entry; a store needs no other: PP 0 lets the kernel write.
          k.cpu.tlb.dropAll(false);
          expect(growth(machine, names, () => kernelStore(k, k.cpu, at, 1))).toEqual([0, 1]);
          machine.check();
        },
      },
    'clearing an entry of init_mm that was hashed queues it; flush_tlb_kernel_range sends the batch, and the entry goes':
      {
        source:
          'asm-powerpc/pgtable.h: pte_clear, ptep_get_and_clear (hpte_update); asm-powerpc/tlbflush.h: flush_tlb_kernel_range',
        holds: (arch) => {
          const machine = setUp(arch, 2);
          const k = machine.kernel;
          const at = runToEnd(vmalloc(k, 4 * arch.pageSize));
          for (const cpu of k.cpus) for (const i of [0, 2]) kernelLoad(k, cpu, at + BigInt(i * arch.pageSize));
          const kept = runToEnd(vmalloc(k, arch.pageSize));
          kernelLoad(k, k.cpu, kept);
          expect(hashed(machine).length).toBe(3);
          const names = ['pendingQueued', 'flushPending', 'purges', 'ipis'] as const;
          // Two of the four pages were hashed; no CPU is interrupted.
          expect(growth(machine, names, () => runToEnd(vfree(k, at)))).toEqual([2, 1, 2, 0]);
          expect(hashed(machine).length).toBe(1);
          expect(growth(machine, ['tlbDataMisses2'], () => kernelLoad(k, k.cpu, kept))).toEqual([0]);
          machine.check();
        },
      },
    'of a page of 64 KiB that entries of 4 KiB back, the parts that were touched are hashed, and flushed one by one': {
      source: 'arch/powerpc/mm/hash_low_64.S: __hash_page_4K; tlb_64.c: hpte_update',
      machines: ['ppc64-64k'],
      holds: (arch) => {
        const machine = setUp(arch);
        const k = machine.kernel;
        const at = runToEnd(vmalloc(k, arch.pageSize));
        for (const part of [0, 3, 15]) kernelStore(k, k.cpu, at + BigInt(part * 4096 + 1), part);
        for (const part of [0, 3, 15]) expect(kernelLoad(k, k.cpu, at + BigInt(part * 4096 + 1))).toBe(part);
        expect(
          hashed(machine)
            .map(({ page }) => page)
            .sort((a, b) => a - b),
        ).toEqual([0, 3, 15]);
        expect(growth(machine, ['pendingQueued', 'purges'], () => runToEnd(vfree(k, at)))).toEqual([1, 3]);
        expect(hashed(machine)).toEqual([]);
      },
    },
    'init_mm has every CPU in its cpu_vm_mask: its flush is tlbiel where there is one CPU, tlbie where there are more':
      {
        source: 'include/linux/init_task.h: INIT_MM (CPU_MASK_ALL); arch/powerpc/mm/tlb_64.c: __flush_tlb_pending',
        holds: (arch) => {
          for (const cpus of [1, 2]) {
            const machine = setUp(arch, cpus);
            const k = machine.kernel;
            const { flush } = mmuOf(machine);
            const at = runToEnd(vmalloc(k, arch.pageSize));
            kernelLoad(k, k.cpu, at);
            const before = [flush.tlbies, flush.tlbiels];
            runToEnd(vfree(k, at));
            const sent = [flush.tlbies - (before[0] as number), flush.tlbiels - (before[1] as number)];
            expect(sent).toEqual(cpus === 1 ? [0, 1] : [1, 0]);
          }
        },
      },
    "updatepp of a kernel's entry sends its tlbie to all, even where one CPU is there: only user regions are flushed locally":
      {
        source: 'arch/powerpc/mm/hash_utils_64.c: hash_page (user_region, local)',
        holds: (arch) => {
          const machine = setUp(arch);
          const k = machine.kernel;
          const { flush, table } = mmuOf(machine);
          const at = runToEnd(vmalloc(k, arch.pageSize));
          kernelStore(k, k.cpu, at, 6);
          // Thrown out for lack of room: the pte goes on saying where it was.
          for (let group = 0; group < table.groups; group++) while (table.evict(group, 0) >= 0);
          k.cpu.tlb.dropAll(false);
          const before = flush.tlbies;
          expect(kernelLoad(k, k.cpu, at)).toBe(6);
          expect([flush.tlbies - before, hashed(machine).length]).toEqual([1, 1]);
          machine.check();
        },
      },
    "the bolted segment serves the first 256 MiB of vmalloc; another of the kernel's takes a slot in turn, and stays over a switch that takes back eight or fewer":
      {
        source:
          'arch/powerpc/mm/slb.c: slb_initialize, switch_slb; slb_low.S: slb_allocate (kernel addresses are not in the slb_cache)',
        holds: (arch) => {
          const device = { base: 2 ** 36, size: arch.pageSize };
          const machine = new Machine({ arch, devices: [device] });
          const k = machine.kernel;
          const process = machine.spawn();
          process.brk(0);
          const other = machine.spawn();
          const inBolted = runToEnd(vmalloc(k, arch.pageSize));
          const io = runToEnd(ioremap(k, device.base, 4));
          const esid = Number(io >> 28n);
          expect(growth(machine, ['nestedFills'], () => kernelLoad(k, k.cpu, inBolted))).toEqual([0]);
          expect(growth(machine, ['nestedFills'], () => kernelLoad(k, k.cpu, io))).toEqual([1]);
          expect(segments(machine)).toContain(esid);
          other.brk(0);
          expect(segments(machine)).toContain(esid);
          for (let i = 1; i <= 9; i++) {
            const addr = BigInt(i) << 32n;
            other.mmap({ addr, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
            other.store8(addr, 1);
          }
          process.brk(0); // more than eight: slbia, and the bolted ones again
          expect(segments(machine)).not.toContain(esid);
          expect(segments(machine)).toEqual(expect.arrayContaining([Number(VMALLOC >> 28n), Number(LINEAR >> 28n)]));
          k.cpu.tlb.dropAll(false);
          expect(growth(machine, ['nestedFills'], () => kernelLoad(k, k.cpu, io))).toEqual([1]);
          machine.check();
        },
      },
    'the linear map is found in the hash table, where its entries of 16 MiB are bolted; hash_page has no part in it': {
      source: 'arch/powerpc/mm/hash_utils_64.c: htab_initialize, hash_page; slb_low.S: slb_allocate (region 0xC)',
      holds: (arch) => {
        const machine = setUp(arch);
        const k = machine.kernel;
        const names = ['softwareFills', 'walks', 'nestedFills'] as const;
        expect(growth(machine, names, () => kernelLoad(k, k.cpu, LINEAR + 0x100_0000n))).toEqual([0, 1, 0]);
        expect(growth(machine, names, () => kernelLoad(k, k.cpu, LINEAR + 0x1ff_ffffn))).toEqual([0, 0, 0]);
        expect(kernelVsid(LINEAR)).toBe(0x408f92c94);
        expect(() => kernelLoad(k, k.cpu, LINEAR + 0x8000_0000n)).toThrow('nothing is mapped there');
        expect(() => kernelLoad(k, k.cpu, 0xe000_0000_0000_0000n)).toThrow('nothing is mapped there');
        expect(() => kernelLoad(k, k.cpu, VMALLOC + (1n << 44n))).toThrow('nothing is mapped there');
        expect(hashed(machine)).toEqual([]);
        machine.check();
      },
    },
    "a program with context 0xD0000, which the era's kernel gives, has the VSIDs of vmalloc's segments: the kernel reads its page for its own (kept)":
      {
        source: 'asm-powerpc/mmu_context.h: MAX_CONTEXT; asm-ppc64/mmu.h: get_vsid, get_kernel_vsid',
        holds: (arch) => {
          const machine = new Machine({ arch, defects: 'kept' });
          const k = machine.kernel;
          const { contexts } = mmuOf(machine);
          const nobody = machine.spawn().mm;
          while (contexts.allocate(nobody) < 0xc_ffff);
          const process = machine.spawn();
          expect(process.mm.context).toBe(0xd_0000);
          const own = runToEnd(vmalloc(k, 2 * arch.pageSize)) + BigInt(arch.pageSize);
          const addr = own - VMALLOC;
          process.mmap({ addr, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
          process.store8(addr, 7);
          expect(kernelLoad(k, k.cpu, own)).toBe(7);
          // By the map of all memory, which has segments of its own, the kernel's page is as it was.
          const pfn = k.memory.pageToPfn(k.vmlist.all[0]?.frames[1] as number);
          expect(kernelLoad(k, k.cpu, LINEAR + BigInt(pfn * arch.pageSize))).toBe(0);
        },
      },
    "the audit compares the hash table's entries of the kernel with init_mm": {
      source: 'arch/powerpc/mm/hash_utils_64.c: flush_hash_range',
      holds: (arch) => {
        const machine = setUp(arch);
        const k = machine.kernel;
        const at = runToEnd(vmalloc(k, arch.pageSize));
        kernelLoad(k, k.cpu, at);
        k.cpu.tlb.dropAll(false);
        const entry = lookupKernelPte(k, Number(at >> BigInt(arch.geometry.pageShift)));
        const lo = k.memory.words[entry + 1] as number;
        k.memory.words[entry + 1] = lo & ~Number(HASHPTE);
        expect(() => machine.check()).toThrow(/the pte of the kernel's page \d+ does not know of it/);
        k.memory.words[entry + 1] = lo;
        machine.check();
        expect(hashed(machine).map(({ flags }) => flags & PP)).toEqual([0n]);
      },
    },
  },
});
