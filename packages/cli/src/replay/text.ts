/** The results of one trace as text: a column a machine, in as many tables as the terminal's width asks for. */
import { type ArchDescriptor, type CostName, unitsFor } from '@fourfold/core/arch';
import type { MachineReport } from '@fourfold/replay';
import type { Host } from '../host.js';
import { bytes, grouped } from '../text/number.js';
import { tablesOf } from '../text/table.js';
import { extentOf, type TraceResult } from './document.js';
import { ownText } from './own.js';

type Row = readonly [label: string, value: (report: MachineReport, arch: ArchDescriptor) => string];

const NOTHING = '-';

const ROWS: readonly Row[] = [
  ['page size', (r) => bytes(r.pageSize)],
  ['levels', (r) => String(r.levels)],
  ['records', (r) => grouped(r.records)],
  ['minor faults', (r) => grouped(r.faults.minor)],
  ['  exec', (r) => grouped(r.faults.exec)],
  ['  load', (r) => grouped(r.faults.load)],
  ['  store', (r) => grouped(r.faults.store)],
  ['  copy (COW breaks)', (r) => grouped(r.faults.copy)],
  ['major faults', (r) => grouped(r.faults.major)],
  ['zero-page faults', (r) => grouped(r.faults.zeroPage)],
  ['reuse, after mprotect', (r) => grouped(r.faults.reuse)],
  ['software bit faults', (r) => grouped(r.faults.bits)],
  ['page tables at end', (r) => grouped(r.tables.pages)],
  ['  at peak', (r) => grouped(r.tables.peakPages)],
  ['  bytes at end', (r) => grouped(r.tables.bytes)],
  ['TLB exec lookups', (r) => grouped(r.tlb.exec.lookups)],
  ['  misses, level 1', (r) => grouped(r.tlb.exec.misses)],
  ['  misses, level 2', (r, arch) => secondLevel(r.tlb.exec.missesAll, arch, 'exec')],
  ['TLB data lookups', (r) => grouped(r.tlb.data.lookups)],
  ['  misses, level 1', (r) => grouped(r.tlb.data.misses)],
  ['  misses, level 2', (r, arch) => secondLevel(r.tlb.data.missesAll, arch, 'data')],
  ['walk memory references', (r) => grouped(r.walkReferences)],
  ['software fills', (r) => grouped(r.softwareFills)],
  ['accessed, dirty assists', (r) => grouped(r.assists.dirty + r.assists.access)],
  ['flushes: page', (r) => grouped(r.flushes.page)],
  ['  range', (r) => grouped(r.flushes.range)],
  ['  mm', (r) => grouped(r.flushes.mm)],
  ['  page tables', (r) => grouped(r.flushes.tables)],
  ['  pending batch', (r) => grouped(r.flushes.pending)],
  ['  all', (r) => grouped(r.flushes.all)],
  ['  purge instructions', (r) => grouped(r.flushes.purges)],
  ['  purged entries', (r) => grouped(r.flushes.purgedEntries)],
  ['resident peak', (r) => bytes(r.resident.peakBytes)],
  ['  pages', (r) => grouped(r.resident.peakPages)],
  ['translation cycles (est.)', (r) => grouped(r.cycles)],
  ['  per 1,000 accesses', (r) => (r.records === 0 ? NOTHING : grouped((r.cycles / r.records) * 1000))],
  share('second-level hits', 'secondLevelHit'),
  share('walk references', 'walkReference'),
  share('software fills', 'softwareFill'),
  share('assists', 'assist'),
  share('traps', 'trap'),
  share('purges', 'purge'),
  share('interrupts', 'ipi'),
  share('context switches', 'contextSwitch'),
  share('page copies', 'copyPage'),
  share('page clears', 'clearPage'),
];

/** The part of the cycles that one cause has. */
function share(label: string, cause: CostName): Row {
  return [
    `  ${label}`,
    ({ costs, cycles }) => {
      const spent = costs.find((line) => line.cause === cause)?.cycles ?? 0;
      return spent === 0 ? NOTHING : `${((spent / cycles) * 100).toFixed(1)} %`;
    },
  ];
}

/** What is said of huge pages, where they were asked for. */
const HUGE_ROWS: readonly Row[] = [
  ['huge page size', ({ huge }) => (huge === null || huge.pageBytes === 0 ? 'none' : bytes(huge.pageBytes))],
  ['  areas on huge pages', (r) => grouped(r.huge?.areas ?? 0)],
  ['  areas refused', (r) => grouped(r.huge?.refused ?? 0)],
  ['  pages', (r) => grouped(r.huge?.pages ?? 0)],
  ['  at peak', (r) => grouped(r.huge?.peakPages ?? 0)],
  ['  mprotects left out', (r) => grouped(r.huge?.protectsLeftOut ?? 0)],
];

/** What machines with swap say besides. */
const SWAP_ROWS: readonly Row[] = [
  ['pages swapped out', (r) => grouped(r.swap?.out ?? 0)],
  ['  in', (r) => grouped(r.swap?.in ?? 0)],
];

/** Misses of the second level, where there is one for base pages. */
function secondLevel(misses: number, { tlb, tlbPageShift }: ArchDescriptor, side: 'exec' | 'data'): string {
  return unitsFor(tlb, tlb[side], tlbPageShift).length < 2 ? NOTHING : grouped(misses);
}

/** The trace's name, how far it was read, its tables and notes, and a blank line. */
export function textOf(result: TraceResult, machines: readonly ArchDescriptor[], host: Host): string {
  const { reports } = result;
  const { records, calls, isComplete } = extentOf(reports);
  const read = `${countOf(records, 'access', 'accesses')} and ${countOf(calls, 'system call', 'system calls')}`;
  const head = `${result.trace}: ${read}, ${isComplete ? 'read to its end' : 'NOT read to its end'}\n\n`;
  const rows = [
    ...ROWS,
    ...(reports.some(({ swap }) => swap !== null) ? SWAP_ROWS : []),
    ...(reports.some(({ huge }) => huge !== null) ? HUGE_ROWS : []),
  ];
  const columns = reports.map((report) => {
    const arch = machines.find(({ name }) => name === report.machine) as ArchDescriptor;
    return [report.machine, ...rows.map(([, value]) => value(report, arch))];
  });
  const labels = ['', ...rows.map(([label]) => label)];
  const width = widthOf(host);
  return head + tablesOf(labels, columns, width) + ownText(reports, width) + notesOf(reports);
}

function countOf(count: number, one: string, many: string): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** Width that a table may have: any, when nobody looks. */
function widthOf({ stdout }: Host): number {
  return stdout.isTTY === true ? (stdout.columns ?? 80) : Number.POSITIVE_INFINITY;
}

/** What was odd in the trace; what machines share is said once. */
function notesOf(reports: readonly MachineReport[]): string {
  const notes = new Map<string, string[]>();
  const add = (note: string, machine: string): unknown => notes.set(note, [...(notes.get(note) ?? []), machine]);
  for (const report of reports) {
    for (const { code, count, line, text } of report.warnings) {
      const where = count === 1 ? `line ${line}` : `${grouped(count)} times, first at line ${line}`;
      add(`${where}: ${code}${text === '' ? '' : ` (${text})`}`, report.machine);
    }
    for (const { line, message } of report.problems) add(`line ${line}: ${message}`, report.machine);
    const more = report.problemCount - report.problems.length;
    if (more > 0) add(`and ${grouped(more)} more like these`, report.machine);
  }
  const lines = [...notes].map(([note, of]) => (of.length === reports.length ? note : `${of.join(', ')}: ${note}`));
  return lines.length === 0 ? '' : `${lines.map((line) => `note: ${line}`).join('\n')}\n\n`;
}
