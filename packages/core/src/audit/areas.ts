/** Areas recounted: order, bounds, totals, file and anon_vma lists, the commit charge (F7 to F11). */
import type { Kernel } from '../kernel.js';
import type { AddressSpace } from '../pagecache/address-space.js';
import type { AnonVma } from '../rmap/anon-vma.js';
import { statAccount } from '../vma/accounting.js';
import { VM_ACCOUNT, VM_LOCKED, VM_NONLINEAR, VM_RESERVED, VM_SHARED } from '../vma/flags.js';
import { Mm } from '../vma/mm.js';
import type { Vma } from '../vma/vma.js';
import type { Say } from './finding.js';

/** Every area of every mm, and the lists they are on. */
export function auditAreas(k: Kernel, say: Say): void {
  let charged = 0;
  const spaces = new Map<AddressSpace, Vma[]>();
  const anons = new Map<AnonVma, number>();
  for (const mm of k.mms) {
    charged += auditMm(k, mm, say);
    for (const vma of mm.vmas) {
      if (vma.anonVma !== null) anons.set(vma.anonVma, (anons.get(vma.anonVma) ?? 0) + 1);
      if (vma.file === null) continue;
      const space = vma.file.inode.mapping;
      const list = spaces.get(space);
      if (list === undefined) spaces.set(space, [vma]);
      else list.push(vma);
    }
  }
  for (const part of k.auditedParts) charged += part.charged();
  charged += k.commitDrift;
  if (k.committed !== charged) say('F9', `vm_committed_space ${k.committed}, areas and objects charge ${charged}`);
  for (const [anon, areas] of anons) {
    if (anon.areas.size !== areas) say('F11', `an anon_vma lists ${anon.areas.size} areas, ${areas} carry it`);
    if (k.mappings.anon(anon.handle) !== anon) say('F11', `the anon_vma of ${areas} areas has lost its handle`);
    if (anon.lock.held) say('F23', 'an anon_vma.lock is held at rest');
  }
  for (const [space, areas] of spaces) auditSpace(k, space, areas, say);
}

function auditMm(k: Kernel, mm: Mm, say: Say): number {
  // Its areas are gone, and nobody counts them any more; a CPU borrows the root table.
  if (mm.users === 0) return 0;
  let total = 0;
  let locked = 0;
  let charged = 0;
  let count = 0;
  let end = 0;
  let prev: Vma | null = null;
  const twin = new Mm(-1, 0, false, k.events);
  for (const vma of mm.vmas) {
    if (vma.start < end || vma.start >= vma.end) say('F7', `mm ${mm.id}: area [${vma.start}, ${vma.end}) out of order`);
    if (vma.prev !== prev) say('F7', `mm ${mm.id}: area [${vma.start}, ${vma.end}) has another neighbour below`);
    if (mm.vmas.find(vma.start) !== vma)
      say('F7', `mm ${mm.id}: the tree does not find area [${vma.start}, ${vma.end})`);
    if (vma.end > k.arch.layout.taskSizePages) say('F7', `mm ${mm.id}: area ends above TASK_SIZE`);
    end = vma.end;
    prev = vma;
    count++;
    total += vma.pages;
    if ((vma.flags & VM_LOCKED) !== 0) locked += vma.pages;
    if ((vma.flags & VM_ACCOUNT) !== 0) charged += vma.pages;
    statAccount(twin, vma.flags, vma.file, vma.pages);
    if (vma.anonVma !== null && !vma.anonVma.areas.has(vma))
      say('F11', `mm ${mm.id}: area [${vma.start}, ${vma.end}) is not on its anon_vma`);
    const prot = k.arch.pteFormat.protection;
    const i = 2 * (vma.flags & 15);
    const hasOwn = vma.start === 0 && (vma.flags & VM_RESERVED) !== 0 && k.arch.layout.spec.pageZero !== undefined;
    if (!hasOwn && (vma.protLo !== prot[i] || vma.protHi !== prot[i + 1]))
      say('F17', `mm ${mm.id}: vm_page_prot of [${vma.start}, ${vma.end}) differs from its flags`);
  }
  if (count !== mm.vmas.size) say('F7', `mm ${mm.id}: map_count ${mm.vmas.size}, areas ${count}`);
  if (total !== mm.totalVm) say('F8', `mm ${mm.id}: total_vm ${mm.totalVm}, areas ${total}`);
  if (locked !== mm.lockedVm) say('F8', `mm ${mm.id}: locked_vm ${mm.lockedVm}, areas ${locked}`);
  if (twin.sharedVm !== mm.sharedVm) say('F8', `mm ${mm.id}: shared_vm ${mm.sharedVm}, areas ${twin.sharedVm}`);
  if (twin.execVm !== mm.execVm) say('F8', `mm ${mm.id}: exec_vm ${mm.execVm}, areas ${twin.execVm}`);
  if (twin.reservedVm !== mm.reservedVm)
    say('F8', `mm ${mm.id}: reserved_vm ${mm.reservedVm}, areas ${twin.reservedVm}`);
  if (twin.stackVm !== mm.stackVm) say('F8', `mm ${mm.id}: stack_vm ${mm.stackVm}, areas ${twin.stackVm}`);
  return charged;
}

function auditSpace(k: Kernel, space: AddressSpace, areas: readonly Vma[], say: Say): void {
  const { name } = space.host;
  if (space.lock.held) say('F23', `${name}: i_mmap_lock is held at rest`);
  let writable = 0;
  for (const vma of areas) {
    const list = (vma.flags & VM_NONLINEAR) !== 0 ? space.nonlinear : space.linear;
    if (!list.has(vma)) say('F10', `${name}: area [${vma.start}, ${vma.end}) is not on its list`);
    if ((vma.flags & VM_SHARED) !== 0) writable++;
  }
  const disorder = space.linear.check();
  if (disorder !== null) say('F10', `${name}: ${disorder}`);
  if (space.linear.size + space.nonlinear.size !== areas.length) {
    say('F10', `${name}: ${space.linear.size + space.nonlinear.size} areas listed, ${areas.length} map it`);
  }
  // D17: fork leaves it too low.
  if (k.defectsKept ? writable < space.writableAreas : writable !== space.writableAreas)
    say('F10', `${name}: i_mmap_writable ${space.writableAreas}, shared areas ${writable}`);
}
