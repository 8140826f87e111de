/**
 * A process's operations as generators: what a driver runs to the end or steps against others. They answer as the
 * system calls do (a negative errno number for failure) and never throw for what the program asks.
 */

import { OPERATION } from '../events/ring.js';
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

/** Operations by number: what the second word of an `operation` event means. */
export const OPERATION_NAMES = [
  'mmap',
  'munmap',
  'mprotect',
  'mremap',
  'brk',
  'madvise',
  'mlock',
  'munlock',
  'mlockall',
  'munlockall',
  'msync',
  'mincore',
  'fork',
  'exit',
  'load',
  'store',
  'fetch',
] as const;
/** An operation's name. */
export type OperationName = (typeof OPERATION_NAMES)[number];

export class ProcessOps {
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  /** The page number of the new area, or a negative errno. */
  *mmap(args: MmapArgs): Op<number> {
    return yield* sysMmap(this.#enter('mmap'), this.#process.mm, args);
  }

  *munmap(addr: bigint, length: bigint): Op<number> {
    return yield* sysMunmap(this.#enter('munmap'), this.#process.mm, addr, length);
  }

  *mprotect(addr: bigint, length: bigint, prot: number): Op<number> {
    return yield* sysMprotect(this.#enter('mprotect'), this.#process.mm, addr, length, prot);
  }

  *mremap(addr: bigint, oldLength: bigint, newLength: bigint, flags: number, newAddr: bigint): Op<number> {
    return yield* sysMremap(this.#enter('mremap'), this.#process.mm, addr, oldLength, newLength, flags, newAddr);
  }

  /** The break afterwards, whatever was asked. */
  *brk(addr: bigint): Op<bigint> {
    return yield* sysBrk(this.#enter('brk'), this.#process.mm, addr);
  }

  *madvise(addr: bigint, length: bigint, advice: number): Op<number> {
    return yield* sysMadvise(this.#enter('madvise'), this.#process.mm, addr, length, advice);
  }

  *mlock(addr: bigint, length: bigint): Op<number> {
    return yield* sysMlock(this.#enter('mlock'), this.#process.mm, addr, length);
  }

  *munlock(addr: bigint, length: bigint): Op<number> {
    return yield* sysMunlock(this.#enter('munlock'), this.#process.mm, addr, length);
  }

  *mlockall(flags: number): Op<number> {
    return yield* sysMlockall(this.#enter('mlockall'), this.#process.mm, flags);
  }

  *munlockall(): Op<number> {
    return yield* sysMunlockall(this.#enter('munlockall'), this.#process.mm);
  }

  *msync(addr: bigint, length: bigint, flags: number): Op<number> {
    return yield* sysMsync(this.#enter('msync'), this.#process.mm, addr, length, flags);
  }

  /** Appends a byte a page to `out`. */
  *mincore(addr: bigint, length: bigint, out: number[]): Op<number> {
    return yield* sysMincore(this.#enter('mincore'), this.#process.mm, addr, length, out);
  }

  /** The child, or a negative errno. */
  *fork(): Op<Process | number> {
    const mm = yield* dupMm(this.#enter('fork'), this.#process.mm);
    return typeof mm === 'number' ? mm : this.#process.machine.adopt(mm, this.#process.cpu);
  }

  *exit(): Op<void> {
    const process = this.#process;
    if (!process.alive) return;
    const k = this.#enter('exit');
    process.alive = false;
    process.machine.forget(process);
    process.mm.users--;
    if (process.mm.users === 0) yield* destroyMm(k, process.mm);
  }

  *load(addr: bigint, out: Uint8Array): Op<AccessResult> {
    this.#enter('load');
    return yield* loadBytes(this.#process, addr, out);
  }

  *store(addr: bigint, bytes: Uint8Array): Op<AccessResult> {
    this.#enter('store');
    return yield* storeBytes(this.#process, addr, bytes);
  }

  *fetch(addr: bigint): Op<AccessResult> {
    this.#enter('fetch');
    return yield* fetchAt(this.#process, addr);
  }

  /** Puts the process on its CPU; the operation is the cause of the events that follow. */
  #enter(call: OperationName): Kernel {
    const { machine, pid } = this.#process;
    machine.enter(this.#process);
    const { events } = machine.kernel;
    if (events.on) events.emit(OPERATION, pid, OPERATION_NAMES.indexOf(call));
    return machine.kernel;
  }
}
