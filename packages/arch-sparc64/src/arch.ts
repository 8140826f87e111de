/** The sparc64 machines, and the function that makes variants of them. */
import {
  ARCH_CONTRACT_VERSION,
  ArchDescriptor,
  type CostTable,
  type FaultRulesSpec,
  MmError,
  type TlbShape,
  VM_EXEC,
  VM_READ,
  VM_WRITE,
} from '@fourfold/core/arch';
import { createGeometry, type Sparc64PageShift } from './geometry.js';
import {
  createHugetlb,
  HPAGE_SHIFT,
  hugePtes,
  hugeSizeBits,
  type Sparc64HugeShift,
  sizeCode,
  sizeName,
} from './hugetlb.js';
import { SPARC64_IO_REMAP } from './io-runs.js';
import { createKernelSpace, createLayout, type Sparc64Task } from './layout.js';
import { Sparc64Mmu } from './mmu.js';
import { Sparc64Mmu32 } from './mmu32.js';
import { createPteFormat } from './pte.js';
import { createQuicklists, SPARC64_UPPER } from './tables.js';
import {
  CHEETAH_TLB_8K,
  CHEETAH_TLB_64K,
  cheetahCost,
  cheetahPlusTlb,
  SPARC64_GATHER,
  SPARC64_PENDING,
  SPITFIRE_TLB,
  type Sparc64Chip,
  spitfireCost,
} from './tlb.js';
import { sparc64Images } from './walk.js';

/** What a variant may change. */
export interface Sparc64Options {
  /** Base page: 13 for 8 KiB (default), 16 for 64 KiB. */
  readonly pageShift?: Sparc64PageShift;
  /** Huge pages, log2: 22 (default), with 8 KiB base pages also 19 or 16. */
  readonly hugeShift?: Sparc64HugeShift;
  /** Address space of its tasks: 64 (default) or 32 bits. */
  readonly task?: Sparc64Task;
  /** Processor, or any TLB; costs and physical bits are then spitfire's. Default spitfire. */
  readonly tlb?: Sparc64Chip | TlbShape;
  /** Default: those of the processor. */
  readonly cost?: CostTable;
  /**
   * Each CPU keeps up to 50 empty page tables, by the colour of their page, as the kernel does. Default false: the lists would hold
   * a good part of the few hundred frames that a simulated machine often has.
   */
  readonly quicklists?: boolean;
}

/**
 * Makes a sparc64 machine (sun4u, Linux 2.6.15: the TLB is filled by software from a linear page table).
 * @throws MmError MM_ARCH_OPTION for huge pages whose size bits, or-ed to those of the base page, would say another size.
 */
export function createSparc64(options: Sparc64Options = {}): ArchDescriptor {
  const pageShift = options.pageShift ?? 13;
  const hugeShift = options.hugeShift ?? HPAGE_SHIFT;
  if (pageShift !== 13 && hugeShift !== HPAGE_SHIFT)
    throw new MmError('MM_ARCH_OPTION', `expected a hugeShift of 22 with 64 KiB pages, got ${hugeShift}`);
  const chip = options.tlb ?? 'spitfire';
  const isCheetah = chip === 'cheetah' || chip === 'cheetah_plus';
  const Mmu = options.task === 32 ? Sparc64Mmu32 : Sparc64Mmu;
  const pageSizes = chip === 'cheetah_plus' ? { base: sizeCode(pageShift), huge: sizeCode(hugeShift) } : null;
  const size = pageShift === 13 ? '8k' : '64k';
  return new ArchDescriptor({
    name: `sparc64-${size}`,
    title: `sparc64 (UltraSPARC, sun4u), ${pageShift === 13 ? 8 : 64} KiB pages`,
    contractVersion: ARCH_CONTRACT_VERSION,
    wordBits: 64,
    byteOrder: 'big',
    geometry: createGeometry(pageShift),
    layout: createLayout(pageShift, options.task),
    upper: [SPARC64_UPPER, SPARC64_UPPER],
    pte: createPteFormat(pageShift, hugeSizeBits(hugeShift)),
    kernelSpace: createKernelSpace(pageShift),
    tlb: typeof chip === 'object' ? chip : shapeOf(chip, pageShift, hugeShift),
    pendingFlush: SPARC64_PENDING,
    gather: SPARC64_GATHER,
    ...(options.quicklists === true ? { quicklists: createQuicklists(pageShift) } : {}),
    faults: FAULTS,
    cost: options.cost ?? (isCheetah ? cheetahCost(pageShift) : spitfireCost(pageShift)),
    walker: 'software (VPTE)',
    flushStyle: 'batch of 192 demaps, queued by every store over a valid pte',
    hugetlb: `${sizeName(hugeShift)}, ${hugePtes(pageShift, hugeShift)} ptes in a row`,
    hugePages: createHugetlb(pageShift, hugeShift),
    deviceMemory: SPARC64_IO_REMAP,
    physicalBits: isCheetah ? 43 : 41,
    executableData: true,
    madvRemove: 6,
    createImages: sparc64Images,
    createMmu: (host) => new Mmu(host, pageSizes),
  });
}

function shapeOf(chip: Sparc64Chip, pageShift: Sparc64PageShift, hugeShift: Sparc64HugeShift): TlbShape {
  if (chip === 'spitfire') return SPITFIRE_TLB;
  if (chip === 'cheetah_plus') return cheetahPlusTlb(pageShift, hugeShift);
  return pageShift === 13 ? CHEETAH_TLB_8K : CHEETAH_TLB_64K;
}

/**
 * do_sparc64_fault: a fetch needs VM_EXEC, a store VM_WRITE, a load VM_READ or VM_EXEC. Accessed and dirty are kept in
 * software, so a fault on a present page is everyday business, for reads too. A data miss does not say load or store: the
 * instruction is read, but only where the area may be written. Loads through ASI 0x82 and its like take no SIGSEGV.
 */
const FAULTS: FaultRulesSpec = {
  exec: VM_EXEC,
  load: VM_READ | VM_EXEC,
  store: VM_WRITE,
  presentReadIsFatal: false,
  missHidesStore: true,
  noFaultLoads: true,
  readUpdatesAccessFlags: true,
};

/** sparc64 with 8 KiB pages on spitfire. */
export const sparc64_8k: ArchDescriptor = /* @__PURE__ */ createSparc64({ pageShift: 13 });
/** sparc64 with 64 KiB pages on spitfire. */
export const sparc64_64k: ArchDescriptor = /* @__PURE__ */ createSparc64({ pageShift: 16 });
/** Both. */
export const sparc64Arches: readonly ArchDescriptor[] = [sparc64_8k, sparc64_64k];
