/** swapoff (generic-mm 12.3): an area is emptied and goes away. */
import { ERRNO } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { chargeMemory, unchargeMemory } from '../vma/accounting.js';
import { insertByPriority } from './swapon.js';
import { tryToUnuse } from './unuse.js';

/**
 * Takes the area of a type away.
 * @returns 0, -EINVAL when there is none, -ENOMEM when what is in it fits nowhere else; then it is as it was.
 */
export function* swapOff(k: Kernel, type: number): Op<number> {
  const { swap } = k;
  const area = swap.areas[type];
  if (!area?.writeOk) return -ERRNO.EINVAL;
  if (chargeMemory(k, null, area.pages) < 0) return -ERRNO.ENOMEM;
  unchargeMemory(k, area.pages);
  swap.order.splice(swap.order.indexOf(area), 1);
  swap.next = 0;
  swap.free -= area.pages;
  swap.total -= area.pages;
  area.writeOk = false;
  const error = yield* tryToUnuse(k, area);
  if (error < 0) {
    area.writeOk = true;
    insertByPriority(k, area);
    return error;
  }
  swap.areas[type] = null;
  // drain_mmlist: nobody can have an entry any more.
  if (swap.areas.every((other) => other === null || other.inuse === 0)) swap.mms.clear();
  return 0;
}
