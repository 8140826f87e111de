/**
 * The slow, obvious model that machines are compared with: a process is a map from page to what a program sees there. No
 * page tables, no TLB, no sharing: fork copies everything.
 */

export type Outcome = number | 'ok' | 'SEGV_MAPERR' | 'SEGV_ACCERR' | 'BUS_ADRERR';

/** A file: bytes of its pages. */
export class ModelFile {
  readonly pages: Map<number, number>[] = [];
  constructor(nrPages: number) {
    for (let i = 0; i < nrPages; i++) this.pages.push(new Map());
  }
}

interface ModelPage {
  prot: number;
  /** Bytes of the page's own; null while a private file page is untouched. */
  own: Map<number, number> | null;
  file: ModelFile | null;
  index: number;
  shared: boolean;
}

export class ModelProcess {
  readonly pages = new Map<number, ModelPage>();
  /** Protection bits of which any lets a load through: the machine's rule (an executable page need not be readable). */
  readonly #readable: number;
  /** A store that finds no page where it may not store is a load first, whose signal it takes (sparc64). */
  readonly #hidesStore: boolean;

  constructor(readable: number, hidesStore = false) {
    this.#readable = readable;
    this.#hidesStore = hidesStore;
  }

  fork(): ModelProcess {
    const child = new ModelProcess(this.#readable, this.#hidesStore);
    for (const [page, p] of this.pages) child.pages.set(page, { ...p, own: p.own === null ? null : new Map(p.own) });
    return child;
  }

  map(page: number, n: number, prot: number, file: ModelFile | null = null, index = 0, shared = false): void {
    for (let i = 0; i < n; i++) {
      this.pages.set(page + i, { prot, own: file === null ? new Map() : null, file, index: index + i, shared });
    }
  }

  unmap(page: number, n: number): void {
    for (let i = 0; i < n; i++) this.pages.delete(page + i);
  }

  isMapped(page: number, n: number): boolean {
    for (let i = 0; i < n; i++) if (!this.pages.has(page + i)) return false;
    return true;
  }

  /** mprotect: changes up to the first hole; false when there was one. */
  protect(page: number, n: number, prot: number): boolean {
    for (let i = 0; i < n; i++) {
      const p = this.pages.get(page + i);
      if (p === undefined) return false;
      p.prot = prot;
    }
    return true;
  }

  /** mremap of whole mapped pages to another place. */
  move(page: number, n: number, to: number, newN: number): void {
    const moved: ModelPage[] = [];
    for (let i = 0; i < n; i++) moved.push(this.pages.get(page + i) as ModelPage);
    this.unmap(page, n);
    this.unmap(to, newN);
    const last = moved[n - 1] as ModelPage;
    for (let i = 0; i < newN; i++) {
      const p = moved[i];
      if (p !== undefined) this.pages.set(to + i, p);
      else {
        const index = last.index + (i - n + 1);
        this.pages.set(to + i, { ...last, own: last.file === null ? new Map() : null, index });
      }
    }
  }

  /** madvise(DONTNEED): private contents go, files show through again. */
  forget(page: number, n: number): void {
    for (let i = 0; i < n; i++) {
      const p = this.pages.get(page + i);
      if (p !== undefined) p.own = p.file === null ? new Map() : null;
    }
  }

  load(page: number, offset: number): Outcome {
    const p = this.pages.get(page);
    if (p === undefined) return 'SEGV_MAPERR';
    if ((p.prot & this.#readable) === 0) return 'SEGV_ACCERR';
    const bytes = this.#bytes(p);
    return bytes === null ? 'BUS_ADRERR' : (bytes.get(offset) ?? 0);
  }

  store(page: number, offset: number, value: number): Outcome {
    const p = this.pages.get(page);
    if (p === undefined) return 'SEGV_MAPERR';
    const bytes = this.#bytes(p);
    if ((p.prot & 2) === 0)
      return this.#hidesStore && (p.prot & this.#readable) !== 0 && bytes === null ? 'BUS_ADRERR' : 'SEGV_ACCERR';
    if (bytes === null) return 'BUS_ADRERR';
    if (p.shared || p.own !== null) bytes.set(offset, value);
    else p.own = new Map(bytes).set(offset, value);
    return 'ok';
  }

  #bytes(p: ModelPage): Map<number, number> | null {
    if (p.own !== null) return p.own;
    return p.file?.pages[p.index] ?? null;
  }
}
