/**
 * io_remap_pfn_range: a driver maps the memory of a device for a program. Mostly this is remap_pfn_range; a machine with an IoRemap
 * gives the entries a protection of its own and states a larger size in those of whole runs (its own mm/generic.c).
 */
import type { IoRemap, IoRun } from '../arch/io-remap.js';
import { highWord, lowWord } from '../arch/words.js';
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { flushTlbRange } from '../pgtable/flush.js';
import { pteLock, pteUnmapUnlock } from '../pgtable/lock.js';
import { getLockedPte } from '../pgtable/locked-pte.js';
import type { Op } from '../smp/lock.js';
import type { Vma } from '../vma/vma.js';
import { beginRaw, putRaw, remapPfnRange } from './remap-pfn-range.js';

/**
 * Maps frames from `pfn` on at pages [start, start + pages) of an area that has nothing there.
 * @returns 0; -EINVAL for a part of an area that may be copied on write; -ENOMEM, perhaps with some of it mapped.
 */
export function* ioRemapPfnRange(k: Kernel, vma: Vma, start: number, pfn: number, pages: number): Op<number> {
  const { ioRemap } = k.arch;
  if (ioRemap === null) return yield* remapPfnRange(k, vma, start, pfn, pages);
  const error = beginRaw(k, vma, start, pfn, pages);
  if (error < 0) return error;
  vma.pgoff = pfn;
  const prot = protectionOf(k, ioRemap, vma);
  const { mm } = vma;
  const { ptesPerTable } = k.tables;
  const end = start + pages;
  let result = 0;
  for (let vpn = start; vpn < end && result === 0; ) {
    const nr = Math.min(end - vpn, ptesPerTable - (vpn % ptesPerTable));
    const at = yield* getLockedPte(k, mm, vpn);
    if (at === 0) {
      result = -ERRNO.ENOMEM;
    } else {
      fillTable(k, ioRemap, vma, vpn, at, pfn + (vpn - start), nr, highWord(prot), lowWord(prot));
      pteUnmapUnlock(k, at, pteLock(k, mm, at));
      vpn += nr;
    }
  }
  flushTlbRange(k, mm, start, end);
  return result;
}

/** Runs as large as address, frame and what is left of the table's part allow. The pte lock is held. */
function fillTable(
  k: Kernel,
  ioRemap: IoRemap,
  vma: Vma,
  start: number,
  at: number,
  first: number,
  nr: number,
  protHi: number,
  protLo: number,
): void {
  const f = k.arch.pteFormat;
  const { pteWords } = k.tables;
  const { keepHi, keepLo } = ioRemap;
  for (let i = 0; i < nr; ) {
    const run = runAt(ioRemap, start + i, first + i, nr - i);
    const end = i + (run?.pages ?? 1);
    for (; i < end; i++) {
      let hi = f.makeHi(first + i, protHi);
      let lo = f.makeLo(first + i, protLo);
      if (run !== null) {
        hi = (hi & keepHi) | run.sizeHi;
        lo = (lo & keepLo) | run.sizeLo;
      }
      putRaw(k, vma, start + i, at + i * pteWords, hi, lo);
    }
  }
}

/** The largest run that may begin at page `vpn` with frame `pfn` and has room in `left` pages; null for none. */
function runAt({ runs }: IoRemap, vpn: number, pfn: number, left: number): IoRun | null {
  for (const run of runs) if (vpn % run.pages === 0 && pfn % run.pages === 0 && run.pages <= left) return run;
  return null;
}

/**
 * The protection of the entries. The port gives all of them the same, so that memory of a device can be read and written whatever the
 * area allows; mended, it is that of the area, uncached, and as a store would leave it where stores are allowed.
 */
function protectionOf(k: Kernel, { spec }: IoRemap, vma: Vma): bigint {
  const area = (BigInt(vma.protHi >>> 0) << 32n) | BigInt(vma.protLo >>> 0);
  if (k.defectsKept) return spec.prot | (area & spec.exec);
  const written = k.arch.pteFormat.write.allows(vma.protHi, vma.protLo) ? spec.written : 0n;
  return (area & ~spec.clear) | spec.set | written;
}
