/**
 * Context numbers (asm-sparc64/mmu.h, mmu_context.h; arch/sparc64/mm/init.c). A context value (sparc64_ctx_val) is
 *
 *   version 63:22 | page size 1 21:19 | page size 0 18:16 | number, 10 bits (8K pages) or 12
 *
 * Numbers belong to the whole machine, not to a CPU; 0 is the kernel's. A value is valid while its version is that of
 * the allocator. When the numbers run out the version goes up and every value becomes invalid at once, without any TLB
 * flush: a CPU that picks an mm up flushes the number it gets (mmu.ts, switchMm).
 *
 * Values are JS numbers: 31 bits of version fit below 2^53, which no run can use up.
 */

/** Lowest bit of the version. */
export const CTX_VERSION_SHIFT = 22;
/** One step of the version. */
export const CTX_VERSION_STEP: number = 2 ** CTX_VERSION_SHIFT;
/** The first value of the first version. */
export const CTX_FIRST_VERSION: number = CTX_VERSION_STEP + 1;
/** Page size 0 and 1 of cheetah_plus. */
export const CTX_PGSZ0_SHIFT = 16;
export const CTX_PGSZ1_SHIFT = 19;

const PGSZ_UNIT = 2 ** CTX_PGSZ0_SHIFT;

/** CTX_NR_BITS: with 8 KiB pages the miss handler's shifts leave room for 10 bits. */
export function contextBits(pageShift: number): number {
  return pageShift === 13 ? 10 : 12;
}

/** The machine's context numbers: get_new_mmu_context and its bitmap. */
export class ContextAllocator {
  /** tlb_context_cache: the value given last, without page size bits. */
  cache: number = CTX_VERSION_STEP;
  readonly #numbers: number;
  /** mmu_context_bmap. */
  readonly #used: Uint8Array;

  constructor(bits: number) {
    this.#numbers = 2 ** bits;
    this.#used = new Uint8Array(this.#numbers);
    this.#used[0] = 1;
  }

  /** CTX_VALID: the value's version is the current one. */
  isValid(value: number): boolean {
    return versionOf(value) === versionOf(this.cache);
  }

  /** CTX_NRBITS: the number alone, what a TLB entry is tagged with. */
  numberOf(value: number): number {
    return value % this.#numbers;
  }

  /** CTX_HWBITS: number and page sizes, what the context register holds. */
  hardwareOf(value: number): number {
    return this.numberOf(value) + pageSizesOf(value);
  }

  /** get_new_mmu_context: a new value that keeps the page size bits of `value`. */
  allocate(value: number): number {
    const start = this.numberOf(this.cache + 1);
    let number = this.#used.indexOf(0, start);
    if (number < 0) {
      number = this.#used.indexOf(0, 1);
      if (number >= start) number = -1;
    }
    if (number < 0) {
      this.#used.fill(0);
      this.#used[0] = 1;
      const next = versionOf(this.cache) * CTX_VERSION_STEP + CTX_FIRST_VERSION;
      this.cache = Number.isSafeInteger(next) ? next : CTX_FIRST_VERSION;
      number = 1;
    } else {
      this.cache = versionOf(this.cache) * CTX_VERSION_STEP + number;
    }
    this.#used[number] = 1;
    return this.cache + pageSizesOf(value);
  }

  /** destroy_context: the number of a valid value may be given again. */
  release(value: number): void {
    if (this.isValid(value)) this.#used[this.numberOf(value)] = 0;
  }
}

/** Version of a value. */
export function versionOf(value: number): number {
  return Math.floor(value / CTX_VERSION_STEP);
}

/**
 * The value with page sizes stated: what the huge page hook of cheetah_plus stores.
 * @param size0 code of page size 0, the base page: 0 8K, 1 64K, 2 512K, 3 4M.
 * @param size1 code of page size 1, the huge page.
 */
export function withPageSizes(value: number, size0: number, size1: number): number {
  return value - pageSizesOf(value) + size0 * PGSZ_UNIT + size1 * 2 ** CTX_PGSZ1_SHIFT;
}

/** Bits 21:16 of a value, in place. */
function pageSizesOf(value: number): number {
  return (Math.floor(value / PGSZ_UNIT) % 64) * PGSZ_UNIT;
}
