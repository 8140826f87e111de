/**
 * Runs of entries that io_remap_pfn_range built for device memory: each states a size above the base page, and the TLB loads one
 * translation for all of them from any (arch/sparc64/mm/generic.c).
 *
 * Nothing in the kernel knows of runs afterwards. munmap, mprotect, mremap and fork change single entries, and the others go on
 * stating the large size: a miss on one of them brings a translation of pages that are unmapped, forbidden, copied or elsewhere by
 * now. That is a port defect. Mended, the miss handler loads the large translation only while the run is whole; else that of a base
 * page, as kernels did that built no runs any more. A run is whole when its entries differ in their frames alone, so all of them are
 * valid, and whatever is stored over one is queued and demaps the large translation.
 */
import {
  type AccessKind,
  EXEC,
  type IoRemapSpec,
  LOAD,
  type Mm,
  type MmuHost,
  type Tlb,
  type TlbTruth,
  unitsFor,
} from '@fourfold/core/arch';
import { HPAGE_SIZES } from './hugetlb.js';
import { E_LO, PAGE_CP, PAGE_CV, PAGE_E, PAGE_EXEC, PAGE_MODIFIED, PAGE_SZ, PAGE_W, PG_IOBITS } from './pte.js';

/** io_remap_pfn_range: pg_iobits in every entry, runs of 4 MiB, 512 and 64 KiB. */
export const SPARC64_IO_REMAP: IoRemapSpec = {
  prot: PG_IOBITS,
  exec: PAGE_EXEC,
  clear: PAGE_CP | PAGE_CV,
  set: PAGE_E,
  written: PAGE_MODIFIED | PAGE_W,
  sizeMask: PAGE_SZ,
  runs: HPAGE_SIZES,
};

/** What the miss handlers, and who looks over their shoulder, ask of a run. */
export class IoRuns {
  private readonly host: MmuHost;
  private readonly pageShift: number;
  /** By side (instruction, data) and span: whether the TLB has a place for it. */
  private readonly fits: readonly (readonly boolean[])[];

  constructor(host: MmuHost) {
    const { tlb, geometry } = host.arch;
    this.host = host;
    this.pageShift = geometry.pageShift;
    this.fits = [tlb.exec, tlb.data].map((chain) =>
      Array.from({ length: 10 }, (_, span) => unitsFor(tlb, chain, geometry.pageShift + span).length > 0),
    );
  }

  /**
   * log2 of the base pages that the handler loads from an entry of device memory.
   * @param at word of the entry, @param hi and lo its halves, @param vpnLo low half of its page number, @param span what it states
   */
  spanAt(kind: AccessKind, at: number, hi: number, lo: number, vpnLo: number, span: number): number {
    const fits = this.fits[kind === EXEC ? 0 : 1]?.[span] === true;
    return fits && (this.host.defectsKept || this.isWhole(at, hi, lo, vpnLo, span)) ? span : 0;
  }

  /** Whether the entries around one differ from it in their frames alone, and these follow each other from an aligned one. */
  private isWhole(at: number, hi: number, lo: number, vpnLo: number, span: number): boolean {
    const { memory, tables } = this.host;
    const { words } = memory;
    const shift = this.pageShift;
    const inRun = (1 << span) - 1;
    const first = at - ((vpnLo & inRun) << 1);
    // Of the first entry of a run that lies where its frames do: the entry asked about has to be one of it.
    const base = lo & ~(inRun << shift);
    for (let i = 0; i <= inRun; i++) {
      const entry = first + (i << 1);
      if (words[entry + tables.hiAt] !== hi || words[entry + tables.loAt] !== (base | (i << shift))) return false;
    }
    return true;
  }

  /** What the tables say of a large slot; null when its entries are not of device memory. */
  truth(mm: Mm, tlb: Tlb, slot: number): TlbTruth | null {
    const { memory, tables, arch, defectsKept } = this.host;
    const f = arch.pteFormat;
    const span = tlb.spanOf(slot);
    const at = tables.lookup(mm, tlb.vpnHiOf(slot), tlb.vpnLoOf(slot));
    if (at === 0) return null;
    let frame = -1;
    let rights = 0;
    // Mended the first entry speaks for all, with the defects kept any that states the size may have been loaded.
    for (let i = 0; i < (defectsKept ? 1 << span : 1); i++) {
      const hi = memory.words[at + (i << 1) + tables.hiAt] as number;
      const lo = memory.words[at + (i << 1) + tables.loAt] as number;
      if (i === 0 && !defectsKept && (lo & E_LO) === 0) return null;
      if ((lo & E_LO) === 0 || hi >= 0 || this.stated(hi) !== span) continue;
      if (this.spanAt(LOAD, at + (i << 1), hi, lo, tlb.vpnLoOf(slot) + i, span) !== span) continue;
      const pfn = f.frame(hi, lo);
      const first = memory.frameAt(pfn) - (pfn & ((1 << span) - 1));
      if (frame >= 0 && first !== tlb.frameOf(slot)) continue;
      frame = first;
      rights |= f.hardwareRights(hi, lo);
    }
    return frame < 0 && defectsKept ? null : { frame, rights };
  }

  /**
   * A store through a large slot that was loaded from another entry, whose own page may be written: the slot is in the way until
   * something else takes its place, which on hardware comes soon. Only where a run need not be whole.
   */
  isInTheWay(mm: Mm | null, tlb: Tlb, slot: number, kind: AccessKind, vpnHi: number, vpnLo: number): boolean {
    const { memory, tables, arch, defectsKept } = this.host;
    if (!defectsKept || mm === null || tlb.spanOf(slot) === 0) return false;
    const at = tables.lookup(mm, vpnHi, vpnLo);
    if (at === 0) return false;
    const hi = memory.words[at + tables.hiAt] as number;
    const lo = memory.words[at + tables.loAt] as number;
    return hi < 0 && (lo & E_LO) !== 0 && ((arch.pteFormat.hardwareRights(hi, lo) >>> kind) & 1) !== 0;
  }

  /** log2 of the base pages that an entry states. */
  private stated(hi: number): number {
    return 13 + 3 * ((hi >>> 29) & 3) - this.pageShift;
  }
}
