/**
 * Threads on three CPUs whose hash_page stops half-way at random, against whatever else they do to the same few pages: no entry
 * of the hash table outlives its pte, no store is lost, and nothing is left locked.
 */
import { createPpc64, type Ppc64Mmu, ppc64_4k, ppc64_64k } from '@fourfold/arch-ppc64';
import { interleave, Machine, type MappedFile, type Op, type Process, SteppedOp } from '@fourfold/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const AT = 0x5_0000_0000n;
const PAGES = 6;
const CPUS = 3;
const BUSY = 0x800;
const [MAP_SHARED, MAP_PRIVATE, MAP_FIXED, MAP_ANONYMOUS] = [1, 2, 0x10, 0x20];
const ARCHES = [ppc64_4k, ppc64_64k, createPpc64({ pageShift: 16, hashedPageShift: 16 })];

/** Every page is there and written, but nothing is hashed or translated any more: every access runs hash_page. */
function prepare(process: Process, file: MappedFile): void {
  const { kernel, pageSize } = process.machine;
  for (let page = 0; page < PAGES; page++) {
    const addr = AT + BigInt(page * pageSize);
    const flags = page % 2 === 0 ? 'private|anonymous|fixed' : 'shared|fixed';
    const backing = page % 2 === 0 ? {} : { file };
    try {
      process.store8(addr + 5n, 1);
    } catch {
      process.mmap({ addr, length: pageSize, prot: 'rw', flags, ...backing });
      process.store8(addr + 5n, 1);
    }
  }
  const { table } = kernel.mmu as Ppc64Mmu;
  for (let group = 0; group < table.groups; group++) for (let slot = 0; slot < 8; slot++) table.evict(group, slot);
  for (const { tlb } of kernel.cpus) tlb.dropAll(false);
}

/** What, of which page, how many. */
const STEP = fc.tuple(fc.nat(8), fc.nat(PAGES - 1), fc.integer({ min: 1, max: 3 }));
const ROUND = fc.tuple(STEP, STEP, STEP);

describe.each(ARCHES.map((arch) => [arch.title, arch] as const))('%s', (_title, arch) => {
  test('three threads at a time', () => {
    fc.assert(
      fc.property(
        fc.array(ROUND, { minLength: 8, maxLength: 16 }),
        fc.infiniteStream(fc.nat(5)),
        fc.infiniteStream(fc.nat(3)),
        (rounds, choices, stops) => {
          const machine = new Machine({ arch, cpus: CPUS, memory: 2 ** (arch.geometry.pageShift + 10) });
          const mmu = machine.kernel.mmu as Ppc64Mmu;
          const process = machine.spawn();
          const inode = machine.createFile('f', { size: PAGES * arch.pageSize, warm: true });
          const file = { inode, readable: true, writable: true, refs: 1 };
          const length = BigInt(PAGES * arch.pageSize);
          process.mmap({ addr: AT, length, prot: 'rw', flags: 'private|anonymous|fixed' });
          const threads = [process, process.thread(), process.thread()];
          for (const [cpu, thread] of threads.entries()) thread.runOn(cpu);
          const address = (page: number): bigint => AT + BigInt(page * arch.pageSize);
          for (const round of rounds) {
            mmu.stops.stops = null;
            prepare(process, file);
            mmu.stops.stops = (point) => (stops.next().value as number) < (point === 'pte found' ? 1 : 2);
            const stored: (readonly [number, number])[] = [];
            const ops = round.map(([what, page, pages], who) => {
              const thread = threads[who] as typeof process;
              const addr = address(page);
              const bytes = BigInt(pages * arch.pageSize);
              const place = { addr, length: bytes, prot: 3, offset: 0n };
              const op = (): Op<unknown> => {
                if (what === 0) return thread.ops.madvise(addr, bytes, 4);
                if (what === 1) return thread.ops.munmap(addr, bytes);
                if (what === 2) return thread.ops.mprotect(addr, bytes, pages === 1 ? 1 : 3);
                if (what === 3)
                  return thread.ops.mmap({ ...place, flags: MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, file: null });
                if (what === 4) return thread.ops.mmap({ ...place, flags: MAP_SHARED | MAP_FIXED, file });
                if (what === 5) return thread.ops.fork();
                if (what === 6) return thread.ops.load(addr, new Uint8Array(4));
                stored.push([page, who + 1]);
                return thread.ops.store(addr + BigInt(who), Uint8Array.of(who + 1));
              };
              return new SteppedOp(`${who}`, op());
            });
            interleave(ops, () => choices.next().value as number);
            for (const child of machine.processes) if (!threads.includes(child)) child.exit();
            machine.check();
            const still = round.every(([what]) => what >= 5);
            for (const [page, byte] of stored) {
              const op = ops[byte - 1] as SteppedOp<unknown>;
              const landed = (op.result as { signal: number }).signal === 0;
              if (still && landed) expect(process.load8(address(page) + BigInt(byte - 1))).toBe(byte);
            }
            for (let page = 0; page < PAGES; page++) {
              const { memory, tables } = machine.kernel;
              const at = tables.lookupPage(process.mm, Number(address(page) / BigInt(arch.pageSize)));
              if (at !== 0) expect((memory.words[at + tables.loAt] as number) & BUSY).toBe(0);
            }
          }
          expect(machine.kernel.rcu.pending).toBe(false);
        },
      ),
      { numRuns: 15 },
    );
  });
});
