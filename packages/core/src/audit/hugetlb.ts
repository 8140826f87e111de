/**
 * Huge pages recounted (F19, and what F3, F13 and F17 say of them): entries, the pool and the quotas of its mounts. A huge
 * page whose entry is a run of ptes counts once.
 */
import type { HugeFormat } from '../arch/hugetlb.js';
import type { HugeFile } from '../hugetlb/hugetlbfs.js';
import type { HugePool } from '../hugetlb/pool.js';
import type { Kernel } from '../kernel.js';
import { PG_CACHED, PG_COMPOUND } from '../memory/mem-map.js';
import { VM_HUGETLB, VM_WRITE } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import type { Say } from './finding.js';

/**
 * Takes note of an entry that maps a huge page, or a part of one.
 * @param slot page number that the tables have for the entry.
 * @returns false when it lies in no area of huge pages, and so is something else.
 */
export function hugeLeaf(
  k: Kernel,
  mm: Mm,
  slot: number,
  hi: number,
  lo: number,
  census: { readonly huge: Map<number, number> },
  counted: { file: number },
  say: Say,
): boolean {
  const huge = k.arch.huge as HugeFormat;
  const vpn = huge.inRange(slot) ? huge.pageOfSlot(slot) : slot;
  const vma = mm.vmas.containing(vpn);
  if (vma === null || (vma.flags & VM_HUGETLB) === 0) return false;
  const f = k.arch.pteFormat;
  if (f.isNone(hi, lo)) return true;
  const part = vpn - huge.firstPage(vpn);
  const page = k.memory.pfnToPage(f.frame(hi, lo));
  const head = page < 0 ? -1 : (k.map.priv[page] as number);
  const where = `mm ${mm.id}: huge entry for page ${vpn}`;
  if (!f.isPresent(hi, lo) || page < 0 || ((k.map.flags[page] as number) & PG_COMPOUND) === 0 || page !== head + part) {
    say('F19', `${where} maps page ${page}, which is not part ${part} of a huge page`);
    return true;
  }
  if (f.write.allows(hi, lo) && (vma.flags & VM_WRITE) === 0) say('F17', `${where} is writable in an area that is not`);
  if (part === 0) {
    census.huge.set(head, (census.huge.get(head) ?? 0) + 1);
    counted.file += huge.pages;
    checkPlace(k, vma, vpn, head, where, say);
  } else if (huge.entries === 1) {
    say('F19', `${where} lies inside a huge page`);
  } else if (k.tables.lookupHuge(mm, vpn) === 0) {
    say('F19', `${where} has no first entry`);
  }
  return true;
}

/** Pool, caches and quotas. */
export function auditHugetlb(k: Kernel, pool: HugePool, say: Say): void {
  const { map } = k;
  let heads = 0;
  let pinned = 0;
  for (let page = 0; page < map.nrPages; page++) {
    if (((map.flags[page] as number) & PG_COMPOUND) === 0 || map.priv[page] !== page) continue;
    heads++;
    if ((map.count[page] as number) > 0 && ((map.flags[page] as number) & PG_CACHED) === 0) pinned++;
  }
  if (heads !== pool.nrPages) say('F19', `${pool.nrPages} huge pages in the pool, ${heads} found`);
  for (const head of pool.freeList) {
    if (map.count[head] !== 0) say('F19', `huge page ${head} is free and has ${map.count[head]} references`);
  }
  let cached = 0;
  for (const mount of pool.mounts) {
    let used = 0;
    for (const file of mount.files) used += checkFile(file, say);
    cached += used;
    // D6: back-outs credit what was never taken.
    const free = mount.maxBlocks - used;
    if (mount.maxBlocks >= 0 && (k.defectsKept ? mount.freeBlocks < free : mount.freeBlocks !== free))
      say(
        'F19',
        `a mount for ${mount.maxBlocks} huge pages has quota for ${mount.freeBlocks} more, files have ${used}`,
      );
  }
  if (pool.freePages + cached + pinned !== pool.nrPages)
    say('F19', `${pool.nrPages} huge pages: ${pool.freePages} free, ${cached} cached, ${pinned} only pinned`);
}

/** A file's cached pages lie below its size. Their number. */
function checkFile(file: HugeFile, say: Say): number {
  for (const index of file.mapping.pages.keys()) {
    if (index >= file.hugePages)
      say('F14', `${file.name}: huge page ${index} is cached, the size is ${file.hugePages}`);
  }
  return file.mapping.pages.size;
}

function checkPlace(k: Kernel, vma: Vma, vpn: number, head: number, where: string, say: Say): void {
  const huge = k.arch.huge as HugeFormat;
  const index = Math.floor(vma.indexOf(vpn) / huge.pages);
  if (vma.file?.inode.mapping.pages.get(index) !== head)
    say('F13', `${where} maps huge page ${head}, which is not page ${index} of its file`);
}
