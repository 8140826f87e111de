/**
 * Putting areas into an mm and onto the lists of their file and anon_vma, and taking them off again. mmap_sem is held
 * for writing. All plain: nobody can hold i_mmap_lock or anon_vma.lock between two steps of these functions.
 *
 * The anon_vma and file lists are left in free_pgtables, before the tables go, so that rmap and truncation never meet
 * a table that is being freed; `unlinkFileVma` is called from there.
 */
import { UNLINK_FILE } from '../events/kinds.js';
import type { MappedFile } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import { linkAnonVma } from '../rmap/anon-vma.js';
import { VM_DENYWRITE, VM_NONLINEAR, VM_SHARED } from './flags.js';
import type { Mm } from './mm.js';
import { Vma } from './vma.js';

/** A new area, in no list yet, with the protection its flags give. It takes no reference to `file`. */
export function createVma(
  k: Kernel,
  mm: Mm,
  start: number,
  end: number,
  flags: number,
  pgoff: number,
  file: MappedFile | null,
): Vma {
  const vma = new Vma(mm, start, end, flags, pgoff, file);
  setVmaFlags(k, vma, flags);
  return vma;
}

/** Sets vm_flags and the vm_page_prot that belongs to them. */
export function setVmaFlags(k: Kernel, vma: Vma, flags: number): void {
  const { protection } = k.arch.pteFormat;
  vma.flags = flags;
  vma.protLo = protection[2 * (flags & 15)] as number;
  vma.protHi = protection[2 * (flags & 15) + 1] as number;
}

/** vma_link: a new area joins its mm, its file and its anon_vma. Truncations so far do not concern it. */
export function linkVma(k: Kernel, vma: Vma): void {
  if (vma.file !== null) vma.truncateCount = vma.file.inode.mapping.truncateCount;
  insertVma(k, vma);
}

/** __insert_vm_struct: as linkVma, but the truncate count stays what it is (a piece of an older area). */
export function insertVma(k: Kernel, vma: Vma): void {
  vma.mm.vmas.insert(vma);
  linkAnonVma(k, vma);
  linkFileVma(k, vma);
}

/** __vma_link_file: puts an area on its file's list. Does nothing for an anonymous area. */
export function linkFileVma(_k: Kernel, vma: Vma): void {
  if (vma.file === null) return;
  const { inode } = vma.file;
  if ((vma.flags & VM_DENYWRITE) !== 0) inode.writeCount--;
  if ((vma.flags & VM_SHARED) !== 0) inode.mapping.writableAreas++;
  if ((vma.flags & VM_NONLINEAR) !== 0) inode.mapping.nonlinear.add(vma);
  else inode.mapping.linear.add(vma);
}

/** unlink_file_vma: takes an area off its file's list. The reference to the file stays. */
export function unlinkFileVma(k: Kernel, vma: Vma): void {
  if (vma.file === null) return;
  const { inode } = vma.file;
  if ((vma.flags & VM_DENYWRITE) !== 0) inode.writeCount++;
  if ((vma.flags & VM_SHARED) !== 0) inode.mapping.writableAreas--;
  inode.mapping.nonlinear.delete(vma);
  inode.mapping.linear.delete(vma);
  if (k.events.on) k.events.emit(UNLINK_FILE, vma.mm.id, vma.start);
}
