/**
 * The flush ledger. Every weakening of an entry that a CPU may have cached opens an obligation: the CPU has to drop the
 * translation. A purge of its TLB discharges it. Two moments ask for what is still open:
 *
 * - a CPU returns to user mode with something owed under the context it has loaded;
 * - a frame goes back to the allocator, where another CPU could take it at once, while one that runs user mode may still use
 *   it. With one CPU the moment is when somebody takes the frame again.
 *
 * What is owed under a context that a CPU has not loaded may wait: the port has to drop that context before the CPU comes
 * back to it, or gives its number to another mm.
 *
 * A CPU may hold whatever it could have read since it loaded the mm's tables, so a missing flush is found without an access
 * that happens to be lucky. While an operation is under way its own obligations are pending, not forgotten.
 */
import { KernelBug } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Cpu } from '../smp/cpu.js';
import type { Mm } from '../vma/mm.js';
import { Holdings } from './holdings.js';
import { missingFlush, type Obligation, type Weakening } from './obligation.js';
import { OverFlush, type OverFlushLine } from './over-flush.js';

/** What is done outside of any operation: replayed accesses, reclaim, what the machine itself is asked for. */
const NOBODY = 0;

export class FlushLedger {
  private readonly k: Kernel;
  private readonly holdings: readonly Holdings[];
  private readonly overFlush = new OverFlush();
  /** Open obligations by the frame they are about. */
  private readonly frames = new Map<number, number>();
  private openCount = 0;
  /** Operations under way by number. */
  private readonly underWay = new Map<number, string>();
  private operations = NOBODY;
  private current = NOBODY;

  constructor(k: Kernel) {
    this.k = k;
    const closed = (obligation: Obligation): void => this.close(obligation);
    this.holdings = k.cpus.map((cpu) => {
      const holdings = new Holdings(cpu, this.overFlush, closed);
      cpu.tlb.watch = holdings;
      return holdings;
    });
  }

  /** Obligations open on any CPU. */
  get open(): number {
    return this.openCount;
  }

  /** Purges against what was owed, by operation. */
  get overFlushed(): OverFlushLine[] {
    return this.overFlush.report();
  }

  // --- operations --------------------------------------------------------------------------------------------------

  /** An operation begins: what is weakened from now on is its own. Its number. */
  begin(operation: string): number {
    this.operations++;
    this.underWay.set(this.operations, operation);
    this.resume(this.operations);
    return this.operations;
  }

  /** The operation goes on after others ran. */
  resume(operation: number): void {
    this.current = operation;
    this.overFlush.operation = this.underWay.get(operation) ?? 'outside of calls';
  }

  /** The operation gives up: what it owes is found by whoever comes next. */
  abandon(operation: number): void {
    this.underWay.delete(operation);
    this.resume(NOBODY);
  }

  /** The operation ends: its CPU, and all others that run user mode, may owe nothing. @throws KernelBug */
  end(operation: number): void {
    this.abandon(operation);
    this.returnToUser();
  }

  /** A fault outside of an operation ends. @throws KernelBug */
  returnToUser(): void {
    if (this.openCount === 0) return;
    for (const holdings of this.holdings) {
      this.leaveContexts(holdings);
      const [owed] = this.due(holdings);
      if (owed !== undefined) this.fail('returned to user mode', holdings.cpu, owed);
    }
  }

  // --- CPUs --------------------------------------------------------------------------------------------------------

  /** A CPU is about to load another mm: what it purges is the switch's. */
  switching(): void {
    this.overFlush.operation = 'context switch';
  }

  /** A CPU has loaded an mm and goes to user mode. @throws KernelBug for a context that still holds something */
  loaded(cpu: Cpu, mm: Mm): void {
    this.resume(this.current);
    const holdings = this.of(cpu);
    const before = holdings.load(cpu.context, mm);
    if (before !== null && before.users > 0) {
      throw new KernelBug(
        `CPU ${cpu.id} loaded context ${cpu.context} for mm ${mm.id} with what it holds of mm ${before.id} under it`,
      );
    }
    const [owed] = this.due(holdings);
    if (owed !== undefined) this.fail('switched to user mode', cpu, owed);
  }

  /** An mm is no more. */
  gone(mm: Mm): void {
    for (const holdings of this.holdings) holdings.gone(mm);
  }

  // --- entries -----------------------------------------------------------------------------------------------------

  /** An entry of `mm` changed; the pte lock is held. @param huge it is the one entry of a huge page that begins at `vpn` */
  changed(mm: Mm, vpn: number, oldHi: number, oldLo: number, hi: number, lo: number, huge: boolean = false): void {
    const f = this.k.arch.pteFormat;
    const before = f.hardwareRights(oldHi, oldLo);
    if (before === 0) return;
    const after = f.hardwareRights(hi, lo);
    const frame = f.frame(oldHi, oldLo);
    let weakening: Weakening;
    if (after === 0 || f.frame(hi, lo) !== frame) weakening = 'frame';
    else if ((before & ~after) !== 0) weakening = 'rights';
    else if (f.isDirty(oldHi, oldLo) && !f.isDirty(hi, lo) && f.write.allows(hi, lo)) weakening = 'dirty';
    else return;
    const cached = this.k.mmu.cachedPages(vpn, huge, oldHi, oldLo);
    if (cached.length === 0) return;
    this.owe(mm, cached, {
      mm,
      vpn,
      weakening,
      frame: this.k.memory.frameAt(frame),
      rightsBefore: before,
      rightsAfter: after,
    });
  }

  /** A present entry of init_mm was cleared: every CPU may have cached it, whatever it has loaded. */
  clearedKernel(initMm: Mm, vpn: number, oldHi: number, oldLo: number): void {
    const f = this.k.arch.pteFormat;
    if (!f.isPresent(oldHi, oldLo)) return;
    const frame = this.k.memory.frameAt(f.frame(oldHi, oldLo));
    const rightsBefore = this.k.mmu.kernel.rights(oldHi, oldLo);
    const obligation = this.obligation({ mm: initMm, vpn, weakening: 'frame', frame, rightsBefore, rightsAfter: 0 });
    for (const page of this.k.mmu.cachedPages(vpn, false, oldHi, oldLo)) {
      for (const holdings of this.holdings) if (holdings.openKernel(page, obligation)) this.opened(obligation);
    }
  }

  /** The pte table of the pages around `vpn` was unlinked. */
  unlinked(mm: Mm, vpn: number): void {
    const page = this.k.mmu.cachedTable(mm, vpn);
    if (page < 0) return;
    this.owe(mm, [page], { mm, vpn, weakening: 'table', frame: -1, rightsBefore: 0, rightsAfter: 0 });
  }

  /** A flush call of the generic code for base pages [start, end) of an mm. */
  called(call: string, mm: Mm, start: number = 0, end: number = Infinity): void {
    if (this.openCount === 0) return;
    for (const holdings of this.holdings) holdings.called(call, mm, start, end);
  }

  // --- frames ------------------------------------------------------------------------------------------------------

  /** Frames go back to the allocator. @throws KernelBug */
  freed(page: number, count: number): void {
    if (this.k.cpus.length > 1) this.mustBeFlushed(page, count, 'is freed');
  }

  /** Frames are taken from the allocator. @throws KernelBug */
  taken(page: number, count: number): void {
    this.mustBeFlushed(page, count, 'is used again');
  }

  // --- checks ------------------------------------------------------------------------------------------------------

  /** Whether a flush of a TLB page is pending on a CPU, under the context it has loaded. */
  isPending(cpu: Cpu, context: number, page: number): boolean {
    return this.openCount > 0 && this.of(cpu).isOwed(context, page);
  }

  /** What is due now, a sentence each. */
  findings(): string[] {
    return this.holdings.flatMap((holdings) =>
      [...this.due(holdings)].map((owed) => missingFlush(holdings.cpu.id, owed, this.k.memory.pageSize)),
    );
  }

  private mustBeFlushed(page: number, count: number, what: string): void {
    if (this.frames.size === 0) return;
    for (let frame = page; frame < page + count; frame++) {
      if (!this.frames.has(frame)) continue;
      for (const holdings of this.holdings) {
        for (const owed of this.usable(holdings))
          if (owed.frame === frame) this.fail(`frame of page ${frame} ${what}`, holdings.cpu, owed);
      }
    }
  }

  /** What a CPU owes and could use now: of the kernel always, and in user mode of what it has loaded. */
  private *usable(holdings: Holdings): Iterable<Obligation> {
    const { cpu } = holdings;
    yield* holdings.ofKernel();
    if (cpu.task !== null && cpu.mm !== null && cpu.context >= 0) yield* holdings.under(cpu.context);
  }

  /** The same of operations that are over. */
  private *due(holdings: Holdings): Iterable<Obligation> {
    for (const owed of this.usable(holdings)) if (!this.underWay.has(owed.owner)) yield owed;
  }

  /** What operations left open under contexts that are not loaded becomes one debt of the whole context. */
  private leaveContexts(holdings: Holdings): void {
    const { cpu } = holdings;
    const loaded = cpu.mm === null ? -1 : cpu.context;
    for (const [context, first] of holdings.leftBehind(this.underWay, loaded)) this.leave(holdings, context, first);
  }

  private leave(holdings: Holdings, context: number, { mm, operation }: Obligation): void {
    const obligation: Obligation = {
      mm,
      vpn: -1,
      weakening: 'context',
      frame: -1,
      rightsBefore: 0,
      rightsAfter: 0,
      operation,
      owner: NOBODY,
      calls: [],
    };
    if (holdings.leave(context, obligation)) this.openCount++;
  }

  private obligation(what: Omit<Obligation, 'operation' | 'owner' | 'calls'>): Obligation {
    return { ...what, operation: this.underWay.get(this.current) ?? 'an access', owner: this.current, calls: [] };
  }

  private owe(mm: Mm, pages: readonly number[], what: Omit<Obligation, 'operation' | 'owner' | 'calls'>): void {
    const obligation = this.obligation(what);
    const now = this.k.mmu.contextOf(mm);
    for (const holdings of this.holdings) {
      const { cpu } = holdings;
      const loaded = cpu.mm === mm ? cpu.context : -1;
      if (loaded >= 0) this.openPages(holdings, loaded, pages, obligation);
      for (const context of [...holdings.contextsOf(mm)]) {
        if (context === loaded) continue;
        if (context === now) this.openPages(holdings, context, pages, obligation);
        else this.leave(holdings, context, obligation);
      }
    }
  }

  private openPages(holdings: Holdings, context: number, pages: readonly number[], obligation: Obligation): void {
    for (const page of pages) if (holdings.open(context, page, obligation)) this.opened(obligation);
  }

  private opened({ frame }: Obligation): void {
    this.openCount++;
    if (frame >= 0) this.frames.set(frame, (this.frames.get(frame) ?? 0) + 1);
  }

  private close({ frame }: Obligation): void {
    this.openCount--;
    if (frame < 0) return;
    const left = (this.frames.get(frame) as number) - 1;
    if (left === 0) this.frames.delete(frame);
    else this.frames.set(frame, left);
  }

  private of(cpu: Cpu): Holdings {
    return this.holdings[cpu.id] as Holdings;
  }

  private fail(moment: string, cpu: Cpu, owed: Obligation): never {
    throw new KernelBug(`${moment}: ${missingFlush(cpu.id, owed, this.k.memory.pageSize)}`);
  }
}
