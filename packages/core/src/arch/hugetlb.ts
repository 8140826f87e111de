/**
 * How a machine represents huge pages, as data: which entries hold one, where they may lie, where mmap looks for room.
 * What depends on the history of an mm (areas that are opened for huge pages) is asked of the Mmu.
 */
import type { Geometry, LevelName } from './geometry.js';

/** Huge pages as an arch package states them. */
export interface HugetlbSpec {
  /** HPAGE_SHIFT: log2 of the bytes of a huge page. */
  readonly shift: number;
  /** Real level whose entries hold huge pages, in the format of a pte. */
  readonly level: LevelName;
  /** Entries in a row that a huge page takes, each with the frame of its own part. Default 1: the slot of its address. */
  readonly entries?: number;
  /**
   * The only addresses that huge pages may have, and that nothing else may (is_hugepage_only_range). The slot of a huge page
   * there is that of its scaled address: the offset in the range shifted right, so that one huge page has one pte. Default
   * none: anywhere.
   */
  readonly scaledRange?: { readonly start: bigint; readonly end: bigint };
  /** The Mmu opens areas of an mm for huge pages; other mappings keep out of them from then on. Default false. */
  readonly opensAreas?: boolean;
  /** The search for room goes downward in an mm that does so for its other mappings. Default false: always upward. */
  readonly followsMm?: boolean;
}

/** The same with everything worked out, in page numbers; one class for all machines. */
export class HugeFormat {
  readonly shift: number;
  /** log2 of the base pages of a huge page (HUGETLB_PAGE_ORDER), and their number. */
  readonly order: number;
  readonly pages: number;
  /** Position of `HugetlbSpec.level` among the real levels. */
  readonly level: number;
  readonly entries: number;
  /** First page and first page past the scaled range; -1 when there is none. */
  readonly rangeStart: number;
  readonly rangeEnd: number;
  readonly opensAreas: boolean;
  readonly followsMm: boolean;

  constructor(geometry: Geometry, spec: HugetlbSpec) {
    const page = (address: bigint): number => Number(address >> BigInt(geometry.pageShift));
    this.shift = spec.shift;
    this.order = spec.shift - geometry.pageShift;
    this.pages = 1 << this.order;
    this.level = geometry.levelOf(spec.level);
    this.entries = spec.entries ?? 1;
    this.rangeStart = spec.scaledRange === undefined ? -1 : page(spec.scaledRange.start);
    this.rangeEnd = spec.scaledRange === undefined ? -1 : page(spec.scaledRange.end);
    this.opensAreas = spec.opensAreas ?? false;
    this.followsMm = spec.followsMm ?? false;
  }

  /** First page of the huge page that a page lies in. */
  firstPage(vpn: number): number {
    return vpn - (vpn % this.pages);
  }

  /** Page number by which the entry of the huge page around `vpn` is looked up (huge_pte_offset). */
  slotPage(vpn: number): number {
    const first = this.firstPage(vpn);
    return this.rangeStart < 0 ? first : this.scale(first);
  }

  /** The scaled page number of a page in the range (htlbpage_to_page). */
  scale(vpn: number): number {
    return this.rangeStart + Math.floor((vpn - this.rangeStart) / this.pages);
  }

  /** The first page of the huge page whose slot a page number of the tables names: the inverse of `slotPage`. */
  pageOfSlot(slot: number): number {
    return this.rangeStart < 0 ? this.firstPage(slot) : this.rangeStart + (slot - this.rangeStart) * this.pages;
  }

  /** Whether some addresses are, or can become, for huge pages alone. */
  get reserves(): boolean {
    return this.rangeStart >= 0 || this.opensAreas;
  }

  /** Whether a page lies in the scaled range. */
  inRange(vpn: number): boolean {
    return vpn >= this.rangeStart && vpn < this.rangeEnd;
  }
}
