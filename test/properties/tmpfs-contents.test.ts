/**
 * Contents of tmpfs files against a model of maps, under random writes, truncations, holes, mappings and forks, with swap at
 * work: the page of every step may be anywhere.
 */
import { Machine, type Process, runToEnd, tryToFreePages, vmtruncateRange } from '@fourfold/core';
import { type ShmemInode, tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';
import { pageOut } from '../support/page-out.js';

const AT = 0x2000_0000n;
const PAGES = 24;
const PRIVATE = 64;

type Step =
  | {
      readonly op: 'write' | 'store' | 'storePrivate';
      readonly who: number;
      readonly page: number;
      readonly tail: boolean;
      readonly value: number;
    }
  | { readonly op: 'truncate'; readonly page: number; readonly extra: boolean }
  | {
      readonly op: 'punch';
      readonly page: number;
      readonly pages: number;
      readonly who: number;
      readonly byAdvice: boolean;
    }
  | { readonly op: 'fork' | 'exit' | 'forget' | 'swapOut'; readonly who: number; readonly page: number };

const page = fc.nat(PAGES + 1);
const who = fc.nat(7);
const stepArb: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    op: fc.constantFrom('write' as const, 'store' as const, 'storePrivate' as const),
    who,
    page,
    tail: fc.boolean(),
    value: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ op: fc.constant('truncate' as const), page, extra: fc.boolean() }),
  fc.record({
    op: fc.constant('punch' as const),
    page,
    pages: fc.integer({ min: 1, max: 8 }),
    who,
    byAdvice: fc.boolean(),
  }),
  fc.record({
    op: fc.constantFrom('fork' as const, 'exit' as const, 'forget' as const, 'swapOut' as const),
    who,
    page,
  }),
);

/** First and last byte of a page; undefined reads as 0. */
type Bytes = [head: number, tail: number];

interface ModelProcess {
  readonly process: Process;
  /** Private copies by page. */
  copies: Map<number, Bytes>;
}

/** A file and those that map it, in two minds: the machine's and a map's. */
class World {
  readonly machine: Machine;
  readonly file;
  readonly pages = new Map<number, Bytes>();
  processes: ModelProcess[] = [];

  constructor(arch: (typeof MACHINES)[number]) {
    this.machine = new Machine({
      arch,
      memory: 2 ** (arch.geometry.pageShift + 12),
      swap: 2 ** (arch.geometry.pageShift + 9),
      overcommit: 1,
      mounts: { '/tmp': tmpfs({ nr_blocks: 200 }) },
    });
    this.file = this.machine.open('/tmp/f', { create: true });
    const process = this.machine.spawn();
    const length = PAGES * this.pageSize;
    process.mmap({ addr: AT, length, prot: 'rw', flags: 'shared|fixed', file: this.file });
    process.mmap({ addr: this.address(PRIVATE), length, prot: 'rw', flags: 'private|fixed', file: this.file });
    this.processes.push({ process, copies: new Map() });
  }

  get pageSize(): number {
    return this.machine.pageSize;
  }

  get size(): number {
    return this.file.inode.size;
  }

  address(n: number, tail = false): bigint {
    return AT + BigInt(n * this.pageSize + (tail ? this.pageSize - 1 : 0));
  }

  isBeyond(n: number): boolean {
    return n * this.pageSize >= this.size;
  }

  bytes(n: number): Bytes {
    return this.pages.get(n) ?? [0, 0];
  }

  run(step: Step): void {
    const some = 'who' in step ? this.processes[step.who % this.processes.length] : undefined;
    switch (step.op) {
      case 'write': {
        const at = step.page * this.pageSize + (step.tail ? this.pageSize - 1 : 0);
        expect(runToEnd(this.file.inode.write(at, Uint8Array.of(step.value)))).toBe(1);
        this.set(step.page, step.tail, step.value);
        break;
      }
      case 'store':
        if (step.page >= PAGES || some === undefined) break;
        this.store(some, step.page, step.page, step);
        if (!this.isBeyond(step.page)) this.set(step.page, step.tail, step.value);
        break;
      case 'storePrivate': {
        if (step.page >= PAGES || some === undefined) break;
        this.store(some, PRIVATE + step.page, step.page, step);
        if (this.isBeyond(step.page)) break;
        const copy: Bytes = [...(some.copies.get(step.page) ?? this.bytes(step.page))];
        copy[step.tail ? 1 : 0] = step.value;
        some.copies.set(step.page, copy);
        break;
      }
      case 'truncate': {
        this.machine.truncate(this.file, step.page * this.pageSize + (step.extra ? 1 : 0));
        const first = Math.ceil(this.size / this.pageSize);
        this.drop(first, Infinity);
        const last = step.extra ? this.pages.get(step.page) : undefined;
        if (last !== undefined) last[1] = 0;
        break;
      }
      case 'punch': {
        const end = step.page + step.pages;
        if (step.byAdvice && some !== undefined) {
          if (end > PAGES) break;
          some.process.madvise(this.address(step.page), step.pages * this.pageSize, this.machine.arch.madvRemove);
        } else {
          const { kernel } = this.machine;
          const result = vmtruncateRange(kernel, this.file.inode, step.page * this.pageSize, end * this.pageSize);
          expect(runToEnd(result)).toBe(0);
        }
        this.drop(step.page, end);
        break;
      }
      case 'fork':
        if (some === undefined || this.processes.length >= 4) break;
        this.processes.push({
          process: some.process.fork(),
          copies: new Map([...some.copies].map(([n, bytes]) => [n, [...bytes]])),
        });
        break;
      case 'exit':
        if (this.processes.length === 1 || some === undefined) break;
        some.process.exit();
        this.processes = this.processes.filter((other) => other !== some);
        break;
      case 'forget':
        if (step.page >= PAGES || some === undefined) break;
        some.process.madvise(this.address(PRIVATE + step.page), this.pageSize, 4);
        some.copies.delete(step.page);
        break;
      case 'swapOut':
        if (some === undefined) break;
        pageOut(some.process, AT, PAGES);
        // Every other time the swap cache is emptied too, as far as it goes.
        if (step.page % 2 === 0) {
          this.machine.drainBatches();
          runToEnd(tryToFreePages(this.machine.kernel));
        }
        break;
    }
  }

  store(
    { process }: ModelProcess,
    at: number,
    n: number,
    step: { readonly tail: boolean; readonly value: number },
  ): void {
    const store = (): void => process.store8(this.address(at, step.tail), step.value);
    if (this.isBeyond(n)) expect(store).toThrow(/BUS_ADRERR/);
    else store();
  }

  set(n: number, tail: boolean, value: number): void {
    const bytes = this.bytes(n);
    bytes[tail ? 1 : 0] = value;
    this.pages.set(n, bytes);
  }

  drop(first: number, end: number): void {
    for (const n of [...this.pages.keys()]) if (n >= first && n < end) this.pages.delete(n);
    for (const { copies } of this.processes) {
      for (const n of [...copies.keys()]) if (n >= first && n < end) copies.delete(n);
    }
  }

  /** Everything anybody can see. */
  compare(): void {
    for (const { process, copies } of this.processes) {
      for (let n = 0; n < PAGES; n++) {
        if (this.isBeyond(n)) {
          expect(() => process.load8(this.address(n))).toThrow(/BUS_ADRERR/);
          continue;
        }
        const both = (at: number): Bytes => [process.load8(this.address(at)), process.load8(this.address(at, true))];
        expect([n, both(n)]).toEqual([n, this.bytes(n)]);
        expect([n, both(PRIVATE + n)]).toEqual([n, copies.get(n) ?? this.bytes(n)]);
      }
    }
  }
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('everybody sees what the model says, whatever was written, cut, punched, forked or swapped', () => {
    let swapped = 0;
    fc.assert(
      fc.property(fc.array(stepArb, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
        const world = new World(arch);
        const { machine } = world;
        for (const step of steps) {
          world.run(step);
          machine.check();
          swapped += (world.file.inode as ShmemInode).swapped;
        }
        world.compare();
        machine.check();
        for (const { process } of world.processes) process.exit();
        machine.unlink('/tmp/f');
        machine.close(world.file);
        machine.check();
        expect(machine.kernel.committed).toBe(0);
      }),
      { numRuns: 30 },
    );
    expect(swapped).toBeGreaterThan(0);
  });
});
