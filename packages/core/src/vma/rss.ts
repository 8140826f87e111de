/**
 * The resident counters of an mm (add_mm_counter): pages of files and anonymous pages apart, their sum is the rss. They
 * change by addition only, once a fault or once a table of a bulk operation, with the pte lock held.
 */
import { ADD_RSS, ANON_RSS, FILE_RSS } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from './mm.js';

/** Adds pages (negative to take away) to anon_rss. */
export function addAnonRss(k: Kernel, mm: Mm, pages: number): void {
  mm.anonRss += pages;
  if (!k.behaviour.lateHiwater) mm.updateHiwaterRss();
  if (k.events.on) k.events.emit(ADD_RSS, mm.id, ANON_RSS, pages);
}

/** Adds pages (negative to take away) to file_rss. */
export function addFileRss(k: Kernel, mm: Mm, pages: number): void {
  mm.fileRss += pages;
  if (!k.behaviour.lateHiwater) mm.updateHiwaterRss();
  if (k.events.on) k.events.emit(ADD_RSS, mm.id, FILE_RSS, pages);
}
