/**
 * hash_page half-way. It runs with interrupts off, so on its own CPU nothing comes between; but another CPU may look at the pte
 * while it has BUSY set, or free the page of ptes that it has found without any lock. Where a test wants to see that (`stops`), the
 * interrupt stops here, others run, and its CPU goes on with it when the access is tried again.
 *
 * Who finds BUSY spins until it is gone. A simulated CPU cannot spin, so an access waits (`retry`), and what changes entries
 * lets the handlers that hold one get to their end first (`PageTables.stopped`), which is what a spinning CPU would see.
 */
import { type Cpu, KernelBug, type MmuHost, type Op, type StoppedHandlers } from '@fourfold/core/arch';
import { HASH_BUSY, type HashPage } from './hash-page.js';

/** Where a storage interrupt can be stopped: the pte is found, and not yet looked at; the pte is locked. */
export type StopPoint = 'pte found' | 'pte locked';

/** An interrupt that has stopped. */
interface Stopped {
  readonly at: number;
  readonly page: number;
  readonly vsidHi: number;
  readonly vsidLo: number;
  readonly need: number;
  /** The pte before it was locked, in halves; null while it is not. */
  readonly was: { readonly hi: number; readonly lo: number } | null;
  /** What is left to do when the entry has been put. */
  readonly after: () => void;
}

export class StoppableHashPage implements StoppedHandlers {
  /** Whether an interrupt of a CPU stops at a point. */
  stops: ((point: StopPoint, cpu: Cpu) => boolean) | null = null;
  private readonly host: MmuHost;
  private readonly hashPage: HashPage;
  private readonly stopped: (Stopped | null)[];

  constructor(host: MmuHost, hashPage: HashPage) {
    this.host = host;
    this.hashPage = hashPage;
    this.stopped = host.cpus.map(() => null);
  }

  /** `HashPage.resolve` that may stop; HASH_BUSY when it did. */
  resolve(cpu: Cpu, at: number, page: number, vsidHi: number, vsidLo: number, need: number, after: () => void): number {
    const { hashPage, host } = this;
    const interrupt = { at, page, vsidHi, vsidLo, need, was: null, after };
    if (this.stops?.('pte found', cpu)) return this.stop(cpu, interrupt);
    const { words } = host.memory;
    const was = { hi: words[at + host.tables.hiAt] as number, lo: words[at + host.tables.loAt] as number };
    const locked = hashPage.lock(at, need);
    if (locked <= 0) return locked;
    if (this.stops?.('pte locked', cpu)) return this.stop(cpu, { ...interrupt, was });
    return hashPage.put(at, page, vsidHi, vsidLo, was.hi, was.lo, need);
  }

  /** Goes on with the interrupt that has stopped on a CPU, to its end. Nothing where none has. */
  goOn(cpu: Cpu): void {
    const interrupt = this.stopped[cpu.id];
    if (interrupt == null) return;
    this.stopped[cpu.id] = null;
    this.host.tables.stopped = this.stopped.some((other) => other !== null) ? this : null;
    const { at, page, vsidHi, vsidLo, need, was, after } = interrupt;
    const entry =
      was === null
        ? this.hashPage.resolve(at, page, vsidHi, vsidLo, need)
        : this.hashPage.put(at, page, vsidHi, vsidLo, was.hi, was.lo, need);
    if (entry > 0) after();
  }

  letGo(): void {
    for (const cpu of this.host.cpus) if (this.stopped[cpu.id]?.was != null) this.goOn(cpu);
  }

  finish(): void {
    for (const cpu of this.host.cpus) this.goOn(cpu);
  }

  /** What an access of `cpu` does that was answered FAULT_RETRY: its own interrupt goes on, another's BUSY goes. */
  *retry(cpu: Cpu): Op<void> {
    if (this.stopped[cpu.id] != null) {
      try {
        yield { what: 'pause: in hash_page', ready: () => true };
      } finally {
        this.goOn(cpu);
      }
      return;
    }
    if (!this.isLocked()) throw new KernelBug(`CPU ${cpu.id} finds BUSY set, and no CPU is in hash_page`);
    yield { what: 'the lock bit of a pte', ready: () => !this.isLocked() };
  }

  private stop(cpu: Cpu, interrupt: Stopped): number {
    this.stopped[cpu.id] = interrupt;
    this.host.tables.stopped = this;
    return HASH_BUSY;
  }

  private isLocked(): boolean {
    return this.stopped.some((interrupt) => interrupt?.was != null);
  }
}
