/** Leaving an address space: what only a CPU in lazy state may do. */
import { KernelBug, type Mm } from '@fourfold/core/arch';
import { describe, expect, test } from 'vitest';
import { leaveMm, registersOf } from '../src/context.js';
import { x86Arches } from '../src/index.js';
import { TestHost } from './host.js';

describe.each(x86Arches.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('leave_mm of a CPU in user mode is a bug; a lazy one goes to the tables of the kernel', () => {
    const m = new TestHost(arch, 2);
    const mm: Mm = m.newMm();
    const [cpu] = m.cpus as [(typeof m.cpus)[number]];
    m.mmu.switchMm(cpu, null, mm);
    expect(() => leaveMm(cpu, mm, m)).toThrow(KernelBug);
    expect(mm.cpuVmMask).toBe(1);
    m.mmu.enterLazyTlb(cpu, mm);
    leaveMm(cpu, mm, m);
    expect([mm.cpuVmMask, registersOf(cpu).cr3, cpu.mm, cpu.context]).toEqual([0, 0, mm, -1]);
    m.initMm = m.newMm();
    leaveMm(cpu, mm, m);
    expect(registersOf(cpu).cr3).toBe(m.initMm.rootPa);
  });
});
