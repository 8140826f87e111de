/**
 * What mm/memory.c offers to modules, and to which: the licence class of each symbol. Data without effect here; a driver
 * author finds in it what the kernel of that time let a driver call.
 */
import type { Behaviour } from './behaviour.js';

/** EXPORT_SYMBOL, or EXPORT_SYMBOL_GPL. */
export type ExportClass = 'plain' | 'gpl';

/** The symbols of a kernel by name. */
export function exportedSymbols(behaviour: Behaviour): Readonly<Record<string, ExportClass>> {
  return {
    get_user_pages: 'plain',
    remap_pfn_range: 'plain',
    unmap_mapping_range: 'plain',
    vm_insert_page: behaviour.insertPageIsPlain ? 'plain' : 'gpl',
    vmalloc_to_page: 'plain',
    vmtruncate: 'plain',
  };
}
