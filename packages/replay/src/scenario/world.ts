/** What a scenario runs in: one machine, its processes by label, its files by name, and the names given on the way. */
import {
  DiskFile,
  Machine,
  type MachineOptions,
  type MappedFile,
  type Process,
  runToEnd,
  vmtruncate,
} from '@fourfold/core';
import { ARENA, Arena, START_BRK } from './arena.js';
import type { AddressExpr, Quantity } from './number.js';

/** A machine's descriptor, from an arch package. */
export type ScenarioArch = MachineOptions['arch'];

/** Memory of the machine; nothing in a scenario comes near it. */
const MEMORY = '256MiB';
/** RLIMIT_MEMLOCK of a process without capabilities. */
const MEMLOCK = 8 * 1024 * 1024;

/** An address names a label that nothing bound: the operation's result is `badlabel`. */
export class BadLabel extends Error {
  override readonly name = 'BadLabel';
}

export class World {
  readonly machine: Machine;
  readonly arena: Arena;
  /** Addresses bound with `=L`. */
  readonly labels: Map<string, bigint> = new Map();
  /** Frames remembered by `mark`, by tag. */
  readonly marks: Map<string, number> = new Map();
  /** Every process there was, by label, in order of creation; those that are gone stay. */
  readonly #processes = new Map<string, Process>();
  readonly #files = new Map<string, DiskFile>();
  /** Files without a name that something may still map. */
  readonly #unlinked = new Set<DiskFile>();

  constructor(arch: ScenarioArch) {
    this.machine = new Machine({ arch, memory: MEMORY });
    this.arena = new Arena(this.machine.kernel);
    const { mm } = this.#add('A', this.machine.spawn({ startBrk: START_BRK }));
    // Bottom-up first fit on every machine, so that `any` means the same everywhere.
    mm.topDown = false;
    mm.mmapBase = arch.layout.unmappedBase;
    mm.freeAreaCache = mm.mmapBase;
    mm.rlimits.memlock = MEMLOCK;
    // No data segment below the heap: RLIMIT_DATA counts the heap alone.
    mm.startData = START_BRK;
  }

  /** The process of a label, gone or not; undefined for a label that was never given. */
  process(label: string): Process | undefined {
    return this.#processes.get(label);
  }

  /** Living processes with their labels, in order of creation. */
  get living(): [label: string, process: Process][] {
    return [...this.#processes].filter(([, process]) => process.alive);
  }

  /** Names a fork's child. A label whose process is gone can be given again. */
  adopt(label: string, child: Process): void {
    this.#processes.delete(label);
    this.#add(label, child);
  }

  /** Bytes of a quantity, as a word of the machine. */
  bytes(quantity: Quantity): bigint {
    const { arena } = this;
    switch (quantity.kind) {
      case 'pages':
        return arena.word(quantity.pages * arena.pageSize + quantity.bytes);
      case 'raw':
        return arena.word(quantity.value);
      case 'max':
        return arena.max;
      default:
        throw new RangeError('huge pages have no size here: they are refused when the line is read');
    }
  }

  /** The address of an expression; 0 for `any`. @throws BadLabel */
  address(expr: AddressExpr): bigint {
    if (expr.kind === 'any') return 0n;
    const { base, offset } = expr;
    if (base.kind === 'arena' && (offset.kind === 'raw' || offset.kind === 'max')) return this.bytes(offset);
    let from: bigint | undefined;
    if (base.kind === 'arena') from = ARENA;
    else if (base.kind === 'brk') from = START_BRK;
    else if (base.kind === 'firstPick') from = this.arena.firstPick;
    else from = this.labels.get(base.name);
    if (from === undefined) throw new BadLabel();
    return this.arena.word(from + this.bytes(offset));
  }

  /** The file of a name, or undefined. */
  file(name: string): DiskFile | undefined {
    return this.#files.get(name);
  }

  /** open(O_CREAT | O_TRUNC): an empty disk file of that name. */
  createFile(name: string): DiskFile {
    const old = this.#files.get(name);
    if (old !== undefined) {
      this.truncate(old, 0);
      return old;
    }
    const file = this.machine.createFile(name, { size: 0 });
    this.#files.set(name, file);
    return file;
  }

  /** ftruncate; 0 or a negative errno. */
  truncate(file: DiskFile, size: number): number {
    return runToEnd(vmtruncate(this.machine.kernel, file, size));
  }

  /** A fresh open file; the caller drops its reference when it closes it. */
  open(file: DiskFile, readable: boolean, writable: boolean): MappedFile {
    return { inode: file, readable, writable, refs: 1 };
  }

  /** Takes a file's name away; the file lives on while something maps it. False when there is no such name. */
  unlink(name: string): boolean {
    const file = this.#files.get(name);
    if (file === undefined) return false;
    this.#files.delete(name);
    this.#unlinked.add(file);
    this.reapFiles();
    return true;
  }

  /** Frees the files that have neither a name nor a mapping. */
  reapFiles(): void {
    for (const file of this.#unlinked) {
      if (file.mapping.linear.size + file.mapping.nonlinear.size > 0) continue;
      this.#unlinked.delete(file);
      file.destroy();
    }
  }

  #add(label: string, process: Process): Process {
    this.#processes.set(label, process);
    return process;
  }
}

/** The file behind a mapping when it is a named one; null for what backs shared anonymous memory. */
export function namedFile(file: MappedFile | null): DiskFile | null {
  return file !== null && file.inode instanceof DiskFile ? file.inode : null;
}
