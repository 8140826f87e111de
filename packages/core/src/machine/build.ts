/** What the kernel of a machine was built for. None of it changes what a program sees. */

/** Options of the kernel's build. */
export interface BuildOptions {
  /** NR_CPUS; default, and at least, the CPUs that run. From 4 on, pte locks are split. */
  readonly nrCpus?: number;
  /** CONFIG_PREEMPT; default false. */
  readonly preempt?: boolean;
  /**
   * CONFIG_HIGHPTE: pte tables are mapped to be looked at, and whoever forgets to unmap one, or might sleep before, fails the run.
   * Default false.
   */
  readonly highpte?: boolean;
}

let highpteByDefault = false;

/** Whether kernels are built with CONFIG_HIGHPTE whose options say nothing of it: no, unless `buildByDefault` was called. */
export function defaultHighpte(): boolean {
  return highpteByDefault;
}

/** From now on kernels are built like this unless their options say otherwise: for a test suite. */
export function buildByDefault(options: Required<Pick<BuildOptions, 'highpte'>>): void {
  highpteByDefault = options.highpte;
}
