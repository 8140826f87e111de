/**
 * Replays one trace on one machine: takes records from the parser, carries out the memory calls, runs the accesses
 * through the machine's MMU and keeps what there is to report. No file and no thread here: see node/.
 */
import {
  BatchStop,
  ERRNO,
  errnoName,
  FAULT_OOM,
  type FileSystemType,
  hugetlbfs,
  Machine,
  MmError,
  type Process,
  runBatch,
  runToEnd,
} from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import type { AccessBatch } from '../trace/access-batch.js';
import { FileTable } from '../trace/file-table.js';
import type { TraceSink } from '../trace/lackey.js';
import type { SyscallRecord } from '../trace/syscall-record.js';
import { decodeSyscall } from '../trace/syscalls.js';
import type { CloneOp, TraceOp } from '../trace/trace-op.js';
import { FileStore, SHARED_MOUNT } from './file-store.js';
import { HUGE_MOUNT, HugePages } from './huge-runs.js';
import { InitialAreas, STACK_RANGE } from './initial-areas.js';
import { MemoryCalls } from './memory-calls.js';
import { PART_BYTES, PART_SHIFT } from './part-map.js';
import { NoRoomError, Relocator } from './relocate.js';
import { TraceSpace } from './space.js';
import { ReplayStop } from './stop.js';

export interface ReplayOptions {
  readonly arch: ArchDescriptor;
  /** RAM; default 1 GiB (frames without contents take no room). */
  readonly memory?: number | string;
  /** Swap, its first page taken by the header; default none. */
  readonly swap?: number | string | undefined;
  /** Page cache starts empty: first reads of a file page are major faults. Default false. */
  readonly cold?: boolean;
  /** Stores write their pattern into memory. Default true. */
  readonly contents?: boolean;
  /** The tmpfs that shared anonymous memory and SysV segments stand on; without it they are refused. */
  readonly tmpfs?: FileSystemType | undefined;
  /** Anonymous memory lies on huge pages where the machine has any and it is long enough; so does the heap. Default false. */
  readonly huge?: boolean;
  /** Check the machine after every system call; slow. */
  readonly audit?: boolean;
}

/** Something in the trace that could not be replayed as it stands. */
export interface ReplayProblem {
  readonly line: number;
  readonly message: string;
}

interface Task {
  readonly space: TraceSpace;
  readonly files: FileTable;
  /** Child of a fork that has not called execve: where the fork was, else 0. */
  forkedAt: number;
  /** Shares its parent's memory until it calls execve (vfork, posix_spawn). */
  readonly borrows: boolean;
}

/** Whose records come first when the trace has no header: the process of the first call that follows. */
const UNKNOWN_PID = 0;

/** Problems kept in full; more are only counted. */
const PROBLEMS_KEPT = 20;

export class Replayer implements TraceSink {
  readonly machine: Machine;
  /** Tables of each level that the kernel has for itself since boot. */
  readonly kernelTables: readonly number[];
  /** Huge pages behind anonymous memory; null without. */
  readonly hugePages: HugePages | null;
  /** Access records replayed. */
  accessCount = 0;
  calls = 0;
  readonly problems: ReplayProblem[] = [];
  /** Problems in all, those not kept included. */
  problemCount = 0;
  /** Accesses that the machine answered with a signal and that were left out. */
  badAccesses = 0;
  readonly #options: ReplayOptions;
  readonly #relocator: Relocator;
  readonly #store: FileStore;
  readonly #initial = new InitialAreas();
  readonly #tasks = new Map<number, Task>();
  /** Processes that have ended or now run another program. */
  readonly #gone = new Set<number>();
  readonly #stop = new BatchStop();
  readonly #calls: MemoryCalls;
  #line = 1;

  constructor(options: ReplayOptions) {
    const isHuge = options.huge === true && options.arch.huge !== null;
    this.#options = options;
    this.machine = new Machine({
      arch: options.arch,
      memory: options.memory ?? '1GiB',
      contents: options.contents ?? true,
      ...(options.swap === undefined ? {} : { swap: options.swap }),
      overcommit: 1,
      mounts: {
        ...(options.tmpfs === undefined ? {} : { [SHARED_MOUNT]: options.tmpfs }),
        ...(isHuge ? { [HUGE_MOUNT]: hugetlbfs() } : {}),
      },
    });
    this.machine.kernel.maxMapCount = 1 << 20;
    this.kernelTables = [...this.machine.kernel.tablesInUse];
    this.#relocator = new Relocator(options.arch);
    if (!this.#relocator.isPlaced(STACK_RANGE.end - 1))
      this.#relocator.moveBelowTop(STACK_RANGE.start, STACK_RANGE.end);
    this.hugePages = isHuge ? new HugePages(this.machine, options.arch, this.#relocator) : null;
    this.#store = new FileStore(this.machine, !(options.cold ?? false), options.tmpfs !== undefined);
    this.#calls = new MemoryCalls(this.#initial, (line, message) => this.#problem(line, message));
  }

  /** Accesses of the process of the last system call line. */
  accesses(batch: AccessBatch): void {
    const task = this.#taskOf(batch.pid, batch.firstLine);
    if (!this.#relocator.isIdentity) this.#relocate(batch);
    const { process } = task.space;
    const before = this.accessCount;
    let from = 0;
    while (from < batch.count) {
      const cpu = this.machine.enter(process);
      const { kernel } = this.machine;
      from = runBatch(kernel, cpu, process.mm, process, batch, from, batch.count, batch.firstLine, this.#stop);
      this.accessCount = before + from; // right even if the replay stops here
      if (this.#stop.signal === 0) break;
      if (!this.#resolve(task, batch, from)) from++;
    }
    this.accessCount = before + batch.count;
    this.#line = batch.firstLine + batch.count;
  }

  syscall(record: SyscallRecord): void {
    this.calls++;
    this.#line = record.line;
    this.#apply(decodeSyscall(record));
    if (this.#options.audit === true) this.machine.check();
  }

  /** Ends every process and drops the files: all frames must come back. */
  finish(): void {
    for (const task of this.#tasks.values()) if (task.space.process.alive) task.space.process.exit();
    this.#tasks.clear();
    this.#store.destroy();
    this.machine.kernel.hugetlb?.resize(0);
  }

  /** Huge pages were asked for, whether the machine has them or not. */
  get isHuge(): boolean {
    return this.#options.huge === true;
  }

  /** The processes that are still there, in order of creation. */
  get processes(): Process[] {
    return this.machine.processes;
  }

  /**
   * A signal in mid-batch: supplies an initial area if that is the reason, else reports the access.
   * @returns true when the access can be tried again.
   */
  #resolve(task: Task, batch: AccessBatch, index: number): boolean {
    const line = batch.firstLine + index;
    const { arch } = this.machine;
    const scale = 2 ** (arch.geometry.pageShift - PART_SHIFT);
    if (this.#stop.signal === FAULT_OOM) throw this.#outOfMemory(line);
    // The recorded parts this access touches in the page that failed.
    const first = Math.max(this.#partOf(batch, index, 0), this.#unplaced(this.#stop.vpn * scale));
    const last = this.#partOf(batch, index, (batch.size[index] as number) - 1);
    for (let part = first; part <= last; part++) {
      if (this.#initial.supply(task.space, part)) return true;
    }
    this.badAccesses++;
    const was = task.space.unmapped.at(first) === undefined ? 'no area' : 'an area that the trace unmapped';
    const what = task.space.parts.at(first) === undefined ? was : 'an area without the right';
    this.#problem(line, `access at 0x${(BigInt(first) << 12n).toString(16)} goes to ${what}; left out`);
    return false;
  }

  #apply(op: TraceOp): void {
    if (op.op === 'other') return;
    if (op.op === 'clone') {
      this.#clone(op);
      return;
    }
    const task = this.#taskOf(op.pid, op.line);
    if (task.forkedAt !== 0 && op.op !== 'exec' && !HARMLESS.has(op.op)) {
      throw new ReplayStop(
        op.line,
        `process ${op.pid}, forked at line ${task.forkedAt}, goes on without execve; the text form does not say whose records follow`,
      );
    }
    task.files.apply(op);
    const { space } = task;
    try {
      switch (op.op) {
        case 'exec':
          this.#leave(op.pid, task);
          break;
        case 'exit':
          if (op.scope === 'process') this.#leave(op.pid, task);
          break;
        default:
          this.#calls.apply(space, task.files, op);
      }
    } catch (error) {
      if (error instanceof NoRoomError) throw new ReplayStop(op.line, `${op.op}: ${error.message}`);
      throw error;
    }
  }

  #clone(op: CloneOp): void {
    if (op.side === 'child' || op.isThread) return;
    const parent = this.#taskOf(op.pid, op.line);
    if (op.childId === 0) return;
    if (op.sharesMemory) {
      this.#tasks.set(op.childId, { space: parent.space, files: parent.files.copy(), forkedAt: 0, borrows: true });
      return;
    }
    const child = runToEnd(parent.space.process.ops.fork());
    if (child === -ERRNO.ENOMEM) throw this.#outOfMemory(op.line);
    if (typeof child === 'number') {
      this.#problem(op.line, `fork failed: ${errnoName(child)}`);
      return;
    }
    const space = new TraceSpace(
      this.machine,
      child,
      this.#relocator,
      this.#store,
      (refusal) => this.#problem(this.#line, `${refusal.call} refused: ${errnoName(refusal.errno)}`),
      parent.space,
      this.hugePages,
    );
    this.#tasks.set(op.childId, { space, files: parent.files.copy(), forkedAt: op.line, borrows: false });
  }

  /** execve or exit: the task's memory goes, unless it was its parent's. */
  #leave(pid: number, task: Task): void {
    this.#gone.add(pid);
    if (task.borrows || this.#tasks.size <= 1) return; // the last one's figures are read before it goes
    this.#tasks.delete(pid);
    if (![...this.#tasks.values()].some((other) => other.space === task.space)) task.space.process.exit();
  }

  #taskOf(pid: number, line: number): Task {
    if (this.#gone.has(pid)) {
      throw new ReplayStop(
        line,
        `process ${pid} has ended or runs another program; its records belong to another trace`,
      );
    }
    const known = this.#tasks.get(pid);
    if (known !== undefined) return known;
    const unnamed = this.#tasks.get(UNKNOWN_PID);
    if (unnamed !== undefined) {
      this.#tasks.delete(UNKNOWN_PID);
      this.#tasks.set(pid, unnamed);
      return unnamed;
    }
    if (this.#tasks.size > 0) {
      throw new ReplayStop(line, `records of process ${pid}, which nothing in the trace started`);
    }
    const process = this.#spawn(line);
    const space = new TraceSpace(
      this.machine,
      process,
      this.#relocator,
      this.#store,
      (refusal) => this.#problem(this.#line, `${refusal.call} refused: ${errnoName(refusal.errno)}`),
      undefined,
      this.hugePages,
    );
    const task: Task = { space, files: new FileTable(), forkedAt: 0, borrows: false };
    this.#tasks.set(pid, task);
    return task;
  }

  #spawn(line: number): Process {
    try {
      return this.machine.spawn();
    } catch (error) {
      if (!(error instanceof MmError)) throw error;
      throw new ReplayStop(line, `the machine cannot start a process: ${error.message}`);
    }
  }

  #outOfMemory(line: number): ReplayStop {
    return new ReplayStop(line, `the machine is out of memory (${this.#options.memory ?? '1GiB'}); give it more`);
  }

  /** Adds the distance of moved ranges to a batch's addresses, in place. */
  #relocate(batch: AccessBatch): void {
    const { addrLo, addrHi, size, count } = batch;
    for (let i = 0; i < count; i++) {
      const part = ((addrHi[i] as number) >>> 0) * 1048576 + ((addrLo[i] as number) >>> PART_SHIFT);
      const delta = this.#relocator.deltaOf(part);
      const past = ((addrLo[i] as number) & 4095) + (size[i] as number) - PART_BYTES;
      // What lies behind it may have moved elsewhere: the access ends where its first part does.
      if (past > 0 && this.#relocator.deltaOf(part + 1) !== delta) size[i] = (size[i] as number) - past;
      if (delta === 0) continue;
      const moved = part + delta;
      addrHi[i] = Math.floor(moved / 1048576);
      addrLo[i] = ((moved % 1048576) * 4096 + ((addrLo[i] as number) & 4095)) | 0;
    }
  }

  /** Recorded part of byte `offset` of an access; the batch holds machine addresses. */
  #partOf(batch: AccessBatch, index: number, offset: number): number {
    // Two halves, because a 64-bit address is no exact number.
    const low = ((batch.addrLo[index] as number) >>> 0) + offset;
    return this.#unplaced(((batch.addrHi[index] as number) >>> 0) * 1048576 + Math.floor(low / PART_BYTES));
  }

  #unplaced(machinePart: number): number {
    return this.#relocator.sourceOf(machinePart);
  }

  #problem(line: number, message: string): void {
    this.problemCount++;
    if (this.problems.length < PROBLEMS_KEPT) this.problems.push({ line, message });
  }
}

/** Calls a forked child may make before execve without leaving doubt about memory. */
const HARMLESS: ReadonlySet<TraceOp['op']> = new Set(['open', 'close', 'dup', 'other']);
