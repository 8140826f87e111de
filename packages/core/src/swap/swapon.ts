/** swapon (generic-mm 12.1): a new area for the machine. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { SwapArea } from './area.js';
import { maxSwapSlots } from './entry.js';

/**
 * Adds an area of `slots` pages, header included; what a page-table entry cannot name stays unused.
 * @param prio 0 to 32767, or -1 for one below all areas so far that asked for none.
 * @returns the area's type, or -EPERM when all types are taken, -EINVAL without a usable slot.
 */
export function swapOn(k: Kernel, slots: number, prio: number = -1): number {
  const { swap } = k;
  const type = swap.areas.indexOf(null);
  if (type < 0) return -ERRNO.EPERM;
  const usable = Math.min(slots, maxSwapSlots(k.arch.pteFormat));
  if (!(usable >= 2)) return -ERRNO.EINVAL;
  const area = new SwapArea(type, usable, prio >= 0 ? prio : --swap.leastPriority, k.defectsKept);
  swap.areas[type] = area;
  insertByPriority(k, area);
  return type;
}

/** An area takes slots from now on: behind those of its own priority and above. */
export function insertByPriority(k: Kernel, area: SwapArea): void {
  const { swap } = k;
  let at = 0;
  while (at < swap.order.length && (swap.order[at] as SwapArea).prio >= area.prio) at++;
  swap.order.splice(at, 0, area);
  swap.next = 0;
  swap.free += area.pages;
  swap.total += area.pages;
}
