/** Pages of 64 KiB in the hash table, on a processor that can have them for every use. */
import {
  createPpc64,
  HARDWARE_PAGES,
  hashOf,
  hpteV,
  type Ppc64Mmu,
  userVsid,
  virtualAddress,
} from '@fourfold/arch-ppc64';
import { describeImage, imageOf, Machine, type Process, type Walk, walk } from '@fourfold/core';
import type { ArchDescriptor, Roots } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { HugeWorld } from '../../support/huge.js';
import { quirks } from '../support/quirk.js';

const [HASHPTE, COMBO] = [0x400n, 0x1000_0000n];
const DONTNEED = 4;
const MACHINES = ['ppc64-64k'] as const;
const LARGE = createPpc64({ pageShift: 16, hashedPageShift: 16 });
const AT = 0x1003_0000n;

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
}

/** A process with pages at AT, written. */
function written(arch: ArchDescriptor, pages = 1, prot = 'rw'): Setting {
  const machine = new Machine({ arch });
  const process = machine.spawn();
  process.mmap({ addr: AT, length: pages * arch.pageSize, prot, flags: 'private|anonymous|fixed' });
  for (let i = 0; i < pages; i++) process.store8(AT + BigInt(i * arch.pageSize), 1);
  return { machine, process };
}

function pte(process: Process): bigint {
  return process.explain(AT).pte?.value as bigint;
}

function walked({ machine, process }: Setting, at = AT): Walk {
  const [described] = describeImage(machine.kernel, [{ label: 'A', pid: 1, mm: process.mm }]).processes;
  return walk(machine.arch, imageOf(machine.kernel.memory), (described as { roots: Roots }).roots, at);
}

function word(walk: Walk, what: string): bigint {
  return walk.steps.find((step) => step.what === what)?.value as bigint;
}

/** Purge instructions that taking `parts` touched parts of a page away costs. */
function purges(arch: ArchDescriptor, parts: number): number {
  const { machine, process } = written(arch);
  for (let part = 0; part < parts; part++) process.load8(AT + BigInt(part * 4096));
  const before = machine.counters.get('purges');
  process.madvise(AT, arch.pageSize, DONTNEED);
  return machine.counters.get('purges') - before;
}

export default quirks({
  port: 'ppc64',
  about: 'Pages of 64 KiB in the hash table',
  quirks: {
    'a stock kernel backs all its pages of 64 KiB with entries of 4 KiB: no processor in its table can have larger ones for every use':
      {
        source: 'arch/powerpc/mm/hash_utils_64.c: htab_init_page_sizes (CPU_FTR_CI_LARGE_PAGE); cputable.c',
        machines: MACHINES,
        holds: (arch) => {
          expect([arch.tlbPageShift, LARGE.tlbPageShift]).toEqual([12, 16]);
          expect([pte(written(arch).process) & COMBO, pte(written(LARGE).process) & COMBO]).toEqual([COMBO, 0n]);
          expect(() => createPpc64({ pageShift: 12, hashedPageShift: 16 })).toThrow('pageShift of 16');
        },
      },
    'an entry of 64 KiB is found by the hash of its page number, has LARGE in V and its size code in R': {
      source: 'asm-powerpc/mmu.h: hpt_hash, hpte_encode_v, hpte_encode_r; hash_low_64.S: __hash_page_64K',
      machines: MACHINES,
      holds: () => {
        const setting = written(LARGE);
        const found = walked(setting);
        const va = virtualAddress(userVsid(setting.process.mm.context, Number(AT >> 28n)), AT);
        expect(word(found, 'primary group')).toBe(hpteV(va, HARDWARE_PAGES['64K'], false));
        expect(word(found, 'primary group') & 7n).toBe(5n);
        const frame = BigInt(setting.process.explain(AT).pte?.pfn as bigint);
        expect(word(found, 'HPTE')).toBe((frame << 16n) | 0x1000n | 0x196n);
        const { table } = setting.machine.kernel.mmu as Ppc64Mmu;
        const at = found.steps.find(({ what }) => what === 'primary group')?.at as bigint;
        expect((at - BigInt(table.pa)) >> 7n).toBe(hashOf(va, 16) & BigInt(table.mask));
        expect([found.pageBytes, found.physical]).toEqual([65536n, frame << 16n]);
      },
    },
    'its segment says 64 KiB in the SLB: L and LP, as firmware lists them': {
      source: 'arch/powerpc/mm/slb.c: mk_vsid_data; hash_utils_64.c: htab_dt_scan_page_sizes',
      machines: MACHINES,
      holds: () => expect(word(walked(written(LARGE)), 'SLB') & 0xfffn).toBe(0xd90n),
    },
    'its pte says the slot in bits 15:12, as one of 4 KiB does; the second word behind it is not used': {
      source: 'arch/powerpc/mm/hash_low_64.S: __hash_page_64K',
      machines: MACHINES,
      holds: () => {
        const { machine, process } = written(LARGE);
        const { table } = machine.kernel.mmu as Ppc64Mmu;
        process.load8(AT + 0x5000n);
        expect(pte(process) & 0x1fff_fc00n).toBe(HASHPTE);
        const { memory, tables } = machine.kernel;
        const at = tables.lookupPage(process.mm, Number(AT >> 16n));
        expect([memory.words[at + 0x8000 / 4], memory.words[at + 0x8000 / 4 + 1]]).toEqual([0, 0]);
        expect(table.inserts).toBe(1);
      },
    },
    'it is taken away by one tlbie, where entries of 4 KiB take one for each part that was used': {
      source: 'arch/powerpc/mm/hash_native_64.c: native_flush_hash_range (pte_iterate_hashed_subpages)',
      machines: MACHINES,
      holds: (arch) => expect([purges(arch, 5), purges(LARGE, 5), purges(arch, 1)]).toEqual([5, 1, 1]),
    },
    'a POWER5+ sees stores in its instruction cache: pages that may execute are hashed so at once': {
      source: 'arch/powerpc/mm/hash_low_64.S (CPU_FTR_COHERENT_ICACHE)',
      machines: MACHINES,
      holds: (arch) => {
        const n = (of: ArchDescriptor): bigint => word(walked(written(of, 1, 'rwx')), 'HPTE') & 4n;
        expect([n(arch), n(LARGE)]).toEqual([4n, 0n]);
      },
    },
    'segments of 64 KiB and of 16 MiB pages stand side by side': {
      source: 'arch/powerpc/mm/slb_low.S: slb_allocate_user',
      machines: MACHINES,
      holds: () => {
        const world = new HugeWorld(LARGE, 2);
        const process = world.machine.spawn();
        const { file } = world.open('f');
        world.map(process, file, 0, 2);
        process.store8(world.at(1), 7);
        process.mmap({ addr: AT, length: LARGE.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
        process.store8(AT, 8);
        expect([process.load8(world.at(1)), process.load8(AT)]).toEqual([7, 8]);
        const [huge, small] = [world.at(1), AT].map((at) => walked({ machine: world.machine, process }, at).pageBytes);
        expect([huge, small]).toEqual([2n ** 24n, 2n ** 16n]);
        world.machine.check();
      },
    },
  },
});
