/** Swap recounted: references to every slot, the swap cache, the totals (F6, F18). */
import type { Kernel } from '../kernel.js';
import { PG_SWAPCACHE } from '../memory/mem-map.js';
import { SWAP_MAP_BAD, SWAP_MAP_MAX, type SwapArea } from '../swap/area.js';
import { swapEntry } from '../swap/entry.js';
import type { Say } from './finding.js';
import type { TableCensus } from './tables.js';

/** Every slot of every area. */
export function auditSwap(k: Kernel, census: TableCensus, say: Say): void {
  const { swap } = k;
  const found = new Map(census.swapped);
  for (const user of swap.users) for (const entry of user.entries()) found.set(entry, (found.get(entry) ?? 0) + 1);
  let free = 0;
  let total = 0;
  let cached = 0;
  for (const area of swap.areas) {
    if (area === null) continue;
    cached += auditArea(k, area, found, say);
    if (!area.writeOk) continue;
    free += area.pages - area.inuse;
    total += area.pages;
  }
  for (const [entry, references] of found) say('F6', `${references} references to swap entry ${entry} of no area`);
  if (free !== swap.free) say('F6', `nr_swap_pages ${swap.free}, free slots ${free}`);
  if (total !== swap.total) say('F6', `total_swap_pages ${swap.total}, slots ${total}`);
  if (cached !== swap.cachedPages) say('F6', `total_swapcache_pages ${swap.cachedPages}, cached slots ${cached}`);
  for (let page = 0; page < k.map.nrPages; page++) {
    if (((k.map.flags[page] as number) & PG_SWAPCACHE) !== 0) cached--;
  }
  if (cached !== 0) say('F18', `${cached} slots more are cached than pages are in the swap cache`);
}

/** One area; takes what it accounts for out of `found`, answers its slots in the swap cache. */
function auditArea(k: Kernel, area: SwapArea, found: Map<number, number>, say: Say): number {
  let inuse = 0;
  let cached = 0;
  for (let offset = 0; offset < area.map.length; offset++) {
    const count = area.map[offset] as number;
    if (count === SWAP_MAP_BAD) continue;
    const page = area.cached[offset] as number;
    // Whatever refers to a free slot is left in `found`.
    if (count === 0 && page < 0 && offset >= area.lowestBit && offset <= area.highestBit) continue;
    const entry = swapEntry(area.type, offset);
    const references = (found.get(entry) ?? 0) + (page >= 0 ? 1 : 0);
    found.delete(entry);
    // A count at the maximum is not exact any more.
    if (count !== references && count !== SWAP_MAP_MAX)
      say('F6', `slot ${offset} of area ${area.type}: count ${count}, references found ${references}`);
    if (count > 0) inuse++;
    else if (offset < area.lowestBit || offset > area.highestBit)
      say('F6', `free slot ${offset} of area ${area.type} lies outside [${area.lowestBit}, ${area.highestBit}]`);
    if (page < 0) continue;
    cached++;
    if (((k.map.flags[page] as number) & PG_SWAPCACHE) === 0 || k.map.priv[page] !== entry)
      say('F18', `slot ${offset} of area ${area.type} is cached by page ${page}, which says otherwise`);
  }
  if (inuse !== area.inuse) say('F6', `area ${area.type}: ${area.inuse} slots in use, counted ${inuse}`);
  return cached;
}
