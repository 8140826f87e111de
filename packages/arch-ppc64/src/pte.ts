/**
 * The Linux pte. Hardware never reads it: hash_page turns it into an entry of the hashed page table (hpte.ts). Which bit
 * means what is stated here and nowhere else (asm-ppc64/pgtable.h, pgtable-4k.h, pgtable-64k.h, Nov 2005).
 *
 * - Accessed and dirty are kept in software: hash_page sets them, and hashes a clean page read-only.
 * - PROT_NONE is PRESENT without USER.
 * - The bits of HPTEFLAGS say where the page is in the hash table. They count neither for pte_none nor for pte_same, and
 *   set_pte_at stores none of them, but for COMBO where 4 KiB entries back 64 KiB pages: it or-s that into whatever it stores.
 */
import { type BitField, PteFormat } from '@fourfold/core/arch';
import type { HashedPageShift, Ppc64PageShift } from './geometry.js';

export const PAGE_PRESENT = 0x1n;
/** User mode may use the page; bit 1 of the HPTE's PP. */
export const PAGE_USER = 0x2n;
/** Nonlinear file entry: the bit of USER, read only while PRESENT is clear. */
export const PAGE_FILE = 0x2n;
/** Inverted into the HPTE's no-execute bit. */
export const PAGE_EXEC = 0x4n;
export const PAGE_GUARDED = 0x8n;
/** In every protection of normal memory. */
export const PAGE_COHERENT = 0x10n;
export const PAGE_NO_CACHE = 0x20n;
export const PAGE_WRITETHRU = 0x40n;
export const PAGE_DIRTY = 0x80n;
export const PAGE_ACCESSED = 0x100n;
export const PAGE_RW = 0x200n;
/** There may be an HPTE for this pte. */
export const PAGE_HASHPTE = 0x400n;
/** Lock bit of the pte. */
export const PAGE_BUSY = 0x800n;
/** Slot 0 to 7 in the group, unless COMBO. */
export const PAGE_GROUP_IX = 0x7000n;
/** The HPTE is in the secondary group, unless COMBO. */
export const PAGE_SECONDARY = 0x8000n;
/** 64 KiB pages: the page is backed by 4 KiB HPTEs; bits 27:12 say which, bit 27 - i for sub-page i. */
export const PAGE_COMBO = 0x1000_0000n;
export const PAGE_HPTE_SUB = 0x0fff_f000n;

/** All bits that belong to the hash table (_PAGE_HPTEFLAGS). */
export const HPTEFLAGS_4K = 0xfc00n;
export const HPTEFLAGS_64K = 0x1fff_fc00n;

/** Protections; kernel ones for completeness. */
export const PAGE_NONE = 0x101n;
export const PAGE_READONLY = 0x113n;
export const PAGE_READONLY_X = 0x117n;
export const PAGE_COPY = 0x113n;
export const PAGE_COPY_X = 0x117n;
export const PAGE_SHARED = 0x313n;
export const PAGE_SHARED_X = 0x317n;
export const PAGE_KERNEL = 0x391n;
export const PAGE_KERNEL_CI = 0x3a9n;
/** pgprot_noncached or-s this in. */
export const PAGE_NONCACHED = 0x28n;

/** protection_map, by the low four vm_flags (shared, exec, write, read). */
export const PROTECTION_MAP: readonly bigint[] = [
  PAGE_NONE,
  PAGE_READONLY,
  PAGE_COPY,
  PAGE_COPY,
  PAGE_READONLY_X,
  PAGE_READONLY_X,
  PAGE_COPY_X,
  PAGE_COPY_X,
  PAGE_NONE,
  PAGE_READONLY,
  PAGE_SHARED,
  PAGE_SHARED,
  PAGE_READONLY_X,
  PAGE_READONLY_X,
  PAGE_SHARED_X,
  PAGE_SHARED_X,
];

/** Lowest bit of the frame number. 2.6.18 moved it to 30 with 64 KiB pages. */
export function pteRpnShift(pageShift: Ppc64PageShift): 17 | 32 {
  return pageShift === 12 ? 17 : 32;
}

/** _PAGE_HPTEFLAGS. */
export function hpteFlagsMask(pageShift: Ppc64PageShift): bigint {
  return pageShift === 12 ? HPTEFLAGS_4K : HPTEFLAGS_64K;
}

/** The format for one base page size, and one of the hash table's pages. */
export function createPteFormat(pageShift: Ppc64PageShift, hashedShift: HashedPageShift = 12): PteFormat {
  const rpn = pteRpnShift(pageShift);
  const frame = (0xffff_ffff_ffff_ffffn >> BigInt(rpn)) << BigInt(rpn);
  return new PteFormat({
    bytes: 8,
    ignore: hpteFlagsMask(pageShift),
    storeSet: pageShift === hashedShift ? 0n : PAGE_COMBO,
    accessFlags: PAGE_DIRTY | PAGE_ACCESSED | PAGE_RW | PAGE_EXEC,
    present: PAGE_PRESENT,
    valid: { mask: PAGE_PRESENT, value: PAGE_PRESENT },
    user: { mask: PAGE_USER, value: PAGE_USER },
    young: PAGE_ACCESSED,
    dirty: PAGE_DIRTY,
    file: PAGE_FILE,
    read: { bit: 1, bits: 1, table: 0b10 },
    write: { bit: 9, bits: 1, table: 0b10 },
    exec: { bit: 2, bits: 1, table: 0b10 },
    // DIRTY, ACCESSED, RW are bits 7 to 9: an HPTE allows stores while RW and DIRTY are both set.
    hardwareWrite: { bit: 7, bits: 3, table: 0b1010_0000 },
    mkyoung: { set: PAGE_ACCESSED },
    mkold: { clear: PAGE_ACCESSED },
    mkdirty: { set: PAGE_DIRTY },
    mkclean: { clear: PAGE_DIRTY },
    mkwrite: { set: PAGE_RW },
    wrprotect: { clear: PAGE_RW },
    mkexec: { set: PAGE_USER | PAGE_EXEC },
    mkread: { set: PAGE_USER },
    rdprotect: { clear: PAGE_USER },
    exprotect: { clear: PAGE_EXEC },
    pfnMask: frame,
    pfnShift: rpn,
    // _PAGE_CHG_MASK: what is above the flags, and D, A, BUSY, HASHPTE; with 64 KiB pages not bits 31:29.
    modifyKeep: pageShift === 12 ? 0xffff_ffff_ffff_fd80n : 0xffff_ffff_1fff_fd80n,
    protectionMap: PROTECTION_MAP,
    // The swap word is (type << 1) + (offset << 8), all of it shifted to the frame's place.
    swapType: { bit: rpn + 1, bits: 6 },
    swapOffset: { bit: rpn + 8, bits: 56 - rpn },
    fileOffset: [{ bit: rpn, bits: 64 - rpn }],
    fileMaxBits: 64 - rpn,
    fields: [...COMMON_FIELDS, ...(pageShift === 12 ? FIELDS_4K : FIELDS_64K), ...frameFields(rpn)],
  });
}

const COMMON_FIELDS: readonly BitField[] = [
  { name: 'PRESENT', bit: 0, meaning: 'the entry maps a page', owner: 'software' },
  software('USER', 1, 'user mode may use the page'),
  software('EXEC', 2, 'executable'),
  software('GUARDED', 3, 'G: no speculative access'),
  software('COHERENT', 4, 'M: memory coherence'),
  software('NO_CACHE', 5, 'I: not cached'),
  software('WRITETHRU', 6, 'W: written through'),
  software('DIRTY', 7, 'dirty; set by hash_page on a store'),
  software('ACCESSED', 8, 'young; set by hash_page'),
  software('RW', 9, 'writable'),
  { name: 'FILE', bit: 1, meaning: 'nonlinear file entry', owner: 'software', when: 'absent' },
  { name: 'unused2', bit: 2, bits: 8, meaning: 'left 0', owner: 'unused', when: 'absent' },
  { name: 'HASHPTE', bit: 10, meaning: 'there may be an HPTE for this entry', owner: 'software' },
  { name: 'BUSY', bit: 11, meaning: 'lock bit', owner: 'software' },
];

const FIELDS_4K: readonly BitField[] = [
  { name: 'GROUP_IX', bit: 12, bits: 3, meaning: 'slot in the group of the HPTE', owner: 'software' },
  { name: 'SECONDARY', bit: 15, meaning: 'the HPTE is in the secondary group', owner: 'software' },
  { name: 'unused16', bit: 16, meaning: 'HUGE until 2.6.14; not used', owner: 'unused' },
];

const FIELDS_64K: readonly BitField[] = [
  {
    name: 'HPTE_SUB',
    bit: 12,
    bits: 16,
    meaning: 'bit 27 - i: sub-page i has an HPTE; without COMBO bits 15:12 are SECONDARY and GROUP_IX',
    owner: 'software',
  },
  { name: 'COMBO', bit: 28, meaning: 'backed by 4 KiB HPTEs', owner: 'software' },
  { name: 'unused29', bit: 29, bits: 3, meaning: 'not used', owner: 'unused' },
];

function frameFields(rpn: number): BitField[] {
  const absent = (name: string, bit: number, bits: number, meaning: string): BitField => ({
    name,
    bit,
    bits,
    meaning,
    owner: 'software',
    when: 'absent',
  });
  return [
    { name: 'RPN', bit: rpn, bits: 64 - rpn, meaning: 'frame number', owner: 'software', when: 'present' },
    absent('swap0', rpn, 1, '0; with FILE set, bit 0 of the file offset'),
    absent('swapType', rpn + 1, 6, 'swap area; with FILE set, bits 6:1 of the file offset'),
    absent('swap7', rpn + 7, 1, '0; with FILE set, bit 7 of the file offset'),
    absent('swapOffset', rpn + 8, 56 - rpn, 'offset in the swap area; with FILE set, the file offset from bit 8 up'),
  ];
}

function software(name: string, bit: number, meaning: string): BitField {
  return { name, bit, meaning, owner: 'software', when: 'present' };
}
