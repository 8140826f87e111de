/** address_space: the cached pages of one inode and the areas that map it. */
import type { EventRing } from '../events/ring.js';
import type { Inode } from '../fs/file.js';
import { RwSemaphore, SpinLock } from '../smp/lock.js';
import type { Vma } from '../vma/vma.js';
import { AreaTree } from './area-tree.js';

/** The page cache of one inode, and who maps it. */
export class AddressSpace {
  readonly host: Inode;
  /** Cached page of each file index; the tree lock of the kernel guards it. */
  readonly pages: Map<number, number> = new Map();
  /** i_mmap: linear areas; i_mmap_lock guards both. */
  readonly linear: AreaTree = new AreaTree();
  readonly nonlinear: Set<Vma> = new Set();
  readonly lock: SpinLock;
  /** i_sem and i_alloc_sem of the inode, outermost of all locks: writing, truncating. An inode has one mapping here. */
  readonly iSem: RwSemaphore;
  readonly iAllocSem: RwSemaphore;
  /** i_mmap_writable: areas with VM_SHARED. */
  writableAreas = 0;
  truncateCount = 0;
  /** Even handle stored in page.mapping of its pages. */
  handle = 0;

  constructor(host: Inode, events: EventRing) {
    this.host = host;
    this.iSem = new RwSemaphore('i_sem', events);
    this.iAllocSem = new RwSemaphore('i_alloc_sem', events);
    this.lock = new SpinLock('i_mmap_lock', events);
  }
}
