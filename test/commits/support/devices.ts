/** Drivers for the tests of raw and inserted pages: a device whose areas a function fills when they are mapped. */
import { DevMem, type Machine, type MappedFile, type Op, type Process, VM_PFNMAP, type Vma } from '@fourfold/core';
import type { Bench } from './commit.js';
import { frameOf, vpnAt } from './memory.js';

/** A machine with eight pages of device memory behind its RAM, and the first of their frame numbers. */
export function withScreen({ arch, machine }: Bench): { machine: Machine; screen: number } {
  const { pageShift, pageSize } = arch.geometry;
  const devices = [{ base: 2 ** (pageShift + 14), size: 8 * pageSize }];
  return { machine: machine({ devices, memory: 2 ** (pageShift + 12) }), screen: 2 ** 14 };
}

/** An open device; `fill` is its f_op.mmap. */
export function device(machine: Machine, fill: (vma: Vma) => Op<number>, rights: Partial<MappedFile> = {}): MappedFile {
  return { ...new DevMem(machine.kernel).open(), mmap: (_k, vma) => fill(vma), ...rights };
}

/** f_op.mmap of a driver that fills its areas later. */
export function* later(): Op<number> {
  return 0;
}

/** The area at page `n` of the test area. */
export function areaAt(process: Process, n = 0): Vma {
  return process.mm.vmas.containing(vpnAt(process.machine, n)) as Vma;
}

/** page_count and page_mapcount of a frame of RAM. */
export function countsOf(machine: Machine, page: number): [count: number, mapcount: number] {
  const { map } = machine.kernel;
  return [map.count[page] as number, map.mapcount[page] as number];
}

/** What page `n` of the test area maps: a frame number raw, a page that counts, or nothing. */
export function shown(process: Process, n: number): string {
  const { machine, mm } = process;
  const { pte } = process.explain(BigInt(vpnAt(machine, n)) << BigInt(machine.kernel.memory.pageShift));
  if (pte?.kind !== 'present') return 'none';
  const vma = areaAt(process, n);
  const isRaw =
    (vma.flags & VM_PFNMAP) !== 0 &&
    (Number(pte.pfn) === vma.indexOf(vpnAt(machine, n)) || (vma.flags & 0x28) !== 0x20);
  const page = frameOf(process, n);
  if (isRaw) return `raw ${pte.write ? 'rw' : 'r'}`;
  if (page === machine.kernel.zeroPage) return 'zero';
  return machine.kernel.map.isAnon(page) ? `anon ${pte.write ? 'rw' : 'r'} ${mm.anonRss > 0 ? 'counted' : ''}` : 'page';
}
