/** What only this machine has to tell of a run: who served its misses, and its context numbers. */
import {
  ACCESS_ASSISTS,
  CONTEXTS_ALLOCATED,
  DIRTY_ASSISTS,
  NESTED_FILLS,
  type ReportLine,
  SOFTWARE_FILLS,
  WALKS,
} from '@fourfold/core/arch';
import type { ContextAllocator } from './context.js';

/** The lines of `Mmu.reportExtra`. */
export function reportOf(counts: Float64Array, contexts: ContextAllocator): readonly ReportLine[] {
  const counted = (counter: number): number => counts[counter] as number;
  return [
    { name: 'misses that the VHPT walker served', value: counted(WALKS), unit: 'misses' },
    { name: 'misses of the linear table, by vhpt_miss', value: counted(SOFTWARE_FILLS), unit: 'misses' },
    { name: 'dirty-bit handler', value: counted(DIRTY_ASSISTS), unit: 'calls' },
    { name: 'access-bit handlers', value: counted(ACCESS_ASSISTS), unit: 'calls' },
    { name: '  with a nested miss, both', value: counted(NESTED_FILLS), unit: 'calls' },
    { name: 'context numbers given', value: counted(CONTEXTS_ALLOCATED), unit: 'numbers' },
    { name: '  wraps', value: contexts.wraps, unit: 'times' },
  ];
}
