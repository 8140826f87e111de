/**
 * The fixed scenario whose flushes and interrupts are counted on every machine. Each port's test beside it states the
 * totals, derived by hand.
 *
 * With one CPU a process runs alone. With four it runs on CPU 0 and has a thread in user mode on each of the others. Areas, in
 * pages from START, all written, with nothing between them:
 *
 *     A at 0, 8 pages; areas of 1, 2, 5 and 100 pages at 16, 24, 32 and 64; one of 1,000 at 512; a last page at 1600
 *
 * So with 512 entries a table that of 1,000 pages has two tables to itself, and with 1,024 or more none.
 */
import { type CounterName, Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';

/** First byte of every kind of pte table. */
const START = 0x2000_0000n;
const PROTECTED = { at: 0, pages: 8 };
/** Areas to unmap: pages, by where they begin. */
const UNMAPPED = {
  'munmap 1': [16, 1],
  'munmap 2': [24, 2],
  'munmap 5': [32, 5],
  'munmap 100': [64, 100],
  'munmap 1000': [512, 1000],
} as const;
const LAST = 1600;

/** The steps, in order. */
export const STEPS = [
  /** By the process, on CPU 0, of 1,117 pages. */
  'fork',
  /** A store to the first page of A: by the thread on CPU 1, or with one CPU by the process. */
  'cow',
  /** The child, which never ran, is switched to on CPU 0 and exits. */
  'exit of the child',
  /** Back to the process on CPU 0. */
  'munmap 1',
  'munmap 2',
  'munmap 5',
  'munmap 100',
  'munmap 1000',
  /** Of A, to read-only. */
  'mprotect',
  /** The threads exit, from the last CPU down, then the process: 9 pages are left. */
  'exit',
] as const;

export type Step = (typeof STEPS)[number];

/** What is counted. */
const COUNTED = [
  'flushPage',
  'flushRange',
  'flushMm',
  'flushTables',
  'flushPending',
  'flushAll',
  'pendingQueued',
  'ipiFlushPage',
  'ipiFlushMm',
  'ipiFlushAll',
  'ipiContext',
  'ipiCache',
  'ipiSegments',
  'ipiCall',
  'ipis',
] as const satisfies readonly CounterName[];

/** Counts of a step, by name; what is not named is 0. */
export type Counts = Readonly<Record<string, number>>;

/** What each step counts, in order, on a machine with so many CPUs. */
export type ScenarioCounts = Readonly<Record<Step, Counts>>;

/**
 * Runs the scenario.
 * @param extra what a port counts besides, read before and after each step
 * @param warm whether, before each step, every task reads the pages of A and the first eight of what the step unmaps
 */
export function runScenario(
  arch: ArchDescriptor,
  cpus: 1 | 4,
  extra: (machine: Machine) => Counts = () => ({}),
  warm = false,
): ScenarioCounts {
  const machine = new Machine({ arch, cpus, memory: 8192 * arch.geometry.pageSize, contents: false, overcommit: 1 });
  const process = machine.spawn();
  const at = (page: number): bigint => START + BigInt(page * machine.pageSize);
  const write = (page: number, pages: number): void => {
    process.mmap({ addr: at(page), length: pages * machine.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
    for (let i = 0; i < pages; i++) process.store8(at(page + i), 1);
  };
  write(PROTECTED.at, PROTECTED.pages);
  for (const [page, pages] of Object.values(UNMAPPED)) write(page, pages);
  write(LAST, 1);
  const threads: Process[] = [];
  for (let cpu = 1; cpu < cpus; cpu++) {
    const thread = process.thread();
    thread.runOn(cpu);
    thread.load8(at(LAST));
    threads.push(thread);
  }
  process.load8(at(LAST));

  let child: Process | null = null;
  const steps: Record<Step, () => void> = {
    fork: () => {
      child = process.fork();
    },
    cow: () => (threads[0] ?? process).store8(at(PROTECTED.at), 2),
    'exit of the child': () => child?.exit(),
    ...(Object.fromEntries(
      Object.entries(UNMAPPED).map(([step, [page, pages]]) => [
        step,
        () => process.munmap(at(page), pages * machine.pageSize),
      ]),
    ) as Record<keyof typeof UNMAPPED, () => void>),
    mprotect: () => process.mprotect(at(PROTECTED.at), PROTECTED.pages * machine.pageSize, 'r'),
    exit: () => {
      for (const thread of [...threads].reverse()) thread.exit();
      process.exit();
    },
  };
  const count = (): Counts => ({
    ...Object.fromEntries(COUNTED.map((name) => [name, machine.counters.get(name)])),
    ...extra(machine),
  });
  const heat = (step: Step): void => {
    const [from, pages] = UNMAPPED[step as keyof typeof UNMAPPED] ?? [0, 0];
    for (const task of [process, ...threads]) {
      for (let i = 0; i < PROTECTED.pages; i++) task.load8(at(PROTECTED.at + i));
      for (let i = 0; i < Math.min(pages, 8); i++) task.load8(at(from + i));
    }
  };
  const counts = {} as Record<Step, Counts>;
  for (const step of STEPS) {
    if (warm) heat(step);
    const before = count();
    steps[step]();
    const grown = Object.entries(count()).map(([name, n]) => [name, n - (before[name] ?? 0)] as const);
    counts[step] = Object.fromEntries(grown.filter(([, n]) => n !== 0));
  }
  machine.check();
  return counts;
}
