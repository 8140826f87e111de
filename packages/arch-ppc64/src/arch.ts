/** The ppc64 machines, and the function that makes variants of them. */
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
import { createGeometry, type HashedPageShift, type Ppc64PageShift } from './geometry.js';
import { GROUP_BYTES } from './hash-table.js';
import { createHugetlb, maxOrder } from './hugetlb.js';
import { createKernelSpace, createLayout, type Ppc64Task } from './layout.js';
import { Ppc64Mmu } from './mmu.js';
import { createPteFormat } from './pte.js';
import { createUpperFormat } from './tables.js';
import { POWER5_TLB, PPC64_GATHER, PPC64_PENDING, PPC970_TLB, ppc970Cost } from './tlb.js';
import { ppc64Images } from './walk.js';

/** What a variant may change. */
export interface Ppc64Options {
  /** Base page: 12 for 4 KiB (default), 16 for 64 KiB. */
  readonly pageShift?: Ppc64PageShift;
  /**
   * Page of the hash table and of the TLB, for base pages: 12 for 4 KiB (default), also under base pages of 64 KiB, as every
   * processor in the table of a stock kernel has it; 16 for 64 KiB (a POWER5+ that may use large pages without the cache).
   */
  readonly hashedPageShift?: HashedPageShift;
  /** The instruction cache sees stores. Default: with 64 KiB pages in the hash table (POWER5+), not on a 970. */
  readonly coherentIcache?: boolean;
  /** Address space of its tasks: 64 (default) or 32 bits. */
  readonly task?: Ppc64Task;
  /** Any ERATs and TLB over pages of the hash table, the ERATs first. Default a 970's, or a POWER5's with 64 KiB pages there. */
  readonly tlb?: TlbShape;
  readonly cost?: CostTable;
  /** Bytes of the hash table (the firmware's ibm,pft-size), a power of two from 256 KiB. Default by the memory's size. */
  readonly hashTableBytes?: number;
}

/**
 * Makes a ppc64 machine (Linux 2.6.15 on a PowerPC 970: hashed page table, SLB).
 * @throws MmError MM_ARCH_OPTION for pages of the hash table larger than the base page.
 */
export function createPpc64(options: Ppc64Options = {}): ArchDescriptor {
  const pageShift = options.pageShift ?? 12;
  const hashedShift = options.hashedPageShift ?? 12;
  if (hashedShift > pageShift)
    throw new MmError('MM_ARCH_OPTION', 'expected a pageShift of 16 under hashed pages of 64 KiB');
  const isPower5 = hashedShift === 16;
  const size = pageShift === 12 ? '4k' : '64k';
  const upper = createUpperFormat(pageShift);
  const geometry = createGeometry(pageShift);
  const { hashTableBytes, coherentIcache = isPower5 } = options;
  const mmu = { coherentIcache, ...(hashTableBytes === undefined ? {} : { groups: hashTableBytes / GROUP_BYTES }) };
  return new ArchDescriptor({
    name: `ppc64-${size}`,
    title: `ppc64 (${isPower5 ? 'POWER5+' : 'PowerPC 970'}), ${pageShift === 12 ? 4 : 64} KiB pages`,
    contractVersion: ARCH_CONTRACT_VERSION,
    wordBits: 64,
    byteOrder: 'big',
    geometry,
    layout: createLayout(pageShift, options.task),
    upper: Array.from({ length: geometry.depth - 1 }, () => upper),
    pte: createPteFormat(pageShift, hashedShift),
    kernelSpace: createKernelSpace(pageShift),
    tlb: { ...(options.tlb ?? (isPower5 ? POWER5_TLB : PPC970_TLB)), pageShift: hashedShift },
    pendingFlush: PPC64_PENDING,
    gather: PPC64_GATHER,
    faults: FAULTS,
    cost: options.cost ?? ppc970Cost(pageShift),
    walker:
      pageShift === hashedShift ? 'hash table, filled by software' : 'hash table of 4 KiB entries, filled by software',
    flushStyle: 'batch of 192 ptes, queued by HASHPTE',
    hugetlb: pageShift === 12 ? '16 MiB, in a pmd slot, own segments' : '16 MiB, in a pte slot, own segments',
    hugePages: createHugetlb(pageShift),
    maxOrder: maxOrder(pageShift),
    physicalBits: 44,
    executableData: options.task === 32,
    createImages: ppc64Images,
    createMmu: (host) => new Ppc64Mmu(host, mmu),
  });
}

/**
 * do_page_fault of 2.6.16: a fetch needs VM_EXEC, a store VM_WRITE, a load VM_READ or VM_EXEC. A load or fetch that a
 * translation refused is a signal at once. A stack grows by 1 MiB freely; beyond that an access lies at most 2 KiB below the
 * stack pointer, or is a store that moves it: which instruction a store is nobody says, so that every one is taken for such.
 */
const FAULTS: FaultRulesSpec = {
  exec: VM_EXEC,
  load: VM_READ | VM_EXEC,
  store: VM_WRITE,
  presentReadIsFatal: true,
  stackSlack: 2048,
  stackFree: 2 ** 20,
  storesMoveStack: true,
  readUpdatesAccessFlags: true,
};

/** ppc64 with 4 KiB pages: four levels of tables. */
export const ppc64_4k: ArchDescriptor = /* @__PURE__ */ createPpc64({ pageShift: 12 });
/** ppc64 with 64 KiB pages over 4 KiB hash-table entries. */
export const ppc64_64k: ArchDescriptor = /* @__PURE__ */ createPpc64({ pageShift: 16 });
/** Both. */
export const ppc64Arches: readonly ArchDescriptor[] = [ppc64_4k, ppc64_64k];
