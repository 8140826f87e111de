/**
 * The replay loop: many accesses of one process on one CPU, the hottest code of the simulator (style.md section 5).
 * TLB arrays, masks and shifts are in locals for the whole batch; a hit costs one probe of the hash and no call.
 */
import { type AccessKind, FAULT_RETRY, STORE } from '../arch/access.js';
import { TLB_DATA_LOOKUPS, TLB_EXEC_LOOKUPS } from '../events/counters.js';
import { type FaultCounts, takePageFault } from '../fault/page-fault.js';
import type { Kernel } from '../kernel.js';
import { runKswapd } from '../reclaim/alloc.js';
import type { Cpu } from '../smp/cpu.js';
import { runToEnd } from '../smp/driver.js';
import {
  TLB_BUCKETS,
  TLB_CONTEXT,
  TLB_LINK,
  TLB_META,
  TLB_RECORD_SHIFT,
  TLB_USED,
  TLB_VPN_HI,
  TLB_VPN_LO,
} from '../tlb/record.js';
import type { Mm } from '../vma/mm.js';
import { frameAt, lookUp, lookUpBehind, translate } from './translate.js';

/** Accesses as a struct of arrays, in order. */
export interface AccessBatch {
  /** 0 fetch, 1 load, 2 store, 3 modify (a store). */
  readonly kind: Uint8Array;
  /** Virtual address, low and high half. */
  readonly addrLo: Int32Array;
  readonly addrHi: Int32Array;
  /** Bytes, at least 1; an access may cross into the next page. */
  readonly size: Uint16Array;
}

/** Where and why a batch stopped early. */
export class BatchStop {
  /** Index of the access that could not be done. */
  index = 0;
  /** SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR or FAULT_OOM; 0 when the batch was done. */
  signal = 0;
  /** Page the signal is about. */
  vpn = 0;
}

/** The hash of a TLB without translations. */
const EMPTY_HEAD: Int16Array = new Int16Array(2 * TLB_BUCKETS).fill(-1);

/** Accesses between two updates of the counters. */
const RUN = 1024;

/**
 * Runs accesses [from, to) of `batch`.
 * @param record number of the batch's first access in the trace: stores write a pattern made from it and the address.
 * @returns the index of the first access not done: `to`, or the one `stop` speaks of.
 */
export function runBatch(
  k: Kernel,
  cpu: Cpu,
  mm: Mm,
  task: FaultCounts,
  batch: AccessBatch,
  from: number,
  to: number,
  record: number,
  stop: BatchStop,
): number {
  const { tlb } = cpu;
  const { kind, addrLo: lo, addrHi: hi, size } = batch;
  const { records } = tlb;
  // Watched hits take the long way, through `lookUp`.
  const probes = !k.watchesHits;
  const head = probes ? tlb.head : EMPTY_HEAD;
  const pageShift = k.arch.tlbPageShift;
  const pageMask = k.memory.pageSize - 1;
  const tlbMask = (1 << pageShift) - 1;
  const hiShift = 32 - pageShift;
  const execBase = tlb.sharedFirstLevel ? 0 : TLB_BUCKETS;
  const bucketMask = TLB_BUCKETS - 1;
  const context = cpu.context;
  const writes = k.contents;
  const values = k.counters.values;
  let i = from;
  stop.signal = 0;
  // In runs of RUN accesses: V8 compiles the inner loop while it runs, when what follows it has not run yet, and code that
  // has never seen the end of a batch would be thrown away at every end of a batch.
  while (i < to && stop.signal === 0) {
    const end = Math.min(to, i + RUN);
    let execLookups = 0;
    let dataLookups = 0;
    for (; i < end; i++) {
      const addressLo = lo[i] as number;
      const vpnLo = (addressLo >>> pageShift) | ((hi[i] as number) << hiShift);
      const vpnHi = (hi[i] as number) >>> pageShift;
      const what = kind[i] as number;
      const offset = addressLo & pageMask;
      const crosses = (addressLo & tlbMask) + (size[i] as number) > tlbMask + 1;
      let slot = head[(what === 0 ? execBase : 0) + (vpnLo & bucketMask)] as number;
      let at = slot << TLB_RECORD_SHIFT;
      if (slot >= 0 && records[at] !== vpnLo) {
        slot = records[at | TLB_LINK] as number;
        at = slot << TLB_RECORD_SHIFT;
      }
      if (
        !crosses &&
        slot >= 0 &&
        records[at | TLB_VPN_LO] === vpnLo &&
        records[at | TLB_VPN_HI] === vpnHi &&
        records[at | TLB_CONTEXT] === context &&
        (((records[at | TLB_META] as number) >> (what === 3 ? STORE : what)) & 1) === 1
      ) {
        records[at | TLB_USED] = 1;
        if (what === 0) execLookups++;
        else dataLookups++;
        if (what >= STORE && writes)
          writePattern(k, tlb.frameOf(slot), offset, size[i] as number, record + i, addressLo);
        continue;
      }
      const access = (what === 3 ? STORE : what) as AccessKind;
      if (crosses) {
        if (
          !crossingAccess(
            k,
            cpu,
            mm,
            task,
            access,
            vpnHi,
            vpnLo,
            offset,
            size[i] as number,
            record + i,
            addressLo,
            stop,
          )
        ) {
          break;
        }
        continue;
      }
      if (what === 0) execLookups++;
      else dataLookups++;
      slot = slot < 0 && probes ? lookUpBehind(k, cpu, access, vpnHi, vpnLo) : lookUp(k, cpu, access, vpnHi, vpnLo);
      if (slot < 0) slot = resolve(k, cpu, mm, task, access, vpnHi, vpnLo, slot, stop);
      if (slot < 0) break;
      if (what >= STORE && writes)
        writePattern(k, frameAt(k, tlb, slot, vpnLo), offset, size[i] as number, record + i, addressLo);
    }
    values[TLB_EXEC_LOOKUPS] = (values[TLB_EXEC_LOOKUPS] as number) + execLookups;
    values[TLB_DATA_LOOKUPS] = (values[TLB_DATA_LOOKUPS] as number) + dataLookups;
  }
  stop.index = i;
  return i;
}

/** An access that runs over the end of a page: each page is translated on its own, low page first. False for a signal. */
function crossingAccess(
  k: Kernel,
  cpu: Cpu,
  mm: Mm,
  task: FaultCounts,
  kind: AccessKind,
  vpnHi: number,
  vpnLo: number,
  offset: number,
  size: number,
  record: number,
  addressLo: number,
  stop: BatchStop,
): boolean {
  const pageMask = k.memory.pageSize - 1;
  const tlbPage = 1 << k.arch.tlbPageShift;
  let hi = vpnHi;
  let lo = vpnLo;
  let at = offset;
  for (let left = size; left > 0; ) {
    const part = Math.min(left, tlbPage - (at & (tlbPage - 1)));
    let slot = translate(k, cpu, kind, hi, lo);
    if (slot < 0) slot = resolve(k, cpu, mm, task, kind, hi, lo, slot, stop);
    if (slot < 0) return false;
    if (kind === STORE && k.contents) writePattern(k, frameAt(k, cpu.tlb, slot, lo), at, part, record, addressLo);
    left -= part;
    at = (at + part) & pageMask;
    lo = (lo + 1) | 0;
    if (lo === 0) hi = (hi + 1) | 0;
  }
  return true;
}

/** Takes the faults of an access whose first translation answered `code`, until it succeeds; -1 for a signal. */
function resolve(
  k: Kernel,
  cpu: Cpu,
  mm: Mm,
  task: FaultCounts,
  kind: AccessKind,
  vpnHi: number,
  vpnLo: number,
  code: number,
  stop: BatchStop,
): number {
  let slot = code;
  while (slot < 0) {
    if (slot === FAULT_RETRY) {
      runToEnd(k.mmu.retry(cpu));
      slot = translate(k, cpu, kind, vpnHi, vpnLo);
      continue;
    }
    const vpn = k.arch.basePage(vpnHi, vpnLo);
    const outcome = takePageFault(k, mm, task, kind, vpn, slot);
    if (outcome < 0) {
      stop.signal = outcome;
      stop.vpn = vpn;
      return -1;
    }
    if (k.kswapdOrder >= 0) runToEnd(runKswapd(k));
    if (k.ledger !== null) k.ledger.returnToUser();
    if (k.pteMaps !== null) k.pteMaps.mightSleep('return to user mode');
    slot = translate(k, cpu, kind, vpnHi, vpnLo);
  }
  return slot;
}

/**
 * A trace has no data, so a store writes a pattern: every word the bytes lie in gets, in those bytes, a value made from
 * the record's number and the address.
 */
function writePattern(k: Kernel, page: number, offset: number, size: number, record: number, address: number): void {
  const { memory } = k;
  const base = (memory.slot[page] as number) === 0 ? memory.materialize(page) : (memory.slot[page] as number);
  const words = memory.words;
  const value = Math.imul(record | 0, 0x9e3779b1) ^ address;
  const end = offset + size;
  for (let at = offset; at < end; ) {
    const next = (at | 3) + 1;
    const stopAt = Math.min(next, end);
    const word = base + (at >>> 2);
    if (stopAt - at === 4) {
      words[word] = value;
    } else {
      const mask = byteMask(at & 3, stopAt - at, memory.byteSwizzle);
      words[word] = ((words[word] as number) & ~mask) | (value & mask);
    }
    at = stopAt;
  }
}

/** Mask of `n` bytes from byte `first` of a word, in the memory's byte order. */
function byteMask(first: number, n: number, swizzle: number): number {
  const low = swizzle === 0 ? first : 4 - first - n;
  return (n === 4 ? -1 : (1 << (8 * n)) - 1) << (8 * low);
}
