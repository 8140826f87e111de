/**
 * Walks of an image: what a machine would find for an address, every entry it looks at, and what is missing where it ends.
 * The walkers read bytes and nothing else; they share no code with the simulator's Mmu, so that one can be held against
 * the other.
 */
import type { ArchDescriptor } from '../arch/descriptor.js';
import { type LevelName, tableIndex } from '../arch/geometry.js';
import type { Mmu, MmuHost } from '../arch/mmu.js';
import { highWord, lowWord } from '../arch/words.js';
import { MmError } from '../errors.js';
import type { Mm } from '../vma/mm.js';
import type { Image } from './image.js';

/** Something a walk looked at. */
export interface WalkStep {
  /** `pgd`, `pte`, `SLB`, `primary group` ... */
  readonly what: string;
  /** Physical address of the entry; null for a register or a virtual address. */
  readonly at: bigint | null;
  /** The entry, or the register; null where there is nothing. */
  readonly value: bigint | null;
  /** Bits of the value. */
  readonly bits: 32 | 64;
  /** What it says, in a few words. */
  readonly says: string;
}

/** What user mode may do. */
export interface WalkRights {
  readonly read: boolean;
  readonly write: boolean;
  readonly exec: boolean;
}

/** What became of an address. */
export interface Walk {
  readonly address: bigint;
  /** What was walked, for a heading: `page tables`, `hash table`. */
  readonly through: string;
  readonly steps: readonly WalkStep[];
  /** The physical address, or null. */
  readonly physical: bigint | null;
  /** Bytes that one translation covers; 0 without one. */
  readonly pageBytes: bigint;
  readonly rights: WalkRights;
  /** What is missing; empty for a translation. */
  readonly missing: string;
  /** What the kernel's tables say, where the hardware reads something else. */
  readonly beside: Walk | null;
}

/** Registers that say where a walk begins, by name; each machine has its own. */
export type Roots = Readonly<Record<string, unknown>>;

/** A machine's side of images. */
export interface ImageSupport<R extends object = Roots> {
  /** The register that alone is enough to walk with, for `--root`: `cr3`, `pgd` ... */
  readonly rootName: string;
  /** Reads registers as JSON has them (numbers, or strings of hexadecimal digits). @throws MmError MM_ROOTS */
  parse(json: Readonly<Record<string, unknown>>): R;
  /** The registers with which a CPU runs `mm`. `pages`: the page numbers that its tables map. */
  rootsOf(host: MmuHost, mmu: Mmu, mm: Mm, pages: Iterable<number>): R;
  walk(image: Image, roots: R, address: bigint): Walk;
}

/**
 * Walks an image of a machine.
 * @throws MmError MM_IMAGE for a machine without walkers; MM_ROOTS for registers it cannot use
 */
export function walk(arch: ArchDescriptor, image: Image, roots: Roots, address: bigint | number): Walk {
  const support = imagesOf(arch);
  return support.walk(image, support.parse(roots) as Roots, BigInt.asUintN(64, BigInt(address)));
}

/** The machine's side of images. @throws MmError MM_IMAGE */
export function imagesOf(arch: ArchDescriptor): ImageSupport {
  if (arch.images === null) throw new MmError('MM_IMAGE', `${arch.name} cannot walk images`);
  return arch.images;
}

export const NO_RIGHTS: WalkRights = { read: false, write: false, exec: false };

/** A walk that led to a frame. */
export function translated(
  address: bigint,
  through: string,
  steps: readonly WalkStep[],
  frame: bigint,
  pageBytes: bigint,
  rights: WalkRights,
): Walk {
  const physical = frame | (address & (pageBytes - 1n));
  return { address, through, steps, physical, pageBytes, rights, missing: '', beside: null };
}

/** A walk that led nowhere. */
export function untranslated(address: bigint, through: string, steps: readonly WalkStep[], missing: string): Walk {
  return { address, through, steps, physical: null, pageBytes: 0n, rights: NO_RIGHTS, missing, beside: null };
}

/** A pte found in an image: where, and what it is; or the walk that ended before one. */
export type FoundPte = { readonly value: bigint; readonly steps: WalkStep[] } | { readonly ended: Walk };

/**
 * Walks page tables as the kernel does, by the descriptor's geometry and formats, down to the entry that maps a page.
 * @param lookUp the address that the tables are asked for: not the one that is translated where those of huge pages are scaled.
 * @param last level of the entry that maps the page.
 */
export function findPte(
  arch: ArchDescriptor,
  image: Image,
  root: bigint,
  address: bigint,
  lookUp: bigint = address,
  last: number = arch.geometry.depth - 1,
): FoundPte {
  const { geometry, upper } = arch;
  const steps: WalkStep[] = [];
  const vpn = lookUp >> BigInt(geometry.pageShift);
  let table = root;
  for (let level = 0; ; level++) {
    const name = geometry.names[level] as LevelName;
    const bytes = geometry.entryBytes[level] as 4 | 8;
    const at = table + BigInt(tableIndex(geometry, level, highWord(vpn), lowWord(vpn)) * bytes);
    const value = image.read(at, bytes);
    const bits = bytes === 4 ? 32 : 64;
    if (value === null) {
      steps.push({ what: name, at, value, bits, says: 'not in the image' });
      return { ended: untranslated(address, 'page tables', steps, `the image has no ${name} at ${hexOf(at)}`) };
    }
    if (level === last) {
      steps.push({ what: name, at, value, bits, says: pteSays(arch, value) });
      return { value, steps };
    }
    const format = upper[level];
    const entry = arch.tables.decode(name, value);
    const linked = entry.present && !entry.none && !entry.bad && format !== undefined;
    steps.push({
      what: name,
      at,
      value,
      bits,
      says: entry.none ? 'none' : entry.bad ? 'bad' : linked ? 'table' : 'absent',
    });
    if (!linked) {
      const why = entry.none
        ? `the ${name} entry is empty`
        : `the ${name} entry is ${entry.bad ? 'bad' : 'not present'}`;
      return { ended: untranslated(address, 'page tables', steps, why) };
    }
    table = entry.table;
  }
}

/** The fields of an entry that are set, by name. */
export function fieldsSaid(
  fields: readonly { readonly field: { readonly name: string; readonly bits?: number }; readonly value: bigint }[],
): string {
  return fields
    .filter(({ value }) => value !== 0n)
    .map(({ field, value }) => ((field.bits ?? 1) === 1 ? field.name : `${field.name}=${value.toString(16)}`))
    .join(' ');
}

/** What a pte is, by the machine's own format. */
export function pteSays(arch: ArchDescriptor, value: bigint): string {
  const { kind, swapType, swapOffset, fileOffset } = arch.pte.decode(value);
  if (kind === 'none') return 'none';
  if (kind === 'swap') return `swapped out: area ${swapType}, offset ${swapOffset}`;
  if (kind === 'file') return `page ${fileOffset} of the file`;
  return fieldsSaid(arch.pte.fields(value));
}

/** Why a pte translates nothing for user mode; empty when it does. */
export function pteMissing(arch: ArchDescriptor, value: bigint): string {
  const { kind, valid } = arch.pte.decode(value);
  if (kind === 'none') return 'the pte is empty';
  if (kind === 'swap') return 'the page is swapped out';
  if (kind === 'file') return 'the pte names a page of the file';
  return valid === true ? '' : 'the pte gives user mode nothing';
}

/** RIGHT_ bits as rights. */
export function rightsFrom(bits: number): WalkRights {
  return { exec: (bits & 1) !== 0, read: (bits & 2) !== 0, write: (bits & 4) !== 0 };
}

/** As people write addresses. */
export function hexOf(value: bigint): string {
  return `0x${value.toString(16)}`;
}
