/**
 * The page-fault exception as the processor delivers it (IA-32 manual vol. 3, interrupt 14): CR2 and the five bits of the error
 * code. They stay in the CPU's registers until the next fault.
 */
import { type AccessKind, type Cpu, EXEC, type MmuHost, pageNumber, STORE, TRAP } from '@fourfold/core/arch';
import { registersOf } from './context.js';

/** The entry is present: a rights violation. */
export const FAULT_PROTECTION = 1;
export const FAULT_WRITE = 2;
export const FAULT_USER = 4;
/** A reserved bit is set in a present entry. */
export const FAULT_RESERVED = 8;
/** A fetch; only where NX is on. */
export const FAULT_FETCH = 16;

/** Error-code bits of an access by its kind. */
export class FaultCodes {
  private readonly host: MmuHost;
  private readonly byKind: readonly number[];

  /** @param nx whether the processor has NX on and tells fetches apart */
  constructor(host: MmuHost, nx: boolean) {
    this.host = host;
    this.byKind = [0, 1, 2].map((kind) => (kind === STORE ? FAULT_WRITE : kind === EXEC && nx ? FAULT_FETCH : 0));
  }

  /** Raises a fault on a CPU: `bits` beside what the kind of access says. */
  raise(cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number, bits: number): void {
    const registers = registersOf(cpu);
    registers.faultHi = vpnHi;
    registers.faultLo = vpnLo;
    registers.faultOffset = cpu.accessOffset;
    registers.errorCode = (this.byKind[kind] as number) | bits;
    const { events } = this.host;
    if (events.on) events.emit(TRAP, cpu.id, pageNumber(vpnHi, vpnLo), registers.errorCode);
  }
}

/** What a signal frame tells of a fault. */
export interface SignalFrame {
  /** The address, which is CR2, and its page. */
  readonly address: bigint;
  readonly vpn: number;
  /** Claims a present page above TASK_SIZE. */
  readonly errorCode: number;
}

/** The signal frame of a CPU's last fault. */
export function signalFrame({ arch, memory }: MmuHost, cpu: Cpu): SignalFrame {
  const { faultHi, faultLo, faultOffset, errorCode } = registersOf(cpu);
  const vpn = pageNumber(faultHi, faultLo);
  return {
    address: BigInt(vpn) * BigInt(memory.pageSize) + BigInt(faultOffset),
    vpn,
    errorCode: vpn >= arch.layout.taskSizePages ? errorCode | FAULT_PROTECTION : errorCode,
  };
}
