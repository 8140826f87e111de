/** The file-system contract: what tmpfs and other file systems implement, and what of the kernel they work with. */
export type { AuditedPart, Finding, Say } from '../audit/finding.js';
export { ERRNO, MmError } from '../errors.js';
export type { Kernel } from '../kernel.js';
export { AddressSpace } from '../pagecache/address-space.js';
export { addToPageCache, findGetPage, removeFromPageCache } from '../pagecache/page-cache.js';
export { truncateInodePages, truncateInodePagesRange, vmtruncate, vmtruncateRange } from '../pagecache/truncate.js';
export type { Op } from '../smp/lock.js';
export { chargeMemory, OVERCOMMIT_NEVER, unchargeMemory } from '../vma/accounting.js';
export * from './file.js';
export * from './file-system.js';
