/** In a shared area every entry of remap_pfn_range is raw, whatever frame it has, and vm_pgoff stays the driver's. */
import { remapPfnRange } from '@fourfold/core';
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { areaAt, countsOf, driver, normalPage, rawFrames } from './support/driver.js';
import { AT, frameOf, map, pages } from './support/memory.js';

/** A shared area of 4 pages at offset 7, of which 0, 1 and 3 are mapped to frames 5, 2 and 6 of 8 by three calls. */
function scattered({ machine: make }: Bench) {
  const machine = make();
  const k = machine.kernel;
  const first = rawFrames(machine, 8);
  const pfn = k.memory.pageToPfn(first);
  const process = machine.spawn();
  const results: number[] = [];
  const file = driver(machine, function* fill(vma) {
    for (const [page, frame] of [
      [0, 5],
      [1, 2],
      [3, 6],
    ] as const)
      results.push(yield* remapPfnRange(k, vma, vma.start + page, pfn + frame, 1));
    return 0;
  });
  map(process, 4, { file, flags: 'shared|fixed', offset: pages(machine, 7) });
  return { machine, process, first, results };
}

export default commit({
  commits: ['fb155c1619'],
  outcomes: {
    'pages that vm_normal_page finds behind scattered raw entries of a shared area': {
      run: (bench) => {
        const { process, results } = scattered(bench);
        return {
          results,
          raw: [0, 1, 3].map((page) => normalPage(process, page) < 0),
          pgoff: areaAt(process, 0).pgoff,
        };
      },
      expected: { results: [0, 0, 0], raw: [true, true, true], pgoff: 7 },
      without: { results: [0, 0, 0], raw: [false, false, false], pgoff: 7 },
    },
    'frames in the child after fork, and counts after both are gone': {
      run: (bench) => {
        const { machine, process, first } = scattered(bench);
        const child = process.fork();
        machine.check();
        const frames = [0, 1, 2, 3].map((page) => (frameOf(child, page) < 0 ? 'none' : frameOf(child, page) - first));
        process.munmap(AT, pages(machine, 4));
        child.exit();
        machine.check();
        return { frames, counts: countsOf(machine, first, 8) };
      },
      expected: { frames: [5, 2, 'none', 6], counts: Array.from({ length: 8 }, () => [1, 0]) },
    },
  },
});
