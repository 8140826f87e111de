/** The kernel's accesses on a machine that has nothing of its own for them: what the contract does by default. */
import { expect, test } from 'vitest';
import { KernelSpace } from '../../src/arch/kernel-space.js';
import { audit } from '../../src/audit/audit.js';
import type { Kernel } from '../../src/kernel.js';
import type { Cpu } from '../../src/smp/cpu.js';
import { kernelLoad, kernelStore } from '../../src/vmalloc/access.js';
import { lookupKernelPte } from '../../src/vmalloc/kernel-lookup.js';
import { vfree, vmalloc } from '../../src/vmalloc/vmalloc.js';
import { PAGE_SHIFT, PAGE_SIZE, PTE_PRESENT, PTE_READ, PTE_WRITE, testArch } from '../support/test-arch.js';
import { run, testKernel, testMm } from '../support/test-kernel.js';

const START = 0x2000_0000n;

function setUp(): { readonly k: Kernel; readonly cpus: readonly [Cpu, Cpu] } {
  const kernelSpace = new KernelSpace(PAGE_SHIFT, {
    start: START,
    end: START + 0x100_0000n,
    prot: BigInt(PTE_PRESENT | PTE_READ | PTE_WRITE),
    ioremap: { prot: BigInt(PTE_PRESENT | PTE_READ) },
  });
  const k = testKernel(testArch({}, { kernelSpace }), { cpus: 2, nrCpus: 2 });
  testMm(k);
  return { k, cpus: k.cpus as unknown as [Cpu, Cpu] };
}

test('what one CPU stored another loads, each from its own TLB', () => {
  const { k, cpus } = setUp();
  const at = run(vmalloc(k, 2 * PAGE_SIZE));
  expect(at).toBe(START);
  kernelStore(k, cpus[0], at + 5n, 7);
  expect(kernelLoad(k, cpus[1], at + 5n)).toBe(7);
  for (const { tlb } of cpus) expect(tlb.holds(Number(at >> BigInt(PAGE_SHIFT)), 0)).toBe(true);
  expect(audit(k)).toEqual([]);
});

test('lookups are hits and misses, and a hit reads no table', () => {
  const { k, cpus } = setUp();
  const at = run(vmalloc(k, PAGE_SIZE));
  const of = (name: Parameters<typeof k.counters.get>[0]): number => k.counters.get(name);
  kernelLoad(k, cpus[0], at);
  expect([of('tlbDataLookups'), of('tlbDataMisses'), of('tlbDataMisses2')]).toEqual([1, 1, 1]);
  kernelStore(k, cpus[0], at, 1);
  expect([of('tlbDataLookups'), of('tlbDataMisses'), of('tlbDataMisses2')]).toEqual([2, 1, 1]);
  expect(() => kernelLoad(k, cpus[0], at + BigInt(PAGE_SIZE))).toThrow('nothing is mapped there');
  expect(of('walks')).toBe(of('tlbDataMisses2'));
});

test('a flush of the range takes it out of every TLB, by interrupt, and leaves the rest', () => {
  const { k, cpus } = setUp();
  const [freed, kept] = [run(vmalloc(k, PAGE_SIZE)), run(vmalloc(k, PAGE_SIZE))];
  for (const cpu of cpus) for (const at of [freed, kept]) kernelLoad(k, cpu, at);
  run(vfree(k, freed));
  expect([k.counters.get('ipiFlushAll'), k.counters.get('flushRange')]).toEqual([1, 1]);
  for (const { tlb } of cpus) {
    expect(tlb.holds(Number(freed >> BigInt(PAGE_SHIFT)), 0)).toBe(false);
    expect(tlb.holds(Number(kept >> BigInt(PAGE_SHIFT)), 0)).toBe(true);
  }
  expect(() => kernelLoad(k, cpus[1], freed)).toThrow('nothing is mapped there');
  expect(audit(k)).toEqual([]);
});

test('an entry that may not be written stops a store, whether a TLB has it or not', () => {
  const { k, cpus } = setUp();
  const at = run(vmalloc(k, PAGE_SIZE));
  const entry = lookupKernelPte(k, Number(at >> BigInt(PAGE_SHIFT)));
  k.memory.words[entry] = (k.memory.words[entry] as number) & ~PTE_WRITE;
  expect(kernelLoad(k, cpus[0], at)).toBe(0);
  for (const cpu of cpus) expect(() => kernelStore(k, cpu, at, 1)).toThrow('it is read-only');
});
