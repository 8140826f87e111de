/** Where things lie in user space. */
import { createX86_64 } from '@fourfold/arch-x86';
import { lookupKernelPte, Machine, type Process } from '@fourfold/core';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';
import { wordAt } from './scene.js';

const MIB = 2 ** 20;
const PAGE = 4096;

function room(process: Process, length = PAGE, flags = 'private|anonymous'): bigint {
  return process.mmap({ length, prot: 'rw', flags });
}

export default quirks({
  port: 'x86',
  about: 'Address spaces',
  quirks: {
    'mappings go down from below the gap for the stack: its limit, but at least 128 MiB and at most 2.5 GiB': {
      source: 'arch/i386/mm/mmap.c: mmap_base, MIN_GAP, MAX_GAP',
      machines: ['i386', 'i386-pae'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        const first = (stackLimit: number): bigint => room(machine.spawn({ stackLimit })) + BigInt(PAGE);
        expect([8 * MIB, 128 * MIB, 200 * MIB, 256 * MIB + 100, 3072 * MIB].map(first)).toEqual([
          0xb800_0000n,
          0xb800_0000n,
          0xb380_0000n,
          // PAGE_ALIGN rounds the base up.
          0xb000_0000n,
          0x2000_0000n,
        ]);
      },
    },
    'without a limit for the stack, or in the compatible layout, mappings go up from a third of the space': {
      source: 'arch/i386/mm/mmap.c: mmap_is_legacy; linux/personality.h: ADDR_COMPAT_LAYOUT',
      machines: ['i386', 'i386-pae'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        expect(room(machine.spawn({ stackLimit: Infinity }))).toBe(0x4000_0000n);
        expect(room(machine.spawn({ legacyLayout: true }))).toBe(0x4000_0000n);
        const parent = machine.spawn({ legacyLayout: true });
        room(parent);
        expect(room(parent.fork())).toBe(0x4000_1000n);
      },
    },
    'a 64-bit task maps upward from a third of its space, whatever the limit of the stack': {
      source: 'arch/x86_64/kernel/sys_x86_64.c: find_start_end; asm-x86_64/processor.h: TASK_UNMAPPED_64',
      machines: ['x86_64'],
      holds: (arch) => {
        const machine = new Machine({ arch });
        for (const stackLimit of [8 * MIB, 1024 * MIB, Infinity]) {
          const process = machine.spawn({ stackLimit });
          expect([room(process), room(process)]).toEqual([0x2aaa_aaaa_b000n, 0x2aaa_aaaa_c000n]);
        }
      },
    },
    'MAP_32BIT maps between 1 and 2 GiB': {
      source: 'arch/x86_64/kernel/sys_x86_64.c: find_start_end',
      machines: ['x86_64'],
      holds: (arch) => {
        const process = new Machine({ arch, overcommit: 1 }).spawn();
        const low = 'private|anonymous|32bit|noreserve';
        expect([room(process, PAGE, low), room(process)]).toEqual([0x4000_0000n, 0x2aaa_aaaa_b000n]);
        expect(room(process, 1024 * MIB - PAGE, low)).toBe(0x4000_1000n);
        expect(() => room(process, PAGE, low)).toThrow('ENOMEM');
      },
    },
    'MAP_32BIT means nothing': {
      source: 'arch/i386/mm/mmap.c; asm-i386/mman.h has no such flag',
      machines: ['i386', 'i386-pae'],
      holds: (arch) => {
        expect(room(new Machine({ arch }).spawn(), PAGE, 'private|anonymous|32bit')).toBe(0xb7ff_f000n);
      },
    },
    'a search does not go back for a hole that it passed, as searches elsewhere do: only MAP_32BIT asks for the largest one':
      {
        source: 'arch/x86_64/kernel/sys_x86_64.c: arch_get_unmapped_area (cached_hole_size)',
        machines: ['x86_64'],
        holds: (arch) => {
          for (const [flags, base] of [
            ['private|anonymous', 0x2aaa_aaaa_b000n],
            ['private|anonymous|32bit', 0x4000_0000n],
          ] as const) {
            const process = new Machine({ arch }).spawn();
            const at = (page: number): bigint => base + BigInt(page * PAGE);
            process.mmap({ addr: at(2), length: PAGE, prot: 'rw', flags: 'private|anonymous|fixed' });
            expect(room(process, 3 * PAGE, flags)).toBe(at(3));
            expect(room(process, PAGE, flags)).toBe(flags === 'private|anonymous' ? at(6) : at(0));
          }
        },
      },
    'user space ends one page before the hole of addresses, so that no access runs into it': {
      source: 'asm-x86_64/processor.h: TASK_SIZE64',
      machines: ['x86_64'],
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        const fixed = (addr: bigint): bigint =>
          process.mmap({ addr, length: PAGE, prot: 'rw', flags: 'private|anonymous|fixed' });
        expect(fixed(0x7fff_ffff_e000n)).toBe(0x7fff_ffff_e000n);
        expect(() => fixed(0x7fff_ffff_f000n)).toThrow('ENOMEM');
      },
    },
    "the gate page lies above user space, in every address space: programs read it through the kernel's entries of their own tables":
      {
        source: 'asm-i386/fixmap.h: FIX_VSYSCALL; arch/i386/kernel/sysenter.c; asm-x86_64/vsyscall.h',
        holds: (arch) => {
          const machine = new Machine({ arch });
          const process = machine.spawn();
          const { gate } = arch.layout.spec;
          if (gate === undefined) throw new Error('no gate');
          expect(gate.start).toBe(arch.name === 'x86_64' ? 0xffff_ffff_ff60_0000n : 0xffff_e000n);
          expect(process.load8(gate.start)).toBe(0);
          process.fetch(gate.start);
          expect(() => process.store8(gate.start, 1)).toThrow('SEGV_MAPERR');
          expect(process.fork().load8(gate.start)).toBe(0);
          expect(process.status().VmRSS).toBe(0);
          machine.check();
        },
      },
    "the page is a user's, and on x86_64 global: 0x025 and 0x125": {
      source: 'arch/i386/kernel/sysenter.c: PAGE_READONLY_EXEC; asm-x86_64/pgtable.h: __PAGE_KERNEL_VSYSCALL',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const { gate } = arch.layout.spec;
        const at = lookupKernelPte(machine.kernel, Number((gate?.start ?? 0n) / 4096n));
        expect(wordAt(machine, at) & 0xfffn).toBe(arch.name === 'x86_64' ? 0x125n : 0x025n);
      },
    },
    'a 32-bit task has nearly 4 GiB, searched downward as on i386, and no gate': {
      source: 'asm-x86_64/processor.h: IA32_PAGE_OFFSET; arch/x86_64/ia32/mmap32.c; asm-x86_64/page.h: get_gate_vma',
      machines: ['x86_64'],
      holds: () => {
        const machine = new Machine({ arch: createX86_64({ task: 32 }) });
        const first = (stackLimit: number): bigint => room(machine.spawn({ stackLimit })) + BigInt(PAGE);
        expect([first(8 * MIB), first(256 * MIB)]).toEqual([0xf7ff_e000n, 0xefff_e000n]);
        expect(room(machine.spawn({ legacyLayout: true }))).toBe(0x5555_5000n);
        expect(() => machine.spawn().load8(0xffff_ffff_ff60_0000n)).toThrow('SEGV_MAPERR');
      },
    },
    'with ADDR_LIMIT_3GB a 32-bit task has the space of i386': {
      source: 'asm-x86_64/processor.h: IA32_PAGE_OFFSET (ADDR_LIMIT_3GB)',
      machines: ['x86_64'],
      holds: () => {
        const machine = new Machine({ arch: createX86_64({ task: 32, limit3Gb: true }) });
        expect(room(machine.spawn()) + BigInt(PAGE)).toBe(0xb800_0000n);
        expect(room(machine.spawn({ legacyLayout: true }))).toBe(0x4000_0000n);
        const fixed = { length: PAGE, prot: 'rw', flags: 'private|anonymous|fixed' } as const;
        expect(() => machine.spawn().mmap({ ...fixed, addr: 0xc000_0000n })).toThrow('ENOMEM');
      },
    },
    'where addresses are random the base moves down by less than 1 MiB, and a fork keeps it': {
      source: 'arch/i386/mm/mmap.c: mmap_base (random_factor); arch/x86_64/ia32/mmap32.c',
      holds: (arch) => {
        const narrow = arch.name === 'x86_64' ? createX86_64({ task: 32 }) : arch;
        const base = arch.name === 'x86_64' ? 0xf7ff_e000n : 0xb800_0000n;
        const first = (seed: number): bigint[] => {
          const machine = new Machine({ arch: narrow, randomize: seed });
          const processes = Array.from({ length: 8 }, () => machine.spawn());
          expect(room(machine.spawn({ legacyLayout: true }))).toBe(
            arch.name === 'x86_64' ? 0x5555_5000n : 0x4000_0000n,
          );
          const parent = processes[0] as Process;
          expect(parent.fork().mm.mmapBase).toBe(parent.mm.mmapBase);
          return processes.map((process) => room(process) + BigInt(PAGE));
        };
        const bases = first(1);
        for (const at of bases) expect([at > base - BigInt(MIB), at <= base]).toEqual([true, true]);
        expect(new Set(bases).size).toBeGreaterThan(4);
        expect([first(1), first(2)].map((again) => again.join() === bases.join())).toEqual([true, false]);
      },
    },
    'where addresses are random the first search of a 64-bit task begins up to 2^28 pages higher, and comes back to the base when there is no room above':
      {
        source: 'arch/x86_64/mm/mmap.c of 2.6.16: arch_pick_mmap_layout; arch/x86_64/kernel/sys_x86_64.c',
        machines: ['x86_64'],
        holds: (arch) => {
          const base = 0x2aaa_aaaa_b000n;
          const machine = new Machine({ arch, randomize: 7, overcommit: 1 });
          const starts = Array.from({ length: 8 }, () => room(machine.spawn()));
          for (const at of starts) expect([at >= base, at < base + (1n << 40n)]).toEqual([true, true]);
          expect(new Set(starts).size).toBe(8);
          const process = machine.spawn();
          const from = room(process);
          const rest = 0x7fff_ffff_f000n - from;
          process.mmap({ addr: from, length: rest, prot: '-', flags: 'private|anonymous|fixed|noreserve' });
          expect(room(process)).toBe(base);
        },
      },
    'where addresses are random the stack of a program begins up to 8 MiB lower, at a page': {
      source: 'fs/binfmt_elf.c: randomize_stack_top; fs/exec.c: setup_arg_pages',
      holds: (arch) => {
        const top = arch.layout.spec.stackTop;
        const tops = (randomize?: number): bigint[] => {
          const machine = new Machine({ arch, ...(randomize === undefined ? {} : { randomize }) });
          return Array.from({ length: 4 }, () => {
            const process = machine.spawn({ program: true });
            process.store8(process.mm.startStack - 1n, 1);
            expect(() => process.store8(process.mm.startStack, 1)).toThrow('SEGV');
            return process.mm.startStack;
          });
        };
        expect(tops()).toEqual([top, top, top, top]);
        const random = tops(3);
        for (const at of random) expect([top - at <= 8n * BigInt(MIB), at % BigInt(PAGE)]).toEqual([true, 0n]);
        expect(new Set(random).size).toBe(4);
      },
    },
    'the rest of the vsyscall range is nothing': {
      source: 'arch/x86_64/kernel/vsyscall.c: map_vsyscall',
      machines: ['x86_64'],
      holds: (arch) => {
        const process = new Machine({ arch }).spawn();
        expect(() => process.load8(0xffff_ffff_ff60_1000n)).toThrow('SEGV_MAPERR');
      },
    },
  },
});
