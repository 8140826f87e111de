/**
 * How a TLB slot lies in memory: the words of its record, and what the bits in them mean. The replay loop reads records
 * by these names; everything else asks the Tlb.
 */

/** Bits of a slot's rights: 1 << access kind. */
export const RIGHT_EXEC = 1;
export const RIGHT_LOAD = 2;
export const RIGHT_STORE = 4;
/**
 * From this bit of a slot's rights up stands what the kernel may do, where the slot was filled for an access of its own to what it
 * maps for itself: it looks such slots up under KERNEL_CONTEXT. 0 in all others.
 */
export const KERNEL_RIGHTS_SHIFT = 3;
/** The kernel's context: on machines that tag translations no address space has the number. */
export const KERNEL_CONTEXT = 0;

/** Bits of a slot's attributes. */
export const TLB_GLOBAL = 1;
/** The page may be stored to once its dirty bit is set by hardware. */
export const TLB_CLEAN = 2;
/** A translation of page tables, mapped in a linear area, not of a user page; user mode may not use it. */
export const TLB_TABLE = 4;
/** A copy of an entry that was not present, which gives nothing (a walker may load those too). The audit passes over it. */
export const TLB_ABSENT = 8;
/** Attributes from this bit up, four of them, are the machine's own. */
export const TLB_OWN_SHIFT = 4;

/**
 * Buckets of the hash of each unit: the first data unit's are [0, TLB_BUCKETS), the first instruction unit's [TLB_BUCKETS,
 * 2 x), later units' follow.
 */
export const TLB_BUCKETS = 512;

/**
 * Words of a slot's record, and log2 of their number: slot s begins at word `at = s << TLB_RECORD_SHIFT`. The word is
 * `at | TLB_CONTEXT` and so on: an addition would be checked for overflow each time.
 */
export const TLB_RECORD_SHIFT = 3;
export const TLB_VPN_LO = 0;
export const TLB_VPN_HI = 1;
/** -1: empty. */
export const TLB_CONTEXT = 2;
export const TLB_FRAME = 3;
/** Rights in the lowest bits; attributes from TLB_ATTRS_SHIFT up; log2 of the base pages it spans from TLB_SPAN_SHIFT up. */
export const TLB_META = 4;
export const TLB_ATTRS_SHIFT = 8;
export const TLB_SPAN_SHIFT = 16;
/** Next slot of the bucket, -1 for none. */
export const TLB_LINK = 5;
export const TLB_USED = 6;
/** A later unit of more ways than this has a hash: probing it is cheaper than looking at the ways of a set. */
export const MAX_SCANNED_WAYS = 8;
