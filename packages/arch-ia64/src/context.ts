/**
 * Context numbers (arch/ia64/mm/tlb.c, asm-ia64/mmu_context.h as of late 2005): one bitmap of numbers in use for the whole
 * machine, and one of numbers that were given up but may still be in some TLB.
 *
 * flush_tlb_mm purges nothing: it gives the number up, and the mm takes a new one. Given-up numbers come back at a wrap, when
 * none is left above: then every TLB is flushed, each CPU's before it loads its next context. After the first wrap the
 * search starts at 300, so 1 to 299 are handed out only once.
 */
import { type Cpu, type Mm, MmError, type MmuHost } from '@fourfold/core/arch';
import { registersOf } from './regions.js';

/** Region id bits of the architecture's minimum, which is what the kernel counts on; Itanium 2 is said to have 24. */
export const RID_BITS = 18;
/** Where the search begins after a wrap. */
export const WRAP_START = 300;

/** max_ctx: the first number that is never handed out. */
export function maxContext(ridBits: number): number {
  return (1 << (ridBits - 3)) - 1;
}

export class ContextAllocator {
  /** The window of free numbers: the next one, and the first that is not known to be free. */
  next = 1;
  limit = 0;
  /** Wraps so far. */
  wraps = 0;
  readonly max: number;
  private readonly exhausts: boolean;
  /** Numbers in use, and numbers to be recycled, 32 a word. */
  private readonly used: Int32Array;
  private readonly flush: Int32Array;

  /** @param exhausts keep the port's defect: when every number from 300 up is live, max_ctx is handed out, again and again. */
  constructor(max: number, exhausts: boolean) {
    this.max = max;
    this.exhausts = exhausts;
    this.used = new Int32Array((max + 32) >>> 5);
    this.flush = new Int32Array((max + 32) >>> 5);
  }

  /** Whether a number is marked as in use. */
  isUsed(number: number): boolean {
    return (((this.used[number >>> 5] as number) >>> (number & 31)) & 1) === 1;
  }

  /**
   * get_mmu_context for an mm without a number. `wraps` goes up when every TLB must be flushed.
   * @throws MmError MM_CONTEXTS when all numbers belong to live address spaces.
   */
  allocate(): number {
    if (this.next >= this.limit) {
      this.window(this.next);
      if (this.next >= this.max) this.wrap();
    }
    const number = this.next++;
    this.used[number >>> 5] = (this.used[number >>> 5] as number) | (1 << (number & 31));
    return number;
  }

  /** flush_tlb_mm's part: the number may be given again after the next wrap. */
  abandon(number: number): void {
    this.flush[number >>> 5] = (this.flush[number >>> 5] as number) | (1 << (number & 31));
  }

  private wrap(): void {
    this.wraps++;
    for (let i = 0; i < this.used.length; i++) {
      this.used[i] = (this.used[i] as number) ^ (this.flush[i] as number);
    }
    this.flush.fill(0);
    this.window(WRAP_START);
    if (this.next < this.max || this.exhausts) return;
    this.window(1);
    if (this.next >= this.max) throw new MmError('MM_CONTEXTS', `expected fewer than ${this.max} address spaces`);
  }

  /** Moves the window to the first free number from `from` up. */
  private window(from: number): void {
    this.next = this.find(from, 0);
    this.limit = this.find(this.next, 1);
  }

  /** First number from `from` up whose bit has a value, or max. */
  private find(from: number, value: 0 | 1): number {
    const used = this.used;
    const skip = value === 0 ? -1 : 0;
    for (let number = from; number < this.max; number++) {
      const word = used[number >>> 5] as number;
      if ((number & 31) === 0 && word === skip) number += 31;
      else if (((word >>> (number & 31)) & 1) === value) return number;
    }
    return this.max;
  }
}

/** What a context came to cost: a number given, or a TLB emptied and how many slots went. */
export type ContextEvent = (event: 'given' | 'flushed', dropped: number) => void;

/** Which number each mm has, and which CPUs run it. */
export class Ia64Contexts {
  readonly numbers: ContextAllocator;
  private readonly host: MmuHost;
  private readonly pageShift: number;
  private readonly told: ContextEvent;

  constructor(host: MmuHost, max: number, told: ContextEvent) {
    this.numbers = new ContextAllocator(max, host.defectsKept);
    this.host = host;
    this.pageShift = host.arch.geometry.pageShift;
    this.told = told;
  }

  /** activate_context: the mm has a number afterwards, and the CPU's region registers hold its ids. */
  activate(cpu: Cpu, mm: Mm): void {
    const registers = registersOf(cpu);
    if (mm.context === 0) this.give(cpu, mm);
    if (registers.needTlbFlush) {
      registers.needTlbFlush = false;
      this.told('flushed', cpu.tlb.dropAll(false));
    }
    mm.cpuVmMask |= 1 << cpu.id;
    registers.load(mm.context, this.pageShift);
    cpu.mm = mm;
    cpu.context = mm.context | 0;
  }

  /** The mm gives its number up, without a purge. */
  abandon(mm: Mm): void {
    this.numbers.abandon(mm.context);
    mm.context = 0;
  }

  /** get_mmu_context of an mm without a number. After a wrap this CPU flushes at once, the others before they load. */
  private give(cpu: Cpu, mm: Mm): void {
    const { wraps } = this.numbers;
    mm.cpuVmMask = 0;
    mm.context = this.numbers.allocate();
    this.told('given', 0);
    if (this.numbers.wraps === wraps) return;
    for (const other of this.host.cpus) if (other !== cpu) registersOf(other).needTlbFlush = true;
    registersOf(cpu).needTlbFlush = false;
    this.told('flushed', cpu.tlb.dropAll(false));
  }
}
