/**
 * The swap token (generic-mm 13.7): one mm at a time whose pages look used while it faults, so that it gets through. Time is
 * the kernel's `now`, in milliseconds.
 */
import type { Kernel } from '../kernel.js';
import type { Mm } from '../vma/mm.js';

const CHECK_INTERVAL = 2000;
const DEFAULT_TIMEOUT = 300_000;

/** Who has the token and for how long. */
export class SwapToken {
  holder: Mm | null = null;
  /** How long a holder may keep it; 0: nobody gets it. */
  timeout: number = DEFAULT_TIMEOUT;
  /** Until when the holder may keep it, and when others may next ask for it. */
  until = 0;
  check = 0;
  /** Since when the holder has not faulted again, as of the last check. */
  private faulted = true;
  /** Holder that used up its time, and when it may ask again. */
  private tired: Mm | null = null;
  private tiredUntil = 0;

  /** grab_swap_token: `mm` had to read a page from swap. */
  grab(k: Kernel, mm: Mm): void {
    const { now } = k;
    if (this.holder === mm) {
      this.faulted = true;
      if (this.timeout === 0) this.holder = null;
      return;
    }
    if (this.timeout === 0 || now <= this.check) return;
    this.check = now + CHECK_INTERVAL;
    const timedOut = this.holder !== null && now > this.until;
    if (this.holder !== null && this.faulted && !timedOut) {
      this.faulted = false;
      return;
    }
    if (timedOut) {
      this.tired = this.holder;
      this.tiredUntil = now + this.timeout;
    }
    if (this.tired === mm && now < this.tiredUntil) return;
    this.holder = mm;
    this.faulted = true;
    this.until = now + this.timeout;
  }

  /** put_swap_token at the end of an mm. */
  put(k: Kernel, mm: Mm): void {
    if (this.tired === mm) this.tired = null;
    if (this.holder === mm) this.disable(k);
  }

  /** disable_swap_token: memory is so short that the holder has to let go, for a while. */
  disable(k: Kernel): void {
    if (this.holder === null) return;
    this.holder = null;
    this.check = k.now + CHECK_INTERVAL;
  }
}
