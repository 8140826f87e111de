/**
 * vmlist: the areas of kernel addresses in use, sorted. An area is followed by one page that nothing maps, which belongs
 * to it; I/O areas begin at a multiple of the power of two above their size. vmlist_lock is held for what reads or
 * changes the list; nothing sleeps under it.
 */
import { KernelBug } from '../errors.js';
import type { EventRing } from '../events/ring.js';
import { type Op, SpinLock } from '../smp/lock.js';

/** VM_IOREMAP, VM_ALLOC and VM_MAP of struct vm_struct. */
export const VM_IOREMAP = 1;
export const VM_ALLOC = 2;
export const VM_MAP = 4;

/** IOREMAP_MAX_ORDER: I/O areas are aligned to at most this many pages, as a power of two. */
const IOREMAP_MAX_ORDER = 7;

/** One area of kernel addresses. */
export interface VmStruct {
  /** First page. */
  readonly start: number;
  /** Pages, the guard page included. */
  readonly pages: number;
  readonly flags: number;
  /** The frames of a vmalloc area; empty for I/O memory. */
  readonly frames: number[];
}

/** The list of one kernel. */
export class VmList {
  readonly lock: SpinLock;
  private readonly areas: VmStruct[] = [];

  constructor(events: EventRing) {
    this.lock = new SpinLock('vmlist_lock', events);
  }

  /** The areas in order of address. */
  get all(): readonly VmStruct[] {
    return this.areas;
  }

  /**
   * get_vm_area: the first hole in [start, end) with room for `nr` pages and the guard page.
   * @returns the area, or null without room.
   */
  *take(nr: number, flags: number, start: number, end: number): Op<VmStruct | null> {
    if (!this.lock.tryLock()) yield* this.lock.wait();
    const pages = nr + 1;
    const align = (flags & VM_IOREMAP) !== 0 ? ioremapAlign(nr) : 1;
    let at = alignUp(start, align);
    let index = 0;
    for (; index < this.areas.length; index++) {
      const area = this.areas[index] as VmStruct;
      if (at + pages <= area.start) break;
      if (area.start + area.pages > at) at = alignUp(area.start + area.pages, align);
    }
    const area: VmStruct | null = at + pages <= end ? { start: at, pages, flags, frames: [] } : null;
    if (area !== null) this.areas.splice(index, 0, area);
    this.lock.unlock();
    return area;
  }

  /** remove_vm_area: takes the area that begins at a page off the list; null when there is none. */
  *remove(start: number): Op<VmStruct | null> {
    if (!this.lock.tryLock()) yield* this.lock.wait();
    const index = this.areas.findIndex((area) => area.start === start);
    const area = index < 0 ? null : (this.areas.splice(index, 1)[0] as VmStruct);
    this.lock.unlock();
    return area;
  }

  /** Areas are sorted and apart. @throws KernelBug */
  check(): void {
    for (let i = 1; i < this.areas.length; i++) {
      const before = this.areas[i - 1] as VmStruct;
      const area = this.areas[i] as VmStruct;
      if (before.start + before.pages > area.start) throw new KernelBug(`kernel areas overlap at page ${area.start}`);
    }
  }
}

/** The power of two of bytes above a size: a page more than half of it is rounded up, and so is exactly half. */
function ioremapAlign(nr: number): number {
  return 2 ** Math.min(Math.floor(Math.log2(nr)) + 1, IOREMAP_MAX_ORDER);
}

function alignUp(page: number, align: number): number {
  return Math.ceil(page / align) * align;
}
