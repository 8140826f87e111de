/**
 * The kernel's view of a machine: everything the mm code works with, in one object. Functions of core take it as `k`.
 * It knows no architecture; what differs comes from `arch` (data) and `mmu` (code).
 */

import { MAPPING_NONE, MAPPING_UNUSED, MAPPING_USED } from './arch/access.js';
import type { ArchDescriptor } from './arch/descriptor.js';
import type { Mmu, MmuHost } from './arch/mmu.js';
import { OwnHooks } from './arch/own-hooks.js';
import type { AuditedPart } from './audit/finding.js';
import { Counters } from './events/counters.js';
import { Injection } from './events/injection.js';
import { EventRing } from './events/ring.js';
import type { MappedFile } from './fs/file.js';
import type { SharedSegments } from './fs/segments.js';
import type { Gate } from './gup/gate.js';
import { Pins } from './gup/pins.js';
import { HugePool } from './hugetlb/pool.js';
import { FlushLedger } from './ledger/ledger.js';
import { Behaviour } from './machine/behaviour.js';
import { type MemMap, PG_RESERVED, PG_SWAPCACHE } from './memory/mem-map.js';
import { PageAllocator, type ZoneSpec } from './memory/page-allocator.js';
import { type Bank, PhysicalMemory } from './memory/physical.js';
import { PteMaps } from './pgtable/highpte.js';
import { PageTables } from './pgtable/page-tables.js';
import { Quicklists } from './pgtable/quicklists.js';
import { TableSlab } from './pgtable/table-slab.js';
import { Random } from './random.js';
import type { Task } from './reclaim/oom.js';
import { Mappings } from './rmap/mappings.js';
import { Cpu } from './smp/cpu.js';
import type { SpinLock } from './smp/lock.js';
import { Rcu } from './smp/rcu.js';
import { Swap } from './swap/swap.js';
import { SwapToken } from './swap/token.js';
import type { Mm } from './vma/mm.js';
import type { Vdso } from './vma/vdso.js';
import { VmList } from './vmalloc/vmlist.js';
import { MmuGather } from './zap/gather.js';

/** CONFIG_SPLIT_PTLOCK_CPUS: built for so many CPUs, every pte table has its lock. */
export const SPLIT_PTLOCK_CPUS = 4;

/** What a kernel is made for. */
export interface KernelConfig {
  readonly arch: ArchDescriptor;
  readonly banks: readonly Bank[];
  /** Physical ranges that devices answer at; default none. */
  readonly devices?: readonly Bank[];
  readonly zones: readonly ZoneSpec[];
  readonly cpus: number;
  /** NR_CPUS the kernel was built for: from 4 on, pte locks are split per table. */
  readonly nrCpus: number;
  /** Whether frames of data get contents; tables always do. */
  readonly contents: boolean;
  readonly defectsKept: boolean;
  readonly preempt: boolean;
  /** randomize_va_space: addresses are random, from this seed. Default: they are not. */
  readonly randomize?: number;
  /** CONFIG_HIGHPTE: pte tables have to be mapped to be looked at; default false. */
  readonly highpte?: boolean;
  /** Keep the flush ledger, and compare every TLB hit with the tables; default neither. */
  readonly watchFlushes?: boolean;
  readonly watchHits?: boolean;
  /** Commits taken out of the history (machine/behaviour.ts); default none. */
  readonly without?: readonly string[];
}

/** One running kernel: its memory, CPUs, address spaces and tunables. */
export class Kernel implements MmuHost {
  readonly arch: ArchDescriptor;
  readonly memory: PhysicalMemory;
  readonly map: MemMap;
  readonly pages: PageAllocator;
  readonly tables: PageTables;
  readonly counters: Counters = new Counters();
  readonly events: EventRing = new EventRing();
  /** What a test injects: answers, failures and pauses. */
  readonly inject: Injection = new Injection();
  readonly mappings: Mappings = new Mappings();
  readonly cpus: Cpu[] = [];
  /** The CPU that runs the code now. */
  cpu: Cpu;
  readonly mmu: Mmu;
  /** Which of its hooks are more than the defaults. */
  readonly own: OwnHooks;
  readonly gather: MmuGather;
  /** Empty tables that each CPU keeps, by its number; null where tables are given back at once. */
  readonly quicklists: readonly Quicklists[] | null;
  /** Who owes which CPU a flush; null: nobody keeps count. */
  readonly ledger: FlushLedger | null;
  /** What pte tables the running code has mapped; null: they need not be (no CONFIG_HIGHPTE). */
  readonly pteMaps: PteMaps | null;
  /** Somebody is told of every entry stored. */
  readonly watchesEntries: boolean;
  /** Every TLB hit is compared with the tables. */
  readonly watchesHits: boolean;
  readonly mms: Set<Mm> = new Set();
  /** init_mm: the kernel's own tables; null until it maps something. */
  initMm: Mm | null = null;
  readonly vmlist: VmList = new VmList(this.events);
  /** Subsystems outside core that the audit asks too. */
  readonly auditedParts: Set<AuditedPart> = new Set();
  /** References handed out by get_user_pages. */
  readonly pins: Pins = new Pins();
  /** The gate area; null where the machine has none, or nobody asked for it yet. */
  gate: Gate | null = null;
  /** The vDSO that programs find mapped; null where the machine has none, or no program was started yet. */
  vdso: Vdso | null = null;
  /** Tables in use by real level, kernel tables included. */
  readonly tablesInUse: Int32Array;
  /** Most tables ever in use at once. */
  tablesPeak = 0;
  readonly contents: boolean;
  readonly defectsKept: boolean;
  readonly preempt: boolean;
  readonly nrCpus: number;
  /** What the commits of the history brought, and whether it is there. */
  readonly behaviour: Behaviour;
  /** Whether every pte table has a lock of its own. */
  readonly splitPteLocks: boolean;
  /** ptep_set_access_flags acts for a read too (FaultRules). */
  readonly readUpdatesAccessFlags: boolean;
  /** ZERO_PAGE: reserved, never freed, reads as zero for ever. */
  readonly zeroPage: number;
  /** References the zero page has before any pte maps it. */
  readonly zeroPageBase = 1;
  /** vm_committed_space and the overcommit rule: 0 guess, 1 always, 2 never. */
  committed = 0;
  /** What the kept defects D10 and D16 have put into `committed` that no area or object charges; the audit wants to know. */
  commitDrift = 0;
  overcommit: 0 | 1 | 2 = 0;
  overcommitRatio = 50;
  maxMapCount = 65536;
  /** What makes addresses random; null: they are not. */
  readonly random: Random | null;
  /** Pages in page caches (nr_pagecache). */
  pageCachePages = 0;
  /** nr_mapped: pages that some entry maps. */
  nrMapped = 0;
  readonly swap: Swap;
  /** The huge pages; null in a kernel built without. */
  readonly hugetlb: HugePool | null;
  /** Processes, for the OOM killer. */
  readonly tasks: Set<Task> = new Set();
  /** How much reclaim prefers mapped pages to cached ones, 0 to 100. */
  swappiness = 60;
  /** What kswapd was woken for: log2 of frames in a row; -1 while it sleeps. */
  kswapdOrder = -1;
  /** Somebody does kswapd's work. */
  kswapdRuns = false;
  /** What waits until no CPU can walk what was unlinked. */
  readonly rcu: Rcu = new Rcu();
  readonly swapToken: SwapToken = new SwapToken();
  /** Milliseconds since boot, set from outside: nothing here looks at a clock. */
  now = 0;
  /** Split pte locks by the word index of the table's frame; empty below four CPUs. */
  readonly pteLocks: Map<number, SpinLock> = new Map();
  /** Makes the file behind a shared anonymous mapping (tmpfs plugs in here); null answers ENODEV. */
  sharedAnonymous: ((k: Kernel, pages: number, flags: number) => MappedFile | number) | null = null;
  /** SysV shared memory (tmpfs plugs in here); null answers ENOSYS. */
  segments: SharedSegments | null = null;
  /** Makes the file of `size` bytes behind a SHM_HUGETLB segment; null answers ENOSYS. */
  hugetlbZeroSetup: ((k: Kernel, size: number) => MappedFile | number) | null = null;
  readonly #slabs = new Map<number, TableSlab>();
  #mmIds = 0;

  constructor(config: KernelConfig) {
    const { arch } = config;
    this.arch = arch;
    this.contents = config.contents;
    this.defectsKept = config.defectsKept;
    this.preempt = config.preempt;
    this.nrCpus = config.nrCpus;
    this.random = config.randomize === undefined ? null : new Random(config.randomize);
    this.behaviour = new Behaviour(config.without);
    this.splitPteLocks = config.nrCpus >= SPLIT_PTLOCK_CPUS && this.behaviour.splitsPteLocks;
    const { readUpdatesAccessFlags, readUpdatesAlone } = arch.faults;
    this.readUpdatesAccessFlags = config.cpus === 1 ? readUpdatesAlone : readUpdatesAccessFlags;
    this.memory = new PhysicalMemory(arch.geometry.pageShift, config.banks, arch.byteOrder === 'big', config.devices);
    this.pages = new PageAllocator(this.memory, config.zones, this.counters, this.events, this.inject, arch.maxOrder);
    this.map = this.pages.map;
    this.hugetlb = arch.huge === null ? null : new HugePool(this, arch.huge);
    this.swap = new Swap(this.memory.nrPages * this.memory.pageSize);
    this.tables = new PageTables(this.memory, arch);
    this.tablesInUse = new Int32Array(arch.geometry.depth);
    for (let id = 0; id < config.cpus; id++) this.cpus.push(new Cpu(id, arch.tlb, arch.pendingFlush.capacity));
    this.cpu = this.cpus[0] as Cpu;
    this.zeroPage = this.pages.takeFirst();
    this.map.flags[this.zeroPage] = PG_RESERVED;
    this.gather = new MmuGather(this);
    const { quicklists } = arch;
    this.quicklists = quicklists === null ? null : this.cpus.map(() => new Quicklists(this, quicklists));
    for (const part of [this.pins, ...(this.quicklists ?? [])]) this.auditedParts.add(part);
    this.mmu = arch.createMmu(this);
    this.own = new OwnHooks(this.mmu);
    this.ledger = config.watchFlushes === true ? new FlushLedger(this) : null;
    if (this.ledger !== null) this.pages.watches.push(this.ledger);
    this.pteMaps = config.highpte === true ? new PteMaps(this.memory.pageWords, this.events) : null;
    if (this.pteMaps !== null) this.pages.watches.push(this.pteMaps);
    this.watchesEntries = this.ledger !== null || this.pteMaps !== null;
    this.watchesHits = config.watchHits ?? false;
  }

  /** The slab of tables of `bytes` bytes. */
  smallTables(bytes: number): TableSlab {
    let slab = this.#slabs.get(bytes);
    if (slab === undefined) {
      slab = new TableSlab(bytes, this.memory, this.pages);
      this.#slabs.set(bytes, slab);
    }
    return slab;
  }

  /** page_mapping and mapping_mapped (MmuHost). */
  mappingState(page: number): number {
    if (((this.map.flags[page] as number) & PG_SWAPCACHE) !== 0) return MAPPING_UNUSED;
    const space = this.mappings.file(this.map.mapping[page] as number);
    if (space === null) return MAPPING_NONE;
    return space.linear.size > 0 || space.nonlinear.size > 0 ? MAPPING_USED : MAPPING_UNUSED;
  }

  /** Frames for good (MmuHost). */
  reserve(order: number): number {
    const page = this.pages.reserve(order);
    for (let i = 0; page >= 0 && i < 2 ** order; i++) this.memory.materialize(page + i);
    return page;
  }

  /** Number for a new mm. */
  nextMmId(): number {
    return this.#mmIds++;
  }
}
