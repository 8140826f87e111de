/**
 * Loads and stores of the kernel in what it mapped for itself. They go through the CPU's MMU as user accesses do: the TLB, under the
 * kernel's context and by the kernel's rights of a slot; the machine's miss handler; the kernel's own page fault, which mends what
 * the port lets go stale. What no table and no register of the machine translates is an oops.
 */
import { frameAt } from '../access/translate.js';
import { type AccessKind, FAULT_ABSENT, FAULT_BUS, FAULT_RIGHTS, LOAD, STORE } from '../arch/access.js';
import { KernelBug, MmError } from '../errors.js';
import { TLB_EXEC_LOOKUPS, TLB_EXEC_MISSES, TLB_EXEC_MISSES_2 } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import { checkHit } from '../ledger/hits.js';
import type { Cpu } from '../smp/cpu.js';
import { KERNEL_CONTEXT, KERNEL_RIGHTS_SHIFT } from '../tlb/record.js';

/** Page faults of one access that mend something; more is a defect of ours. */
const MAX_FAULTS = 4;

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
  const frame = bypasses(k, address) ? bypassed(k, address) : translated(k, cpu, kind, address);
  if (frame >= 0) return frame;
  const why =
    frame === FAULT_ABSENT ? 'nothing is mapped there' : frame === FAULT_RIGHTS ? 'it is read-only' : 'nothing answers';
  throw new MmError('MM_OOPS', `kernel access to 0x${address.toString(16)} on CPU ${cpu.id}: ${why}`);
}

/** Whether the MMU has no part in it: device memory that the machine reaches by physical address. */
function bypasses({ arch, memory }: Kernel, address: bigint): boolean {
  const space = arch.kernelSpace;
  if (space === null || !space.ioBypass) return false;
  const vpn = Number(address >> BigInt(memory.pageShift));
  if (vpn >= space.start && vpn < space.end) return false;
  const physical = address - space.ioBase;
  if (physical < 0n || physical >= 1n << BigInt(arch.physicalBits)) return false;
  return memory.deviceFrame(Number(physical >> BigInt(memory.pageShift))) >= 0;
}

function bypassed({ arch, memory }: Kernel, address: bigint): number {
  const base = arch.kernelSpace?.ioBase ?? 0n;
  const frame = memory.frameAt(Number((address - base) >> BigInt(memory.pageShift)));
  return frame < 0 ? FAULT_BUS : frame;
}

function translated(k: Kernel, cpu: Cpu, kind: AccessKind, address: bigint): number {
  const { arch, mmu } = k;
  const page = Number(address >> BigInt(arch.tlbPageShift));
  const vpnHi = (page / 4294967296) | 0;
  const vpnLo = page | 0;
  for (let faults = 0; faults <= MAX_FAULTS; faults++) {
    const slot = translate(k, cpu, kind, vpnHi, vpnLo);
    if (slot >= 0) return frameAt(k, cpu.tlb, slot, vpnLo);
    if (!mmu.kernel.fault(cpu, vpnHi, vpnLo, slot)) return slot;
  }
  throw new KernelBug(`the kernel's access to 0x${address.toString(16)} makes no progress`);
}

/** One try: the TLB, then the machine. A slot, or one of the FAULT_ answers of `KernelAccess.miss`. */
function translate(k: Kernel, cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
  const { tlb } = cpu;
  const { values } = k.counters;
  const side = kind === 0 ? 0 : 1;
  values[TLB_EXEC_LOOKUPS + side] = (values[TLB_EXEC_LOOKUPS + side] as number) + 1;
  const slot = tlb.find(kind, vpnHi, vpnLo, KERNEL_CONTEXT);
  if (slot < 0) {
    values[TLB_EXEC_MISSES + side] = (values[TLB_EXEC_MISSES + side] as number) + 1;
    values[TLB_EXEC_MISSES_2 + side] = (values[TLB_EXEC_MISSES_2 + side] as number) + 1;
    return k.mmu.kernel.miss(cpu, kind, vpnHi, vpnLo);
  }
  if (tlb.secondLevelHit === 1) values[TLB_EXEC_MISSES + side] = (values[TLB_EXEC_MISSES + side] as number) + 1;
  if (((tlb.rightsOf(slot) >> (KERNEL_RIGHTS_SHIFT + kind)) & 1) === 0)
    return k.mmu.kernel.denied(cpu, kind, slot, vpnHi, vpnLo);
  if (k.watchesHits) checkHit(k, cpu, slot);
  return slot;
}

function offsetOf(k: Kernel, address: bigint): number {
  return Number(address & BigInt(k.memory.pageSize - 1));
}
