/** What a scenario flushed, as two tables. */
import type { FlushReport } from '@fourfold/replay';
import { grouped } from '../text/number.js';
import { tableOf } from '../text/table.js';

const COLUMNS = [
  { title: 'operation' },
  { title: 'purges', align: 'right' },
  { title: 'for nothing', align: 'right' },
  { title: 'translations', align: 'right' },
  { title: 'owed', align: 'right' },
] as const;

/** The report as text. A purge is for nothing when nothing was owed; owed translations gave more than the tables. */
export function flushText({ operations, counts }: FlushReport): string {
  const rows = operations.map(({ operation, purges, idlePurges, dropped, owed }) => [
    operation,
    ...[purges, idlePurges, dropped, owed].map(grouped),
  ]);
  const calls = Object.entries(counts).map(([name, count]) => [name, grouped(count)]);
  return `\n${tableOf(COLUMNS, rows)}\n${tableOf([{ title: 'counter' }, { title: 'count', align: 'right' }], calls)}`;
}
