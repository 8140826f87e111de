/**
 * Counting of mappings (generic-mm 11.2): mapcount, page.mapping and page.index. The pte lock is held.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Vma } from '../vma/vma.js';

/** page_add_anon_rmap. */
export function pageAddAnonRmap(k: Kernel, page: number, vma: Vma, vpn: number): void {
  const map = k.map;
  const count = (map.mapcount[page] as number) + 1;
  map.mapcount[page] = count;
  if (count !== 1) return;
  k.nrMapped++;
  if (vma.anonVma === null) throw new KernelBug(`anonymous page ${page} in an area without anon_vma`);
  map.mapping[page] = vma.anonVma.handle;
  map.index[page] = vma.indexOf(vpn);
}

/** page_add_file_rmap. */
export function pageAddFileRmap(k: Kernel, page: number): void {
  const map = k.map;
  if (((map.mapping[page] as number) & 1) !== 0) throw new KernelBug(`file mapping of the anonymous page ${page}`);
  const count = (map.mapcount[page] as number) + 1;
  map.mapcount[page] = count;
  if (count === 1) k.nrMapped++;
}

/** page_remove_rmap. page.mapping stays until the page is freed. */
export function pageRemoveRmap(k: Kernel, page: number): void {
  const count = (k.map.mapcount[page] as number) - 1;
  if (count < 0) throw new KernelBug(`mapcount of page ${page} below zero`);
  k.map.mapcount[page] = count;
  if (count === 0) k.nrMapped--;
}
