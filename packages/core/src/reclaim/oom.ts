/** The OOM killer (generic-mm 13.6): who has to die for the others to go on. */
import { OOM_KILLS } from '../events/counters.js';
import type { Kernel } from '../kernel.js';
import type { Op } from '../smp/lock.js';
import type { Mm } from '../vma/mm.js';

/** What the OOM killer knows of a process. */
export interface Task {
  readonly pid: number;
  readonly mm: Mm;
  readonly alive: boolean;
  /** Processes it forked. */
  readonly children: Iterable<Task>;
  /** In the middle of an operation: it cannot be taken away under it. */
  readonly busy: boolean;
  /** /proc/PID/oom_adj: the badness is shifted by it; -17 spares the process. */
  readonly oomAdj: number;
  /** SIGKILL, acted on at once. */
  kill(): Op<void>;
}

/** oom_adj that spares a process. */
const OOM_DISABLE = -17;

/**
 * out_of_memory: kills the worst process.
 * @returns whether memory may have come of it. False when the worst is who asks (its allocation fails, and it has the OOM
 *   signal or ENOMEM to deal with) or nobody is left.
 */
export function* outOfMemory(k: Kernel): Op<boolean> {
  const worst = selectBadProcess(k);
  if (worst === null || worst.mm === k.cpu.mm) return false;
  // A child with an address space of its own goes first.
  let victim = worst;
  for (const child of worst.children) {
    if (child.alive && child.mm !== worst.mm && !child.busy && child.mm !== k.cpu.mm) {
      victim = child;
      break;
    }
  }
  k.counters.values[OOM_KILLS] = (k.counters.values[OOM_KILLS] as number) + 1;
  // All threads of the address space.
  for (const task of [...k.tasks]) if (task.mm === victim.mm) yield* task.kill();
  return true;
}

function selectBadProcess(k: Kernel): Task | null {
  let worst: Task | null = null;
  let most = 0;
  for (const task of k.tasks) {
    if (task.oomAdj === OOM_DISABLE || (task.busy && task.mm !== k.cpu.mm)) continue;
    const points = badness(task);
    if (points > most) {
      most = points;
      worst = task;
    }
  }
  return worst;
}

/** badness: the memory it may use, and that of its children. Time counts nothing here: every process is as old as another. */
function badness(task: Task): number {
  let points = task.mm.totalVm;
  for (const child of task.children) if (child.alive && child.mm !== task.mm) points += child.mm.totalVm;
  return task.oomAdj >= 0 ? points * 2 ** task.oomAdj : points / 2 ** -task.oomAdj;
}
