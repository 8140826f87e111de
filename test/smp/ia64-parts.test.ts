/**
 * Parts of ia64's flushes taken out one by one: a purge that is not made or has the wrong size, an interrupt that is not sent, a
 * number that is not given up. Each is found at the end of the operation, whatever the CPUs had cached.
 */
import type { Ia64Mmu } from '@fourfold/arch-ia64';
import { KernelBug, Machine, type Process } from '@fourfold/core';
import type { Mm } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { map, pageAt, touch } from '../commits/support/memory.js';
import { machine as machineOf } from '../support/machines.js';

interface Scene {
  readonly machine: Machine;
  readonly mmu: Ia64Mmu;
  /** On CPU 0 and CPU 1. */
  readonly process: Process;
  readonly thread: Process;
}

const NAMES = ['ia64-4k', 'ia64-8k', 'ia64-16k', 'ia64-64k'] as const;

function scene(name: (typeof NAMES)[number]): Scene {
  const machine = new Machine({ arch: machineOf(name), cpus: 2 });
  const process = machine.spawn();
  map(process, 8);
  touch(process, 8);
  const thread = process.thread();
  thread.runOn(1);
  thread.load8(pageAt(machine, 0));
  process.load8(pageAt(machine, 0));
  return { machine, mmu: machine.kernel.mmu as Ia64Mmu, process, thread };
}

/** Puts another method in the place of one. */
function replace<T extends object>(of: T, methods: Partial<T>): void {
  Object.assign(of, methods);
}

/** What is taken out, what is done then, and how it is found. */
const PARTS: Readonly<Record<string, readonly [take: (of: Scene) => void, act: (of: Scene) => void, says: RegExp]>> = {
  'flush_tlb_page does nothing': [
    ({ mmu, process }) => {
      process.fork();
      replace(mmu.flush, { page: () => {} });
    },
    // A debugger breaks copy-on-write: the CPUs of the process take no fault.
    ({ process, machine }) => process.poke(pageAt(machine, 0), Uint8Array.of(1)),
    /may still use page 0x20000000 of mm \d+.*flush_tlb_page left it there/,
  ],
  'flush_tlb_range does nothing': [
    ({ mmu }) => replace(mmu.flush, { range: () => {} }),
    ({ process, machine }) => process.mprotect(pageAt(machine, 0), machine.pageSize, 'r'),
    /may still use page 0x20000000 of mm \d+: mprotect lowered its rights .*flush_tlb_range left it there/,
  ],
  'flush_tlb_mm does nothing': [
    ({ mmu }) => replace(mmu.flush, { mm: () => {} }),
    ({ process }) => process.fork(),
    /may still use page 0x20000000 of mm \d+: .*flush_tlb_mm left it there/,
  ],
  'tlb_flush does nothing': [
    ({ mmu }) => replace(mmu.flush, { gather: () => {} }),
    ({ process, machine }) => process.munmap(pageAt(machine, 3), machine.pageSize),
    /may still use page 0x[0-9a-f]+ of mm \d+: munmap took .* out of its entry, and tlb_flush left it there/,
  ],
  'the purge of a range ends a step early': [
    ({ mmu }) => {
      const { purger } = mmu.flush;
      const range = purger.range.bind(purger);
      replace(purger, { range: (context: number, start: number, _end: number) => range(context, start, start + 1) });
    },
    ({ process, machine }) => process.munmap(pageAt(machine, 0), 8 * machine.pageSize),
    /munmap took .* out of its entry, and .*tlb_flush left it there/,
  ],
  'the linear table is not purged behind an unmapping that freed its page': [
    ({ mmu }) => replace(mmu.flush.purger, { linear: () => 0 }),
    ({ process, machine }) => process.munmap(pageAt(machine, 0), 8 * machine.pageSize),
    /may still use .*tlb_flush left it there/,
  ],
  'no interrupt is sent for a context': [
    ({ mmu, machine }) => {
      const onMm = Reflect.get(mmu.flush, 'onMm') as (cpu: object, mm: Mm) => void;
      Reflect.set(mmu.flush, 'onMm', (cpu: object, mm: Mm) => {
        if (cpu === machine.kernel.cpu) onMm(cpu, mm);
      });
    },
    ({ process }) => process.fork(),
    /CPU 1 may still use page 0x20000000 of mm \d+: .*flush_tlb_mm left it there/,
  ],
  'the mm keeps its number': [
    ({ mmu }) => replace(Reflect.get(mmu.flush, 'contexts') as object, { abandon: () => {} }),
    ({ process }) => process.fork(),
    /may still use page 0x20000000 of mm \d+: .*flush_tlb_mm left it there/,
  ],
};

describe.each(NAMES)('%s', (name) => {
  test.each(Object.entries(PARTS))('%s', (_what, [take, act, says]) => {
    const untouched = scene(name);
    act(untouched);
    const broken = scene(name);
    take(broken);
    expect(() => act(broken)).toThrow(KernelBug);
    const again = scene(name);
    take(again);
    expect(() => act(again)).toThrow(says);
  });
});
