/**
 * The same program on kernels built differently, NR_CPUS 1, 3, 4 and 512, preemptible or not, with pte tables mapped to be looked
 * at or not: what a program sees is the same, results and bytes and faults; only locks and the sizes of blocks of work differ.
 */
import { Machine, MemoryFault, MmError, mapsText, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const AT = 0x2000_0000n;
const PAGES = 48;
const CONFIGS = [1, 3, 4, 512].flatMap((nrCpus) =>
  [false, true].flatMap((preempt) => [false, true].map((highpte) => ({ nrCpus, preempt, highpte }))),
);

/** One step: what is done, to which process, where, how much, and a number more. */
type Step = readonly [what: number, who: number, page: number, pages: number, value: number];

const step: fc.Arbitrary<Step> = fc.tuple(
  fc.nat(11),
  fc.nat(3),
  fc.nat(PAGES - 1),
  fc.integer({ min: 1, max: 20 }),
  fc.nat(255),
);

/** A program's world on one kernel, and everything it saw. */
class World {
  readonly seen: unknown[] = [];
  readonly machine: Machine;
  readonly processes: Process[];
  readonly #file;

  constructor(arch: ArchDescriptor, config: (typeof CONFIGS)[number]) {
    this.machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 11), config, overcommit: 1 });
    this.processes = [this.machine.spawn()];
    const inode = this.machine.createFile('file', { size: PAGES * this.machine.pageSize });
    this.#file = { inode, readable: true, writable: true, refs: 1 };
    // Long operations break off for nobody; where they poll is not the program's business.
    this.machine.inject.needResched = () => config.preempt;
  }

  run([what, who, page, pages, value]: Step): void {
    const process = this.processes[who % this.processes.length] as Process;
    const size = BigInt(this.machine.pageSize);
    const addr = AT + BigInt(page) * size;
    const length = BigInt(pages) * size;
    try {
      this.seen.push(this.#do(process, what, addr, length, value) ?? 'ok');
    } catch (error) {
      if (error instanceof MemoryFault) this.seen.push(`${error.code} ${error.address}`);
      else if (error instanceof MmError) this.seen.push(error.code);
      else throw error;
    }
  }

  #do(process: Process, what: number, addr: bigint, length: bigint, value: number): unknown {
    const { machine, processes } = this;
    const fixed = { addr, length, prot: value % 2 === 0 ? 'rw' : 'r' } as const;
    switch (what) {
      case 0:
        return process.mmap({ ...fixed, flags: 'private|anonymous|fixed' });
      case 1:
        return process.mmap({ ...fixed, flags: 'private|fixed', file: this.#file });
      case 2:
        return process.mmap({ ...fixed, flags: 'shared|fixed', file: this.#file });
      case 3:
        return process.munmap(addr, length);
      case 4:
        return process.mprotect(addr, length, value % 3 === 0 ? 'r' : 'rw');
      case 5:
        return process.mremap(addr, length, length * 2n, 1);
      case 6:
        return process.madvise(addr, length, 4);
      case 7:
        if (processes.length < 4) processes.push(process.fork());
        return processes.length;
      case 8:
        if (processes.length > 1) processes.splice(processes.indexOf(process), 1)[0]?.exit();
        return processes.length;
      case 9:
        return process.load8(addr + 5n);
      default:
        process.write(addr + 3n, new Uint8Array(machine.pageSize + 7).fill(value));
        return undefined;
    }
  }

  /** What is left at the end: areas, faults, resident pages and bytes of every process. */
  end(): unknown {
    const { machine } = this;
    machine.inject.clear();
    machine.check();
    return [
      this.seen,
      this.processes.map((process) => {
        const { minFlt, majFlt, mm } = process;
        const bytes: number[] = [];
        for (let page = 0; page < PAGES; page++) {
          try {
            bytes.push(process.load8(AT + BigInt(page * machine.pageSize + 4)));
          } catch (error) {
            bytes.push(error instanceof MemoryFault ? -1 : -2);
          }
        }
        return [minFlt, majFlt, mm.rss, mm.totalVm, mm.nrPtes, mapsText(machine.kernel, mm), bytes];
      }),
      machine.kernel.committed,
    ];
  }
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('results, faults, areas and bytes are the same under every configuration', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), (steps) => {
        const ends = CONFIGS.map((config) => {
          const world = new World(arch, config);
          for (const one of steps) world.run(one);
          return world.end();
        });
        for (const [i, end] of ends.entries()) expect(end, JSON.stringify(CONFIGS[i])).toEqual(ends[0]);
      }),
      { numRuns: 12 },
    );
  });

  test.each([
    [1, false],
    [3, false],
    [4, true],
    [512, true],
  ])('built for %i CPUs every pte table has its own lock: %s', (nrCpus, split) => {
    const machine = new Machine({ arch, config: { nrCpus } });
    expect(machine.kernel.splitPteLocks).toBe(split);
  });
});
