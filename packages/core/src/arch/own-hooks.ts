/**
 * Which hooks of a fault a machine has of its own. The defaults do nothing and are not called: once V8 has seen five kinds of
 * Mmu, finding and calling a method that does nothing takes 7 ns, and a fault has three of them.
 */
import { Mmu } from './mmu.js';

export class OwnHooks {
  readonly beforeGenericFault: boolean;
  readonly updateMmuCache: boolean;
  readonly lazyMmuProtUpdate: boolean;

  constructor(mmu: Mmu) {
    const plain = Mmu.prototype;
    this.beforeGenericFault = mmu.beforeGenericFault !== plain.beforeGenericFault;
    this.updateMmuCache = mmu.updateMmuCache !== plain.updateMmuCache;
    this.lazyMmuProtUpdate = mmu.lazyMmuProtUpdate !== plain.lazyMmuProtUpdate;
  }
}
