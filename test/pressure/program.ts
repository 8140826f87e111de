/**
 * Random programs on a machine whose memory is far too small for them, so that reclaim and swap are always at work and
 * allocations fail besides. After every operation the audit is clean; every byte read agrees with the slow model; in the end
 * nothing is left. A failure names the seed and the step that replay it.
 */
import { Machine, MemoryFault, MmError, type OpenFile, type Process, runToEnd } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { tmpfs } from '@fourfold/tmpfs';
import { Backing, type ModelPage, ModelProcess } from './model.js';
import { Random } from './random.js';

export interface PressureOptions {
  readonly arch: ArchDescriptor;
  readonly seed: number;
  readonly steps: number;
  readonly cpus?: number;
  /** Base pages of memory and of swap. */
  readonly memory?: number;
  readonly swap?: number;
  /** One allocation in so many fails; 0 for none. */
  readonly failing?: number;
  /** Audit after every so many steps: 1 unless told. The ledger and the check of TLB hits are always on. */
  readonly auditEvery?: number;
  /** Called after every step. */
  readonly afterStep?: (machine: Machine) => void;
}

/** What a run came to. */
export interface PressureResult {
  readonly steps: number;
  /** Operations by name, and those of them that memory was too short for. */
  readonly done: Readonly<Record<string, number>>;
  readonly short: number;
  readonly killed: number;
  readonly swappedOut: number;
  readonly swappedIn: number;
}

const DEFAULT_CPUS = 4;
/** Pages of the arena, and where it begins. */
const ARENA = 640;
const START = 0x2000_0000n;
const FILE_PAGES = 96;
const PROCESSES = 4;
const THREADS = 3;
const PROTS = [
  ['rw', 3],
  ['rw', 3],
  ['rw', 3],
  ['r', 1],
  ['rwx', 7],
  ['-', 0],
] as const;
/** What running out of memory is called. */
const SHORT = new Set(['ENOMEM', 'EAGAIN', 'ENOSPC', 'OOM']);

/** A process and what it must see. Its threads, each on some CPU, take turns. */
class Pair {
  readonly threads: Process[];
  readonly model: ModelProcess;
  #turn = 0;

  constructor(real: Process, model: ModelProcess) {
    this.threads = [real];
    this.model = model;
  }

  /** The thread whose turn it is. */
  get real(): Process {
    return this.threads[this.#turn % this.threads.length] as Process;
  }

  next(turn: number): void {
    this.#turn = turn;
  }
}

interface File {
  readonly open: OpenFile;
  readonly backing: Backing;
  readonly punches: boolean;
}

/** Runs one program. @throws Error with the seed, the step and what went wrong */
export function runPressure(options: PressureOptions): PressureResult {
  const { auditEvery = 1, afterStep } = options;
  const world = new World(options);
  let step = 0;
  let what: string = 'start';
  try {
    for (; step < options.steps; step++) {
      const op = world.choose();
      what = op;
      world.step(op);
      afterStep?.(world.machine);
      if ((step + 1) % auditEvery === 0) world.machine.check();
    }
    what = 'the end';
    world.end();
  } catch (error) {
    const { arch, seed, steps, cpus = DEFAULT_CPUS } = options;
    const replay = `arch ${arch.name}, seed ${seed}, ${steps} steps, ${cpus} CPUs`;
    throw new Error(`step ${step} (${what}) of the program: ${replay}\n${(error as Error).message}`, { cause: error });
  }
  return world.result(step);
}

class World {
  readonly machine: Machine;
  readonly #random: Random;
  readonly #pairs: Pair[] = [];
  readonly #files: File[];
  readonly #pageSize: bigint;
  readonly #done: Record<string, number> = {};
  #short = 0;
  #killed = 0;
  readonly #free: number;
  readonly #tables: number;
  readonly #failing: number;

  constructor({ arch, seed, cpus = DEFAULT_CPUS, memory = 192, swap = 4096, failing = 50 }: PressureOptions) {
    const { pageSize } = arch.geometry;
    this.#random = new Random(seed);
    this.#pageSize = BigInt(pageSize);
    this.#failing = failing;
    this.machine = new Machine({
      arch,
      memory: memory * pageSize,
      swap: swap * pageSize,
      cpus,
      overcommit: 1,
      mounts: { '/tmp': tmpfs({ size: '64MiB' }) },
    });
    this.#free = this.machine.freePages;
    this.#tables = this.#nrTables();
    this.#files = ['/d0', '/tmp/t0', '/tmp/t1'].map((path) => this.#file(path));
    this.#start();
  }

  /** The name of the next operation. */
  choose(): keyof typeof OPERATIONS {
    return this.#random.pick(WEIGHTED);
  }

  /** One random operation. */
  step(op: keyof typeof OPERATIONS): void {
    this.#bury();
    if (this.#pairs.length === 0) this.#start();
    const random = this.#random;
    const pair = random.pick(this.#pairs);
    pair.next(random.below(pair.threads.length));
    this.machine.inject.failPage = this.#failing === 0 ? null : () => random.once(this.#failing);
    try {
      OPERATIONS[op](this, random, pair);
      this.#done[op] = (this.#done[op] ?? 0) + 1;
    } finally {
      this.machine.inject.failPage = null;
    }
  }

  /** Every byte the model knows is still there, and when all have gone, nothing is. */
  end(): void {
    this.#bury();
    for (const pair of [...this.#pairs]) this.#compare(pair);
    for (const { threads } of this.#pairs) for (const thread of threads) if (thread.alive) thread.exit();
    this.#visitCpus();
    for (const { open } of this.#files) this.machine.close(open);
    for (const path of ['/d0', '/tmp/t0', '/tmp/t1']) this.machine.unlink(path);
    this.machine.drainBatches();
    // A page that a CPU's batch held when its last user went is in the swap cache still.
    this.machine.swapOff(0);
    this.machine.check();
    const left = { free: this.machine.freePages, committed: this.machine.kernel.committed, tables: this.#nrTables() };
    const before = { free: this.#free, committed: 0, tables: this.#tables };
    if (JSON.stringify(left) !== JSON.stringify(before))
      throw new Error(`left behind: ${JSON.stringify(left)}, before the first process ${JSON.stringify(before)}`);
  }

  #nrTables(): number {
    return this.machine.kernel.tablesInUse.reduce((a, b) => a + b, 0);
  }

  /** A CPU that went idle keeps the address space it had last until it loads another. */
  #visitCpus(): void {
    for (const { id } of this.machine.kernel.cpus) {
      const visitor = this.machine.spawn({ cpu: id });
      visitor.brk(0);
      visitor.exit();
    }
  }

  #compare(pair: Pair): void {
    for (const [at, page] of pair.model.pages) if (pair.real.alive) this.load(pair, at, page, 0);
  }

  result(steps: number): PressureResult {
    const { counters } = this.machine;
    return {
      steps,
      done: this.#done,
      short: this.#short,
      killed: this.#killed,
      swappedOut: counters.get('pswpout'),
      swappedIn: counters.get('pswpin'),
    };
  }

  get full(): boolean {
    return this.#pairs.length >= PROCESSES;
  }

  get file(): File {
    return this.#random.pick(this.#files);
  }

  at(page: number): bigint {
    return START + BigInt(page) * this.#pageSize;
  }

  bytes(pages: number): bigint {
    return BigInt(pages) * this.#pageSize;
  }

  /**
   * Makes a call; false when memory was too short for it, in which case the model takes from the machine which pages there are
   * now, and doubts what the range holds.
   */
  call(pair: Pair, at: number, count: number, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (!(error instanceof MmError) || !SHORT.has(error.code)) throw error;
      this.#short++;
      pair.model.doubt(at, count);
      this.#resync(pair);
      return false;
    }
  }

  load(pair: Pair, at: number, page: ModelPage, offset: number): void {
    if ((page.prot & 1) === 0) return;
    const wanted = pair.model.load(page, offset);
    const got = this.#access(pair, () => pair.real.load8(this.at(at) + BigInt(offset)));
    if (got === 'killed' || wanted === null || got === wanted) return;
    throw new Error(`page ${at} of process ${pair.real.pid} at ${offset}: read ${got}, expected ${wanted}`);
  }

  store(pair: Pair, at: number, page: ModelPage, offset: number, value: number): void {
    const mayWrite = (page.prot & 2) !== 0;
    const got = this.#access(pair, () => {
      pair.real.store8(this.at(at) + BigInt(offset), value);
      return 'ok';
    });
    if (got === 'killed') return;
    const wanted = mayWrite ? pair.model.store(page, offset, value) : this.#refusal(pair, page);
    if (got !== wanted) throw new Error(`store to page ${at} of process ${pair.real.pid}: ${got}, expected ${wanted}`);
  }

  /** What a store takes where it may not store: a machine that loads first finds out that the file is shorter. */
  #refusal({ model }: Pair, page: ModelPage): string {
    const { load, missHidesStore } = this.machine.arch.faults;
    const loads = missHidesStore === true && (page.prot & load) !== 0;
    return loads && model.load(page, 0) === 'SIGBUS' ? 'SIGBUS' : 'SEGV_ACCERR';
  }

  fork(pair: Pair): void {
    this.call(pair, 0, 0, () => this.#pairs.push(new Pair(pair.real.fork(), pair.model.fork())));
  }

  exit(pair: Pair): void {
    for (const thread of pair.threads) if (thread.alive) thread.exit();
    this.#pairs.splice(this.#pairs.indexOf(pair), 1);
  }

  lose(backing: Backing, first: number, end: number): void {
    for (const { model } of this.#pairs) model.lose(backing, first, end);
  }

  #access(pair: Pair, run: () => number | 'ok'): number | string {
    try {
      return run();
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      if (error.code === 'BUS_ADRERR') return 'SIGBUS';
      if (error.code !== 'OOM') return error.code;
      this.#short++;
      this.exit(pair);
      return 'killed';
    }
  }

  #start(): void {
    const cpu = this.#random.below(this.machine.kernel.cpus.length);
    this.#pairs.push(new Pair(this.machine.spawn({ cpu }), new ModelProcess()));
  }

  /** Takes the processes that the OOM killer took out of the list. */
  #bury(): void {
    for (const pair of [...this.#pairs]) {
      if (pair.threads.every(({ alive }) => alive)) continue;
      for (const thread of pair.threads) if (thread.alive) thread.exit();
      this.#killed++;
      this.#pairs.splice(this.#pairs.indexOf(pair), 1);
    }
  }

  #file(path: string): File {
    const open = this.machine.open(path, { create: true, writable: true });
    runToEnd(open.inode.setSize(FILE_PAGES * this.machine.pageSize));
    return { open, backing: new Backing(FILE_PAGES), punches: path.startsWith('/tmp') };
  }

  /** The model takes pages and rights from the machine; pages it cannot know of are unmapped. */
  #resync({ real, model }: Pair): void {
    const first = Number(START / this.#pageSize);
    for (let at = 0; at < ARENA; at++) {
      const vma = real.mm.vmas.containing(first + at);
      const page = model.pages.get(at);
      if (vma === null) model.pages.delete(at);
      else if (page === undefined) this.#unmapStray(real, at);
      else page.prot = vma.flags & 7;
    }
  }

  #unmapStray(real: Process, at: number): void {
    const { inject } = this.machine;
    inject.failPage = null;
    real.munmap(this.at(at), this.#pageSize);
  }
}

type Operation = (world: World, random: Random, pair: Pair) => void;

/** A range of the arena. */
function range(random: Random, longest: number): [at: number, count: number] {
  const count = random.between(1, longest);
  return [random.below(ARENA - count), count];
}

/** A page of the process, if it has any. */
function pageOf(random: Random, { model }: Pair): [at: number, page: ModelPage] | undefined {
  const start = random.below(ARENA);
  for (let i = 0; i < 64; i++) {
    const at = (start + i) % ARENA;
    const page = model.pages.get(at);
    if (page !== undefined) return [at, page];
  }
  return undefined;
}

const OPERATIONS = {
  mapAnonymous(world, random, pair) {
    const [at, count] = range(random, 96);
    const [prot, bits] = random.pick(PROTS);
    const shared = random.once(3);
    const flags = `${shared ? 'shared' : 'private'}|anonymous|fixed`;
    const mapped = world.call(pair, at, count, () =>
      pair.real.mmap({ addr: world.at(at), length: world.bytes(count), prot, flags }),
    );
    if (mapped) pair.model.map(at, count, bits, shared ? new Backing(count) : null, 0, shared);
  },

  mapFile(world, random, pair) {
    const [at, count] = range(random, 48);
    const [prot, bits] = random.pick(PROTS);
    const { open, backing } = world.file;
    const index = random.below(FILE_PAGES);
    const shared = random.once(2);
    const mapped = world.call(pair, at, count, () =>
      pair.real.mmap({
        addr: world.at(at),
        length: world.bytes(count),
        prot,
        flags: `${shared ? 'shared' : 'private'}|fixed`,
        file: open,
        offset: world.bytes(index),
      }),
    );
    if (mapped) pair.model.map(at, count, bits, backing, index, shared);
  },

  munmap(world, random, pair) {
    const [at, count] = range(random, 48);
    if (world.call(pair, at, count, () => pair.real.munmap(world.at(at), world.bytes(count))))
      pair.model.unmap(at, count);
  },

  mprotect(world, random, pair) {
    const [at, count] = range(random, 64);
    const [prot, bits] = random.pick(PROTS);
    if (!pair.model.isMapped(at, count)) return;
    if (world.call(pair, at, count, () => pair.real.mprotect(world.at(at), world.bytes(count), prot)))
      for (const page of pair.model.range(at, count)) page.prot = bits;
  },

  mremap(world, random, pair) {
    const found = pageOf(random, pair);
    if (found === undefined) return;
    const [from] = found;
    const vma = pair.real.mm.vmas.containing(Number(world.at(from) / world.bytes(1)));
    const start = vma === null ? 0 : vma.end - Number(world.at(0) / world.bytes(1));
    const count = Math.min(random.between(1, 40), start - from);
    const newCount = count + random.below(4);
    const to = random.below(ARENA - newCount);
    if (count < 1 || (from < to + newCount && to < from + count)) return;
    const moved = world.call(pair, from, count, () =>
      pair.real.mremap(world.at(from), world.bytes(count), world.bytes(newCount), 3, world.at(to)),
    );
    if (moved) pair.model.move(from, count, to, newCount);
  },

  dontneed(world, random, pair) {
    const [at, count] = range(random, 32);
    if (!pair.model.isMapped(at, count)) return;
    if (world.call(pair, at, count, () => pair.real.madvise(world.at(at), world.bytes(count), MADV_DONTNEED)))
      pair.model.drop(at, count);
  },

  load(world, random, pair) {
    const found = pageOf(random, pair);
    if (found !== undefined) world.load(pair, ...found, random.pick(OFFSETS));
  },

  store(world, random, pair) {
    const found = pageOf(random, pair);
    if (found !== undefined) world.store(pair, ...found, random.pick(OFFSETS), random.between(1, 255));
  },

  /** Stores to many pages in a row: what makes memory short. */
  sweep(world, random, pair) {
    const [at, count] = range(random, 160);
    for (let i = at; i < at + count && pair.real.alive; i++) {
      const page = pair.model.pages.get(i);
      if (page !== undefined) world.store(pair, i, page, 0, random.between(1, 255));
    }
  },

  fork(world, _random, pair) {
    if (!world.full) world.fork(pair);
  },

  /** Another thread of the same address space, on some CPU. */
  thread(world, random, pair) {
    if (pair.threads.length >= THREADS) return;
    const thread = pair.real.thread();
    thread.runOn(random.below(world.machine.kernel.cpus.length));
    pair.threads.push(thread);
  },

  /** A thread goes, if it is not the last one. */
  join(_world, _random, pair) {
    if (pair.threads.length === 1) return;
    pair.real.exit();
    pair.threads.splice(pair.threads.indexOf(pair.real), 1);
  },

  migrate(world, random, pair) {
    pair.real.runOn(random.below(world.machine.kernel.cpus.length));
  },

  /** A kernel thread runs somewhere. */
  idle(world, random) {
    world.machine.idle(random.below(world.machine.kernel.cpus.length));
  },

  exit(world, random, pair) {
    if (random.once(2)) world.exit(pair);
  },

  truncate(world, random) {
    const { open, backing } = world.file;
    const pages = random.once(2) ? FILE_PAGES : random.below(FILE_PAGES + 1);
    if (runToEnd(open.inode.setSize(pages * world.machine.pageSize)) < 0) return;
    world.lose(backing, pages, Number.POSITIVE_INFINITY);
    backing.truncate(pages);
  },
} satisfies Record<string, Operation>;

const OFFSETS = [0, 1, 4095];
const MADV_DONTNEED = 4;

/** Every operation as often as it is to come up. */
const WEIGHTED = (
  Object.entries({
    mapAnonymous: 6,
    mapFile: 4,
    munmap: 3,
    mprotect: 3,
    mremap: 3,
    dontneed: 2,
    load: 30,
    store: 30,
    sweep: 8,
    fork: 3,
    exit: 2,
    thread: 3,
    join: 2,
    migrate: 4,
    idle: 2,
    truncate: 1,
  }) as [keyof typeof OPERATIONS, number][]
).flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
