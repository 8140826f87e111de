/**
 * get_random_int for what the kernel places at random. From a seed, so that a run can be had again; nobody has secrets to
 * keep here.
 */

export class Random {
  private state: number;

  /** @param seed any number; its low 32 bits count. */
  constructor(seed: number) {
    this.state = seed >>> 0;
  }

  /** The next number, from 0 to 2^32 - 1 (a Weyl sequence, mixed). */
  next(): number {
    this.state = (this.state + 0x9e37_79b9) >>> 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 16), 0x85eb_ca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
    return (mixed ^ (mixed >>> 16)) >>> 0;
  }

  /** The next number below a power of two. */
  below(powerOfTwo: number): number {
    return this.next() % powerOfTwo;
  }
}
