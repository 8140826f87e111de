/** Shapes of the golden vectors. Each has the number it carries in the reference sheet of x86 (sections 7.1 to 7.3). */
import type { LevelName, PteChange } from '@fourfold/core/arch';

/** Page protections by name, as an index into protection_map or as a word. */
export const PROTECTIONS = {
  NONE: 0,
  READONLY: 1,
  COPY: 2,
  READONLY_EXEC: 4,
  SHARED: 11,
  SHARED_EXEC: 15,
} as const;
export type ProtectionName = keyof typeof PROTECTIONS;

export type Step = PteChange | { readonly modify: ProtectionName };

export interface PteVector {
  readonly id: string;
  /** False: on the variant of the machine without NX. */
  readonly nx?: false;
  readonly from:
    | { readonly pfn: bigint; readonly prot: ProtectionName | bigint }
    | { readonly swap: readonly [type: number, offset: bigint] }
    | { readonly file: bigint };
  readonly steps?: readonly Step[];
  readonly word: bigint;
  /** What decoding the word answers. */
  readonly decodes?: Readonly<Record<string, unknown>>;
  /** The word as an entry of the level of large pages is bad. */
  readonly badUpper?: true;
}

export interface TableVector {
  readonly id: string;
  readonly level: LevelName;
  readonly table: bigint;
  readonly word: bigint;
}

export interface IndexVector {
  readonly id: string;
  readonly va: bigint;
  /** Index at each real level, root first, then the offset in the page. */
  readonly indices: readonly number[];
}

/** A store of a wide entry seen between its halves. */
export interface SplitStoreVector {
  readonly id: string;
  readonly what: string;
  readonly old: bigint;
  readonly new: bigint;
  readonly first: 'high' | 'low';
  readonly between: bigint;
  readonly decodes: Readonly<Record<string, unknown>>;
}

export interface Vectors {
  /** Where the values come from. */
  readonly origin: string;
  readonly ptes: readonly PteVector[];
  readonly tables: readonly TableVector[];
  readonly indices: readonly IndexVector[];
  readonly splitStores?: readonly SplitStoreVector[];
}

/** How the values were made, the same for all three machines. */
export const ORIGIN: string =
  'computed from the bit tables of include/asm-i386 and include/asm-x86_64 (2.6.12 to 2.6.16), twice by independent scripts';
