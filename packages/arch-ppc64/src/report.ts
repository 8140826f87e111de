/** What the replay report shows of ppc64 alone. */
import { NESTED_FILLS, type ReportLine, SOFTWARE_FILLS } from '@fourfold/core/arch';
import type { Ppc64Flush } from './flush.js';
import type { HashTable } from './hash-table.js';

/** Occupancy of the hash table, what was put into it, and the misses before it. */
export function reportHash(table: HashTable, flush: Ppc64Flush, counts: Float64Array): readonly ReportLine[] {
  return [
    { name: 'groups by used slots, 0 to 8', value: table.occupancy(), unit: 'groups' },
    { name: 'hash_page', value: counts[SOFTWARE_FILLS] as number, unit: 'calls' },
    { name: 'entries inserted', value: table.inserts, unit: 'entries' },
    { name: '  in the secondary group', value: table.secondaryInserts, unit: 'entries' },
    { name: '  after an eviction', value: table.evictions, unit: 'entries' },
    { name: 'SLB misses', value: counts[NESTED_FILLS] as number, unit: 'misses' },
    { name: 'tlbie, to all CPUs', value: flush.tlbies, unit: 'instructions' },
    { name: 'tlbiel, on one', value: flush.tlbiels, unit: 'instructions' },
  ];
}
