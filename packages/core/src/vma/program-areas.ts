/**
 * The areas that exec makes before a program has any of its own: its stack (setup_arg_pages), and what a machine puts beside it
 * (a register backing store, an area of page 0, a vDSO). The pages of the arguments are not modelled: a stack begins with one page that nobody has touched.
 */
import { highWord, lowWord } from '../arch/words.js';
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { allocEntry } from '../pgtable/alloc.js';
import type { Op } from '../smp/lock.js';
import { VM_ACCOUNT, VM_GROWSUP, VM_IO, VM_MAYREAD, VM_READ, VM_RESERVED } from './flags.js';
import type { Mm } from './mm.js';
import { insertArea, insertStack } from './stack.js';
import { insertVdso } from './vdso.js';
import { pageAlign, toPages } from './words.js';

/** How far below its place a stack may begin (randomize_stack_top): bytes. */
const STACK_RANDOM = 8 * 1024 * 1024;

/** Gives an empty address space the areas of a new program, and the tables that a machine makes beforehand (flush_thread). 0, or -ENOMEM. */
export function* insertProgramAreas(k: Kernel, mm: Mm): Op<number> {
  const { stackTop, pageZero, tablesAtExec } = k.arch.layout.spec;
  const lower = k.random === null ? 0 : k.random.below(STACK_RANDOM);
  mm.startStack = pageAlign(k, stackTop - BigInt(lower));
  if (insertStack(k, mm, toPages(k, mm.startStack), 1) < 0) return -ERRNO.ENOMEM;
  if (tablesAtExec === true && (yield* allocEntry(k, mm, k.tables.depth - 2, 0, 0)) === 0) return -ERRNO.ENOMEM;
  // A failure of these is no error: what needs them takes a signal.
  const bottom = k.arch.layout.backingStoreBottom(mm.rlimits.stackMax);
  if (bottom >= 0n) insertArea(k, mm, toPages(k, bottom), 1, k.arch.dataFlags | VM_GROWSUP | VM_ACCOUNT, null, 0);
  if (pageZero !== undefined) insertPageZero(k, mm, pageZero);
  return insertVdso(k, mm);
}

/** The area of page 0, whose entries get a protection of their own. */
function insertPageZero(k: Kernel, mm: Mm, protection: bigint): void {
  if (insertArea(k, mm, 0, 1, VM_READ | VM_MAYREAD | VM_IO | VM_RESERVED, null, 0) < 0) return;
  const vma = mm.vmas.containing(0);
  if (vma === null) return;
  vma.protLo = lowWord(protection);
  vma.protHi = highWord(protection);
}
