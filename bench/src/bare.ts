/**
 * The bare loop that everything is compared with: the same trace, the same TLB geometry (slots behind a hash, a used bit,
 * a round-robin hand) and the same counters, and nothing else: no rights, no contexts, no page tables, no faults.
 */
import type { AccessBatch } from '@fourfold/replay';

const BUCKETS = 512;

export function bareLoop(batch: AccessBatch, count: number, pageShift: number, slots: number): number {
  const { kind, addrLo, addrHi } = batch;
  const head = new Int16Array(2 * BUCKETS).fill(-1);
  const tagLo = new Int32Array(2 * slots).fill(-1);
  const tagHi = new Int32Array(2 * slots).fill(-1);
  const used = new Uint8Array(2 * slots);
  const counters = new Float64Array(4);
  const hiShift = 32 - pageShift;
  let execHand = 0;
  let dataHand = 0;
  let execHits = 0;
  let dataHits = 0;
  for (let i = 0; i < count; i++) {
    const lo = addrLo[i] as number;
    const vpnLo = (lo >>> pageShift) | ((addrHi[i] as number) << hiShift);
    const vpnHi = (addrHi[i] as number) >>> pageShift;
    const exec = kind[i] === 0;
    const bucket = (exec ? BUCKETS : 0) + (vpnLo & (BUCKETS - 1));
    let slot = head[bucket] as number;
    if (slot >= 0 && tagLo[slot] === vpnLo && tagHi[slot] === vpnHi) {
      used[slot] = 1;
      if (exec) execHits++;
      else dataHits++;
      continue;
    }
    if (exec) {
      slot = execHand;
      execHand = execHand + 1 === slots ? 0 : execHand + 1;
    } else {
      slot = slots + dataHand;
      dataHand = dataHand + 1 === slots ? 0 : dataHand + 1;
    }
    tagLo[slot] = vpnLo;
    tagHi[slot] = vpnHi;
    head[bucket] = slot;
    counters[exec ? 0 : 1] = (counters[exec ? 0 : 1] as number) + 1;
  }
  counters[2] = execHits;
  counters[3] = dataHits;
  return execHits + dataHits;
}
