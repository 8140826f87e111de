/**
 * An access of user mode and what can become of it, in numbers. Numbers alone, so that builds put them in their places
 * (tsup.shared.ts).
 */

/** Access kinds as numbers, everywhere: in traces, TLBs and faults. */
export const EXEC = 0;
export const LOAD = 1;
export const STORE = 2;
/** EXEC, LOAD or STORE. */
export type AccessKind = 0 | 1 | 2;

/** What `MmuHost.mappingState` answers: the page is in no page cache; in one of a file that no area maps; of one that is mapped. */
export const MAPPING_NONE = 0;
export const MAPPING_UNUSED = 1;
export const MAPPING_USED = 2;

/** Answers of `miss` and `denied` that are not a slot. */
export const FAULT_ABSENT = -1;
/** The entry is there but does not give the right. */
export const FAULT_RIGHTS = -2;
/** The entry gives the right, but nothing answers at that physical address: neither memory nor a device. */
export const FAULT_BUS = -3;
/** Nothing is wrong with the access, and nothing was done for it: it has to be tried again (`Mmu.retry`). */
export const FAULT_RETRY = -4;
/** The entry is there, but such a page is for no access of this kind, whatever the area says: a signal (a NaTPage). */
export const FAULT_REFUSED = -5;
