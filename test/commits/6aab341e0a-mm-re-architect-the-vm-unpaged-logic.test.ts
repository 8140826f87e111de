/**
 * Areas of raw frame numbers: VM_PFNMAP and the rule of vm_pgoff, which replaced VM_UNPAGED and what it had learnt, copying
 * on write, anonymous copies beside raw entries, and holes.
 */
import { FrameBuffer, RingDevice, remapPfnRange, VM_IO, VM_PFNMAP, VM_RESERVED } from '@fourfold/core';
import { commit } from './support/commit.js';
import { areaAt, countsOf, device, shown, withScreen } from './support/devices.js';
import { fault, frameOf, map, outcome, pageAt, run } from './support/memory.js';

export default commit({
  commits: ['6aab341e0a', '0b14c179a4', '920fc356f5', 'ee498ed730', 'f57e88a8d8'],
  outcomes: {
    'a private area of 4 frames, page 2 written, then fork: what parent and child map, and the rss of both': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const file = device(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, screen, vma.pages));
        map(process, 4, { flags: 'private|fixed', file });
        const written = outcome(run(fault(process, 2, true)));
        const child = process.fork();
        machine.check();
        const both = [process, child].map((p) => [0, 1, 2, 3].map((n) => shown(p, n)));
        const rss = [process, child].map(({ mm }) => [mm.anonRss, mm.fileRss]);
        const copy = frameOf(process, 2);
        const mapcount = countsOf(machine, copy)[1];
        process.exit();
        child.exit();
        machine.check();
        return { written, both, rss, mapcount, left: countsOf(machine, copy)[0] };
      },
      expected: {
        written: 'MINOR|WRITE',
        both: Array(2).fill(['raw r', 'raw r', 'anon r counted', 'raw r']),
        rss: [
          [1, 0],
          [1, 0],
        ],
        mapcount: 2,
        left: 0,
      },
    },
    'over RAM that somebody owns: its counts, after mapping, writing, fork and unmapping': {
      run: (bench) => {
        const { machine } = withScreen(bench);
        const process = machine.spawn();
        map(process, 1, {}, 32);
        process.store8(pageAt(machine, 32), 7);
        const page = frameOf(process, 32);
        const pfn = machine.kernel.memory.pageToPfn(page);
        const file = device(machine, (vma) => remapPfnRange(machine.kernel, vma, vma.start, pfn, vma.pages));
        const before = countsOf(machine, page);
        const seen: unknown[] = [];
        // page_mapcount; page_count falls by itself when the page leaves its LRU batch.
        const look = (): void => void seen.push(countsOf(machine, page)[1] - before[1]);
        map(process, 1, { flags: 'private|fixed', file });
        look();
        process.store8(pageAt(machine, 0) + 5n, 1);
        const copied = process.load8(pageAt(machine, 0));
        look();
        map(process, 1, { flags: 'shared|fixed', file }, 8);
        process.munmap(pageAt(machine, 0), BigInt(machine.pageSize));
        look();
        machine.check();
        return { seen, copied };
      },
      expected: { seen: [0, 0, 0], copied: 7 },
    },
    'flags of the area; its mark is the first frame': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const fb = new FrameBuffer(machine.kernel, machine.kernel.memory.devices[0] as { base: number; size: number });
        map(process, 2, { flags: 'private|fixed', file: fb.open() });
        const { flags, pgoff } = areaAt(process);
        return [flags & (VM_IO | VM_RESERVED | VM_PFNMAP), pgoff - screen];
      },
      expected: [VM_IO | VM_RESERVED | VM_PFNMAP, 0],
    },
    'a read of a hole in a private area, and what it maps': {
      run: (bench) => {
        const { machine, screen } = withScreen(bench);
        const process = machine.spawn();
        const file = device(machine, function* (vma) {
          vma.flags |= VM_PFNMAP;
          vma.pgoff = screen;
          return 0;
        });
        map(process, 1, { flags: 'private|fixed', file });
        const result = outcome(run(fault(process, 0, false)));
        machine.check();
        return [result, shown(process, 0), process.mm.fileRss];
      },
      expected: ['MINOR', 'zero', 1],
    },
    'a driver with VM_RESERVED and pages by nopage: counts and rss after 4 faults, and after unmapping': {
      run: ({ machine: make }) => {
        const machine = make();
        const process = machine.spawn();
        const ring = new RingDevice(machine.kernel, 4, 'nopage');
        map(process, 4, { flags: 'shared|fixed', file: ring.open() });
        for (let n = 0; n < 4; n++) process.load8(pageAt(machine, n));
        const state = (): unknown => [
          ring.pages.map((page) => countsOf(machine, page)),
          process.mm.fileRss,
          process.mm.reservedVm,
        ];
        const mapped = state();
        process.munmap(pageAt(machine, 0), BigInt(4 * machine.pageSize));
        machine.check();
        return [mapped, state()];
      },
      expected: [
        [Array(4).fill([2, 1]), 4, 4],
        [Array(4).fill([1, 0]), 0, 0],
      ],
    },
  },
});
