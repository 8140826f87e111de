/**
 * Which parts of an area remap_pfn_range maps: all of it by one call where pages may be copied on write, anything anywhere
 * else. The fallback to counted pages, which came before, is gone.
 */
import { isCowMapping, remapPfnRange, VM_MAYWRITE, VM_SHARED } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, device, later, shown, withScreen } from './support/devices.js';
import { map, run } from './support/memory.js';

export default commit({
  commits: ['fb155c1619', '238f58d898', '7fc7e2eeec', '67121172f9'],
  outcomes: {
    'a private area: half of it, what that changed, all of it, vm_pgoff less the first frame': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const seen: number[] = [];
        const file = device(machine, function* (vma) {
          const state = (): number[] => [vma.flags, vma.pgoff, process.mm.nrPtes];
          const before = state();
          seen.push(run(remapPfnRange(machine.kernel, vma, vma.start, screen, 2)));
          seen.push(before.filter((n, i) => n !== state()[i]).length);
          seen.push(run(remapPfnRange(machine.kernel, vma, vma.start, screen, 4)), vma.pgoff - screen);
          return 0;
        });
        map(process, 4, { prot: 'r', flags: 'private|fixed', file });
        machine.check();
        return seen;
      },
      expected: [-22, 0, 0, 0],
    },
    'shared areas, of a writable descriptor and of a read-only one: three parts in any order, vm_pgoff, what is mapped':
      {
        run: (bench) => {
          const { machine, screen } = withScreen(bench);
          const process = machine.spawn();
          return [true, false].map((writable, i) => {
            const file = device(machine, later, { writable });
            map(process, 4, { prot: 'r', flags: 'shared|fixed', file, offset: 7 * machine.pageSize }, 16 * i);
            const vma = areaAt(process, 16 * i);
            const part = (at: number, pfn: number): number =>
              run(remapPfnRange(machine.kernel, vma, vma.start + at, pfn, 1));
            const done = [part(2, screen + 1), part(0, screen + 5), part(1, screen)];
            return [done, vma.pgoff, [0, 1, 2, 3].map((n) => shown(process, 16 * i + n))];
          });
        },
        expected: Array(2).fill([[0, 0, 0], 7, ['raw r', 'raw r', 'raw r', 'none']]),
      },
    'entries that fork changes in the parent of a read-only shared area': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const fill = device(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, screen, vma.pages), {
          writable: false,
        });
        map(process, 2, { prot: 'r', flags: 'shared|fixed', file: fill });
        const before = [0, 1].map((n) => process.explain(BigInt(areaAt(process).start + n)).pte?.value);
        const child = process.fork();
        const after = [0, 1].map((n) => process.explain(BigInt(areaAt(process).start + n)).pte?.value);
        machine.check();
        return [before.filter((value, i) => value !== after[i]).length, [0, 1].map((n) => shown(child, n))];
      },
      expected: [0, ['raw r', 'raw r']],
    },
    'is_cow_mapping of neither, MAYWRITE, SHARED, both': {
      run: () => [0, VM_MAYWRITE, VM_SHARED, VM_SHARED | VM_MAYWRITE].map(isCowMapping),
      expected: [false, true, false, false],
    },
  },
});
