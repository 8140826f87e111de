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
import { doMmapPgoff } from './mmap.js';
import { MAP_FIXED, MAP_PRIVATE, PROT_EXEC, PROT_READ } from './mmap-bits.js';
import { insertArea, insertStack } from './stack.js';
import { insertVdso } from './vdso.js';
import { pageAlign, toPages } from './words.js';

/** How far below its place a stack may begin (randomize_stack_top): bytes. */
const STACK_RANDOM = 8 * 1024 * 1024;

/**
 * Gives an empty address space the areas of a new program, and the tables that a machine makes beforehand (flush_thread).
 * @param mapsPageZero the personality MMAP_PAGE_ZERO: page 0 is memory of zeros that may be read and executed, as in System V
 * @returns 0, or -ENOMEM
 */
export function* insertProgramAreas(k: Kernel, mm: Mm, mapsPageZero: boolean): Op<number> {
  const { stackTop, pageZero, tablesAtExec } = k.arch.layout.spec;
  const lower = k.random === null ? 0 : k.random.below(STACK_RANDOM);
  mm.startStack = pageAlign(k, stackTop - BigInt(lower));
  if (insertStack(k, mm, toPages(k, mm.startStack), 1) < 0) return -ERRNO.ENOMEM;
  if (tablesAtExec === true && (yield* allocEntry(k, mm, k.tables.depth - 2, 0, 0)) === 0) return -ERRNO.ENOMEM;
  const vdso = insertVdso(k, mm);
  if (vdso < 0) return vdso;
  // A failure of these is no error: what needs them takes a signal.
  const bottom = k.arch.layout.backingStoreBottom(mm.rlimits.stackMax);
  if (bottom >= 0n) insertArea(k, mm, toPages(k, bottom), 1, k.arch.dataFlags | VM_GROWSUP | VM_ACCOUNT, null, 0);
  if (mapsPageZero) yield* mapPageZero(k, mm);
  else if (pageZero !== undefined) insertPageZero(k, mm, pageZero);
  return 0;
}

/** What load_elf_binary maps last. Its errors are nobody's business. */
function* mapPageZero(k: Kernel, mm: Mm): Op<void> {
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  yield* doMmapPgoff(k, mm, null, 0n, BigInt(k.memory.pageSize), PROT_READ | PROT_EXEC, MAP_FIXED | MAP_PRIVATE, 0);
  mm.mmapSem.upWrite();
}

/** The area of page 0, whose entries get a protection of their own. */
function insertPageZero(k: Kernel, mm: Mm, protection: bigint): void {
  if (insertArea(k, mm, 0, 1, VM_READ | VM_MAYREAD | VM_IO | VM_RESERVED, null, 0) < 0) return;
  const vma = mm.vmas.containing(0);
  if (vma === null) return;
  vma.protLo = lowWord(protection);
  vma.protHi = highWord(protection);
}
