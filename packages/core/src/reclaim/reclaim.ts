/** try_to_free_pages and kswapd's balance_pgdat (generic-mm 13.4). */
import { ALLOCSTALL, PAGEOUTRUN } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import type { Zone } from '../memory/zone.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import { DEF_PRIORITY, Scan } from './scan.js';
import { shrinkZone } from './shrink-zone.js';

/** try_to_free_pages: reclaims on behalf of whoever allocates. True when a cluster of pages became free. */
export function* tryToFreePages(k: Kernel): Op<boolean> {
  k.counters.values[ALLOCSTALL] = (k.counters.values[ALLOCSTALL] as number) + 1;
  const scan = new Scan(k, false);
  const { zones } = k.pages;
  let priority = DEF_PRIORITY;
  let reclaimed = 0;
  for (const zone of zones) zone.tempPriority = DEF_PRIORITY;
  for (; priority >= 0; priority--) {
    if (priority === 0) k.swapToken.disable(k);
    scan.begin(k, priority);
    for (const zone of zones) {
      if (!mayScan(zone, priority)) continue;
      notePriority(zone, priority);
      yield* shrinkZone(k, zone, scan);
    }
    reclaimed += scan.reclaimed;
    if (reclaimed >= scan.cluster) break;
  }
  for (const zone of zones) zone.prevPriority = zone.tempPriority;
  return reclaimed >= scan.cluster;
}

/** balance_pgdat: kswapd's work when it is woken, until every zone that can be has pages_high free. */
export function* balanceZones(k: Kernel, order: number): Op<void> {
  const { zones } = k.pages;
  const scan = new Scan(k, true);
  for (;;) {
    k.counters.values[PAGEOUTRUN] = (k.counters.values[PAGEOUTRUN] as number) + 1;
    let reclaimed = 0;
    let balanced = true;
    for (const zone of zones) zone.tempPriority = DEF_PRIORITY;
    for (let priority = DEF_PRIORITY; priority >= 0; priority--) {
      if (priority === 0) k.swapToken.disable(k);
      balanced = true;
      // From the highest zone that is short on down: zones are kept highest first.
      const first = zones.findIndex((zone) => mayScan(zone, priority) && !zone.watermarkOk(order, zone.pagesHigh));
      if (first < 0) break;
      for (let i = zones.length - 1; i >= first; i--) {
        const zone = zones[i] as Zone;
        if (!mayScan(zone, priority)) continue;
        if (!zone.watermarkOk(order, zone.pagesHigh)) balanced = false;
        notePriority(zone, priority);
        scan.begin(k, priority);
        yield* shrinkZone(k, zone, scan);
        reclaimed += scan.reclaimed;
        if (zone.pagesScanned >= (zone.lru.nrActive + zone.lru.nrInactive) * 4) zone.allUnreclaimable = true;
      }
      if (balanced || reclaimed >= scan.cluster) break;
    }
    for (const zone of zones) zone.prevPriority = zone.tempPriority;
    if (balanced) return;
    yield condResched(k);
  }
}

/** A zone that gave nothing is looked at only in the first pass, until a page of it is freed. */
function mayScan(zone: Zone, priority: number): boolean {
  return !zone.allUnreclaimable || priority === DEF_PRIORITY;
}

function notePriority(zone: Zone, priority: number): void {
  zone.tempPriority = priority;
  if (zone.prevPriority > priority) zone.prevPriority = priority;
}
