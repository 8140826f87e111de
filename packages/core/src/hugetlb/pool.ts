/**
 * The pool of huge pages (mm/hugetlb.c): compound pages taken from the buddy allocator when the pool is made, kept on a free
 * list, and given back to it by the destructor of compound pages when their last reference goes.
 *
 * Law: freePages + pages in page caches + pages that only a pin keeps == nrPages. hugetlb_lock guards the pool; all of it is
 * plain, so nobody can hold that lock between two steps.
 */
import type { HugeFormat } from '../arch/hugetlb.js';
import { KernelBug } from '../errors.js';
import { PAGES_CLEARED } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import type { Hugetlbfs } from './hugetlbfs.js';

/** The huge pages of one machine. */
export class HugePool {
  readonly format: HugeFormat;
  /** nr_huge_pages: pages in the pool, free or not. */
  nrPages = 0;
  /** Mounted hugetlbfs instances, for the audit. */
  readonly mounts: Set<Hugetlbfs> = new Set();
  /** Base pages of the huge SysV segments there are: user_struct.locked_shm, of the one user. */
  lockedShm = 0;
  /** The user is in sysctl_hugetlb_shm_group, and so needs no right to lock memory. */
  inShmGroup = false;
  /** The mount of files without a name, once there is one. */
  internal: Hugetlbfs | null = null;
  readonly #k: Kernel;
  /** hugepage_freelists: first pages; the page freed last is taken first. */
  readonly #free: number[] = [];

  constructor(k: Kernel, format: HugeFormat) {
    this.format = format;
    this.#k = k;
    k.pages.compoundDestructor = (head) => this.#give(head);
  }

  /** free_huge_pages. */
  get freePages(): number {
    return this.#free.length;
  }

  /** hugetlb_total_pages: base pages of the pool. */
  get totalBasePages(): number {
    return this.nrPages * this.format.pages;
  }

  /** First pages of the free ones, for the audit. */
  get freeList(): readonly number[] {
    return this.#free;
  }

  /**
   * set_max_huge_pages, what a write to /proc/sys/vm/nr_hugepages does: grows the pool as far as the buddy allocator has
   * blocks, or shrinks it by pages that are free. @returns the pages there are then.
   */
  resize(wanted: number): number {
    const { pages } = this.#k;
    const { order } = this.format;
    while (this.nrPages < wanted) {
      const head = pages.alloc(order);
      if (head < 0) break;
      pages.joinCompound(head, order);
      this.nrPages++;
      pages.put(head);
    }
    while (this.nrPages > wanted) {
      const head = this.#free.pop();
      if (head === undefined) break;
      this.nrPages--;
      pages.freeCompound(head, order);
    }
    return this.nrPages;
  }

  /** alloc_huge_page: a zeroed page with one reference, or -1 when none is free. */
  alloc(): number {
    const head = this.#free.pop();
    if (head === undefined) return -1;
    const { map, memory, counters } = this.#k;
    if (map.count[head] !== 0) throw new KernelBug(`free huge page ${head} has count ${map.count[head]}`);
    map.count[head] = 1;
    for (let page = head; page < head + this.format.pages; page++) {
      if (memory.slot[page] !== 0) memory.dropContents(page);
    }
    counters.values[PAGES_CLEARED] = (counters.values[PAGES_CLEARED] as number) + this.format.pages;
    return head;
  }

  /** is_hugepage_mem_enough: whether `huge` pages could be taken now. Nothing is set aside. */
  isEnough(huge: number): boolean {
    return huge <= this.freePages;
  }

  /** free_huge_page, the destructor. */
  #give(head: number): void {
    const { map } = this.#k;
    map.mapping[head] = 0;
    map.index[head] = 0;
    this.#free.push(head);
  }
}
