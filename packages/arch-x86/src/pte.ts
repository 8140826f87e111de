/**
 * Page-table entries of x86 (asm-i386/pgtable.h, pgtable-2level.h, pgtable-3level.h; asm-x86_64/pgtable.h).
 *
 * One set of low bits serves all three. An entry is present when PRESENT or PROTNONE is set, so a PROT_NONE page is
 * present to the kernel and unusable to the processor. A dirty PROT_NONE page has the FILE bit: ask present before
 * file. Hardware sets A and D; only software clears them.
 */
import { type BitField, PteFormat } from '@fourfold/core/arch';
import {
  I386_FRAME,
  PAE_FRAME,
  PAGE_ACCESSED,
  PAGE_DIRTY,
  PAGE_FILE,
  PAGE_NX,
  PAGE_PRESENT,
  PAGE_PROTNONE,
  PAGE_PSE,
  PAGE_RW,
  PAGE_USER,
  X86_64_FRAME,
} from './bits.js';

const ALL = 0xffff_ffff_ffff_ffffn;
const USER = BigInt(PAGE_USER);
/** What pte_modify keeps beside the frame. */
const KEPT = BigInt(PAGE_ACCESSED | PAGE_DIRTY);

/** A one-bit right: given when the bit is set, or (NX) when it is clear. */
const USER_SET = { bit: 2, bits: 1, table: 0b10 };
const RW_SET = { bit: 1, bits: 1, table: 0b10 };
const NX_CLEAR = { bit: 63, bits: 1, table: 0b01 };

/** i386, two levels: 32-bit entries, no NX. */
export function i386Pte(): PteFormat {
  return new PteFormat({
    ...COMMON,
    bytes: 4,
    exec: USER_SET,
    pfnMask: I386_FRAME,
    modifyKeep: I386_FRAME | KEPT,
    protectionMap: protectionMap(0n, 0n),
    swapType: { bit: 1, bits: 5 },
    swapOffset: { bit: 8, bits: 24 },
    fileOffset: [
      { bit: 1, bits: 5 },
      { bit: 8, bits: 24 },
    ],
    fileMaxBits: 29,
    fields: [...presentLow(), ...i386High(), ...absentLow(), ...i386Absent()],
  });
}

/** i386 PAE: two 32-bit stores an entry, the high half first. */
export function paePte(nx: boolean): PteFormat {
  return new PteFormat({
    ...COMMON,
    bytes: 8,
    exec: NX_CLEAR, // pte_exec: USER and not NX
    pfnMask: PAE_FRAME,
    supported: nx ? ALL : ALL & ~PAGE_NX,
    modifyKeep: (ALL & ~PAGE_NX & ~0xffff_ffffn) | I386_FRAME | KEPT, // the high half keeps all but NX
    protectionMap: protectionMap(PAGE_NX, 0n),
    swapType: { bit: 32, bits: 5 },
    swapOffset: { bit: 37, bits: 27 },
    fileOffset: [{ bit: 32, bits: 32 }],
    fileMaxBits: 32,
    fields: [...presentLow(), ...paeHigh(), ...absentLow(), ...paeAbsent()],
    splitStore: true,
  });
}

/** x86_64: one 64-bit store an entry. pte_exec is USER here, whatever NX says; the processor looks at NX. */
export function x86_64Pte(nx: boolean): PteFormat {
  return new PteFormat({
    ...COMMON,
    bytes: 8,
    exec: USER_SET,
    hardwareExec: NX_CLEAR,
    pfnMask: X86_64_FRAME,
    supported: nx ? ALL : ALL & ~PAGE_NX,
    modifyKeep: X86_64_FRAME | KEPT,
    protectionMap: protectionMap(PAGE_NX, PAGE_NX),
    // Six bits, so types from 32 on would set FILE; MAX_SWAPFILES is 32.
    swapType: { bit: 1, bits: 6 },
    swapOffset: { bit: 8, bits: 56 },
    // Stored whole, read back through PTE_MASK: offsets from 2^34 on lose their top bits.
    fileOffset: [{ bit: 12, bits: 52 }],
    fileOffsetDecode: [{ bit: 12, bits: 34 }],
    fileMaxBits: 46,
    fields: [...presentLow(), ...x86_64High(), ...absentLow(), ...x86_64Absent()],
  });
}

const COMMON = {
  present: BigInt(PAGE_PRESENT | PAGE_PROTNONE),
  valid: { mask: BigInt(PAGE_PRESENT), value: BigInt(PAGE_PRESENT) },
  user: { mask: USER, value: USER },
  young: BigInt(PAGE_ACCESSED),
  dirty: BigInt(PAGE_DIRTY),
  file: BigInt(PAGE_FILE),
  read: USER_SET,
  write: RW_SET,
  mkyoung: { set: BigInt(PAGE_ACCESSED) },
  mkold: { clear: BigInt(PAGE_ACCESSED) },
  mkdirty: { set: BigInt(PAGE_DIRTY) },
  mkclean: { clear: BigInt(PAGE_DIRTY) },
  mkwrite: { set: BigInt(PAGE_RW) },
  wrprotect: { clear: BigInt(PAGE_RW) },
  // Reading and executing are one bit: taking away either takes both, and NX is never touched.
  mkread: { set: USER },
  mkexec: { set: USER },
  rdprotect: { clear: USER },
  exprotect: { clear: USER },
  // With PRESENT, so that a PROT_NONE large page becomes present and supervisor-only (asm-i386/pgtable.h before 2.6.18).
  mkhuge: { set: BigInt(PAGE_PSE | PAGE_PRESENT) },
  pfnShift: 12,
} as const;

const NONE = BigInt(PAGE_PROTNONE | PAGE_ACCESSED);
const READONLY = BigInt(PAGE_PRESENT | PAGE_USER | PAGE_ACCESSED);
const SHARED = BigInt(PAGE_PRESENT | PAGE_RW | PAGE_USER | PAGE_ACCESSED);

/**
 * protection_map, indexed by shared, exec, write, read. `nx` marks what must not be executed; PAGE_SHARED has its own
 * mark, because i386 PAE leaves it executable.
 */
function protectionMap(nx: bigint, sharedNx: bigint): readonly bigint[] {
  const readonly = READONLY | nx;
  const shared = SHARED | sharedNx;
  return [
    ...[NONE, readonly, readonly, readonly], // P000 to P011: a private store copies, so no RW
    ...[READONLY, READONLY, READONLY, READONLY], // P100 to P111
    ...[NONE, readonly, shared, shared], // S000 to S011
    ...[READONLY, READONLY, SHARED, SHARED], // S100 to S111
  ];
}

function presentLow(): readonly BitField[] {
  const when = 'present' as const;
  return [
    {
      name: 'P',
      bit: 0,
      meaning: 'valid to the processor; 0 with PROTNONE: present to the kernel only',
      owner: 'software',
      when,
    },
    { name: 'RW', bit: 1, meaning: 'stores allowed', owner: 'software', when },
    { name: 'US', bit: 2, meaning: 'user mode allowed', owner: 'software', when },
    { name: 'PWT', bit: 3, meaning: 'write-through', owner: 'software', when },
    { name: 'PCD', bit: 4, meaning: 'cache disabled', owner: 'software', when },
    { name: 'A', bit: 5, meaning: 'accessed: set by a walk, cleared by software', owner: 'both', when },
    { name: 'D', bit: 6, meaning: 'dirty: set by a store, cleared by software', owner: 'both', when },
    {
      name: 'PSE',
      bit: 7,
      meaning: 'PROTNONE while P is 0; large page in a pmd; PAT index in a pte, left 0',
      owner: 'software',
      when,
    },
    { name: 'G', bit: 8, meaning: 'global: kept over CR3 loads (kernel mappings)', owner: 'software', when },
    { name: 'available', bit: 9, bits: 3, meaning: 'free for software, left 0', owner: 'unused', when },
  ];
}

function i386High(): readonly BitField[] {
  return [{ name: 'frame', bit: 12, bits: 20, meaning: 'frame number', owner: 'software', when: 'present' }];
}

function paeHigh(): readonly BitField[] {
  const when = 'present' as const;
  return [
    { name: 'frame', bit: 12, bits: 24, meaning: 'frame number', owner: 'software', when },
    {
      name: 'reserved',
      bit: 36,
      bits: 27,
      meaning: 'reserved, a set bit faults; pte_pfn reads bits 36 to 43 too',
      owner: 'unused',
      when,
    },
    { name: 'NX', bit: 63, meaning: 'no execution', owner: 'software', when },
  ];
}

function x86_64High(): readonly BitField[] {
  const when = 'present' as const;
  return [
    {
      name: 'frame',
      bit: 12,
      bits: 34,
      meaning: 'frame number; the K8 implements bits 12 to 39',
      owner: 'software',
      when,
    },
    { name: 'reserved', bit: 46, bits: 6, meaning: 'reserved, a set bit faults', owner: 'unused', when },
    { name: 'available2', bit: 52, bits: 11, meaning: 'free for software, left 0', owner: 'unused', when },
    { name: 'NX', bit: 63, meaning: 'no execution', owner: 'software', when },
  ];
}

/** The three bits that tell an absent entry's kind. */
function absentLow(): readonly BitField[] {
  const when = 'absent' as const;
  return [
    { name: 'P', bit: 0, meaning: '0: not present', owner: 'software', when },
    { name: 'FILE', bit: 6, meaning: '1: nonlinear file page, 0: swap', owner: 'software', when },
    { name: 'PROTNONE', bit: 7, meaning: '0: not a PROT_NONE page', owner: 'software', when },
  ];
}

function i386Absent(): readonly BitField[] {
  const when = 'absent' as const;
  return [
    { name: 'type', bit: 1, bits: 5, meaning: 'swap type; file: offset bits 0 to 4', owner: 'software', when },
    { name: 'offset', bit: 8, bits: 24, meaning: 'swap offset; file: offset bits 5 to 28', owner: 'software', when },
  ];
}

function paeAbsent(): readonly BitField[] {
  const when = 'absent' as const;
  return [
    { name: 'unused', bit: 1, bits: 5, meaning: '0', owner: 'unused', when },
    { name: 'unused8', bit: 8, bits: 24, meaning: '0', owner: 'unused', when },
    { name: 'type', bit: 32, bits: 5, meaning: 'swap type; file: offset bits 0 to 4', owner: 'software', when },
    { name: 'offset', bit: 37, bits: 27, meaning: 'swap offset; file: offset bits 5 to 31', owner: 'software', when },
  ];
}

function x86_64Absent(): readonly BitField[] {
  const when = 'absent' as const;
  return [
    {
      name: 'type',
      bit: 1,
      bits: 5,
      meaning: 'swap type, whose sixth bit would be FILE; file: 0',
      owner: 'software',
      when,
    },
    { name: 'offsetLow', bit: 8, bits: 4, meaning: 'swap offset bits 0 to 3; file: 0', owner: 'software', when },
    {
      name: 'offset',
      bit: 12,
      bits: 52,
      meaning: 'swap offset from bit 4; file offset, 34 bits of it read back',
      owner: 'software',
      when,
    },
  ];
}
