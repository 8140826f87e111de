/** cond_resched: where a long operation lets others run. */
import type { Kernel } from '../kernel.js';
import { RESCHED, type Wait } from './lock.js';

/** What to yield for a voluntary break. */
export function condResched(k: Kernel): Wait {
  if (k.pteMaps !== null) k.pteMaps.mightSleep('cond_resched');
  return RESCHED;
}
