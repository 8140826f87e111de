/** What the tables and areas show: stat, maps, mapsc, pages, share, mark, same. */

import type { Process } from '@fourfold/core';
import { census, type Entry, entryAt, leafTables, viewAreas, visibleAreas } from '../inspect.js';
import { type Operations, uncounted, worldly } from '../operation.js';
import { FrameNumbers, mapsOf, pageLetter, statOf } from '../results.js';
import type { World } from '../world.js';

export const viewOps: Operations = {
  stat: uncounted((args) => {
    args.end();
    return ({ machine: { kernel }, arena }, { mm }) =>
      statOf(census(kernel, mm, visibleAreas(mm, arena)), leafTables(kernel, mm, arena), mm.lockedVm);
  }),

  maps: uncounted((args) => {
    args.end();
    return (world, process) => mapsOf(viewAreas(world, process, false), world.arena);
  }),

  mapsc: uncounted((args) => {
    args.end();
    return (world, process) => mapsOf(viewAreas(world, process, true), world.arena);
  }),

  pages: uncounted((args) => {
    const at = args.address();
    const pages = args.pages();
    args.end();
    return (world, process) => entries(world, process, world.address(at), pages).map(pageLetter).join('');
  }),

  share: worldly((args) => {
    const at = args.address();
    const pages = args.pages();
    args.end();
    return (world) => {
      const numbers = new FrameNumbers();
      const start = world.address(at);
      return world.living
        .map(([label, process]) => {
          const frames = entries(world, process, start, pages).map((entry) => numbers.label(entry));
          return `${label}[${frames.join(' ')}]`;
        })
        .join(' ');
    };
  }),

  mark: uncounted((args) => {
    const at = args.address();
    const tag = args.word('a tag');
    args.end();
    return (world, process) => {
      const [entry] = entries(world, process, world.address(at), 1);
      if (entry === undefined || entry.page < 0) return 'absent';
      world.marks.set(tag, entry.page);
      return 'ok';
    };
  }),

  same: uncounted((args) => {
    const at = args.address();
    const tag = args.word('a tag');
    args.end();
    return (world, process) => {
      const address = world.address(at); // a label that nothing bound comes before a tag that nobody made
      const marked = world.marks.get(tag);
      if (marked === undefined) return 'notag';
      const [entry] = entries(world, process, address, 1);
      if (entry === undefined || entry.page < 0) return 'absent';
      return entry.page === marked ? 'same' : 'different';
    };
  }),
};

/** Entries of `pages` pages from the one that holds `address`. */
function entries(world: World, process: Process, address: bigint, pages: number): Entry[] {
  const first = Number(address / world.arena.pageSize);
  return Array.from({ length: pages }, (_, i) => entryAt(world.machine.kernel, process.mm, first + i));
}
