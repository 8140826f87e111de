/** What a scenario runs in: one machine, its processes by label, its files by name, and the names given on the way. */
import {
  type FileSystemType,
  hugetlbfs,
  type Inode,
  Machine,
  type MachineChecks,
  type MachineOptions,
  type OpenFile,
  type OpenMode,
  openFile,
  type Process,
  type RegularFile,
  runToEnd,
} from '@fourfold/core';
import { ARENA, Arena, START_BRK } from './arena.js';
import type { AddressExpr, Quantity } from './number.js';

/** A machine's descriptor, from an arch package. */
export type ScenarioArch = MachineOptions['arch'];

/** Memory of the machine beside its huge pages, in bytes; nothing in a scenario comes near it. */
const MEMORY = 2 ** 28;
/** Huge pages of the machine. */
const HUGE_PAGES = 8;
/** Swap of the machine. */
const SWAP = '64MiB';
/** RLIMIT_MEMLOCK of a process without capabilities. */
const MEMLOCK = 8 * 1024 * 1024;

/** `max`, before it is cut to a word or an offset. */
const LARGEST = (1n << 64n) - 1n;

/** Mount points of the tmpfs and of the huge pages. */
const TMPFS = '/tmp';
const HUGETLBFS = '/huge';

/** What a world is made of. */
export interface WorldOptions {
  readonly arch: ScenarioArch;
  readonly tmpfs: FileSystemType | undefined;
  /** Whether huge pages are set aside, where the machine has them. */
  readonly hasPool: boolean;
  /** CPUs; the processes are placed on them in turn. */
  readonly cpus: number;
  /** What the machine watches; undefined leaves it to the machine. */
  readonly checks: MachineChecks | undefined;
}

/** An address names a label that nothing bound: the operation's result is `badlabel`. */
export class BadLabel extends Error {
  override readonly name = 'BadLabel';
}

export class World {
  readonly machine: Machine;
  readonly arena: Arena;
  /** Addresses bound with `=L`. */
  readonly labels: Map<string, bigint> = new Map();
  /** Ids of SysV segments by the key a scenario gives them. */
  readonly segments: Map<number, number> = new Map();
  /** Frames remembered by `mark`, by tag. */
  readonly marks: Map<string, number> = new Map();
  /** Every process there was, by label, in order of creation; those that are gone stay. */
  readonly #processes = new Map<string, Process>();
  #placed = 0;
  /** Whether there is a tmpfs: files whose names begin with t, shared anonymous memory, SysV segments. */
  readonly hasTmpfs: boolean;
  /** Bytes of a huge page; 0 on a machine without. */
  readonly hugeBytes: bigint;
  #internalFiles = 0;
  /** What files are called, those included that have lost their name. */
  readonly #names = new WeakMap<Inode, string>();

  /** @param hasPool whether there is memory for huge pages; without, the first touch of one is BUS_ADRERR. */
  constructor({ arch, tmpfs, hasPool, cpus, checks }: WorldOptions) {
    this.hasTmpfs = tmpfs !== undefined;
    const huge = arch.huge !== null && hasPool ? HUGE_PAGES : 0;
    this.hugeBytes = arch.huge === null ? 0n : 1n << BigInt(arch.huge.shift);
    this.machine = new Machine({
      arch,
      // One more than the pool has: the lowest frames are in use.
      memory: MEMORY + (huge === 0 ? 0 : Number(this.hugeBytes) * (huge + 1)),
      hugePages: huge,
      swap: SWAP,
      cpus,
      ...(checks === undefined ? {} : { checks }),
      mounts: {
        ...(tmpfs === undefined ? {} : { [TMPFS]: tmpfs }),
        ...(arch.huge === null ? {} : { [HUGETLBFS]: hugetlbfs() }),
      },
    });
    // Swap is read one page at a time.
    this.machine.kernel.swap.pageCluster = 0;
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
    return this.arena.word(this.#exact(quantity));
  }

  /** Bytes of a quantity as an offset in a file: a loff_t, which has 64 bits and a sign on every machine. */
  offset(quantity: Quantity): bigint {
    return BigInt.asIntN(64, this.#exact(quantity));
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

  /** The file of a name, or null. */
  file(name: string): RegularFile | null {
    return this.machine.mounts.lookup(pathOf(name));
  }

  /** What a file is called in the scenario; undefined for what has never had a name. */
  nameOf(inode: Inode): string | undefined {
    return this.#names.get(inode);
  }

  /** open(O_CREAT | O_TRUNC): an empty file of that name, or a negative errno. The caller closes it. */
  createFile(name: string): OpenFile | number {
    const file = runToEnd(this.machine.mounts.open(pathOf(name), { create: true, truncate: true }));
    if (typeof file !== 'number') this.#names.set(file.inode, name);
    return file;
  }

  /** A new file of huge pages without a name, as the flag `huge` maps it. The caller closes it. */
  openHuge(): OpenFile {
    const name = `.${this.#internalFiles++}`;
    const path = `${HUGETLBFS}/${name}`;
    const file = runToEnd(this.machine.mounts.open(path, { create: true }));
    if (typeof file === 'number') throw new Error(`no file of huge pages: ${file}`);
    runToEnd(this.machine.mounts.unlink(path));
    return file;
  }

  /** A fresh open file; the caller closes it. */
  open(inode: RegularFile, mode: OpenMode): OpenFile {
    return openFile(inode, mode);
  }

  /** Takes a file's name away; the file lives on while something maps it. 0 or a negative errno. */
  unlink(name: string): number {
    return runToEnd(this.machine.mounts.unlink(pathOf(name)));
  }

  /** Bytes of a quantity, whatever they are to fit into. */
  #exact(quantity: Quantity): bigint {
    switch (quantity.kind) {
      case 'pages':
        return quantity.pages * this.arena.pageSize + quantity.bytes;
      case 'huge':
        return quantity.pages * this.hugeBytes + quantity.bytes;
      case 'raw':
        return quantity.value;
      case 'max':
        return LARGEST;
    }
  }

  #add(label: string, process: Process): Process {
    process.runOn(this.#placed++ % this.machine.kernel.cpus.length);
    this.#processes.set(label, process);
    return process;
  }
}

/** The first letter of a name says which file system it lies in. */
function pathOf(name: string): string {
  if (name.startsWith('t')) return `${TMPFS}/${name}`;
  return name.startsWith('h') ? `${HUGETLBFS}/${name}` : `/${name}`;
}
