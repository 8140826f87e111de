/**
 * Everything that is counted, in one typed array with names. Hot code adds to `values[INDEX]`; people read
 * `counters.minorFaults`, `counters.get(name)` or `counters.snapshot()`.
 */

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

export const MINOR_FAULTS: number = at('minorFaults');
export const MAJOR_FAULTS: number = at('majorFaults');
/** First-touch faults by access kind: EXEC_FAULTS + kind. */
export const EXEC_FAULTS: number = at('execFaults');
/** do_wp_page that copied (or replaced the zero page). */
export const COPY_FAULTS: number = at('copyFaults');
/** do_wp_page that made the process's own page writable again (after mprotect, or the last sharer). */
export const REUSE_FAULTS: number = at('reuseFaults');
/** Faults on a present entry that only set accessed or dirty, on machines that keep them in software. */
export const BIT_FAULTS: number = at('bitFaults');
export const ZERO_PAGE_FAULTS: number = at('zeroPageFaults');
export const SIGNALS: number = at('signals');
/** Look-ups and misses of the first and second level: add 1 for data. */
export const TLB_EXEC_LOOKUPS: number = at('tlbExecLookups');
export const TLB_DATA_LOOKUPS: number = at('tlbDataLookups');
export const TLB_EXEC_MISSES: number = at('tlbExecMisses');
export const TLB_DATA_MISSES: number = at('tlbDataMisses');
export const TLB_EXEC_MISSES_2: number = at('tlbExecMisses2');
export const TLB_DATA_MISSES_2: number = at('tlbDataMisses2');
export const WALKS: number = at('walks');
export const WALK_REFERENCES: number = at('walkReferences');
/** Misses at addresses that the machine refuses without looking at a table. */
export const MISSES_REFUSED: number = at('missesRefused');
/** Stores to a clean page, and accesses to an old one, for which the hardware or a handler below the fault code sets the bit. */
export const DIRTY_ASSISTS: number = at('dirtyAssists');
export const ACCESS_ASSISTS: number = at('accessAssists');
export const SOFTWARE_FILLS: number = at('softwareFills');
export const NESTED_FILLS: number = at('nestedFills');
export const FLUSH_PAGE: number = at('flushPage');
export const FLUSH_RANGE: number = at('flushRange');
export const FLUSH_MM: number = at('flushMm');
export const FLUSH_TABLES: number = at('flushTables');
export const FLUSH_PENDING: number = at('flushPending');
export const FLUSH_ALL: number = at('flushAll');
export const PENDING_QUEUED: number = at('pendingQueued');
/** TLB slots that flushes dropped, on all CPUs. */
export const PURGED_ENTRIES: number = at('purgedEntries');
/** Purge instructions of all CPUs (INVLPG, CR3 load; tlbie; ptc; demap), whatever they found: what a flush costs. */
export const PURGES: number = at('purges');
/** Interrupts sent, a CPU each; by cause from IPI_FIRST on. */
export const IPI_FIRST: number = at('ipiFlushPage');
export const IPIS: number = at('ipis');
export const CONTEXT_SWITCHES: number = at('contextSwitches');
export const CONTEXTS_ALLOCATED: number = at('contextsAllocated');
export const PAGES_ALLOCATED: number = at('pagesAllocated');
export const PAGES_FREED: number = at('pagesFreed');
export const PAGES_COPIED: number = at('pagesCopied');
export const PAGES_CLEARED: number = at('pagesCleared');
export const TABLES_ALLOCATED: number = at('tablesAllocated');
export const TABLES_FREED: number = at('tablesFreed');
/** Entries of root tables looked at by range operations (unmap, fork, free). */
export const ROOT_VISITS: number = at('rootVisits');
export const PTE_SETS: number = at('pteSets');
export const FORKS: number = at('forks');
export const EXITS: number = at('exits');
/** Swap and reclaim, as /proc/vmstat names them. */
export const PGMAJFAULT: number = at('pgmajfault');
export const PSWPIN: number = at('pswpin');
export const PSWPOUT: number = at('pswpout');
export const PGACTIVATE: number = at('pgactivate');
export const PGDEACTIVATE: number = at('pgdeactivate');
export const PGREFILL: number = at('pgrefill');
export const PGSCAN_KSWAPD: number = at('pgscanKswapd');
export const PGSCAN_DIRECT: number = at('pgscanDirect');
export const PGSTEAL: number = at('pgsteal');
export const KSWAPD_STEAL: number = at('kswapdSteal');
export const PAGEOUTRUN: number = at('pageoutrun');
export const ALLOCSTALL: number = at('allocstall');
export const PGROTATED: number = at('pgrotated');
export const OOM_KILLS: number = at('oomKills');
/** Entries reported by print_bad_pte. */
export const BAD_PTES: number = at('badPtes');

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
