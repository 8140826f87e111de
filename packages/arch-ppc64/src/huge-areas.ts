/**
 * Opening areas for huge pages and choosing addresses in them (arch/powerpc/mm/hugetlbpage.c, Dec 2005; mm/mmap.c's own
 * searches for the rest). An area with any mapping in it cannot be opened; one that is open takes no ordinary mapping ever
 * again. Addresses are bytes as bigint: all of this runs per mmap.
 */
import { type Cpu, callFunction, ERRNO, type Mm, type MmuHost } from '@fourfold/core/arch';
import { HIGH_AREA_SHIFT, HPAGE_SHIFT, highAreaMask, hugeAreasOf, LOW_AREA_SHIFT, lowAreaMask } from './hugetlb.js';

const FOUR_GB = 0x1_0000_0000n;
const HPAGE = 1n << BigInt(HPAGE_SHIFT);
/** Low and high areas there are. */
const AREAS = 16;
/** Segments of a high area. */
const AREA_SEGMENTS = 2 ** (HIGH_AREA_SHIFT - LOW_AREA_SHIFT);

/** What an opened area takes from a CPU that runs the mm: its segments, which are of another page size now. */
export type DropSegments = (cpu: Cpu, firstEsid: number, count: number) => void;

export class HugeAreaChooser {
  readonly #host: MmuHost;
  readonly #drop: DropSegments;
  readonly #taskSize: bigint;
  readonly #pageShift: bigint;

  constructor(host: MmuHost, drop: DropSegments) {
    this.#host = host;
    this.#drop = drop;
    this.#pageShift = BigInt(host.arch.geometry.pageShift);
    this.#taskSize = BigInt(host.arch.layout.taskSizePages) << this.#pageShift;
  }

  // --- in page numbers, as the hooks of the Mmu have them ------------------------------------------------------------

  /** is_hugepage_only_range: whether pages lie in an open area. */
  touchedBy(mm: Mm, start: number, pages: number): boolean {
    const areas = hugeAreasOf(mm);
    return (areas.low | areas.high) !== 0 && areas.touches(this.#address(start), this.#address(pages));
  }

  preparePages(mm: Mm, start: number, pages: number): number {
    return this.prepare(mm, this.#address(start), this.#address(pages));
  }

  choosePages(mm: Mm, hint: number, pages: number): number {
    return this.#pageOrErrno(this.choose(mm, this.#address(hint), this.#address(pages)));
  }

  pastPages(mm: Mm, start: number, pages: number, upward: boolean): number {
    const { low, high } = hugeAreasOf(mm);
    if ((low | high) === 0) return -1;
    return this.#pageOrErrno(this.past(mm, this.#address(start), this.#address(pages), upward));
  }

  /** Page number of an address; a negative number as it is. */
  #pageOrErrno(address: bigint): number {
    return address < 0n ? Number(address) : this.#page(address);
  }

  // --- in bytes ------------------------------------------------------------------------------------------------------

  /** prepare_hugepage_range: opens what [addr, addr + len) touches. The high half's answer is the one given. */
  prepare(mm: Mm, addr: bigint, len: bigint): number {
    let error = 0;
    if (addr < FOUR_GB) error = this.openLow(mm, lowAreaMask(addr, len));
    if (addr + len > FOUR_GB) error = this.openHigh(mm, highAreaMask(addr, len));
    return error;
  }

  /** hugetlb_get_unmapped_area for `len` bytes, whole huge pages; `hint` 0 for none. An address, or a negative errno. */
  choose(mm: Mm, hint: bigint, len: bigint): bigint {
    const isLow = this.#taskSize <= FOUR_GB;
    const areas = hugeAreasOf(mm);
    if (hint !== 0n && (isLow || hint >= FOUR_GB) && this.#isFree(mm, hint, len)) {
      const error = isLow ? this.openLow(mm, lowAreaMask(hint, len)) : this.openHigh(mm, highAreaMask(hint, len));
      if (error === 0) return hint;
    }
    const open = isLow ? areas.low : areas.high;
    const inOpen = this.#gap(mm, len, open, isLow);
    if (inOpen >= 0n) return inOpen;
    const top = isLow ? FOUR_GB : this.#taskSize;
    if (len > top) return BigInt(-ERRNO.ENOMEM);
    for (let mask = isLow ? lowAreaMask(top - len, len) : highAreaMask(top - len, len); ; mask >>= 1) {
      const found = this.#gap(mm, len, open | mask, isLow);
      if (found >= 0n && (isLow ? this.openLow(mm, mask) : this.openHigh(mm, mask)) === 0) return found;
      if ((mask & 1) !== 0) return BigInt(-ERRNO.ENOMEM);
    }
  }

  /** Where the search for an ordinary mapping goes on that touches an open area at `addr`; -1 when it touches none. */
  past(mm: Mm, addr: bigint, len: bigint, upward: boolean): bigint {
    const areas = hugeAreasOf(mm);
    if ((areas.low | areas.high) === 0 || !areas.touches(addr, len)) return -1n;
    const isLow = addr < FOUR_GB && (lowAreaMask(addr, len) & areas.low) !== 0;
    const shift = BigInt(isLow ? LOW_AREA_SHIFT : HIGH_AREA_SHIFT);
    const area = addr >> shift;
    return (upward ? area + 1n : area) << shift;
  }

  /** open_low_hpage_areas: 0, or -EBUSY with nothing opened. */
  openLow(mm: Mm, mask: number): number {
    const areas = hugeAreasOf(mm);
    const wanted = mask & ~areas.low;
    if (wanted === 0) return 0;
    for (let n = 0; n < AREAS; n++) {
      const start = BigInt(n) << BigInt(LOW_AREA_SHIFT);
      if (((wanted >> n) & 1) !== 0 && !this.#isEmpty(mm, start, start + (1n << BigInt(LOW_AREA_SHIFT))))
        return -ERRNO.EBUSY;
    }
    areas.low |= wanted;
    this.#forget(mm, wanted, 1);
    return 0;
  }

  /** open_high_hpage_areas. Area 0 begins at 4 GiB. */
  openHigh(mm: Mm, mask: number): number {
    const areas = hugeAreasOf(mm);
    const wanted = mask & ~areas.high;
    if (wanted === 0) return 0;
    for (let n = 0; n < AREAS; n++) {
      const start = BigInt(n) << BigInt(HIGH_AREA_SHIFT);
      const end = start + (1n << BigInt(HIGH_AREA_SHIFT));
      if (((wanted >> n) & 1) !== 0 && !this.#isEmpty(mm, n === 0 ? FOUR_GB : start, end)) return -ERRNO.EBUSY;
    }
    areas.high |= wanted;
    this.#forget(mm, wanted, AREA_SEGMENTS);
    return 0;
  }

  /** flush_low_segments and flush_high_segments, on every CPU: one that runs the mm drops the segments of areas just opened. */
  #forget(mm: Mm, opened: number, segments: number): void {
    const flush = (cpu: Cpu): void => {
      if (cpu.mm !== mm) return;
      for (let n = 0; n < AREAS; n++) if (((opened >> n) & 1) !== 0) this.#drop(cpu, n * segments, segments);
    };
    callFunction(this.#host, -1, 'ipiSegments', flush, mm);
    flush(this.#host.cpu);
  }

  /** The lowest gap inside the areas of a mask; -1 for none. */
  #gap(mm: Mm, len: bigint, mask: number, isLow: boolean): bigint {
    const shift = BigInt(isLow ? LOW_AREA_SHIFT : HIGH_AREA_SHIFT);
    const end = isLow ? FOUR_GB : this.#taskSize;
    let addr = isLow ? 0n : FOUR_GB;
    while (addr + len <= end) {
      const touched = isLow ? lowAreaMask(addr, len) : highAreaMask(addr, len);
      if ((touched & ~mask) !== 0) {
        addr = ((addr >> shift) + 1n) << shift;
        continue;
      }
      const vma = mm.vmas.find(this.#page(addr));
      if (vma === null || addr + len <= this.#address(vma.start)) return addr;
      addr = (this.#address(vma.end) + HPAGE - 1n) & ~(HPAGE - 1n);
    }
    return -1n;
  }

  #isFree(mm: Mm, addr: bigint, len: bigint): boolean {
    return addr <= this.#taskSize - len && this.#isEmpty(mm, addr, addr + len);
  }

  #isEmpty(mm: Mm, start: bigint, end: bigint): boolean {
    return mm.vmas.intersecting(this.#page(start), this.#page(end + (1n << this.#pageShift) - 1n)) === null;
  }

  #page(addr: bigint): number {
    return Number(addr >> this.#pageShift);
  }

  #address(page: number): bigint {
    return BigInt(page) << this.#pageShift;
  }
}
