/** What goes beside the bytes of an image: which machine, where its memory lies, and the registers of its processes. */
import type { ArchDescriptor } from '../arch/descriptor.js';
import type { Kernel } from '../kernel.js';
import type { Bank } from '../memory/physical.js';
import { PteCursor } from '../pgtable/cursor.js';
import { VM_HUGETLB } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import { imagesOf, type Roots } from './walk.js';

/** Version of the shape below. */
export const IMAGE_VERSION = 1;

/** One address space of an image. */
export interface ImageProcess {
  /** What the scenario, or whoever made the image, calls it. */
  readonly label: string;
  readonly pid: number;
  /** Registers with which a CPU runs it. */
  readonly roots: Roots;
}

/** The document that goes with the bytes. */
export interface ImageDocument {
  readonly schema: 'fourfold.image';
  readonly version: number;
  readonly machine: string;
  readonly byteOrder: 'little' | 'big';
  readonly pageSize: number;
  /** Ranges of RAM; the byte at physical address p lies at offset p of the file. */
  readonly banks: readonly Bank[];
  readonly processes: readonly ImageProcess[];
}

/** The document of a machine as it is now. @throws MmError MM_IMAGE for a machine that cannot walk images */
export function describeImage(
  k: Kernel,
  processes: readonly { readonly label: string; readonly pid: number; readonly mm: Mm }[],
): ImageDocument {
  const { arch, memory } = k;
  return {
    schema: 'fourfold.image',
    version: IMAGE_VERSION,
    machine: arch.name,
    byteOrder: arch.byteOrder,
    pageSize: memory.pageSize,
    banks: memory.banks,
    processes: processes.map(({ label, pid, mm }) => ({ label, pid, roots: rootsOf(k, arch, mm) })),
  };
}

function rootsOf(k: Kernel, arch: ArchDescriptor, mm: Mm): Roots {
  return imagesOf(arch).rootsOf(k, k.mmu, mm, mappedPages(k, mm));
}

/** Page numbers that have a present entry; of a huge page whose entry is one, the first. */
export function* mappedPages(k: Kernel, mm: Mm): Generator<number> {
  const f = k.arch.pteFormat;
  const { words } = k.memory;
  const { loAt, hiAt, pteWords } = k.tables;
  const isPresent = (at: number): boolean =>
    f.isPresent(pteWords === 2 ? (words[at + hiAt] as number) : 0, words[at + loAt] as number);
  const cursor = new PteCursor(k);
  for (const vma of mm.vmas) {
    const { huge } = k.arch;
    if ((vma.flags & VM_HUGETLB) !== 0 && huge !== null) {
      for (let vpn = vma.start; vpn < vma.end; vpn += huge.pages) {
        const at = k.tables.lookupHuge(mm, vpn);
        if (at !== 0 && isPresent(at)) yield vpn;
      }
      continue;
    }
    cursor.start(mm, vma.start, vma.end);
    while (cursor.next()) {
      for (let i = 0; i < cursor.nr; i++) if (isPresent(cursor.at + i * pteWords)) yield cursor.vpn + i;
    }
  }
}
