/**
 * Devices that programs can map: examples of the three ways a driver fills an area. /dev/mem and a frame buffer map frame
 * numbers raw, a ring of buffers inserts pages of its own, and the same ring can leave it to the faults (nopage).
 */
import type { AuditedPart } from '../audit/finding.js';
import { ERRNO, MmError } from '../errors.js';
import { type Inode, type MappedFile, NOPAGE_SIGBUS, type Nopage } from '../fs/file.js';
import type { Kernel } from '../kernel.js';
import type { Bank } from '../memory/physical.js';
import { AddressSpace } from '../pagecache/address-space.js';
import type { Op } from '../smp/lock.js';
import { VM_RESERVED } from '../vma/flags.js';
import type { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import { vmInsertPage } from './insert-page.js';
import { ioRemapPfnRange } from './io-remap.js';
import { remapPfnRange } from './remap-pfn-range.js';
import { frameBufferArea } from './unmapped-area.js';

/** A device node: an inode whose areas its driver fills when they are mapped. */
abstract class Device implements Inode {
  readonly name: string;
  readonly mapping: AddressSpace;
  size = 0;
  writeCount = 0;
  protected readonly k: Kernel;

  constructor(k: Kernel, name: string) {
    this.k = k;
    this.name = name;
    this.mapping = new AddressSpace(this, k.events);
  }

  abstract mmap(vma: Vma): Op<number>;

  /** There is nothing to write back. */
  setPageDirty(_page: number): void {}

  /** Opens the device, for Process.mmap. */
  open(mode: { readonly readable?: boolean; readonly writable?: boolean } = {}): MappedFile {
    return { inode: this, readable: mode.readable ?? true, writable: mode.writable ?? true, refs: 1 };
  }
}

/** /dev/mem: the offset in the file is the physical address. */
export class DevMem extends Device {
  constructor(k: Kernel) {
    super(k, '/dev/mem');
  }

  /** -EINVAL where neither memory nor a device answers: such an access would end on the bus. */
  *mmap(vma: Vma): Op<number> {
    for (let i = 0; i < vma.pages; i++) if (this.k.memory.frameAt(vma.pgoff + i) < 0) return -ERRNO.EINVAL;
    return yield* remapPfnRange(this.k, vma, vma.start, vma.pgoff, vma.pages);
  }
}

/** A frame buffer: memory of a device, in one of the machine's `devices` ranges. */
export class FrameBuffer extends Device {
  readonly #range: Bank;

  /** @throws MmError MM_DEVICE when no device of the machine has that range */
  constructor(k: Kernel, range: Bank) {
    super(k, '/dev/fb0');
    const found = k.memory.devices.some(
      ({ base, size }) => base <= range.base && range.base + range.size <= base + size,
    );
    if (!found)
      throw new MmError('MM_DEVICE', `expected a range of a device, got base ${range.base} size ${range.size}`);
    this.#range = range;
    this.size = range.size;
  }

  /** Aligned for large translations, on machines that have them. */
  unmappedArea(mm: Mm, file: MappedFile, addr: bigint, pages: number, pgoff: number, flags: number): number {
    return frameBufferArea(this.k, mm, file, addr, pages, pgoff, flags);
  }

  /** -EINVAL beyond the end of the buffer. */
  *mmap(vma: Vma): Op<number> {
    const { pageSize } = this.k.memory;
    if (vma.pgoff + vma.pages > this.#range.size / pageSize) return -ERRNO.EINVAL;
    return yield* ioRemapPfnRange(this.k, vma, vma.start, this.#range.base / pageSize + vma.pgoff, vma.pages);
  }

  /** What the screen shows: bytes of the buffer. */
  read(offset: number, length: number): Uint8Array {
    const { memory } = this.k;
    return Uint8Array.from({ length }, (_, i) => {
      const pa = this.#range.base + offset + i;
      return memory.loadByte(memory.deviceFrame(Math.floor(pa / memory.pageSize)), pa % memory.pageSize);
    });
  }
}

/** How a ring's pages come into an area. */
export type RingFill = 'insert' | 'nopage';

/** A driver with buffers of its own, one page each, which it shares with programs. */
export class RingDevice extends Device implements AuditedPart {
  readonly pages: readonly number[];
  /** vm_ops.nopage, where the ring is filled by faults. */
  readonly nopage?: (vma: Vma, vpn: number, out: Nopage) => Op<void>;
  readonly #fill: RingFill;

  /** @throws MmError ENOMEM */
  constructor(k: Kernel, nrPages: number, fill: RingFill) {
    super(k, '/dev/ring');
    this.#fill = fill;
    const pages: number[] = [];
    for (let i = 0; i < nrPages; i++) {
      const page = k.pages.alloc(0);
      if (page < 0) {
        for (const taken of pages) k.pages.put(taken);
        throw new MmError('ENOMEM', `a ring of ${nrPages} pages`);
      }
      pages.push(page);
    }
    this.pages = pages;
    k.auditedParts.add(this);
    if (fill === 'nopage') this.nopage = (vma, vpn, out) => this.#find(vma, vpn, out);
  }

  *mmap(vma: Vma): Op<number> {
    if (vma.pgoff + vma.pages > this.pages.length) return -ERRNO.EINVAL;
    vma.flags |= VM_RESERVED;
    if (this.#fill === 'nopage') return 0;
    for (let i = 0; i < vma.pages; i++) {
      const error = yield* vmInsertPage(this.k, vma, vma.start + i, this.pages[vma.pgoff + i] as number);
      if (error < 0) return error;
    }
    return 0;
  }

  /** Gives the buffers back; nothing may map them any more. */
  destroy(): void {
    this.k.auditedParts.delete(this);
    for (const page of this.pages) {
      this.k.map.flags[page] = 0;
      this.k.pages.put(page);
    }
  }

  charged(): number {
    return 0;
  }

  ownedFrames(own: (page: number) => void): void {
    for (const page of this.pages) own(page);
  }

  audit(): void {}

  *#find(vma: Vma, vpn: number, out: Nopage): Op<void> {
    const page = this.pages[vma.indexOf(vpn)];
    out.major = false;
    out.page = page ?? NOPAGE_SIGBUS;
    if (page !== undefined) this.k.pages.get(page);
  }
}
