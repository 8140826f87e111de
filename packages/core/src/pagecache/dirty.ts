/** set_page_dirty by whoever owns the page (generic-mm 13.8). */
import { KernelBug } from '../errors.js';
import { SET_DIRTY } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { PG_DIRTY } from '../memory/mem-map.js';

/** set_page_dirty of a page that is not anonymous; one without a mapping (a driver's) is just marked. */
export function setPageDirty(k: Kernel, page: number): void {
  const { map } = k;
  const handle = map.mapping[page] as number;
  if (k.events.on) k.events.emit(SET_DIRTY, page);
  if (handle === 0 || map.isAnon(page)) {
    map.flags[page] = (map.flags[page] as number) | PG_DIRTY;
    return;
  }
  const space = k.mappings.file(handle);
  if (space === null) throw new KernelBug(`page ${page} has lost its mapping`);
  space.host.setPageDirty(page);
}
