/**
 * /proc/vmstat (generic-mm 10.8): what is counted since boot, one `name value` a line. Lines that the kernel splits by zone are
 * one here.
 */
import {
  ALLOCSTALL,
  KSWAPD_STEAL,
  MAJOR_FAULTS,
  MINOR_FAULTS,
  PAGEOUTRUN,
  PAGES_ALLOCATED,
  PAGES_FREED,
  PGACTIVATE,
  PGDEACTIVATE,
  PGMAJFAULT,
  PGREFILL,
  PGROTATED,
  PGSCAN_DIRECT,
  PGSCAN_KSWAPD,
  PGSTEAL,
  PSWPIN,
  PSWPOUT,
} from '../events/counters.js';
import type { Kernel } from '../kernel.js';

/** Counts by the names of the file, pages unless the name says otherwise. */
export type Vmstat = Readonly<Record<string, number>>;

/** Everything as it is now. */
export function vmstatOf(k: Kernel): Vmstat {
  const value = (index: number): number => k.counters.values[index] as number;
  let tables = 0;
  for (const mm of k.mms) tables += mm.nrPtes;
  return {
    nr_page_table_pages: tables,
    nr_mapped: k.nrMapped,
    pswpin: value(PSWPIN),
    pswpout: value(PSWPOUT),
    pgalloc: value(PAGES_ALLOCATED),
    pgfree: value(PAGES_FREED),
    pgactivate: value(PGACTIVATE),
    pgdeactivate: value(PGDEACTIVATE),
    pgfault: value(MINOR_FAULTS) + value(MAJOR_FAULTS),
    pgmajfault: value(PGMAJFAULT),
    pgrefill: value(PGREFILL),
    pgsteal: value(PGSTEAL),
    pgscan_kswapd: value(PGSCAN_KSWAPD),
    pgscan_direct: value(PGSCAN_DIRECT),
    kswapd_steal: value(KSWAPD_STEAL),
    pageoutrun: value(PAGEOUTRUN),
    allocstall: value(ALLOCSTALL),
    pgrotated: value(PGROTATED),
  };
}

/** The lines as /proc prints them. */
export function vmstatText(stat: Vmstat): string {
  return Object.entries(stat)
    .map(([name, count]) => `${name} ${count}\n`)
    .join('');
}
