/**
 * SH-4 as a machine of a fifth family, to show how one is added (docs/adding-a-machine.md): all it takes, in one file. Two levels
 * of tables with entries of one word, and a TLB that a handler fills.
 *
 * Bits and layout are those of 2.6.15 (asm-sh/pgtable.h, processor.h; arch/sh/mm/fault.c). Three things are simpler: address-space
 * numbers are not used, so a switch empties the TLB; the aliases of its data cache are not modelled; and the offsets of nonlinear
 * file entries keep clear of PRESENT and PROTNONE, which the port's own ran through.
 */
import {
  type AccessKind,
  ARCH_CONTRACT_VERSION,
  ArchDescriptor,
  type Cpu,
  callFunction,
  DIRTY_ASSISTS,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  Geometry,
  Layout,
  type Mm,
  Mmu,
  PteFormat,
  RIGHT_EXEC,
  RIGHT_LOAD,
  RIGHT_STORE,
  SOFTWARE_FILLS,
  STORE,
  TLB_CLEAN,
  UpperFormat,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
  WALK_REFERENCES,
} from '@fourfold/core/arch';

// --- the entry: one word -----------------------------------------------------------------------------------------------

/** Marks a nonlinear file entry; write-through in the hardware. */
const FILE = 0x001;
const DIRTY = 0x004;
const CACHABLE = 0x008;
/** Page size 4 KiB. */
const SZ0 = 0x010;
const RW = 0x020;
const USER = 0x040;
const PRESENT = 0x100;
/** Present to the kernel, nothing to the hardware. */
const PROTNONE = 0x200;
const ACCESSED = 0x400;
const U0_SHARED = 0x800;
const FRAME = 0x1fff_f000;

const HARD = CACHABLE | ACCESSED | SZ0;
const NONE = PROTNONE | HARD;
const READONLY = PRESENT | USER | HARD;
const SHARED = PRESENT | USER | RW | U0_SHARED | HARD;
/** protection_map by shared, exec, write, read: whoever may do anything may read and execute; private stores copy first. */
const PRIVATE_MAP = [NONE, READONLY, READONLY, READONLY, READONLY, READONLY, READONLY, READONLY];
const SHARED_MAP = [NONE, READONLY, SHARED, SHARED, READONLY, READONLY, SHARED, SHARED];

const USER_SET = { bit: 6, bits: 1, table: 0b10 };

const PTE = new PteFormat({
  bytes: 4,
  present: BigInt(PRESENT | PROTNONE),
  valid: { mask: BigInt(PRESENT), value: BigInt(PRESENT) },
  user: { mask: BigInt(USER), value: BigInt(USER) },
  young: BigInt(ACCESSED),
  dirty: BigInt(DIRTY),
  file: BigInt(FILE),
  read: USER_SET,
  exec: USER_SET,
  write: { bit: 5, bits: 1, table: 0b10 },
  mkyoung: { set: BigInt(ACCESSED) },
  mkold: { clear: BigInt(ACCESSED) },
  mkdirty: { set: BigInt(DIRTY) },
  mkclean: { clear: BigInt(DIRTY) },
  mkwrite: { set: BigInt(RW) },
  wrprotect: { clear: BigInt(RW) },
  pfnMask: BigInt(FRAME),
  pfnShift: 12,
  modifyKeep: BigInt(FRAME | ACCESSED | CACHABLE | DIRTY | U0_SHARED),
  protectionMap: [...PRIVATE_MAP, ...SHARED_MAP].map(BigInt),
  swapType: { bit: 1, bits: 5 },
  swapOffset: { bit: 11, bits: 21 },
  fileOffset: [
    { bit: 1, bits: 7 },
    { bit: 10, bits: 22 },
  ],
  fileMaxBits: 29,
  fields: [
    { name: 'WT', bit: 0, meaning: 'write-through; of an absent entry: a file offset', owner: 'both' },
    { name: 'SH', bit: 1, meaning: 'shared between address spaces', owner: 'hardware', when: 'present' },
    { name: 'D', bit: 2, meaning: 'dirty', owner: 'both', when: 'present' },
    { name: 'C', bit: 3, meaning: 'cachable', owner: 'hardware', when: 'present' },
    { name: 'SZ0', bit: 4, meaning: 'page size, low bit', owner: 'hardware', when: 'present' },
    { name: 'RW', bit: 5, meaning: 'stores allowed', owner: 'hardware', when: 'present' },
    { name: 'USER', bit: 6, meaning: 'user mode allowed', owner: 'hardware', when: 'present' },
    { name: 'SZ1', bit: 7, meaning: 'page size, high bit', owner: 'hardware', when: 'present' },
    {
      name: 'number',
      bit: 1,
      bits: 7,
      meaning: 'swap area, or low bits of the offset',
      owner: 'software',
      when: 'absent',
    },
    { name: 'V', bit: 8, meaning: 'valid', owner: 'hardware' },
    { name: 'PROTNONE', bit: 9, meaning: 'present, and nobody may use it', owner: 'software' },
    { name: 'ACCESSED', bit: 10, meaning: 'young', owner: 'software', when: 'present' },
    { name: 'U0_SHARED', bit: 11, meaning: 'of a shared mapping', owner: 'software', when: 'present' },
    { name: 'frame', bit: 12, bits: 17, meaning: 'frame number', owner: 'hardware', when: 'present' },
    { name: 'area', bit: 29, bits: 3, meaning: 'of a PCMCIA area', owner: 'hardware', when: 'present' },
    { name: 'offset', bit: 10, bits: 22, meaning: 'in the swap area or file', owner: 'software', when: 'absent' },
  ],
});

// --- the tables --------------------------------------------------------------------------------------------------------

/** _PAGE_TABLE, what links a table; pmd_bad compares with _KERNPG_TABLE, USER left out. */
const TABLE = BigInt(PRESENT | RW | USER | ACCESSED | DIRTY);

const PGD = new UpperFormat({
  address: 0xffff_f000n,
  set: TABLE,
  badMask: 0xfffn & ~BigInt(USER),
  badValue: TABLE & ~BigInt(USER),
  presentMask: BigInt(PRESENT),
});

const GEOMETRY = new Geometry(12, [
  { name: 'pgd', bits: 10, entryBytes: 4 },
  { name: 'pte', bits: 10, entryBytes: 4 },
]);

// --- the address space -------------------------------------------------------------------------------------------------

const TASK_SIZE = 0x7c00_0000n;

const LAYOUT = new Layout(12, {
  taskSize: TASK_SIZE,
  unmappedBase: TASK_SIZE / 3n,
  stackTop: TASK_SIZE,
});

// --- the MMU -----------------------------------------------------------------------------------------------------------

export class Sh4Mmu extends Mmu {
  /** The miss handler: it walks the tables, sets accessed and, for a store, dirty, and loads the entry (do_page_fault's head). */
  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    const { tables, memory, arch } = this.host;
    if (cpu.mm === null || vpnLo >>> 0 >= arch.layout.taskSizePages) return FAULT_ABSENT;
    this.count(SOFTWARE_FILLS);
    this.count(WALK_REFERENCES, 2);
    const at = tables.lookup(cpu.mm, vpnHi, vpnLo);
    const entry = at === 0 ? 0 : (memory.words[at] as number);
    if ((entry & PRESENT) === 0) return FAULT_ABSENT;
    if ((entry & USER) === 0 || (kind === STORE && (entry & RW) === 0)) return FAULT_RIGHTS;
    const page = memory.frameAt((entry & FRAME) >>> 12);
    if (page < 0) return FAULT_BUS;
    const used = entry | ACCESSED | (kind === STORE ? DIRTY : 0);
    memory.words[at] = used;
    const stores = (used & RW) === 0 ? 0 : (used & DIRTY) === 0 ? TLB_CLEAN : RIGHT_STORE;
    const rights = RIGHT_EXEC | RIGHT_LOAD | (stores === RIGHT_STORE ? RIGHT_STORE : 0);
    return cpu.tlb.fill(kind, vpnHi, vpnLo, 0, page, rights, stores === TLB_CLEAN ? TLB_CLEAN : 0, 0);
  }

  /** The initial page write exception: a store to a page that was loaded clean goes through the miss handler again. */
  override denied(cpu: Cpu, kind: AccessKind, slot: number, vpnHi: number, vpnLo: number): number {
    if (kind !== STORE || (cpu.tlb.attrsOf(slot) & TLB_CLEAN) === 0) return FAULT_RIGHTS;
    this.count(DIRTY_ASSISTS);
    cpu.tlb.dropPage(vpnHi, vpnLo, 0);
    return this.miss(cpu, kind, vpnHi, vpnLo);
  }

  override switchMm(cpu: Cpu, prev: Mm | null, next: Mm): void {
    cpu.mm = next;
    if (prev !== next) cpu.tlb.dropAll(false);
  }

  override mmOfSlot(cpu: Cpu): Mm | null {
    return cpu.mm;
  }

  override flushPage(mm: Mm, vpn: number): void {
    this.flushAll('page', mm, (cpu) => cpu.tlb.dropPage(0, vpn, 0));
  }

  override flushRange(mm: Mm): void {
    this.flushAll('range', mm, (cpu) => cpu.tlb.dropAll(false));
  }

  override flushMm(mm: Mm): void {
    this.flushAll('mm', mm, (cpu) => cpu.tlb.dropAll(false));
  }

  override gatherFlush(mm: Mm): void {
    this.flushMm(mm);
  }

  /** On every CPU, wherever the mm may run: flushing more than needed is legal, less never is. */
  private flushAll(which: 'page' | 'range' | 'mm', mm: Mm, drop: (cpu: Cpu) => number): void {
    let dropped = drop(this.host.cpu);
    const there = (cpu: Cpu): void => {
      dropped += drop(cpu);
    };
    callFunction(this.host, -1, which === 'page' ? 'ipiFlushPage' : 'ipiFlushMm', there, mm);
    this.countFlush(which, dropped);
  }
}

// --- the machine -------------------------------------------------------------------------------------------------------

export const sh4: ArchDescriptor = new ArchDescriptor({
  name: 'sh4',
  title: 'SuperH SH-4, 4 KiB pages',
  contractVersion: ARCH_CONTRACT_VERSION,
  wordBits: 32,
  byteOrder: 'little',
  geometry: GEOMETRY,
  layout: LAYOUT,
  upper: [PGD],
  pte: PTE,
  tlb: {
    processor: 'SH-4 (SH7750)',
    source: 'SH7750 hardware manual, section 3',
    units: [
      { name: 'itlb', sets: 1, ways: 4 },
      { name: 'utlb', sets: 1, ways: 64 },
    ],
    exec: [0, 1],
    data: [1],
  },
  gather: { capacity: 506 },
  faults: {
    exec: VM_READ | VM_EXEC,
    load: VM_READ | VM_EXEC,
    store: VM_WRITE,
    presentReadIsFatal: false,
    readUpdatesAccessFlags: true,
  },
  cost: {
    secondLevelHit: 1,
    walkReference: 10,
    softwareFill: 30,
    assist: 30,
    trap: 200,
    purge: 10,
    ipi: 1000,
    contextSwitch: 20,
    copyPage: 4000,
    clearPage: 2000,
  },
  walker: 'software',
  flushStyle: 'every CPU',
  hugetlb: 'none',
  physicalBits: 29,
  createMmu: (host) => new Sh4Mmu(host),
});
