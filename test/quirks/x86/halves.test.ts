/** PAE's entries are two words: in which order they are stored, and what another CPU sees between the stores. */
import { Machine, type Process, runToEnd } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { LOAD } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { fault, map, outcome, pageAt, pteWord, swapOut, vpnAt } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { entry, wordAt } from './scene.js';

const HIGH = 2 ** 32;

interface Scene {
  readonly machine: Machine;
  readonly process: Process;
  /** Words of page 0's entry as another CPU sees it between two stores, in order. */
  readonly seen: bigint[];
}

/** A process whose first page has a frame above 4 GiB; from now on its entry is looked at between the halves. */
function above4G(arch: ArchDescriptor, defects: 'mended' | 'kept' = 'mended'): Scene {
  const machine = new Machine({
    arch,
    cpus: 2,
    defects,
    // A page below for what the machine takes first.
    memory: [
      { base: 0, size: 4 << 20 },
      { base: HIGH, size: 4 << 20 },
    ],
    swap: '1MiB',
  });
  const process = machine.spawn();
  map(process, 1100);
  for (let n = 0; n < 1100; n++) process.store8(pageAt(machine, n), 1);
  let page = 0;
  while (page < 1100 && (entry(process, page) >> 12n) % 2n ** 40n < BigInt(HIGH / 4096)) page++;
  if (page === 1100) throw new Error('no page above 4 GiB');
  const seen: bigint[] = [];
  const at = pteWord(process, page);
  machine.inject.tear = (torn) => {
    if (torn === at) seen.push(wordAt(machine, at));
  };
  return { machine, process: Object.assign(process, { probe: page }), seen };
}

function probe(process: Process): number {
  return (process as Process & { probe: number }).probe;
}

const low = (word: bigint): bigint => word & 0xffff_ffffn;
const high = (word: bigint): bigint => word & ~0xffff_ffffn;

export default quirks({
  port: 'x86',
  about: 'The halves of an entry',
  quirks: {
    'ptep_get_and_clear exchanges the low half with 0 and then clears the high one: the page is gone at the first store':
      {
        source: 'asm-i386/pgtable-3level.h: ptep_get_and_clear',
        machines: ['i386-pae'],
        holds: (arch) => {
          for (const defects of ['mended', 'kept'] as const) {
            const { machine, process, seen } = above4G(arch, defects);
            const before = entry(process, probe(process));
            process.munmap(pageAt(machine, probe(process)), machine.pageSize);
            expect(seen).toEqual([high(before)]);
          }
        },
      },
    'set_pte stores the high half first: over a swapped page there is an entry of both for a moment, and the page is not there yet':
      {
        source: 'asm-i386/pgtable-3level.h: set_pte',
        machines: ['i386-pae'],
        holds: (arch) => {
          const { machine, process, seen } = above4G(arch);
          const n = probe(process);
          swapOut(process, 1, n);
          const swapped = entry(process, n);
          expect(low(swapped)).toBe(0n);
          seen.length = 0;
          process.load8(pageAt(machine, n));
          const after = entry(process, n);
          // What the fault itself reads between the halves, and what others see while it stores.
          expect(seen).toEqual([swapped, high(after)]);
          expect(arch.pte.decode(high(after)).kind).not.toBe('present');
        },
      },
    'mprotect takes the entry out before it stores the new one: no CPU sees the old frame with new rights or the other way round':
      {
        source: 'mm/mprotect.c: change_pte_range (ptep_get_and_clear, set_pte_at); asm-i386/pgtable-3level.h',
        machines: ['i386-pae'],
        holds: (arch) => {
          const { machine, process, seen } = above4G(arch);
          const n = probe(process);
          const before = entry(process, n);
          process.mprotect(pageAt(machine, n), machine.pageSize, 'r');
          const after = entry(process, n);
          expect(seen).toEqual([high(before), high(after)]);
        },
      },
    'a copy of a page takes the place of the shared one in one store of 64 bits: set_pte_atomic': {
      source: 'mm/memory.c: do_wp_page (ptep_establish); asm-i386/pgtable-3level.h: set_pte_atomic',
      machines: ['i386-pae'],
      holds: (arch) => {
        const { machine, process, seen } = above4G(arch);
        const n = probe(process);
        process.fork();
        const before = entry(process, n);
        seen.length = 0;
        process.store8(pageAt(machine, n), 2);
        expect(entry(process, n)).not.toBe(before);
        // The one look is the fault's own, between the halves that it reads.
        expect(seen).toEqual([before]);
      },
    },
    'pte_clear stores zero as set_pte does, high half first: for a moment a present entry gives the frame of its low half alone (port defect, mended by default)':
      {
        source: 'asm-i386/pgtable-3level.h before 2.6.17: pte_clear; the fix is in later 2.6.16',
        machines: ['i386-pae'],
        holds: (arch) => {
          for (const defects of ['mended', 'kept'] as const) {
            const { process, seen } = above4G(arch, defects);
            const before = entry(process, probe(process));
            // A dying address space: ptep_get_and_clear_full is a pte_clear.
            process.exit();
            expect(seen).toEqual([defects === 'kept' ? low(before) : high(before)]);
            expect(arch.pte.decode(seen[0] as bigint).kind === 'present').toBe(defects === 'kept');
          }
        },
      },
    'what lies between the halves is what a walk of another CPU reads': {
      source:
        'IA-32 manual vol. 3, 7.1: a walk reads what is in memory; asm-i386/pgtable-3level.h before 2.6.17: pte_clear',
      machines: ['i386-pae'],
      holds: (arch) => {
        const { machine, process } = above4G(arch);
        const n = probe(process);
        const thread = process.thread();
        thread.runOn(1);
        thread.load8(pageAt(machine, n === 0 ? 1 : 0));
        machine.enter(process);
        const k = machine.kernel;
        const cpu = k.cpus[1] as (typeof k.cpus)[number];
        const at = pteWord(process, n);
        const walks: number[] = [];
        machine.inject.tear = (torn) => {
          if (torn === at) walks.push(k.mmu.miss(cpu, LOAD, 0, vpnAt(machine, n)));
        };
        process.mprotect(pageAt(machine, n), machine.pageSize, 'rw');
        process.munmap(pageAt(machine, n), machine.pageSize);
        // FAULT_ABSENT at each of the stores.
        expect(walks.every((answer) => answer === -1)).toBe(true);
        expect(walks.length).toBeGreaterThan(0);
      },
    },
    'an entry is one word: nobody ever sees half of it': {
      source: 'asm-i386/pgtable-2level.h: set_pte; asm-x86_64/pgtable.h: set_pte',
      machines: ['i386', 'x86_64'],
      holds: (arch) => {
        const machine = new Machine({ arch, swap: '1MiB' });
        const process = machine.spawn();
        map(process, 1);
        let torn = 0;
        machine.inject.tear = () => torn++;
        process.store8(pageAt(machine, 0), 1);
        swapOut(process, 1);
        process.load8(pageAt(machine, 0));
        process.mprotect(pageAt(machine, 0), machine.pageSize, 'r');
        process.exit();
        expect(torn).toBe(0);
      },
    },
    'a fault that read half of each of two swap entries compares the whole under the lock and starts over: pte_unmap_same':
      {
        source: 'mm/memory.c: pte_unmap_same',
        machines: ['i386-pae'],
        holds: (arch) => {
          const { machine, process } = above4G(arch);
          const n = probe(process);
          const { memory, tables } = machine.kernel;
          const { words } = memory;
          const present = [words[pteWord(process, n) + tables.loAt], words[pteWord(process, n) + tables.hiAt]];
          swapOut(process, 1, n);
          const at = pteWord(process, n);
          // The fault has read the low half, which is 0, when another entry is stored; the high half it reads is of that.
          machine.inject.tear = (torn) => {
            if (torn !== at) return;
            machine.inject.tear = null;
            memory.words[at + tables.loAt] = present[0] as number;
            memory.words[at + tables.hiAt] = present[1] as number;
          };
          const spy = machine.spy();
          expect(outcome(runToEnd(fault(process, n, false)))).toBe('MINOR');
          expect([spy.count('allocPage'), spy.count('setPte')]).toEqual([0, 0]);
        },
      },
  },
});
