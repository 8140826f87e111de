/**
 * A cursor over the pte tables of a range: fork, unmap, mprotect and the audit walk with it. Each `next` answers one
 * run of entries inside one existing pte table; empty upper entries are skipped whole, at one unit of `skipped` each.
 */
import type { UpperFormat } from '../arch/table-format.js';
import { ROOT_VISITS } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';

/** One walk over the pte tables of one mm. */
export class PteCursor {
  /** Page number of the run's first entry. */
  vpn = 0;
  /** Word index of the run's first entry and of the table it lies in. */
  at = 0;
  table = 0;
  /** Entries in the run. */
  nr = 0;
  /** Empty upper entries passed since `start` or since the owner reset it. */
  skipped = 0;
  /** `next` gives up, short of a run, when it has skipped this many; its owner sets it before each call. */
  patience: number = Infinity;
  /** Upper entries found bad and cleared since `start`. */
  cleared = 0;
  private readonly k: Kernel;
  private root = 0;
  private nextPage = 0;
  private end = 0;

  constructor(k: Kernel) {
    this.k = k;
  }

  /** Begins at page `start` of `mm`, up to page `end` (exclusive). */
  start(mm: Mm, start: number, end: number): void {
    this.root = mm.rootWord;
    this.nextPage = start;
    this.end = end;
    this.skipped = 0;
    this.cleared = 0;
    this.patience = Infinity;
  }

  /** Page number behind the last run: where a walk that stops here has to go on. */
  get position(): number {
    return this.nextPage;
  }

  /** Moves to the next run; false at the end of the range, or where patience ended (`position` says which). */
  next(): boolean {
    const { tables, counters, arch } = this.k;
    const last = tables.depth - 1;
    let vpn = this.nextPage;
    const end = this.end;
    while (vpn < end) {
      const vpnLo = vpn | 0;
      const vpnHi = (vpn / 4294967296) | 0;
      let table = this.root;
      let level = 0;
      for (; level < last; level++) {
        if (level === 0) counters.values[ROOT_VISITS] = (counters.values[ROOT_VISITS] as number) + 1;
        const at = tables.entryAt(level, table, vpnHi, vpnLo);
        const below = tables.tableAt(level, at);
        if (below === 0) {
          this.clearBad(level, at, arch.upper[level] as UpperFormat);
          break;
        }
        table = below;
      }
      const pages = tables.geometry.entryPages(level < last ? level : last - 1);
      const boundary = Math.min(end, (Math.floor(vpn / pages) + 1) * pages);
      if (level < last) {
        this.skipped++;
        vpn = boundary;
        if (this.skipped < this.patience) continue;
        this.nextPage = vpn;
        return false;
      }
      this.vpn = vpn;
      this.table = table;
      this.at = tables.entryAt(last, table, vpnHi, vpnLo);
      this.nr = boundary - vpn;
      this.nextPage = boundary;
      return true;
    }
    this.nextPage = end;
    return false;
  }

  /** p?d_none_or_clear_bad: a bad entry is reported (counted) and cleared. */
  private clearBad(level: number, at: number, format: UpperFormat): void {
    const { tables } = this.k;
    const hi = tables.entryHi(level, at);
    const lo = tables.entryLo(level, at);
    if (format.isNone(hi, lo)) return;
    tables.setEntry(level, at, 0, 0);
    this.cleared++;
  }
}
