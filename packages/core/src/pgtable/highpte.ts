/**
 * CONFIG_HIGHPTE: pte tables lie in high memory, where the kernel has no address for them. To look at one it maps its page into a
 * slot of the CPU it runs on (kmap_atomic), and it has to unmap it before it sleeps or lets others run there: they would map
 * their tables over it.
 *
 * Entries are found by word index here, mapped or not, so what this keeps is the count: which table is in which slot.
 * Everything that breaks the discipline is a KernelBug: a slot mapped twice, unmapped free or with another table in it, the
 * outer slot unmapped before the nested one, an entry stored through no map, and anything that may sleep while a slot is full.
 */
import { KernelBug } from '../errors.js';
import { MAP_PTE, SLOT_NAMES, UNMAP_PTE } from '../events/kinds.js';
import type { EventRing } from '../events/ring.js';
import type { Kernel } from '../kernel.js';
import type { FrameWatch } from '../memory/page-allocator.js';

/** The slot of pte_offset_map. */
export const KM_PTE0 = 0;
/** The slot of pte_offset_map_nested, for a second table while the first is mapped. */
export const KM_PTE1 = 1;

/** What an operation had mapped when it began to spin. */
export interface ParkedMaps {
  readonly outer: number;
  readonly nested: number;
}

/**
 * The slots of the CPU that runs the code now. One pair serves all CPUs: nobody gives up a CPU with a slot full, but an operation
 * that spins for a lock stays on its own while others run elsewhere, and takes its slots out of their way (`park`).
 */
export class PteMaps implements FrameWatch {
  /** What the code now belongs to, for messages. */
  private operation = '';
  /** First word of the page in each slot; 0: free. */
  private readonly slots: [number, number] = [0, 0];
  private readonly pageWords: number;
  private readonly events: EventRing;

  constructor(pageWords: number, events: EventRing) {
    this.pageWords = pageWords;
    this.events = events;
  }

  /** Slots that are full. */
  get depth(): number {
    return (this.slots[KM_PTE0] === 0 ? 0 : 1) + (this.slots[KM_PTE1] === 0 ? 0 : 1);
  }

  /** Maps the table of the entry at word `at`. @throws KernelBug */
  map(slot: 0 | 1, at: number): void {
    const table = this.tableOf(at);
    if (this.slots[slot] !== 0) this.fail(`${SLOT_NAMES[slot]} mapped while it holds a table`, at);
    if (slot === KM_PTE1 && this.slots[KM_PTE0] === 0) this.fail('KM_PTE1 mapped with nothing to nest in', at);
    this.slots[slot] = table;
    if (this.events.on) this.events.emit(MAP_PTE, slot, table);
  }

  /** Unmaps it; `at` may be any word of its page. @throws KernelBug */
  unmap(slot: 0 | 1, at: number): void {
    const table = this.tableOf(at);
    if (this.slots[slot] !== table) {
      this.fail(`${SLOT_NAMES[slot]} unmapped while ${this.slots[slot] === 0 ? 'free' : 'it holds another table'}`, at);
    }
    if (slot === KM_PTE0 && this.slots[KM_PTE1] !== 0) this.fail('KM_PTE0 unmapped before KM_PTE1', at);
    this.slots[slot] = 0;
    if (this.events.on) this.events.emit(UNMAP_PTE, slot, table);
  }

  /** Somebody stores the entry at word `at`. @throws KernelBug when its table is in no slot */
  stored(at: number): void {
    const table = this.tableOf(at);
    if (this.slots[KM_PTE0] !== table && this.slots[KM_PTE1] !== table) this.fail('an entry stored through no map', at);
  }

  /** might_sleep. @throws KernelBug while a slot is full */
  mightSleep(what: string): void {
    if (this.depth !== 0) this.fail(`${what} with ${this.depth} pte tables mapped`, Math.max(...this.slots));
  }

  /** A frame is taken (FrameWatch); whoever takes one might have had to wait for it. */
  taken(): void {
    this.mightSleep('a frame allocated');
  }

  freed(): void {}

  /** What runs from now on belongs to an operation. */
  runs(operation: string): void {
    this.operation = operation;
  }

  /** Empties the slots for others: the operation stays on its CPU meanwhile, they are on theirs. */
  park(): ParkedMaps {
    const [outer, nested] = this.slots;
    this.slots[KM_PTE0] = 0;
    this.slots[KM_PTE1] = 0;
    return { outer, nested };
  }

  /** The operation goes on. @throws KernelBug when somebody left a slot full */
  unpark(parked: ParkedMaps): void {
    this.mightSleep('another CPU left');
    this.slots[KM_PTE0] = parked.outer;
    this.slots[KM_PTE1] = parked.nested;
  }

  private tableOf(at: number): number {
    return at - (at % this.pageWords);
  }

  private fail(what: string, at: number): never {
    throw new KernelBug(`${this.operation || 'outside of calls'}: ${what} (entry at word ${at})`);
  }
}

/** pte_offset_map of the entry at word `at`. */
export function pteOffsetMap(k: Kernel, at: number): void {
  if (k.pteMaps !== null) k.pteMaps.map(KM_PTE0, at);
}

/** pte_unmap; `at` may be any entry of the table. */
export function pteUnmap(k: Kernel, at: number): void {
  if (k.pteMaps !== null) k.pteMaps.unmap(KM_PTE0, at);
}

/** pte_offset_map_nested: a second table while another one is mapped. */
export function pteOffsetMapNested(k: Kernel, at: number): void {
  if (k.pteMaps !== null) k.pteMaps.map(KM_PTE1, at);
}

/** pte_unmap_nested: before the other one is unmapped. */
export function pteUnmapNested(k: Kernel, at: number): void {
  if (k.pteMaps !== null) k.pteMaps.unmap(KM_PTE1, at);
}
