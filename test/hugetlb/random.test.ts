/**
 * Random programs on files of huge pages against a model that knows nothing of page tables: every result, every byte, the
 * resident pages and the pool agree after each step, the audit is clean, and in the end all is back.
 */
import { closeFile, MemoryFault, MmError, type OpenFile, type Process, runToEnd } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootTables } from '../support/boot.js';
import { HugeWorld, hugeName, SMALL_HUGE_MACHINES } from '../support/huge.js';

const POOL = 5;
/** Huge pages of the range the programs map in. */
const SLOTS = 10;
const FILES = 2;

const who = fc.nat(2);
const which = fc.nat(FILES - 1);
const slot = fc.nat(SLOTS - 1);
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      op: fc.constant('mmap' as const),
      who,
      which,
      slot,
      count: fc.integer({ min: 1, max: 3 }),
      index: fc.nat(3),
      shared: fc.boolean(),
      writable: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('munmap' as const),
      who,
      slot,
      count: fc.integer({ min: 1, max: 3 }),
      crooked: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 8, arbitrary: fc.record({ op: fc.constant('load' as const), who, slot, place: fc.nat(3) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      op: fc.constant('store' as const),
      who,
      slot,
      place: fc.nat(3),
      value: fc.integer({ min: 1, max: 255 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ op: fc.constant('truncate' as const), which, size: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('fork' as const), who }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('exit' as const), who }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('replace' as const), which }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class ModelFile {
  size = 0;
  /** Whether its name and its open file are there still. */
  open = true;
  /** Bytes by place, of the pages that exist. */
  readonly pages = new Map<number, number[]>();
}

interface Slot {
  readonly file: ModelFile;
  readonly index: number;
  readonly writable: boolean;
  present: boolean;
}

class Model {
  /** A store that may not be is a load first. */
  readonly #hidesStore: boolean;
  readonly files: ModelFile[] = [];
  readonly all = new Set<ModelFile>();
  readonly processes: (Slot | null)[][] = [new Array<Slot | null>(SLOTS).fill(null)];

  constructor({ faults }: ArchDescriptor) {
    this.#hidesStore = faults.missHidesStore === true;
  }

  get free(): number {
    let used = 0;
    for (const file of this.all) used += file.pages.size;
    return POOL - used;
  }

  add(at: number): void {
    const file = new ModelFile();
    this.files[at] = file;
    this.all.add(file);
  }

  /** Files that neither a name nor a mapping holds are gone. */
  reap(): void {
    for (const file of this.all) {
      const isMapped = this.processes.some((slots) => slots.some((one) => one?.file === file));
      if (!file.open && !isMapped) this.all.delete(file);
    }
  }

  map(slots: (Slot | null)[], s: Extract<Step, { op: 'mmap' }>, count: number): string {
    slots.fill(null, s.slot, s.slot + count); // what was there is gone, whatever comes now
    this.reap();
    const file = this.files[s.which] as ModelFile;
    if (!s.shared && s.writable) return 'EINVAL';
    let needed = 0;
    for (let i = s.index; i < s.index + count; i++) if (!file.pages.has(i)) needed++;
    if (needed > this.free) return 'ENOMEM';
    if (!s.writable && s.index + count > file.size) return 'ENOMEM';
    file.size = Math.max(file.size, s.index + count);
    for (let i = 0; i < count; i++)
      slots[s.slot + i] = { file, index: s.index + i, writable: s.writable, present: false };
    return 'ok';
  }

  access(slots: (Slot | null)[], at: number, place: number, value: number | null): number | string {
    const one = slots[at];
    if (one === null || one === undefined) return 'SEGV_MAPERR';
    if (value !== null && !one.writable) {
      const loaded = this.#hidesStore && !one.present ? this.access(slots, at, place, null) : 0;
      return loaded === 'BUS_ADRERR' ? loaded : 'SEGV_ACCERR';
    }
    let page = one.file.pages.get(one.index);
    if (page === undefined) {
      if (one.index >= one.file.size || this.free === 0) return 'BUS_ADRERR';
      page = [0, 0, 0, 0];
      one.file.pages.set(one.index, page);
    }
    one.present = true;
    if (value !== null) page[place] = value;
    return page[place] as number;
  }

  truncate(file: ModelFile, size: number): string {
    if (size > file.size) return 'EINVAL';
    file.size = size;
    for (const index of [...file.pages.keys()]) if (index >= size) file.pages.delete(index);
    for (const one of this.processes.flat()) if (one?.file === file && one.index >= size) one.present = false;
    return 'ok';
  }
}

class Runner {
  readonly world: HugeWorld;
  readonly model: Model;
  readonly processes: Process[] = [];
  readonly open: OpenFile[] = [];
  readonly #names: string[] = [];
  #made = 0;

  constructor(arch: ArchDescriptor, cpus: number) {
    const huge = 2 ** (arch.huge?.shift ?? 0);
    this.world = new HugeWorld(arch, POOL, { cpus, memory: huge * (POOL + 1) + arch.geometry.pageSize * 1024 });
    this.model = new Model(arch);
    this.processes.push(this.world.machine.spawn());
    for (let i = 0; i < FILES; i++) this.#make(i);
  }

  run(s: Step): void {
    if (s.op === 'truncate') {
      const file = this.open[s.which] as OpenFile;
      expect(this.world.truncate(file.inode as never, BigInt(s.size) * this.world.size)).toBe(
        this.model.truncate(this.model.files[s.which] as ModelFile, s.size),
      );
      return;
    }
    if (s.op === 'replace') {
      runToEnd(this.world.fs.unlink(this.#names[s.which] as string));
      runToEnd(closeFile(this.open[s.which] as OpenFile));
      (this.model.files[s.which] as ModelFile).open = false;
      this.model.reap();
      this.#make(s.which);
      return;
    }
    const at = s.who % this.processes.length;
    const process = this.processes[at] as Process;
    const slots = this.model.processes[at] as (Slot | null)[];
    switch (s.op) {
      case 'mmap': {
        const count = Math.min(s.count, SLOTS - s.slot);
        const got = errnoOf(() =>
          this.world.map(process, this.open[s.which] as OpenFile, s.slot, count, {
            prot: s.writable ? 'rw' : 'r',
            flags: s.shared ? 'shared|fixed' : 'private|fixed',
            index: s.index,
          }),
        );
        expect(got).toBe(this.model.map(slots, s, count));
        break;
      }
      case 'munmap': {
        const page = s.crooked ? BigInt(this.world.machine.pageSize) : 0n;
        const got = errnoOf(() => process.munmap(this.world.at(s.slot) + page, this.world.size * BigInt(s.count)));
        // Cutting a huge page is refused where there is one to cut, at the lower end first.
        const cuts = s.crooked && (slots[s.slot] ?? null) !== null;
        const cutsAbove = s.crooked && (slots[s.slot + s.count] ?? null) !== null;
        expect(got).toBe(cuts || cutsAbove ? 'EINVAL' : 'ok');
        if (got === 'ok') slots.fill(null, s.crooked ? s.slot + 1 : s.slot, Math.min(SLOTS, s.slot + s.count));
        this.model.reap();
        break;
      }
      case 'load':
        expect(outcomeOf(() => process.load8(this.#place(s.slot, s.place)))).toBe(
          this.model.access(slots, s.slot, s.place, null),
        );
        break;
      case 'store': {
        const got = outcomeOf(() => {
          process.store8(this.#place(s.slot, s.place), s.value);
          return s.value;
        });
        expect(got).toBe(this.model.access(slots, s.slot, s.place, s.value));
        break;
      }
      case 'fork': {
        if (this.processes.length >= 3) return;
        const child = process.fork();
        child.runOn(this.processes.length % this.world.machine.kernel.cpus.length);
        this.processes.push(child);
        this.model.processes.push(slots.map((one) => (one === null ? null : { ...one })));
        break;
      }
      case 'exit':
        if (this.processes.length <= 1) return;
        process.exit();
        this.processes.splice(at, 1);
        this.model.processes.splice(at, 1);
        this.model.reap();
        break;
    }
  }

  compare(): void {
    this.world.machine.check();
    expect(this.world.free).toBe(this.model.free);
    for (const [at, process] of this.processes.entries()) {
      const present = (this.model.processes[at] as (Slot | null)[]).filter((one) => one?.present).length;
      expect(process.mm.rss).toBe(present * this.world.huge.pages);
    }
  }

  end(): void {
    const { machine, fs } = this.world;
    for (const process of this.processes) process.exit();
    for (const file of this.open) runToEnd(closeFile(file));
    for (const name of this.#names) runToEnd(fs.unlink(name));
    machine.check();
    expect(this.world.free).toBe(POOL);
    expect([...machine.kernel.tablesInUse]).toEqual(bootTables(machine.arch));
  }

  #make(at: number): void {
    const name = `h${this.#made++}`;
    this.#names[at] = name;
    this.open[at] = this.world.open(name).file;
    this.model.add(at);
  }

  /** Four bytes of a huge page: its first and last one, and two inside. */
  #place(at: number, place: number): bigint {
    const { size } = this.world;
    return this.world.at(at) + [0n, size - 1n, size / 2n, size / 4n + 1n][place]!;
  }
}

function outcomeOf(run: () => number): number | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof MemoryFault) return error.code;
    throw error;
  }
}

function errnoOf(run: () => unknown): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (error instanceof MmError) return error.code;
    throw error;
  }
}

describe.each(SMALL_HUGE_MACHINES.map((arch) => [hugeName(arch), arch] as const))('%s', (_name, arch) => {
  test.each([1, 2])('random programs agree with the model and leave nothing behind (%i CPUs)', (cpus) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40, size: 'max' }), (steps) => {
        const runner = new Runner(arch, cpus);
        for (const s of steps) {
          runner.run(s);
          runner.compare();
        }
        runner.end();
      }),
      { numRuns: 30 },
    );
  });
});
