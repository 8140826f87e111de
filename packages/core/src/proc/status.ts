/** The VM block of /proc/PID/status (generic-mm 10.5). */
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';
import { pageAlign } from '../vma/words.js';

/** Sizes in kB, named and ordered as the file has them. */
export interface ProcessStatus {
  readonly VmPeak: number;
  readonly VmSize: number;
  readonly VmLck: number;
  readonly VmHWM: number;
  readonly VmRSS: number;
  readonly VmData: number;
  readonly VmStk: number;
  readonly VmExe: number;
  readonly VmLib: number;
  readonly VmPTE: number;
}

/** task_mem: reads the counters as they are now. */
export function statusOf(k: Kernel, mm: Mm): ProcessStatus {
  const { geometry } = k.arch;
  const pageKb = k.memory.pageSize / 1024;
  const last = geometry.depth - 1;
  const pteBytes = 2 ** (geometry.bits[last] as number) * (geometry.entryBytes[last] as number);
  const textStart = mm.startCode & ~BigInt(k.memory.pageSize - 1);
  const text = Number((pageAlign(k, mm.endCode) - textStart) / 1024n);
  return {
    VmPeak: Math.max(mm.hiwaterVm, mm.totalVm) * pageKb,
    VmSize: (mm.totalVm - mm.reservedVm) * pageKb,
    VmLck: mm.lockedVm * pageKb,
    VmHWM: Math.max(mm.hiwaterRss, mm.rss) * pageKb,
    VmRSS: mm.rss * pageKb,
    VmData: (mm.totalVm - mm.sharedVm - mm.stackVm) * pageKb,
    VmStk: mm.stackVm * pageKb,
    VmExe: text,
    VmLib: mm.execVm * pageKb - text,
    VmPTE: Math.floor((pteBytes * mm.nrPtes) / 1024),
  };
}

/** The lines as /proc prints them. */
export function statusText(status: ProcessStatus): string {
  return Object.entries(status)
    .map(([name, kb]) => `${name}:\t${String(kb).padStart(8)} kB\n`)
    .join('');
}
