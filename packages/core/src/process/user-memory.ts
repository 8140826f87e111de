/**
 * Loads, stores and fetches of a process in the machine's byte order, through its CPU's TLB. Values cross page and word
 * borders freely; every byte is where the machine would put it.
 */

import { frameAt, touch, translate } from '../access/translate.js';
import { type AccessKind, EXEC, LOAD, STORE } from '../arch/access.js';
import { MmError } from '../errors.js';
import { hurtsNoFault } from '../fault/page-fault.js';
import type { Cpu } from '../smp/cpu.js';
import type { Op } from '../smp/lock.js';
import type { Process } from './process.js';

/** What an access ended with: how many bytes were done, and the signal (0 for none) with its address. */
export interface AccessResult {
  done: number;
  signal: number;
  address: bigint;
}

/** Fetches one instruction byte. */
export function* fetchAt(process: Process, address: bigint): Op<AccessResult> {
  return yield* transfer(process, address, null, 1, EXEC);
}

/** Loads bytes into `out`. */
export function* loadBytes(process: Process, address: bigint, out: Uint8Array): Op<AccessResult> {
  return yield* transfer(process, address, out, out.length, LOAD);
}

/** Stores `bytes`. */
export function* storeBytes(process: Process, address: bigint, bytes: Uint8Array): Op<AccessResult> {
  return yield* transfer(process, address, bytes, bytes.length, STORE);
}

/** A prefetch or a speculative load of an address: whether a load of it would find its page now. Never a signal. */
export function* prefetchAt(process: Process, address: bigint): Op<boolean> {
  const k = process.machine.kernel;
  const vpn = Number(BigInt.asUintN(k.arch.addressBits, address) >> BigInt(k.arch.tlbPageShift));
  const cpu: Cpu = process.machine.enter(process);
  const [hi, lo] = [(vpn / 4294967296) | 0, vpn | 0];
  if (!k.arch.faults.prefetchFaults) return translate(k, cpu, LOAD, hi, lo) >= 0;
  process.accessOffset = Number(address & BigInt(k.memory.pageSize - 1));
  process.speculates = true;
  try {
    return (yield* touch(k, cpu, process.mm, process, LOAD, hi, lo)) >= 0;
  } finally {
    process.speculates = false;
  }
}

/**
 * Loads bytes into `out` by no-fault loads: those that may not be read are 0.
 * @throws MmError MM_ACCESS on a machine that has no such loads
 */
export function* loadNoFault(process: Process, address: bigint, out: Uint8Array): Op<AccessResult> {
  const k = process.machine.kernel;
  if (!k.arch.faults.noFaultLoads)
    throw new MmError('MM_ACCESS', `expected a machine with no-fault loads, got ${k.arch.name}`);
  const { pageSize, pageShift } = k.memory;
  process.speculates = true;
  try {
    for (let done = 0; done < out.length; ) {
      const result = yield* transfer(process, address + BigInt(done), out.subarray(done), out.length - done, LOAD);
      done += result.done;
      if (result.signal === 0) break;
      if (hurtsNoFault(k, Number(result.address >> BigInt(pageShift)), result.signal)) return { ...result, done };
      const left = pageSize - Number(result.address & BigInt(pageSize - 1));
      out.fill(0, done, done + left);
      done += left;
    }
    return { done: out.length, signal: 0, address };
  } finally {
    process.speculates = false;
  }
}

function* transfer(
  process: Process,
  address: bigint,
  bytes: Uint8Array | null,
  length: number,
  kind: AccessKind,
): Op<AccessResult> {
  const k = process.machine.kernel;
  const { pageSize } = k.memory;
  const { tlbPageShift } = k.arch;
  const tlbPage = 2 ** tlbPageShift;
  let done = 0;
  while (done < length) {
    const at = BigInt.asUintN(k.arch.addressBits, address + BigInt(done));
    const vpn = Number(at >> BigInt(tlbPageShift));
    const cpu: Cpu = process.machine.enter(process);
    const offset = Number(at & BigInt(pageSize - 1));
    process.accessOffset = offset;
    cpu.accessOffset = offset;
    const slot = yield* touch(k, cpu, process.mm, process, kind, (vpn / 4294967296) | 0, vpn | 0);
    if (slot < 0) return { done, signal: slot, address: at };
    const part = Math.min(length - done, tlbPage - (offset % tlbPage));
    const page = frameAt(k, cpu.tlb, slot, vpn | 0);
    if (bytes !== null && k.contents) {
      for (let i = 0; i < part; i++) {
        if (kind === STORE) k.memory.storeByte(page, offset + i, bytes[done + i] as number);
        else bytes[done + i] = k.memory.loadByte(page, offset + i);
      }
    }
    done += part;
  }
  return { done, signal: 0, address };
}
