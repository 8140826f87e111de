/** Plain tables: a heading, a rule, columns two blanks apart. */
import Table from 'cli-table3';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Longer cells go on in the next line, between words. */
  readonly maxWidth?: number;
}

/** The table as text, each line ended. */
export function tableOf(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: columns.map(({ title }) => title),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: columns.map((column, i) => widthOf(column, rows, i)),
    wordWrap: true,
    chars: CHARS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
  });
  for (const row of rows) table.push([...row]);
  return `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;
}

function widthOf(column: Column, rows: readonly (readonly string[])[], index: number): number {
  const widest = rows.reduce((most, row) => Math.max(most, (row[index] as string).length), column.title.length);
  return Math.max(1, Math.min(widest, column.maxWidth ?? widest));
}

const CHARS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '-',
  'mid-mid': '--',
  right: '',
  'right-mid': '',
  middle: '  ',
};
