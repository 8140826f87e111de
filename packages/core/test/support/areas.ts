/** Recounts what areas cost, from scratch: the slow twins of the counters (F7 to F11). */
import { expect } from 'vitest';
import type { Kernel } from '../../src/kernel.js';
import type { AddressSpace } from '../../src/pagecache/address-space.js';
import type { AnonVma } from '../../src/rmap/anon-vma.js';
import {
  VM_ACCOUNT,
  VM_EXEC,
  VM_GROWSDOWN,
  VM_GROWSUP,
  VM_LOCKED,
  VM_NONLINEAR,
  VM_SHARED,
  VM_WRITE,
} from '../../src/vma/flags.js';
import type { Mm } from '../../src/vma/mm.js';
import type { Vma } from '../../src/vma/vma.js';

/** An area as tests write it. */
export type AreaText = string;

/** The areas of an mm as `start+pages rwx@pgoff`, one string each. */
export function areasOf(mm: Mm): AreaText[] {
  return [...mm.vmas].map((vma) => {
    const rights = [1, 2, 4].map((bit, i) => ((vma.flags & bit) !== 0 ? 'rwx'[i] : '-')).join('');
    return `${vma.start}+${vma.pages} ${rights}${(vma.flags & VM_SHARED) !== 0 ? 's' : 'p'}@${vma.pgoff}`;
  });
}

/** Compares every counter of areas with a recount over all mms of the kernel. */
export function checkAreas(k: Kernel): void {
  let charged = 0;
  const areasOfSpace = new Map<AddressSpace, Set<Vma>>();
  const areasOfAnon = new Map<AnonVma, Set<Vma>>();
  for (const mm of k.mms) {
    const list = [...mm.vmas];
    expect(list.length).toBe(mm.vmas.size);
    const sums = { totalVm: 0, lockedVm: 0, sharedVm: 0, execVm: 0, stackVm: 0 };
    let end = 0;
    for (const vma of list) {
      expect(vma.start).toBeGreaterThanOrEqual(end);
      expect(vma.end).toBeGreaterThan(vma.start);
      expect(vma.end).toBeLessThanOrEqual(k.arch.layout.taskSizePages);
      expect(mm.vmas.find(vma.start)).toBe(vma);
      expect(mm.vmas.find(vma.end - 1)).toBe(vma);
      end = vma.end;
      add(sums, vma);
      if ((vma.flags & VM_ACCOUNT) !== 0) charged += vma.pages;
      if (vma.file !== null) group(areasOfSpace, vma.file.inode.mapping, vma);
      if (vma.anonVma !== null) group(areasOfAnon, vma.anonVma, vma);
    }
    const { totalVm, lockedVm, sharedVm, execVm, stackVm } = mm;
    expect({ totalVm, lockedVm, sharedVm, execVm, stackVm }).toEqual(sums);
  }
  expect(k.committed).toBe(charged);
  for (const [space, areas] of areasOfSpace) {
    const linear = new Set([...areas].filter((vma) => (vma.flags & VM_NONLINEAR) === 0));
    expect(new Set(space.linear)).toEqual(linear);
    expect(space.linear.size + space.nonlinear.size).toBe(areas.size);
    expect(space.writableAreas).toBe([...areas].filter((vma) => (vma.flags & VM_SHARED) !== 0).length);
  }
  for (const [anon, areas] of areasOfAnon) {
    expect(anon.areas.size).toBe(areas.size);
    for (const vma of areas) expect(anon.areas.has(vma)).toBe(true);
  }
}

function add(
  sums: { totalVm: number; lockedVm: number; sharedVm: number; execVm: number; stackVm: number },
  vma: Vma,
): void {
  sums.totalVm += vma.pages;
  if ((vma.flags & VM_LOCKED) !== 0) sums.lockedVm += vma.pages;
  if (vma.file !== null) {
    sums.sharedVm += vma.pages;
    if ((vma.flags & VM_EXEC) !== 0 && (vma.flags & VM_WRITE) === 0) sums.execVm += vma.pages;
  } else if ((vma.flags & (VM_GROWSDOWN | VM_GROWSUP)) !== 0) {
    sums.stackVm += vma.pages;
  }
}

function group<K>(map: Map<K, Set<Vma>>, key: K, vma: Vma): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([vma]));
  else set.add(vma);
}
