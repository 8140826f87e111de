/**
 * Random programs over a frame buffer, beside a model that knows which page of it lies where: on sparc64 its entries are runs that
 * one translation serves, and taking such runs apart must not leave anything in the TLB. Every hit is held against the tables.
 */
import { createSparc64 } from '@fourfold/arch-sparc64';
import { x86_64 } from '@fourfold/arch-x86';
import { FrameBuffer, Machine, MemoryFault, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const AT = 0x4000_0000n;
/** Pages of the screen, of the arena, and of the step in which the programs count. */
const SCREEN = 2 ** 20;
const ARENA = 2 * SCREEN;

/** What a program does, to `count` pages from `page` on; both in parts of the arena. */
const STEP = fc.tuple(
  fc.constantFrom('map', 'unmap', 'protect', 'move', 'load', 'store', 'load', 'store', 'fork', 'exit', 'run' as const),
  fc.nat(2),
  fc.nat(31),
  fc.integer({ min: 1, max: 16 }),
  fc.nat(31),
);

interface Pair {
  readonly real: Process;
  /** Page of the screen, and whether it may be written, by page of the arena. */
  readonly pages: Map<number, { at: number; write: boolean }>;
}

class World {
  readonly machine: Machine;
  readonly pairs: Pair[];
  readonly page: number;
  readonly #screen: FrameBuffer;
  readonly #bytes = new Map<number, number>();

  constructor(arch: ArchDescriptor) {
    const range = { base: 64 * SCREEN, size: SCREEN };
    this.machine = new Machine({
      arch,
      memory: '16MiB',
      cpus: 2,
      devices: [range],
      checks: { hits: true, flushes: true },
    });
    this.#screen = new FrameBuffer(this.machine.kernel, range);
    this.page = arch.pageSize;
    this.pairs = [{ real: this.machine.spawn(), pages: new Map() }];
  }

  run([op, who, part, count, other]: [string, number, number, number, number]): void {
    const pair = this.pairs[who % this.pairs.length] as Pair;
    const { real, pages } = pair;
    const unit = Math.max(1, ARENA / 32 / this.page);
    // Not always at whole parts: by a page or two beside them.
    const first = part * unit + (other % 3);
    const nr = Math.min(count * unit - (count % 2), ARENA / this.page - first);
    if (nr < 1) return;
    const at = AT + BigInt(first * this.page);
    const length = nr * this.page;
    switch (op) {
      case 'map': {
        const index = (other % 4) * unit;
        if (index + nr > SCREEN / this.page) return;
        const prot = other % 5 === 0 ? 'r' : 'rw';
        const file = this.#screen.open();
        real.mmap({ addr: at, length, prot, flags: 'shared|fixed', file, offset: index * this.page });
        for (let i = 0; i < nr; i++) pages.set(first + i, { at: index + i, write: prot === 'rw' });
        break;
      }
      case 'unmap':
        real.munmap(at, length);
        for (let i = 0; i < nr; i++) pages.delete(first + i);
        break;
      case 'protect': {
        let there = 0;
        while (there < nr && pages.has(first + there)) there++;
        if (there === 0) return;
        real.mprotect(at, there * this.page, other % 2 === 0 ? 'r' : 'rw');
        for (let i = 0; i < there; i++) (pages.get(first + i) as { write: boolean }).write = other % 2 !== 0;
        break;
      }
      case 'move':
        this.#move(pair, first, other * unit + (count % 3));
        break;
      case 'load':
      case 'store':
        for (let i = 0; i < nr; i += Math.max(1, nr >> 2))
          this.#access(pair, first + i, op === 'store' ? other + 1 : null);
        break;
      case 'fork': {
        if (this.pairs.length > 2) return;
        const copy = new Map([...pages].map(([key, value]) => [key, { ...value }]));
        this.pairs.push({ real: real.fork(), pages: copy });
        break;
      }
      case 'exit':
        if (this.pairs.length === 1) return;
        real.exit();
        this.pairs.splice(who % this.pairs.length, 1);
        break;
      default:
        real.runOn(part % 2);
    }
  }

  /** Moves the pages of one mapping that lie in a row. */
  #move({ real, pages }: Pair, from: number, to: number): void {
    const area = real.mm.vmas.containing(Number(AT / BigInt(this.page)) + from);
    if (area === null) return;
    const nr = Math.min(area.end - Number(AT / BigInt(this.page)) - from, ARENA / this.page - to);
    if (nr < 1 || Math.abs(from - to) < nr) return;
    const address = (page: number): bigint => AT + BigInt(page * this.page);
    real.mremap(address(from), nr * this.page, nr * this.page, 3, address(to));
    for (let i = 0; i < nr; i++) {
      const moved = pages.get(from + i);
      pages.delete(from + i);
      pages.delete(to + i);
      if (moved !== undefined) pages.set(to + i, moved);
    }
  }

  #access({ real, pages }: Pair, page: number, value: number | null): void {
    const known = pages.get(page);
    const at = AT + BigInt(page * this.page) + 3n;
    let got: number | string;
    try {
      if (value === null) got = real.load8(at);
      else {
        real.store8(at, value);
        got = 'ok';
      }
    } catch (error) {
      if (!(error instanceof MemoryFault)) throw error;
      got = error.code;
    }
    if (known === undefined) expect(got).toBe('SEGV_MAPERR');
    else if (value === null) expect(got).toBe(this.#bytes.get(known.at) ?? 0);
    else expect(got).toBe(known.write ? 'ok' : 'SEGV_ACCERR');
    if (got === 'ok') this.#bytes.set((known as { at: number }).at, value as number);
  }
}

const ARCHES: readonly (readonly [string, ArchDescriptor])[] = [
  ['x86_64', x86_64],
  ...([13, 16] as const).flatMap((pageShift) =>
    (['spitfire', 'cheetah', 'cheetah_plus'] as const).map((tlb) => {
      const arch = createSparc64({ pageShift, tlb });
      return [`${arch.name}, ${tlb}`, arch] as const;
    }),
  ),
  ['sparc64-8k, 32-bit tasks', createSparc64({ task: 32 })],
];

describe.each(ARCHES)('%s', (_name, arch) => {
  test('random programs see the pages of a frame buffer where they put them, and no others', () => {
    fc.assert(
      fc.property(fc.array(STEP, { minLength: 30, maxLength: 60 }), (steps) => {
        const world = new World(arch);
        for (const step of steps) {
          world.run(step);
          world.machine.check();
        }
        for (const { real } of world.pairs) real.exit();
        world.machine.check();
      }),
      { numRuns: 25 },
    );
  });
});
