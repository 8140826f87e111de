/** Device memory in programs: runs of entries that one large translation serves, and what becomes of them. */
import { describeImage, FrameBuffer, Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor, Roots } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const AT = 0x4000_0000n;
const MAYMOVE_FIXED = 3;

interface World {
  readonly machine: Machine;
  readonly process: Process;
  readonly screen: FrameBuffer;
  /** Maps part of the screen at AT, or where the kernel wants. */
  map(length: number, options?: { offset?: number; prot?: string; addr?: bigint | null }): bigint;
}

function world(arch: ArchDescriptor, defects: 'mended' | 'kept' = 'mended'): World {
  const range = { base: 256 * MIB, size: 8 * MIB };
  // With the defects kept translations are stale on purpose.
  const checks = { flushes: false, hits: defects === 'mended' };
  const machine = new Machine({ arch, memory: '32MiB', devices: [range], defects, checks });
  const process = machine.spawn();
  const screen = new FrameBuffer(machine.kernel, range);
  return {
    machine,
    process,
    screen,
    map: (length, { offset = 0, prot = 'rw', addr = AT } = {}) =>
      process.mmap({
        length,
        prot,
        offset,
        file: screen.open(),
        ...(addr === null ? { flags: 'shared' } : { addr, flags: 'shared|fixed' }),
      }),
  };
}

/** Where the TTEs of an image of the process lead. */
function translationOf({ machine, process }: World, at: bigint): bigint | null {
  const { kernel, arch } = machine;
  const [described] = describeImage(kernel, [{ label: 'A', pid: process.pid, mm: process.mm }]).processes;
  const { ttes } = (described as { roots: Roots }).roots as unknown as {
    ttes: readonly { tag: bigint; data: bigint }[];
  };
  for (const { tag, data } of ttes) {
    const size = 1n << (13n + 3n * ((data >> 61n) & 3n));
    const start = tag & ~(BigInt(arch.pageSize) - 1n);
    if (at >= start && at < start + size) return data;
  }
  return null;
}

/** Words of the entries of [at, at + length). */
function entries({ machine }: World, process: Process, at: bigint, length: number): bigint[] {
  const { memory, tables, arch } = machine.kernel;
  return Array.from({ length: length / arch.pageSize }, (_, i) => {
    const word = tables.lookupPage(process.mm, Number(at / BigInt(arch.pageSize)) + i);
    const half = (which: number): bigint => BigInt((memory.words[word + which] as number) >>> 0);
    return (half(tables.hiAt) << 32n) | half(tables.loAt);
  });
}

/** Sizes that entries state, in KiB, each with the number of entries in a row. */
function sizes(words: readonly bigint[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const word of words) {
    const size = 8 * 8 ** Number((word >> 61n) & 3n);
    const last = runs[runs.length - 1];
    if (last?.[0] === size) last[1]++;
    else runs.push([size, 1]);
  }
  return runs;
}

function misses({ machine }: World, run: () => void): number {
  const before = machine.counters.get('tlbDataMisses');
  run();
  return machine.counters.get('tlbDataMisses') - before;
}

export default quirks({
  port: 'sparc64',
  about: 'Device memory in large translations',
  quirks: {
    'io_remap_pfn_range states 4 MiB, 512 and 64 KiB in the entries of whole runs, where address, frame and length allow':
      {
        source: 'arch/sparc64/mm/generic.c: io_remap_pte_range',
        holds: (arch) => {
          const w = world(arch);
          const page = arch.pageSize;
          const length = 4 * MIB + 512 * KIB + 64 * KIB + (page < 65536 ? page : 0);
          w.map(length);
          const rest: [number, number][] = page < 65536 ? [[8, 1]] : [];
          expect(sizes(entries(w, w.process, AT, length))).toEqual([
            [4096, (4 * MIB) / page],
            [512, (512 * KIB) / page],
            [64, (64 * KIB) / page],
            ...rest,
          ]);
          // The frames of 4 MiB do not begin at a multiple of 4 MiB, those of 512 KiB do.
          const other = world(arch);
          other.map(4 * MIB, { offset: 512 * KIB });
          expect(sizes(entries(other, other.process, AT, 4 * MIB))).toEqual([[512, (4 * MIB) / page]]);
        },
      },
    'an address that is no multiple of 64 KiB, or a frame that is none with it, gets base pages': {
      source: 'arch/sparc64/mm/generic.c: io_remap_pte_range',
      machines: ['sparc64-8k'],
      holds: (arch) => {
        const w = world(arch);
        w.map(128 * KIB, { addr: AT + 0x2000n });
        w.map(128 * KIB, { addr: AT + 0x10_0000n, offset: 8 * KIB });
        expect(sizes(entries(w, w.process, AT + 0x2000n, 128 * KIB))).toEqual([[8, 16]]);
        expect(sizes(entries(w, w.process, AT + 0x10_0000n, 128 * KIB))).toEqual([[8, 16]]);
        // One base page to the next multiple of 64 KiB: then both agree.
        w.map(128 * KIB, { addr: AT + 0x20_e000n, offset: 56 * KIB });
        expect(sizes(entries(w, w.process, AT + 0x20_e000n, 128 * KIB))).toEqual([
          [8, 1],
          [64, 8],
          [8, 7],
        ]);
      },
    },
    'its entries are uncached and have a side effect, valid, young and dirty from the start: pg_iobits': {
      source: 'arch/sparc64/mm/generic.c: io_remap_pfn_range, mk_pte_io; asm-sparc64/pgtable.h: pg_iobits',
      holds: (arch) => {
        const w = world(arch);
        w.map(64 * KIB);
        expect(entries(w, w.process, AT, arch.pageSize)[0]).toBe(0xa000_0000_1000_0f8an);
        expect(w.process.mm.vmas.containing(Number(AT / BigInt(arch.pageSize)))?.pgoff).toBe(
          (256 * MIB) / arch.pageSize,
        );
        w.process.store8(AT, 1);
        expect(w.process.minFlt).toBe(0);
      },
    },
    'one translation serves a whole run, from whichever entry it was loaded': {
      source: 'arch/sparc64/mm/generic.c; UltraSPARC user manual: TTE size',
      holds: (arch) => {
        const w = world(arch);
        w.map(4 * MIB);
        const { process } = w;
        process.store8(AT + 5n * BigInt(arch.pageSize), 7);
        const all = (): void => {
          for (let at = 0; at < 4 * MIB; at += 64 * KIB) process.load8(AT + BigInt(at));
        };
        expect(misses(w, all)).toBe(0);
        expect(process.load8(AT + 5n * BigInt(arch.pageSize))).toBe(7);
        expect([...w.screen.read(5 * arch.pageSize, 1)]).toEqual([7]);
        w.machine.check();
      },
    },
    'a frame buffer is mapped at a multiple of 4 MiB, 512 or 64 KiB, the largest that is no longer than the mapping': {
      source: 'arch/sparc64/kernel/sys_sparc.c: get_fb_unmapped_area',
      holds: (arch) => {
        const w = world(arch);
        const base = arch.layout.spec.unmappedBase;
        w.process.mmap({ length: arch.pageSize, prot: 'r', flags: 'private|anonymous' });
        const places = [4 * MIB, 512 * KIB, 64 * KIB].map((length) => w.map(length, { addr: null }) - base);
        // Each search leaves behind it the room that its alignment could have needed.
        expect(places).toEqual([0x40_0000n, 0x80_0000n, arch.pageSize < 65536 ? 0x90_0000n : 0x8f_0000n]);
        // A wish is rounded up in the same way.
        const hinted = w.process.mmap({
          addr: AT + BigInt(arch.pageSize),
          length: 4 * MIB,
          prot: 'rw',
          flags: 'shared',
          file: w.screen.open(),
        });
        expect(hinted).toBe(AT + 0x40_0000n);
      },
    },
    'mprotect takes the large size out of the entries that it changes, and of no others': {
      source: 'asm-sparc64/pgtable.h: pte_modify; mm/mprotect.c',
      holds: (arch) => {
        const w = world(arch);
        w.map(512 * KIB);
        w.process.mprotect(AT + BigInt(128 * KIB), 128 * KIB, 'r');
        const page = arch.pageSize;
        expect(sizes(entries(w, w.process, AT, 512 * KIB))).toEqual([
          [512, (128 * KIB) / page],
          // With pages of 64 KiB too: 512 KiB has not the bit that states those.
          [8, (128 * KIB) / page],
          [512, (256 * KIB) / page],
        ]);
        w.process.store8(AT, 1);
        expect(() => w.process.store8(AT + BigInt(128 * KIB), 1)).toThrow('SEGV_ACCERR');
        w.machine.check();
      },
    },
    'after a part is unmapped its neighbours bring it back in their large translation (kept); a run that is not whole has base pages (mended)':
      {
        source: 'arch/sparc64/mm/generic.c; kernel/dtlb_base.S (the entry goes to the TLB as it is)',
        holds: (arch) => {
          for (const defects of ['kept', 'mended'] as const) {
            const w = world(arch, defects);
            w.map(512 * KIB);
            const gone = AT + BigInt(256 * KIB);
            w.process.store8(gone, 9);
            w.process.munmap(gone, 256 * KIB);
            // The demap of any page takes the large translation with it.
            expect(() => w.process.load8(gone)).toThrow('SEGV_MAPERR');
            w.process.load8(AT);
            if (defects === 'kept') expect(w.process.load8(gone)).toBe(9);
            else expect(() => w.process.load8(gone)).toThrow('SEGV_MAPERR');
            // The TTEs that an image lists are those that a miss would load.
            expect(translationOf(w, gone) !== null).toBe(defects === 'kept');
            expect(translationOf(w, AT)).not.toBe(null);
            w.machine.check();
          }
        },
      },
    'entries moved to where their size does not fit show other frames (kept), or base pages (mended)': {
      source: 'arch/sparc64/mm/generic.c; UltraSPARC user manual: the low frame bits of a large page are ignored',
      holds: (arch) => {
        const seen = (defects: 'mended' | 'kept'): number => {
          const w = world(arch, defects);
          const page = BigInt(arch.pageSize);
          w.map(512 * KIB);
          for (let i = 0; i < 4; i++) w.process.store8(AT + BigInt(i) * page, i + 1);
          const to = AT + 0x1000_0000n + page;
          w.process.mremap(AT, 512 * KIB, 512 * KIB, MAYMOVE_FIXED, to);
          return w.process.load8(to + page);
        };
        // The second page moved, found at the third place of its run.
        expect([seen('mended'), seen('kept')]).toEqual([2, 3]);
      },
    },
    'fork copies the entries old and clean, with their size: the first access of the child brings all of a run (kept)':
      {
        source: 'mm/memory.c: copy_one_pte; asm-sparc64/pgtable.h: pte_mkold',
        holds: (arch) => {
          const faults = (defects: 'mended' | 'kept'): number[] => {
            const w = world(arch, defects);
            w.map(512 * KIB);
            const child = w.process.fork();
            expect(sizes(entries(w, child, AT, 512 * KIB))).toEqual([[512, (512 * KIB) / arch.pageSize]]);
            const after: number[] = [];
            for (let i = 0; i < 3; i++) {
              child.load8(AT + BigInt(i * arch.pageSize));
              after.push(child.minFlt);
            }
            child.store8(AT + BigInt(3 * arch.pageSize), 1);
            expect([...w.screen.read(3 * arch.pageSize, 1)]).toEqual([1]);
            w.machine.check();
            return after;
          };
          expect([faults('kept'), faults('mended')]).toEqual([
            [1, 1, 1],
            [1, 2, 3],
          ]);
        },
      },
    'pg_iobits let a program write what it mapped to be read (kept); entries have the rights of their area (mended)': {
      source: 'arch/sparc64/mm/generic.c: io_remap_pfn_range (prot = __pgprot(pg_iobits))',
      holds: (arch) => {
        const kept = world(arch, 'kept');
        kept.map(64 * KIB, { prot: 'r' });
        kept.process.store8(AT, 5);
        expect([...kept.screen.read(0, 1)]).toEqual([5]);
        const mended = world(arch);
        mended.map(64 * KIB, { prot: 'r' });
        expect(() => mended.process.store8(AT, 5)).toThrow('SEGV_ACCERR');
        expect([mended.process.load8(AT), ...mended.screen.read(0, 1)]).toEqual([0, 0]);
      },
    },
  },
});
