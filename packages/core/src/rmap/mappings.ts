/**
 * Handles of page.mapping: the mem_map holds numbers, this table the objects. An even handle (above 0) is an
 * address_space, an odd one an anon_vma, as the kernel's low pointer bit says.
 */
import type { AddressSpace } from '../pagecache/address-space.js';
import type { AnonVma } from './anon-vma.js';

/** Handles in use and what they stand for. */
export class Mappings {
  private readonly objects: (AddressSpace | AnonVma | null)[] = [null];
  private readonly free: number[] = [];

  addFile(space: AddressSpace): void {
    space.handle = this.take(space) * 2;
  }

  addAnon(anon: AnonVma): void {
    anon.handle = this.take(anon) * 2 + 1;
  }

  remove(handle: number): void {
    this.objects[handle >> 1] = null;
    this.free.push(handle >> 1);
  }

  /** The address_space of an even handle, or null. */
  file(handle: number): AddressSpace | null {
    return (handle & 1) === 0 ? (this.objects[handle >> 1] as AddressSpace | null) : null;
  }

  /** The anon_vma of an odd handle, or null. */
  anon(handle: number): AnonVma | null {
    return (handle & 1) === 1 ? (this.objects[handle >> 1] as AnonVma | null) : null;
  }

  private take(object: AddressSpace | AnonVma): number {
    const index = this.free.pop() ?? this.objects.length;
    this.objects[index] = object;
    return index;
  }
}
