/**
 * Entries of the hashed page table: two big-endian doublewords, V and R (asm-ppc64/mmu.h). The functions here take and
 * give whole words, for tools and tests; the tables and mmu.ts work on halves.
 */
import { PAGE_BUSY, PAGE_HASHPTE } from './pte.js';

export const HPTE_V_BOLTED = 0x10n;
export const HPTE_V_LOCK = 0x08n;
/** Any page size but 4 KiB. */
export const HPTE_V_LARGE = 0x04n;
export const HPTE_V_SECONDARY = 0x02n;
export const HPTE_V_VALID = 0x01n;

/** Referenced and changed; Linux never reads them back. */
export const HPTE_R = 0x100n;
export const HPTE_C = 0x080n;
export const HPTE_W = 0x040n;
export const HPTE_I = 0x020n;
export const HPTE_M = 0x010n;
export const HPTE_G = 0x008n;
/** No execute. */
export const HPTE_N = 0x004n;
/** 0: kernel only; 1: user reads; 2: user reads and writes; 3: everybody reads. */
export const HPTE_PP = 0x003n;

/** A page size the hardware can translate. */
export interface HardwarePage {
  readonly shift: number;
  /** Bits of the SLB's VSID word that say this size. */
  readonly sllp: number;
  /** Low bits of the AVPN that do not exist. */
  readonly avpnm: number;
  /** Code in the R word and in tlbie; of 64 KiB as firmware lists it. */
  readonly penc: number;
  readonly tlbiel: boolean;
}

export const HARDWARE_PAGES: Readonly<Record<'4K' | '64K' | '16M', HardwarePage>> = {
  '4K': { shift: 12, sllp: 0, avpnm: 0, penc: 0, tlbiel: true },
  '64K': { shift: 16, sllp: 0x110, avpnm: 0, penc: 1, tlbiel: true },
  '16M': { shift: 24, sllp: 0x100, avpnm: 1, penc: 0, tlbiel: false },
};

/** The virtual address of an effective one in a segment with `vsid`. */
export function virtualAddress(vsid: number, ea: bigint): bigint {
  return (BigInt(vsid) << 28n) | (ea & 0xfff_ffffn);
}

/** hpt_hash: the hash of a virtual address for pages of 2^shift bytes. */
export function hashOf(va: bigint, shift: number): bigint {
  return ((va >> 28n) & 0x7f_ffff_ffffn) ^ ((va & 0xfff_ffffn) >> BigInt(shift));
}

/** Group of a hash in a table with `mask`. */
export function groupOf(hash: bigint, mask: number, secondary: boolean): number {
  const low = Number(hash & 0x7fff_ffffn);
  return (secondary ? low ^ 0x7fff_ffff : low) & mask;
}

/** The V word of a valid entry. */
export function hpteV(va: bigint, page: HardwarePage, secondary: boolean, bolted = false): bigint {
  return (
    ((((va >> 23n) & ~BigInt(page.avpnm)) << 7n) & 0xffff_ffff_ffff_ffffn) |
    (bolted ? HPTE_V_BOLTED : 0n) |
    (page.shift === 12 ? 0n : HPTE_V_LARGE) |
    (secondary ? HPTE_V_SECONDARY : 0n) |
    HPTE_V_VALID
  );
}

/** The R word: frame and flags. */
export function hpteR(pa: bigint, page: HardwarePage, flags: bigint): bigint {
  if (page.shift === 12) return (pa & 0x3fff_ffff_ffff_f000n) | flags;
  const size = 1n << BigInt(page.shift);
  return ((pa & 0x3fff_ffff_ffff_f000n & ~(size - 1n)) + (BigInt(page.penc) << 12n)) | flags;
}

/** The operand of tlbie, without its L bit. Large pages carry a mask made from the size code (2.6.18: the code). */
export function tlbieOperand(va: bigint, page: HardwarePage): bigint {
  const inside = (1n << BigInt(page.shift)) - 1n;
  const operand = va & 0x0000_ffff_ffff_ffffn & ~inside;
  return page.shift === 12 ? operand : operand | (BigInt(0x7f >> (8 - page.penc)) << 12n);
}

/**
 * Flags of the HPTE for the low bits of a pte: bits 8:1 are the pte's own, EXEC flips into N, and whatever user mode may
 * use but not both write and have dirty is read-only.
 */
export function hpteFlags(pteLo: number): number {
  const flags = (pteLo & 0x1fe) ^ 4;
  return (pteLo & 2) !== 0 && (pteLo & 0x280) !== 0x280 ? flags | 1 : flags;
}

/** Low half of a pte while hash_page works on it: locked, accessed, hashed, and dirty for a store. */
export function busyPteLo(pteLo: number, store: boolean): number {
  return pteLo | BUSY_ACCESSED_HASHED | (store ? 0x80 : 0);
}

const BUSY_ACCESSED_HASHED = Number(PAGE_BUSY | PAGE_HASHPTE) | 0x100;

/** What user mode may do through an HPTE, from the low half of R: RIGHT_ bits. User segments have both keys set. */
export function hpteRights(rLo: number): number {
  const pp = rLo & 3;
  if (pp === 0) return 0;
  return 2 | (pp === 2 ? 4 : 0) | ((rLo & 4) === 0 ? 1 : 0);
}

/** What the kernel may do through an HPTE of one of its own segments, where Ks is clear. */
export function kernelHpteRights(rLo: number): number {
  return 2 | ((rLo & 3) !== 3 ? 4 : 0) | ((rLo & 4) === 0 ? 1 : 0);
}
