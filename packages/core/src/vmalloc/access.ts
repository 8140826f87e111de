/**
 * Loads and stores of the kernel in what it mapped for itself. They go through the CPU's MMU as user accesses do, where the
 * machine has the kernel's mappings in the tables that a CPU has loaded; elsewhere straight to init_mm.
 */
import { type AccessKind, FAULT_ABSENT, FAULT_RIGHTS, LOAD, STORE } from '../arch/access.js';
import { MmError } from '../errors.js';
import type { Kernel } from '../kernel.js';
import type { Cpu } from '../smp/cpu.js';

/** The byte at an address of the kernel, loaded on `cpu`. @throws MmError MM_OOPS where the kernel would die */
export function kernelLoad(k: Kernel, cpu: Cpu, address: bigint): number {
  return k.memory.loadByte(frameOf(k, cpu, LOAD, address), offsetOf(k, address));
}

/** Stores a byte at an address of the kernel, on `cpu`. @throws MmError MM_OOPS */
export function kernelStore(k: Kernel, cpu: Cpu, address: bigint, value: number): void {
  k.memory.storeByte(frameOf(k, cpu, STORE, address), offsetOf(k, address), value);
}

/** The page of the mem_map or the frame of a device. */
function frameOf(k: Kernel, cpu: Cpu, kind: AccessKind, address: bigint): number {
  const frame = translate(k, cpu, kind, address);
  if (frame >= 0) return frame;
  const why =
    frame === FAULT_ABSENT ? 'nothing is mapped there' : frame === FAULT_RIGHTS ? 'it is read-only' : 'nothing answers';
  throw new MmError('MM_OOPS', `kernel access to 0x${address.toString(16)} on CPU ${cpu.id}: ${why}`);
}

function translate(k: Kernel, cpu: Cpu, kind: AccessKind, address: bigint): number {
  const space = k.arch.kernelSpace;
  const shift = BigInt(k.memory.pageShift);
  const vpn = Number(address >> shift);
  const inTables = space === null || space.ioBase < 0n || (vpn >= space.start && vpn < space.end);
  return inTables ? k.mmu.kernelAccess(cpu, kind, vpn) : k.memory.frameAt(Number((address - space.ioBase) >> shift));
}

function offsetOf(k: Kernel, address: bigint): number {
  return Number(address & BigInt(k.memory.pageSize - 1));
}
