/**
 * The files of a replay. A file is its path; its page cache is warm unless asked otherwise, and its size the largest offset
 * plus length mapped, so that a replay takes no SIGBUS.
 *
 * On a machine with larger pages a file area may lie at an address that does not agree with its offset inside a page (the
 * loader maps so). No real kernel could map that; the area then gets a view of the file of its own, named after the
 * skew, whose pages begin where the machine's do.
 */
import type { DiskFile, Machine, MappedFile } from '@fourfold/core';
import { PART_BYTES, type TraceArea } from './part-map.js';

export class FileStore {
  readonly #machine: Machine;
  readonly #warm: boolean;
  readonly #files = new Map<string, { inode: DiskFile; file: MappedFile }>();
  readonly #anonymous = new Map<TraceArea, { inode: DiskFile; file: MappedFile }>();

  constructor(machine: Machine, warm: boolean) {
    this.#machine = machine;
    this.#warm = warm;
  }

  /** The file and byte offset behind `nrParts` parts from `part` of a file area. */
  view(area: TraceArea, part: number, nrParts: number, pageShift: number): { file: MappedFile; offset: number } {
    const pageBytes = 2 ** pageShift;
    const skew = modulo(area.offset - area.origin * PART_BYTES, pageBytes);
    const offset = area.offset + (part - area.origin) * PART_BYTES - skew + (skew === 0 ? 0 : pageBytes);
    const file = this.#open(skew === 0 ? area.path : `${area.path}+${skew}`);
    file.inode.size = Math.max(file.inode.size, offset + nrParts * PART_BYTES);
    return { file: file.file, offset };
  }

  /** The unnamed file behind a shared anonymous area. */
  sharedAnonymous(area: TraceArea, size: number): MappedFile {
    let made = this.#anonymous.get(area);
    if (made === undefined) {
      made = this.#create('/dev/zero', true);
      this.#anonymous.set(area, made);
    }
    made.inode.size = Math.max(made.inode.size, size);
    return made.file;
  }

  /** A shared anonymous area was moved and is another object now: its file stays. */
  rename(from: TraceArea, to: TraceArea): void {
    const made = this.#anonymous.get(from);
    if (made !== undefined) this.#anonymous.set(to, made);
  }

  /** Drops every page cache: the end of the replay. */
  destroy(): void {
    for (const { inode } of this.#files.values()) inode.destroy();
    for (const { inode } of new Set(this.#anonymous.values())) inode.destroy();
  }

  #open(name: string): { inode: DiskFile; file: MappedFile } {
    let made = this.#files.get(name);
    if (made === undefined) {
      made = this.#create(name, this.#warm);
      this.#files.set(name, made);
    }
    return made;
  }

  #create(name: string, warm: boolean): { inode: DiskFile; file: MappedFile } {
    const inode = this.#machine.createFile(name, { size: 0, warm });
    return { inode, file: { inode, readable: true, writable: true, refs: 1 } };
  }
}

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b;
}
