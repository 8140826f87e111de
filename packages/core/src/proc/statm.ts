/** /proc/PID/statm (generic-mm 10.5): seven numbers of pages. */
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';
import { statusOf } from './status.js';

/** task_statm: the fields as the file has them; library and dirty pages are no longer counted and always 0. */
export interface Statm {
  readonly size: number;
  readonly resident: number;
  readonly shared: number;
  readonly text: number;
  readonly lib: number;
  readonly data: number;
  readonly dirty: number;
}

/** Reads the counters of an address space as they are now, in pages. */
export function statmOf(k: Kernel, mm: Mm): Statm {
  return {
    size: mm.totalVm,
    resident: mm.rss,
    shared: mm.fileRss,
    text: (statusOf(k, mm).VmExe * 1024) / k.memory.pageSize,
    lib: 0,
    data: mm.totalVm - mm.sharedVm,
    dirty: 0,
  };
}

/** The line as /proc prints it. */
export function statmText(statm: Statm): string {
  const { size, resident, shared, text, lib, data, dirty } = statm;
  return `${[size, resident, shared, text, lib, data, dirty].join(' ')}\n`;
}
