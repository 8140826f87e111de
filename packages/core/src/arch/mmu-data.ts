/**
 * What a machine says as data about its TLB, its flush rules, its gather and its costs. The code that belongs to it is
 * in mmu.ts.
 */
import { highWord, lowWord } from './words.js';

/** One translation buffer: any number of sets and ways (sets 1: fully associative). */
export interface TlbUnitSpec {
  /** For people, and for files. */
  readonly name: string;
  /** Any number of each; one set is fully associative. */
  readonly sets: number;
  readonly ways: number;
  /**
   * log2 of the bytes of the smallest and of the largest pages that it takes. Default: any. The bits just above its
   * smallest page choose the set.
   */
  readonly smallest?: number;
  readonly largest?: number;
}

/**
 * TLBs of a CPU as data: for instruction and for data accesses the units asked in order. The two chains may share
 * units. For a page of some size the first unit of the chain that takes it is its first level; a hit in a later one refills
 * that. Both chains begin with a unit for base pages.
 */
export interface TlbShape {
  /** The processor whose TLBs these are, for people. */
  readonly processor?: string;
  /** Where the figures are from. */
  readonly source?: string;
  /** The buffers; their slots lie one after another in this order. */
  readonly units: readonly TlbUnitSpec[];
  /**
   * log2 of the bytes that a page number of the TLB, of `Mmu.miss` and of `Mmu.denied` counts, where the hardware
   * translates in smaller pages than the kernel's. At most the base
   * page's; default that.
   */
  readonly pageShift?: number;
  /** Indices into `units`, first level first. */
  readonly exec: readonly number[];
  readonly data: readonly number[];
}

/**
 * Entries whose change must be told to the TLB (or hash table) by set_pte_at itself. Core applies it, so that zap,
 * fork and mprotect make no arch call per entry: every port's TLB batch is this mechanism.
 */
export interface PendingFlushSpec {
  /** An old entry with any of these bits queues (valid to hardware, or in a hash table). 0: never. */
  readonly queueIf: bigint;
  /** Entries per batch. */
  readonly capacity: number;
  /** Whether a gather of a dying mm queues nothing. */
  readonly skipWhenFullmm: boolean;
  /** Whether storing over a present entry flushes at once. Default false. */
  readonly flushOnOverwrite?: boolean;
  /** ptep_test_and_clear_young flushes an entry with one of the bits that is old already, too. Default false. */
  readonly flushesOld?: boolean;
  /** Whether `Mmu.entryQueued` hears of every entry that queues. Default false. */
  readonly tells?: boolean;
  /** Entries of init_mm queue too. Default false: its translations wait for flush_tlb_kernel_range. */
  readonly queuesKernel?: boolean;
}

/** mmu_gather of the port. */
export interface GatherSpec {
  /** Pages collected before a flush on a machine with several CPUs; with one CPU pages are freed at once. */
  readonly capacity: number;
  /** Pages of tables are collected with the others (__pte_free_tlb is tlb_remove_page), so they fill a batch. Default false. */
  readonly collectsTables?: boolean;
  /**
   * Handlers walk page tables without a lock: of an mm that several CPUs may be walking, tables are freed a grace period after
   * they were unlinked, of any other at once. Default false: they wait for the flush with the pages.
   */
  readonly walkedUnlocked?: boolean;
  /** The port frees the collected pages before it sends the flushes: a port defect, mended by default. */
  readonly freesBeforeFlush?: boolean;
}

/** GatherSpec with its defaults; one class for all machines. */
export class GatherRules {
  readonly capacity: number;
  readonly collectsTables: boolean;
  readonly walkedUnlocked: boolean;
  readonly freesBeforeFlush: boolean;

  constructor(spec: GatherSpec) {
    this.capacity = spec.capacity;
    this.collectsTables = spec.collectsTables ?? false;
    this.walkedUnlocked = spec.walkedUnlocked ?? false;
    this.freesBeforeFlush = spec.freesBeforeFlush ?? false;
  }
}

/** What a CostTable prices, in the order of reports. */
export const COST_NAMES = [
  'secondLevelHit',
  'walkReference',
  'softwareFill',
  'assist',
  'trap',
  'purge',
  'ipi',
  'contextSwitch',
  'copyPage',
  'clearPage',
] as const;

/** One of them. */
export type CostName = (typeof COST_NAMES)[number];

/** Costs in CPU cycles, for the estimated translation time of a replay; docs/costs.md has the source of each. */
export interface CostTable extends Readonly<Record<CostName, number>> {
  /** One memory reference of a walk or of a software handler. */
  readonly walkReference: number;
  /** Entering and leaving a software miss handler. */
  readonly softwareFill: number;
  /** Entering and leaving a trap that runs the fault handler. */
  readonly trap: number;
  /** Hit in a second-level TLB. */
  readonly secondLevelHit: number;
  /** Setting accessed or dirty without a trap into the fault handler. */
  readonly assist: number;
  /** One purge instruction. */
  readonly purge: number;
  /** Interrupting another CPU and waiting for its acknowledgement. */
  readonly ipi: number;
  /** Loading another mm into the MMU: its registers, beside the purges and the misses that come of it. */
  readonly contextSwitch: number;
  readonly copyPage: number;
  readonly clearPage: number;
}

/** vm_flags of which one is needed, by access, and what a protection fault on a read means. */
export interface FaultRulesSpec {
  /** Any of these vm_flags lets an instruction fetch, a load, a store through the area check. */
  readonly exec: number;
  readonly load: number;
  readonly store: number;
  /** A fault of a fetch or load on a present entry is a signal whatever the area says. */
  readonly presentReadIsFatal: boolean;
  /**
   * A miss does not say that it is a store, and the handler finds out only where the area may be written: elsewhere a store to an
   * absent page is served as a load first, and refused when it is tried again. Default: every fault says so.
   */
  readonly missHidesStore?: boolean;
  /** Bytes below the stack pointer at which an access may still make a stack grow. Default: however many. */
  readonly stackSlack?: number;
  /** Bytes below its end to which a stack grows without that question. Default 0. */
  readonly stackFree?: number;
  /** A store is not asked: it may be the instruction that moves the stack pointer. Default false. */
  readonly storesMoveStack?: boolean;
  /**
   * A prefetch or a speculative load that finds no page runs the fault handler, which defers what would be a signal. Default: the
   * processor drops it.
   */
  readonly prefetchFaults?: boolean;
  /**
   * Programs have no-fault loads: where nothing may be read one reads 0 and takes no SIGSEGV, and it makes no stack grow. In an
   * address hole, and behind the end of a file, it is a load like any other. Default: they have none.
   */
  readonly noFaultLoads?: boolean;
  /** ptep_set_access_flags does its work for a read too. False where it does nothing then: hardware keeps the young bit. */
  readonly readUpdatesAccessFlags: boolean;
  /** The same on a machine with one CPU; default as on any. */
  readonly readUpdatesAlone?: boolean;
}

export class PendingFlush {
  readonly queueLo: number;
  readonly queueHi: number;
  readonly capacity: number;
  readonly skipWhenFullmm: boolean;
  readonly flushOnOverwrite: boolean;
  readonly flushesOld: boolean;
  readonly tells: boolean;
  readonly queuesKernel: boolean;
  constructor(spec?: PendingFlushSpec) {
    const mask = spec?.queueIf ?? 0n;
    this.queueLo = lowWord(mask);
    this.queueHi = highWord(mask);
    this.capacity = spec?.capacity ?? 1;
    this.skipWhenFullmm = spec?.skipWhenFullmm ?? false;
    this.flushOnOverwrite = spec?.flushOnOverwrite ?? false;
    this.flushesOld = spec?.flushesOld ?? false;
    this.tells = spec?.tells ?? false;
    this.queuesKernel = spec?.queuesKernel ?? false;
  }
}

/** FaultRulesSpec with its defaults; one class for all machines, for the page-fault handler reads it at every fault. */
export class FaultRules {
  readonly exec: number;
  readonly load: number;
  readonly store: number;
  readonly presentReadIsFatal: boolean;
  readonly missHidesStore: boolean;
  /** -1: however many. */
  readonly stackSlack: number;
  readonly stackFree: number;
  readonly storesMoveStack: boolean;
  readonly prefetchFaults: boolean;
  readonly noFaultLoads: boolean;
  readonly readUpdatesAccessFlags: boolean;
  readonly readUpdatesAlone: boolean;

  constructor(spec: FaultRulesSpec) {
    this.exec = spec.exec;
    this.load = spec.load;
    this.store = spec.store;
    this.presentReadIsFatal = spec.presentReadIsFatal;
    this.missHidesStore = spec.missHidesStore ?? false;
    this.stackSlack = spec.stackSlack ?? -1;
    this.stackFree = spec.stackFree ?? 0;
    this.storesMoveStack = spec.storesMoveStack ?? false;
    this.prefetchFaults = spec.prefetchFaults ?? false;
    this.noFaultLoads = spec.noFaultLoads ?? false;
    this.readUpdatesAccessFlags = spec.readUpdatesAccessFlags;
    this.readUpdatesAlone = spec.readUpdatesAlone ?? spec.readUpdatesAccessFlags;
  }
}
