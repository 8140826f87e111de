/** The flush ledger and the comparison of TLB hits, on machines whose flushes are taken away by hand. */
import { KernelBug, Machine, type MachineChecks, type Process } from '@fourfold/core';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

const FLUSHES = ['flushPage', 'flushRange', 'flushMm', 'flushTables', 'flushPending', 'gatherFlush'] as const;

interface Scene {
  readonly machine: Machine;
  readonly process: Process;
  readonly other: Process;
  readonly at: bigint;
}

/** A process and its thread on another CPU, one written page, and from now on no flush of any kind. */
function unflushed(arch: Machine['arch'], checks: MachineChecks): Scene {
  const machine = new Machine({ arch, cpus: 2, checks });
  const process = machine.spawn();
  const at = process.mmap({ length: machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
  const other = process.thread();
  other.runOn(1);
  process.store8(at, 1);
  other.load8(at);
  process.store8(at, 1);
  const { mmu } = machine.kernel;
  for (const flush of FLUSHES) mmu[flush] = () => {};
  return { machine, process, other, at };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('a system call may not end with a CPU that can still use what it took away', () => {
    const { process, at, machine } = unflushed(arch, { flushes: true });
    expect(() => process.mprotect(at, machine.pageSize, 'r')).toThrow(KernelBug);
  });

  test('a page is owed to a CPU that could have read its entry, whether it did or not', () => {
    const machine = new Machine({ arch, cpus: 2, checks: { flushes: true } });
    const process = machine.spawn();
    const at = process.mmap({ length: 2 * machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
    process.store8(at, 1);
    const other = process.thread();
    other.runOn(1);
    other.store8(at + BigInt(machine.pageSize), 1);
    // CPU 1 never touched the first page, and what reaches it from now on does nothing.
    Object.assign(machine.kernel.cpus[1]?.tlb ?? {}, {
      dropPage: () => 0,
      dropRange: () => 0,
      dropContext: () => 0,
      dropAll: () => 0,
      watch: null,
    });
    expect(() => process.mprotect(at, machine.pageSize, 'r')).toThrow('CPU 1 may still use page');
  });

  test('without a ledger the next stale hit is found', () => {
    const { process, other, at, machine } = unflushed(arch, { flushes: false, hits: true });
    process.munmap(at, machine.pageSize);
    expect(() => other.load8(at)).toThrow('stale translation');
  });

  test('without both nothing is said, and the audit still sees it', () => {
    const { process, at, machine } = unflushed(arch, { flushes: false, hits: false });
    process.munmap(at, machine.pageSize);
    expect(machine.audit().map(({ invariant }) => invariant)).toContain('F24');
  });

  test('flushes that are made are counted against what was owed', () => {
    const machine = new Machine({ arch, cpus: 2, checks: { flushes: true } });
    const process = machine.spawn();
    const at = process.mmap({ length: 4 * machine.pageSize, prot: 'rw', flags: 'private|anonymous' });
    for (let i = 0; i < 4; i++) process.store8(at + BigInt(i * machine.pageSize), 1);
    process.munmap(at, machine.pageSize);
    const { ledger } = machine.kernel;
    const line = ledger?.overFlushed.find(({ operation }) => operation === 'munmap');
    expect(line?.owed).toBeGreaterThanOrEqual(1);
    expect(line?.dropped).toBeGreaterThanOrEqual(line?.owed as number);
    expect(ledger?.open).toBe(0);
  });
});
