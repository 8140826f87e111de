/** Flushes of other CPUs: who is interrupted, and through which slot. */
import { Machine, type Process, pageOutRange } from '@fourfold/core';
import { type ArchDescriptor, LOAD, type Mm } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { map, pageAt, run, touch, vpnAt } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { Bare, growth, P_RX, registers } from './scene.js';

/** A process with a thread in user mode on each CPU; index is the CPU. */
function everywhere(arch: ArchDescriptor, cpus: number): { machine: Machine; threads: Process[] } {
  const machine = new Machine({ arch, cpus, swap: '1MiB' });
  const process = machine.spawn();
  map(process, 8);
  touch(process, 8);
  const threads = [process];
  for (let cpu = 1; cpu < cpus; cpu++) {
    const thread = process.thread();
    thread.runOn(cpu);
    thread.load8(pageAt(machine, 7));
    threads.push(thread);
  }
  return { machine, threads };
}

/** Flushes sent by slot. */
function sent(machine: Machine): number[] {
  return [...(machine.kernel.mmu as unknown as { flush: { sent: Float64Array } }).flush.sent];
}

export default quirks({
  port: 'x86',
  about: 'Flushing other CPUs',
  quirks: {
    'flush_tlb_page is INVLPG here and on every CPU of the mask, flush_tlb_mm a CR3 load on each': {
      source: 'arch/i386/kernel/smp.c, arch/x86_64/kernel/smp.c: flush_tlb_page, flush_tlb_mm, flush_tlb_others',
      holds: (arch) => {
        const { machine, threads } = everywhere(arch, 3);
        const [process] = threads as [Process];
        const all = (name: 'invlpgs' | 'cr3Loads'): number[] =>
          machine.kernel.cpus.map((cpu) => registers(machine, cpu.id)[name]);
        const before = [all('invlpgs'), all('cr3Loads')] as const;
        process.fork();
        expect(all('cr3Loads').map((n, cpu) => n - (before[1][cpu] as number))).toEqual([1, 1, 1]);
        expect(growth(machine, 'ipiFlushPage', () => touch(process, 1))).toBe(2);
        expect(all('invlpgs').map((n, cpu) => n - (before[0][cpu] as number))).toEqual([1, 1, 1]);
      },
    },
    'one flush of others at a time, in one slot, whoever sends it': {
      source: 'arch/i386/kernel/smp.c: flush_mm, flush_va, flush_cpumask, tlbstate_lock',
      machines: ['i386', 'i386-pae'],
      holds: (arch) => {
        const { machine, threads } = everywhere(arch, 10);
        for (const cpu of [0, 1, 9]) threads[cpu]?.munmap(pageAt(machine, cpu % 7), machine.pageSize);
        expect(sent(machine)).toEqual([3]);
      },
    },
    'eight slots, each with its vector from 0xf0 to 0xf7 and its lock: a CPU sends through that of its number modulo 8':
      {
        source: 'arch/x86_64/kernel/smp.c: flush_tlb_others (smp_processor_id() % NUM_INVALIDATE_TLB_VECTORS)',
        machines: ['x86_64'],
        holds: (arch) => {
          const { machine, threads } = everywhere(arch, 10);
          for (const cpu of [0, 1, 9, 3]) threads[cpu]?.munmap(pageAt(machine, cpu % 7), machine.pageSize);
          expect(sent(machine)).toEqual([1, 2, 0, 1, 0, 0, 0, 0]);
        },
      },
    'nobody is interrupted for an empty mask': {
      source: 'arch/i386/kernel/smp.c: flush_tlb_page (if (!cpus_empty(cpu_mask)))',
      holds: (arch) => {
        const machine = new Machine({ arch, cpus: 4 });
        const process = machine.spawn({ cpu: 2 });
        map(process, 2);
        touch(process, 2);
        process.munmap(pageAt(machine, 0), machine.pageSize);
        expect([machine.counters.get('ipis'), ...sent(machine).slice(0, 1)]).toEqual([0, 0]);
      },
    },
    'a flush of an address space that this CPU has not loaded drops nothing here, and interrupts those that have it': {
      source: 'arch/i386/kernel/smp.c: flush_tlb_page (current->active_mm == mm)',
      holds: (arch) => {
        const { machine, threads } = everywhere(arch, 2);
        const [process] = threads as [Process];
        const other = machine.spawn({ cpu: 0 });
        other.brk(0);
        const invlpgs = [registers(machine, 0).invlpgs, registers(machine, 1).invlpgs];
        const vpn = vpnAt(machine, 0);
        for (let look = 0; look < 2; look++) run(pageOutRange(machine.kernel, process.mm, vpn, vpn + 1));
        expect(registers(machine, 0).invlpgs).toBe(invlpgs[0]);
        expect(registers(machine, 1).invlpgs).toBeGreaterThan(invlpgs[1] as number);
      },
    },
    'an interrupt that comes late finds another address space loaded, and is acknowledged without a flush': {
      source: 'arch/i386/kernel/smp.c: smp_invalidate_interrupt (flush_mm == active_mm)',
      holds: (arch) => {
        const bare = new Bare(arch, 2);
        const late: Mm = bare.host.makeMm();
        bare.map(0x8048, arch.pte.make(0x77, P_RX));
        const [, cpu] = bare.host.cpus as [unknown, (typeof bare.host.cpus)[number]];
        bare.access(LOAD, 0x8048, cpu);
        late.cpuVmMask = 0b10;
        bare.mmu.flushMm(late);
        expect([bare.host.counters.get('ipis'), cpu.tlb.find(LOAD, 0, 0x8048, 0) >= 0]).toEqual([1, true]);
      },
    },
  },
});
