/**
 * The pte: a sun4u TTE data word, loaded into the TLB as it is. Which bit means what is stated here and nowhere else
 * (asm-sparc64/pgtable.h and spitfire.h; UltraSPARC manuals for the hardware fields).
 *
 * - Accessed and dirty are kept in software: an old entry is not VALID, a clean one has no W, so the next access or
 *   store traps. Hence mkyoung, mkold, mkdirty, mkclean and rdprotect each change two bits, and wrprotect too.
 * - The miss handlers look at VALID, and for a fetch at EXEC; never at PRESENT, READ or ACCESSED.
 * - PROT_NONE is PRESENT without VALID, READ, WRITE, EXEC.
 */
import { type BitField, PteFormat, type PteFormatSpec } from '@fourfold/core/arch';
import type { Sparc64PageShift } from './geometry.js';

/** Hardware valid; Linux also lets it stand for "referenced". */
export const PAGE_VALID = 0x8000_0000_0000_0000n;
/** Page size, 0 to 3: 8K, 64K, 512K, 4M. */
export const PAGE_SZ = 0x6000_0000_0000_0000n;
export const PAGE_SZ64K = 0x2000_0000_0000_0000n;
export const PAGE_SZ512K = 0x4000_0000_0000_0000n;
export const PAGE_SZ4MB = 0x6000_0000_0000_0000n;
/** No-fault only. */
export const PAGE_NFO = 0x1000_0000_0000_0000n;
/** Invert endianness. */
export const PAGE_IE = 0x0800_0000_0000_0000n;
export const PAGE_SOFT2 = 0x07fc_0000_0000_0000n;
/** Third size bit of panther: 32M, 256M. */
export const PAGE_SZ2 = 0x0001_0000_0000_0000n;
/** Snoop (cheetah). */
export const PAGE_SN = 0x0000_8000_0000_0000n;
/** Physical address bits 42:13 (spitfire implements 40:13). */
export const PAGE_PADDR = 0x0000_07ff_ffff_e000n;
/** Executable: software, checked by the ITLB miss handler. */
export const PAGE_EXEC = 0x1000n;
/** Dirty. */
export const PAGE_MODIFIED = 0x800n;
/** Nonlinear file entry: the bit of MODIFIED, read only while PRESENT is clear. */
export const PAGE_FILE = 0x800n;
export const PAGE_ACCESSED = 0x400n;
export const PAGE_READ = 0x200n;
export const PAGE_WRITE = 0x100n;
export const PAGE_PRESENT = 0x80n;
/** Locked in the TLB. */
export const PAGE_L = 0x40n;
/** Cacheable in physically and in virtually indexed caches. */
export const PAGE_CP = 0x20n;
export const PAGE_CV = 0x10n;
/** Side effect. */
export const PAGE_E = 0x08n;
/** Privileged only. */
export const PAGE_P = 0x04n;
/** Some of them as numbers of the low half: builds put literals in their places, which the miss handlers need. */
export const P_LO = 0x04;
export const E_LO = 0x08;
export const W_LO = 0x02;
export const MODIFIED_LO = 0x800;
export const EXEC_LO = 0x1000;
/** Hardware writable. */
export const PAGE_W = 0x02n;
/** Global: the context is ignored. */
export const PAGE_G = 0x01n;

const PAGE_CACHE = PAGE_CP | PAGE_CV;
const BASE = PAGE_PRESENT | PAGE_ACCESSED | PAGE_CACHE;

/** Page protections as the kernel names them; write permission without W until the page is dirty. */
export const PAGE_NONE: bigint = BASE;
export const PAGE_READONLY: bigint = BASE | PAGE_VALID | PAGE_READ | PAGE_EXEC;
export const PAGE_SHARED: bigint = PAGE_READONLY | PAGE_WRITE;
export const PAGE_KERNEL: bigint =
  BASE | PAGE_VALID | PAGE_READ | PAGE_WRITE | PAGE_EXEC | PAGE_MODIFIED | PAGE_P | PAGE_W;
/** pg_iobits: what I/O remapping or-s in. */
export const PG_IOBITS: bigint = 0x8000_0000_0000_0f8an;

/**
 * protection_map, by the low four vm_flags (shared, exec, write, read). Without PROT_EXEC the entry has no EXEC bit;
 * write-only and exec-only areas are readable.
 */
export function protectionMap(): bigint[] {
  return Array.from({ length: 16 }, (_, flags) => {
    if ((flags & 7) === 0) return PAGE_NONE;
    const exec = (flags & 4) !== 0 ? PAGE_EXEC : 0n;
    const write = (flags & 10) === 10 ? PAGE_WRITE : 0n; // private stores copy first
    return BASE | PAGE_VALID | PAGE_READ | exec | write;
  });
}

/** SZ bits of the base page, or-ed into every entry. */
export function baseSizeBits(pageShift: Sparc64PageShift): bigint {
  return pageShift === 16 ? PAGE_SZ64K : 0n;
}

/** The format for one base page size; `hugeSize` are the SZ bits of a huge page. */
export function createPteFormat(pageShift: Sparc64PageShift, hugeSize: bigint = PAGE_SZ4MB): PteFormat {
  const size = baseSizeBits(pageShift);
  const kept = PAGE_PADDR | PAGE_MODIFIED | PAGE_ACCESSED | PAGE_CACHE | PAGE_E | PAGE_PRESENT | size;
  const spec: PteFormatSpec = {
    bytes: 8,
    present: PAGE_PRESENT,
    valid: { mask: PAGE_VALID, value: PAGE_VALID },
    user: { mask: PAGE_P, value: 0n },
    young: PAGE_ACCESSED,
    dirty: PAGE_MODIFIED,
    file: PAGE_FILE,
    read: { bit: 9, bits: 1, table: 0b10 },
    write: { bit: 8, bits: 1, table: 0b10 },
    exec: { bit: 12, bits: 1, table: 0b10 },
    // A valid entry can always be read; READ is for the kernel alone.
    hardwareRead: { bit: 9, bits: 1, table: 0b11 },
    hardwareWrite: { bit: 1, bits: 1, table: 0b10 },
    hardwareExec: { bit: 12, bits: 1, table: 0b10 },
    mkyoung: { set: PAGE_ACCESSED | PAGE_VALID },
    mkold: { clear: PAGE_ACCESSED | PAGE_VALID },
    // Unconditionally, even if WRITE is clear.
    mkdirty: { set: PAGE_MODIFIED | PAGE_W },
    mkclean: { clear: PAGE_MODIFIED | PAGE_W },
    mkwrite: { set: PAGE_WRITE },
    wrprotect: { clear: PAGE_WRITE | PAGE_W },
    rdprotect: { clear: PAGE_READ | PAGE_VALID },
    // Or-ed, not replaced: right because the base size bits are a subset of the huge ones.
    mkhuge: { set: hugeSize },
    pfnMask: PAGE_PADDR,
    pfnShift: pageShift,
    base: size,
    modifyKeep: kept,
    // Of the protection only what is not kept, so an old page becomes valid and stays old.
    modifyTake: 0xffff_ffff_ffff_ffffn & ~kept,
    protectionMap: protectionMap(),
    swapType: { bit: pageShift, bits: 8 },
    // An offset of 2^42 (8K) or more would reach VALID; no swap area is that large.
    swapOffset: { bit: pageShift + 8, bits: 56 - pageShift },
    fileOffset: [{ bit: pageShift, bits: 63 - pageShift }],
    fileMaxBits: 63 - pageShift,
    fields: [...PRESENT_FIELDS, ...absentFields(pageShift)],
  };
  return new PteFormat(spec);
}

/** Bits of an entry with PRESENT; the PRESENT bit itself is in every state. */
const PRESENT_FIELDS: readonly BitField[] = [
  hardware('VALID', 63, 1, 'the TLB may use the entry; clear also while the page is old'),
  hardware('SZ', 61, 2, 'page size: 0 8K, 1 64K, 2 512K, 3 4M'),
  hardware('NFO', 60, 1, 'no-fault accesses only'),
  hardware('IE', 59, 1, 'invert endianness'),
  { name: 'SOFT2', bit: 50, bits: 9, meaning: 'for software; not used', owner: 'unused', when: 'present' },
  { name: 'reserved49', bit: 49, meaning: 'reserved', owner: 'unused', when: 'present' },
  hardware('SZ2', 48, 1, 'panther, with SZ: 32M or 256M'),
  hardware('SN', 47, 1, 'cheetah: snoop'),
  { name: 'reserved43', bit: 43, bits: 4, meaning: 'reserved', owner: 'unused', when: 'present' },
  hardware('PADDR', 13, 30, 'physical address bits 42:13'),
  software('EXEC', 12, 'executable; the ITLB miss handler checks it'),
  software('MODIFIED', 11, 'dirty'),
  software('ACCESSED', 10, 'young'),
  software('READ', 9, 'readable; hardware never looks'),
  software('WRITE', 8, 'writable for the kernel; hardware looks at W'),
  { name: 'PRESENT', bit: 7, meaning: 'the entry maps a page', owner: 'software' },
  hardware('L', 6, 1, 'locked in the TLB'),
  hardware('CP', 5, 1, 'cacheable in physically indexed caches'),
  hardware('CV', 4, 1, 'cacheable in virtually indexed caches'),
  hardware('E', 3, 1, 'side effect'),
  hardware('P', 2, 1, 'privileged only'),
  hardware('W', 1, 1, 'stores allowed; set while writable and dirty'),
  hardware('G', 0, 1, 'global: matches in every context'),
];

/** Bits of an entry without PRESENT: a swap entry, or a file offset from pageShift up with FILE set. */
function absentFields(pageShift: number): BitField[] {
  return [
    {
      name: 'swapOffset',
      bit: pageShift + 8,
      bits: 56 - pageShift,
      meaning: `offset in the swap area; with FILE set the upper part of the file offset at ${pageShift}`,
      owner: 'software',
      when: 'absent',
    },
    {
      name: 'swapType',
      bit: pageShift,
      bits: 8,
      meaning: 'swap area; with FILE set the low 8 bits of the file offset',
      owner: 'software',
      when: 'absent',
    },
    { name: 'unused12', bit: 12, bits: pageShift - 12, meaning: 'left 0', owner: 'unused', when: 'absent' },
    { name: 'FILE', bit: 11, meaning: 'nonlinear file entry', owner: 'software', when: 'absent' },
    { name: 'unused8', bit: 8, bits: 3, meaning: 'left 0', owner: 'unused', when: 'absent' },
    { name: 'unused0', bit: 0, bits: 7, meaning: 'left 0', owner: 'unused', when: 'absent' },
  ];
}

function hardware(name: string, bit: number, bits: number, meaning: string): BitField {
  return { name, bit, bits, meaning, owner: 'hardware', when: 'present' };
}

function software(name: string, bit: number, meaning: string): BitField {
  return { name, bit, meaning, owner: 'software', when: 'present' };
}
