/** LRU lists recounted: flags, lengths, links (F18). */
import type { Kernel } from '../kernel.js';
import { PG_ACTIVE, PG_LRU } from '../memory/mem-map.js';
import type { Zone } from '../memory/zone.js';
import type { Say } from './finding.js';

/** The lists of every zone, and that no page claims to be on one it is not on. */
export function auditLru(k: Kernel, say: Say): void {
  const listed = new Set<number>();
  for (const zone of k.pages.zones) {
    auditList(k, zone, true, listed, say);
    auditList(k, zone, false, listed, say);
  }
  let mapped = 0;
  for (let page = 0; page < k.map.nrPages; page++) {
    if (((k.map.flags[page] as number) & PG_LRU) !== 0 && !listed.has(page))
      say('F18', `page ${page} has PG_LRU but is on no list`);
    if ((k.map.mapcount[page] as number) > 0) mapped++;
  }
  if (mapped !== k.nrMapped) say('F1', `nr_mapped ${k.nrMapped}, pages with a map count ${mapped}`);
}

function auditList(k: Kernel, zone: Zone, active: boolean, listed: Set<number>, say: Say): void {
  const { map } = k;
  const { lru } = zone;
  const name = `${zone.name} ${active ? 'active' : 'inactive'}`;
  let length = 0;
  let newer = -1;
  for (const page of lru.pages(active)) {
    const flags = map.flags[page] as number;
    if (listed.has(page)) {
      say('F18', `page ${page} is on LRU lists twice`);
      return;
    }
    listed.add(page);
    length++;
    if ((flags & PG_LRU) === 0 || ((flags & PG_ACTIVE) !== 0) !== active)
      say('F18', `page ${page} on the ${name} list has flags ${flags}`);
    if (map.count[page] === 0) say('F18', `page ${page} on the ${name} list has no references`);
    if (page < zone.start || page >= zone.end) say('F18', `page ${page} of another zone is on the ${name} list`);
    if (map.prev[page] !== newer) say('F18', `page ${page} on the ${name} list is linked wrongly`);
    newer = page;
  }
  if (lru.oldest(active) !== newer) say('F18', `the ${name} list ends at page ${newer}, not ${lru.oldest(active)}`);
  const counted = active ? lru.nrActive : lru.nrInactive;
  if (length !== counted) say('F18', `the ${name} list has ${length} pages, counted ${counted}`);
}
