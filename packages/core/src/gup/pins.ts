/** References that get_user_pages handed out and nobody has given back: the audit counts them among a page's owners. */
import type { AuditedPart } from '../audit/finding.js';
import { MmError } from '../errors.js';
import type { Kernel } from '../kernel.js';
import { PG_COMPOUND } from '../memory/mem-map.js';

/** Pages that are pinned, and how often. */
export class Pins implements AuditedPart {
  readonly #counts = new Map<number, number>();

  /** Notes a reference just taken; of a huge page the whole is pinned. */
  add(k: Kernel, page: number): void {
    const head = headOf(k, page);
    this.#counts.set(head, (this.#counts.get(head) ?? 0) + 1);
  }

  /** Gives a reference back (page_cache_release). @throws MmError MM_PIN for a page that nobody pinned */
  release(k: Kernel, page: number): void {
    const head = headOf(k, page);
    const count = this.#counts.get(head) ?? 0;
    if (count === 0) throw new MmError('MM_PIN', `expected a page that get_user_pages handed out, got ${page}`);
    if (count === 1) this.#counts.delete(head);
    else this.#counts.set(head, count - 1);
    k.pages.put(page);
  }

  charged(): number {
    return 0;
  }

  ownedFrames(own: (page: number) => void): void {
    for (const [page, count] of this.#counts) for (let i = 0; i < count; i++) own(page);
  }

  audit(): void {}
}

function headOf(k: Kernel, page: number): number {
  return ((k.map.flags[page] as number) & PG_COMPOUND) !== 0 ? (k.map.priv[page] as number) : page;
}
