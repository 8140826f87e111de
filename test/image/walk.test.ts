/** The walkers of images against the tables they walk, after random programs with fork, mprotect, swap and huge pages. */
import { describeImage, imageOf, MmError, mappedPages, type Process, type Walk } from '@fourfold/core';
import { type ArchDescriptor, highWord, lowWord, type Roots, walk } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HUGE_MACHINES, HugeWorld, hugeName } from '../support/huge.js';
import { MACHINES } from '../support/machines.js';
import { pageOut } from '../support/page-out.js';
import { ARENA, type Step, step, World } from '../support/random-program.js';

interface Answer {
  readonly physical: bigint | null;
  readonly rights: number;
}

/** What the tables say of a page: the word that `process.explain` finds, by the format's own tests. */
function expected(process: Process, va: bigint): Answer {
  const { arch } = process.machine;
  const { pte } = process.explain(va);
  if (pte?.kind !== 'present' || pte.pfn === undefined) return { physical: null, rights: 0 };
  const f = arch.pteFormat;
  const [hi, lo] = [highWord(pte.value), lowWord(pte.value)];
  if (!f.isUserValid(hi, lo)) return { physical: null, rights: 0 };
  const rights = f.hardwareRights(hi, lo);
  const vma = process.mm.vmas.containing(Number(va / BigInt(arch.pageSize)));
  const isHuge = arch.huge !== null && vma?.file?.inode.name.includes('huge') === true;
  const shift = BigInt(isHuge ? (arch.huge?.shift as number) : arch.geometry.pageShift);
  const frame = (pte.pfn << BigInt(arch.geometry.pageShift)) & ~((1n << shift) - 1n);
  return { physical: frame | (va & ((1n << shift) - 1n)), rights };
}

/** The walk of the Linux tables: the machine's own, or the one beside it. */
function tablesOf(found: Walk): Walk {
  return found.beside ?? found;
}

function rootsOf(process: Process): Roots {
  const { kernel } = process.machine;
  const [described] = describeImage(kernel, [{ label: 'A', pid: process.pid, mm: process.mm }]).processes;
  return (described as { roots: Roots }).roots;
}

function agree(process: Process, addresses: readonly bigint[]): void {
  const { arch, kernel } = process.machine;
  const image = imageOf(kernel.memory);
  const roots = rootsOf(process);
  for (const va of addresses) {
    const found = walk(arch, image, roots, va);
    const { physical, rights } = expected(process, va);
    const { read, write, exec } = tablesOf(found).rights;
    expect([`0x${va.toString(16)}`, tablesOf(found).physical]).toEqual([`0x${va.toString(16)}`, physical]);
    // Where software keeps accessed and dirty a walk tells what user mode may once they are set: no less than the entry gives.
    expect(((exec ? 1 : 0) | (read ? 2 : 0) | (write ? 4 : 0)) & rights).toBe(rights);
    // What the hardware has is what the tables have, or nothing yet.
    if (found.beside !== null && found.physical !== null) expect(found.physical).toBe(physical);
    expect(found.missing === '').toBe(found.physical !== null);
  }
}

function attempt(world: World, s: Step): void {
  try {
    world.run(s);
  } catch (error) {
    if (!(error instanceof MmError)) throw error;
  }
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('every page of every process, mapped or not', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), fc.nat(ARENA - 8), (steps, out) => {
        const world = new World(arch, 1, { swap: 256 * arch.pageSize });
        for (const s of steps) attempt(world, s);
        const [first] = world.pairs;
        if (first !== undefined) pageOut(first.real, world.at(out), 8);
        for (const { real } of world.pairs) {
          const inside = Array.from({ length: ARENA + 2 }, (_, i) => world.at(i) + BigInt(i * 7));
          agree(real, [...inside, 0n, 0x1000n, 0x7fff_f000n, world.at(ARENA) + (1n << 29n)]);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('the pages that a process maps are all there are', () => {
    const world = new World(arch, 1);
    world.run({ op: 'mmap', who: 0, page: 3, count: 5, prot: 'rw' });
    world.run({ op: 'store', who: 0, page: 4, offset: 0, value: 1 });
    world.run({ op: 'store', who: 0, page: 7, offset: 0, value: 1 });
    const { real } = world.pairs[0] as (typeof world.pairs)[number];
    const page = (n: number): number => Number(world.at(n) / BigInt(arch.pageSize));
    expect([...mappedPages(world.machine.kernel, real.mm)]).toEqual([page(4), page(7)]);
  });

  test('registers that are missing or no numbers are refused', () => {
    const image = imageOf(new World(arch, 1).machine.kernel.memory);
    expect(() => walk(arch, image, {}, 0n)).toThrow(/MM_ROOTS: expected .* for (cr3|sdr1|pgd), got nothing/);
    const wrong = { cr3: 'x', sdr1: 'x', pgd: 'x', slb: [], ttes: [] };
    expect(() => walk(arch, image, wrong, 0n)).toThrow(/MM_ROOTS: expected a number or a string .* got "x"/);
  });
});

/** Huge pages: every machine, ia64 with small ones too. */
describe.each(HUGE_MACHINES.map((arch) => [hugeName(arch), arch] as const))('%s', (_name, arch: ArchDescriptor) => {
  test('huge pages, written and not, from their first byte to their last', () => {
    const world = new HugeWorld(arch, 2);
    const process = world.machine.spawn();
    const { file } = world.open('huge');
    world.map(process, file, 0, 2);
    process.store8(world.at(0) + 5n, 1);
    const child = process.fork();
    const places = [0n, 5n, world.size / 2n + 3n, world.size - 1n, world.size, 2n * world.size - 1n];
    for (const one of [process, child]) {
      agree(
        one,
        places.map((place) => world.base + place),
      );
    }
    const found = tablesOf(walk(arch, imageOf(world.machine.kernel.memory), rootsOf(process), world.base));
    expect(found.pageBytes).toBe(world.size);
    expect(found.rights.write).toBe(true);
  });
});
