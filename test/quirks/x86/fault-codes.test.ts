/** Page faults: the error code that the processor pushes, and what the port's handler makes of it. */
import { signalFrame } from '@fourfold/arch-x86';
import { KernelBug, Machine, type Process } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { map, pageAt, plantPte, pteOf } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { growth, registers } from './scene.js';

function started(arch: ArchDescriptor): { machine: Machine; process: Process } {
  const machine = new Machine({ arch });
  return { machine, process: machine.spawn() };
}

/** Bit 4, where fetches are told apart. */
const FETCH = { i386: 0, 'i386-pae': 16, x86_64: 16 } as Readonly<Record<string, number>>;

export default quirks({
  port: 'x86',
  about: 'Page faults',
  quirks: {
    'bit 0 tells a violation from an absent page, bit 1 a store, bit 2 user mode': {
      source: 'IA-32 manual vol. 3, interrupt 14; arch/i386/mm/fault.c: do_page_fault',
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 2);
        const code = (): number => registers(machine).errorCode;
        process.load8(pageAt(machine, 0));
        expect(code()).toBe(4);
        process.store8(pageAt(machine, 1), 1);
        expect(code()).toBe(6);
        process.store8(pageAt(machine, 0), 1);
        expect(code()).toBe(7);
        process.mprotect(pageAt(machine, 0), machine.pageSize, '-');
        expect(() => process.load8(pageAt(machine, 0))).toThrow('SEGV_ACCERR');
        expect(code()).toBe(4);
      },
    },
    'each fault is told with its address, to the byte, and its code, and both stay in the CPU until the next': {
      source: 'IA-32 manual vol. 3, interrupt 14: CR2',
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 2);
        const spy = machine.spy();
        const address = pageAt(machine, 0) + 0x123n;
        process.store8(address, 1);
        const vpn = Number(address / BigInt(machine.pageSize));
        expect(spy.of('trap').map(({ cpu, vpn: page, code }) => [cpu, page, code])).toEqual([[0, vpn, 6]]);
        process.load8(pageAt(machine, 0));
        expect(signalFrame(machine.kernel, machine.kernel.cpu)).toEqual({ address, vpn, errorCode: 6 });
        // An access over two pages faults at the first byte that it finds missing.
        process.store16(pageAt(machine, 1) - 1n, 1);
        expect(signalFrame(machine.kernel, machine.kernel.cpu).address).toBe(pageAt(machine, 1));
      },
    },
    'a stack grows for an access down to 32 bytes below the stack pointer, on x86_64 to 128; what lies further below is a signal':
      {
        source:
          'arch/i386/mm/fault.c, arch/x86_64/mm/fault.c before 2.6.18: do_page_fault (address + 32 < esp, + 128 < rsp)',
        holds: (arch) => {
          const slack = arch.name === 'x86_64' ? 128n : 32n;
          for (const [below, grows] of [
            [slack, true],
            [slack + 1n, false],
          ] as const) {
            const { machine, process } = started(arch);
            map(process, 1, { flags: 'private|anonymous|fixed|growsdown' }, 8);
            // In the middle of the page under the stack.
            process.stackPointer = pageAt(machine, 7) + 2048n;
            const act = (): void => process.store8((process.stackPointer as bigint) - below, 1);
            if (grows) act();
            else expect(act).toThrow('SEGV_MAPERR');
            process.stackPointer = null;
            process.store8(pageAt(machine, 5), 1);
          }
        },
      },
    'bit 4 is set by fetches, where NX is on': {
      source: 'AMD64 manual vol. 2, 8.4.2: page-fault error code',
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 1, { prot: 'rx' });
        process.fetch(pageAt(machine, 0));
        expect(registers(machine).errorCode).toBe(4 | (FETCH[arch.name] as number));
      },
    },
    'a fetch from a present page with NX is a signal at once: code 0x15': {
      source: 'arch/x86_64/mm/fault.c: do_page_fault (read, present: bad_area)',
      machines: ['i386-pae', 'x86_64'],
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 1, { prot: 'r' });
        process.load8(pageAt(machine, 0));
        expect(() => process.fetch(pageAt(machine, 0))).toThrow('SEGV_ACCERR');
        expect(registers(machine).errorCode).toBe(0x15);
      },
    },
    'a fetch from an absent page of an area that is not executable brings the page first, and is a signal at the second try':
      {
        source: 'arch/x86_64/mm/fault.c: do_page_fault (VM_READ | VM_EXEC for any read)',
        machines: ['i386-pae', 'x86_64'],
        holds: (arch) => {
          const { machine, process } = started(arch);
          map(process, 1, { prot: 'r' });
          expect(
            growth(machine, 'minorFaults', () =>
              expect(() => process.fetch(pageAt(machine, 0))).toThrow('SEGV_ACCERR'),
            ),
          ).toBe(1);
          expect(pteOf(process, 0)).not.toBe(null);
        },
      },
    'a page that may be read may be executed': {
      source: 'arch/i386/mm/fault.c: do_page_fault (VM_READ | VM_EXEC)',
      machines: ['i386'],
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 1, { prot: 'r' });
        process.fetch(pageAt(machine, 0));
      },
    },
    'an area that may only be written is refused to the first read, though its pages can be read once they are there': {
      source: 'arch/i386/mm/fault.c before 2.6.18: do_page_fault (no VM_WRITE for reads)',
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 1, { prot: 'w' });
        expect(() => process.load8(pageAt(machine, 0))).toThrow('SEGV_ACCERR');
        process.store8(pageAt(machine, 0), 1);
        expect(process.load8(pageAt(machine, 0))).toBe(1);
      },
    },
    'bit 3 tells of a reserved bit, and in user space it is an oops, no signal: the tables are corrupt': {
      source: 'arch/x86_64/mm/fault.c: pgtable_bad',
      machines: ['x86_64'],
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 1);
        process.store8(pageAt(machine, 0), 1);
        const entry = pteOf(process, 0);
        plantPte(process, 0, (entry?.hi ?? 0) | (1 << 8), entry?.lo ?? 0);
        machine.kernel.mmu.flushMm(process.mm);
        expect(() => process.load8(pageAt(machine, 0))).toThrow(KernelBug);
        expect(registers(machine).errorCode).toBe(13);
      },
    },
    'above TASK_SIZE a signal frame says that the page was present, whether it was or not': {
      source: 'arch/i386/mm/fault.c: do_page_fault (error_code | (address >= TASK_SIZE))',
      holds: (arch) => {
        const { machine, process } = started(arch);
        const above = arch.name === 'x86_64' ? 0xffff_c200_0000_0000n : 0xd000_0000n;
        expect(() => process.load8(above)).toThrow('SEGV_MAPERR');
        expect([registers(machine).errorCode, signalFrame(machine.kernel, machine.kernel.cpu).errorCode]).toEqual([
          4, 5,
        ]);
      },
    },
    'a store that faults on an entry which allows it flushes the page; a read that does so flushes nothing': {
      source: 'mm/memory.c: handle_pte_fault (flush_tlb_page of a spurious fault)',
      holds: (arch) => {
        const { machine, process } = started(arch);
        map(process, 1);
        process.store8(pageAt(machine, 0), 1);
        process.load8(pageAt(machine, 0));
        const k = machine.kernel;
        const vpn = Number(pageAt(machine, 0) / BigInt(machine.pageSize));
        const invlpgs = registers(machine).invlpgs;
        const { find } = k.cpu.tlb;
        // A second CPU's fault on the same page got here first: the entry is as this fault wants it.
        k.cpu.tlb.find = () => -1;
        const { miss } = k.mmu;
        let faults = 0;
        k.mmu.miss = (cpu, kind, hi, lo) => (faults++ === 0 ? -2 : miss.call(k.mmu, cpu, kind, hi, lo));
        process.store8(pageAt(machine, 0), 2);
        k.cpu.tlb.find = find;
        k.mmu.miss = miss;
        expect([faults, registers(machine).invlpgs - invlpgs]).toEqual([2, 1]);
        expect(vpn).toBeGreaterThan(0);
      },
    },
  },
});
