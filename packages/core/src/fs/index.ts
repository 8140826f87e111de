/** The file-system contract: what tmpfs and other file systems implement, and what of the kernel they work with. */
export type { AuditedPart, Finding, Say } from '../audit/finding.js';
export { ERRNO, KernelBug, MmError } from '../errors.js';
export { PAGES_CLEARED, PGMAJFAULT } from '../events/counters.js';
export type { Kernel } from '../kernel.js';
export { PG_DIRTY, PG_UPTODATE, PG_WRITEBACK } from '../memory/mem-map.js';
export { tryLockPage, unlockPage, waitForPage, waitOnWriteback } from '../memory/page-lock.js';
export { AddressSpace } from '../pagecache/address-space.js';
export { installFileEntry, installFilePage } from '../pagecache/install-page.js';
export { addToPageCache, findGetPage, removeFromPageCache } from '../pagecache/page-cache.js';
export { filemapPopulate } from '../pagecache/populate.js';
export {
  doTruncate,
  truncateInodePages,
  truncateInodePagesRange,
  vmtruncate,
  vmtruncateRange,
} from '../pagecache/truncate.js';
export { allocPage } from '../reclaim/alloc.js';
export { lruCacheAdd, lruCacheAddActive, markPageAccessed } from '../reclaim/lru-batch.js';
export { ended } from '../smp/driver.js';
export { type Op, SpinLock } from '../smp/lock.js';
export { condResched } from '../smp/resched.js';
export {
  addToSwap,
  deleteFromSwapCache,
  freeSwapAndCache,
  lookupSwapCache,
  moveFromSwapCache,
  moveToSwapCache,
  removeExclusiveSwapPage,
} from '../swap/cache.js';
export { readSwapCacheAsync, swapinReadahead } from '../swap/read.js';
export { getSwapPage, type SwapUser, swapCount, swapDuplicate, swapFree } from '../swap/swap.js';
export { canDoMlock, chargeMemory, limitPages, OVERCOMMIT_NEVER, unchargeMemory } from '../vma/accounting.js';
export { VM_ACCOUNT, VM_HUGETLB, VM_MAYWRITE, VM_NONLINEAR, VM_WRITE } from '../vma/flags.js';
export type { Mm } from '../vma/mm.js';
export { doMmapPgoff, machineRefuses } from '../vma/mmap.js';
export { MAP_FIXED, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from '../vma/mmap-bits.js';
export { doMunmap } from '../vma/munmap.js';
export type { Vma, VmaOps } from '../vma/vma.js';
export { unmapMappingRange } from '../zap/unmap-mapping.js';
export * from './file.js';
export * from './file-system.js';
export { writableBytes } from './limits.js';
export * from './segments.js';
