/** Loads and stores of the kernel in what it mapped for itself: on every CPU, whatever that has loaded, and not a moment longer. */
import { createIa64 } from '@fourfold/arch-ia64';
import { createPpc64 } from '@fourfold/arch-ppc64';
import { createSparc64 } from '@fourfold/arch-sparc64';
import { createX86_64 } from '@fourfold/arch-x86';
import { ioremap, kernelLoad, kernelStore, Machine, runToEnd, vfree, vmalloc } from '@fourfold/core';
import { type ArchDescriptor, lookupKernelPte } from '@fourfold/core/arch';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES, type MachineName } from '../support/machines.js';
import { checkMisses } from '../support/misses.js';

const DEVICE = 0x8000_0000;

/** Where the kernel has all memory in a row: its address of physical address 0. */
const DIRECT_MAP: Readonly<Record<MachineName, bigint>> = {
  i386: 0xc000_0000n,
  'i386-pae': 0xc000_0000n,
  x86_64: 0xffff_8100_0000_0000n,
  'ppc64-4k': 0xc000_0000_0000_0000n,
  'ppc64-64k': 0xc000_0000_0000_0000n,
  'ia64-4k': 0xe000_0000_0000_0000n,
  'ia64-8k': 0xe000_0000_0000_0000n,
  'ia64-16k': 0xe000_0000_0000_0000n,
  'ia64-64k': 0xe000_0000_0000_0000n,
  'sparc64-8k': 0xffff_f800_0000_0000n,
  'sparc64-64k': 0xffff_f800_0000_0000n,
};

/** How often counters grow over an action. */
function growth(
  machine: Machine,
  names: readonly Parameters<Machine['counters']['get']>[0][],
  action: () => void,
): number[] {
  const before = names.map((name) => machine.counters.get(name));
  action();
  return names.map((name, i) => machine.counters.get(name) - (before[i] as number));
}

/** Takes flush_tlb_kernel_range out of a machine, and what the port queued for it. */
function withoutKernelFlush(machine: Machine): void {
  const { kernel } = machine;
  kernel.mmu.flushKernelRange = () => {
    for (const { batch } of kernel.cpus) batch.nr = 0;
  };
}

/** Rounds of vmalloc, stores and loads on two CPUs, and vfree; audited after each step. */
function mapAndFree(machine: Machine): void {
  const { pageSize } = machine;
  const k = machine.kernel;
  const [one, two] = k.cpus as [(typeof k.cpus)[number], (typeof k.cpus)[number]];
  for (const cpu of k.cpus) machine.spawn({ cpu: cpu.id }).brk(0);
  let first = 0n;
  for (let round = 1; round < 5; round++) {
    const at = runToEnd(vmalloc(k, 3 * pageSize));
    if (round === 1) first = at;
    expect(at).toBe(first);
    const others = runToEnd(vmalloc(k, pageSize)); // takes the frames that were given back
    for (let i = 0; i < 3; i++) {
      kernelStore(k, i === 1 ? two : one, at + BigInt(i * pageSize), 16 * round + i);
      expect(kernelLoad(k, i === 1 ? one : two, at + BigInt(i * pageSize))).toBe(16 * round + i);
    }
    machine.check();
    runToEnd(vfree(k, at));
    machine.check();
    for (const cpu of k.cpus) expect(() => kernelLoad(k, cpu, at)).toThrow('nothing is mapped there');
    kernelStore(k, two, others, round);
    expect(kernelLoad(k, one, others)).toBe(round);
    machine.check();
  }
}

describe.each(MACHINES.map((arch) => [arch.name as MachineName, arch] as const))('%s', (name, arch) => {
  const { pageSize } = arch.geometry;
  const small = (cpus = 1): Machine => new Machine({ arch, cpus, memory: 2 ** (arch.geometry.pageShift + 10) });

  test('a vmalloc area reads and writes its frames, its guard page nothing, and after vfree it is gone', () => {
    const machine = small();
    const k = machine.kernel;
    machine.spawn().brk(0);
    const at = runToEnd(vmalloc(k, 2 * pageSize));
    for (const offset of [0, pageSize - 1, pageSize, 2 * pageSize - 1]) {
      machine.kernelStore8(at + BigInt(offset), offset & 255);
    }
    for (const offset of [0, pageSize - 1, pageSize, 2 * pageSize - 1]) {
      expect(machine.kernelLoad8(at + BigInt(offset))).toBe(offset & 255);
    }
    expect(() => kernelLoad(k, k.cpu, at + BigInt(2 * pageSize))).toThrow('MM_OOPS');
    runToEnd(vfree(k, at));
    expect(() => kernelLoad(k, k.cpu, at)).toThrow('nothing is mapped there');
    machine.check();
  });

  test('a device that ioremap mapped', () => {
    const machine = new Machine({ arch, devices: [{ base: DEVICE, size: 4 * pageSize }] });
    const k = machine.kernel;
    const at = runToEnd(ioremap(k, DEVICE + pageSize + 5, 4));
    kernelStore(k, k.cpu, at, 77);
    expect(kernelLoad(k, k.cpu, at)).toBe(77);
    expect(k.memory.loadByte(k.memory.frameAt(DEVICE / pageSize + 1), 5)).toBe(77);
    machine.check();
  });

  test('an access misses the TLB once; what it cached serves the next, after others were loaded and left too', () => {
    const machine = small();
    const k = machine.kernel;
    machine.spawn().brk(0);
    const at = runToEnd(vmalloc(k, pageSize));
    const names = ['tlbDataLookups', 'tlbDataMisses2'] as const;
    kernelStore(k, k.cpu, at, 1);
    expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([1, 0]);
    const process = machine.spawn();
    process.brk(0);
    machine.idle(0);
    process.exit();
    expect(growth(machine, names, () => kernelLoad(k, k.cpu, at))).toEqual([1, 0]);
    machine.check();
  });

  test('one CPU writes, another reads; what is mapped there next is read, never what was', () => {
    const machine = small(2);
    mapAndFree(machine);
    checkMisses(arch, machine.counters.snapshot());
  });

  test('without flush_tlb_kernel_range the frame is freed too early, whether a CPU has it cached or not', () => {
    const machine = small(2);
    withoutKernelFlush(machine);
    const k = machine.kernel;
    const at = runToEnd(vmalloc(k, pageSize));
    kernelLoad(k, k.cpu, at);
    expect(() => runToEnd(vfree(k, at))).toThrow(
      /may still use the kernel's page .*flush_tlb_kernel_range left it there/,
    );
  });

  test('without it the audit and the next hit find what is cached', () => {
    const machine = new Machine({ arch, memory: 2 ** (arch.geometry.pageShift + 10), checks: { flushes: false } });
    withoutKernelFlush(machine);
    const k = machine.kernel;
    const at = runToEnd(vmalloc(k, pageSize));
    kernelLoad(k, k.cpu, at);
    runToEnd(vfree(k, at));
    expect(() => machine.check()).toThrow(
      /stale translation of the kernel's page \d+: flush_tlb_kernel_range is missing/,
    );
    expect(() => kernelLoad(k, k.cpu, at)).toThrow("hit of a CPU 0: stale translation of the kernel's page");
  });

  test('programs get nothing by it: a signal, or a page of their own where they may have the address', () => {
    const machine = small();
    const k = machine.kernel;
    const process = machine.spawn();
    process.brk(0);
    const at = runToEnd(vmalloc(k, pageSize));
    kernelStore(k, k.cpu, at, 1);
    for (let i = 0; i < 2; i++) expect(() => process.load8(at)).toThrow('SEGV_MAPERR');
    if (at < BigInt(arch.layout.taskSizePages) * BigInt(pageSize)) {
      process.mmap({ addr: at, length: pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
      process.store8(at, 2);
      expect([process.load8(at), kernelLoad(k, k.cpu, at)]).toEqual([2, 1]);
      kernelStore(k, k.cpu, at, 3);
      expect([process.load8(at), kernelLoad(k, k.cpu, at)]).toEqual([2, 3]);
    }
    expect(kernelLoad(k, k.cpu, at)).not.toBe(2);
    checkMisses(arch, machine.counters.snapshot());
    machine.check();
  });

  test('the map of all memory shows every frame, in large pages, and no program sees it', () => {
    const machine = new Machine({ arch });
    const k = machine.kernel;
    const process = machine.spawn();
    const own = process.mmap({ length: 2 * pageSize, prot: 'rw', flags: 'private|anonymous' });
    const frames = [0, 1].map((i) => {
      process.store8(own + BigInt(i * pageSize + 7), 40 + i);
      return Number(process.explain(own + BigInt(i * pageSize)).pte?.pfn);
    });
    const addressOf = (pfn: number): bigint => DIRECT_MAP[name] + BigInt(pfn * pageSize);
    for (const i of [0, 1]) {
      expect(kernelLoad(k, k.cpu, addressOf(frames[i] as number) + 7n)).toBe(40 + i);
      kernelStore(k, k.cpu, addressOf(frames[i] as number) + 7n, 50 + i);
      expect(process.load8(own + BigInt(i * pageSize + 7))).toBe(50 + i);
    }
    const misses = growth(machine, ['tlbDataMisses2'], () => {
      for (let i = 0; i < 16; i++) kernelLoad(k, k.cpu, addressOf((frames[0] as number) & ~15) + BigInt(i * pageSize));
    });
    expect(misses[0]).toBeLessThanOrEqual(1);
    expect(() => process.load8(addressOf(frames[0] as number))).toThrow('SEGV_MAPERR');
    expect(() => kernelLoad(k, k.cpu, DIRECT_MAP[name] + 0x7000_0000n)).toThrow('MM_OOPS');
    checkMisses(arch, machine.counters.snapshot());
    machine.check();
  });

  test('random areas, CPUs and processes: every CPU reads what any of them wrote, and nothing of what was freed', () => {
    const step = fc.tuple(
      fc.constantFrom('vmalloc', 'vfree', 'store', 'load', 'spawn', 'exit', 'idle'),
      fc.nat(3),
      fc.nat(40),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const machine = small(4);
        const k = machine.kernel;
        const areas: { at: bigint; value: number }[] = [];
        let freed = 0n;
        for (const [what, id, n] of steps) {
          const cpu = k.cpus[id] as (typeof k.cpus)[number];
          const area = areas[n % Math.max(1, areas.length)];
          if (what === 'vmalloc') {
            const at = runToEnd(vmalloc(k, ((n % 3) + 1) * pageSize));
            if (at === 0n) continue;
            kernelStore(k, cpu, at, n);
            areas.push({ at, value: n });
            if (at === freed) freed = 0n;
          } else if (what === 'spawn') machine.spawn({ cpu: id }).brk(0);
          else if (what === 'exit') machine.processes[n % Math.max(1, machine.processes.length)]?.exit();
          else if (what === 'idle') machine.idle(id);
          else if (area === undefined) continue;
          else if (what === 'vfree') {
            freed = area.at;
            runToEnd(vfree(k, area.at));
            areas.splice(areas.indexOf(area), 1);
          } else if (what === 'store') {
            area.value = n;
            kernelStore(k, cpu, area.at, n);
          } else expect(kernelLoad(k, cpu, area.at)).toBe(area.value);
          if (freed !== 0n) expect(() => kernelLoad(k, cpu, freed)).toThrow('MM_OOPS');
          machine.check();
        }
        checkMisses(arch, machine.counters.snapshot());
      }),
      { numRuns: 20 },
    );
  });
});

test.each(MACHINES.map((arch) => [arch.name, arch] as const))(
  '%s: an access to low addresses is an oops, not memory',
  (_name, arch) => {
    const machine = new Machine({ arch });
    const { kernel: k } = machine;
    for (const at of [64n, BigInt(arch.pageSize)]) {
      expect(() => kernelLoad(k, k.cpu, at)).toThrow('MM_OOPS');
      expect(() => kernelStore(k, k.cpu, at, 7)).toThrow('MM_OOPS');
    }
    machine.check();
  },
);

test.each(MACHINES.filter(({ name }) => name.includes('86')).map((arch) => [arch.name, arch] as const))(
  '%s: what programs may do in the gate is held against the tables too',
  (_name, arch) => {
    const machine = new Machine({ arch });
    const { kernel: k } = machine;
    const start = arch.layout.spec.gate?.start ?? 0n;
    machine.spawn().load8(start);
    machine.check();
    const at = lookupKernelPte(k, Number(start / BigInt(arch.pageSize)));
    k.memory.words[at] = (k.memory.words[at] as number) & ~4; // US
    expect(() => machine.check()).toThrow('stale translation');
  },
);

/** Other processors and kernels of each machine. */
const VARIANTS: Readonly<Record<string, ArchDescriptor>> = {
  'sparc64, UltraSPARC III': createSparc64({ tlb: 'cheetah' }),
  'sparc64, UltraSPARC III+': createSparc64({ tlb: 'cheetah_plus' }),
  'sparc64, 32-bit tasks': createSparc64({ task: 32 }),
  'ppc64, entries of 64 KiB': createPpc64({ pageShift: 16, hashedPageShift: 16 }),
  'ppc64, 32-bit tasks': createPpc64({ task: 32 }),
  'ia64, four levels': createIa64({ levels: 4 }),
  'ia64, Itanium': createIa64({ vaMsb: 50 }),
  'x86_64, 32-bit tasks': createX86_64({ task: 32 }),
};

describe.each(Object.entries(VARIANTS))('%s', (_name, arch) => {
  test('one CPU writes, another reads; what is mapped there next is read, never what was', () => {
    mapAndFree(new Machine({ arch, cpus: 2 }));
  });

  test('the map of all memory shows what a program stored', () => {
    const machine = new Machine({ arch });
    const process = machine.spawn();
    const at = process.mmap({ length: arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
    process.store8(at + 9n, 77);
    const base = DIRECT_MAP[arch.name.replace(/-4level$/, '') as MachineName];
    const pfn = Number(process.explain(at).pte?.pfn);
    expect(machine.kernelLoad8(base + BigInt(pfn * arch.pageSize) + 9n)).toBe(77);
    machine.check();
  });
});
