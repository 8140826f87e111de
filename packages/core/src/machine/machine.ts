/**
 * A simulated machine: memory, CPUs and processes of one architecture. The public face of core.
 */
import type { ArchDescriptor } from '../arch/descriptor.js';
import { audit } from '../audit/audit.js';
import type { Finding } from '../audit/finding.js';
import { errnoName, KernelBug, MmError } from '../errors.js';
import type { Counters } from '../events/counters.js';
import type { Injection } from '../events/injection.js';
import type { EventRing } from '../events/ring.js';
import { Spy } from '../events/spy.js';
import { newMm } from '../fork/dup-mmap.js';
import { closeFile, type MappedFile, type OpenFile } from '../fs/file.js';
import { type FileSystemType, MountTable, type PathOpenMode } from '../fs/file-system.js';
import { mapGate } from '../gup/gate.js';
import { hugetlbZeroSetup } from '../hugetlb/zero-setup.js';
import { Kernel } from '../kernel.js';
import type { ZoneSpec } from '../memory/page-allocator.js';
import type { Bank } from '../memory/physical.js';
import { DiskFile, type DiskFileOptions } from '../pagecache/disk-file.js';
import { DiskFs } from '../pagecache/disk-fs.js';
import { type Meminfo, meminfoOf } from '../proc/meminfo.js';
import { type Vmstat, vmstatOf } from '../proc/vmstat.js';
import { Process } from '../process/process.js';
import { lruAddDrainAll } from '../reclaim/lru-batch.js';
import type { Cpu } from '../smp/cpu.js';
import { runToEnd } from '../smp/driver.js';
import { switchTo, switchToKernel } from '../smp/switch.js';
import { swapOff } from '../swap/swapoff.js';
import { swapOn } from '../swap/swapon.js';
import { insertProgramAreas } from '../vma/program-areas.js';
import { kernelLoad, kernelStore } from '../vmalloc/access.js';
import { mapLinear } from '../vmalloc/linear-map.js';
import { type BuildOptions, defaultHighpte } from './build.js';
import { defaultChecks, type MachineChecks } from './checks.js';
import { parseSize } from './size.js';

/** What a machine is made of. */
export interface MachineOptions {
  /** The machine's descriptor, from an arch package. */
  readonly arch: ArchDescriptor;
  /** RAM: one bank at address 0 of this many bytes (`'64MiB'`), or the banks. Default 64 MiB. */
  readonly memory?: number | string | readonly Bank[];
  /** Physical ranges outside the RAM that devices answer at (a frame buffer's memory); default none. */
  readonly devices?: readonly Bank[];
  /** CPUs that run; default 1. */
  readonly cpus?: number;
  /** Whether frames of user data hold bytes; page tables always do. Without, stores only translate. Default true. */
  readonly contents?: boolean;
  /** `'kept'` brings the reference version's known defects back. Default `'mended'`. */
  readonly defects?: 'mended' | 'kept';
  /** Overcommit rule: 0 guess (default), 1 always, 2 never. */
  readonly overcommit?: 0 | 1 | 2;
  /** Zones by their first frame past the end; default one. */
  readonly zones?: readonly ZoneSpec[];
  /** Swap: one area of this size (`'64MiB'`), its first page taken by the header. Default none. */
  readonly swap?: number | string;
  /** What the kernel was built for. */
  readonly config?: BuildOptions;
  /** What to watch while it runs: flushes that are missing, hits that are stale. Default nothing. */
  readonly checks?: MachineChecks;
  /** Commits of the reference's history to do without, by the first ten digits of their names. */
  readonly without?: readonly string[];
  /** Huge pages to set aside at boot (hugepages=): as many of them as memory has room for. Default 0. */
  readonly hugePages?: number;
  /**
   * A seed: programs get their stacks, and on some machines their mappings, at random places (randomize_va_space). Default: they
   * do not.
   */
  readonly randomize?: number;
  /** File systems by mount point (`{ '/tmp': tmpfs() }`); the in-memory disk is at `/` unless another one is. */
  readonly mounts?: Readonly<Record<string, FileSystemType>>;
}

/** What a new process starts with. */
export interface SpawnOptions {
  /** Initial break; default 0x10000000. */
  readonly startBrk?: bigint | number;
  /** Which CPU it runs on; default 0. */
  readonly cpu?: number;
  /** RLIMIT_STACK in bytes, Infinity for none: where mappings go may depend on it. Default 8 MiB. */
  readonly stackLimit?: number;
  /** Its hard limit, by which a register backing store is placed. Default Infinity. */
  readonly stackMax?: number;
  /** The areas that exec gives a program: a stack, and what the machine puts beside it. Default false: none. */
  readonly program?: boolean;
  /** A program's page 0 is there to be read and executed (the personality MMAP_PAGE_ZERO). Default false. */
  readonly mapsPageZero?: boolean;
  /** Mappings go where they went before 2.6.7 (ADDR_COMPAT_LAYOUT). Default false. */
  readonly legacyLayout?: boolean;
}

const DEFAULT_BRK = 0x1000_0000n;

/** One simulated machine. */
export class Machine {
  readonly arch: ArchDescriptor;
  /** The kernel's own view, for tools that look inside. */
  readonly kernel: Kernel;
  readonly pageSize: number;
  /** Where its file systems are mounted; its operations as generators. */
  readonly mounts: MountTable = new MountTable();
  readonly #processes = new Map<number, Process>();
  #pids = 1;

  /** @throws MmError MM_MEMORY, MM_SIZE, MM_BANK, MM_CPUS, MM_COMMIT or MM_HUGETLB for options that make no machine. */
  constructor(options: MachineOptions) {
    const { arch } = options;
    const cpus = options.cpus ?? 1;
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 31)
      throw new MmError('MM_CPUS', `expected 1 to 31 CPUs, got ${cpus}`);
    const devices = options.devices ?? [];
    const banks = banksOf(arch, options.memory ?? '64MiB', devices);
    const checks = { ...defaultChecks(), ...options.checks };
    this.arch = arch;
    this.pageSize = arch.geometry.pageSize;
    this.kernel = new Kernel({
      arch,
      banks,
      devices,
      zones: options.zones ?? [{ name: 'Normal', endPfn: Number.MAX_SAFE_INTEGER }],
      cpus,
      nrCpus: Math.max(cpus, options.config?.nrCpus ?? cpus),
      contents: options.contents ?? true,
      defectsKept: options.defects === 'kept',
      preempt: options.config?.preempt ?? false,
      highpte: options.config?.highpte ?? defaultHighpte(),
      watchFlushes: checks.flushes,
      watchHits: checks.hits,
      without: options.without ?? [],
      ...(options.randomize === undefined ? {} : { randomize: options.randomize }),
    });
    // Before the first process: user roots that carry the kernel's entries must find the gate's.
    const carries = (arch.kernelSpace?.firstRootEntry ?? -1) >= 0;
    if (carries || arch.layout.spec.gate !== undefined) runToEnd(mapGate(this.kernel));
    mapLinear(this.kernel);
    this.kernel.overcommit = options.overcommit ?? 0;
    const { hugePages = 0 } = options;
    if (hugePages > 0 && this.kernel.hugetlb === null)
      throw new MmError(
        'MM_HUGETLB',
        `expected a machine with huge pages for hugePages ${hugePages}, got ${arch.name}`,
      );
    this.kernel.hugetlb?.resize(hugePages);
    if (this.kernel.hugetlb !== null) this.kernel.hugetlbZeroSetup = hugetlbZeroSetup;
    if (options.swap !== undefined) this.swapOn(options.swap);
    const mounts = options.mounts ?? {};
    if (!Object.hasOwn(mounts, '/')) this.mounts.mount('/', new DiskFs(this.kernel));
    for (const [at, type] of Object.entries(mounts)) this.mounts.mount(at, type.mount(this.kernel, at));
  }

  /** Starts a process, with an empty address space unless `program` says otherwise. @throws MmError ENOMEM, or MM_CPUS for a CPU there is not */
  spawn(options: SpawnOptions = {}): Process {
    this.#cpu(options.cpu ?? 0);
    const { stackLimit, stackMax, legacyLayout } = options;
    const mm = runToEnd(
      newMm(this.kernel, null, {
        ...(stackLimit === undefined ? {} : { stackLimit }),
        ...(stackMax === undefined ? {} : { stackMax }),
        ...(legacyLayout === undefined ? {} : { legacy: legacyLayout }),
      }),
    );
    if (mm === null) throw new MmError('ENOMEM', 'no memory for the root table of a new process');
    mm.startBrk = BigInt(options.startBrk ?? DEFAULT_BRK);
    mm.brk = mm.startBrk;
    const process = this.adopt(mm, options.cpu ?? 0);
    if (options.program === true && runToEnd(insertProgramAreas(this.kernel, mm, options.mapsPageZero === true)) < 0) {
      process.exit();
      throw new MmError('ENOMEM', 'no memory for the stack of a new process');
    }
    return process;
  }

  /** Makes a process of an mm (fork and threads come through here). */
  adopt(mm: Process['mm'], cpu: number): Process {
    this.#cpu(cpu);
    const process = new Process(this, this.#pids++, mm, cpu);
    this.#processes.set(process.pid, process);
    this.kernel.tasks.add(process);
    return process;
  }

  /** Living processes in order of creation. */
  get processes(): Process[] {
    return [...this.#processes.values()];
  }

  /** Called by a process that ends. */
  forget(process: Process): void {
    this.#processes.delete(process.pid);
    this.kernel.tasks.delete(process);
  }

  /** Lets `process` run on its CPU: a context switch when another one was there. */
  enter(process: Process): Cpu {
    const k = this.kernel;
    const cpu = this.#cpu(process.cpu);
    k.cpu = cpu;
    process.mm.owner = process;
    // A process on its way out has no user mode to return to.
    if (!process.alive) switchToKernel(k, cpu);
    else if (cpu.task !== process) switchTo(k, cpu, process, process.mm);
    return cpu;
  }

  /** The byte at an address that the kernel mapped for itself (vmalloc, ioremap), loaded on a CPU. @throws MmError MM_OOPS, MM_CPUS */
  kernelLoad8(address: bigint, cpu = 0): number {
    return kernelLoad(this.kernel, this.#cpu(cpu), address);
  }

  /** Stores a byte at such an address. @throws MmError MM_OOPS, MM_CPUS */
  kernelStore8(address: bigint, value: number, cpu = 0): void {
    kernelStore(this.kernel, this.#cpu(cpu), address, value);
  }

  /** A kernel thread runs on a CPU until a process does: the CPU keeps the mm it has loaded, lazily. @throws MmError MM_CPUS */
  idle(cpu: number): void {
    switchToKernel(this.kernel, this.#cpu(cpu));
  }

  /** A process does not run on its CPU any more. */
  leave(process: Process): void {
    const cpu = this.#cpu(process.cpu);
    if (cpu.task === process) switchToKernel(this.kernel, cpu);
  }

  #cpu(id: number): Cpu {
    const { cpus } = this.kernel;
    const cpu = cpus[id];
    if (cpu === undefined) throw new MmError('MM_CPUS', `expected a CPU below ${cpus.length}, got ${id}`);
    return cpu;
  }

  /** A file of the in-memory disk. */
  createFile(name: string, options: DiskFileOptions): DiskFile {
    return new DiskFile(this.kernel, name, options);
  }

  /**
   * Opens a file by its path; with `create`, one that need not exist. The caller closes it: a file without a name lives
   * as long as something has it open or mapped.
   * @throws MmError ENOENT, or what the file system answers (ENOSPC)
   */
  open(path: string, mode: PathOpenMode = {}): OpenFile {
    const file = runToEnd(this.mounts.open(path, mode));
    if (typeof file === 'number') throw new MmError(errnoName(file), `open ${path}`);
    return file;
  }

  /** Closes a file that `open` gave. */
  close(file: MappedFile): void {
    runToEnd(closeFile(file));
  }

  /** ftruncate: sets the size of an open file in bytes. @throws MmError EINVAL, EFBIG */
  truncate(file: OpenFile, size: number): void {
    const error = runToEnd(file.inode.setSize(size));
    if (error < 0) throw new MmError(errnoName(error), `truncate ${file.inode.name} to ${size}`);
  }

  /** Takes the name of a file away. @throws MmError ENOENT */
  unlink(path: string): void {
    const error = runToEnd(this.mounts.unlink(path));
    if (error < 0) throw new MmError(errnoName(error), `unlink ${path}`);
  }

  /**
   * swapon: pages may go to a new area of `size` bytes, its first page taken by the header; areas of a higher priority (0 to
   * 32767) are filled first. Returns the area's number for `swapOff`.
   * @throws MmError EINVAL for less than two pages, EPERM when there are 32 areas
   */
  swapOn(size: number | string, priority = -1): number {
    const type = swapOn(this.kernel, Math.floor(parseSize(size) / this.pageSize), priority);
    if (type < 0) throw new MmError(errnoName(type), `swapon of ${size}`);
    return type;
  }

  /** swapoff: every page of the area comes back to memory, then it is gone. @throws MmError EINVAL, ENOMEM */
  swapOff(area: number): void {
    const error = runToEnd(swapOff(this.kernel, area));
    if (error < 0) throw new MmError(errnoName(error), `swapoff of area ${area}`);
  }

  /** SwapTotal, SwapFree and SwapCached of /proc/meminfo, in pages. */
  get swapPages(): { total: number; free: number; cached: number } {
    const { total, free, cachedPages } = this.kernel.swap;
    return { total, free, cached: cachedPages };
  }

  /** lru_add_drain_all: what waits in a CPU's batch goes to the LRU lists, or is freed when nobody else has it. */
  drainBatches(): void {
    lruAddDrainAll(this.kernel);
  }

  get counters(): Counters {
    return this.kernel.counters;
  }

  get events(): EventRing {
    return this.kernel.events;
  }

  /** Answers, failures and pauses that a test injects. */
  get inject(): Injection {
    return this.kernel.inject;
  }

  /** Starts to record what happens: hooks, locks, allocations, counters, in order. At most `capacity` events are kept. */
  spy(capacity?: number): Spy {
    return new Spy(this.kernel.events, capacity);
  }

  /** /proc/meminfo: sizes in kB. */
  meminfo(): Meminfo {
    return meminfoOf(this.kernel);
  }

  /** /proc/vmstat. */
  vmstat(): Vmstat {
    return vmstatOf(this.kernel);
  }

  /** Free frames. */
  get freePages(): number {
    return this.kernel.pages.freePages;
  }

  /** Gives references back that `Process.pin` took. @throws MmError MM_PIN for a page that is not pinned */
  unpin(pages: readonly number[]): void {
    for (const page of pages) this.kernel.pins.release(this.kernel, page);
  }

  /** Every cached truth recomputed; empty when all agree. */
  audit(): Finding[] {
    return audit(this.kernel);
  }

  /** `audit()` that throws. @throws KernelBug with every finding */
  check(): void {
    const findings = this.audit();
    if (findings.length > 0) {
      throw new KernelBug(
        `${findings.length} broken invariants on ${this.arch.name}`,
        findings.map((f) => `${f.invariant}: ${f.message}`).join('\n'),
      );
    }
  }
}

function banksOf(
  arch: ArchDescriptor,
  memory: number | string | readonly Bank[],
  devices: readonly Bank[],
): readonly Bank[] {
  const { pageSize } = arch.geometry;
  const banks =
    typeof memory === 'object' ? memory : [{ base: 0, size: Math.floor(parseSize(memory) / pageSize) * pageSize }];
  const end = [...banks, ...devices].reduce((top, bank) => Math.max(top, bank.base + bank.size), 0);
  const pages = banks.reduce((sum, bank) => sum + bank.size / pageSize, 0);
  if (pages < 16) throw new MmError('MM_MEMORY', `expected at least 16 pages of ${pageSize} bytes, got ${pages}`);
  const limit = Math.min(2 ** arch.physicalBits, 2 ** 31 * pageSize);
  if (end > limit)
    throw new MmError('MM_MEMORY', `expected memory below ${limit} (${arch.name}), got banks up to ${end}`);
  return banks;
}
