/** shmat and shmdt (generic-mm 15): mapping a segment, and unmapping it with all its pieces. */
import {
  doMmapPgoff,
  doMunmap,
  ERRNO,
  type Kernel,
  MAP_FIXED,
  MAP_SHARED,
  type MappedFile,
  type Mm,
  machineRefuses,
  type Op,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SHM_EXEC,
  SHM_RDONLY,
  SHM_REMAP,
  SHM_RND,
  VM_HUGETLB,
  type Vma,
} from '@fourfold/core/fs';
import type { Segment, Segments } from './segments.js';

/** Pages that stay free below a stack. */
const STACK_ROOM = 5;

/** do_shmat. The first page of the area, or -EINVAL, -EIDRM, -ENOMEM. */
export function* attach(segments: Segments, mm: Mm, id: number, wanted: bigint, flags: number): Op<number> {
  const { k } = segments;
  const addr = placeOf(k, wanted & ((1n << BigInt(k.arch.addressBits)) - 1n), flags);
  if (addr < 0n) return -ERRNO.EINVAL;
  const segment = segments.lookup(id);
  if (typeof segment === 'number') return segment;
  // Counted while under way: a removal must not take the segment from below our feet.
  segment.nattch++;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const blocked = addr !== 0n && (flags & SHM_REMAP) === 0 && isBlocked(k, mm, segment, addr);
  const result = blocked ? -ERRNO.EINVAL : yield* map(k, mm, segment, addr, flags);
  mm.mmapSem.upWrite();
  segment.nattch--;
  yield* segments.reap(segment);
  return result;
}

/** The address to map at, rounded where the caller lets it; 0 for any, -1 for one that will not do. */
function placeOf(k: Kernel, addr: bigint, flags: number): bigint {
  if (addr === 0n) return (flags & SHM_REMAP) !== 0 ? -1n : 0n;
  const { colourPages, spec } = k.arch.layout;
  const unit = BigInt(colourPages * k.memory.pageSize);
  if (addr % unit === 0n) return addr;
  if ((flags & SHM_RND) !== 0) return addr - (addr % unit);
  return spec.forcesColour !== true && addr % BigInt(k.memory.pageSize) === 0n ? addr : -1n;
}

/** Whether something is mapped there already, or the stack would have no room to grow. */
function isBlocked(k: Kernel, mm: Mm, segment: Segment, addr: bigint): boolean {
  const pageSize = BigInt(k.memory.pageSize);
  const start = Number(addr / pageSize);
  if (mm.vmas.intersecting(start, Math.ceil(start + segment.size / k.memory.pageSize)) !== null) return true;
  return addr < mm.startStack && addr > mm.startStack - BigInt(segment.size) - pageSize * BigInt(STACK_ROOM);
}

function map(k: Kernel, mm: Mm, segment: Segment, addr: bigint, flags: number): Op<number> {
  let prot = PROT_READ;
  if ((flags & SHM_RDONLY) === 0) prot |= PROT_WRITE;
  if ((flags & SHM_EXEC) !== 0) prot |= PROT_EXEC;
  const how = addr === 0n ? MAP_SHARED : MAP_SHARED | MAP_FIXED;
  const length = BigInt(segment.size);
  const error = machineRefuses(k, addr, length, how);
  return error < 0 ? failed(error) : doMmapPgoff(k, mm, segment.file, addr, length, prot, how, 0);
}

function* failed(error: number): Op<number> {
  return error;
}

/**
 * sys_shmdt. The area that shows the segment from its beginning at `addr`, or a later piece of it, says which segment it
 * is; every piece that lies where this attach put it goes. 0, or -EINVAL when there is none.
 */
export function* detach(segments: Segments, mm: Mm, addr: bigint): Op<number> {
  const { k } = segments;
  const pageSize = BigInt(k.memory.pageSize);
  if (addr < 0n || addr % pageSize !== 0n) return -ERRNO.EINVAL;
  if (!mm.mmapSem.tryWrite()) yield* mm.mmapSem.waitWrite();
  const result = yield* unmapPieces(segments, k, mm, Number(addr / pageSize));
  mm.mmapSem.upWrite();
  return result;
}

function* unmapPieces(segments: Segments, k: Kernel, mm: Mm, start: number): Op<number> {
  let end = Infinity;
  let result = -ERRNO.EINVAL;
  for (let vma = mm.vmas.find(start); vma !== null && vma.end <= end; ) {
    const next: Vma | null = vma.next;
    const isShm = segments.of(vma) !== undefined || (vma.flags & VM_HUGETLB) !== 0;
    if (isShm && vma.start - start === vma.pgoff) {
      // Only now it is known how far the attach reached.
      if (end === Infinity) end = start + Math.ceil((vma.file as MappedFile).inode.size / k.memory.pageSize);
      yield* doMunmap(k, mm, vma.start, vma.pages);
      result = 0;
    }
    vma = next;
  }
  return result;
}
