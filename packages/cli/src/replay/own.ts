/** What only some machines tell of a replay, as text: tables for the machines that tell the same. */
import type { MachineReport } from '@fourfold/replay';
import { grouped } from '../text/number.js';
import { tablesOf } from '../text/table.js';

/** Tables for each kind of machine, none wider than `width`; nothing where no machine has anything to tell. */
export function ownText(reports: readonly MachineReport[], width: number): string {
  const kinds = new Map<string, MachineReport[]>();
  for (const report of reports) {
    if (report.own.length === 0) continue;
    const kind = report.own.map(({ name }) => name).join('|');
    kinds.set(kind, [...(kinds.get(kind) ?? []), report]);
  }
  return [...kinds.values()].map((alike) => tablesFor(alike, width)).join('');
}

function tablesFor(reports: readonly MachineReport[], width: number): string {
  const [first] = reports as [MachineReport];
  const labels = first.own.flatMap(({ name, value }) =>
    typeof value === 'number' ? [name] : [name, ...value.map((_, at) => `  ${at}`)],
  );
  const columns = reports.map(({ machine, own }) => [
    machine,
    ...own.flatMap(({ value }) => (typeof value === 'number' ? [grouped(value)] : ['', ...value.map(grouped)])),
  ]);
  return tablesOf(['of its own', ...labels], columns, width);
}
