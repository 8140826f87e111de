/**
 * What a replay found on one machine: plain data, the same for the table and for JSON. Counts are exact; cycles are an
 * estimate from the machine's cost table.
 */
import type { Machine } from '@fourfold/core';
import type { ReportLine } from '@fourfold/core/arch';
import type { TraceWarning } from '../trace/warnings.js';
import { type CostLine, costsOf, cyclesOf } from './costs.js';
import type { HugeReport } from './huge-runs.js';
import type { Replayer, ReplayProblem } from './replayer.js';

/** Version of the report's shape. */
export const REPORT_VERSION = 1;

export interface FaultReport {
  /** Minor faults by what caused them; `minor` is their sum. */
  readonly minor: number;
  readonly exec: number;
  readonly load: number;
  readonly store: number;
  /** Copy-on-write breaks: a private copy of a file page, of the zero page or of a page shared by a fork. */
  readonly copy: number;
  readonly major: number;
  /** Reads that mapped the zero page (part of exec and load). */
  readonly zeroPage: number;
  /**
   * Stores that only made the process's own page writable again: what an mprotect of the trace costs in this kernel, and
   * the last sharer of a forked page. Not part of `minor`.
   */
  readonly reuse: number;
  /** Faults that only set accessed or dirty, on machines that keep them in software. Not part of `minor`. */
  readonly bits: number;
}

export interface TlbReport {
  readonly lookups: number;
  /** Misses of the first level, and of every level. */
  readonly misses: number;
  readonly missesAll: number;
}

export interface MachineReport {
  readonly version: number;
  readonly machine: string;
  readonly title: string;
  readonly pageSize: number;
  readonly levels: number;
  readonly records: number;
  readonly calls: number;
  readonly faults: FaultReport;
  /** Page tables at the end and at their peak, root included. */
  readonly tables: {
    readonly pages: number;
    readonly bytes: number;
    readonly peakPages: number;
    readonly byLevel: Readonly<Record<string, number>>;
  };
  readonly tlb: { readonly exec: TlbReport; readonly data: TlbReport };
  readonly walkReferences: number;
  readonly walks: number;
  readonly softwareFills: number;
  /** Accessed and dirty bits set without a trap into the fault handler. */
  readonly assists: { readonly dirty: number; readonly access: number };
  readonly flushes: {
    readonly page: number;
    readonly range: number;
    readonly mm: number;
    readonly tables: number;
    readonly pending: number;
    readonly all: number;
    readonly purgedEntries: number;
    /** Purge instructions, whatever they found. */
    readonly purges: number;
  };
  /** Interrupts between CPUs. */
  readonly ipis: number;
  /** Resident pages at the end and at their peak, and the peak in bytes, of all processes. */
  readonly resident: { readonly pages: number; readonly peakPages: number; readonly peakBytes: number };
  /** Pages written to swap and read from it; null on a machine without swap. */
  readonly swap: { readonly out: number; readonly in: number } | null;
  readonly virtualPeakBytes: number;
  /** Estimated cycles by what they were spent on; `cycles` is their sum. */
  readonly costs: readonly CostLine[];
  readonly cycles: number;
  /** Anonymous memory on huge pages; null unless asked for. */
  readonly huge: HugeReport | null;
  /** What only this machine has to tell. */
  readonly own: readonly ReportLine[];
  readonly badAccesses: number;
  readonly problemCount: number;
  readonly problems: readonly ReplayProblem[];
  readonly warnings: readonly TraceWarning[];
  /** Why the replay ended before the trace did; null when it did not. */
  readonly error: string | null;
}

/** Takes the report of a replay before its processes end. */
export function reportOf(replayer: Replayer, warnings: readonly TraceWarning[], error: string | null): MachineReport {
  const { machine } = replayer;
  const { arch, kernel } = machine;
  const c = machine.counters.snapshot();
  const kinds = c.execFaults + c.loadFaults + c.storeFaults;
  const resident = residentOf(machine);
  return {
    version: REPORT_VERSION,
    machine: arch.name,
    title: arch.title,
    pageSize: machine.pageSize,
    levels: arch.geometry.depth,
    records: replayer.accessCount,
    calls: replayer.calls,
    faults: {
      minor: kinds + c.copyFaults - c.majorFaults,
      exec: c.execFaults,
      load: c.loadFaults,
      store: c.storeFaults,
      copy: c.copyFaults,
      major: c.majorFaults,
      zeroPage: c.zeroPageFaults,
      reuse: c.reuseFaults,
      bits: c.bitFaults,
    },
    tables: tablesOf(replayer),
    tlb: {
      exec: { lookups: c.tlbExecLookups, misses: c.tlbExecMisses, missesAll: c.tlbExecMisses2 },
      data: { lookups: c.tlbDataLookups, misses: c.tlbDataMisses, missesAll: c.tlbDataMisses2 },
    },
    walkReferences: c.walkReferences,
    walks: c.walks,
    softwareFills: c.softwareFills,
    assists: { dirty: c.dirtyAssists, access: c.accessAssists },
    flushes: {
      page: c.flushPage,
      range: c.flushRange,
      mm: c.flushMm,
      tables: c.flushTables,
      pending: c.flushPending,
      all: c.flushAll,
      purgedEntries: c.purgedEntries,
      purges: c.purges,
    },
    ipis: c.ipis,
    resident,
    swap: machine.kernel.swap.total === 0 ? null : { out: c.pswpout, in: c.pswpin },
    virtualPeakBytes: virtualPeak(machine),
    costs: costsOf(machine),
    cycles: cyclesOf(machine),
    huge: hugeOf(replayer),
    own: kernel.mmu.reportExtra(),
    badAccesses: replayer.badAccesses,
    problemCount: replayer.problemCount,
    problems: replayer.problems,
    warnings,
    error,
  };

  function virtualPeak(m: Machine): number {
    return m.processes.reduce((sum, p) => sum + Math.max(p.mm.hiwaterVm, p.mm.totalVm), 0) * kernel.memory.pageSize;
  }
}

const NO_HUGE_PAGES: HugeReport = { pageBytes: 0, areas: 0, refused: 0, pages: 0, peakPages: 0, protectsLeftOut: 0 };

function hugeOf({ hugePages, isHuge }: Replayer): HugeReport | null {
  return isHuge ? (hugePages?.report ?? NO_HUGE_PAGES) : null;
}

/** The processes' tables, without those of the kernel. */
function tablesOf({ machine, kernelTables }: Replayer): MachineReport['tables'] {
  const { geometry } = machine.arch;
  const { tablesInUse, tablesPeak } = machine.kernel;
  const byLevel: Record<string, number> = {};
  let pages = 0;
  let bytes = 0;
  geometry.names.forEach((name, level) => {
    const tables = (tablesInUse[level] as number) - (kernelTables[level] as number);
    byLevel[name] = tables;
    pages += tables;
    bytes += tables * (geometry.tableBytes[level] as number);
  });
  return { pages, bytes, peakPages: tablesPeak - kernelTables.reduce((sum, n) => sum + n, 0), byLevel };
}

function residentOf(machine: Machine): MachineReport['resident'] {
  let pages = 0;
  let peakPages = 0;
  for (const { mm } of machine.processes) {
    pages += mm.rss;
    peakPages += Math.max(mm.hiwaterRss, mm.rss);
  }
  return { pages, peakPages, peakBytes: peakPages * machine.pageSize };
}
