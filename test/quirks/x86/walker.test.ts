/** What the processor reads and writes when it walks. */
import { EXEC, FAULT_ABSENT, FAULT_RIGHTS, LOAD, STORE } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';
import { ACCESSED, Bare, DIRTY, NX, P_R, RW, S_RWX, USER } from './scene.js';

const VPN = 0x8048;
const PFN = 0x77;

export default quirks({
  port: 'x86',
  about: 'The walker',
  quirks: {
    'A is set in every entry that a walk uses, D in the leaf of a store alone, by the processor': {
      source: 'IA-32 manual vol. 3, 3.7.6: page-directory and page-table entries; arch-x86.md 3.1',
      holds: (arch) => {
        const bare = new Bare(arch);
        const at = bare.map(VPN, arch.pte.make(PFN, S_RWX) & ~ACCESSED);
        const walked = at.slice(arch.name === 'i386-pae' ? 1 : 0);
        for (const [i, word] of walked.entries())
          if (i < walked.length - 1) bare.write(word, bare.read(word) & ~ACCESSED);
        bare.access(LOAD, VPN);
        expect(walked.every((word) => (bare.read(word) & ACCESSED) !== 0n)).toBe(true);
        expect(bare.read(at.at(-1) as number) & DIRTY).toBe(0n);
        bare.access(STORE, VPN);
        expect(bare.read(at.at(-1) as number) & DIRTY).toBe(DIRTY);
      },
    },
    'no A in the four page directory pointers, where that bit is reserved': {
      source: 'IA-32 manual vol. 3, 3.8: PDPT entries',
      machines: ['i386-pae'],
      holds: (arch) => {
        const bare = new Bare(arch);
        const [pointer] = bare.map(VPN, arch.pte.make(PFN, S_RWX)) as [number];
        bare.access(LOAD, VPN);
        expect(bare.read(pointer) & 0xfffn).toBe(1n);
      },
    },
    'the four pointers are read when CR3 is loaded, and a change of one is not seen before the next load': {
      source: 'IA-32 manual vol. 3, 3.8.5; asm-i386/pgtable-3level.h: pud_clear does nothing (Pentium II erratum)',
      machines: ['i386-pae'],
      holds: (arch) => {
        const bare = new Bare(arch);
        const [pointer] = bare.map(VPN, arch.pte.make(PFN, S_RWX)) as [number];
        bare.write(pointer, 0n);
        expect(bare.access(LOAD, VPN)).toBeGreaterThanOrEqual(0);
        bare.mmu.flushPage(bare.mm, VPN);
        expect(bare.access(LOAD, VPN)).toBeGreaterThanOrEqual(0);
        bare.mmu.flushMm(bare.mm);
        expect(bare.access(LOAD, VPN)).toBe(FAULT_ABSENT);
      },
    },
    'an entry that is not present is never cached: no flush is due when one becomes present': {
      source: 'asm-i386/pgtable.h: update_mmu_cache does nothing',
      holds: (arch) => {
        const bare = new Bare(arch);
        const at = bare.map(VPN, arch.pte.make(PFN, 0)).at(-1) as number;
        expect(bare.access(LOAD, VPN)).toBe(FAULT_ABSENT);
        bare.write(at, arch.pte.make(PFN, P_R));
        expect(bare.access(LOAD, VPN)).toBeGreaterThanOrEqual(0);
      },
    },
    'RW and USER count when every level has them': {
      source: 'IA-32 manual vol. 3, 4.11; arch-x86.md 3.1',
      holds: (arch) => {
        for (let level = arch.name === 'i386-pae' ? 1 : 0; level < arch.geometry.depth; level++) {
          const bare = new Bare(arch);
          const at = bare.map(VPN, arch.pte.make(PFN, S_RWX))[level] as number;
          bare.write(at, bare.read(at) & ~RW);
          expect([bare.access(STORE, VPN), bare.access(LOAD, VPN) >= 0]).toEqual([FAULT_RIGHTS, true]);
          bare.mmu.flushMm(bare.mm);
          bare.write(at, bare.read(at) & ~USER);
          expect(bare.access(LOAD, VPN)).toBe(FAULT_RIGHTS);
        }
      },
    },
    'NX of any level forbids fetches; PAE has none in its pointers': {
      source: 'AMD64 manual vol. 2, 5.6: no-execute; arch-x86.md 3.1',
      machines: ['i386-pae', 'x86_64'],
      holds: (arch) => {
        for (let level = arch.name === 'i386-pae' ? 1 : 0; level < arch.geometry.depth; level++) {
          const bare = new Bare(arch);
          const at = bare.map(VPN, arch.pte.make(PFN, S_RWX))[level] as number;
          bare.write(at, bare.read(at) | NX);
          expect([bare.access(EXEC, VPN), bare.access(LOAD, VPN) >= 0]).toEqual([FAULT_RIGHTS, true]);
        }
      },
    },
    "there is no NX: bit 31 of an entry is the frame's": {
      source: 'asm-i386/pgtable-2level.h: pte_exec_kernel',
      machines: ['i386'],
      holds: (arch) => {
        const bare = new Bare(arch);
        bare.map(VPN, arch.pte.make(PFN, P_R));
        expect(bare.access(EXEC, VPN)).toBeGreaterThanOrEqual(0);
        expect(arch.pte.make(0xfffff, P_R)).toBe(0xffff_f025n);
      },
    },
    'bits above the frame are reserved where the processor has no address lines, and a present entry with one faults': {
      source: 'AMD64 manual vol. 2, 5.3; arch-x86.md 3.1: 36 to 62 with PAE, 40 to 51 on the K8',
      machines: ['i386-pae', 'x86_64'],
      holds: (arch) => {
        const bits = arch.name === 'x86_64' ? [40n, 51n] : [36n, 62n];
        for (const bit of bits) {
          const bare = new Bare(arch);
          bare.map(VPN, arch.pte.make(PFN, S_RWX) | (1n << bit));
          expect(bare.access(LOAD, VPN)).toBe(FAULT_RIGHTS);
          expect(bare.registers().reservedBit).toBe(true);
        }
        if (arch.name === 'i386-pae') return;
        const bare = new Bare(arch);
        bare.map(VPN, arch.pte.make(PFN, S_RWX) | (1n << 52n));
        expect(bare.access(LOAD, VPN)).toBeGreaterThanOrEqual(0);
      },
    },
    'a store through a translation cached as clean walks again and sets D': {
      source: 'IA-32 manual vol. 3, 3.7.6: the dirty flag',
      holds: (arch) => {
        const bare = new Bare(arch);
        const at = bare.map(VPN, arch.pte.make(PFN, S_RWX)).at(-1) as number;
        bare.access(LOAD, VPN);
        const walks = bare.host.counters.get('walks');
        bare.access(STORE, VPN);
        expect([bare.host.counters.get('walks') - walks, bare.host.counters.get('dirtyAssists')]).toEqual([1, 1]);
        expect(bare.read(at) & DIRTY).toBe(DIRTY);
        bare.access(STORE, VPN);
        expect(bare.host.counters.get('dirtyAssists')).toBe(1);
      },
    },
    'addresses between the halves are no addresses: nothing is walked for them': {
      source: 'AMD64 manual vol. 2, 5.3.1: canonical addresses',
      machines: ['x86_64'],
      holds: (arch) => {
        const bare = new Bare(arch);
        for (const vpn of [2 ** 35, 2 ** 36 + VPN, 2 ** 52 - 2 ** 35 - 1])
          expect(bare.access(LOAD, vpn)).toBe(FAULT_ABSENT);
        expect(bare.host.counters.get('walks')).toBe(0);
        expect(bare.access(LOAD, 2 ** 52 - 2 ** 35)).toBe(FAULT_ABSENT);
        expect(bare.host.counters.get('walks')).toBe(1);
      },
    },
  },
});
