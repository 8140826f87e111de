/** do_file_page (generic-mm 4.6): a fault on a file entry, which says what page of the file belongs there. */
import { ERRNO } from '../errors.js';
import type { MappedFile, PagedInode, PopulatedInode } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { printBadPte } from '../pfnmap/normal-page.js';
import { pteOffsetMapLock, spinMapped } from '../pgtable/lock.js';
import { setPteAt } from '../pgtable/set-pte.js';
import type { Op } from '../smp/lock.js';
import { VM_NONLINEAR } from '../vma/flags.js';
import type { Vma } from '../vma/vma.js';
import { VM_FAULT_MAJOR, VM_FAULT_MINOR, VM_FAULT_OOM, VM_FAULT_SIGBUS } from './codes.js';
import { doNoPage } from './nopage.js';
import { pteUnmapSame } from './same.js';

/** Handles a fault on the file entry (hi, lo), read without the lock from word `at`, whose table is mapped. */
export function* doFilePage(
  k: Kernel,
  vma: Vma,
  vpn: number,
  at: number,
  hi: number,
  lo: number,
  write: boolean,
): Op<number> {
  if (!(yield* pteUnmapSame(k, vma.mm, at, hi, lo))) return VM_FAULT_MINOR;
  if ((vma.flags & VM_NONLINEAR) === 0) {
    if (!k.behaviour.strayFileEntriesAreBad) {
      const lock = pteOffsetMapLock(k, vma.mm, at);
      if (!lock.tryLock()) yield* spinMapped(k, lock);
      setPteAt(k, vma.mm, vpn, at, 0, 0);
      lock.unlock();
      return yield* doNoPage(k, vma, vpn, at, write, (vma.file as MappedFile).inode as PagedInode);
    }
    // No entry of a linear area should say where its page is: the table is corrupt, and the process has to go.
    printBadPte(k, vma, vpn);
    return VM_FAULT_OOM;
  }
  // The entry is not looked at again: populate replaces whatever is there.
  const inode = (vma.file as MappedFile).inode as PopulatedInode;
  const error = yield* inode.populate(vma, vpn, 1, k.arch.pteFormat.fileIndex(hi, lo), false);
  if (error === 0) return VM_FAULT_MAJOR;
  return error === -ERRNO.ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
}
