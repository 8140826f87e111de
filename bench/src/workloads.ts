/** What is measured on one machine. Every figure is the median of several rounds, in nanoseconds per unit. */
import { BatchStop, Machine, type Process, runBatch } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { AccessBatch } from '@fourfold/replay';
import { type AreaFigures, measureAreas } from './areas.js';
import { bareLoop } from './bare.js';
import { type MemoryFigures, measureMemory } from './memory.js';
import { sweep } from './sweep.js';
import { median, time } from './timing.js';

export interface Figures extends AreaFigures, MemoryFigures {
  /** Nanoseconds. */
  readonly hit: number;
  readonly bareHit: number;
  readonly miss: number;
  /** The machine's miss handler alone: its walk and the refill of every TLB level. */
  readonly handler: number;
  readonly fault: number;
  readonly faultWithContents: number;
  /** A store to a page that a fork shares: the copy of the frame's descriptor and entry, without contents. */
  readonly cow: number;
  readonly fork: number;
  readonly exit: number;
  readonly munmap: number;
  readonly mprotect: number;
  /** Milliseconds for 1,000 maps and unmaps of 1 TB, NORESERVE; 0 where the address space is too small. */
  readonly terabyte: number;
  /** Root-table entries looked at in those 1,000 rounds. */
  readonly terabyteVisits: number;
}

const PAGES = 8192;
/** Rounds of 1,000 maps and unmaps before V8 has compiled them, even where another program has the other core. */
const WARM_UP = 8;
const START = 0x2000_0000n;

export function measure(arch: ArchDescriptor, trace: AccessBatch, rounds: number): Figures {
  const hits = measureHits(arch, trace, rounds);
  const touched = measureTouch(arch, false, rounds);
  const missed = measureMiss(arch, rounds);
  const terabyte = measureTerabyte(arch, rounds);
  return {
    hit: hits.machine,
    bareHit: hits.bare,
    miss: missed.miss,
    handler: missed.handler,
    fault: touched.fault,
    faultWithContents: measureTouch(arch, true, Math.min(rounds, 3)).fault,
    cow: touched.cow,
    fork: touched.fork,
    exit: touched.exit,
    munmap: touched.munmap,
    mprotect: touched.mprotect,
    terabyte: terabyte.ms,
    terabyteVisits: terabyte.visits,
    ...measureAreas(arch, rounds),
    ...measureMemory(arch, rounds),
  };
}

/** The decoded trace on a machine that has every page already, against the bare loop in the same rounds. */
function measureHits(arch: ArchDescriptor, trace: AccessBatch, rounds: number): { machine: number; bare: number } {
  const machine = new Machine({ arch, memory: '512MiB', contents: false, overcommit: 1 });
  const process = machine.spawn();
  const batch = lowered(trace);
  const stop = new BatchStop();
  const k = machine.kernel;
  const run = (): void => {
    for (let from = 0; from < batch.count; ) {
      from = runBatch(k, machine.enter(process), process.mm, process, batch, from, batch.count, 0, stop);
      if (stop.signal !== 0) supply(machine, process, stop.vpn);
    }
  };
  run();
  const slots = arch.tlb.units.reduce((max, u) => Math.max(max, u.sets === 1 ? u.ways : 0), 32);
  const times: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round++) {
    times.push(time(run) / batch.count);
    bare.push(time(() => bareLoop(batch, batch.count, k.memory.pageShift, slots)) / batch.count);
  }
  return { machine: median(times), bare: median(bare) };
}

/** Gives the machine the 64 KiB around a page, all rights. */
function supply(machine: Machine, process: Process, vpn: number): void {
  const size = BigInt(Math.max(machine.pageSize, 65536));
  const address = ((BigInt(vpn) * BigInt(machine.pageSize)) / size) * size;
  process.mmap({ addr: address, length: size, prot: 'rwx', flags: 'private|anonymous|fixed' });
}

/** Loads from more pages than every TLB level holds, all resident: each is a walk. */
function measureMiss(arch: ArchDescriptor, rounds: number): { miss: number; handler: number } {
  const machine = new Machine({ arch, memory: memoryFor(arch), contents: false, overcommit: 1 });
  const process = machine.spawn();
  process.mmap({ addr: START, length: bytes(machine, PAGES), prot: 'rw', flags: 'private|anonymous|fixed' });
  const stores = sweep(machine, START, PAGES, 2);
  const loads = sweep(machine, START, PAGES, 1);
  const stop = new BatchStop();
  const k = machine.kernel;
  const run = (batch: AccessBatch): void => {
    runBatch(k, machine.enter(process), process.mm, process, batch, 0, batch.count, 0, stop);
  };
  run(stores);
  const times: number[] = [];
  const handler: number[] = [];
  const cpu = machine.enter(process);
  const first = Number(START / BigInt(machine.pageSize)) * (machine.pageSize >> arch.tlbPageShift);
  const step = machine.pageSize >> arch.tlbPageShift;
  for (let round = 0; round < rounds * 10; round++) {
    times.push(time(() => run(loads)) / PAGES);
    handler.push(
      time(() => {
        for (let i = 0; i < PAGES; i++) k.mmu.miss(cpu, 1, 0, first + i * step);
      }) / PAGES,
    );
  }
  return { miss: median(times), handler: median(handler) };
}

/** First stores to anonymous pages, then fork, exit of the child, mprotect and munmap of the range. */
function measureTouch(
  arch: ArchDescriptor,
  contents: boolean,
  rounds: number,
): Record<'fault' | 'cow' | 'fork' | 'exit' | 'mprotect' | 'munmap', number> {
  const machine = new Machine({ arch, memory: memoryFor(arch), contents, overcommit: 1 });
  const stores = sweep(machine, START, PAGES, 2);
  const stop = new BatchStop();
  const k = machine.kernel;
  const times = {
    fault: [] as number[],
    cow: [] as number[],
    fork: [] as number[],
    exit: [] as number[],
    mprotect: [] as number[],
    munmap: [] as number[],
  };
  for (let round = 0; round < rounds * 5; round++) {
    const process = machine.spawn();
    const length = bytes(machine, PAGES);
    process.mmap({ addr: START, length, prot: 'rw', flags: 'private|anonymous|fixed' });
    times.fault.push(
      time(() => runBatch(k, machine.enter(process), process.mm, process, stores, 0, PAGES, 0, stop)) / PAGES,
    );
    let child: Process | undefined;
    times.fork.push(time(() => (child = process.fork())) / PAGES);
    times.exit.push(time(() => child?.exit()) / PAGES);
    const copier = process.fork();
    times.cow.push(
      time(() => runBatch(k, machine.enter(copier), copier.mm, copier, stores, 0, PAGES, 0, stop)) / PAGES,
    );
    copier.exit();
    times.mprotect.push(time(() => process.mprotect(START, length, 'r')) / PAGES);
    times.munmap.push(time(() => process.munmap(START, length)) / PAGES);
    process.exit();
  }
  return {
    fault: median(times.fault),
    cow: median(times.cow),
    fork: median(times.fork),
    exit: median(times.exit),
    mprotect: median(times.mprotect),
    munmap: median(times.munmap),
  };
}

function measureTerabyte(arch: ArchDescriptor, rounds: number): { ms: number; visits: number } {
  const machine = new Machine({ arch, memory: '64MiB', overcommit: 1 });
  const length = 1n << 40n;
  if (arch.layout.maxLengthPages * machine.pageSize < 2 ** 41) return { ms: 0, visits: 0 };
  const process = machine.spawn();
  const times: number[] = [];
  let visits = 0;
  for (let round = 0; round < rounds + WARM_UP; round++) {
    const before = machine.counters.get('rootVisits');
    times.push(
      time(() => {
        for (let i = 0; i < 1000; i++) {
          const at = process.mmap({ length, prot: 'rw', flags: 'private|anonymous|noreserve' });
          process.munmap(at, length);
        }
      }) / 1e6,
    );
    visits = machine.counters.get('rootVisits') - before;
  }
  return { ms: median(times.slice(WARM_UP)), visits };
}

/** The trace with its stack, recorded above 4 GiB, moved to where every machine has addresses. */
function lowered(trace: AccessBatch): AccessBatch {
  const moved = new AccessBatch(trace.count);
  moved.kind.set(trace.kind);
  moved.size.set(trace.size);
  for (let i = 0; i < trace.count; i++) {
    const high = trace.addrHi[i] !== 0;
    moved.addrLo[i] = high ? ((trace.addrLo[i] as number) & 0x0fff_ffff) | 0xb000_0000 : (trace.addrLo[i] as number);
  }
  moved.count = trace.count;
  return moved;
}

function memoryFor(arch: ArchDescriptor): number {
  return arch.geometry.pageSize * PAGES * 3;
}

function bytes(machine: Machine, pages: number): bigint {
  return BigInt(pages) * BigInt(machine.pageSize);
}
