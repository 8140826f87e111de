/** vm_area_struct: a range of pages with one set of rights and one backing. */
import type { MappedFile, Nopage } from '../fs/file.js';
import type { AnonVma } from '../rmap/anon-vma.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from './mm.js';

/** vm_operations of an area beyond those of its file: who counts its areas (SysV shared memory), or has pages without a file. */
export interface VmaOps {
  /** vm_ops.nopage of an area that has no file; one with a file asks its inode. */
  nopage?(vma: Vma, vpn: number, out: Nopage): Op<void>;
  /** A piece of the area came into being (split, move, fork). */
  open?(vma: Vma): void;
  /** An area went away. An area with this never merges. */
  close?(vma: Vma): void;
}

/** What finds or makes the absent pages of an area: an inode, or the operations of an area without a file. */
export type PageSource = Required<Pick<VmaOps, 'nopage'>>;

/** One area. */
export class Vma {
  readonly mm: Mm;
  /** First page and first page past the area (page numbers). */
  start: number;
  end: number;
  flags: number;
  /** vm_page_prot: the halves of the protection word new entries get. */
  protLo = 0;
  protHi = 0;
  /** Page offset of `start` in the file, or in the numbering of anonymous pages (its own page number at first). */
  pgoff: number;
  file: MappedFile | null;
  anonVma: AnonVma | null = null;
  ops: VmaOps | null = null;
  /** Neighbours in address order. */
  prev: Vma | null = null;
  next: Vma | null = null;
  /** vm_truncate_count: where unmap_mapping_range stands with this area. */
  truncateCount = 0;
  /** Of a nonlinear area: how many pages from `start` reclaim has gone through (vm_private_data there). */
  unmapCursor = 0;

  constructor(mm: Mm, start: number, end: number, flags: number, pgoff: number, file: MappedFile | null) {
    this.mm = mm;
    this.start = start;
    this.end = end;
    this.flags = flags;
    this.pgoff = pgoff;
    this.file = file;
  }

  get pages(): number {
    return this.end - this.start;
  }

  /** vm_ops.nopage: where absent pages come from; null where they are anonymous. */
  get pageSource(): PageSource | null {
    const source = this.file === null ? this.ops : this.file.inode;
    return source?.nopage === undefined ? null : (source as PageSource);
  }

  /** linear_page_index of a page of this area. */
  indexOf(vpn: number): number {
    return vpn - this.start + this.pgoff;
  }
}
