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

/**
 * Columns side by side, right-aligned behind their labels, in as many tables as fit a width; a blank line after each.
 * @param labels title and label of each row. @param columns title and cells of each column
 */
export function tablesOf(labels: readonly string[], columns: readonly (readonly string[])[], width: number): string {
  let text = '';
  let left = columns;
  while (left.length > 0) {
    let count = 1;
    while (count < left.length && widthOfTable([labels, ...left.slice(0, count + 1)]) <= width) count++;
    const shown = left.slice(0, count);
    left = left.slice(count);
    const titles = shown.map((column) => ({ title: column[0] as string, align: 'right' as const }));
    const rows = labels.slice(1).map((label, row) => [label, ...shown.map((column) => column[row + 1] as string)]);
    text += `${tableOf([{ title: labels[0] as string }, ...titles], rows)}\n`;
  }
  return text;
}

function widthOfTable(columns: readonly (readonly string[])[]): number {
  const widths = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)));
  return widths.reduce((sum, w) => sum + w, 2 * (columns.length - 1));
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
