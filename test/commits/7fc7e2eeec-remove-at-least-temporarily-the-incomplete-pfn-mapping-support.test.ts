/**
 * A part of an area whose pages may be copied on write cannot be mapped raw. 238f58d898 had inserted such pages one by one
 * instead; what is left of it is vm_insert_page (a145dd411e).
 */
import { remapPfnRange, VM_IO, VM_PFNMAP, VM_RESERVED } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, driver, rawFrames } from './support/driver.js';
import { map, pteWord } from './support/memory.js';

export default commit({
  commits: ['7fc7e2eeec', '238f58d898'],
  outcomes: {
    'remap_pfn_range of half a private area, then of all of it': {
      run: ({ machine: make }) => {
        const machine = make();
        const k = machine.kernel;
        const pfn = k.memory.pageToPfn(rawFrames(machine, 4));
        const process = machine.spawn();
        let half: unknown;
        const file = driver(machine, function* fill(vma) {
          const { flags, pgoff } = vma;
          const tables = process.mm.nrPtes;
          const error = yield* remapPfnRange(k, vma, vma.start, pfn, 2);
          half = {
            error,
            unchanged: vma.flags === flags && vma.pgoff === pgoff,
            tables: process.mm.nrPtes - tables,
            entry: pteWord(process, 0),
          };
          return yield* remapPfnRange(k, vma, vma.start, pfn, 4);
        });
        map(process, 4, { file, flags: 'private|fixed' });
        machine.check();
        const vma = areaAt(process, 0);
        const all = VM_IO | VM_RESERVED | VM_PFNMAP;
        return { half, whole: [vma.pgoff - pfn, (vma.flags & all) === all] };
      },
      expected: { half: { error: -22, unchanged: true, tables: 0, entry: 0 }, whole: [0, true] },
    },
  },
});
