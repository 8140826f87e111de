/**
 * The profiler's walk of a user stack, from an interrupt: it may not fault, sleep or take a lock of the mm, so it copies as
 * far as the TLB and the tables translate and stops where they do not.
 */
import { frameAt, translate } from '../access/translate.js';
import { LOAD } from '../arch/access.js';
import type { Process } from './process.js';

/**
 * __copy_from_user_inatomic: loads bytes into `out` without handling a fault.
 * @returns how many bytes were not copied; 0 when all were.
 */
export function copyFromUserInatomic(process: Process, address: bigint, out: Uint8Array): number {
  const { machine } = process;
  const k = machine.kernel;
  const cpu = machine.enter(process);
  const { tlbPageShift } = k.arch;
  for (let done = 0; done < out.length; ) {
    const at = BigInt.asUintN(k.arch.wordBits, address + BigInt(done));
    const vpn = Number(at >> BigInt(tlbPageShift));
    const slot = translate(k, cpu, LOAD, (vpn / 4294967296) | 0, vpn | 0);
    if (slot < 0) return out.length - done;
    const part = Math.min(out.length - done, 2 ** tlbPageShift - Number(at & BigInt(2 ** tlbPageShift - 1)));
    const page = frameAt(k, cpu.tlb, slot, vpn | 0);
    const offset = Number(at & BigInt(k.memory.pageSize - 1));
    for (let i = 0; i < part; i++) out[done + i] = k.memory.loadByte(page, offset + i);
    done += part;
  }
  return 0;
}

/** What a walk of frames found: return addresses, innermost first, and why it ended. */
export interface Backtrace {
  readonly returns: readonly bigint[];
  readonly end: 'depth' | 'copy failed' | 'no progress';
}

/**
 * Follows frames of two words, the address of the caller's frame and the return address, from `frame` up the stack: each
 * must lie above the one before.
 */
export function userBacktrace(process: Process, frame: bigint, depth: number): Backtrace {
  const { arch } = process.machine;
  const bytes = arch.wordBits / 8;
  const head = new Uint8Array(2 * bytes);
  const returns: bigint[] = [];
  let at = frame;
  while (returns.length < depth) {
    if (copyFromUserInatomic(process, at, head) !== 0) return { returns, end: 'copy failed' };
    returns.push(word(head.subarray(bytes), arch.byteOrder));
    const next = word(head.subarray(0, bytes), arch.byteOrder);
    if (next <= at) return { returns, end: 'no progress' };
    at = next;
  }
  return { returns, end: 'depth' };
}

function word(bytes: Uint8Array, byteOrder: 'little' | 'big'): bigint {
  const digits = byteOrder === 'big' ? bytes : bytes.slice().reverse();
  return digits.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
