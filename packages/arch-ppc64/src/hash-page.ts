/**
 * hash_page: puts one translation from a Linux pte into the hash table (arch/powerpc/mm/hash_low_64.S).
 *
 * The pte is locked by BUSY while this runs; then it says where its HPTE is: in bits 15:12, or where 4 KiB entries back a
 * 64 KiB page one of sixteen HPTEs in the nibbles of the pte's hidx word, which is stored before the pte. A store to a
 * writable page makes it dirty here, without any page fault. Who finds BUSY set leaves, and the access is tried again.
 *
 * Where the instruction cache does not see stores (the 970) a page is hashed without execution until a fetch asks for it: then it
 * is flushed, once, and PG_arch_1 remembers that (hash_page_do_lazy_icache).
 *
 * When both groups of a hash are full one entry is thrown out; which one the time base decides: here a counter that every
 * call advances, so a run repeats exactly.
 */
import { EXEC, type MmuHost, PG_ARCH_1, PG_RESERVED, type PhysicalMemory, STORE } from '@fourfold/core/arch';
import { type HashedPages, HIDX_OFFSET } from './geometry.js';
import type { HashTable } from './hash-table.js';
import { busyPteLo, hpteFlags } from './hpte.js';

const PRESENT = 0x001;
const USER = 0x002;
const PTE_EXEC = 0x004;
const RW = 0x200;
const HASHPTE = 0x400;
const BUSY = 0x800;
const PTE_SECONDARY_SHIFT = 15;
const HPTEFLAGS_4K = 0xfc00;
const HPTEFLAGS_64K = 0x1fff_fc00;
const ACCESSED = 0x100;
const HPTE_COHERENT = 0x10;
const HPTE_NO_EXEC = 0x4;
const V_LARGE = 0x4;
const V_VALID = 0x1;
const V_SECONDARY = 0x2;
/** One step of the time base: an odd constant, so that its low bits run through all values. */
const TICK = 0x9e3779b1 | 0;

/** The size code in R of a page of 64 KiB, as firmware lists it. */
const PENC_64K = 0x1000;

/** `resolve` and `lock` found another CPU's BUSY: nothing was done, the access has to be tried again. */
export const HASH_BUSY = -1;

/** Bits of the pte that an access of user mode needs. */
export function neededBits(kind: number): number {
  return PRESENT | USER | (kind === STORE ? RW : kind === EXEC ? PTE_EXEC : 0);
}

/** Bits of a pte of init_mm that an access of the kernel needs. */
export function kernelBits(kind: number): number {
  return neededBits(kind) & ~USER;
}

/** Bits that hash_preload asks for: it does not look at USER. */
export function preloadBits(exec: boolean): number {
  return PRESENT | (exec ? PTE_EXEC : 0);
}

export class HashPage {
  /** Set by `resolve`: the entry was (or should have been) patched, so TLBs have to drop the page. */
  needsTlbie = false;
  /** The time base; its upper half is read. */
  timebase = 0;
  /** Pages flushed from the instruction cache. */
  icacheFlushes = 0;
  private readonly memory: PhysicalMemory;
  private readonly table: HashTable;
  private readonly loAt: number;
  private readonly hiAt: number;
  /** A 64 KiB kernel, and one over 4 KiB HPTEs. */
  private readonly wide: boolean;
  private readonly combo: boolean;
  private readonly pageFlags: Int32Array;
  private readonly coherentIcache: boolean;

  constructor({ arch, memory, map, tables }: MmuHost, table: HashTable, pages: HashedPages, coherentIcache: boolean) {
    this.memory = memory;
    this.pageFlags = map.flags;
    this.table = table;
    this.loAt = tables.loAt;
    this.hiAt = tables.hiAt;
    this.wide = arch.geometry.pageShift === 16;
    this.combo = pages.sub !== 0;
    this.coherentIcache = coherentIcache;
  }

  /**
   * Hashes a page if its pte allows the access.
   * @param at word index of the pte.
   * @param page number of the page in its segment, in pages of the hash table.
   * @param need bits that the pte must have (`neededBits`).
   * @returns the HPTE, 0 when the pte refuses, or HASH_BUSY.
   */
  resolve(at: number, page: number, vsidHi: number, vsidLo: number, need: number): number {
    const words = this.memory.words;
    const lo = words[at + this.loAt] as number;
    const hi = words[at + this.hiAt] as number;
    const locked = this.lock(at, need);
    return locked > 0 ? this.put(at, page, vsidHi, vsidLo, hi, lo, need) : locked;
  }

  /** The first half: BUSY, accessed, and dirty for a store, if the pte allows the access. 1, 0 when it refuses, or HASH_BUSY. */
  lock(at: number, need: number): number {
    const words = this.memory.words;
    const loAt = at + this.loAt;
    const lo = words[loAt] as number;
    this.needsTlbie = false;
    this.timebase = (this.timebase + TICK) | 0;
    if ((need & ~lo) !== 0) return 0;
    if ((lo & BUSY) !== 0) return HASH_BUSY;
    words[loAt] = busyPteLo(lo, (need & RW) !== 0);
    return 1;
  }

  /** The second half: the HPTE of a pte that `lock` has locked, and was (hi, lo) before. Its word index. */
  put(at: number, page: number, vsidHi: number, vsidLo: number, hi: number, lo: number, need: number): number {
    const busy = busyPteLo(lo, (need & RW) !== 0);
    return this.combo
      ? this.putCombo(at, page, vsidHi, vsidLo, hi, lo, busy, need)
      : this.putWhole(at + this.loAt, page, vsidHi, vsidLo, hi, lo, busy, need);
  }

  /** A base page with one HPTE: __hash_page_4K with 4 KiB pages, __hash_page_64K. */
  private putWhole(
    loAt: number,
    page: number,
    vsidHi: number,
    vsidLo: number,
    hi: number,
    lo: number,
    busy: number,
    need: number,
  ): number {
    const { table, wide } = this;
    const vHi = vWordHi(vsidHi, vsidLo);
    const vLo = wide ? largeVWordLo(vsidLo, page) : vWordLo(vsidLo, page);
    const flags = hpteFlags(busy) | this.lazyIcache(wide ? hi : this.pfnOf(hi, lo), need);
    const group = (vsidLo ^ page) & table.mask;
    if ((lo & HASHPTE) !== 0) {
      const entry = this.entryOf(group, (lo >>> 12) & 15);
      this.needsTlbie = true;
      if (table.updatePp(entry, vHi, vLo | ((lo >>> (PTE_SECONDARY_SHIFT - 1)) & V_SECONDARY), flags)) {
        this.memory.words[loAt] = busy & ~BUSY;
        return entry;
      }
    }
    // The frame is above bit 17 of a pte of 4 KiB, above bit 32 of one of 64 KiB, and above bit 12 or 16 of R.
    const rHi = wide ? hi >>> 16 : hi >>> 5;
    const rLo = (wide ? (hi << 16) | PENC_64K : (hi << 27) | ((lo >>> 5) & 0x07ff_f000)) | flags;
    const index = this.insert(group, vHi, vLo, rHi, rLo);
    this.memory.words[loAt] = (busy & ~(wide ? HPTEFLAGS_64K : HPTEFLAGS_4K)) | HASHPTE | (index << 12);
    return this.entryOf(group, index);
  }

  /** A part of 4 KiB of a base page of 64 KiB: __hash_page_4K of a 64 KiB kernel. */
  private putCombo(
    at: number,
    page: number,
    vsidHi: number,
    vsidLo: number,
    frame: number,
    lo: number,
    busy: number,
    need: number,
  ): number {
    const table = this.table;
    const words = this.memory.words;
    const vHi = vWordHi(vsidHi, vsidLo);
    const vLo = vWordLo(vsidLo, page);
    const flags = hpteFlags(busy) | this.lazyIcache(frame, need);
    const group = (vsidLo ^ page) & table.mask;
    const sub = page & 15;
    const subBit = 1 << (27 - sub);
    // The half of the hidx word that holds the sub-page's nibble: sub-pages 0 to 7 are in the low one.
    const hidxAt = at + HIDX_OFFSET / 4 + (sub < 8 ? this.loAt : this.hiAt);
    const nibble = (sub & 7) << 2;
    if ((lo & HASHPTE) === 0) {
      words[at + HIDX_OFFSET / 4] = 0;
      words[at + HIDX_OFFSET / 4 + 1] = 0;
    } else if ((lo & subBit) !== 0) {
      const index = ((words[hidxAt] as number) >>> nibble) & 15;
      const entry = this.entryOf(group, index);
      this.needsTlbie = true;
      if (table.updatePp(entry, vHi, vLo | ((index >>> 2) & V_SECONDARY), flags)) {
        words[at + this.loAt] = busy & ~BUSY;
        return entry;
      }
    }
    const rHi = frame >>> 16;
    const rLo = (frame << 16) | (sub << 12) | flags;
    const index = this.insert(group, vHi, vLo, rHi, rLo);
    words[hidxAt] = ((words[hidxAt] as number) & ~(15 << nibble)) | (index << nibble);
    words[at + this.loAt] = (busy & ~BUSY) | subBit;
    return this.entryOf(group, index);
  }

  /**
   * hash_huge_page: the same for a huge pte, with one large HPTE for all of it. A store does not make the pte dirty here,
   * R and C stay 0 in the HPTE, and who finds BUSY set goes to the page fault.
   * @param page number of the huge page in its segment.
   */
  resolveHuge(at: number, page: number, vsidHi: number, vsidLo: number, need: number): number {
    const words = this.memory.words;
    const loAt = at + this.loAt;
    const lo = words[loAt] as number;
    const hi = words[at + this.hiAt] as number;
    this.needsTlbie = false;
    this.timebase = (this.timebase + TICK) | 0;
    if ((need & ~lo) !== 0 || (lo & BUSY) !== 0) return 0;
    const { table, wide } = this;
    const vHi = vWordHi(vsidHi, vsidLo);
    const vLo = hugeVWordLo(vsidLo, page);
    const flags =
      ((lo & RW) !== 0 ? 2 : 3) |
      ((lo & PTE_EXEC) !== 0 ? 0 : HPTE_NO_EXEC) |
      HPTE_COHERENT |
      this.lazyIcache(wide ? hi : this.pfnOf(hi, lo), need);
    const group = (vsidLo ^ page) & table.mask;
    const hashed = lo | ACCESSED | HASHPTE;
    if ((lo & HASHPTE) !== 0) {
      const entry = this.entryOf(group, (lo >>> 12) & 15);
      this.needsTlbie = true;
      if (table.updatePp(entry, vHi, vLo | ((lo >>> (PTE_SECONDARY_SHIFT - 1)) & V_SECONDARY), flags)) {
        words[loAt] = hashed;
        return entry;
      }
    }
    const rHi = wide ? hi >>> 16 : hi >>> 5;
    const rLo = (wide ? hi << 16 : (hi << 27) | ((lo >>> 5) & 0x07ff_f000)) | flags;
    const index = this.insert(group, vHi, vLo, rHi, rLo);
    words[loAt] = (hashed & ~(wide ? HPTEFLAGS_64K : HPTEFLAGS_4K)) | HASHPTE | (index << 12);
    return this.entryOf(group, index);
  }

  /** hash_page_do_lazy_icache: N for a page that may hold old instructions, unless a fetch asks: it is flushed then. */
  private lazyIcache(pfn: number, need: number): number {
    if (this.coherentIcache) return 0;
    const page = this.memory.pfnToPage(pfn);
    if (page < 0 || ((this.pageFlags[page] as number) & (PG_ARCH_1 | PG_RESERVED)) !== 0) return 0;
    if ((need & PTE_EXEC) === 0) return HPTE_NO_EXEC;
    this.pageFlags[page] = (this.pageFlags[page] as number) | PG_ARCH_1;
    this.icacheFlushes++;
    return 0;
  }

  /** Frame number of a pte with 4 KiB pages: from bit 17 up. */
  private pfnOf(hi: number, lo: number): number {
    return ((lo >>> 17) | (hi << 15)) >>> 0;
  }

  /** Entry of a slot number with bit 3 for the secondary group. `group` is the primary one. */
  entryOf(group: number, index: number): number {
    const { mask } = this.table;
    return this.table.entryAt((index & 8) !== 0 ? group ^ mask : group, index & 7);
  }

  /** Inserts in the primary group, else in the secondary, else where something is thrown out; the slot, bit 3 secondary. */
  private insert(group: number, vHi: number, vLo: number, rHi: number, rLo: number): number {
    const table = this.table;
    const other = group ^ table.mask;
    table.inserts++;
    for (;;) {
      let slot = table.insert(group, vHi, vLo, rHi, rLo);
      if (slot >= 0) return slot;
      slot = table.insert(other, vHi, vLo | V_SECONDARY, rHi, rLo);
      if (slot >= 0) {
        table.secondaryInserts++;
        return slot | 8;
      }
      const time = this.timebase >>> 16;
      this.timebase = (this.timebase + TICK) | 0;
      table.evict((time & 1) !== 0 ? group : other, this.timebase >>> 16);
    }
  }
}

/** High half of V: VSID bits 35:20. */
export function vWordHi(vsidHi: number, vsidLo: number): number {
  return (vsidHi << 12) | (vsidLo >>> 20);
}

/** Low half of V: VSID bits 19:0, the upper five bits of the page in its segment, VALID. */
export function vWordLo(vsidLo: number, page: number): number {
  return (vsidLo << 12) | ((page >>> 11) << 7) | V_VALID;
}

/** The same for page `page` of 64 KiB of a segment: its upper five bits are where those of a 4 KiB page come to. LARGE, VALID. */
export function largeVWordLo(vsidLo: number, page: number): number {
  return (vsidLo << 12) | (page & 0xf80) | V_LARGE | V_VALID;
}

/** Low half of V for huge page `page` of a segment: its number without the bits below 16 MiB, LARGE, VALID. */
export function hugeVWordLo(vsidLo: number, page: number): number {
  return (vsidLo << 12) | (page << 8) | V_LARGE | V_VALID;
}
