/**
 * The pte: the first word of a TLB insertion, taken as it is by the VHPT walker (short format). Which bit means what is
 * stated here and nowhere else (asm-ia64/pgtable.h; Itanium manual vol. 2 for the hardware fields).
 *
 * - Rights are one field of three bits, `ar`, read through a table, together with the privilege level `pl`. The kernel's
 *   own tests look at ar alone: pte_read is ar < 6, pte_write ar 2 to 6, pte_exec ar odd.
 * - Accessed and dirty are hardware bits that hardware never sets: a clear one traps, and software sets it.
 * - PROT_NONE is bit 63 without p: present to the kernel, not present to the hardware.
 * - pte_wrprotect clears one bit of ar, which turns execute-only (7) into 5: readable, and writable for pte_write.
 */
import { type BitField, PteFormat, type PteFormatSpec } from '@fourfold/core/arch';
import type { Ia64PageShift } from './geometry.js';

/** Present. */
export const PAGE_P = 0x1n;
/** Nonlinear file entry, read only while the entry is not present. */
export const PAGE_FILE = 0x2n;
/** Memory attribute: write-back, uncacheable, uncacheable exported, write-coalescing, NaTPage. */
export const PAGE_MA_MASK = 0x1cn;
export const PAGE_MA_WB = 0x00n;
export const PAGE_MA_UC = 0x10n;
export const PAGE_MA_UCE = 0x14n;
export const PAGE_MA_WC = 0x18n;
export const PAGE_MA_NAT = 0x1cn;
/** Accessed and dirty. */
export const PAGE_A = 0x20n;
export const PAGE_D = 0x40n;
/** Present, accessed and dirty as numbers of the low half: builds put literals in their places, which the miss handlers need. */
export const P_LO = 0x01;
export const A_LO = 0x20;
export const D_LO = 0x40;
/** Privilege level: user mode needs 3. */
export const PAGE_PL_MASK = 0x180n;
export const PAGE_PL_3 = 0x180n;
/** Access rights, values 0 to 7. */
export const PAGE_AR_SHIFT = 9;
export const PAGE_AR_MASK = 0xe00n;
export const AR_R = 0;
export const AR_RX = 1;
export const AR_RW = 2;
export const AR_RWX = 3;
export const AR_R_RW = 4;
export const AR_RX_RWX = 5;
export const AR_RWX_RW = 6;
export const AR_X_RX = 7;
/** _PFN_MASK: the physical page in units of 4 KiB; low bits are ignored for larger pages. */
export const PPN_MASK = 0x0003_ffff_ffff_f000n;
/** Exception deferral for speculative loads. */
export const PAGE_ED = 0x0010_0000_0000_0000n;
/** PROT_NONE. */
export const PAGE_PROTNONE = 0x8000_0000_0000_0000n;

/** _PAGE_CHG_MASK: what pte_modify takes from the protection; all else, a and d among it, survives. */
export const PAGE_CHG_MASK: bigint = PAGE_P | PAGE_PROTNONE | PAGE_PL_MASK | PAGE_AR_MASK | PAGE_ED;

/** Page protections as the kernel names them. */
export const PAGE_NONE: bigint = PAGE_PROTNONE | PAGE_A;
export const PAGE_READONLY: bigint = user(AR_R);
export const PAGE_SHARED: bigint = user(AR_RW);
/** PAGE_COPY is PAGE_READONLY: a private store copies first. */
export const PAGE_COPY: bigint = PAGE_READONLY;
export const PAGE_COPY_EXEC: bigint = user(AR_RX);
/** Private or shared, execute alone. */
export const PAGE_EXEC_ONLY: bigint = user(AR_X_RX);
/** The execute-only gate page: pl 0 and ar 7, so that `epc` promotes. */
export const PAGE_GATE: bigint = PAGE_P | PAGE_A | PAGE_ED | rights(AR_X_RX);
export const PAGE_KERNEL: bigint = PAGE_P | PAGE_A | PAGE_D | PAGE_ED | rights(AR_RWX);
export const PAGE_KERNELRX: bigint = PAGE_P | PAGE_A | PAGE_ED | rights(AR_RX);
/** The page of address 0: reading it gives NaT. */
export const PAGE_ZERO_VMA: bigint = PAGE_READONLY | PAGE_MA_NAT;
/** Attributes of a translation of the linear page table: for the kernel, without ed. */
export const LINEAR_TABLE_ATTRIBUTES: bigint = PAGE_P | PAGE_A | PAGE_D | rights(AR_RW);

/** The ar field at its place. */
function rights(ar: number): bigint {
  return BigInt(ar) << BigInt(PAGE_AR_SHIFT);
}

function user(ar: number): bigint {
  return PAGE_P | PAGE_A | PAGE_PL_3 | PAGE_ED | rights(ar);
}

/**
 * What ar lets user mode do (CPL 3) in a page of pl 3, one bit for each value of ar. Software reads the field by other
 * tables: see the right specs below.
 */
export const USER_READ = 0b0111_1111;
export const USER_WRITE = 0b0100_1100;
export const USER_EXEC = 0b1110_1010;
/** In USER_RIGHTS: a NaTPage, which gives nothing to what is not speculative. */
export const NAT_PAGE = 8;
/**
 * Rights of user mode, as a TLB slot keeps them, by bits 11:2 of a pte: ma, a and d (which play no part), pl, ar. Of NaTPages
 * NAT_PAGE alone.
 */
export const USER_RIGHTS: Uint8Array = /* @__PURE__ */ userRights();

/** What ar lets the kernel do (CPL 0), whatever pl: RIGHT_ bits. */
export const KERNEL_RIGHTS: readonly number[] = [2, 3, 6, 7, 6, 7, 6, 3];

/** protection_map, indexed by shared, exec, write, read. */
export function protectionMap(): bigint[] {
  const half = (shared: boolean): bigint[] => {
    const store = shared ? PAGE_SHARED : PAGE_COPY;
    const storeExec = shared ? user(AR_RWX) : PAGE_COPY_EXEC;
    return [PAGE_NONE, PAGE_READONLY, store, store, PAGE_EXEC_ONLY, PAGE_COPY_EXEC, storeExec, storeExec];
  };
  return [...half(false), ...half(true)];
}

/** The format for one base page size. */
export function createPteFormat(pageShift: Ia64PageShift): PteFormat {
  const spec: PteFormatSpec = {
    bytes: 8,
    present: PAGE_P | PAGE_PROTNONE,
    valid: { mask: PAGE_P, value: PAGE_P },
    user: { mask: PAGE_PL_MASK, value: PAGE_PL_3 },
    young: PAGE_A,
    dirty: PAGE_D,
    file: PAGE_FILE,
    read: { bit: PAGE_AR_SHIFT, bits: 3, table: 0x3f },
    write: { bit: PAGE_AR_SHIFT, bits: 3, table: 0x7c },
    exec: { bit: PAGE_AR_SHIFT, bits: 3, table: 0xaa },
    hardwareRead: { bit: PAGE_AR_SHIFT, bits: 3, table: USER_READ },
    hardwareWrite: { bit: PAGE_AR_SHIFT, bits: 3, table: USER_WRITE },
    hardwareExec: { bit: PAGE_AR_SHIFT, bits: 3, table: USER_EXEC },
    mkyoung: { set: PAGE_A },
    mkold: { clear: PAGE_A },
    mkdirty: { set: PAGE_D },
    mkclean: { clear: PAGE_D },
    mkwrite: { set: rights(AR_RW) },
    wrprotect: { clear: rights(AR_RW) },
    mkexec: { set: rights(AR_RX) },
    // The size comes from the region register. Setting p is what 2.6.15 does; later versions change nothing.
    mkhuge: { set: PAGE_P },
    pfnMask: PPN_MASK & ~((1n << BigInt(pageShift)) - 1n),
    pfnShift: pageShift,
    modifyKeep: 0xffff_ffff_ffff_ffffn & ~PAGE_CHG_MASK,
    modifyTake: PAGE_CHG_MASK,
    protectionMap: protectionMap(),
    swapType: { bit: 2, bits: 7 },
    swapOffset: { bit: 9, bits: 54 },
    fileOffset: [{ bit: 2, bits: 61 }],
    fileMaxBits: 61,
    fields: [...PRESENT_FIELDS, ...ABSENT_FIELDS],
  };
  return new PteFormat(spec);
}

/** Bits of an entry with p or PROTNONE. */
const PRESENT_FIELDS: readonly BitField[] = [
  hardware('p', 0, 1, 'present; clear in a PROT_NONE entry'),
  { name: 'reserved1', bit: 1, meaning: 'reserved while p is set', owner: 'unused', when: 'present' },
  hardware('ma', 2, 3, 'memory attribute: 0 WB, 4 UC, 5 UCE, 6 WC, 7 NaTPage'),
  hardware('a', 5, 1, 'accessed; clear: access-bit fault, software sets it'),
  hardware('d', 6, 1, 'dirty; clear: a store takes a dirty-bit fault, software sets it'),
  hardware('pl', 7, 2, 'privilege level: 0 kernel, 3 user'),
  hardware('ar', 9, 3, 'access rights at pl 3: 0 r, 1 rx, 2 rw, 3 rwx, 4 r, 5 rx, 6 rwx, 7 x'),
  hardware('ppn', 12, 38, 'physical page in units of 4 KiB'),
  { name: 'reserved50', bit: 50, bits: 2, meaning: 'reserved', owner: 'unused', when: 'present' },
  hardware('ed', 52, 1, 'exception deferral of speculative loads'),
  { name: 'ignored', bit: 53, bits: 10, meaning: 'free for software, left alone', owner: 'unused', when: 'present' },
  software('PROTNONE', 63, 1, 'present', 'PROT_NONE page: present to the kernel while p is clear'),
];

/** Bits of an entry with neither: a swap entry, or a file offset in bits 2 to 62 with FILE set. */
const ABSENT_FIELDS: readonly BitField[] = [
  software('p', 0, 1, 'absent', '0: not present'),
  software('FILE', 1, 1, 'absent', 'nonlinear file entry'),
  software('swapType', 2, 7, 'absent', 'swap area; with FILE set the low 7 bits of the file offset'),
  software('swapOffset', 9, 54, 'absent', 'offset in the swap area; with FILE set the file offset from bit 7'),
  software('PROTNONE', 63, 1, 'absent', '0: not a PROT_NONE page'),
];

function hardware(name: string, bit: number, bits: number, meaning: string): BitField {
  return { name, bit, bits, meaning, owner: 'hardware', when: 'present' };
}

function software(name: string, bit: number, bits: number, when: 'present' | 'absent', meaning: string): BitField {
  return { name, bit, bits, meaning, owner: 'software', when };
}

/** Only pl 3 is the user's; but ar 7 lets anybody fetch, and be promoted to pl. */
function userRights(): Uint8Array {
  return Uint8Array.from({ length: 1024 }, (_, i) => {
    const [ma, pl, ar] = [i & 7, (i >> 5) & 3, i >> 7];
    if (ma === 7) return NAT_PAGE;
    if (pl !== 3) return ar === AR_X_RX ? 1 : 0;
    return ((USER_EXEC >> ar) & 1) | (((USER_READ >> ar) & 1) << 1) | (((USER_WRITE >> ar) & 1) << 2);
  });
}
