/** What drops translations on one CPU: INVLPG, a CR3 load, CR4.PGE. */
import { Machine, pageOutRange } from '@fourfold/core';
import { LOAD, STORE } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { map, pageAt, run, touch, vpnAt } from '../../commits/support/memory.js';
import { quirks } from '../support/quirk.js';
import { Bare, GLOBAL, growth, P_RX, registers } from './scene.js';

const VPN = 0x8048;
const FAR = 0x2_1234;

export default quirks({
  port: 'x86',
  about: 'Flushes on a CPU',
  quirks: {
    'INVLPG drops one page, a global one too; a CR3 load drops all but global pages; only CR4.PGE drops everything': {
      source: 'IA-32 manual vol. 3, 3.12: INVLPG, global pages; asm-i386/tlbflush.h: __flush_tlb, __flush_tlb_global',
      holds: (arch) => {
        const bare = new Bare(arch);
        const pages = [VPN, VPN + 1, FAR];
        for (const [i, vpn] of pages.entries()) bare.map(vpn, arch.pte.make(0x77 + i, P_RX) | (i === 1 ? 0n : GLOBAL));
        const cached = (): boolean[] => pages.map((vpn) => bare.cached(LOAD, vpn));
        const load = (): void => {
          for (const vpn of pages) bare.access(LOAD, vpn);
        };
        load();
        bare.mmu.flushPage(bare.mm, VPN);
        expect(cached()).toEqual([false, true, true]);
        load();
        bare.mmu.flushMm(bare.mm);
        expect(cached()).toEqual([true, false, true]);
        load();
        bare.mmu.flushKernelRange(0, 1);
        expect(cached()).toEqual([false, false, false]);
        expect([bare.registers().invlpgs, bare.registers().pgeToggles]).toEqual([1, 1]);
      },
    },
    'flush_tlb_pgtables does nothing: whoever frees tables flushes the mm, and a CR3 load covers the upper levels': {
      source: 'asm-i386/tlbflush.h, asm-x86_64/tlbflush.h: flush_tlb_pgtables',
      holds: (arch) => {
        const bare = new Bare(arch);
        bare.map(VPN, arch.pte.make(0x77, P_RX));
        bare.access(LOAD, VPN);
        const loads = bare.registers().cr3Loads;
        bare.mmu.flushTables(bare.mm, 0, 2 ** 20);
        expect([bare.cached(LOAD, VPN), bare.registers().cr3Loads - loads]).toEqual([true, 0]);
      },
    },
    'with one CPU a flush of an address space that is not loaded does nothing: a switch drops what there was': {
      source: 'asm-i386/tlbflush.h: flush_tlb_page, flush_tlb_mm without CONFIG_SMP (if (mm == current->active_mm))',
      holds: (arch) => {
        const machine = new Machine({ arch, swap: '1MiB' });
        const [away, here] = [machine.spawn(), machine.spawn()];
        map(away, 1);
        touch(away, 1);
        map(here, 1);
        touch(here, 1);
        const before = { ...registers(machine) };
        const vpn = vpnAt(machine, 0);
        for (let look = 0; look < 2; look++) run(pageOutRange(machine.kernel, away.mm, vpn, vpn + 1));
        expect(machine.counters.get('flushPage')).toBeGreaterThan(0);
        expect([registers(machine).invlpgs, registers(machine).cr3Loads]).toEqual([before.invlpgs, before.cr3Loads]);
      },
    },
    'update_mmu_cache does nothing: after the fault the page is walked for': {
      source: 'asm-i386/pgtable.h, asm-x86_64/pgtable.h: update_mmu_cache',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 2);
        touch(process, 1);
        expect(growth(machine, 'walks', () => touch(process, 1, 1))).toBe(2);
      },
    },
    'a walk that follows another under the same table reads one entry: INVLPG of a page there ends that, and any CR3 load':
      {
        source: 'IA-32 manual vol. 3A, 4.10.3: paging-structure caches',
        holds: (arch) => {
          const bare = new Bare(arch);
          for (const vpn of [VPN, VPN + 1, FAR]) bare.map(vpn, arch.pte.make(0x77, P_RX));
          const read = (vpn: number): number => {
            const before = bare.host.counters.get('walkReferences');
            bare.mmu.miss(bare.host.cpu, LOAD, 0, vpn);
            return bare.host.counters.get('walkReferences') - before;
          };
          const whole = arch.name === 'x86_64' ? 4 : 2;
          expect([read(VPN), read(VPN + 1), read(FAR)]).toEqual([whole, 1, whole]);
          bare.mmu.flushPage(bare.mm, VPN + 1);
          expect([read(VPN), read(FAR)]).toEqual([whole, 1]);
          bare.mmu.flushMm(bare.mm);
          expect([read(VPN), read(FAR)]).toEqual([whole, whole]);
        },
      },
    'a page made writable in place is flushed, though the processor would look again itself': {
      source: 'mm/memory.c: do_wp_page; asm-i386/pgtable.h: ptep_set_access_flags',
      holds: (arch) => {
        const machine = new Machine({ arch });
        const process = machine.spawn();
        map(process, 1);
        touch(process, 1);
        process.mprotect(pageAt(machine, 0), machine.pageSize, 'r');
        process.mprotect(pageAt(machine, 0), machine.pageSize, 'rw');
        process.load8(pageAt(machine, 0));
        expect(growth(machine, 'flushPage', () => touch(process, 1))).toBe(1);
        expect(machine.kernel.cpu.tlb.find(STORE, 0, vpnAt(machine, 0), 0)).toBeGreaterThanOrEqual(0);
      },
    },
  },
});
