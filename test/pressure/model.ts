/**
 * What a program under memory pressure must see: the slow model of support/model.ts grown by what pressure can do. A page may
 * become unknown: a call that ran out of memory half-way leaves its range in one of several states, and only what is stored
 * afterwards is certain again.
 */

/** Bytes of a page by offset; what is not there is zero, or anything at all once the page is unknown. */
export class Contents {
  readonly #bytes = new Map<number, number>();
  #unknown = false;

  /** The byte, or null when it may be anything. */
  get(offset: number): number | null {
    return this.#bytes.get(offset) ?? (this.#unknown ? null : 0);
  }

  set(offset: number, value: number): void {
    this.#bytes.set(offset, value);
  }

  forget(): void {
    this.#bytes.clear();
    this.#unknown = true;
  }

  copy(): Contents {
    const copy = new Contents();
    for (const [offset, value] of this.#bytes) copy.#bytes.set(offset, value);
    copy.#unknown = this.#unknown;
    return copy;
  }
}

/** What several mappings share: a file, a shared anonymous segment. */
export class Backing {
  readonly #pages = new Map<number, Contents>();
  /** Pages it reaches. */
  pages: number;

  constructor(pages: number) {
    this.pages = pages;
  }

  page(index: number): Contents {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = new Contents();
      this.#pages.set(index, page);
    }
    return page;
  }

  truncate(pages: number): void {
    for (const index of this.#pages.keys()) if (index >= pages) this.#pages.delete(index);
    this.pages = pages;
  }

  punch(first: number, end: number): void {
    for (let index = first; index < end; index++) this.#pages.delete(index);
  }
}

/** One page of a process. */
export interface ModelPage {
  prot: number;
  /** Its own contents: of anonymous memory, or of a private file page that was written. */
  own: Contents | null;
  readonly backing: Backing | null;
  readonly index: number;
  readonly shared: boolean;
}

/** A process: its pages by page of the arena. */
export class ModelProcess {
  readonly pages: Map<number, ModelPage> = new Map();

  fork(): ModelProcess {
    const child = new ModelProcess();
    for (const [at, page] of this.pages) child.pages.set(at, { ...page, own: page.own?.copy() ?? null });
    return child;
  }

  map(at: number, count: number, prot: number, backing: Backing | null, index: number, shared: boolean): void {
    for (let i = 0; i < count; i++) {
      const own = backing === null ? new Contents() : null;
      this.pages.set(at + i, { prot, own, backing, index: index + i, shared });
    }
  }

  unmap(at: number, count: number): void {
    for (let i = 0; i < count; i++) this.pages.delete(at + i);
  }

  /** The pages of a range that there are. */
  *range(at: number, count: number): Generator<ModelPage> {
    for (let i = at; i < at + count; i++) {
      const page = this.pages.get(i);
      if (page !== undefined) yield page;
    }
  }

  isMapped(at: number, count: number): boolean {
    return [...this.range(at, count)].length === count;
  }

  move(from: number, count: number, to: number, newCount: number): void {
    const moved = [...this.range(from, count)];
    this.unmap(from, count);
    this.unmap(to, newCount);
    const last = moved[count - 1] as ModelPage;
    for (let i = 0; i < newCount; i++) {
      const page = moved[i];
      const index = last.index + i - count + 1;
      this.pages.set(to + i, page ?? { ...last, own: last.backing === null ? new Contents() : null, index });
    }
  }

  /** madvise dontneed: what is the page's own goes. */
  drop(at: number, count: number): void {
    for (const page of this.range(at, count)) page.own = page.backing === null ? new Contents() : null;
  }

  /** A file became shorter, or got a hole: private copies of what is gone go too. */
  lose(backing: Backing, first: number, end: number): void {
    for (const page of this.pages.values()) {
      if (page.backing === backing && page.index >= first && page.index < end) page.own = null;
    }
  }

  /** What a call that failed half-way may have changed. */
  doubt(at: number, count: number): void {
    for (const page of this.range(at, count)) {
      if (page.shared || isBeyondFile(page)) continue;
      page.own ??= new Contents();
      page.own.forget();
    }
  }

  /** What is seen at an offset of a page that may be read; null for anything, 'SIGBUS' beyond the end of a file. */
  load(page: ModelPage, offset: number): number | null | 'SIGBUS' {
    if (page.own !== null) return page.own.get(offset);
    const backing = page.backing as Backing;
    return page.index < backing.pages ? backing.page(page.index).get(offset) : 'SIGBUS';
  }

  store(page: ModelPage, offset: number, value: number): 'ok' | 'SIGBUS' {
    if (page.own === null) {
      const backing = page.backing as Backing;
      if (page.index >= backing.pages) return 'SIGBUS';
      if (page.shared) {
        backing.page(page.index).set(offset, value);
        return 'ok';
      }
      page.own = backing.page(page.index).copy();
    }
    page.own.set(offset, value);
    return 'ok';
  }
}

/** A page of a private mapping behind the end of its file, which no call can have given contents. */
function isBeyondFile({ own, backing, index }: ModelPage): boolean {
  return own === null && backing !== null && index >= backing.pages;
}
