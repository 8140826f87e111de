/**
 * A vDSO that is an ordinary area (vdso.c: arch_setup_additional_pages, vdso_vma_nopage): pages of the
 * kernel that every program finds mapped, and that a debugger may change for one program alone.
 *
 * The area has no file. Which page lies where follows from the area as it is now: its last one is the kernel's data, the others are
 * the image's from the area's beginning on. A program that unmaps a part of it moves the rest.
 */
import type { AuditedPart } from '../audit/finding.js';
import { ERRNO } from '../errors.js';
import { NOPAGE_SIGBUS, type Nopage } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { VM_EXEC, VM_MAYEXEC, VM_MAYREAD, VM_MAYWRITE, VM_READ, VM_RESERVED } from './flags.js';
import type { Mm } from './mm.js';
import { insertArea } from './stack.js';
import { getUnmappedArea } from './unmapped-area.js';
import type { Vma, VmaOps } from './vma.js';

const FLAGS = VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC | VM_RESERVED;

/** The vDSO of a kernel: vm_ops of its areas, and the frames behind them. */
export class Vdso implements VmaOps, AuditedPart {
  /** The image's frames, and behind them the data page. */
  readonly pages: readonly number[];
  readonly #k: Kernel;

  constructor(k: Kernel, pages: readonly number[]) {
    this.#k = k;
    this.pages = pages;
    k.auditedParts.add(this);
  }

  /** Nothing to do, but an area with it never merges. */
  close(): void {}

  /** Behind the image the kernel would hand out whatever it has there: refused. */
  *nopage(vma: Vma, vpn: number, out: Nopage): Op<void> {
    const { pages } = this;
    const last = pages.length - 1;
    const index = vpn - vma.start;
    let page = NOPAGE_SIGBUS;
    if (vpn === vma.end - 1) page = pages[last] as number;
    else if (index < last) page = pages[index] as number;
    if (page >= 0) this.#k.pages.get(page);
    out.major = false;
    out.page = page;
  }

  charged(): number {
    return 0;
  }

  ownedFrames(own: (page: number) => void): void {
    for (const page of this.pages) own(page);
  }

  audit(): void {}
}

/** Maps the vDSO into a new program, where the layout wishes for it or else where there is room. 0, or -ENOMEM. */
export function insertVdso(k: Kernel, mm: Mm): number {
  const { vdso: spec } = k.arch.layout.spec;
  if (spec === undefined) return 0;
  const { imagePages, wish } = spec;
  k.vdso ??= createVdso(k, imagePages + 1);
  if (k.vdso === null) return -ERRNO.ENOMEM;
  // Room is looked for without the data page; where only that has none, the area cannot be inserted.
  const start = getUnmappedArea(k, mm, null, wish, imagePages, 0, 0);
  if (start < 0) return start;
  const error = insertArea(k, mm, start, imagePages + 1, FLAGS | mm.defFlags, null, 0);
  const vma = error < 0 ? null : mm.vmas.containing(start);
  if (vma !== null) vma.ops = k.vdso;
  return error;
}

function createVdso(k: Kernel, nrPages: number): Vdso | null {
  const pages: number[] = [];
  for (let i = 0; i < nrPages; i++) {
    const page = k.pages.alloc(0);
    if (page >= 0) {
      pages.push(page);
      continue;
    }
    for (const taken of pages) k.pages.put(taken);
    return null;
  }
  return new Vdso(k, pages);
}
