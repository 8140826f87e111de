/**
 * A machine for core's own tests: three levels of few bits over a 28-bit address space, little-endian 8-byte entries,
 * one plain bit for each of present, read, write, exec, young and dirty, hardware that keeps young and dirty, and an Mmu
 * that flushes everything whatever it is asked. The root and the pmd tables are smaller than a page, as PAE's and
 * ppc64's are.
 */

import { type AccessKind, FAULT_ABSENT, FAULT_RIGHTS, STORE } from '../../src/arch/access.js';
import { ArchDescriptor, type ArchSpec } from '../../src/arch/descriptor.js';
import { Geometry } from '../../src/arch/geometry.js';
import { Layout, type LayoutSpec } from '../../src/arch/layout.js';
import { Mmu } from '../../src/arch/mmu.js';
import { PteFormat } from '../../src/arch/pte-format.js';
import { UpperFormat } from '../../src/arch/table-format.js';
import { WALKS } from '../../src/events/counters.js';
import type { Cpu } from '../../src/smp/cpu.js';
import { RIGHT_STORE } from '../../src/tlb/record.js';
import { VM_EXEC, VM_READ, VM_WRITE } from '../../src/vma/flags.js';
import type { Mm } from '../../src/vma/mm.js';

export const PTE_PRESENT = 1;
export const PTE_READ = 2;
export const PTE_WRITE = 4;
export const PTE_EXEC = 8;
export const PTE_YOUNG = 16;
export const PTE_DIRTY = 32;
/** Of an entry that is not present. */
export const PTE_FILE = 64;
const PFN_MASK = 0x0000_0fff_ffff_f000n;

export const PAGE_SHIFT = 12;
export const PAGE_SIZE = 4096;
/** Pages of user space: 2^16. */
export const TASK_PAGES = 65536;
/** Entries of a pte table. */
export const PTRS_PER_PTE = 64;
/** Pages that one pmd entry spans, and one root entry. */
export const PMD_PAGES = 64;
export const PGD_PAGES = 1024;

const GEOMETRY = new Geometry(PAGE_SHIFT, [
  { name: 'pgd', bits: 6, entryBytes: 8 },
  { name: 'pmd', bits: 4, entryBytes: 8 },
  { name: 'pte', bits: 6, entryBytes: 8, tableBytes: PAGE_SIZE },
]);

/** A private store copies, so private entries never get the write bit. */
function protectionMap(): bigint[] {
  return Array.from({ length: 16 }, (_, flags) => {
    let word = PTE_PRESENT;
    if ((flags & VM_READ) !== 0) word |= PTE_READ;
    if ((flags & VM_WRITE) !== 0 && (flags & 8) !== 0) word |= PTE_WRITE;
    if ((flags & VM_EXEC) !== 0) word |= PTE_EXEC;
    return BigInt(word);
  });
}

function bit(mask: number): bigint {
  return BigInt(mask);
}

const PTE = new PteFormat({
  bytes: 8,
  present: bit(PTE_PRESENT),
  valid: { mask: bit(PTE_PRESENT), value: bit(PTE_PRESENT) },
  young: bit(PTE_YOUNG),
  dirty: bit(PTE_DIRTY),
  file: bit(PTE_FILE),
  read: { bit: 1, bits: 1, table: 0b10 },
  write: { bit: 2, bits: 1, table: 0b10 },
  exec: { bit: 3, bits: 1, table: 0b10 },
  mkyoung: { set: bit(PTE_YOUNG) },
  mkold: { clear: bit(PTE_YOUNG) },
  mkdirty: { set: bit(PTE_DIRTY) },
  mkclean: { clear: bit(PTE_DIRTY) },
  mkwrite: { set: bit(PTE_WRITE) },
  wrprotect: { clear: bit(PTE_WRITE) },
  pfnMask: PFN_MASK,
  pfnShift: 12,
  modifyKeep: PFN_MASK | bit(PTE_YOUNG | PTE_DIRTY),
  protectionMap: protectionMap(),
  swapType: { bit: 1, bits: 5 },
  swapOffset: { bit: 12, bits: 40 },
  fileOffset: [{ bit: 12, bits: 32 }],
  fileMaxBits: 32,
  fields: [
    { name: 'P', bit: 0, meaning: 'present', owner: 'software' },
    { name: 'R', bit: 1, meaning: 'loads allowed', owner: 'software' },
    { name: 'W', bit: 2, meaning: 'stores allowed', owner: 'software' },
    { name: 'X', bit: 3, meaning: 'fetches allowed', owner: 'software' },
    { name: 'A', bit: 4, meaning: 'accessed', owner: 'both' },
    { name: 'D', bit: 5, meaning: 'dirty', owner: 'both' },
    { name: 'FILE', bit: 6, meaning: 'nonlinear file entry while P is 0', owner: 'software' },
    { name: 'unused', bit: 7, bits: 5, meaning: 'left 0', owner: 'unused' },
    { name: 'frame', bit: 12, bits: 32, meaning: 'frame number', owner: 'software' },
    { name: 'high', bit: 44, bits: 20, meaning: 'left 0', owner: 'unused' },
  ],
});

const UPPER = new UpperFormat({ address: 0xffff_ffff_ffff_fff0n, set: 1n, badMask: 0xfn, badValue: 1n });

/** Bottom-up from a quarter of the space, stack at the top. */
const LAYOUT: LayoutSpec = {
  taskSize: BigInt(TASK_PAGES) << BigInt(PAGE_SHIFT),
  unmappedBase: BigInt(TASK_PAGES / 4) << BigInt(PAGE_SHIFT),
  stackTop: BigInt(TASK_PAGES) << BigInt(PAGE_SHIFT),
};

/** The test machine; `layout` and `spec` replace parts of it. */
export function testArch(layout: Partial<LayoutSpec> = {}, spec: Partial<ArchSpec> = {}): ArchDescriptor {
  return new ArchDescriptor({
    name: 'test',
    title: 'three short levels, for tests',
    contractVersion: 1,
    wordBits: 64,
    byteOrder: 'little',
    geometry: GEOMETRY,
    layout: new Layout(PAGE_SHIFT, { ...LAYOUT, ...layout }),
    upper: [UPPER, UPPER],
    pte: PTE,
    tlb: { units: [{ name: 'tlb', sets: 1, ways: 16 }], exec: [0], data: [0] },
    gather: { capacity: 16 },
    faults: {
      exec: VM_EXEC,
      load: VM_READ,
      store: VM_WRITE,
      presentReadIsFatal: false,
      readUpdatesAccessFlags: true,
    },
    cost: {
      walkReference: 10,
      assist: 0,
      softwareFill: 50,
      trap: 100,
      secondLevelHit: 5,
      purge: 20,
      ipi: 500,
      contextSwitch: 10,
      copyPage: 1000,
      clearPage: 500,
    },
    walker: 'hardware walk',
    flushStyle: 'everything',
    hugetlb: 'none',
    physicalBits: 40,
    createMmu: (host) => new TestMmu(host),
    ...spec,
  });
}

export class TestMmu extends Mmu {
  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    const { tables, memory, arch } = this.host;
    this.count(WALKS);
    if (cpu.mm === null || vpnHi !== 0 || vpnLo >>> 0 >= TASK_PAGES) return FAULT_ABSENT;
    const at = tables.lookup(cpu.mm, vpnHi, vpnLo);
    if (at === 0) return FAULT_ABSENT;
    const f = arch.pteFormat;
    const hi = memory.words[at + 1] as number;
    const lo = memory.words[at] as number;
    if (!f.isUserValid(hi, lo)) return FAULT_ABSENT;
    let rights = f.hardwareRights(hi, lo);
    if ((rights & (1 << kind)) === 0) return FAULT_RIGHTS;
    const used = lo | PTE_YOUNG | (kind === STORE ? PTE_DIRTY : 0);
    memory.words[at] = used;
    if ((used & PTE_DIRTY) === 0) rights &= ~RIGHT_STORE;
    return cpu.tlb.fill(kind, vpnHi, vpnLo, cpu.context, memory.pfnToPage(f.frame(hi, lo)), rights, 0, 0);
  }

  /** A store through a clean slot walks again and sets the dirty bit. */
  override denied(cpu: Cpu, kind: AccessKind, _slot: number, vpnHi: number, vpnLo: number): number {
    cpu.tlb.dropPage(vpnHi, vpnLo, cpu.context);
    return this.miss(cpu, kind, vpnHi, vpnLo);
  }

  override initContext(mm: Mm): void {
    mm.context = mm.id;
  }

  override switchMm(cpu: Cpu, _prev: Mm | null, next: Mm): void {
    cpu.mm = next;
    cpu.context = next.context;
    next.cpuVmMask |= 1 << cpu.id;
  }

  override mmOfSlot(cpu: Cpu, slot: number): Mm | null {
    for (const mm of this.host.mms) {
      if (mm.context === cpu.tlb.contextOf(slot)) return mm;
    }
    return null;
  }

  override flushPage(_mm: Mm, _vpn: number): void {
    this.countFlush('page', this.#everything());
  }

  override flushRange(_mm: Mm, _start: number, _end: number): void {
    this.countFlush('range', this.#everything());
  }

  override flushMm(_mm: Mm): void {
    this.countFlush('mm', this.#everything());
  }

  override gatherFlush(mm: Mm, _fullmm: boolean): void {
    this.flushMm(mm);
  }

  #everything(): number {
    let dropped = 0;
    for (const cpu of this.host.cpus) dropped += cpu.tlb.dropAll(false);
    return dropped;
  }
}
