/** How pte tables were looked at, as a spy saw it. */
import type { EventName, Spy } from '@fourfold/core';

/**
 * Maps, locks and their ends of pte tables, in order, in words: `map`, `lock`, `unlock`, `unmap`, with `nested` behind those of the
 * second slot. Of `others` the names. The kernel was built with highpte, and for four CPUs, so that pte locks have a name of
 * their own.
 */
export function tableSteps(spy: Spy, ...others: EventName[]): string {
  const steps: string[] = [];
  for (const event of spy.records()) {
    if (event.name === 'mapPte' || event.name === 'unmapPte') {
      steps.push((event.name === 'mapPte' ? 'map' : 'unmap') + (event.slot === 'KM_PTE1' ? ' nested' : ''));
    } else if (event.name === 'lock' || event.name === 'unlock') {
      if (event.kind === 'pte lock') steps.push(event.name);
    } else if (others.includes(event.name)) {
      steps.push(event.name);
    }
  }
  return steps.join(', ');
}
