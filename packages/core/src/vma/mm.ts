/** mm_struct: one address space. */

import type { EventRing } from '../events/ring.js';
import { RwSemaphore, SpinLock } from '../smp/lock.js';
import { VmaTree } from './vma-tree.js';

/** Resource limits in bytes, Infinity for none; set per process. */
export interface Rlimits {
  as: number;
  data: number;
  stack: number;
  /** The hard limit of the stack (rlim_max), by which a register backing store is placed. */
  stackMax: number;
  memlock: number;
  fsize: number;
}

/** One address space: its areas, tables, counters, limits and locks. */
export class Mm {
  readonly id: number;
  readonly vmas: VmaTree = new VmaTree();
  /** Physical address of the root table and the word index of its contents. */
  rootPa = 0;
  rootWord = 0;
  /** mm.context as the machine numbers it. */
  context = 0;
  /** Machine state of this mm beyond the number, owned by its Mmu. */
  archState: unknown = null;
  /** CPUs that may hold translations of this mm, one bit each. */
  cpuVmMask = 0;
  /** mm_users: tasks. */
  users = 1;
  /** Of mm_count: CPUs that still have it loaded though its last task is gone; they keep its root table and context. */
  borrowers = 0;
  /** The task that runs in it now: its faults count when the kernel faults pages in on the mm's behalf. */
  owner: { minFlt: number; majFlt: number; bitFlt: number } | null = null;

  totalVm = 0;
  lockedVm = 0;
  sharedVm = 0;
  execVm = 0;
  stackVm = 0;
  reservedVm = 0;
  nrPtes = 0;
  fileRss = 0;
  anonRss = 0;
  hiwaterRss = 0;
  hiwaterVm = 0;
  defFlags = 0;

  /** Where the next search for room starts, and the largest hole it skipped (pages). */
  freeAreaCache: number;
  cachedHoleSize = 0;
  /** Search base: top-down from here when `topDown`, else upward from it. */
  mmapBase: number;
  topDown: boolean;

  /** Addresses in bytes; bigint, because they need not be whole pages and may lie above 2^53. 0: no program was loaded. */
  startCode = 0n;
  endCode = 0n;
  startData = 0n;
  /** Initial and present break. */
  startBrk = 0n;
  brk = 0n;
  /** Initial stack pointer. */
  startStack = 0n;

  rlimits: Rlimits = {
    as: Infinity,
    data: Infinity,
    stack: 8 * 1024 * 1024,
    stackMax: Infinity,
    memlock: 32 * 1024,
    fsize: Infinity,
  };
  /** CAP_IPC_LOCK and CAP_SYS_ADMIN of the process. */
  capIpcLock = true;
  capSysAdmin = true;

  readonly mmapSem: RwSemaphore;
  readonly pageTableLock: SpinLock;

  constructor(id: number, mmapBase: number, topDown: boolean, events: EventRing) {
    this.id = id;
    this.mmapBase = mmapBase;
    this.freeAreaCache = mmapBase;
    this.topDown = topDown;
    this.mmapSem = new RwSemaphore('mmap_sem', events);
    this.pageTableLock = new SpinLock('page_table_lock', events);
  }

  get rss(): number {
    return this.fileRss + this.anonRss;
  }

  /** update_hiwater_rss: called before rss falls. */
  updateHiwaterRss(): void {
    const rss = this.fileRss + this.anonRss;
    if (rss > this.hiwaterRss) this.hiwaterRss = rss;
  }

  /** update_hiwater_vm: called before total_vm falls. */
  updateHiwaterVm(): void {
    if (this.totalVm > this.hiwaterVm) this.hiwaterVm = this.totalVm;
  }
}
