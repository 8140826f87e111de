/**
 * Walks of an image by the rules of the processor manuals (IA-32 SDM vol. 3, AMD64 manual vol. 2): any tables, the kernel's
 * half and large pages of 2 and 4 MiB and 1 GiB among them, whichever kernel wrote them. Accessed and dirty stay as they are.
 *
 * The frame is taken to be bits 12 to 51, so that dumps of later processors can be walked; a K8 has 40 bits.
 */
import {
  type ArchDescriptor,
  hexOf,
  type Image,
  type ImageSupport,
  type Mm,
  pteMissing,
  pteSays,
  type Roots,
  rootWord,
  translated,
  untranslated,
  type Walk,
  type WalkStep,
} from '@fourfold/core/arch';

/** Registers that decide a walk. */
export interface X86Roots extends Roots {
  /** Physical address of the root table, in the bits that the mode takes. */
  readonly cr3: bigint;
  /** PE, WP, PG; PSE, PAE, PGE, LA57; LME, LMA, NXE: as an emulator is given them. A walk reads LA57 alone. */
  readonly cr0: bigint;
  readonly cr4: bigint;
  readonly efer: bigint;
}

export const CR0_PE = 1n;
export const CR0_WP = 0x1_0000n;
export const CR0_PG = 0x8000_0000n;
export const CR4_PSE = 0x10n;
export const CR4_PAE = 0x20n;
export const CR4_PGE = 0x80n;
/** Five levels: an entry of 57-bit addresses above the pgd. */
export const CR4_LA57 = 0x1000n;
export const EFER_LME = 0x100n;
export const EFER_LMA = 0x400n;
export const EFER_NXE = 0x800n;

const P = 1n;
const RW = 2n;
const US = 4n;
const PS = 0x80n;
const NX = 1n << 63n;
const FRAME = 0x000f_ffff_ffff_f000n;
/** PSE-36: bits 16:13 of a 4 MiB entry are address bits 35:32. */
const PSE36 = 0x1_e000n;

/** A level of the tree: its name, the lowest address bit it indexes, index bits. */
interface Level {
  readonly name: string;
  readonly shift: bigint;
  readonly bits: bigint;
}

const FIVE_LEVELS = { name: 'pml5', shift: 48n, bits: 9n };

/** The x86 side of images. @param nx whether the processor has NX and the kernel uses it */
export function x86Images(arch: ArchDescriptor, nx: boolean): ImageSupport<X86Roots> {
  const isLong = arch.wordBits === 64;
  const isPae = !isLong && arch.geometry.entryBytes[0] === 8;
  return {
    rootName: 'cr3',
    parse: (json) => ({
      cr3: rootWord(json, 'cr3'),
      cr0: rootWord(json, 'cr0', CR0_PG | CR0_WP | CR0_PE),
      cr4: rootWord(json, 'cr4', isLong || isPae ? CR4_PAE : 0n),
      efer: rootWord(json, 'efer', 0n),
    }),
    rootsOf: (_host, _mmu, mm: Mm) => ({
      cr3: BigInt(mm.rootPa),
      cr0: CR0_PG | CR0_WP | CR0_PE,
      cr4: CR4_PGE | (isLong || isPae ? CR4_PAE : CR4_PSE),
      efer: (isLong ? EFER_LME | EFER_LMA : 0n) | (nx && (isLong || isPae) ? EFER_NXE : 0n),
    }),
    walk: (image, roots, address) => walkTree(arch, image, roots, address),
  };
}

function walkTree(arch: ArchDescriptor, image: Image, roots: X86Roots, address: bigint): Walk {
  const isLong = arch.wordBits === 64;
  const wide = arch.geometry.entryBytes[0] === 8;
  const hasFive = isLong && (roots.cr4 & CR4_LA57) !== 0n;
  const levels = hasFive ? [FIVE_LEVELS, ...levelsOf(arch)] : levelsOf(arch);
  const steps: WalkStep[] = [{ what: 'cr3', at: null, value: roots.cr3, bits: isLong ? 64 : 32, says: 'root table' }];
  const end = (missing: string): Walk => untranslated(address, 'page tables', steps, missing);
  if (isLong ? !isCanonical(address, hasFive ? 57 : 48) : address >> 32n !== 0n) {
    return end(isLong ? 'the address is not canonical' : 'the address has more than 32 bits');
  }
  let table = roots.cr3 & (isLong ? FRAME : wide ? 0xffff_ffe0n : 0xffff_f000n);
  let every = RW | US;
  let noExec = 0n;
  for (const [i, { name, shift, bits }] of levels.entries()) {
    const bytes = wide ? 8 : 4;
    const at = table + ((address >> shift) & ((1n << bits) - 1n)) * BigInt(bytes);
    const entry = image.read(at, bytes);
    const isLeaf = i === levels.length - 1;
    if (entry === null) {
      steps.push({ what: name, at, value: entry, bits: wide ? 64 : 32, says: 'not in the image' });
      return end(`the image has no ${name} at ${hexOf(at)}`);
    }
    // PAE's four pointers have no rights and no large pages.
    const isPointer = wide && !isLong && i === 0;
    const isLarge = !isLeaf && !isPointer && (entry & PS) !== 0n;
    steps.push({ what: name, at, value: entry, bits: wide ? 64 : 32, says: says(arch, entry, isLeaf, isLarge) });
    if ((entry & P) === 0n) return end(isLeaf ? absentPte(arch, entry) : `the ${name} entry is not present`);
    if (!isPointer) every &= entry;
    noExec |= entry & NX;
    if (isLarge && shift > 30n) return end(`the ${name} entry has the reserved bit PS set`);
    if (isLeaf || isLarge) {
      const size = 1n << shift;
      let frame = entry & FRAME & ~(size - 1n);
      if (isLarge && !wide) frame |= (entry & PSE36) << 19n;
      const user = (every & US) !== 0n;
      const rights = { read: user, write: user && (every & RW) !== 0n, exec: user && noExec === 0n };
      return translated(address, 'page tables', steps, frame, size, rights);
    }
    table = entry & (wide ? FRAME : 0xffff_f000n);
  }
  return end('the tables have no levels');
}

/** The levels of the machine, root first, with the kernel's names. */
function levelsOf(arch: ArchDescriptor): Level[] {
  const { geometry } = arch;
  return geometry.names.map((name, i) => ({
    name,
    shift: BigInt((geometry.shift[i] as number) + geometry.pageShift),
    bits: BigInt(geometry.bits[i] as number),
  }));
}

/** Bits from 63 down to the highest that is translated are equal. */
function isCanonical(address: bigint, bits: number): boolean {
  const top = address >> BigInt(bits - 1);
  return top === 0n || top === (1n << BigInt(65 - bits)) - 1n;
}

const FLAGS = ['P', 'RW', 'US', 'PWT', 'PCD', 'A', 'D', 'PS', 'G'] as const;

function says(arch: ArchDescriptor, entry: bigint, isLeaf: boolean, isLarge: boolean): string {
  if ((entry & P) === 0n) return isLeaf ? pteSays(arch, entry & entryMask(arch)) : entry === 0n ? 'none' : 'absent';
  const flags = FLAGS.filter((_, bit) => (entry & (1n << BigInt(bit))) !== 0n).map((flag) =>
    flag === 'PS' && isLeaf ? 'PAT' : flag,
  );
  if ((entry & NX) !== 0n) flags.push('NX' as never);
  return `${isLarge ? 'large page: ' : ''}${flags.join(' ')}`;
}

function absentPte(arch: ArchDescriptor, entry: bigint): string {
  return pteMissing(arch, entry & entryMask(arch)) || 'the pte is not present';
}

function entryMask(arch: ArchDescriptor): bigint {
  return arch.geometry.entryBytes[0] === 8 ? 0xffff_ffff_ffff_ffffn : 0xffff_ffffn;
}
