/**
 * Everything that is counted, in one typed array with names. Hot code adds to `values[INDEX]`; people read
 * `counters.minorFaults`, `counters.get(name)` or `counters.snapshot()`. The numbers stand first, as literals, so that builds
 * put them in their places (tsup.shared.ts); test/events/numbers.test.ts holds them to the names.
 */

export const MINOR_FAULTS = 0;
export const MAJOR_FAULTS = 1;
/** First-touch faults by access kind: EXEC_FAULTS + kind. */
export const EXEC_FAULTS = 2;
/** do_wp_page that copied (or replaced the zero page). */
export const COPY_FAULTS = 5;
/** do_wp_page that made the process's own page writable again (after mprotect, or the last sharer). */
export const REUSE_FAULTS = 6;
/** Faults on a present entry that only set accessed or dirty, on machines that keep them in software. */
export const BIT_FAULTS = 7;
export const ZERO_PAGE_FAULTS = 8;
export const SIGNALS = 9;
/** Look-ups and misses of the first and second level: add 1 for data. */
export const TLB_EXEC_LOOKUPS = 10;
export const TLB_DATA_LOOKUPS = 11;
export const TLB_EXEC_MISSES = 12;
export const TLB_DATA_MISSES = 13;
export const TLB_EXEC_MISSES_2 = 14;
export const TLB_DATA_MISSES_2 = 15;
export const WALKS = 16;
export const WALK_REFERENCES = 17;
/** Misses at addresses that the machine refuses without looking at a table. */
export const MISSES_REFUSED = 18;
/** Stores to a clean page, and accesses to an old one, for which the hardware or a handler below the fault code sets the bit. */
export const DIRTY_ASSISTS = 19;
export const ACCESS_ASSISTS = 20;
export const SOFTWARE_FILLS = 21;
export const NESTED_FILLS = 22;
export const FLUSH_PAGE = 23;
export const FLUSH_RANGE = 24;
export const FLUSH_MM = 25;
export const FLUSH_TABLES = 26;
export const FLUSH_PENDING = 27;
export const FLUSH_ALL = 28;
export const PENDING_QUEUED = 29;
/** TLB slots that flushes dropped, on all CPUs. */
export const PURGED_ENTRIES = 30;
/** Purge instructions of all CPUs (INVLPG, CR3 load; tlbie; ptc; demap), whatever they found: what a flush costs. */
export const PURGES = 31;
/** Interrupts sent, a CPU each; by cause from IPI_FIRST on. */
export const IPI_FIRST = 32;
export const IPIS = 39;
export const CONTEXT_SWITCHES = 40;
export const CONTEXTS_ALLOCATED = 41;
export const PAGES_ALLOCATED = 42;
export const PAGES_FREED = 43;
export const PAGES_COPIED = 44;
export const PAGES_CLEARED = 45;
export const TABLES_ALLOCATED = 46;
export const TABLES_FREED = 47;
/** Entries of root tables looked at by range operations (unmap, fork, free). */
export const ROOT_VISITS = 48;
export const PTE_SETS = 49;
export const FORKS = 50;
export const EXITS = 51;
/** Swap and reclaim, as /proc/vmstat names them. */
export const PGMAJFAULT = 52;
export const PSWPIN = 53;
export const PSWPOUT = 54;
export const PGACTIVATE = 55;
export const PGDEACTIVATE = 56;
export const PGREFILL = 57;
export const PGSCAN_KSWAPD = 58;
export const PGSCAN_DIRECT = 59;
export const PGSTEAL = 60;
export const KSWAPD_STEAL = 61;
export const PAGEOUTRUN = 62;
export const ALLOCSTALL = 63;
export const PGROTATED = 64;
export const OOM_KILLS = 65;
/** Entries reported by print_bad_pte. */
export const BAD_PTES = 66;

export const COUNTER_NAMES = [
  'minorFaults',
  'majorFaults',
  'execFaults',
  'loadFaults',
  'storeFaults',
  'copyFaults',
  'reuseFaults',
  'bitFaults',
  'zeroPageFaults',
  'signals',
  'tlbExecLookups',
  'tlbDataLookups',
  'tlbExecMisses',
  'tlbDataMisses',
  'tlbExecMisses2',
  'tlbDataMisses2',
  'walks',
  'walkReferences',
  'missesRefused',
  'dirtyAssists',
  'accessAssists',
  'softwareFills',
  'nestedFills',
  'flushPage',
  'flushRange',
  'flushMm',
  'flushTables',
  'flushPending',
  'flushAll',
  'pendingQueued',
  'purgedEntries',
  'purges',
  // interrupts between CPUs by cause, in the order of IPI_CAUSES (smp/ipi.ts), and all of them
  'ipiFlushPage',
  'ipiFlushMm',
  'ipiFlushAll',
  'ipiContext',
  'ipiCache',
  'ipiSegments',
  'ipiCall',
  'ipis',
  'contextSwitches',
  'contextsAllocated',
  'pagesAllocated',
  'pagesFreed',
  'pagesCopied',
  'pagesCleared',
  'tablesAllocated',
  'tablesFreed',
  'rootVisits',
  'pteSets',
  'forks',
  'exits',
  'pgmajfault',
  'pswpin',
  'pswpout',
  'pgactivate',
  'pgdeactivate',
  'pgrefill',
  'pgscanKswapd',
  'pgscanDirect',
  'pgsteal',
  'kswapdSteal',
  'pageoutrun',
  'allocstall',
  'pgrotated',
  'oomKills',
  'badPtes',
] as const;

/** A counter's name. */
export type CounterName = (typeof COUNTER_NAMES)[number];

function at(name: CounterName): number {
  return COUNTER_NAMES.indexOf(name);
}

/** The counters of one machine. */
export class Counters {
  readonly values: Float64Array = new Float64Array(COUNTER_NAMES.length);

  get(name: CounterName): number {
    return this.values[at(name)] as number;
  }

  get minorFaults(): number {
    return this.values[MINOR_FAULTS] as number;
  }

  get majorFaults(): number {
    return this.values[MAJOR_FAULTS] as number;
  }

  /** All counters by name. */
  snapshot(): Record<CounterName, number> {
    const out = {} as Record<CounterName, number>;
    COUNTER_NAMES.forEach((name, i) => {
      out[name] = this.values[i] as number;
    });
    return out;
  }
}
