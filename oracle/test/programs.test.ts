/** The programs of the oracles: the same from the same seed, and with something of everything in them. */
import { x86_64 } from '@fourfold/arch-x86';
import { describe, expect, test } from 'vitest';
import { type ProgramShape, runProgram } from '../src/programs.js';

function shape(seed: number): ProgramShape {
  return {
    arch: x86_64,
    seed,
    base: 0x100_0000,
    bytes: 96 * 2 ** 20,
    arena: 0x2000_0000n,
    pages: 1200,
    huge: 0x4000_0000n,
    prepare: () => {},
  };
}

describe.each([1, 2, 3])('seed %i', (seed) => {
  test('three processes, pages in memory and in swap, huge pages', () => {
    const { machine, processes } = runProgram(shape(seed));
    expect(processes.map(({ label }) => label)).toEqual(['A', 'B', 'C']);
    expect(machine.counters.get('pswpout')).toBeGreaterThan(0);
    expect(machine.counters.get('copyFaults')).toBeGreaterThan(0);
    expect(machine.kernel.hugetlb?.freePages).toBeLessThan(3);
    for (const { process } of processes) expect(process.mm.rss).toBeGreaterThan(100);
  });

  test('the same seed gives the same memory', () => {
    const [one, two] = [runProgram(shape(seed)), runProgram(shape(seed))].map(({ machine }) =>
      machine.counters.snapshot(),
    );
    expect(one).toEqual(two);
  });
});
