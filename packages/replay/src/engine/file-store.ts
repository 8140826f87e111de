/**
 * The files of a replay. A file is its path; its page cache is warm unless asked otherwise, and its size the largest offset
 * plus length mapped, so that a replay takes no SIGBUS. Shared anonymous memory and SysV segments are files of the tmpfs.
 *
 * On a machine with larger pages a file area may lie at an address that does not agree with its offset inside a page (the
 * loader maps so). No real kernel could map that; the area then gets a view of the file of its own, named after the
 * skew, whose pages begin where the machine's do.
 */
import { closeFile, type Machine, type MappedFile, type OpenFile, openFile, runToEnd } from '@fourfold/core';
import { PART_BYTES, type TraceArea } from './part-map.js';

/** Where the machine's tmpfs is mounted. */
export const SHARED_MOUNT = '/dev/shm';
/** Path of a SysV segment in the areas of a trace, in front of its id. */
export const SEGMENT_PREFIX = 'SYSV:';

export class FileStore {
  readonly #machine: Machine;
  readonly #warm: boolean;
  readonly #hasTmpfs: boolean;
  readonly #files = new Map<string, OpenFile>();
  readonly #anonymous = new Map<TraceArea, OpenFile>();
  #shared = 0;

  /** @param hasTmpfs whether there is one at SHARED_MOUNT; without it, shared memory is refused as a kernel would. */
  constructor(machine: Machine, warm: boolean, hasTmpfs: boolean) {
    this.#machine = machine;
    this.#warm = warm;
    this.#hasTmpfs = hasTmpfs;
  }

  /** The file and byte offset behind `nrParts` parts from `part` of a file area. */
  view(area: TraceArea, part: number, nrParts: number, pageShift: number): { file: MappedFile | null; offset: number } {
    const pageBytes = 2 ** pageShift;
    const skew = modulo(area.offset - area.origin * PART_BYTES, pageBytes);
    const offset = area.offset + (part - area.origin) * PART_BYTES - skew + (skew === 0 ? 0 : pageBytes);
    const file = this.#open(skew === 0 ? area.path : `${area.path}+${skew}`);
    if (file !== null) file.inode.size = Math.max(file.inode.size, offset + nrParts * PART_BYTES);
    return { file, offset };
  }

  /** The unnamed file behind a shared anonymous area; null without a tmpfs. */
  sharedAnonymous(area: TraceArea, size: number): MappedFile | null {
    let made = this.#anonymous.get(area) ?? null;
    if (made === null) {
      made = this.#createShared();
      if (made === null) return null;
      this.#anonymous.set(area, made);
    }
    made.inode.size = Math.max(made.inode.size, size);
    return made;
  }

  /** A shared anonymous area was moved and is another object now: its file stays. */
  rename(from: TraceArea, to: TraceArea): void {
    const made = this.#anonymous.get(from);
    if (made !== undefined) this.#anonymous.set(to, made);
  }

  /** Drops every file: the end of the replay. */
  destroy(): void {
    for (const file of [...this.#files.values(), ...new Set(this.#anonymous.values())]) runToEnd(closeFile(file));
  }

  #open(name: string): OpenFile | null {
    let made = this.#files.get(name) ?? null;
    if (made === null) {
      made = name.startsWith(SEGMENT_PREFIX) ? this.#createShared() : this.#create(name);
      if (made !== null) this.#files.set(name, made);
    }
    return made;
  }

  #create(name: string): OpenFile {
    const inode = this.#machine.createFile(name, { size: 0, warm: this.#warm });
    // Nobody looks it up: it goes when it is closed.
    inode.nlink = 0;
    return openFile(inode);
  }

  /** A file of the tmpfs without a name; its size, too, is what is mapped. */
  #createShared(): OpenFile | null {
    if (!this.#hasTmpfs) return null;
    const path = `${SHARED_MOUNT}/${this.#shared++}`;
    const file = this.#machine.open(path, { create: true });
    this.#machine.unlink(path);
    return file;
  }
}

function modulo(a: number, b: number): number {
  return ((a % b) + b) % b;
}
