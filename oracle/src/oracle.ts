/** What an oracle is: an emulator that is asked what a machine's tables give. */
import type { ArchDescriptor } from '@fourfold/core/arch';

/** What an emulator, or we, say of one address. Strings, so that they can be compared and printed as they are. */
export interface Verdict {
  /** `byte 7f`, `at` the physical address where nothing is loaded, or how the access was refused. */
  readonly load: string;
  readonly store: string;
  /** Fetching from the address; `-` where it was not tried. */
  readonly fetch: string;
  /** The entries of the walk as all accesses together left them; undefined where they are not compared. */
  readonly entries?: string;
}

/** One address of one address space. */
export interface Comparison {
  readonly process: string;
  /** What it was tried as, where it is tried in several ways: `ring 3`. */
  readonly as?: string;
  readonly address: bigint;
  readonly ours: Verdict;
  readonly theirs: Verdict;
  /** The walk of the address through our image, for a disagreement. */
  readonly walk: () => string;
}

/** One machine held against one emulator. */
export interface Oracle {
  readonly arch: ArchDescriptor;
  /** Default: the machine's name. */
  readonly name?: string;
  /** The emulator's program, and the Debian package that has it. */
  readonly emulator: string;
  readonly debianPackage: string;
  /** Runs a random program and compares at least `addresses` addresses. `folder` is scratch space. */
  run(seed: number, addresses: number, folder: string): Promise<readonly Comparison[]>;
}
