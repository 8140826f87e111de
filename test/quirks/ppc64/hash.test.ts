/** The hash table and hash_page: what a storage interrupt does below the page-fault handler. */
import {
  ContextAllocator,
  createPpc64,
  groupsFor,
  hpteFlags,
  MAX_CONTEXT,
  MAX_CONTEXT_ERA,
  type Ppc64Mmu,
  scramble,
  sdr1Size,
  userProto,
  VSID_MULTIPLIER,
} from '@fourfold/arch-ppc64';
import { describeImage, imageOf, Machine, type Process, walk } from '@fourfold/core';
import { type ArchDescriptor, PG_ARCH_1, type Roots } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const [DIRTY, RW, HASHPTE] = [0x80n, 0x200n, 0x400n];

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
  readonly at: bigint;
  readonly mmu: Ppc64Mmu;
}

function mapped(arch: ArchDescriptor, prot = 'rw', pages = 4, options: { groups?: number } = {}): Setting {
  const machine = new Machine({ arch, ...options });
  const process = machine.spawn();
  const at = process.mmap({ length: pages * arch.pageSize, prot, flags: 'private|anonymous' });
  return { machine, process, at, mmu: machine.kernel.mmu as Ppc64Mmu };
}

function pte(process: Process, at: bigint): bigint {
  return process.explain(at).pte?.value as bigint;
}

/** The low bits of the R word that the hash table has for an address; null without an entry. */
function hpte({ machine, process }: Setting, at: bigint): bigint | null {
  const [described] = describeImage(machine.kernel, [{ label: 'A', pid: 1, mm: process.mm }]).processes;
  const found = walk(machine.arch, imageOf(machine.kernel.memory), (described as { roots: Roots }).roots, at);
  return found.steps.find(({ what }) => what === 'HPTE')?.value ?? null;
}

function shared(arch: ArchDescriptor): Setting {
  const world = mapped(arch);
  const inode = world.machine.createFile('f', { size: arch.pageSize, warm: true });
  const file = { inode, readable: true, writable: true, refs: 1 };
  world.process.mmap({ addr: world.at, length: arch.pageSize, prot: 'rw', flags: 'shared|fixed', file });
  return world;
}

export default quirks({
  port: 'ppc64',
  about: 'The hash table and hash_page',
  quirks: {
    'a clean writable page is hashed read-only; a store makes it dirty in hash_page, without a page fault': {
      source: 'arch/powerpc/mm/hash_low_64.S: __hash_page_4K, __hash_page_64K',
      holds: (arch) => {
        const world = shared(arch);
        const { process, at } = world;
        process.load8(at);
        expect([pte(process, at) & (DIRTY | RW), (hpte(world, at) as bigint) & 3n]).toEqual([RW, 3n]);
        const faults = process.minFlt;
        process.store8(at, 1);
        expect([process.minFlt, pte(process, at) & DIRTY, (hpte(world, at) as bigint) & 3n]).toEqual([
          faults,
          DIRTY,
          2n,
        ]);
      },
    },
    'the fault handlers do not invalidate where rights grow: ptep_set_access_flags only ors bits in': {
      source: 'asm-ppc64/pgtable.h: ptep_set_access_flags, flush_tlb_page_nohash',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch);
        process.store8(at, 1);
        const child = process.fork();
        child.exit();
        const queued = machine.counters.get('pendingQueued');
        process.store8(at, 2);
        expect(machine.counters.get('pendingQueued')).toBe(queued);
      },
    },
    'an entry that nobody hashed is found by nothing but the kernel: HASHPTE says that there may be an HPTE': {
      source: 'asm-ppc64/pgtable.h: _PAGE_HASHPTE; arch/powerpc/mm/tlb_64.c: hpte_update',
      holds: (arch) => {
        const world = mapped(arch);
        const { process, at, machine } = world;
        process.store8(at, 1);
        expect(pte(process, at) & HASHPTE).toBe(HASHPTE);
        const child = process.fork();
        expect(pte(child, at) & HASHPTE).toBe(0n);
        const queued = machine.counters.get('pendingQueued');
        child.exit();
        expect(machine.counters.get('pendingQueued')).toBe(queued);
      },
    },
    'after a fault update_mmu_cache hashes the page before the access is tried again': {
      source: 'arch/powerpc/mm/mem.c: update_mmu_cache; hash_utils_64.c: hash_preload',
      holds: (arch) => {
        const { machine, process, at } = mapped(arch);
        const fills = machine.counters.get('softwareFills');
        process.store8(at, 1);
        // One interrupt that became the page fault; the retried store found the HPTE.
        expect(machine.counters.get('softwareFills')).toBe(fills + 1);
      },
    },
    'the table has half as many groups as memory has pages of 4 KiB, at least 2,048': {
      source: 'arch/powerpc/mm/hash_utils_64.c: htab_get_table_size',
      holds: () => {
        expect([groupsFor(2 ** 28), groupsFor(2 ** 20), groupsFor(3 * 2 ** 28)]).toEqual([32768, 2048, 131072]);
        expect(sdr1Size(2048)).toBe(0);
      },
    },
    'VSIDs are scrambled by 200730139, a prime, modulo 2^36 - 1; the comment of the header names another number': {
      source: 'asm-ppc64/mmu.h: VSID_MULTIPLIER, vsid_scramble',
      holds: () => {
        expect(VSID_MULTIPLIER).toBe(200730139);
        const proto = userProto(1, 2);
        expect(BigInt(scramble(proto))).toBe((BigInt(proto) * 200730139n) % (2n ** 36n - 1n));
      },
    },
    'contexts of 2^19 and more would share VSIDs with the kernel: given all the same where the defect is kept': {
      source: 'arch/powerpc/mm/mmu_context_64.c: init_new_context',
      holds: () => {
        expect([MAX_CONTEXT, MAX_CONTEXT_ERA]).toEqual([2 ** 19 - 1, 2 ** 20 - 1]);
        expect(userProto(2 ** 19, 0)).toBeGreaterThanOrEqual(2 ** 35);
      },
    },
    'an HPTE that is thrown out tells nobody: the pte goes on naming a slot, and the TLBs keep the translation': {
      source: 'arch/powerpc/mm/hash_native_64.c: native_hpte_remove',
      holds: (arch) => {
        const world = mapped(arch);
        const { process, at, mmu, machine } = world;
        process.store8(at, 1);
        const { words } = machine.kernel.memory;
        for (let group = 0; group < mmu.table.groups; group++) {
          for (let slot = 0; slot < 8; slot++) {
            const entry = mmu.table.entryAt(group, slot);
            if (((words[entry + 1] as number) & 0x11) === 1) words[entry + 1] = 0;
          }
        }
        expect([hpte(world, at), pte(process, at) & HASHPTE]).toEqual([null, HASHPTE]);
        const misses = machine.counters.get('tlbDataMisses2');
        expect(process.load8(at)).toBe(1);
        expect(machine.counters.get('tlbDataMisses2')).toBe(misses);
        // The flush goes to the TLBs whether the HPTE is there or not.
        process.munmap(at, arch.pageSize);
        expect(() => process.load8(at)).toThrow('SEGV_MAPERR');
      },
    },
    'a page is hashed without execution until a fetch asks; then the instruction cache is flushed for it, once': {
      source: 'arch/powerpc/mm/hash_utils_64.c: hash_page_do_lazy_icache',
      holds: (arch) => {
        const world = mapped(arch, 'rwx');
        const { process, at, mmu, machine } = world;
        process.store8(at, 1);
        expect([(hpte(world, at) as bigint) & 4n, mmu.hashPage.icacheFlushes]).toEqual([4n, 0]);
        process.fetch(at);
        expect([(hpte(world, at) as bigint) & 4n, mmu.hashPage.icacheFlushes]).toEqual([0n, 1]);
        const page = machine.kernel.memory.pfnToPage(Number(process.explain(at).pte?.pfn));
        expect((machine.kernel.map.flags[page] as number) & PG_ARCH_1).toBe(PG_ARCH_1);
        process.fetch(at + 4n);
        expect(mmu.hashPage.icacheFlushes).toBe(1);
      },
    },
    'with pages of 64 KiB each part of 4 KiB has an HPTE of its own, a bit in the pte and a nibble in the second word':
      {
        source: 'arch/powerpc/mm/hash_low_64.S: __hash_page_4K (combo)',
        machines: ['ppc64-64k'],
        holds: (arch) => {
          const { process, at } = mapped(arch);
          process.store8(at, 1);
          const bits = (): bigint => (pte(process, at) >> 12n) & 0xffffn;
          expect(bits()).toBe(0x8000n);
          process.load8(at + 5n * 4096n);
          expect(bits()).toBe(0x8000n | (0x8000n >> 5n));
        },
      },
    'a load or a fetch that a translation refused is a signal, whatever the area says': {
      source: 'arch/powerpc/mm/fault.c: do_page_fault (DSISR PROTFAULT)',
      holds: (arch) => {
        expect(arch.faults.presentReadIsFatal).toBe(true);
        const { process, at } = mapped(arch);
        process.store8(at, 1);
        process.mprotect(at, arch.pageSize, '-');
        expect(() => process.load8(at)).toThrow('SEGV_ACCERR');
      },
    },
    'with pages of 64 KiB set_pte_at leaves the second word: what it says is dead, for no part is hashed': {
      source: 'asm-ppc64/pgtable-64k.h: __real_pte; hash_low_64.S (combo)',
      machines: ['ppc64-64k'],
      holds: (arch) => {
        const world = mapped(arch);
        const { process, at, machine } = world;
        const { memory, tables } = machine.kernel;
        const filler = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        process.store8(filler, 1);
        // Some part of the page whose slot is not 0.
        process.store8(at, 1);
        const hidx = (): number[] => {
          const word = tables.lookupPage(process.mm, Number(at / BigInt(arch.pageSize))) + 0x8000 / 4;
          return [memory.words[word] as number, memory.words[word + 1] as number];
        };
        const word = tables.lookupPage(process.mm, Number(at / BigInt(arch.pageSize))) + 0x8000 / 4;
        memory.words[word + 1] = 0x70;
        process.mprotect(at, arch.pageSize, 'r');
        expect(hidx()).toEqual([0, 0x70]);
        // The first part that is hashed again begins with an empty word.
        process.load8(at);
        expect(hidx()[1] as number & 0x70).toBe(0);
      },
    },
    'hash_preload does not ask for USER, and makes an entry writable at once where the pte is dirty and writable': {
      source: 'arch/powerpc/mm/hash_utils_64.c: hash_preload; mem.c: update_mmu_cache',
      holds: (arch) => {
        const world = mapped(arch);
        const { process, at } = world;
        process.store8(at, 1);
        expect((hpte(world, at) as bigint) & 3n).toBe(2n);
        const child = process.fork();
        const faults = process.machine.counters.get('softwareFills');
        process.store8(at, 2);
        // The store was refused once, and the entry that the fault preloaded lets it through.
        expect(process.machine.counters.get('softwareFills')).toBe(faults + 1);
        child.exit();
      },
    },
    'contexts are the lowest free ids, and ENOMEM when all are in use': {
      source: 'arch/powerpc/mm/mmu_context_64.c: init_new_context (idr_get_new_above)',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const all = [machine.spawn(), machine.spawn(), machine.spawn()];
        const [first, second] = all as [Process, Process];
        const ids = all.map(({ mm }) => mm.context);
        expect(ids).toEqual([1, 2, 3]);
        first.exit();
        second.exit();
        expect([machine.spawn(), machine.spawn(), machine.spawn()].map(({ mm }) => mm.context)).toEqual([1, 2, 4]);
        const few = new ContextAllocator(2);
        few.allocate(first.mm);
        few.allocate(first.mm);
        expect(() => few.allocate(first.mm)).toThrow('ENOMEM');
      },
    },
    'flush_dcache_page takes the mark of a clean instruction cache from the page': {
      source: 'arch/powerpc/mm/mem.c: flush_dcache_page',
      holds: (arch) => {
        const { machine } = mapped(arch);
        const { flags } = machine.kernel.map;
        flags[5] = (flags[5] as number) | PG_ARCH_1;
        machine.kernel.mmu.flushDcachePage(5);
        expect((flags[5] as number) & PG_ARCH_1).toBe(0);
      },
    },
    'PP is 0 for the kernel alone, 2 where a user may write now, 3 where not, and N is the opposite of EXEC': {
      source: 'arch/powerpc/mm/hash_low_64.S: htab_insert_pte; asm-powerpc/mmu.h',
      holds: () => {
        const [present, user, exec, dirty, rw] = [1, 2, 4, 0x80, 0x200];
        const of = (pte: number): number => hpteFlags(pte) & 7;
        expect([of(present), of(present | user | exec), of(present | user | rw)]).toEqual([4, 3, 7]);
        expect(of(present | user | rw | dirty | exec)).toBe(2);
      },
    },
    'firmware may state the size of the table': {
      source: 'arch/powerpc/mm/hash_utils_64.c: htab_dt_scan_pftsize',
      holds: (arch) => {
        const stated = createPpc64({ pageShift: arch.geometry.pageShift as 12 | 16, hashTableBytes: 2 ** 22 });
        expect((new Machine({ arch: stated }).kernel.mmu as Ppc64Mmu).table.groups).toBe(32768);
      },
    },
  },
});
