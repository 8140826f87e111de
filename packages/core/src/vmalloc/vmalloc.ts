/**
 * vmalloc and ioremap (generic-mm 17): memory or device memory mapped into the kernel's own tables. Entries are set
 * without a lock; the tables below them are allocated by allocKernelPte. Tables are never freed.
 */
import type { KernelSpace } from '../arch/kernel-space.js';
import { FLUSH_CACHE_VMAP, FLUSH_CACHE_VUNMAP, SET_PTE } from '../events/kinds.js';
import type { Kernel } from '../kernel.js';
import { flushTlbKernelRange } from '../pgtable/flush.js';
import { storeEntry } from '../pgtable/set-pte.js';
import { allocPage } from '../reclaim/alloc.js';
import type { Op } from '../smp/lock.js';
import { lookupKernelPte } from './kernel-lookup.js';
import { allocKernelPte, clearKernelPte, initMm } from './kernel-tables.js';
import { VM_ALLOC, VM_IOREMAP, type VmStruct } from './vmlist.js';

/**
 * vmalloc: `bytes` of memory that is contiguous in the kernel's addresses only.
 * @returns its address, or 0n (the kernel's NULL) without room or memory, with nothing held or lost.
 */
export function* vmalloc(k: Kernel, bytes: number): Op<bigint> {
  const { kernelSpace } = k.arch;
  const nr = Math.ceil(bytes / k.memory.pageSize);
  if (kernelSpace === null || nr <= 0 || nr > k.memory.nrPages) return 0n;
  const area = yield* k.vmlist.take(nr, VM_ALLOC, kernelSpace.start, kernelSpace.end);
  if (area === null) return 0n;
  for (let i = 0; i < nr; i++) {
    let page = k.pages.easyPage();
    if (page < 0) page = yield* allocPage(k);
    if (page < 0) break;
    area.frames.push(page);
  }
  const pfn = (i: number): number => k.memory.pageToPfn(area.frames[i] as number);
  if (area.frames.length === nr && (yield* mapVmArea(k, area, pfn, kernelSpace.protHi, kernelSpace.protLo))) {
    return addressOf(k, area.start);
  }
  yield* vfreeArea(k, area.start);
  return 0n;
}

/** vfree. False, with a warning in the kernel's log, for an address where no area begins. */
export function* vfree(k: Kernel, address: bigint): Op<boolean> {
  const vpn = pageOf(k, address);
  return addressOf(k, vpn) === address && (yield* vfreeArea(k, vpn));
}

/**
 * ioremap: makes `bytes` of device memory at a physical address reachable. Machines that reach all physical memory at
 * fixed addresses need no tables for it.
 * @returns the kernel's address of the first byte, or 0n.
 */
export function* ioremap(k: Kernel, physical: number, bytes: number): Op<bigint> {
  const { kernelSpace } = k.arch;
  if (kernelSpace === null || bytes <= 0) return 0n;
  if (kernelSpace.ioBase >= 0n) return kernelSpace.ioBase + BigInt(physical);
  const { pageSize } = k.memory;
  const first = Math.floor(physical / pageSize);
  const nr = Math.floor((physical + bytes - 1) / pageSize) - first + 1;
  const area = yield* k.vmlist.take(nr, VM_IOREMAP, kernelSpace.ioStart, kernelSpace.ioEnd);
  if (area === null) return 0n;
  if (yield* mapVmArea(k, area, (i) => first + i, kernelSpace.ioProtHi, kernelSpace.ioProtLo)) {
    return addressOf(k, area.start) + BigInt(physical % pageSize);
  }
  yield* vfreeArea(k, area.start);
  return 0n;
}

/** iounmap of what ioremap answered. False for an address that it did not. */
export function* iounmap(k: Kernel, address: bigint): Op<boolean> {
  const space = k.arch.kernelSpace as KernelSpace;
  if (space.ioBase >= 0n) return true;
  return yield* vfreeArea(k, pageOf(k, address));
}

/** vmalloc_to_page: the frame that a kernel address maps, -1 when a table or the entry is missing. */
export function vmallocToPage(k: Kernel, address: bigint): number {
  const at = lookupKernelPte(k, pageOf(k, address));
  if (at === 0) return -1;
  const f = k.arch.pteFormat;
  const lo = k.memory.words[at + k.tables.loAt] as number;
  const hi = k.tables.pteWords === 2 ? (k.memory.words[at + k.tables.hiAt] as number) : 0;
  return f.isPresent(hi, lo) ? k.memory.pfnToPage(f.frame(hi, lo)) : -1;
}

/** map_vm_area: false when a table could not be had; what is mapped by then stays for the unmap. */
function* mapVmArea(
  k: Kernel,
  area: VmStruct,
  pfnOf: (i: number) => number,
  protHi: number,
  protLo: number,
): Op<boolean> {
  const mm = yield* initMm(k);
  if (mm === null) return false;
  const f = k.arch.pteFormat;
  const held = !k.behaviour.kernelTablesLockInside;
  if (held && !mm.pageTableLock.tryLock()) yield* mm.pageTableLock.wait();
  let done = true;
  for (let i = 0; i < area.pages - 1 && done; i++) {
    const at = yield* allocKernelPte(k, mm, area.start + i, held);
    done = at !== 0;
    if (!done) break;
    const hi = f.makeHi(pfnOf(i), protHi) | f.storeSetHi;
    const lo = f.makeLo(pfnOf(i), protLo) | f.storeSetLo;
    storeEntry(k, at, hi, lo);
    if (k.events.on) k.events.emit(SET_PTE, area.start + i, hi, lo);
  }
  if (held) mm.pageTableLock.unlock();
  if (done && k.events.on) k.events.emit(FLUSH_CACHE_VMAP, area.start, area.start + area.pages - 1);
  return done;
}

/** unmap_vm_area and the frames: false when no area begins at the page. */
function* vfreeArea(k: Kernel, start: number): Op<boolean> {
  const area = yield* k.vmlist.remove(start);
  if (area === null) return false;
  const end = start + area.pages - 1;
  if (k.events.on) k.events.emit(FLUSH_CACHE_VUNMAP, start, end);
  for (let vpn = start; vpn < end; vpn++) {
    const at = lookupKernelPte(k, vpn);
    if (at !== 0) clearKernelPte(k, vpn, at);
  }
  if (k.initMm !== null) flushTlbKernelRange(k, k.initMm, start, end);
  for (const page of area.frames) k.pages.put(page);
  return true;
}

function addressOf(k: Kernel, vpn: number): bigint {
  return BigInt(vpn) << BigInt(k.memory.pageShift);
}

function pageOf(k: Kernel, address: bigint): number {
  return Number(address >> BigInt(k.memory.pageShift));
}
