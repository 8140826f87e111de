/**
 * A process as programs see one: system calls, loads and stores. Methods run the machine until their operation ends and
 * throw what the program would see (MmError with an errno name, MemoryFault); `ops` gives the same operations as
 * generators that a driver can step, answering negative errno numbers.
 */
import { ERRNO, errnoName, MemoryFault, MmError } from '../errors.js';
import { BUS_ADRERR, FAULT_OOM, type FaultCounts, SEGV_ACCERR } from '../fault/page-fault.js';
import type { MappedFile } from '../fs/file.js';
import type { SegmentStat } from '../fs/segments.js';
import type { Machine } from '../machine/machine.js';
import { type Explanation, explainPage } from '../proc/explain.js';
import { mapsText } from '../proc/maps.js';
import { type SmapsEntry, smapsOf } from '../proc/smaps.js';
import { type Statm, statmOf } from '../proc/statm.js';
import { type ProcessStatus, statusOf } from '../proc/status.js';
import type { Task } from '../reclaim/oom.js';
import { runToEnd } from '../smp/driver.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';
import { destroyMm } from '../zap/unmap.js';
import { bytesOf, countOf, fileOf, numberOf, wordOf } from './arguments.js';
import { type FlagsLike, type ProtLike, parseFlags, parseProt } from './mmap-words.js';
import { ProcessOps } from './ops.js';
import type { AccessResult } from './user-memory.js';

/** Arguments of Process.mmap. */
export interface MmapOptions {
  /** Bytes. */
  readonly length: bigint | number;
  /** `'rwx'` letters or PROT_ bits. */
  readonly prot: ProtLike;
  /** Words joined by `|` (`'private|anonymous|fixed'`) or MAP_ bits. */
  readonly flags: FlagsLike;
  readonly addr?: bigint | number;
  readonly file?: MappedFile;
  readonly offset?: bigint | number;
}

/** One process, or one thread of an address space that several share. */
export class Process implements FaultCounts, Task {
  readonly machine: Machine;
  readonly pid: number;
  readonly mm: Mm;
  private onCpu: number;
  minFlt = 0;
  majFlt = 0;
  bitFlt = 0;
  /** Its stack pointer, for machines whose stacks grow near it alone; null: a stack grows for any access below it. */
  stackPointer: bigint | null = null;
  accessOffset = 0;
  speculates = false;
  alive = true;
  /** oom_adj, -17 to 15: how much rather the OOM killer takes this process; -17 spares it. */
  oomAdj = 0;
  /** Who forked it, and the living processes it forked itself. */
  parent: Process | null = null;
  readonly children: Set<Process> = new Set();
  /** Operations of it under way. */
  underWay = 0;
  /** The operations as generators. */
  readonly ops: ProcessOps;

  constructor(machine: Machine, pid: number, mm: Mm, cpu: number) {
    this.machine = machine;
    this.pid = pid;
    this.mm = mm;
    this.onCpu = cpu;
    this.ops = new ProcessOps(this);
  }

  /** CPU it runs on. */
  get cpu(): number {
    return this.onCpu;
  }

  get busy(): boolean {
    return this.underWay > 0;
  }

  /** SIGKILL of a process that is not in the middle of an operation: it ends. */
  *kill(): Op<void> {
    if (!this.alive) return;
    const { machine, mm } = this;
    this.alive = false;
    machine.leave(this);
    machine.forget(this);
    this.parent?.children.delete(this);
    mm.users--;
    if (mm.users === 0) yield* destroyMm(machine.kernel, mm);
  }

  /** Maps memory; returns its address. @throws MmError with the errno's name */
  mmap(options: MmapOptions): bigint {
    const page = runToEnd(
      this.ops.mmap({
        addr: wordOf(options.addr ?? 0, 'addr'),
        length: wordOf(options.length, 'length'),
        prot: parseProt(options.prot),
        flags: parseFlags(options.flags),
        file: fileOf(options.file),
        offset: wordOf(options.offset ?? 0, 'offset'),
      }),
    );
    return this.#address(page, 'mmap');
  }

  munmap(addr: bigint | number, length: bigint | number): void {
    this.#done(runToEnd(this.ops.munmap(wordOf(addr, 'addr'), wordOf(length, 'length'))), 'munmap');
  }

  mprotect(addr: bigint | number, length: bigint | number, prot: ProtLike): void {
    this.#done(
      runToEnd(this.ops.mprotect(wordOf(addr, 'addr'), wordOf(length, 'length'), parseProt(prot))),
      'mprotect',
    );
  }

  /** Moves or resizes a mapping; `flags` are MREMAP_ bits (1 MAYMOVE, 2 FIXED). Returns the address. */
  mremap(
    addr: bigint | number,
    oldLength: bigint | number,
    newLength: bigint | number,
    flags = 0,
    newAddr: bigint | number = 0,
  ): bigint {
    const page = runToEnd(
      this.ops.mremap(
        wordOf(addr, 'addr'),
        wordOf(oldLength, 'oldLength'),
        wordOf(newLength, 'newLength'),
        numberOf(flags, 'flags'),
        wordOf(newAddr, 'newAddr'),
      ),
    );
    return this.#address(page, 'mremap');
  }

  /** Asks for a break; returns the break there is afterwards, as the system call does. */
  brk(addr: bigint | number): bigint {
    return runToEnd(this.ops.brk(wordOf(addr, 'addr')));
  }

  /** madvise by the machine's own advice number (4 is MADV_DONTNEED everywhere here). */
  madvise(addr: bigint | number, length: bigint | number, advice: number): void {
    this.#done(
      runToEnd(this.ops.madvise(wordOf(addr, 'addr'), wordOf(length, 'length'), numberOf(advice, 'advice'))),
      'madvise',
    );
  }

  /** shmget; `flags` are IPC_CREAT and the like. Returns the id. @throws MmError with the errno's name */
  shmget(key: number, size: bigint | number, flags = 0): number {
    const id = runToEnd(this.ops.shmget(numberOf(key, 'key'), wordOf(size, 'size'), numberOf(flags, 'flags')));
    if (id < 0) throw new MmError(errnoName(id), 'shmget');
    return id;
  }

  /** shmat; address 0 leaves the place to the kernel. Returns the address. */
  shmat(id: number, addr: bigint | number = 0, flags = 0): bigint {
    return this.#address(
      runToEnd(this.ops.shmat(numberOf(id, 'id'), wordOf(addr, 'addr'), numberOf(flags, 'flags'))),
      'shmat',
    );
  }

  shmdt(addr: bigint | number): void {
    this.#done(runToEnd(this.ops.shmdt(wordOf(addr, 'addr'))), 'shmdt');
  }

  /** shmctl: IPC_RMID, SHM_LOCK, SHM_UNLOCK. */
  shmctl(id: number, command: number): void {
    this.#done(runToEnd(this.ops.shmctl(numberOf(id, 'id'), numberOf(command, 'command'))), 'shmctl');
  }

  /** shmctl(IPC_STAT). @throws MmError EINVAL, EIDRM, or ENOSYS on a machine without SysV shared memory */
  shmStat(id: number): SegmentStat {
    const stat = this.machine.kernel.segments?.stat(id) ?? -ERRNO.ENOSYS;
    if (typeof stat === 'number') throw new MmError(errnoName(stat), 'shmctl');
    return stat;
  }

  /**
   * Rearranges a shared file mapping: `length` bytes at `addr` shall show the file from page `pgoff` on.
   * @throws MmError EINVAL, ENOMEM
   */
  remapFilePages(addr: bigint | number, length: bigint | number, pgoff: bigint | number, flags = 0): void {
    this.#done(
      runToEnd(
        this.ops.remapFilePages(
          wordOf(addr, 'addr'),
          wordOf(length, 'length'),
          0,
          wordOf(pgoff, 'pgoff'),
          numberOf(flags, 'flags'),
        ),
      ),
      'remap_file_pages',
    );
  }

  /**
   * Reads memory as a debugger does (ptrace): through the kernel, and what the process itself may not read now.
   * @throws MmError EIO when not all of it can be read
   */
  peek(addr: bigint | number, length: number): Uint8Array {
    const out = new Uint8Array(countOf(length, 'length'));
    if (runToEnd(this.ops.accessVm(wordOf(addr, 'addr'), out, false)) < length) throw new MmError('EIO', 'peek');
    return out;
  }

  /**
   * Writes memory as a debugger does: into private memory that the process itself may only read too, as a copy of its own.
   * @throws MmError EIO when not all of it can be written
   */
  poke(addr: bigint | number, bytes: Uint8Array): void {
    if (runToEnd(this.ops.accessVm(wordOf(addr, 'addr'), bytesOf(bytes, 'bytes'), true)) < bytes.length)
      throw new MmError('EIO', 'poke');
  }

  /**
   * get_user_pages: pins `count` pages for a device or the kernel, faulting them in; `machine.unpin` lets them go.
   * @returns the pages, fewer than asked for where the rest cannot be had
   * @throws MmError EFAULT or ENOMEM when not even the first can
   */
  pin(addr: bigint | number, count: number, write: boolean, force = false): number[] {
    const pages: number[] = [];
    this.#done(
      runToEnd(this.ops.getUserPages(wordOf(addr, 'addr'), countOf(count, 'count'), write, force, pages)),
      'get_user_pages',
    );
    return pages;
  }

  /** Forks; the child runs on the same CPU. @throws MmError ENOMEM */
  fork(): Process {
    const child = runToEnd(this.ops.fork());
    if (typeof child === 'number') throw new MmError(errnoName(child), 'fork');
    return child;
  }

  /** A thread: another process over the same address space (CLONE_VM). @throws MmError MM_EXITED */
  thread(): Process {
    if (!this.alive) throw new MmError('MM_EXITED', `expected a living process, got a thread of ${this.pid}`);
    this.mm.users++;
    return this.machine.adopt(this.mm, this.cpu);
  }

  /** Moves the process to another CPU; the one it ran on goes idle. @throws MmError MM_CPUS */
  runOn(cpu: number): void {
    const { kernel } = this.machine;
    if (kernel.cpus[cpu] === undefined)
      throw new MmError('MM_CPUS', `expected a CPU below ${kernel.cpus.length}, got ${cpu}`);
    if (cpu !== this.onCpu) this.machine.leave(this);
    this.onCpu = cpu;
  }

  /** Ends the process; the last user of an address space takes it down. */
  exit(): void {
    runToEnd(this.ops.exit());
  }

  load8(addr: bigint | number): number {
    return Number(this.#load(addr, 1));
  }
  load16(addr: bigint | number): number {
    return Number(this.#load(addr, 2));
  }
  load32(addr: bigint | number): number {
    return Number(this.#load(addr, 4));
  }
  load64(addr: bigint | number): bigint {
    return this.#load(addr, 8);
  }
  store8(addr: bigint | number, value: number): void {
    this.#store(addr, 1, wordOf(value, 'value'));
  }
  store16(addr: bigint | number, value: number): void {
    this.#store(addr, 2, wordOf(value, 'value'));
  }
  store32(addr: bigint | number, value: number): void {
    this.#store(addr, 4, wordOf(value, 'value'));
  }
  store64(addr: bigint | number, value: bigint | number): void {
    this.#store(addr, 8, wordOf(value, 'value'));
  }

  /** Bytes of [addr, addr + length). @throws MemoryFault */
  read(addr: bigint | number, length: number): Uint8Array {
    const out = new Uint8Array(countOf(length, 'length'));
    this.#finished(runToEnd(this.ops.load(wordOf(addr, 'addr'), out)));
    return out;
  }

  /**
   * Bytes of [addr, addr + length) by no-fault loads: 0 where a load would be a SIGSEGV.
   * @throws MemoryFault for a SIGBUS, and in an address hole @throws MmError MM_ACCESS on a machine without such loads
   */
  readNoFault(addr: bigint | number, length: number): Uint8Array {
    const out = new Uint8Array(countOf(length, 'length'));
    this.#finished(runToEnd(this.ops.loadNoFault(wordOf(addr, 'addr'), out)));
    return out;
  }

  /** Stores bytes. @throws MemoryFault */
  write(addr: bigint | number, bytes: Uint8Array): void {
    this.#finished(runToEnd(this.ops.store(wordOf(addr, 'addr'), bytesOf(bytes, 'bytes'))));
  }

  /** Fetches an instruction. @throws MemoryFault */
  fetch(addr: bigint | number): void {
    this.#finished(runToEnd(this.ops.fetch(wordOf(addr, 'addr'))));
  }

  /**
   * Prefetches, or loads speculatively (lfetch, ld.s): whether the page is there now. What would be a signal is not; and where the
   * machine's prefetches do not fault, an absent page stays absent.
   */
  prefetch(addr: bigint | number): boolean {
    return runToEnd(this.ops.prefetch(wordOf(addr, 'addr')));
  }

  /** The VM lines of /proc/PID/status, in kB. */
  status(): ProcessStatus {
    return statusOf(this.machine.kernel, this.mm);
  }

  /** /proc/PID/maps as text. */
  maps(): string {
    return mapsText(this.machine.kernel, this.mm);
  }

  /** /proc/PID/smaps: every area with what of it is resident, in kB. */
  smaps(): SmapsEntry[] {
    return smapsOf(this.machine.kernel, this.mm);
  }

  /** /proc/PID/statm: sizes in pages. */
  statm(): Statm {
    return statmOf(this.machine.kernel, this.mm);
  }

  /** Every level of the walk for an address, the entry decoded bit by bit, and the area it lies in. */
  explain(addr: bigint | number): Explanation {
    return explainPage(this.machine.kernel, this.mm, wordOf(addr, 'addr'));
  }

  #load(addr: bigint | number, size: number): bigint {
    const bytes = this.read(addr, size);
    let value = 0n;
    for (let i = 0; i < size; i++) {
      const byte = bytes[this.machine.arch.byteOrder === 'big' ? i : size - 1 - i] as number;
      value = (value << 8n) | BigInt(byte);
    }
    return value;
  }

  #store(addr: bigint | number, size: number, value: bigint): void {
    const bytes = new Uint8Array(size);
    let rest = value;
    for (let i = 0; i < size; i++) {
      bytes[this.machine.arch.byteOrder === 'big' ? size - 1 - i : i] = Number(rest & 255n);
      rest >>= 8n;
    }
    this.write(addr, bytes);
  }

  #finished(result: AccessResult): void {
    if (result.signal === 0) return;
    const code =
      result.signal === BUS_ADRERR
        ? 'BUS_ADRERR'
        : result.signal === FAULT_OOM
          ? 'OOM'
          : result.signal === SEGV_ACCERR
            ? 'SEGV_ACCERR'
            : 'SEGV_MAPERR';
    throw new MemoryFault(code, result.address);
  }

  #address(page: number, call: string): bigint {
    if (page < 0) throw new MmError(errnoName(page), call);
    return BigInt(page) << BigInt(this.machine.kernel.memory.pageShift);
  }

  #done(result: number, call: string): void {
    if (result < 0) throw new MmError(errnoName(result), call);
  }
}
