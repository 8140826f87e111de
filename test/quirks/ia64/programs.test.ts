/** What a new program finds in its address space, and accesses that are no ordinary ones. */
import { PAGE_ZERO_VMA, regionBase, regionMapLimit } from '@fourfold/arch-ia64';
import { Machine, type Process, type SpawnOptions } from '@fourfold/core';
import { type ArchDescriptor, VM_ACCOUNT, VM_GROWSDOWN, VM_GROWSUP } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

function program(arch: ArchDescriptor, options: SpawnOptions = {}): Process {
  return new Machine({ arch, overcommit: 1 }).spawn({ program: true, ...options });
}

/** Bounds of the area with a flag, in bytes. */
function bounds({ mm, machine }: Process, flag: number): [bigint, bigint] {
  const vma = [...mm.vmas].find(({ flags }) => (flags & flag) !== 0);
  const size = BigInt(machine.pageSize);
  return [BigInt(vma?.start ?? 0) * size, BigInt(vma?.end ?? 0) * size];
}

export default quirks({
  port: 'ia64',
  about: 'Programs',
  quirks: {
    'the register backing store of a program is an area of one page that grows upward, the hard limit of the stack below its top, at most half of what can be mapped of the region':
      {
        source: 'arch/ia64/mm/init.c: ia64_set_rbs_bot, ia64_init_addr_space; asm-ia64/ustack.h: MAX_USER_STACK_SIZE',
        holds: (arch) => {
          const { pageShift, pageSize } = arch.geometry;
          const size = BigInt(pageSize);
          const top = arch.layout.spec.stackTop;
          const down = (address: bigint): bigint => address - (address % size);
          const half = regionMapLimit(pageShift as 12, 3) / 2n;
          const start = (stackMax: number): bigint => bounds(program(arch, { stackMax }), VM_GROWSUP)[0];
          expect(start(Infinity)).toBe(down(top - half));
          expect(start(2 ** 52)).toBe(down(top - half));
          expect(start(0x80_0000)).toBe(top - 0x80_0000n);
          // Cut to 16 bytes, and then to the page.
          expect(start(0x80_001f)).toBe(down(top - 0x80_0010n));
          const process = program(arch);
          const [from, to] = bounds(process, VM_GROWSUP);
          expect([to - from, process.mm.vmas.containing(Number(from / size))?.flags]).toEqual([
            size,
            VM_GROWSUP | VM_ACCOUNT | 0x73,
          ]);
          process.machine.check();
        },
      },
    'an access at the very end of the backing store makes it grow by a page; one further on is taken for the stack above it':
      {
        source: 'arch/ia64/mm/fault.c: ia64_do_page_fault (VM_GROWSUP of the area below, address == vm_end)',
        holds: (arch) => {
          const process = program(arch, { stackMax: 0x400_0000, stackLimit: 0x400_0000 });
          const size = BigInt(arch.pageSize);
          const [, end] = bounds(process, VM_GROWSUP);
          process.store64(end, 1n);
          expect(bounds(process, VM_GROWSUP)[1]).toBe(end + size);
          process.store64(end + size - 8n, 1n);
          process.store64(end + size, 2n);
          expect(bounds(process, VM_GROWSUP)[1]).toBe(end + 2n * size);
          // The stack may be as large as all that lies between, and comes down to its neighbour.
          process.store64(end + 2n * size + 8n, 3n);
          expect(bounds(process, VM_GROWSUP)[1]).toBe(end + 2n * size);
          expect(bounds(process, VM_GROWSDOWN)[0]).toBe(end + 2n * size);
          process.machine.check();
        },
      },
    'the backing store is under the limit of the stack: what exceeds it is a signal': {
      source: 'mm/mmap.c: expand_upwards, acct_stack_growth; arch/ia64/mm/fault.c: ia64_do_page_fault (bad_area)',
      holds: (arch) => {
        const process = program(arch, { stackLimit: 2 * arch.pageSize });
        const size = BigInt(arch.pageSize);
        const [, end] = bounds(process, VM_GROWSUP);
        process.store8(end, 1);
        expect(() => process.store8(end + size, 1)).toThrow('SEGV_MAPERR');
        expect(bounds(process, VM_GROWSUP)[1]).toBe(end + size);
      },
    },
    'a stack does not grow into another region, or where its own cannot be mapped': {
      source: 'arch/ia64/mm/fault.c: ia64_do_page_fault (REGION_NUMBER, REGION_OFFSET >= RGN_MAP_LIMIT)',
      holds: (arch) => {
        const process = program(arch, { stackLimit: Infinity });
        const limit = regionMapLimit(arch.geometry.pageShift as 12, 3);
        const start = regionBase(2) + 4n * BigInt(arch.pageSize);
        process.mmap({ addr: start, length: arch.pageSize, prot: 'rw', flags: 'private|anonymous|fixed|growsdown' });
        for (const address of [regionBase(1) + limit - 8n, regionBase(1) + limit]) {
          expect(() => process.store8(address, 1)).toThrow('SEGV_MAPERR');
        }
        process.store8(regionBase(2), 1);
        expect(process.load8(regionBase(2))).toBe(1);
      },
    },
    'a stack grows first, and whether the access is allowed there is asked afterwards': {
      source: 'arch/ia64/mm/fault.c: ia64_do_page_fault (check_expansion before good_area)',
      holds: (arch) => {
        const process = program(arch);
        const size = BigInt(arch.pageSize);
        const start = regionBase(2) + 4n * size;
        process.mmap({ addr: start, length: size, prot: 'r', flags: 'private|anonymous|fixed|growsdown' });
        expect(() => process.store8(start - size, 1)).toThrow('SEGV_ACCERR');
        expect(process.maps()).toContain(`${(start - size).toString(16)}-${(start + size).toString(16)}`);
      },
    },
    'page 0 is an area whose one entry is a NaTPage: a load takes a minor fault that maps it, and then a signal at once':
      {
        source:
          'arch/ia64/mm/init.c: ia64_init_addr_space (_PAGE_MA_NAT); arch/ia64/kernel/traps.c: ia64_fault (NaT page consumption)',
        holds: (arch) => {
          const process = program(arch);
          expect(() => process.load8(8)).toThrow('SEGV_ACCERR');
          const word = process.explain(0).levels.at(-1)?.value ?? 0n;
          expect([process.minFlt, word & 0xfffn]).toEqual([1, PAGE_ZERO_VMA & 0xfffn]);
          // Again, now that the TLB has it; and the area allows neither stores nor fetches.
          expect(() => process.load8(8)).toThrow('SEGV_ACCERR');
          expect(() => process.store8(8, 1)).toThrow('SEGV_ACCERR');
          expect(() => process.fetch(8)).toThrow('SEGV_ACCERR');
          expect(process.minFlt).toBe(1);
          expect(() => process.peek(0, 1)).toThrow('EIO');
          // A program without those areas has nothing there.
          expect(() => program(arch, { program: false }).load8(8)).toThrow('SEGV_MAPERR');
          process.machine.check();
        },
      },
    'with the personality MMAP_PAGE_ZERO page 0 is memory of zeros that may be read and executed, and no NaTPage': {
      source: 'arch/ia64/mm/init.c: ia64_init_addr_space (MMAP_PAGE_ZERO); fs/binfmt_elf.c: load_elf_binary',
      holds: (arch) => {
        const process = program(arch, { mapsPageZero: true });
        expect(process.load8(8)).toBe(0);
        process.fetch(8);
        expect(() => process.store8(8, 1)).toThrow('SEGV_ACCERR');
        expect(process.maps().split('\n')[0]).toMatch(/^0+-[0-9a-f]+ r-xp 0+ /);
        process.machine.check();
      },
    },
    'a speculative load and lfetch go to the fault handler, which brings the page, and defers what would be a signal': {
      source: 'arch/ia64/mm/fault.c: ia64_do_page_fault (IA64_ISR_SP, lfetch: psr.ed)',
      holds: (arch) => {
        const process = program(arch);
        const { counters } = process.machine;
        const at = process.mmap({ length: 2 * arch.pageSize, prot: 'rw', flags: 'private|anonymous' });
        expect([process.prefetch(at), process.minFlt]).toEqual([true, 1]);
        process.mprotect(at, arch.pageSize, 'x');
        const outcomes = [at, at + 2n * BigInt(arch.pageSize), 8n, 1n << 63n].map((address) =>
          process.prefetch(address),
        );
        // Forbidden, unmapped, the NaTPage, a region of huge pages without any.
        expect([outcomes, counters.get('signals')]).toEqual([[false, false, false, false], 0]);
        expect(() => process.load8(8)).toThrow('SEGV_ACCERR');
        expect(counters.get('signals')).toBe(1);
      },
    },
    'programs can read the first gate page, and fetch from the other alone, which promotes them whatever its level': {
      source: 'arch/ia64/mm/init.c: setup_gate; Itanium manual vol. 2: access rights, ar 7 and epc',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        const [first, second] = [regionBase(5), regionBase(5) + 0x1_0000n];
        expect(process.load8(first)).toBe(0);
        expect(() => process.store8(first, 1)).toThrow('SEGV_MAPERR');
        expect(() => process.fetch(first)).toThrow('SEGV_MAPERR');
        process.fetch(second);
        expect(() => process.load8(second)).toThrow('SEGV_MAPERR');
        expect(() => process.load8(regionBase(5) + 0x2_0000n)).toThrow('SEGV_MAPERR');
        // One id for all: another program finds the translation.
        const other = process.fork();
        const fills = machine.counters.get('softwareFills');
        other.load8(first);
        expect(machine.counters.get('softwareFills')).toBe(fills);
        machine.check();
      },
    },
    'the heap and the stack are not executable, but may be made so': {
      source: 'asm-ia64/page.h: VM_DATA_DEFAULT_FLAGS without READ_IMPLIES_EXEC',
      holds: (arch) => {
        const process = program(arch);
        const heap = process.brk(0);
        process.brk(heap + BigInt(arch.pageSize));
        const top = bounds(process, VM_GROWSDOWN)[0];
        for (const address of [heap, top]) {
          process.store8(address, 1);
          expect(() => process.fetch(address)).toThrow('SEGV_ACCERR');
          process.mprotect(address, arch.pageSize, 'rwx');
          process.fetch(address);
        }
      },
    },
  },
});
