/** What another CPU can do while a handler has an entry in its hands, and an entry that is lost so. */
import type { Ia64Handler, Ia64Mmu } from '@fourfold/arch-ia64';
import { type AccessKind, type ArchDescriptor, BareHost, type Cpu, LOAD, type Mm, STORE } from '@fourfold/core/arch';
import { expect } from 'vitest';
import { quirks } from '../support/quirk.js';

const [A, D] = [0x20n, 0x40n];
const SHARED_RW = 11;
const READONLY = 1;
const VPN = 0x8000;

/** Two CPUs with one mm of two pages that may be written, both clean. */
class Pair {
  readonly host: BareHost;
  readonly mmu: Ia64Mmu;
  readonly mm: Mm;
  private readonly arch: ArchDescriptor;

  constructor(arch: ArchDescriptor, options: { readonly cpus?: number; readonly defectsKept?: boolean } = {}) {
    this.arch = arch;
    this.host = new BareHost(arch, [{ base: 0, size: 64 * arch.pageSize }], { cpus: 2, ...options });
    this.host.takePage();
    this.mmu = arch.createMmu(this.host) as Ia64Mmu;
    this.mm = this.host.makeMm();
    this.mmu.initContext(this.mm, null);
    for (const cpu of this.host.cpus) this.mmu.switchMm(cpu, null, this.mm);
    for (const i of [0, 1]) this.set(VPN + i, arch.pte.make(BigInt(40 + i), SHARED_RW));
  }

  get cpu(): Cpu {
    return this.host.cpu;
  }

  set(vpn: number, word: bigint): void {
    this.host.write(this.host.lookup(this.mm, vpn, true), word);
  }

  entry(vpn = VPN): bigint {
    return this.host.read(this.host.lookup(this.mm, vpn));
  }

  access(kind: AccessKind, vpn = VPN): number {
    return this.host.translate(this.mmu, kind, vpn, this.host.cpu);
  }

  cached(vpn = VPN): boolean {
    return this.cpu.tlb.find(LOAD, 0, vpn, this.cpu.context) >= 0;
  }

  /** What CPU 1 does the next time that a handler lets it. */
  meanwhile(handler: Ia64Handler, act: () => void): void {
    this.mmu.between = (which) => {
      if (which !== handler) return;
      this.mmu.between = null;
      act();
    };
  }

  /** A modification by CPU 1, with its ptc.ga. */
  changeTo(word: bigint): void {
    this.set(VPN, word);
    this.mmu.flushPage(this.mm, VPN);
  }

  protectedEntry(): bigint {
    return this.arch.pte.modify(this.entry(), READONLY);
  }
}

export default quirks({
  port: 'ia64',
  about: 'Several CPUs in the handlers',
  quirks: {
    'vhpt_miss reads the entry again after it inserted it, and purges the page if it changed': {
      source: 'arch/ia64/kernel/ivt.S: vhpt_miss (CONFIG_SMP)',
      holds: (arch) => {
        const pair = new Pair(arch);
        pair.meanwhile('vhpt_miss', () => pair.changeTo(0n));
        expect(pair.access(LOAD)).toBeLessThan(0);
        expect(pair.host.counters.get('purges')).toBe(2);
        pair.changeTo(arch.pte.make(41n, READONLY));
        pair.mmu.beforeGenericFault(pair.cpu, LOAD, VPN);
        expect(pair.cpu.tlb.frameOf(pair.access(LOAD))).toBe(41);
      },
    },
    'where the pmd entry changed meanwhile it purges the page of the linear table too': {
      source: 'arch/ia64/kernel/ivt.S: vhpt_miss (CONFIG_SMP)',
      holds: (arch) => {
        const pair = new Pair(arch);
        pair.meanwhile('vhpt_miss', () => {
          pair.set(VPN, 0n);
          pair.host.write(pair.host.entryAt(pair.mm, VPN, arch.geometry.depth - 2), 0n, arch.geometry.depth - 2);
        });
        expect(pair.access(LOAD)).toBeLessThan(0);
        // Nothing is left in the TLB: the table's page would give the next miss to the walker.
        const { tlb } = pair.cpu;
        expect(Array.from({ length: tlb.slots }, (_, slot) => tlb.contextOf(slot)).filter((c) => c >= 0)).toEqual([]);
        expect(pair.host.counters.get('purges')).toBe(2);
      },
    },
    'with several CPUs the dirty and access handlers exchange what they read and nothing else; a change is purged and missed again':
      {
        source: 'arch/ia64/kernel/ivt.S: dirty_bit, daccess_bit (CONFIG_SMP, cmpxchg8.acq)',
        holds: (arch) => {
          const dirtied = new Pair(arch);
          dirtied.access(LOAD);
          const readonly = dirtied.protectedEntry();
          dirtied.meanwhile('dirty_bit', () => dirtied.changeTo(readonly));
          expect(dirtied.access(STORE)).toBeLessThan(0);
          expect([dirtied.entry(), dirtied.cached()]).toEqual([readonly, true]);
          expect(dirtied.host.counters.get('purges')).toBe(2); // CPU 1's ptc.ga, and the handler's ptc.l

          const old = new Pair(arch);
          old.set(VPN, arch.pte.change(old.entry(), 'mkold'));
          old.meanwhile('access_bit', () => old.changeTo(0n));
          expect(old.access(LOAD)).toBeLessThan(0);
          expect(old.entry()).toBe(0n);
        },
      },
    'on one CPU they store plainly, and vhpt_miss looks once: nobody can come between': {
      source: 'arch/ia64/kernel/ivt.S: vhpt_miss, dirty_bit (!CONFIG_SMP)',
      holds: (arch) => {
        const pair = new Pair(arch, { cpus: 1 });
        const came: string[] = [];
        pair.mmu.between = (handler) => came.push(handler);
        pair.access(STORE);
        expect([came, pair.entry() & (A | D)]).toEqual([[], A | D]);
        const two = new Pair(arch);
        two.mmu.between = (handler) => came.push(handler);
        two.access(STORE);
        expect(came).toEqual(['vhpt_miss', 'dirty_bit']);
      },
    },
    'the handlers do not look at p (kept): an entry that was just cleared becomes swap type 24 or 8 with offset 0; later kernels leave it alone (mended)':
      {
        source: 'arch/ia64/kernel/ivt.S: dirty_bit, daccess_bit before d8117ce5a679',
        holds: (arch) => {
          const lost = (defectsKept: boolean, kind: AccessKind): bigint => {
            const pair = new Pair(arch, { defectsKept });
            pair.access(LOAD);
            const { tlb, context } = pair.cpu;
            let slot = tlb.find(LOAD, 0, VPN, context);
            // As an entry with a clear was cached: it gives nothing until the handler has run.
            if (kind === LOAD) slot = tlb.fill(LOAD, 0, VPN, context, 40, 0, tlb.attrsOf(slot), 0);
            pair.set(VPN, 0n); // another CPU takes the entry; its purge is yet to come
            pair.mmu.denied(pair.cpu, kind, slot, 0, VPN);
            return pair.entry();
          };
          expect([lost(true, STORE), lost(true, LOAD)]).toEqual([A | D, A]);
          expect([lost(false, STORE), lost(false, LOAD)]).toEqual([0n, 0n]);
          expect(arch.pte.decode(A | D)).toMatchObject({ kind: 'swap', swapType: 24, swapOffset: 0n });
          expect(arch.pte.decode(A)).toMatchObject({ kind: 'swap', swapType: 8, swapOffset: 0n });
        },
      },
    'the walker of the hardware looks once, and gives what it read to the checks that follow': {
      source: 'Itanium manual vol. 2: VHPT walker',
      holds: (arch) => {
        const pair = new Pair(arch);
        pair.access(LOAD, VPN + 1);
        const came: string[] = [];
        pair.mmu.between = (handler) => came.push(handler);
        pair.access(LOAD);
        expect(came).toEqual([]);
      },
    },
  },
});
