/** F19: the invariants of tmpfs (generic-mm 14.7), recounted. */
import type { AuditedPart, Say } from '@fourfold/core/fs';
import { NR_DIRECT } from './geometry.js';
import type { ShmemInode } from './inode.js';
import type { Segment } from './segments.js';
import type { Shmem } from './shmem.js';
import type { SuperBlock } from './super-block.js';

/** What the machine's audit asks tmpfs. */
export class ShmemAudit implements AuditedPart {
  readonly #shmem: Shmem;

  constructor(shmem: Shmem) {
    this.#shmem = shmem;
  }

  charged(): number {
    let pages = 0;
    for (const inode of this.#shmem.inodes()) {
      pages += inode.preCharged ? Math.ceil(inode.size / inode.k.memory.pageSize) : inode.alloced;
    }
    return pages;
  }

  ownedFrames(own: (page: number) => void): void {
    for (const inode of this.#shmem.inodes()) {
      for (const page of inode.vector.pages()) own(page);
      for (const page of inode.lostLeaves) own(page);
    }
  }

  audit(say: Say): void {
    for (const sb of this.#shmem.mounts) {
      for (const inode of sb.inodes) auditInode(this.#shmem, inode, say);
      auditMount(sb, say);
    }
    this.#auditSegments(say);
  }

  /** nattch of a segment is the number of areas that map it. */
  #auditSegments(say: Say): void {
    const { k, segments } = this.#shmem;
    const areas = new Map<Segment, number>();
    for (const mm of k.mms) {
      for (const vma of mm.vmas) {
        const segment = segments.of(vma);
        if (segment !== undefined) areas.set(segment, (areas.get(segment) ?? 0) + 1);
      }
    }
    for (const segment of segments.all()) {
      const found = areas.get(segment) ?? 0;
      if (segment.nattch !== found) say('F19', `segment ${segment.id}: nattch ${segment.nattch}, areas ${found}`);
      if (segment.isDoomed && found === 0 && !segment.isHuge)
        say('F19', `segment ${segment.id}: removed, unused, still there`);
      areas.delete(segment);
    }
    for (const [{ id }, found] of areas) say('F19', `${found} areas map segment ${id}, which is gone`);
  }
}

function auditInode(shmem: Shmem, inode: ShmemInode, say: Say): void {
  const { vector, mapping, sb } = inode;
  const cached = mapping.pages.size;
  const who = `tmpfs inode ${inode.ino} (${inode.name})`;
  if (inode.lock.held) say('F23', `${who}: its lock is held at rest`);
  if (!mapping.iSem.free || !mapping.iAllocSem.free) say('F23', `${who}: i_sem or i_alloc_sem is held at rest`);
  if (inode.alloced < cached + inode.swapped)
    say('F19', `${who}: alloced ${inode.alloced}, cached ${cached} and swapped ${inode.swapped}`);
  for (const index of mapping.pages.keys()) {
    if (index >= inode.nextIndex) say('F19', `${who}: page ${index} is cached, next_index ${inode.nextIndex}`);
  }
  const swapped = auditVector(inode, who, say);
  if (swapped !== inode.swapped) say('F19', `${who}: swapped ${inode.swapped}, entries ${swapped}`);
  if (swapped > 0 && !shmem.swapList.has(inode)) say('F19', `${who}: has swap entries and is not on the list`);
  const indexPages = [...vector.pages(), ...inode.lostLeaves].length;
  const blocks = sb.maxBlocks === 0 ? 0 : inode.alloced + indexPages;
  if (inode.blockPages !== blocks) say('F19', `${who}: i_blocks of ${inode.blockPages} pages, has ${blocks}`);
  if (inode.nlink === 0 && inode.opens === 0) say('F19', `${who}: has neither name nor user`);
}

/** Every entry of a vector, and the count of every leaf. Answers how many entries there are. */
function auditVector({ k, vector, mapping, nextIndex, lostLeaves }: ShmemInode, who: string, say: Say): number {
  let swapped = 0;
  for (const { index, entry } of vector.used(Infinity)) {
    swapped++;
    if (index >= nextIndex) say('F19', `${who}: index ${index} has swap entry ${entry}, next_index ${nextIndex}`);
    if (mapping.pages.has(index)) say('F19', `${who}: index ${index} is cached and has swap entry ${entry}`);
  }
  for (const leaf of vector.leaves(NR_DIRECT, Infinity)) {
    const page = vector.leaf(leaf);
    const entries = [...vector.entriesOf(page)].length;
    if (k.map.priv[page] !== entries)
      say('F19', `${who}: leaf ${leaf} counts ${k.map.priv[page]} entries, has ${entries}`);
  }
  // D2: what was lost is counted for ever.
  for (const leaf of lostLeaves) swapped += [...vector.entriesOf(leaf)].length;
  return swapped;
}

function auditMount(sb: SuperBlock, say: Say): void {
  let blocks = 0;
  let links = 0;
  for (const inode of sb.inodes) {
    blocks += inode.blockPages;
    links += Math.max(1, inode.nlink);
  }
  if (sb.freeBlocks + blocks !== sb.maxBlocks)
    say('F19', `tmpfs: ${sb.freeBlocks} blocks free and ${blocks} in use of ${sb.maxBlocks}`);
  if (sb.maxInodes !== 0 && sb.freeInodes + links + sb.directories !== sb.maxInodes)
    say('F19', `tmpfs: ${sb.freeInodes} inodes free and ${links + sb.directories} in use of ${sb.maxInodes}`);
}
