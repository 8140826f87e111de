/** get_user_pages of the gate area resolves its pages by the gate's own area. */
import { getUserPages, type Vma } from '@fourfold/core';
import { commit } from './support/commit.js';
import { run } from './support/memory.js';

const GATED = ['i386', 'i386-pae', 'x86_64', 'ia64-4k', 'ia64-8k', 'ia64-16k', 'ia64-64k'] as const;

export default commit({
  commits: ['fa2a455b02'],
  outcomes: {
    'one page of the gate for reading, its references, whether its area starts there; and for writing': {
      machines: GATED,
      run: ({ arch, machine: make }) => {
        const machine = make();
        const { kernel: k } = machine;
        const process = machine.spawn();
        const vpn = Number((arch.layout.spec.gate?.start ?? 0n) >> BigInt(arch.geometry.pageShift));
        const found: number[] = [];
        const vmas: Vma[] = [];
        const got = run(getUserPages(k, process, process.mm, vpn, 1, { write: false, pages: found, vmas }));
        const count = k.map.count[found[0] as number];
        machine.check();
        machine.unpin(found);
        return [got, count, vmas[0]?.start === vpn, run(getUserPages(k, process, process.mm, vpn, 1, { write: true }))];
      },
      expected: [1, 2, true, -14],
    },
    'an address in no area, where there is no gate': {
      machines: ['ppc64-4k', 'ppc64-64k', 'sparc64-8k', 'sparc64-64k'],
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        return run(process.ops.getUserPages(0xffff_e000n, 1, false, false, []));
      },
      expected: -14,
    },
  },
});
