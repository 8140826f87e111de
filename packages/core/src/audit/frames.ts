/** Frames recounted: map counts, reference counts, free lists, and that every frame belongs to somebody (F1, F2, F22). */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import {
  PG_BUDDY,
  PG_CACHED,
  PG_COMPOUND,
  PG_LOCKED,
  PG_RESERVED,
  PG_SWAPCACHE,
  PG_TABLE,
  PG_WRITEBACK,
} from '../memory/mem-map.js';
import type { Say } from './finding.js';
import { ownedByVmalloc } from './kernel-tables.js';
import type { TableCensus } from './tables.js';

/** Every frame: who refers to it, or which free list holds it. */
export function auditFrames(k: Kernel, census: TableCensus, say: Say): void {
  const { map } = k;
  let free = 0;
  try {
    for (const zone of k.pages.zones) {
      const counted = zone.recountFree();
      if (counted !== zone.freePages)
        say('F22', `zone ${zone.name}: ${zone.freePages} pages free, lists hold ${counted}`);
      free += counted;
    }
    k.memory.check();
  } catch (error) {
    if (!(error instanceof KernelBug)) throw error;
    say('F22', error.message);
  }
  const kept = new Int32Array(map.nrPages);
  ownedByVmalloc(k, (page) => kept[page]!++);
  for (const part of k.auditedParts) part.ownedFrames((page) => kept[page]!++);
  const batched = batchReferences(k);
  let owned = 0;
  for (let page = 0; page < map.nrPages; page++) {
    const count = map.count[page] as number;
    const mapped = census.mapped[page] as number;
    const flags = map.flags[page] as number;
    // Most frames of a large machine are free, inside a block.
    if ((count | mapped | flags | (map.mapcount[page] as number) | (k.memory.slot[page] as number)) === 0) continue;
    if (mapped !== map.mapcount[page]) say('F1', `page ${page}: mapcount ${map.mapcount[page]}, entries ${mapped}`);
    const isTable = census.tablePages.has(page);
    if (isTable || (flags & PG_TABLE) !== 0) {
      if (!isTable && map.priv[page] === 0) say('F22', `page ${page} is marked a table but no root reaches it`);
      owned++;
      continue;
    }
    if ((flags & PG_COMPOUND) !== 0) {
      owned++;
      const isHead = map.priv[page] === page;
      const cached = (flags & PG_CACHED) !== 0 ? 1 : 0;
      const found = isHead ? (census.huge.get(page) ?? 0) + cached + (kept[page] as number) : 0;
      if (count !== found) say('F2', `page ${page} of a huge one: count ${count}, references found ${found}`);
      continue;
    }
    if (count === 0) {
      if (k.memory.slot[page] !== 0) say('F22', `free page ${page} has contents`);
      continue;
    }
    owned++;
    let expected = mapped + (kept[page] as number);
    if ((flags & PG_CACHED) !== 0) expected++;
    if ((flags & PG_SWAPCACHE) !== 0) expected++;
    expected += batched.get(page) ?? 0;
    if ((flags & (PG_LOCKED | PG_WRITEBACK)) !== 0) say('F23', `page ${page} is locked or being written at rest`);
    if (page === k.zeroPage) expected += k.zeroPageBase;
    else if ((flags & PG_RESERVED) !== 0) expected++;
    if (count !== expected) say('F2', `page ${page}: count ${count}, references found ${expected}`);
    if ((flags & PG_BUDDY) !== 0) say('F22', `page ${page} is in use and on a free list`);
  }
  if (free + owned !== map.nrPages) say('F22', `${free} pages free and ${owned} owned of ${map.nrPages}`);
  if ((k.memory.slot[k.zeroPage] as number) !== 0) say('F13', 'the zero page was written');
}

/** References that pages on their way to an LRU list have from the batch they wait in. */
function batchReferences(k: Kernel): Map<number, number> {
  const references = new Map<number, number>();
  for (const { lruActive, lruInactive } of k.cpus) {
    for (const { pages, nr } of [lruActive, lruInactive]) {
      for (const page of pages.subarray(0, nr)) references.set(page, (references.get(page) ?? 0) + 1);
    }
  }
  return references;
}
