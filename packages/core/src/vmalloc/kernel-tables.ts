/**
 * init_mm and its page tables: what the kernel maps for itself (generic-mm 17). They have the machine's own format, and
 * once made they stay. The allocators take init_mm.page_table_lock inside, to link a table after a second look; whoever
 * sets entries holds no lock, because an area of addresses has one owner.
 *
 * Where the machine says so (`KernelSpace.firstRootEntry`) a new user root gets the root entries that init_mm has by then;
 * those that init_mm gets later come into it by the kernel's own faults (`KernelAccess.fault`).
 */
import type { UpperFormat } from '../arch/table-format.js';
import { pauseAt } from '../events/injection.js';
import { LINK_TABLE } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { allocRoot, allocTable, allocTableSlow, freeTable, kernelEntries, tableWord } from '../pgtable/alloc.js';
import { queueOld, storeEntry } from '../pgtable/set-pte.js';
import type { Op } from '../smp/lock.js';
import { Mm } from '../vma/mm.js';
import { INIT_MM_ID, kernelEntryAt } from './kernel-lookup.js';

/** init_mm, made with its root table when the kernel first maps something; null when memory is short. */
export function* initMm(k: Kernel): Op<Mm | null> {
  if (k.initMm !== null) return k.initMm;
  const mm = new Mm(INIT_MM_ID, 0, false, k.events);
  if (!(yield* allocRoot(k, mm, kernelEntries(k)))) return null;
  mm.cpuVmMask = 2 ** k.cpus.length - 1; // CPU_MASK_ALL: every CPU runs the kernel
  k.initMm = mm;
  return mm;
}

/**
 * pud_alloc, pmd_alloc and pte_alloc_kernel in one.
 * @param locked the caller holds page_table_lock all along, as before 872fec16d9: it is let go only to allocate.
 * @returns the word index of the entry, 0 when memory is short.
 */
export function* allocKernelPte(k: Kernel, mm: Mm, vpn: number, locked: boolean): Op<number> {
  const { tables } = k;
  const last = tables.depth - 1;
  const lock = mm.pageTableLock;
  let table = mm.rootWord;
  for (let level = 0; level < last; level++) {
    const at = kernelEntryAt(k.arch, level, table, vpn);
    let below = tables.tableAt(level, at);
    if (below === 0) {
      if (locked) lock.unlock();
      let pa = allocTable(k, level + 1, vpn);
      if (pa < 0) pa = yield* allocTableSlow(k, level + 1, vpn);
      if (k.inject.pause !== null) yield* pauseAt(k, 'before table link');
      if ((pa >= 0 || locked) && !lock.tryLock()) yield* lock.wait();
      if (pa < 0) return 0;
      below = tables.tableAt(level, at);
      if (below !== 0) {
        freeTable(k, level + 1, pa);
      } else {
        const format = k.arch.upper[level] as UpperFormat;
        tables.setEntry(level, at, format.linkHi(pa), format.linkLo(pa));
        if (k.events.on) k.events.emit(LINK_TABLE, mm.id, level + 1, vpn);
        below = tableWord(k, pa);
      }
      if (!locked) lock.unlock();
    }
    table = below;
  }
  return kernelEntryAt(k.arch, last, table, vpn);
}

/**
 * ptep_get_and_clear of a page of init_mm's (unmap_area_pte): where the port queues its entries (`PendingFlush.queuesKernel`) what
 * was there joins the CPU's batch.
 */
export function clearKernelPte(k: Kernel, vpn: number, at: number): void {
  const mm = k.initMm as Mm;
  const oldLo = k.memory.words[at + k.tables.loAt] as number;
  const oldHi = k.tables.pteWords === 2 ? (k.memory.words[at + k.tables.hiAt] as number) : 0;
  storeEntry(k, at, 0, 0);
  k.ledger?.clearedKernel(mm, vpn, oldHi, oldLo);
  const rule = k.arch.pendingFlush;
  const queues = rule.queuesKernel && ((oldLo & rule.queueLo) | (oldHi & rule.queueHi)) !== 0;
  if (queues) queueOld(k, rule, mm, vpn, oldHi, oldLo);
}
