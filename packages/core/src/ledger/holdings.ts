/**
 * What one CPU may hold, and what of it is owed a flush. A CPU may hold any translation of an mm whose tables it had loaded
 * since its TLB was last emptied of that context: nothing is asked about what it really holds, so no lucky access is
 * needed to find a flush that is missing. Purges are heard from the TLB itself.
 */
import type { Cpu } from '../smp/cpu.js';
import { KERNEL_CONTEXT } from '../tlb/record.js';
import type { TlbWatch } from '../tlb/watch.js';
import type { Mm } from '../vma/mm.js';
import type { Obligation } from './obligation.js';
import type { OverFlush } from './over-flush.js';

const NONE: ReadonlySet<number> = new Set();

export class Holdings implements TlbWatch {
  readonly cpu: Cpu;
  /** Contexts that were loaded since the TLB was last emptied of them, by the mm that had each, and the other way round. */
  private readonly owners = new Map<number, Mm>();
  private readonly contexts = new Map<Mm, Set<number>>();
  /** What is owed by context and page number of the TLB; no context without pages. */
  private readonly pages = new Map<number, Map<number, Obligation>>();
  /** Contexts that are owed as a whole: left with pages unflushed, to be dropped before the CPU comes back to them. */
  private readonly wholes = new Map<number, Obligation>();
  /** What is owed of the kernel's own mappings, by page number of the TLB: it may be used whatever the CPU has loaded. */
  private readonly kernelPages = new Map<number, Obligation>();
  private readonly closed: (owed: Obligation) => void;
  private readonly overFlush: OverFlush;

  /** @param closed called for each obligation that is discharged. */
  constructor(cpu: Cpu, overFlush: OverFlush, closed: (owed: Obligation) => void) {
    this.cpu = cpu;
    this.overFlush = overFlush;
    this.closed = closed;
  }

  // --- contexts ----------------------------------------------------------------------------------------------------

  /** The CPU loads a context of an mm. Who had it before and was not dropped, or null. */
  load(context: number, mm: Mm): Mm | null {
    const before = this.owners.get(context);
    if (before === mm) return null;
    if (before !== undefined) this.unload(context);
    this.owners.set(context, mm);
    const contexts = this.contexts.get(mm);
    if (contexts === undefined) this.contexts.set(mm, new Set([context]));
    else contexts.add(context);
    return before ?? null;
  }

  /** Contexts under which the CPU may hold translations of an mm. */
  contextsOf(mm: Mm): ReadonlySet<number> {
    return this.contexts.get(mm) ?? NONE;
  }

  /** An mm is no more. What is owed under its contexts stays owed to whoever gets them. */
  gone(mm: Mm): void {
    for (const context of this.contextsOf(mm)) this.owners.delete(context);
    this.contexts.delete(mm);
  }

  private unload(context: number): void {
    const mm = this.owners.get(context);
    if (mm === undefined) return;
    this.owners.delete(context);
    const contexts = this.contexts.get(mm) as Set<number>;
    contexts.delete(context);
    if (contexts.size === 0) this.contexts.delete(mm);
  }

  // --- obligations -------------------------------------------------------------------------------------------------

  /** Obligations under a context, the whole one first. */
  *under(context: number): Iterable<Obligation> {
    const whole = this.wholes.get(context);
    if (whole !== undefined) yield whole;
    const pages = this.pages.get(context);
    if (pages !== undefined) yield* pages.values();
  }

  /** Obligations of the kernel's mappings. */
  ofKernel(): Iterable<Obligation> {
    return this.kernelPages.values();
  }

  /** Opens an obligation for a page of the kernel's. Whether it is new. */
  openKernel(page: number, obligation: Obligation): boolean {
    if (this.kernelPages.has(page)) return false;
    this.kernelPages.set(page, obligation);
    return true;
  }

  /** Whether a page is owed a flush under a context. */
  isOwed(context: number, page: number): boolean {
    return this.wholes.has(context) || this.pages.get(context)?.has(page) === true;
  }

  /** Opens an obligation for a page of the TLB. Whether it is new: one that is open already stays. */
  open(context: number, page: number, obligation: Obligation): boolean {
    if (this.isOwed(context, page)) return false;
    const pages = this.pages.get(context);
    if (pages === undefined) this.pages.set(context, new Map([[page, obligation]]));
    else pages.set(page, obligation);
    return true;
  }

  /** All of a context is owed from now on; what was owed page by page is part of it. Whether it is new. */
  leave(context: number, obligation: Obligation): boolean {
    this.unload(context);
    if (this.wholes.has(context)) return false;
    for (const page of this.pages.get(context)?.values() ?? []) this.closed(page);
    this.pages.delete(context);
    this.wholes.set(context, obligation);
    return true;
  }

  /** Contexts other than `loaded` with a page that nobody under way owes, and the first such obligation. */
  leftBehind(underWay: ReadonlyMap<number, unknown>, loaded: number): [context: number, first: Obligation][] {
    const left: [number, Obligation][] = [];
    for (const [context, pages] of this.pages) {
      if (context === loaded) continue;
      for (const obligation of pages.values()) {
        if (underWay.has(obligation.owner)) continue;
        left.push([context, obligation]);
        break;
      }
    }
    return left;
  }

  /** A flush call of the generic code named base pages [start, end) of an mm. */
  called(call: string, mm: Mm, start: number, end: number): void {
    for (const pages of [...this.pages.values(), this.kernelPages]) {
      for (const { mm: of, vpn, calls } of pages.values()) if (of === mm && vpn >= start && vpn < end) calls.push(call);
    }
  }

  // --- what the TLB says (TlbWatch) --------------------------------------------------------------------------------

  dropping(first: number, end: number, context: number): void {
    const owed = this.pages.get(context);
    const [discharged, held] = owed === undefined ? [0, 0] : this.discharge(owed, first, end, context);
    if (owed?.size === 0) this.pages.delete(context);
    const [ofKernel, there] =
      context === KERNEL_CONTEXT ? this.discharge(this.kernelPages, first, end, context) : [0, 0];
    this.overFlush.purge(discharged + ofKernel, held + there);
  }

  /** Pages [first, end) of what is owed are discharged. How many that was, and how many of them are in the TLB. */
  private discharge(
    owed: Map<number, Obligation>,
    first: number,
    end: number,
    context: number,
  ): [discharged: number, held: number] {
    let discharged = 0;
    let held = 0;
    const pages = end - first < owed.size ? range(first, end) : [...owed.keys()];
    for (const page of pages) {
      const obligation = page >= first && page < end ? owed.get(page) : undefined;
      if (obligation === undefined) continue;
      discharged++;
      if (this.cpu.tlb.holds(page, context)) held++;
      owed.delete(page);
      this.closed(obligation);
    }
    return [discharged, held];
  }

  droppingContext(context: number): void {
    this.overFlush.purge(...this.forget(context));
  }

  /** The kernel's own mappings are global where a purge of all may keep such. */
  droppingAll(keepGlobal: boolean): void {
    let [discharged, held] = keepGlobal ? [0, 0] : this.discharge(this.kernelPages, 0, Infinity, KERNEL_CONTEXT);
    for (const context of new Set([...this.pages.keys(), ...this.wholes.keys()])) {
      const [more, there] = this.forget(context);
      discharged += more;
      held += there;
    }
    this.owners.clear();
    this.contexts.clear();
    this.overFlush.purge(discharged, held);
  }

  dropped(count: number): void {
    this.overFlush.dropped(count);
  }

  /** Everything owed under a context is discharged. How much that was, and how much of it is in the TLB. */
  private forget(context: number): [discharged: number, held: number] {
    this.unload(context);
    const whole = this.wholes.get(context);
    if (whole !== undefined) this.closed(whole);
    this.wholes.delete(context);
    let held = 0;
    const pages = this.pages.get(context);
    for (const [page, obligation] of pages ?? []) {
      if (this.cpu.tlb.holds(page, context)) held++;
      this.closed(obligation);
    }
    this.pages.delete(context);
    return [(pages?.size ?? 0) + (whole === undefined ? 0 : 1), held];
  }
}

function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i);
}
