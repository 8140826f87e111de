/**
 * The descriptor of a machine: one class for all of them, data but for the two factories at the end. This is what an
 * arch package exports and what everything else (core, decode, the docs, the conformance kit) reads.
 */

import type { ImageSupport } from '../image/walk.js';
import { checkShape } from '../tlb/shape.js';
import { VM_DATA_DEFAULT, VM_EXEC } from '../vma/flags.js';
import type { Geometry } from './geometry.js';
import { HugeFormat, type HugetlbSpec } from './hugetlb.js';
import { IoRemap, type IoRemapSpec } from './io-remap.js';
import type { KernelSpace } from './kernel-space.js';
import type { Layout } from './layout.js';
import type { Mmu, MmuHost } from './mmu.js';
import {
  type CostTable,
  FaultRules,
  type FaultRulesSpec,
  GatherRules,
  type GatherSpec,
  PendingFlush,
  type PendingFlushSpec,
  type TlbShape,
} from './mmu-data.js';
import { PteCodec } from './pte-codec.js';
import type { PteFormat } from './pte-format.js';
import type { UpperFormat } from './table-format.js';
import { UpperCodec } from './upper-codec.js';
import { pageNumber } from './words.js';

/** Version of the contract in this folder; an arch package states the one it was written for. */
export const ARCH_CONTRACT_VERSION = 1;

/** Lists of empty page tables that each CPU keeps. */
export interface QuicklistSpec {
  /** Colours of the data cache by which pages are told apart: the tables that are seen in a linear table keep to theirs. */
  readonly colours: 1 | 2;
  /** With more pages than `high` in them at the end of a gather, pages are freed down to `low`. */
  readonly high: number;
  readonly low: number;
}

export interface ArchSpec {
  /** As users type it: a family, with the page size where it has several. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** ARCH_CONTRACT_VERSION as it was when the package was written. */
  readonly contractVersion: number;
  /** 32 or 64. */
  readonly wordBits: 32 | 64;
  /** Of memory: of page tables and of what programs store. */
  readonly byteOrder: 'little' | 'big';
  /** Shape of the page-table tree: its real levels, root first. */
  readonly geometry: Geometry;
  /** Where things lie in a user address space. */
  readonly layout: Layout;
  /** Formats of the real levels above the pte, root first (geometry.depth - 1 of them). */
  readonly upper: readonly UpperFormat[];
  /** Format of the entries that map pages. */
  readonly pte: PteFormat;
  /** The kernel's own mappings; default none, and vmalloc answers that there is no room. */
  readonly kernelSpace?: KernelSpace | null;
  /** TLBs of a CPU. */
  readonly tlb: TlbShape;
  /** Entries whose change set_pte_at itself tells of. Default: none. */
  readonly pendingFlush?: PendingFlushSpec;
  /** mmu_gather: how unmapped pages are collected. */
  readonly gather: GatherSpec;
  /** Empty page tables that CPUs keep. Default: tables are given back at once. */
  readonly quicklists?: QuicklistSpec | null;
  /** What the port's page-fault handler asks of an area. */
  readonly faults: FaultRulesSpec;
  /** What things cost in cycles, for estimates in reports. */
  readonly cost: CostTable;
  /** Who fills the TLB, for tables and docs: `'hardware walk'`, `'software'` ... */
  readonly walker: string;
  /** How translations are flushed, for the same. */
  readonly flushStyle: string;
  /** What huge pages there are, for the same. */
  readonly hugetlb: string;
  /** Huge pages; default: the kernel is built without. */
  readonly hugePages?: HugetlbSpec;
  /** How it maps the memory of devices for programs; default as remap_pfn_range does, with the protection of the area. */
  readonly deviceMemory?: IoRemapSpec;
  /** MAX_ORDER of the buddy allocator: blocks have up to 2^(maxOrder - 1) pages. Default 11. */
  readonly maxOrder?: number;
  /** Highest physical address bits a frame may use. */
  readonly physicalBits: number;
  /** VM_DATA_DEFAULT_FLAGS has VM_EXEC: heap and stack may be executed. Default false. */
  readonly executableData?: boolean;
  /** MADV_REMOVE's number; default 5. */
  readonly madvRemove?: number;
  /** Registers and walkers of images, made for the descriptor; default none. */
  readonly createImages?: (arch: ArchDescriptor) => ImageSupport;
  /** Makes the machine's MMU code. */
  readonly createMmu: (host: MmuHost) => Mmu;
}

export class ArchDescriptor {
  readonly name: string;
  readonly title: string;
  readonly contractVersion: number;
  readonly wordBits: 32 | 64;
  /** Bits of an address that a program can say: the word's, but for 32-bit tasks of a 64-bit machine. */
  readonly addressBits: number;
  readonly byteOrder: 'little' | 'big';
  readonly geometry: Geometry;
  readonly layout: Layout;
  readonly upper: readonly UpperFormat[];
  readonly pteFormat: PteFormat;
  /** The pte codec, for the edge: `arch.pte.decode(0x12345067n)`. */
  readonly pte: PteCodec;
  /** Codecs of the upper entries, by level name. */
  readonly tables: UpperCodec;
  readonly kernelSpace: KernelSpace | null;
  readonly tlb: TlbShape;
  /** log2 of the bytes of a TLB's page, and of how many of them a base page has (mostly 0). */
  readonly tlbPageShift: number;
  readonly tlbSubShift: number;
  /** How many that are. */
  readonly tlbSubPages: number;
  readonly pendingFlush: PendingFlush;
  readonly gather: GatherRules;
  /** Null where tables are given back at once. */
  readonly quicklists: QuicklistSpec | null;
  readonly faults: FaultRules;
  readonly cost: CostTable;
  readonly walker: string;
  readonly flushStyle: string;
  readonly hugetlb: string;
  /** Huge pages, null in a kernel built without. */
  readonly huge: HugeFormat | null;
  /** io_remap_pfn_range of its own, or null. */
  readonly ioRemap: IoRemap | null;
  readonly maxOrder: number;
  readonly physicalBits: number;
  /** VM_DATA_DEFAULT_FLAGS, of the heap and of stacks. */
  readonly dataFlags: number;
  readonly madvRemove: number;
  /** How its images are walked; null: they are not. */
  readonly images: ImageSupport | null;
  readonly createMmu: (host: MmuHost) => Mmu;
  private readonly spec: ArchSpec;

  constructor(spec: ArchSpec) {
    this.spec = spec;
    this.name = spec.name;
    this.title = spec.title;
    this.contractVersion = spec.contractVersion;
    this.wordBits = spec.wordBits;
    this.addressBits = spec.layout.spec.addressBits ?? spec.wordBits;
    this.byteOrder = spec.byteOrder;
    this.geometry = spec.geometry;
    this.layout = spec.layout;
    this.upper = spec.upper;
    this.pteFormat = spec.pte;
    this.pte = new PteCodec(spec.pte);
    this.tables = new UpperCodec(spec.geometry, spec.upper);
    this.kernelSpace = spec.kernelSpace ?? null;
    this.tlbPageShift = spec.tlb.pageShift ?? spec.geometry.pageShift;
    this.tlb = { ...spec.tlb, pageShift: this.tlbPageShift };
    checkShape(spec.tlb, [this.tlbPageShift, ...(spec.hugePages === undefined ? [] : [spec.hugePages.shift])]);
    this.tlbSubShift = spec.geometry.pageShift - this.tlbPageShift;
    this.tlbSubPages = 1 << this.tlbSubShift;
    this.pendingFlush = new PendingFlush(spec.pendingFlush);
    this.gather = new GatherRules(spec.gather);
    this.quicklists = spec.quicklists ?? null;
    this.faults = new FaultRules(spec.faults);
    this.cost = spec.cost;
    this.walker = spec.walker;
    this.flushStyle = spec.flushStyle;
    this.hugetlb = spec.hugetlb;
    this.huge = spec.hugePages === undefined ? null : new HugeFormat(spec.geometry, spec.hugePages);
    this.ioRemap = spec.deviceMemory === undefined ? null : new IoRemap(spec.geometry.pageShift, spec.deviceMemory);
    this.dataFlags = VM_DATA_DEFAULT | (spec.executableData === true ? VM_EXEC : 0);
    this.maxOrder = spec.maxOrder ?? 11;
    this.physicalBits = spec.physicalBits;
    this.madvRemove = spec.madvRemove ?? 5;
    this.images = spec.createImages?.(this) ?? null;
    this.createMmu = spec.createMmu;
  }

  /**
   * The same machine with another processor's TLBs or costs, or its user space laid out otherwise. The page size that the
   * hardware translates by stays, and what a task's width decides beside the layout.
   * @throws MmError MM_TLB for a shape that does not suit the machine.
   */
  with(change: { readonly tlb?: TlbShape; readonly cost?: CostTable; readonly layout?: Layout }): ArchDescriptor {
    const { tlb = this.tlb, cost = this.cost, layout = this.layout } = change;
    return new ArchDescriptor({ ...this.spec, tlb: { ...tlb, pageShift: this.tlbPageShift }, cost, layout });
  }

  /** The base page that a page number of the TLB lies in. */
  basePage(vpnHi: number, vpnLo: number): number {
    const page = pageNumber(vpnHi, vpnLo);
    return this.tlbSubPages === 1 ? page : Math.floor(page / this.tlbSubPages);
  }

  /** Bytes of a base page. */
  get pageSize(): number {
    return this.geometry.pageSize;
  }
}
