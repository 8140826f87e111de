/**
 * Where things lie in a user address space. Data; addresses are bigint here and page numbers inside (a page number is
 * below 2^52 on every machine, so plain numbers hold it exactly).
 */
import type { Random } from '../random.js';

export interface LayoutSpec {
  /** First address past user space. */
  readonly taskSize: bigint;
  /** Bits of an address that its tasks can say: what they pass, and where they load and store, is cut to them. Default: the word. */
  readonly addressBits?: number;
  /** Where the bottom-up search for room starts (TASK_UNMAPPED_BASE). */
  readonly unmappedBase: bigint;
  /** mm.mmap_base of the top-down policy, absent on machines that only search upward. */
  readonly topDownBase?: bigint;
  /**
   * The stack's limit moves the base: it lies that far below taskSize, at least `min` and at most `max` bytes, rounded up to a
   * page. A process without a limit searches upward. Default: topDownBase whatever the limit.
   */
  readonly stackGap?: { readonly min: bigint; readonly max: bigint };
  /** Where a mapping with MAP_32BIT goes; default: the flag means nothing. */
  readonly map32?: { readonly start: bigint; readonly end: bigint };
  /**
   * Where addresses are random: how far below its place the base of searches downward may lie, in bytes, and how far above its own
   * the first search upward may begin, in pages. Powers of two. Default: neither is.
   */
  readonly random?: { readonly down?: number; readonly up?: number };
  /** A search upward does not go back for holes that it passed and that a shorter mapping would fit into. Default false. */
  readonly forgetsHoles?: boolean;
  /** First address past the initial stack. */
  readonly stackTop: bigint;
  /**
   * A new program gets a register backing store, one page that grows upward: as far below stackTop as its stack may ever reach,
   * at most `most` bytes. Default: none.
   */
  readonly backingStore?: { readonly most: bigint };
  /** A new program gets an area of page 0, with this protection word, that can be read and nothing else. Default: none. */
  readonly pageZero?: bigint;
  /**
   * A new program gets a vDSO as an area of its own, at `wish` if nothing is there: `imagePages` pages of code and one of data.
   * Default: none.
   */
  readonly vdso?: { readonly wish: bigint; readonly imagePages: number };
  /** FIRST_USER_ADDRESS; default 0. */
  readonly firstUser?: bigint;
  /** Ranges of user space that no mapping may touch (an address hole), ascending. */
  readonly holes?: readonly { readonly start: bigint; readonly end: bigint }[];
  /** munmap refuses what is longer than the longest mapping or touches a hole. Default: nothing is there, and so it succeeds. */
  readonly munmapAsks?: boolean;
  /** Longest mapping; default taskSize. */
  readonly maxLength?: bigint;
  /** Region slices: only offsets below `limit` inside each 2^shift bytes may be mapped. */
  readonly region?: { readonly shift: number; readonly limit: bigint };
  /** Alignment of shared and file mappings against their file offset (SHMLBA); default one page: no rule. */
  readonly colourBytes?: number;
  /** __ARCH_FORCE_SHMLBA: shmat refuses other addresses than multiples of colourBytes. Default false: whole pages do. */
  readonly forcesColour?: boolean;
  /** brk may not change these address bits (which half of the space); default none. */
  readonly brkFixedBits?: bigint;
  /** From this address on brk is refused; default: none is for its address alone. */
  readonly brkEnd?: bigint;
  /** exec gives a program all tables but the last for page 0, whether it uses them or not. Default false. */
  readonly tablesAtExec?: boolean;
  /** Gate area (vsyscall page): readable by every process, outside every mm. */
  readonly gate?: GateSpec;
}

/** A gate area and what the kernel maps there. */
export interface GateSpec {
  /** First address, and first past it. */
  readonly start: bigint;
  readonly end: bigint;
  /** Pages of its own, by their offset in the area, with their protection word. */
  readonly pages: readonly { readonly offset: bigint; readonly protection: bigint }[];
  /** Protection word of the zero page, where the rest of the area shows it; default: nothing is there. */
  readonly filler?: bigint;
}

/** Layout of one machine; page numbers are vaddr >> pageShift. */
export class Layout {
  readonly pageShift: number;
  readonly taskSizePages: number;
  readonly unmappedBase: number;
  /** Page number of the top-down base, -1 for bottom-up machines. */
  readonly topDownBase: number;
  /** First page, and page past the end, for MAP_32BIT; null where it means nothing. */
  readonly map32: { readonly start: number; readonly end: number } | null;
  readonly forgetsHoles: boolean;
  readonly stackTop: number;
  readonly firstUser: number;
  /** Start and end page of each hole, in pairs. */
  readonly holes: readonly number[];
  readonly maxLengthPages: number;
  /** Pages of a region and how many of them may be mapped; 0 when the machine has no regions. */
  readonly regionPages: number;
  readonly regionLimitPages: number;
  readonly colourPages: number;
  readonly spec: LayoutSpec;

  constructor(pageShift: number, spec: LayoutSpec) {
    const page = (address: bigint): number => Number(address >> BigInt(pageShift));
    this.pageShift = pageShift;
    this.taskSizePages = page(spec.taskSize);
    this.unmappedBase = page(spec.unmappedBase + (1n << BigInt(pageShift)) - 1n);
    this.topDownBase = spec.topDownBase === undefined ? -1 : page(spec.topDownBase);
    this.stackTop = page(spec.stackTop);
    this.firstUser = page(spec.firstUser ?? 0n);
    this.holes = (spec.holes ?? []).flatMap((h) => [page(h.start), page(h.end)]);
    this.maxLengthPages = page(spec.maxLength ?? spec.taskSize);
    this.regionPages = spec.region ? 2 ** (spec.region.shift - pageShift) : 0;
    this.regionLimitPages = spec.region ? page(spec.region.limit) : 0;
    this.colourPages = Math.max(1, (spec.colourBytes ?? 0) / 2 ** pageShift);
    this.map32 = spec.map32 === undefined ? null : { start: page(spec.map32.start), end: page(spec.map32.end) };
    this.forgetsHoles = spec.forgetsHoles ?? false;
    this.spec = spec;
  }

  /**
   * rbs_bot: where the register backing store of a program begins whose stack may have `stackMax` bytes (Infinity: no limit).
   * -1 on a machine without.
   */
  backingStoreBottom(stackMax: number): bigint {
    const { backingStore, stackTop } = this.spec;
    if (backingStore === undefined) return -1n;
    const { most } = backingStore;
    const limit = stackMax === Infinity ? most : BigInt(Math.floor(stackMax)) & ~15n;
    return stackTop - (limit < most ? limit : most);
  }

  /**
   * arch_pick_mmap_layout: where searches begin, and whether they go down from there.
   * @param stackLimit bytes, Infinity for none @param legacy the process or the system asks for the old layout
   * @param random where addresses are to be random
   */
  pickBase(
    stackLimit: number,
    legacy: boolean,
    random: Random | null = null,
  ): { readonly base: number; readonly topDown: boolean } {
    const { stackGap, random: range } = this.spec;
    const by = (most = 0): number => (random === null || most === 0 ? 0 : random.below(most));
    if (this.topDownBase < 0) return { base: this.unmappedBase + by(range?.up), topDown: false };
    if (legacy) return { base: this.unmappedBase, topDown: false };
    if (stackGap === undefined) return { base: this.topDownBase, topDown: true };
    if (stackLimit === Infinity) return { base: this.unmappedBase, topDown: false };
    const limit = BigInt(stackLimit);
    const gap = limit < stackGap.min ? stackGap.min : limit > stackGap.max ? stackGap.max : limit;
    // Rounded up: the gap loses what is less than a page.
    const below = (gap + BigInt(by(range?.down))) >> BigInt(this.pageShift);
    return { base: this.taskSizePages - Number(below), topDown: true };
  }
}
