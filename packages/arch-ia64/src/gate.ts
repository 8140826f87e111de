/** The gate pages of region 5: all that programs may use of the kernel's addresses. */
import {
  type AccessKind,
  type Cpu,
  FAULT_ABSENT,
  FAULT_RIGHTS,
  lookupKernelPte,
  MISSES_REFUSED,
  type MmuHost,
  SOFTWARE_FILLS,
  TLB_GLOBAL,
  TLB_OWN_SHIFT,
  WALK_REFERENCES,
} from '@fourfold/core/arch';
import { P_LO, USER_RIGHTS } from './pte.js';

/** A miss in region 5, whose id is the same in every context: vhpt_miss walks the kernel's tables. */
export function gateMiss(host: MmuHost, cpu: Cpu, kind: AccessKind, vpnHi: number, vpnLo: number): number {
  const { arch, memory, tables } = host;
  const { values } = host.counters;
  const at = lookupKernelPte(host, (vpnHi >>> 0) * 4294967296 + (vpnLo >>> 0));
  const [lo, hi] = [memory.words[at] as number, memory.words[at + 1] as number];
  if (at === 0 || (lo & P_LO) === 0) {
    values[MISSES_REFUSED] = (values[MISSES_REFUSED] as number) + 1;
    return FAULT_ABSENT;
  }
  values[SOFTWARE_FILLS] = (values[SOFTWARE_FILLS] as number) + 1;
  values[WALK_REFERENCES] = (values[WALK_REFERENCES] as number) + tables.depth;
  const allowed = USER_RIGHTS[(lo >>> 2) & 1023] as number;
  const page = memory.frameAt(arch.pteFormat.frame(hi, lo));
  const attrs = TLB_GLOBAL | (allowed << TLB_OWN_SHIFT);
  const slot = cpu.tlb.fill(kind, vpnHi, vpnLo, cpu.context, page, allowed, attrs, 0);
  return ((allowed >>> kind) & 1) !== 0 ? slot : FAULT_RIGHTS;
}
