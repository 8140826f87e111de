/**
 * Simulated physical memory: the bytes of frames, sparse.
 *
 * Frames live in banks of (base, size). A frame is addressed inside by its *page* number, the dense index over all
 * banks (the kernel's page_to_pfn and pfn_to_page convert). The bytes of all frames that have contents lie in one
 * growing array of 32-bit words, `words`; `slot[page]` is the word index where a frame's bytes begin, and 0 for a frame
 * without contents: words[0..pageWords) is one frame of zeros that all of them share for reading.
 *
 * Byte order: inside a word bytes are in host order. On a big-endian machine the high word of a 64-bit value comes
 * first and a byte address is XORed with 3, so no frame needs a tag; `read` and `write` at the edge undo it.
 *
 * A device's memory (a frame buffer) lies in ranges of its own, beside the banks: its frames have contents but no
 * descriptor in the mem_map, are no pages to the kernel (pfnToPage answers -1), and are known by numbers from nrPages on.
 *
 * Invariants: words[0..pageWords) is zero for ever; two frames never share a slot; `words` may be replaced when it
 * grows, so whoever keeps it in a local must read it again after anything that can give a frame contents.
 */
import { smallInteger } from '../arch/words.js';
import { KernelBug, MmError } from '../errors.js';

/** A range of physical memory, in bytes; page-aligned. */
export interface Bank {
  readonly base: number;
  readonly size: number;
}

/** The bytes of all frames. */
export class PhysicalMemory {
  readonly pageShift: number;
  readonly pageSize: number;
  readonly pageWords: number;
  readonly bigEndian: boolean;
  /** 3 on big-endian machines: XOR of a byte address inside a word. */
  readonly byteSwizzle: number;
  readonly nrPages: number;
  readonly banks: readonly Bank[];
  /** Physical ranges of devices. */
  readonly devices: readonly Bank[];
  /** Words of all frames with contents; the first pageWords are the shared zeros. */
  words: Int32Array;
  /** Word index of each frame's contents, 0 for none; those of devices follow those of the banks. */
  readonly slot: Int32Array;
  /** First frame number of a memory of one bank (page = pfn - firstPfn), or -1 of several: for code that runs per miss. */
  readonly firstPfn: number;
  /** pfn - page for each bank, and the first page of each bank. */
  private readonly bankOffset: number[] = [];
  private readonly bankFirst: number[] = [];
  private readonly freeSlots: number[] = [];
  private nextSlot: number;

  constructor(pageShift: number, banks: readonly Bank[], bigEndian: boolean, devices: readonly Bank[] = []) {
    this.pageShift = pageShift;
    this.pageSize = 1 << pageShift;
    this.pageWords = this.pageSize / 4;
    this.bigEndian = bigEndian;
    this.byteSwizzle = bigEndian ? 3 : 0;
    this.banks = banks;
    let page = 0;
    let end = 0;
    for (const { base, size } of banks) {
      if (base % this.pageSize !== 0 || size % this.pageSize !== 0 || size <= 0 || base < end) {
        throw new MmError(
          'MM_BANK',
          `expected ascending banks in whole pages of ${this.pageSize}, got base ${base} size ${size}`,
        );
      }
      this.bankFirst.push(page);
      this.bankOffset.push(smallInteger(base / this.pageSize - page));
      page += size / this.pageSize;
      end = base + size;
    }
    this.nrPages = page;
    this.firstPfn = banks.length === 1 ? (this.bankOffset[0] as number) : -1;
    this.devices = devices;
    let frames = page;
    for (const { base, size } of devices) {
      if (base % this.pageSize !== 0 || size % this.pageSize !== 0 || size <= 0 || this.meets(banks, base, size)) {
        throw new MmError(
          'MM_BANK',
          `expected devices in whole pages of ${this.pageSize} outside every bank, got base ${base} size ${size}`,
        );
      }
      frames += size / this.pageSize;
    }
    this.slot = new Int32Array(frames);
    this.words = new Int32Array(this.pageWords * 64);
    this.nextSlot = this.pageWords;
  }

  /** Frame number of a page. */
  pageToPfn(page: number): number {
    const first = this.bankFirst;
    let bank = first.length - 1;
    while (bank > 0 && page < (first[bank] as number)) bank--;
    return page + (this.bankOffset[bank] as number);
  }

  /** Page of a frame number, or -1 when no bank holds it (pfn_valid is false). */
  pfnToPage(pfn: number): number {
    for (let bank = 0; bank < this.banks.length; bank++) {
      const page = pfn - (this.bankOffset[bank] as number);
      const next = bank + 1 < this.banks.length ? (this.bankFirst[bank + 1] as number) : this.nrPages;
      if (page >= (this.bankFirst[bank] as number) && page < next) return page;
    }
    return -1;
  }

  /**
   * Number of a device's frame, from nrPages on, or -1 when no device has it. What a translation to a frame in no bank
   * leads to: TLB slots hold it, `slot` has its contents, and the mem_map knows nothing of it.
   */
  deviceFrame(pfn: number): number {
    let first = this.nrPages;
    for (const { base, size } of this.devices) {
      const offset = pfn - base / this.pageSize;
      const frames = size / this.pageSize;
      if (offset >= 0 && offset < frames) return first + offset;
      first += frames;
    }
    return -1;
  }

  /** The frame that answers at a frame number, of a bank or of a device; -1 for none. */
  frameAt(pfn: number): number {
    const page = this.pfnToPage(pfn);
    return page >= 0 ? page : this.deviceFrame(pfn);
  }

  /** Pages whose frame number is below `pfn`. */
  pagesBelow(pfn: number): number {
    let pages = 0;
    for (const { base, size } of this.banks) {
      pages += Math.max(0, Math.min(pfn - base / this.pageSize, size / this.pageSize));
    }
    return pages;
  }

  /** Word index of a physical byte address for reading, or -1 when no bank holds it. */
  wordAt(pa: number): number {
    const page = this.pfnToPage(Math.floor(pa / this.pageSize));
    return page < 0 ? -1 : (this.slot[page] as number) + ((pa % this.pageSize) >>> 2);
  }

  /** Gives a frame contents (zeros) if it has none; returns the word index where they begin, a multiple of `pageWords`. */
  materialize(page: number): number {
    const had = this.slot[page] as number;
    if (had !== 0) return had;
    let at = this.freeSlots.pop();
    if (at === undefined) {
      at = this.nextSlot;
      this.nextSlot += this.pageWords;
      if (this.nextSlot > this.words.length) this.grow();
    } else {
      this.words.fill(0, at, at + this.pageWords);
    }
    this.slot[page] = at;
    return at;
  }

  /** Takes a frame's contents away: it reads as zero again. */
  dropContents(page: number): void {
    const at = this.slot[page] as number;
    if (at === 0) return;
    this.freeSlots.push(at);
    this.slot[page] = 0;
  }

  /** Copies one frame's contents over another's. */
  copyFrame(to: number, from: number): void {
    if (this.slot[from] === 0) {
      this.dropContents(to);
      return;
    }
    const dst = this.materialize(to);
    const src = this.slot[from] as number;
    this.words.copyWithin(dst, src, src + this.pageWords);
  }

  /** Byte of a frame. */
  loadByte(page: number, offset: number): number {
    const word = this.words[(this.slot[page] as number) + (offset >>> 2)] as number;
    return (word >>> (((offset & 3) ^ this.byteSwizzle) << 3)) & 255;
  }

  /** Stores a byte; gives the frame contents. */
  storeByte(page: number, offset: number, value: number): void {
    const at = this.materialize(page) + (offset >>> 2);
    const shift = ((offset & 3) ^ this.byteSwizzle) << 3;
    this.words[at] = ((this.words[at] as number) & ~(255 << shift)) | ((value & 255) << shift);
  }

  /** The bytes of [pa, pa + length) in the machine's own order: what a dump holds. Zeros where no bank is. */
  read(pa: number, length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const page = this.pfnToPage(Math.floor((pa + i) / this.pageSize));
      if (page >= 0) out[i] = this.loadByte(page, (pa + i) % this.pageSize);
    }
    return out;
  }

  /** Frames that have contents. */
  get framesWithContents(): number {
    return (this.nextSlot - this.pageWords) / this.pageWords - this.freeSlots.length;
  }

  /** Checks the invariants of the slots: no two frames share one, the shared zeros are zero. @throws KernelBug */
  check(): void {
    const seen = new Set<number>();
    for (let page = 0; page < this.slot.length; page++) {
      const at = this.slot[page] as number;
      if (at === 0) continue;
      if (seen.has(at)) throw new KernelBug(`frames share the contents at word ${at}`);
      seen.add(at);
    }
    for (let i = 0; i < this.pageWords; i++) {
      if (this.words[i] !== 0) throw new KernelBug(`the shared zeros were written at word ${i}`);
    }
  }

  private meets(banks: readonly Bank[], base: number, size: number): boolean {
    return banks.some((bank) => base < bank.base + bank.size && bank.base < base + size);
  }

  private grow(): void {
    const limit = 0x7fff_ffff;
    let length = this.words.length;
    while (length < this.nextSlot) length *= 2;
    if (length > limit)
      throw new MmError('MM_HOST_MEMORY', `expected contents of at most ${limit} words, got ${length}`);
    const grown = new Int32Array(length);
    grown.set(this.words);
    this.words = grown;
  }
}
