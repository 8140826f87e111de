/** A worker thread's side of a pool. */
import { parentPort } from 'node:worker_threads';
import type { FileSystemType } from '@fourfold/core';
import type { ArchDescriptor } from '@fourfold/core/arch';
import type { JobMessage, WorkerMessage } from './messages.js';
import { replayHere } from './replay-here.js';

/**
 * Replays what a ReplayPool asks for, on one of `arches`: the whole body of a worker's entry module.
 *
 * That module belongs to whoever owns the pool, because replay knows no architecture and a descriptor holds code, which
 * cannot be sent to a thread. Rejected: naming a package and an export, to be imported here. No bundler or type checker
 * sees such a name, and it would be resolved from this package, which does not depend on it.
 * @param tmpfs the machines' tmpfs, for the same reason; without it, shared memory in a trace is refused.
 * @throws Error outside of a worker thread.
 */
export function serveReplays(arches: readonly ArchDescriptor[], tmpfs?: FileSystemType): void {
  if (parentPort === null) throw new Error('expected a worker thread, came the main thread');
  const port = parentPort;
  const post = (message: WorkerMessage): void => port.postMessage(message);
  port.on('message', ({ path, machine, settings }: JobMessage) => {
    const arch = arches.find(({ name }) => name === machine);
    const replayed =
      arch === undefined
        ? Promise.reject(new Error(`expected one of ${arches.map(({ name }) => name).join(', ')}, came ${machine}`))
        : replayHere(path, arch, {
            ...settings,
            tmpfs,
            onProgress: (progress) => post({ kind: 'progress', progress }),
            onBug: (error) => post({ kind: 'bug', stack: stackOf(error) }),
          });
    replayed.then(
      (report) => post({ kind: 'report', report }),
      (error) => post({ kind: 'failure', message: messageOf(error), stack: stackOf(error) }),
    );
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : String(error);
}
