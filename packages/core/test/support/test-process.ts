/** System calls in pages instead of bytes, and accesses, for tests of one address space. */
import { frameAt, touch } from '../../src/access/translate.js';
import { type AccessKind, LOAD, STORE } from '../../src/arch/access.js';
import type { FaultCounts } from '../../src/fault/page-fault.js';
import type { MappedFile } from '../../src/fs/file.js';
import type { Kernel } from '../../src/kernel.js';
import { sysBrk } from '../../src/vma/brk.js';
import { sysMadvise } from '../../src/vma/madvise.js';
import { sysMlock, sysMunlock } from '../../src/vma/mlock.js';
import type { Mm } from '../../src/vma/mm.js';
import { sysMmap } from '../../src/vma/mmap.js';
import { MAP_ANONYMOUS, MAP_FIXED, MAP_PRIVATE } from '../../src/vma/mmap-bits.js';
import { sysMprotect } from '../../src/vma/mprotect.js';
import { sysMremap } from '../../src/vma/mremap.js';
import { sysMunmap } from '../../src/vma/munmap.js';
import { run, testMm } from './test-kernel.js';

export class TestProcess implements FaultCounts {
  readonly k: Kernel;
  readonly mm: Mm;
  minFlt = 0;
  majFlt = 0;
  bitFlt = 0;

  constructor(k: Kernel, mm: Mm = testMm(k)) {
    this.k = k;
    this.mm = mm;
    mm.owner = this;
  }

  bytes(pages: number): bigint {
    return BigInt(pages) * BigInt(this.k.memory.pageSize);
  }

  /** A private anonymous area at a fixed place. */
  anon(start: number, pages: number, prot = 3, flags = 0): number {
    return this.mmap(start, pages, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | flags);
  }

  mmap(start: number, pages: number, prot: number, flags: number, file: MappedFile | null = null, pgoff = 0): number {
    const args = { addr: this.bytes(start), length: this.bytes(pages), prot, flags, file, offset: this.bytes(pgoff) };
    return run(sysMmap(this.k, this.mm, args));
  }

  munmap(start: number, pages: number): number {
    return run(sysMunmap(this.k, this.mm, this.bytes(start), this.bytes(pages)));
  }

  mprotect(start: number, pages: number, prot: number): number {
    return run(sysMprotect(this.k, this.mm, this.bytes(start), this.bytes(pages), prot));
  }

  mremap(start: number, oldPages: number, newPages: number, flags = 0, to = 0): number {
    const { k, mm } = this;
    return run(sysMremap(k, mm, this.bytes(start), this.bytes(oldPages), this.bytes(newPages), flags, this.bytes(to)));
  }

  madvise(start: number, pages: number, advice: number): number {
    return run(sysMadvise(this.k, this.mm, this.bytes(start), this.bytes(pages), advice));
  }

  mlock(start: number, pages: number): number {
    return run(sysMlock(this.k, this.mm, this.bytes(start), this.bytes(pages)));
  }

  munlock(start: number, pages: number): number {
    return run(sysMunlock(this.k, this.mm, this.bytes(start), this.bytes(pages)));
  }

  brk(addr: bigint): bigint {
    return run(sysBrk(this.k, this.mm, addr));
  }

  /** Loads the first byte of a page; a negative number is the signal. */
  load(vpn: number): number {
    const page = this.#touch(vpn, LOAD);
    return page < 0 ? page : this.k.memory.loadByte(page, 0);
  }

  /** Stores to the first byte of a page; 0, or the signal. */
  store(vpn: number, value: number): number {
    const page = this.#touch(vpn, STORE);
    if (page < 0) return page;
    this.k.memory.storeByte(page, 0, value);
    return 0;
  }

  #touch(vpn: number, kind: AccessKind): number {
    const { k, mm } = this;
    if (k.cpu.mm !== mm) k.mmu.switchMm(k.cpu, k.cpu.mm, mm);
    const slot = run(touch(k, k.cpu, mm, this, kind, (vpn / 4294967296) | 0, vpn | 0));
    return slot < 0 ? slot : frameAt(k, k.cpu.tlb, slot, vpn | 0);
  }
}
