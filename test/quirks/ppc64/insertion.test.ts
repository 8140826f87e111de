/** Where hash_page puts an entry, and what it writes into it. */
import { type Ppc64Mmu, userVsid } from '@fourfold/arch-ppc64';
import { describeImage, imageOf, Machine, type Process, runToEnd, walk } from '@fourfold/core';
import type { ArchDescriptor, Roots } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const [REFERENCED, CHANGED] = [0x100n, 0x80n];
const HASHPTE = 0x400n;
/** Segments that a program has nothing in. */
const FIRST_SEGMENT = 0x10;

interface Setting {
  readonly machine: Machine;
  readonly process: Process;
  readonly mmu: Ppc64Mmu;
}

function started(arch: ArchDescriptor): Setting {
  const machine = new Machine({ arch });
  return { machine, process: machine.spawn(), mmu: machine.kernel.mmu as Ppc64Mmu };
}

function pte(process: Process, at: bigint): bigint {
  return process.explain(at).pte?.value as bigint;
}

/** The R word that the hash table has for an address. */
function rWord({ machine, process }: Setting, at: bigint): bigint {
  const [described] = describeImage(machine.kernel, [{ label: 'A', pid: 1, mm: process.mm }]).processes;
  const found = walk(machine.arch, imageOf(machine.kernel.memory), (described as { roots: Roots }).roots, at);
  return found.steps.find(({ what }) => what === 'HPTE')?.value as bigint;
}

/** A group that is empty, and whose secondary group is. */
function emptyGroup({ machine, mmu: { table } }: Setting): number {
  const { words } = machine.kernel.memory;
  const isEmpty = (group: number): boolean =>
    Array.from({ length: 8 }, (_, slot) => (words[table.entryAt(group, slot) + 1] as number) & 1).every((v) => v === 0);
  for (let group = 0; group < table.groups; group++) {
    if (isEmpty(group) && isEmpty(group ^ table.mask)) return group;
  }
  throw new Error('no empty group');
}

/** The addresses of one segment each that hash to a group: first pages of 4 KiB, where base pages are larger. */
function colliding({ process, mmu: { table } }: Setting, group: number, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => {
    const esid = FIRST_SEGMENT + i;
    const page = ((userVsid(process.mm.context, esid) | 0) ^ group) & table.mask & 0xffff;
    return (BigInt(esid) << 28n) | (BigInt(page) << 12n);
  });
}

export default quirks({
  port: 'ppc64',
  about: 'Where an entry goes in the hash table',
  quirks: {
    'entries of one hash take the free slots of the primary group in order, then those of the secondary one; then one is thrown out':
      {
        source:
          'arch/powerpc/mm/hash_low_64.S: htab_insert_pte; hash_native_64.c: native_hpte_insert, native_hpte_remove',
        machines: ['ppc64-4k'],
        holds: (arch) => {
          const setting = started(arch);
          const { process, mmu } = setting;
          const addresses = colliding(setting, emptyGroup(setting), 17);
          const slots = addresses.map((addr) => {
            process.mmap({ addr, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
            process.store8(addr, 1);
            return Number((pte(process, addr) >> 12n) & 15n);
          });
          expect(slots.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, i) => i));
          expect(mmu.table.evictions).toBe(1);
          const sharing = addresses.filter((_, i) => slots[i] === slots[16]);
          expect(sharing.map((addr) => pte(process, addr) & HASHPTE)).toEqual([HASHPTE, HASHPTE]);
          expect(sharing.map((addr) => process.load8(addr))).toEqual([1, 1]);
        },
      },
    'R is set in every entry, C in one that is made for a dirty pte; a store that makes it dirty later leaves C clear':
      {
        source: 'arch/powerpc/mm/hash_low_64.S; hash_native_64.c: native_hpte_updatepp',
        holds: (arch) => {
          const setting = started(arch);
          const { machine, process } = setting;
          const inode = machine.createFile('f', { size: arch.pageSize, warm: true });
          const file = { inode, readable: true, writable: true, refs: 1 };
          const clean = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'shared', file });
          const dirty = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
          const used = (at: bigint): bigint => rWord(setting, at) & (REFERENCED | CHANGED);
          process.load8(clean);
          process.store8(dirty, 1);
          expect([used(clean), used(dirty)]).toEqual([REFERENCED, REFERENCED | CHANGED]);
          process.store8(clean, 1);
          expect(used(clean)).toBe(REFERENCED);
        },
      },
    'pages that no storage interrupt asked for are not hashed: those of mlock wait for their first access': {
      source: 'arch/powerpc/mm/mem.c: update_mmu_cache (trap 0x300 or 0x400 alone)',
      holds: (arch) => {
        const { machine, process } = started(arch);
        const length = 4 * arch.pageSize;
        const at = process.mmap({ length, prot: 'rw', flags: 'private|anonymous' });
        expect(runToEnd(process.ops.mlock(at, BigInt(length)))).toBe(0);
        const hashed = (): bigint[] => [0n, 1n].map((i) => pte(process, at + i * BigInt(arch.pageSize)) & HASHPTE);
        expect(hashed()).toEqual([0n, 0n]);
        const faults = process.minFlt;
        process.store8(at, 1);
        expect([hashed(), process.minFlt]).toEqual([[HASHPTE, 0n], faults]);
        machine.check();
      },
    },
  },
});
