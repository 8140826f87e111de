/**
 * The kernel's segments (arch/powerpc/mm/slb_low.S, hash_utils_64.c): region 0xC, the linear map, whose entries of 16 MiB are
 * bolted in the hash table, and region 0xD, vmalloc and ioremap, whose entries hash_page makes from init_mm's ptes.
 *
 * - A kernel segment has Kp alone: the keys do not hold the kernel back, PP of 0 to 2 lets it read and write, 3 read.
 * - Its VSID is that of its ESID, in no context. A TLB slot is tagged with KERNEL_CONTEXT and the whole page number.
 * - The bolted SLB slots hold the first segment of each region; the others are loaded as they are used, into the slots that user
 *   segments take too. The slb_cache does not know of them: a switch leaves them, unless it takes back everything.
 * - hash_page of region 0xD asks for no USER, and its tlbie always goes to all CPUs.
 * - A pte of init_mm that was hashed joins the batch when it is cleared (`PendingFlush.queuesKernel`), and flush_tlb_kernel_range
 *   sends the batch. init_mm has every CPU in its cpu_vm_mask, so the flush is local where there is one alone.
 */
import {
  type AccessKind,
  type Cpu,
  FAULT_ABSENT,
  FAULT_BUS,
  FAULT_RIGHTS,
  fillKernelSpan,
  KERNEL_RIGHTS_SHIFT,
  KernelAccess,
  lookupKernelPte,
  type MmuHost,
  NESTED_FILLS,
  PURGED_ENTRIES,
  pageNumber,
  SOFTWARE_FILLS,
  type TlbTruth,
  WALK_REFERENCES,
  WALKS,
} from '@fourfold/core/arch';
import { scramble } from './context.js';
import type { Ppc64Flush } from './flush.js';
import { type HashedPages, HW_PAGE_SHIFT } from './geometry.js';
import { type HashPage, hugeVWordLo, kernelBits, largeVWordLo, vWordHi, vWordLo } from './hash-page.js';
import type { HashTable } from './hash-table.js';
import { hpteFlags, kernelHpteRights } from './hpte.js';
import { linearFlags } from './linear-map.js';
import type { Ppc64Registers } from './segments.js';
import type { Slb } from './slb.js';

const V_SECONDARY = 0x2;
/** Regions; ESIDs of one region, and how many of them lie below 2^44. */
const REGION_LINEAR = 0xc;
const REGION_VMALLOC = 0xd;
const REGION_ESIDS = 2 ** 32;
const LEGAL_ESIDS = 2 ** 16;

export class Ppc64KernelAccess extends KernelAccess {
  private readonly table: HashTable;
  private readonly pages: HashedPages;
  private readonly hashPage: HashPage;
  private readonly flush: Ppc64Flush;

  constructor(host: MmuHost, table: HashTable, pages: HashedPages, hashPage: HashPage, flush: Ppc64Flush) {
    super(host);
    this.table = table;
    this.pages = pages;
    this.hashPage = hashPage;
    this.flush = flush;
  }

  override miss(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
    return this.translate(cpu, kind, vpnHi, vpnLo, false);
  }

  /** The interrupt, as if the hash table had refused. */
  override denied(cpu: Cpu, kind: AccessKind, _slot: number, vpnHi: number, vpnLo: number): number {
    return this.translate(cpu, kind, vpnHi, vpnLo, true);
  }

  /** A pte without USER is hashed with PP 0, whatever RW says. */
  override rights(_hi: number, lo: number): number {
    return kernelHpteRights(hpteFlags(lo));
  }

  override truth(cpu: Cpu, slot: number): TlbTruth {
    const page = cpu.tlb.pageOf(slot);
    if (this.regionOf(this.esidOf(page)) !== REGION_LINEAR) return super.truth(cpu, slot);
    const pa = (page % 2 ** (44 - this.pages.shift)) * 2 ** this.pages.shift;
    const frame = this.host.memory.frameAt(Math.floor(pa / this.host.memory.pageSize));
    return { frame, rights: kernelHpteRights(linearFlags(pa)) << KERNEL_RIGHTS_SHIFT };
  }

  private translate(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number, denied: boolean): number {
    const esid = this.esidOf(pageNumber(vpnHi, vpnLo));
    const region = this.regionOf(esid);
    const isLinear = region === REGION_LINEAR;
    if ((!isLinear && region !== REGION_VMALLOC) || esid % REGION_ESIDS >= LEGAL_ESIDS) {
      return this.refused();
    }
    const { slb } = cpu.registers as Ppc64Registers;
    const segment = this.segmentOf(slb, esid, isLinear);
    const vsidHi = slb.vsidHi[segment] as number;
    const vsidLo = slb.vsidLo[segment] as number;
    const page = vpnLo & this.pages.pageMask;
    const entry = denied ? 0 : this.search(page, vsidHi, vsidLo, isLinear);
    if (entry !== 0) {
      const filled = this.fill(cpu, kind, vpnHi, vpnLo, entry, isLinear);
      if (filled !== FAULT_RIGHTS) return filled;
    }
    const refused = denied || entry !== 0;
    if (isLinear) return refused ? FAULT_RIGHTS : FAULT_ABSENT; // hash_page knows no region 0xC
    return this.storageInterrupt(cpu, kind, vpnHi, vpnLo, vsidHi, vsidLo, refused);
  }

  /** hash_page with init_mm. No handler stops half-way in a pte of the kernel's, so none finds BUSY. */
  private storageInterrupt(
    cpu: Cpu,
    kind: AccessKind,
    vpnHi: number,
    vpnLo: number,
    vsidHi: number,
    vsidLo: number,
    refused: boolean,
  ): number {
    const { pages } = this;
    this.count(SOFTWARE_FILLS);
    const at = lookupKernelPte(this.host, this.host.arch.basePage(vpnHi, vpnLo));
    const need = kernelBits(kind);
    const entry = at === 0 ? 0 : this.hashPage.resolve(at, vpnLo & pages.pageMask, vsidHi, vsidLo, need);
    if (entry <= 0) return refused ? FAULT_RIGHTS : FAULT_ABSENT;
    if (refused || this.hashPage.needsTlbie) this.count(PURGED_ENTRIES, this.flush.kernelPage(vpnHi, vpnLo));
    return this.fill(cpu, kind, vpnHi, vpnLo, entry, false);
  }

  /** The SLB's slot of a segment, loaded if it is not there. */
  private segmentOf(slb: Slb, esid: number, isLinear: boolean): number {
    const slot = slb.kernelSlot(esid);
    if (slot >= 0) return slot;
    this.count(NESTED_FILLS);
    return slb.allocateKernel(esid, scramble(esid), isLinear);
  }

  /** The entry of a page of a segment in one of its two groups; 0 for none. */
  private search(page: number, vsidHi: number, vsidLo: number, isLinear: boolean): number {
    const { table, pages } = this;
    const number = isLinear ? page >>> pages.hugeShift : page;
    const group = (vsidLo ^ number) & table.mask;
    const vHi = vWordHi(vsidHi, vsidLo);
    const small = pages.large ? largeVWordLo(vsidLo, page) : vWordLo(vsidLo, page);
    const vLo = isLinear ? hugeVWordLo(vsidLo, number) : small;
    this.count(WALKS);
    let entry = table.search(group, vHi, vLo);
    if (entry === 0) entry = table.search(group ^ table.mask, vHi, vLo | V_SECONDARY);
    this.count(WALK_REFERENCES, entry === 0 ? 2 : 1);
    return entry;
  }

  /** Loads a valid HPTE into ERAT and TLB; FAULT_RIGHTS where it does not allow the access. */
  private fill(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number, entry: number, isLinear: boolean): number {
    const { memory, arch } = this.host;
    const { pages } = this;
    const r = memory.words[entry + 3] as number;
    const rights = kernelHpteRights(r);
    if (((rights >> kind) & 1) === 0) return FAULT_RIGHTS;
    const span = isLinear ? pages.hugeShift : 0;
    // R counts 4 KiB, and of a linear page it is the first.
    const inside = (vpnLo & (2 ** span - 1)) << (pages.shift - HW_PAGE_SHIFT);
    const number = ((r >>> 12) | ((memory.words[entry + 2] as number) << 20)) + inside;
    const frame = memory.frameAt(number >>> (arch.geometry.pageShift - HW_PAGE_SHIFT));
    if (frame < 0) return FAULT_BUS;
    return fillKernelSpan(this.host, cpu, kind, vpnHi, vpnLo, frame, rights << KERNEL_RIGHTS_SHIFT, 0, span);
  }

  private esidOf(page: number): number {
    return Math.floor(page / 2 ** this.pages.esidShift);
  }

  private regionOf(esid: number): number {
    return Math.floor(esid / REGION_ESIDS);
  }
}
