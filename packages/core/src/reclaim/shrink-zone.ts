/** shrink_zone, shrink_cache and refill_inactive_zone (generic-mm 13.3, 13.4): how much of a zone's lists a pass looks at. */
import { KSWAPD_STEAL, PGDEACTIVATE, PGREFILL, PGSCAN_DIRECT, PGSCAN_KSWAPD, PGSTEAL } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import { PG_ACTIVE, PG_LRU } from '../memory/mem-map.js';
import type { Zone } from '../memory/zone.js';
import { pageReferenced } from '../rmap/referenced.js';
import type { Op } from '../smp/lock.js';
import { condResched } from '../smp/resched.js';
import { lruAddDrain } from './lru-batch.js';
import { type Scan, SWAP_CLUSTER_MAX } from './scan.js';
import { shrinkList } from './shrink-list.js';

/** shrink_zone: both lists in turns, until the share that the priority asks for is done or a cluster is reclaimed. */
export function* shrinkZone(k: Kernel, zone: Zone, scan: Scan): Op<void> {
  const { lru } = zone;
  zone.scanActive += (lru.nrActive >> scan.priority) + 1;
  zone.scanInactive += (lru.nrInactive >> scan.priority) + 1;
  let active = 0;
  let inactive = 0;
  if (zone.scanActive >= scan.cluster) {
    active = zone.scanActive;
    zone.scanActive = 0;
  }
  if (zone.scanInactive >= scan.cluster) {
    inactive = zone.scanInactive;
    zone.scanInactive = 0;
  }
  const before = scan.reclaimed;
  while (active > 0 || inactive > 0) {
    if (active > 0) {
      const nr = Math.min(active, scan.cluster);
      active -= nr;
      yield* refillInactive(k, zone, nr, scan);
    }
    if (inactive > 0) {
      const nr = Math.min(inactive, scan.cluster);
      inactive -= nr;
      yield* shrinkCache(k, zone, nr, scan);
      if (scan.reclaimed - before >= scan.cluster) break;
    }
  }
}

/** shrink_cache: up to `nr` of the oldest inactive pages are shrunk; what stays goes back as the newest. */
function* shrinkCache(k: Kernel, zone: Zone, nr: number, scan: Scan): Op<void> {
  lruAddDrain(k);
  const pages = new Int32Array(SWAP_CLUSTER_MAX);
  const taken = isolate(k, zone, false, nr, pages);
  zone.pagesScanned += taken;
  const values = k.counters.values;
  const counter = scan.isKswapd ? PGSCAN_KSWAPD : PGSCAN_DIRECT;
  values[counter] = (values[counter] as number) + taken;
  const before = scan.reclaimed;
  yield* shrinkList(k, pages, taken, scan);
  const steal = scan.reclaimed - before;
  values[PGSTEAL] = (values[PGSTEAL] as number) + steal;
  if (scan.isKswapd) values[KSWAPD_STEAL] = (values[KSWAPD_STEAL] as number) + steal;
  putBack(k, pages, taken);
}

/** refill_inactive_zone: up to `nr` of the oldest active pages; which become inactive depends on how short memory is. */
function* refillInactive(k: Kernel, zone: Zone, nr: number, scan: Scan): Op<void> {
  lruAddDrain(k);
  const { map } = k;
  const pages = new Int32Array(SWAP_CLUSTER_MAX);
  const taken = isolate(k, zone, true, nr, pages);
  zone.pagesScanned += taken;
  const takesMapped = reclaimsMapped(k, zone, scan);
  let deactivated = 0;
  yield condResched(k);
  for (let i = 0; i < taken; i++) {
    const page = pages[i] as number;
    let stays = map.mapcount[page] !== 0 && (!takesMapped || (k.swap.total === 0 && map.isAnon(page)));
    if (map.mapcount[page] !== 0 && !stays) {
      stays = pageReferenced(k, page, false, scan.where) > 0;
      const lock = scan.where.blockedOn;
      scan.where.blockedOn = null;
      if (!stays && lock !== null) {
        if (lock.held) yield lock;
        i--;
        continue;
      }
    }
    if (stays) map.flags[page] = (map.flags[page] as number) | PG_ACTIVE;
    else deactivated++;
  }
  const values = k.counters.values;
  values[PGREFILL] = (values[PGREFILL] as number) + taken;
  values[PGDEACTIVATE] = (values[PGDEACTIVATE] as number) + deactivated;
  putBack(k, pages, taken);
}

/** Whether mapped pages become inactive: by how much is mapped, how hard reclaim has it, and swappiness. */
function reclaimsMapped(k: Kernel, zone: Zone, scan: Scan): boolean {
  const distress = 100 >> zone.prevPriority;
  const mappedRatio = Math.floor((scan.mapped * 100) / k.memory.nrPages);
  return Math.floor(mappedRatio / 2) + distress + k.swappiness >= 100;
}

/** isolate_lru_pages: takes the oldest pages off a list, with a reference to each. Answers how many. */
export function isolate(k: Kernel, zone: Zone, active: boolean, nr: number, pages: Int32Array): number {
  const { lru } = zone;
  const { count } = k.map;
  let taken = 0;
  while (taken < nr) {
    const page = lru.oldest(active);
    if (page < 0) break;
    lru.remove(page);
    count[page] = (count[page] as number) + 1;
    pages[taken++] = page;
  }
  return taken;
}

/** Puts the pages that are left (not -1) back on the list that PG_ACTIVE names, and drops the references. */
export function putBack(k: Kernel, pages: Int32Array, nr: number): void {
  for (let i = 0; i < nr; i++) {
    const page = pages[i] as number;
    if (page < 0) continue;
    const active = (k.map.flags[page] as number) & PG_ACTIVE;
    k.pages.zoneOf(page).lru.add(page, PG_LRU | active);
    k.pages.put(page);
  }
}
