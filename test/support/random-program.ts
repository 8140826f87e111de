/**
 * Random programs over a small arena: anonymous and file memory, private and shared, rearranged, forked and exited, each
 * process beside the slow model of it.
 */
import {
  type DiskFile,
  Machine,
  type MachineOptions,
  type MappedFile,
  MemoryFault,
  MmError,
  type Process,
} from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import fc from 'fast-check';
import { expect } from 'vitest';
import { ModelFile, ModelProcess, type Outcome } from './model.js';

/** Pages of the arena the programs work in, and of the file they map. */
export const ARENA = 40;
const FILE_PAGES = 12;
const ARENA_START = 0x2000_0000n;
/** Write-only is left out: whether it can be read depends on whether a page is there yet (protection_map). */
const PROTS = ['-', 'r', 'rw', 'rx', 'rwx', 'x'] as const;
const BITS: Readonly<Record<(typeof PROTS)[number], number>> = { '-': 0, r: 1, rw: 3, rx: 5, rwx: 7, x: 4 };

const page = fc.nat(ARENA - 1);
const count = fc.integer({ min: 1, max: 9 });
const prot = fc.constantFrom(...PROTS);
const who = fc.nat(2);
export const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant('mmap' as const), who, page, count, prot }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('mapfile' as const),
      who,
      page,
      count,
      prot,
      index: fc.nat(FILE_PAGES),
      shared: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('munmap' as const), who, page, count }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('mprotect' as const), who, page, count, prot }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('mremap' as const), who, page, count, to: page, grow: fc.nat(3) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('dontneed' as const), who, page, count }) },
  { weight: 8, arbitrary: fc.record({ op: fc.constant('load' as const), who, page, offset: fc.nat(4095) }) },
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant('store' as const),
      who,
      page,
      offset: fc.nat(4095),
      value: fc.integer({ min: 1, max: 255 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('fill' as const),
      who,
      page,
      count: fc.integer({ min: 5, max: 30 }),
      value: fc.integer({ min: 1, max: 255 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('fork' as const), who }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('exit' as const), who }) },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

export interface Pair {
  real: Process;
  model: ModelProcess;
}

/** A machine, the processes of a program on it, and what the model says of each. */
export class World {
  readonly machine: Machine;
  readonly pairs: Pair[] = [];
  readonly inode: DiskFile;
  readonly file: MappedFile;
  readonly modelFile = new ModelFile(FILE_PAGES);
  /** Free frames before the first process. */
  readonly freeAtStart: number;
  readonly #pageSize: bigint;

  constructor(arch: ArchDescriptor, cpus: number, options: Partial<MachineOptions> = {}) {
    const memory = 2 ** (arch.geometry.pageShift + 11);
    this.machine = new Machine({ arch, memory, cpus, overcommit: 1, ...options });
    this.#pageSize = BigInt(this.machine.pageSize);
    this.freeAtStart = this.machine.freePages;
    this.inode = this.machine.createFile('d1', { size: FILE_PAGES * this.machine.pageSize });
    this.file = { inode: this.inode, readable: true, writable: true, refs: 1 };
    this.pairs.push({
      real: this.machine.spawn(),
      model: new ModelProcess(arch.faults.load, arch.faults.missHidesStore),
    });
  }

  at(pageNumber: number): bigint {
    return ARENA_START + BigInt(pageNumber) * this.#pageSize;
  }

  bytes(n: number): bigint {
    return BigInt(n) * this.#pageSize;
  }

  run(s: Step): void {
    const pair = this.pairs[s.who % Math.max(1, this.pairs.length)];
    if (pair === undefined) return;
    const { real, model } = pair;
    switch (s.op) {
      case 'mmap':
        real.mmap({
          addr: this.at(s.page),
          length: this.bytes(s.count),
          prot: s.prot,
          flags: 'private|anonymous|fixed',
        });
        model.map(s.page, s.count, BITS[s.prot]);
        break;
      case 'mapfile':
        real.mmap({
          addr: this.at(s.page),
          length: this.bytes(s.count),
          prot: s.prot,
          flags: s.shared ? 'shared|fixed' : 'private|fixed',
          file: this.file,
          offset: this.bytes(s.index),
        });
        model.map(s.page, s.count, BITS[s.prot], this.modelFile, s.index, s.shared);
        break;
      case 'munmap':
        real.munmap(this.at(s.page), this.bytes(s.count));
        model.unmap(s.page, s.count);
        break;
      case 'mprotect': {
        const whole = model.protect(s.page, s.count, BITS[s.prot]);
        expect(errnoOf(() => real.mprotect(this.at(s.page), this.bytes(s.count), s.prot))).toBe(
          whole ? 'ok' : 'ENOMEM',
        );
        break;
      }
      case 'mremap': {
        const newCount = s.count + s.grow;
        const overlaps = s.page < s.to + newCount && s.to < s.page + s.count;
        if (overlaps || !this.#sameArea(pair, s.page, s.count)) return;
        real.mremap(this.at(s.page), this.bytes(s.count), this.bytes(newCount), 3, this.at(s.to));
        model.move(s.page, s.count, s.to, newCount);
        break;
      }
      case 'dontneed': {
        const whole = model.isMapped(s.page, s.count);
        model.forget(s.page, s.count);
        expect(errnoOf(() => real.madvise(this.at(s.page), this.bytes(s.count), 4))).toBe(whole ? 'ok' : 'ENOMEM');
        break;
      }
      case 'load':
        expect(outcomeOf(() => real.load8(this.at(s.page) + BigInt(s.offset)))).toBe(model.load(s.page, s.offset));
        break;
      case 'store':
        expect(outcomeOf(() => real.store8(this.at(s.page) + BigInt(s.offset), s.value))).toBe(
          model.store(s.page, s.offset, s.value),
        );
        break;
      case 'fill':
        for (let p = s.page; p < Math.min(s.page + s.count, ARENA); p++) {
          expect(outcomeOf(() => real.store8(this.at(p), s.value))).toBe(model.store(p, 0, s.value));
        }
        break;
      case 'fork':
        if (this.pairs.length >= 3) return;
        this.pairs.push({ real: real.fork(), model: model.fork() });
        if (this.machine.kernel.cpus.length > 1)
          (this.pairs[this.pairs.length - 1] as Pair).real.runOn(this.pairs.length - 2);
        break;
      case 'exit':
        if (this.pairs.length <= 1) return;
        real.exit();
        this.pairs.splice(this.pairs.indexOf(pair), 1);
        break;
    }
  }

  /** mremap wants its whole old range in one area. */
  #sameArea(pair: Pair, pageNumber: number, n: number): boolean {
    const vpn = Number(this.at(pageNumber) / this.#pageSize);
    const vma = pair.real.mm.vmas.containing(vpn);
    return vma !== null && vma.end >= vpn + n;
  }

  /** Every page of every process reads as the model says. */
  compareAll(): void {
    for (const { real, model } of this.pairs) {
      for (let p = 0; p < ARENA; p++) expect(outcomeOf(() => real.load8(this.at(p)))).toBe(model.load(p, 0));
    }
  }
}

function outcomeOf(run: () => unknown): Outcome {
  try {
    return (run() ?? 'ok') as Outcome;
  } catch (error) {
    if (error instanceof MemoryFault) return error.code as Outcome;
    throw error;
  }
}

function errnoOf(run: () => void): string {
  try {
    run();
    return 'ok';
  } catch (error) {
    if (error instanceof MmError) return error.code;
    throw error;
  }
}
