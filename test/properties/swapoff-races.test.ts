/**
 * swapoff while everybody goes on: processes that share swapped pages load, store, fork, unmap, are paged out and end, with
 * stops wherever they can be. Each finds its bytes at every load, and in the end the area is empty and gone.
 */
import {
  interleave,
  Machine,
  type Op,
  type Process,
  pageOutRange,
  SteppedOp,
  swapOff,
  tryToFreePages,
} from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { map, pageAt, swapOut, vpnAt } from '../commits/support/memory.js';
import { MACHINES } from '../support/machines.js';

const PAGES = 6;
const PROCESSES = 3;

const step = fc.tuple(
  fc.constantFrom('load', 'store', 'load', 'store', 'fork', 'unmap', 'protect', 'page out', 'reclaim', 'exit'),
  fc.nat(PAGES - 1),
);
type Step = readonly [what: string, page: number];

/** What a process has: the byte of each page, null where it has none. */
type Bytes = (number | null)[];

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('nobody loses a byte to swapoff, and the area goes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(step, { maxLength: 12 }), { minLength: PROCESSES, maxLength: PROCESSES }),
        fc.infiniteStream(fc.nat(11)),
        (scripts, choices) => {
          const { pageShift } = arch.geometry;
          const machine = new Machine({
            arch,
            memory: 2 ** (pageShift + 10),
            swap: 2 ** (pageShift + 7),
            overcommit: 1,
            cpus: PROCESSES,
            config: { nrCpus: 4, preempt: true },
          });
          const k = machine.kernel;
          const have = new Map<Process, Bytes>();
          const first = machine.spawn();
          map(first, PAGES);
          for (let n = 0; n < PAGES; n++) first.store8(pageAt(machine, n), n + 1);
          swapOut(first, PAGES);
          // Another area, where pages may go meanwhile, but not all of them: who reads one then gives its slot back at once.
          machine.swapOn(2 ** (pageShift + 2), 1);
          have.set(
            first,
            Array.from({ length: PAGES }, (_, n) => n + 1),
          );
          for (let cpu = 1; cpu < PROCESSES; cpu++) {
            const child = first.fork();
            child.runOn(cpu);
            have.set(child, [...(have.get(first) as Bytes)]);
          }

          function* run(process: Process, script: readonly Step[]): Op<void> {
            const mine = have.get(process) as Bytes;
            const { ops } = process;
            for (const [what, n] of script) {
              const at = pageAt(machine, n);
              const wanted = mine[n] ?? null;
              if (what === 'load' && wanted !== null) {
                const found = new Uint8Array(1);
                yield* ops.load(at, found);
                expect(found[0], `page ${n} of ${process.pid}`).toBe(wanted);
              } else if (what === 'store' && wanted !== null) {
                mine[n] = ((wanted + process.pid) & 127) + 1;
                yield* ops.store(at, Uint8Array.of(mine[n] as number));
              } else if (what === 'fork') {
                const child = yield* ops.fork();
                if (typeof child === 'number') throw new Error(`fork: ${child}`);
                child.runOn(process.cpu);
                have.set(child, [...mine]);
              } else if (what === 'unmap') {
                mine[n] = null;
                yield* ops.munmap(at, BigInt(machine.pageSize));
              } else if (what === 'protect') {
                yield* ops.mprotect(at, BigInt(machine.pageSize), 1);
                yield* ops.mprotect(at, BigInt(machine.pageSize), 3);
              } else if (what === 'page out') {
                yield* pageOutRange(k, process.mm, vpnAt(machine, 0), vpnAt(machine, PAGES));
              } else if (what === 'reclaim') {
                yield* tryToFreePages(k);
              } else if (what === 'exit') {
                have.delete(process);
                yield* ops.exit();
                return;
              }
            }
          }

          const ops: SteppedOp<unknown>[] = [...have.keys()].map(
            (process, i) => new SteppedOp(`process ${process.pid}`, run(process, scripts[i] as Step[])),
          );
          const off = new SteppedOp('swapoff', swapOff(k, 0));
          ops.push(off as SteppedOp<unknown>);
          k.inject.needResched = () => (choices.next().value as number) % 2 === 0;
          k.inject.pause = () => (choices.next().value as number) % 3 === 0;
          interleave(ops, () => choices.next().value as number);
          k.inject.clear();

          machine.check();
          expect(off.result).toBe(0);
          expect(machine.swapPages).toMatchObject({ total: 3 });
          for (const [process, mine] of have) {
            const found = mine.map((byte, n) => (byte === null ? null : process.load8(pageAt(machine, n))));
            expect(found, `process ${process.pid}`).toEqual(mine);
          }
          machine.check();
        },
      ),
      { numRuns: 60 },
    );
  });
});
