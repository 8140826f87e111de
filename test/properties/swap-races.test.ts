/**
 * Two threads fault the same swapped page a thousand times, stopping wherever they can: each round counts the page once and
 * drops the entry's reference once, and is major as often as somebody had to read.
 */
import { interleave, Machine, type Op, SteppedOp, VM_FAULT_MASK } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fault, frameOf, map, swapOut, swapReferences } from '../commits/support/memory.js';
import { MACHINES } from '../support/machines.js';

const ROUNDS = 1000;

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('two threads on one swapped page', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.nat(1)), (choices) => {
        const memory = 2 ** (arch.geometry.pageShift + 10);
        const machine = new Machine({
          arch,
          memory,
          swap: 2 ** (arch.geometry.pageShift + 6),
          cpus: 2,
          config: { nrCpus: 4 },
        });
        machine.kernel.swap.pageCluster = 0;
        const process = machine.spawn();
        const thread = process.thread();
        thread.runOn(1);
        map(process, 1);
        process.store8(0x2000_0000n, 77);
        const { counters } = machine;
        for (let round = 0; round < ROUNDS; round++) {
          swapOut(process, 1);
          expect(frameOf(process, 0)).toBe(-1);
          expect(process.mm.anonRss).toBe(0);
          const before = counters.get('pgmajfault');
          machine.inject.pause = () => choices.next().value === 1;
          const ops = [process, thread].map(
            (who, i) => new SteppedOp(`fault ${i}`, fault(who, 0, choices.next().value === 1) as Op<number>),
          );
          interleave(ops, () => choices.next().value as number);
          machine.inject.clear();
          const majors = ops.filter((op) => ((op.result ?? 0) & VM_FAULT_MASK) === 3).length;
          expect(counters.get('pgmajfault') - before).toBe(majors);
          expect(majors).toBeLessThanOrEqual(2);
          expect(process.mm.anonRss).toBe(1);
          expect(machine.kernel.map.mapcount[frameOf(process, 0)]).toBe(1);
          // At most the swap cache still has the slot.
          expect(swapReferences(machine)).toBeLessThanOrEqual(1);
        }
        machine.check();
        expect(process.load8(0x2000_0000n)).toBe(77);
      }),
      { numRuns: 1 },
    );
  });
});
