/** /proc/PID/maps (generic-mm 10.6), as data and as text. */
import type { Kernel } from '../kernel.js';
import { VM_EXEC, VM_MAYSHARE, VM_READ, VM_WRITE } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import { toAddress, toPages, word } from '../vma/words.js';

/** What an area is, by the name its line gets. */
export type AreaKind = 'anon' | 'file' | 'heap' | 'stack' | 'vdso';

/** One line of maps. */
export interface MapsLine {
  /** First page and first page past the area. */
  readonly start: number;
  readonly end: number;
  /** VM_ bits. */
  readonly flags: number;
  /** Page offset; for anonymous memory the number of its first page. */
  readonly pgoff: number;
  /** The file's name, or null. */
  readonly name: string | null;
  /** Device and inode number; 0 where the file system has none. */
  readonly dev: number;
  readonly ino: number;
  readonly kind: AreaKind;
}

/** A file system may number its inodes and devices; without, they print as 0. */
interface Numbered {
  readonly ino?: number;
  readonly dev?: number;
}

/** The areas of a process in address order, the gate area last. */
export function mapsLines(k: Kernel, mm: Mm): MapsLine[] {
  const lines: MapsLine[] = [];
  for (const vma of mm.vmas) {
    const { start, end, flags, pgoff } = vma;
    const inode = vma.file?.inode ?? null;
    const { dev = 0, ino = 0 }: Numbered = (inode ?? {}) as Numbered;
    lines.push({ start, end, flags, pgoff, name: inode?.name ?? null, dev, ino, kind: kindOf(k, vma) });
  }
  const { gate } = k.arch.layout.spec;
  if (gate !== undefined) {
    const start = toPages(k, gate.start);
    const end = toPages(k, gate.end);
    lines.push({ start, end, flags: 0, pgoff: 0, name: null, dev: 0, ino: 0, kind: 'vdso' });
  }
  return lines;
}

/** The text of /proc/PID/maps. */
export function mapsText(k: Kernel, mm: Mm): string {
  return mapsLines(k, mm)
    .map((line) => mapsLineText(k, line))
    .join('');
}

/** `r-xp`: rights, then s for what was mapped shared, p for private. */
export function rightsText(flags: number): string {
  return (
    ((flags & VM_READ) !== 0 ? 'r' : '-') +
    ((flags & VM_WRITE) !== 0 ? 'w' : '-') +
    ((flags & VM_EXEC) !== 0 ? 'x' : '-') +
    ((flags & VM_MAYSHARE) !== 0 ? 's' : 'p')
  );
}

/** One line of maps as /proc prints it. */
export function mapsLineText(k: Kernel, line: MapsLine): string {
  const range = `${hexAddress(k, line.start)}-${hexAddress(k, line.end)}`;
  const offset = word(k, toAddress(k, line.pgoff)).toString(16).padStart(8, '0');
  const device = `${hexByte(line.dev >> 8)}:${hexByte(line.dev & 255)}`;
  const head = `${range} ${rightsText(line.flags)} ${offset} ${device} ${line.ino} `;
  const name = line.name ?? (line.kind === 'anon' ? null : `[${line.kind}]`);
  if (name === null) return `${head}\n`;
  const column = Math.max(25 + 6 * (k.arch.wordBits / 8), head.length + 1);
  return `${head.padEnd(column)}${name}\n`;
}

function kindOf(k: Kernel, vma: Vma): AreaKind {
  if (vma.file !== null) return 'file';
  const { mm } = vma;
  const start = toAddress(k, vma.start);
  const end = toAddress(k, vma.end);
  if (start <= mm.startBrk && end >= mm.brk) return 'heap';
  return start <= mm.startStack && mm.startStack <= end ? 'stack' : 'anon';
}

function hexAddress(k: Kernel, vpn: number): string {
  return toAddress(k, vpn).toString(16).padStart(8, '0');
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}
