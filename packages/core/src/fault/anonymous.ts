/** do_anonymous_page (generic-mm 4.4): the zero page for a read, an own zeroed frame for a write. */
import { ZERO_PAGE_FAULTS } from '../events/counters.js';
import { pauseAt } from '../events/injection.js';
import type { Kernel } from '../kernel.js';
import { PG_REFERENCED } from '../memory/mem-map.js';
import { pteLock } from '../pgtable/lock.js';
import { lruCacheAddActive } from '../reclaim/lru-batch.js';
import { anonVmaPrepare } from '../rmap/anon-vma.js';
import { pageAddAnonRmap, pageAddFileRmap } from '../rmap/rmap.js';
import type { Op } from '../smp/lock.js';
import { VM_SHARED } from '../vma/flags.js';
import { addAnonRss, addFileRss } from '../vma/rss.js';
import type { Vma } from '../vma/vma.js';
import { VM_FAULT_MINOR, VM_FAULT_OOM, VM_FAULT_SIGBUS } from './codes.js';
import { allocZeroedPage, allocZeroedPageSlow, installPage } from './install.js';

/** Handles a fault on an absent page of an area without a file, or whose file has no nopage. `at` is the pte's word index; no pte lock is held. */
export function* doAnonymousPage(k: Kernel, vma: Vma, vpn: number, at: number, write: boolean): Op<number> {
  // D9: a shared area without nopage has no page to give; the original mapped a writable zero page here.
  if ((vma.flags & VM_SHARED) !== 0 && !k.defectsKept) return VM_FAULT_SIGBUS;
  if (k.inject.pause !== null) yield* pauseAt(k, 'after pte read');
  const { mm } = vma;
  let page = k.zeroPage;
  if (write) {
    if (vma.anonVma === null && (yield* anonVmaPrepare(k, vma)) < 0) return VM_FAULT_OOM;
    page = allocZeroedPage(k);
    if (page < 0) {
      page = yield* allocZeroedPageSlow(k);
      if (page < 0) return VM_FAULT_OOM;
    }
  } else {
    k.map.count[page] = (k.map.count[page] as number) + 1;
  }
  if (k.inject.pause !== null) yield* pauseAt(k, 'before pte lock');
  const lock = pteLock(k, mm, at);
  if (!lock.tryLock()) yield* lock.wait();
  if (!entryIsNone(k, at)) {
    lock.unlock();
    k.pages.put(page);
    return VM_FAULT_MINOR;
  }
  if (write) {
    addAnonRss(k, mm, 1);
    lruCacheAddActive(k, page);
    k.map.flags[page] = (k.map.flags[page] as number) | PG_REFERENCED;
    pageAddAnonRmap(k, page, vma, vpn);
  } else {
    k.counters.values[ZERO_PAGE_FAULTS] = (k.counters.values[ZERO_PAGE_FAULTS] as number) + 1;
    addFileRss(k, mm, 1);
    pageAddFileRmap(k, page);
  }
  installPage(k, vma, vpn, at, page, write);
  lock.unlock();
  return VM_FAULT_MINOR;
}

/** pte_none of the entry at a word index, read again from memory. */
export function entryIsNone(k: Kernel, at: number): boolean {
  const words = k.memory.words;
  const { loAt, hiAt, pteWords } = k.tables;
  return k.arch.pteFormat.isNone(pteWords === 2 ? (words[at + hiAt] as number) : 0, words[at + loAt] as number);
}
