/** What one CPU has yet to hear: an entry that it may have cached was weakened, or went. */
import type { Mm } from '../vma/mm.js';
import { INIT_MM_ID } from '../vmalloc/kernel-lookup.js';

/** How an entry was weakened. */
export type Weakening = 'frame' | 'rights' | 'dirty' | 'table' | 'context';

/** A flush that is owed to one CPU. */
export interface Obligation {
  /** The address space whose entry it was. */
  readonly mm: Mm;
  /** Base page of the entry; -1 when all that the CPU holds under a context is owed. */
  readonly vpn: number;
  readonly weakening: Weakening;
  /** Page of the mem_map, or frame of a device, that the entry gave; -1 for a table. */
  readonly frame: number;
  /** RIGHT_ bits before and after. */
  readonly rightsBefore: number;
  readonly rightsAfter: number;
  /** The operation that weakened it, and its number: who has to see to the flush. */
  readonly operation: string;
  readonly owner: number;
  /** Flush calls that named the page since, in order. */
  readonly calls: string[];
}

const RIGHTS = ['-', 'x', 'r', 'rx', 'w', 'xw', 'rw', 'rwx'] as const;

/** The flush that generic code makes after an operation weakened an entry. */
const DUE: Readonly<Record<string, string>> = {
  mprotect: 'flush_tlb_range',
  munmap: 'the flush of the gather (tlb_flush)',
  exit: 'the flush of the gather (tlb_flush)',
  madvise: 'the flush of the gather (tlb_flush)',
  brk: 'the flush of the gather (tlb_flush)',
  mmap: 'the flush of the gather (tlb_flush)',
  fork: 'flush_tlb_mm',
};

/** What happened, and which call is missing, in one sentence. */
export function missingFlush(cpu: number, owed: Obligation, pageSize: number): string {
  const { mm, vpn, weakening, operation, calls } = owed;
  if (weakening === 'context') {
    return `CPU ${cpu} may still use what it holds of mm ${mm.id} under this context: ${operation} left it there, and whoever loads the context again has to drop it first`;
  }
  const isKernel = mm.id === INIT_MM_ID;
  const where = `page 0x${(BigInt(vpn) * BigInt(pageSize)).toString(16)}`;
  const missing = isKernel ? 'flush_tlb_kernel_range' : (DUE[operation] ?? 'flush_tlb_page');
  const due = calls.length === 0 ? `${missing} is missing` : `${said(calls)} left it there`;
  const whose = isKernel ? `the kernel's ${where}` : `${where} of mm ${mm.id}`;
  return `CPU ${cpu} may still use ${whose}: ${isKernel ? 'vfree' : operation} ${what(owed)}, and ${due}`;
}

/** Flush calls by name, each once. */
function said(calls: readonly string[]): string {
  return [...new Set(calls)].join(' and ');
}

function what({ weakening, frame, rightsBefore, rightsAfter }: Obligation): string {
  if (weakening === 'rights') return `lowered its rights from ${RIGHTS[rightsBefore]} to ${RIGHTS[rightsAfter]}`;
  if (weakening === 'dirty') return 'made its entry clean';
  return weakening === 'table' ? 'unlinked its page table' : `took frame of page ${frame} out of its entry`;
}
