/**
 * A process's operations as generators: what a driver runs to the end or steps against others. They answer as the
 * system calls do (a negative errno number for failure) and never throw for what the program asks; an operation of a
 * process that has ended is misuse and throws MM_EXITED.
 */

import { ERRNO, MmError } from '../errors.js';
import { OPERATION_NAMES, type OperationName } from '../events/operations.js';
import { OPERATION } from '../events/ring.js';
import { dupMm } from '../fork/dup-mmap.js';
import { accessProcessVm } from '../gup/access-process-vm.js';
import { getUserPages } from '../gup/get-user-pages.js';
import type { Kernel } from '../kernel.js';
import { runKswapd } from '../reclaim/alloc.js';
import type { Op, Wait } from '../smp/lock.js';
import { sysBrk } from '../vma/brk.js';
import { sysMadvise } from '../vma/madvise.js';
import { sysMincore } from '../vma/mincore.js';
import { sysMlock, sysMlockall, sysMunlock, sysMunlockall } from '../vma/mlock.js';
import type { Mm } from '../vma/mm.js';
import { type MmapArgs, sysMmap } from '../vma/mmap.js';
import { sysMprotect } from '../vma/mprotect.js';
import { sysMremap } from '../vma/mremap.js';
import { sysMsync } from '../vma/msync.js';
import { sysMunmap } from '../vma/munmap.js';
import { sysRemapFilePages } from '../vma/remap-file-pages.js';
import { toPages, word } from '../vma/words.js';
import type { Process } from './process.js';
import { type AccessResult, fetchAt, loadBytes, loadNoFault, prefetchAt, storeBytes } from './user-memory.js';

/** The operations of one process. */
export class ProcessOps {
  readonly #process: Process;

  constructor(process: Process) {
    this.#process = process;
  }

  /** The page number of the new area, or a negative errno. */
  mmap(args: MmapArgs): Op<number> {
    return this.#run('mmap', (k, mm) => sysMmap(k, mm, args));
  }

  munmap(addr: bigint, length: bigint): Op<number> {
    return this.#run('munmap', (k, mm) => sysMunmap(k, mm, addr, length));
  }

  mprotect(addr: bigint, length: bigint, prot: number): Op<number> {
    return this.#run('mprotect', (k, mm) => sysMprotect(k, mm, addr, length, prot));
  }

  mremap(addr: bigint, oldLength: bigint, newLength: bigint, flags: number, newAddr: bigint): Op<number> {
    return this.#run('mremap', (k, mm) => sysMremap(k, mm, addr, oldLength, newLength, flags, newAddr));
  }

  /** The break afterwards, whatever was asked. */
  brk(addr: bigint): Op<bigint> {
    return this.#run('brk', (k, mm) => sysBrk(k, mm, addr));
  }

  madvise(addr: bigint, length: bigint, advice: number): Op<number> {
    return this.#run('madvise', (k, mm) => sysMadvise(k, mm, addr, length, advice));
  }

  mlock(addr: bigint, length: bigint): Op<number> {
    return this.#run('mlock', (k, mm) => sysMlock(k, mm, addr, length));
  }

  munlock(addr: bigint, length: bigint): Op<number> {
    return this.#run('munlock', (k, mm) => sysMunlock(k, mm, addr, length));
  }

  mlockall(flags: number): Op<number> {
    return this.#run('mlockall', (k, mm) => sysMlockall(k, mm, flags));
  }

  munlockall(): Op<number> {
    return this.#run('munlockall', sysMunlockall);
  }

  msync(addr: bigint, length: bigint, flags: number): Op<number> {
    return this.#run('msync', (k, mm) => sysMsync(k, mm, addr, length, flags));
  }

  /** Appends a byte a page to `out`. */
  mincore(addr: bigint, length: bigint, out: number[]): Op<number> {
    return this.#run('mincore', (k, mm) => sysMincore(k, mm, addr, length, out));
  }

  /** The segment's id. */
  shmget(key: number, size: bigint, flags: number): Op<number> {
    return this.#run('shmget', (k, mm) => (k.segments === null ? refused() : k.segments.get(mm, key, size, flags)));
  }

  /** The page number of the new area, or a negative errno. */
  shmat(id: number, addr: bigint, flags: number): Op<number> {
    return this.#run('shmat', (k, mm) => (k.segments === null ? refused() : k.segments.attach(mm, id, addr, flags)));
  }

  shmdt(addr: bigint): Op<number> {
    return this.#run('shmdt', (k, mm) => (k.segments === null ? refused() : k.segments.detach(mm, addr)));
  }

  /** IPC_RMID, SHM_LOCK or SHM_UNLOCK. */
  shmctl(id: number, command: number): Op<number> {
    return this.#run('shmctl', (k, mm) => (k.segments === null ? refused() : k.segments.control(mm, id, command)));
  }

  /** `prot` has to be 0; `pgoff` counts file pages; `flags` is MAP_NONBLOCK or 0. */
  remapFilePages(addr: bigint, length: bigint, prot: number, pgoff: bigint, flags: number): Op<number> {
    return this.#run('remap_file_pages', (k, mm) => sysRemapFilePages(k, mm, addr, length, prot, pgoff, flags));
  }

  /**
   * get_user_pages: `count` pages from the one of `addr`, appended to `out`, each with a reference that `machine.unpin` gives
   * back. How many there are, or a negative errno.
   */
  getUserPages(addr: bigint, count: number, write: boolean, force: boolean, out: number[]): Op<number> {
    return this.#run('get_user_pages', function* (k, mm) {
      if (!mm.mmapSem.tryRead()) yield* mm.mmapSem.waitRead();
      const got = yield* getUserPages(k, mm.owner, mm, toPages(k, word(k, addr)), count, { write, force, pages: out });
      mm.mmapSem.upRead();
      return got;
    });
  }

  /** access_process_vm: a debugger reads into `bytes`, or writes them. How many bytes it could. */
  accessVm(addr: bigint, bytes: Uint8Array, write: boolean): Op<number> {
    return this.#run('access_vm', (k, mm) => accessProcessVm(k, this.#process, mm, addr, bytes, write));
  }

  /** The child, or a negative errno. */
  *fork(): Op<Process | number> {
    const mm = yield* this.#run('fork', dupMm);
    if (typeof mm === 'number') return mm;
    const child = this.#process.machine.adopt(mm, this.#process.cpu);
    child.parent = this.#process;
    this.#process.children.add(child);
    return child;
  }

  /** Ends the process; does nothing when it has ended already. */
  *exit(): Op<void> {
    if (this.#process.alive) yield* this.#run('exit', () => this.#process.kill());
  }

  load(addr: bigint, out: Uint8Array): Op<AccessResult> {
    return this.#run('load', () => loadBytes(this.#process, addr, out));
  }

  /** `load` by no-fault loads, on machines that have them. */
  loadNoFault(addr: bigint, out: Uint8Array): Op<AccessResult> {
    return this.#run('load', () => loadNoFault(this.#process, addr, out));
  }

  store(addr: bigint, bytes: Uint8Array): Op<AccessResult> {
    return this.#run('store', () => storeBytes(this.#process, addr, bytes));
  }

  fetch(addr: bigint): Op<AccessResult> {
    return this.#run('fetch', () => fetchAt(this.#process, addr));
  }

  /** Whether the page is there afterwards. */
  prefetch(addr: bigint): Op<boolean> {
    return this.#run('load', () => prefetchAt(this.#process, addr));
  }

  /**
   * One operation: puts the process on its CPU before the first step and again before every further one, for others may
   * have run there meanwhile. The operation is the cause of the events that follow.
   */
  *#run<T>(call: OperationName, begin: (k: Kernel, mm: Mm) => Op<T>): Op<T> {
    const process = this.#process;
    const { machine, pid, mm } = process;
    if (!process.alive) throw new MmError('MM_EXITED', `expected a living process, got ${call} of ${pid}`, { pid });
    machine.enter(process);
    const { events, ledger, pteMaps } = machine.kernel;
    if (events.on) events.emit(OPERATION, pid, OPERATION_NAMES.indexOf(call));
    const owner = ledger === null ? 0 : ledger.begin(call);
    pteMaps?.runs(call);
    const op = begin(machine.kernel, mm);
    process.underWay++;
    let step: IteratorResult<Wait, T> | undefined;
    try {
      step = op.next();
      while (!step.done) {
        pteMaps?.mightSleep(step.value.what);
        yield step.value;
        machine.enter(process);
        ledger?.resume(owner);
        pteMaps?.runs(call);
        step = op.next();
      }
      if (machine.kernel.rcu.pending) machine.kernel.rcu.quiesce(machine.kernel);
      if (machine.kernel.kswapdOrder >= 0) yield* runKswapd(machine.kernel);
      ledger?.end(owner);
      pteMaps?.mightSleep('return to user mode');
      return step.value;
    } finally {
      // The driver gave up (a deadlock): the operation has to leave the queues it waits in.
      process.underWay--;
      ledger?.abandon(owner);
      pteMaps?.runs('');
      if (step !== undefined && !step.done) op.return(undefined as T);
    }
  }
}

/** A call that this machine has no code for. */
function* refused(): Op<number> {
  return -ERRNO.ENOSYS;
}
