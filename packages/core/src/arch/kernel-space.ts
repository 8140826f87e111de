/**
 * Where a kernel maps things for itself: the vmalloc area and I/O memory, in tables of its own root (swapper_pg_dir) and
 * the machine's format. Data; addresses are bigint here and page numbers inside.
 */
import { Word } from './words.js';

/** How ioremap makes device memory addressable. */
export type IoremapSpec =
  /** Entries in the tables, in the vmalloc area (no `range`) or in an area of its own; `prot` is the protection word. */
  | { readonly prot: bigint; readonly range?: { readonly start: bigint; readonly end: bigint } }
  /** No tables: the address is this base and the physical address. `bypass`: its loads and stores go past the MMU. */
  | { readonly base: bigint; readonly bypass?: boolean };

/** A row of large pages of the map of memory. */
export interface LinearPiece {
  /** Address of the first, and the physical one that it maps. */
  readonly start: bigint;
  readonly physical: number;
  /** Bytes mapped where memory reaches so far, or `always`. */
  readonly most: number;
  readonly always?: boolean;
  /** The entry without its frame. */
  readonly prot: bigint;
}

/** The map of all memory in large pages. */
export interface LinearMapSpec {
  /** Level whose entries they are. */
  readonly level: number;
  /** Low bits that links to tables made for it lack. */
  readonly tableDrops: number;
  /** Bytes of a stretch that is left out where no memory lies in it. Default: none is. */
  readonly stretch?: number;
  /** Rows of large pages. */
  readonly pieces: readonly LinearPiece[];
}

export interface KernelSpaceSpec {
  /** VMALLOC_START and VMALLOC_END. */
  readonly start: bigint;
  readonly end: bigint;
  /** PAGE_KERNEL: the protection word, without a frame. */
  readonly prot: bigint;
  /** How ioremap makes device memory addressable. */
  readonly ioremap: IoremapSpec;
  /**
   * Entries of a user root from this index up are the kernel's: copies of those in init_mm's root. Default: user roots have
   * none, the processor reaches the kernel's mappings in another way.
   */
  readonly firstRootEntry?: number;
  /** All of memory, mapped at boot. Default: not in the tables. */
  readonly linear?: LinearMapSpec;
}

/** The kernel space of one machine; page numbers are vaddr >> pageShift. */
export class KernelSpace {
  readonly start: number;
  readonly end: number;
  readonly protLo: number;
  readonly protHi: number;
  /** First page and first page past the area of ioremap; -1 where it uses no tables. */
  readonly ioStart: number;
  readonly ioEnd: number;
  readonly ioProtLo: number;
  readonly ioProtHi: number;
  /** Added to a physical address by an ioremap without tables; -1n with tables. */
  readonly ioBase: bigint;
  /** What ioremap answers is reached past the MMU. */
  readonly ioBypass: boolean;
  /** First root entry of the kernel's in a user root; -1 for none. */
  readonly firstRootEntry: number;
  readonly linear: LinearMapSpec | null;

  constructor(pageShift: number, spec: KernelSpaceSpec) {
    const page = (address: bigint): number => Number(address >> BigInt(pageShift));
    const prot = new Word(spec.prot);
    this.start = page(spec.start);
    this.end = page(spec.end);
    this.protLo = prot.lo;
    this.protHi = prot.hi;
    const tables = 'prot' in spec.ioremap ? spec.ioremap : null;
    const ioProt = new Word(tables?.prot ?? 0n);
    this.ioStart = tables === null ? -1 : page(tables.range?.start ?? spec.start);
    this.ioEnd = tables === null ? -1 : page(tables.range?.end ?? spec.end);
    this.ioProtLo = ioProt.lo;
    this.ioProtHi = ioProt.hi;
    this.linear = spec.linear ?? null;
    this.firstRootEntry = spec.firstRootEntry ?? -1;
    this.ioBase = 'base' in spec.ioremap ? spec.ioremap.base : -1n;
    this.ioBypass = 'base' in spec.ioremap && spec.ioremap.bypass === true;
  }
}
