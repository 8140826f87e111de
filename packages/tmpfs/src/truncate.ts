/**
 * Truncation and hole punch below the page cache (shmem_truncate_range, generic-mm 14.5): swap entries and index pages.
 *
 * The whole tree is taken out of the inode first when all of it goes, so that it can be walked without the lock. Else
 * entries are cleared under the lock, in chunks; index pages go when the range covers their whole span (D2) and nothing is
 * left in them.
 */
import {
  condResched,
  freeSwapAndCache,
  KernelBug,
  type Op,
  truncateInodePagesRange,
  unmapMappingRange,
} from '@fourfold/core/fs';
import { NR_DIRECT } from './geometry.js';
import type { ShmemInode } from './inode.js';
import type { SwapVector } from './vector.js';

/** LATENCY_LIMIT: entries cleared before others may run. */
const CHUNK = 64;

/** What is being taken away: indexes [first, limit) of a file, `toEnd` when it has none from `limit` on. */
interface Cut {
  readonly inode: ShmemInode;
  readonly first: number;
  readonly limit: number;
  readonly toEnd: boolean;
  readonly isHole: boolean;
}

/**
 * shmem_truncate_range. The page cache has been emptied before.
 * @param start in bytes, rounded up to a page.
 * @param end the end of a page, or Infinity: then nothing stays from `start` on, and nextIndex falls.
 */
export function* truncateRange(inode: ShmemInode, start: number, end: number): Op<void> {
  const { k, lock, vector } = inode;
  const { pageSize } = k.memory;
  const first = Math.ceil(start / pageSize);
  if (first >= inode.nextIndex) return;
  const isHole = end !== Infinity;
  if (!lock.tryLock()) yield* lock.wait();
  const limit = isHole ? Math.min(Math.ceil(end / pageSize), inode.nextIndex) : inode.nextIndex;
  const cut: Cut = { inode, first, limit, toEnd: limit === inode.nextIndex, isHole };
  // D1: a hole among the direct entries of a file that has index pages met an assertion.
  if (k.defectsKept && isHole && limit <= NR_DIRECT && vector.top >= 0) {
    lock.unlock();
    throw new KernelBug(`shmem_truncate_range: limit ${limit} is not behind the direct entries`);
  }
  if (!isHole) inode.nextIndex = first;
  const isWhole = !isHole && first <= NR_DIRECT;
  const tree = isWhole ? vector.takeTree() : vector;
  yield* clearEntries(cut, vector, first, Math.min(limit, NR_DIRECT));
  yield* cutTree(cut, tree);
  if (isWhole) for (const page of [...tree.pages()]) giveIndexPage(inode, page);
  lock.unlock();
  if (inode.mapping.pages.size > 0 && inode.pageIn) {
    // Pages may have come back from swap meanwhile, or been made in a race with the size.
    yield* truncateInodePagesRange(k, inode.mapping, start, end);
    if (isHole && !k.defectsKept) yield* unmapMappingRange(k, inode.mapping, first, Math.ceil(end / pageSize), true);
  }
  if (!lock.tryLock()) yield* lock.wait();
  inode.recalc();
  lock.unlock();
}

/** Clears the leaves of the range and takes out the index pages that it covers. The inode is locked on entry and exit. */
function* cutTree(cut: Cut, tree: SwapVector): Op<void> {
  const { inode, first, limit } = cut;
  const { geometry } = tree;
  let below = -1;
  for (const leaf of tree.leaves(Math.max(first, NR_DIRECT), limit)) {
    if (below >= 0 && below !== geometry.topSlot(leaf)) leaveMiddle(cut, tree, below);
    below = geometry.topSlot(leaf);
    const start = geometry.firstOfLeaf(leaf);
    const end = start + geometry.entries;
    yield* clearEntries(cut, tree, Math.max(first, start), Math.min(limit, end));
    const page = tree.leaf(leaf);
    if (page < 0 || inode.k.map.priv[page] !== 0) continue;
    if (covers(cut, start, end)) giveIndexPage(inode, tree.detachLeaf(leaf));
  }
  if (below >= 0) leaveMiddle(cut, tree, below);
}

/** The walk has done what lies below a slot of the top page: a middle page goes when it is covered and empty. */
function leaveMiddle(cut: Cut, tree: SwapVector, topSlot: number): void {
  const { geometry } = tree;
  if (topSlot < geometry.entries / 2 || tree.below(topSlot) < 0) return;
  const { first, count } = geometry.leavesBelow(topSlot);
  const start = geometry.firstOfLeaf(first);
  if (!covers(cut, start, start + count * geometry.entries)) return;
  const left = tree.leavesOf(tree.below(topSlot));
  const { inode } = cut;
  // D2: a middle page entered at its start went whole, and the leaves behind the hole with it.
  if (inode.k.defectsKept) inode.lostLeaves.push(...left);
  else if (left.length > 0) return;
  giveIndexPage(inode, tree.detachBelow(topSlot));
}

/**
 * Whether the cut takes an index page of indexes [start, end) away: its whole span, or all that the file has of it.
 * Originally it was enough that the cut begins in front of it.
 */
function covers(cut: Cut, start: number, end: number): boolean {
  return start >= cut.first && (cut.toEnd || end <= cut.limit || cut.inode.k.defectsKept);
}

/** Frees the swap entries of indexes [from, to), a chunk at a time. The inode is locked on entry and exit. */
function* clearEntries(cut: Cut, tree: SwapVector, from: number, to: number): Op<void> {
  const { inode } = cut;
  const { k } = inode;
  for (let start = from; start < to; start += CHUNK) {
    if (inode.swapped === 0) return;
    const end = Math.min(start + CHUNK, to);
    const entries: number[] = [];
    for (let index = start; index < end; index++) entries.push(tree.entry(index));
    // D3: originally this was done without the lock: whoever came between found entries that were on their way out.
    if (k.defectsKept) yield* pause(inode);
    for (const [i, entry] of entries.entries()) {
      if (entry === 0) continue;
      tree.setEntry(start + i, 0);
      inode.swapped--;
      freeSwapAndCache(k, entry);
    }
    if (end < to) yield* pause(inode);
  }
}

/** Lets others run, if they want to, with the inode unlocked. */
function* pause(inode: ShmemInode): Op<void> {
  if (!inode.k.inject.needResched?.('shmem_truncate_range')) return;
  inode.lock.unlock();
  yield condResched(inode.k);
  if (!inode.lock.tryLock()) yield* inode.lock.wait();
}

function giveIndexPage(inode: ShmemInode, page: number): void {
  inode.k.pages.put(page);
  inode.sb.giveBlocks(inode, 1);
}
