/**
 * Random programs for the oracles: anonymous and file memory, private and shared, read-only and not, forked, protected,
 * written, swapped out, and huge pages; several processes at the end. Everything comes from the seed.
 */
import { hugetlbfs, Machine, type MappedFile, MmError, type Process, pageOutRange, runToEnd } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { Random } from './random.js';

/** Where a program's memory lies, and how much of it there is. */
export interface ProgramShape {
  readonly arch: ArchDescriptor;
  readonly seed: number;
  /** Physical address at which RAM begins: behind what the emulated board has for itself. */
  readonly base: number;
  readonly bytes: number;
  /** First address of the arena, and its pages. */
  readonly arena: bigint;
  readonly pages: number;
  /** Where huge pages are mapped; undefined for none. */
  readonly huge?: bigint;
  /** Written into every process before the program begins, and again after it: what the oracle itself needs there. */
  readonly prepare: (process: Process) => void;
}

/** A machine after its program. */
export interface Program {
  readonly machine: Machine;
  readonly processes: readonly { readonly label: string; readonly process: Process }[];
  readonly random: Random;
}

const HUGE_PAGES = 3;
const STEPS = 400;
const PROTS = ['rw', 'rw', 'rwx', 'rx', 'r', '-'] as const;
const PROCESSES = 3;

/** A return instruction of x86, so that a page can be called. */
export const RETURN = 0xc3;

/** Runs a program. */
export function runProgram(shape: ProgramShape): Program {
  const { arch, seed, base, bytes } = shape;
  const random = new Random(seed);
  const machine = new Machine({
    arch,
    memory: [{ base, size: bytes }],
    swap: 512 * arch.pageSize,
    overcommit: 1,
    hugePages: shape.huge === undefined ? 0 : HUGE_PAGES,
    mounts: arch.huge === null ? {} : { '/huge': hugetlbfs() },
  });
  const first = machine.spawn();
  shape.prepare(first);
  const world = { shape, machine, random, file: openFile(machine, shape.pages) };
  if (shape.huge !== undefined) mapHuge(world, first, shape.huge);
  const processes = [first];
  for (let step = 0; step < STEPS; step++) {
    const process = random.pick(processes);
    try {
      OPERATIONS[random.pick(WEIGHTED)](world, process, processes);
    } catch (error) {
      if (!(error instanceof MmError)) throw error;
    }
  }
  for (const process of processes) shape.prepare(process);
  machine.check();
  return {
    machine,
    processes: processes.map((process, i) => ({ label: String.fromCharCode(65 + i), process })),
    random,
  };
}

interface World {
  readonly shape: ProgramShape;
  readonly machine: Machine;
  readonly random: Random;
  readonly file: MappedFile;
}

function openFile(machine: Machine, pages: number): MappedFile {
  const inode = machine.createFile('data', { size: pages * machine.pageSize, warm: true });
  for (let page = 0; page < pages; page += 3) inode.writeByte(page * machine.pageSize + (page % 64), page & 255);
  return { inode, readable: true, writable: true, refs: 1 };
}

function mapHuge({ machine, random }: World, process: Process, addr: bigint): void {
  const { huge } = machine.arch;
  if (huge === null) return;
  const file = machine.open('/huge/data', { create: true, writable: true });
  const size = 1n << BigInt(huge.shift);
  process.mmap({ addr, length: size * 2n, prot: 'rwx', flags: 'shared|fixed', file });
  process.mmap({ addr: addr + size * 2n, length: size, prot: 'r', flags: 'private|fixed', file });
  for (let i = 0; i < 200; i++) {
    process.store8(addr + BigInt(random.below(Number(size) * 2)), i % 3 === 0 ? RETURN : random.below(256));
  }
  process.load8(addr + size * 2n);
  machine.close(file);
}

/** A range of the arena: its first address and its pages. */
function range({ shape, random }: World, longest: number): [addr: bigint, pages: number] {
  const pages = 1 + random.below(longest);
  const first = random.below(shape.pages - pages);
  return [shape.arena + BigInt(first * shape.arch.pageSize), pages];
}

const OPERATIONS = {
  anonymous(world, process) {
    const [addr, pages] = range(world, 120);
    const length = pages * world.machine.pageSize;
    process.mmap({ addr, length, prot: world.random.pick(PROTS), flags: 'private|anonymous|fixed' });
  },
  file(world, process) {
    const { machine, random, shape, file } = world;
    const [addr, pages] = range(world, 60);
    const flags = random.below(2) === 0 ? 'shared|fixed' : 'private|fixed';
    const offset = random.below(shape.pages - pages) * machine.pageSize;
    process.mmap({ addr, length: pages * machine.pageSize, prot: random.pick(PROTS), flags, file, offset });
  },
  unmap(world, process) {
    const [addr, pages] = range(world, 30);
    process.munmap(addr, pages * world.machine.pageSize);
  },
  protect(world, process) {
    const [addr, pages] = range(world, 60);
    process.mprotect(addr, pages * world.machine.pageSize, world.random.pick(PROTS));
  },
  touch(world, process) {
    const { machine, random } = world;
    const [addr, pages] = range(world, 80);
    for (let i = 0; i < pages; i++) {
      const at = addr + BigInt(i * machine.pageSize + random.below(machine.pageSize));
      try {
        if (random.below(4) === 0) process.load8(at);
        else process.store8(at, random.below(3) === 0 ? RETURN : random.below(256));
      } catch {
        // A signal: the page is not there, or not to be written.
      }
    }
  },
  fork(_world, process, processes) {
    if (processes.length < PROCESSES) processes.push(process.fork());
  },
  pageOut(world, process) {
    const { machine, random, shape } = world;
    const first = Number(shape.arena / BigInt(machine.pageSize)) + random.below(shape.pages - 40);
    runToEnd(pageOutRange(machine.kernel, process.mm, first, first + 40));
  },
} satisfies Record<string, (world: World, process: Process, processes: Process[]) => void>;

const WEIGHTED = (
  Object.entries({ anonymous: 5, file: 3, unmap: 2, protect: 3, touch: 14, fork: 1, pageOut: 2 }) as [
    keyof typeof OPERATIONS,
    number,
  ][]
).flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
