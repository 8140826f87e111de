/**
 * A process's operations as generators: what a driver runs to the end or steps against others. They answer as the
 * system calls do (a negative errno number for failure) and never throw for what the program asks.
 */
import { dupMm } from '../fork/dup-mmap.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import { sysBrk } from '../vma/brk.js';
import { sysMadvise } from '../vma/madvise.js';
import { sysMincore } from '../vma/mincore.js';
import { sysMlock, sysMlockall, sysMunlock, sysMunlockall } from '../vma/mlock.js';
import { type MmapArgs, sysMmap } from '../vma/mmap.js';
import { sysMprotect } from '../vma/mprotect.js';
import { sysMremap } from '../vma/mremap.js';
import { sysMsync } from '../vma/msync.js';
import { sysMunmap } from '../vma/munmap.js';
import { destroyMm } from '../zap/unmap.js';
import type { Process } from './process.js';
import { type AccessResult, fetchAt, loadBytes, storeBytes } from './user-memory.js';

export class ProcessOps {
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  /** The page number of the new area, or a negative errno. */
  *mmap(args: MmapArgs): Op<number> {
    return yield* sysMmap(this.#enter(), this.#process.mm, args);
  }

  *munmap(addr: bigint, length: bigint): Op<number> {
    return yield* sysMunmap(this.#enter(), this.#process.mm, addr, length);
  }

  *mprotect(addr: bigint, length: bigint, prot: number): Op<number> {
    return yield* sysMprotect(this.#enter(), this.#process.mm, addr, length, prot);
  }

  *mremap(addr: bigint, oldLength: bigint, newLength: bigint, flags: number, newAddr: bigint): Op<number> {
    return yield* sysMremap(this.#enter(), this.#process.mm, addr, oldLength, newLength, flags, newAddr);
  }

  /** The break afterwards, whatever was asked. */
  *brk(addr: bigint): Op<bigint> {
    return yield* sysBrk(this.#enter(), this.#process.mm, addr);
  }

  *madvise(addr: bigint, length: bigint, advice: number): Op<number> {
    return yield* sysMadvise(this.#enter(), this.#process.mm, addr, length, advice);
  }

  *mlock(addr: bigint, length: bigint): Op<number> {
    return yield* sysMlock(this.#enter(), this.#process.mm, addr, length);
  }

  *munlock(addr: bigint, length: bigint): Op<number> {
    return yield* sysMunlock(this.#enter(), this.#process.mm, addr, length);
  }

  *mlockall(flags: number): Op<number> {
    return yield* sysMlockall(this.#enter(), this.#process.mm, flags);
  }

  *munlockall(): Op<number> {
    return yield* sysMunlockall(this.#enter(), this.#process.mm);
  }

  *msync(addr: bigint, length: bigint, flags: number): Op<number> {
    return yield* sysMsync(this.#enter(), this.#process.mm, addr, length, flags);
  }

  /** Appends a byte a page to `out`. */
  *mincore(addr: bigint, length: bigint, out: number[]): Op<number> {
    return yield* sysMincore(this.#enter(), this.#process.mm, addr, length, out);
  }

  /** The child, or a negative errno. */
  *fork(): Op<Process | number> {
    const mm = yield* dupMm(this.#enter(), this.#process.mm);
    return typeof mm === 'number' ? mm : this.#process.machine.adopt(mm, this.#process.cpu);
  }

  *exit(): Op<void> {
    const process = this.#process;
    if (!process.alive) return;
    const k = this.#enter();
    process.alive = false;
    process.machine.forget(process);
    process.mm.users--;
    if (process.mm.users === 0) yield* destroyMm(k, process.mm);
  }

  *load(addr: bigint, out: Uint8Array): Op<AccessResult> {
    return yield* loadBytes(this.#process, addr, out);
  }

  *store(addr: bigint, bytes: Uint8Array): Op<AccessResult> {
    return yield* storeBytes(this.#process, addr, bytes);
  }

  *fetch(addr: bigint): Op<AccessResult> {
    return yield* fetchAt(this.#process, addr);
  }

  #enter(): Kernel {
    this.#process.machine.enter(this.#process);
    return this.#process.machine.kernel;
  }
}
