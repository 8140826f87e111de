/**
 * Worker threads, one a machine: each reads the trace file itself, so that nothing passes between threads per record, and
 * sees one architecture, so that its code stays specialized. A thread serves its machine again for the next trace.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { MachineReport } from '../engine/report.js';
import type { JobMessage, WorkerMessage } from './messages.js';
import type { ReplayProgress, ReplaySettings } from './replay-here.js';

export interface PoolOptions {
  /** The module that calls `serveReplays`: JavaScript, which a thread can load as it is. */
  readonly worker: URL;
  /** Machines that run at once; default one a processor. */
  readonly jobs?: number | undefined;
  /** Told the stack of an error of ours in a thread. */
  readonly onBug?: ((stack: string) => void) | undefined;
}

export interface PoolReplayOptions extends ReplaySettings {
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
}

interface Job {
  readonly message: JobMessage;
  readonly onProgress: ((progress: ReplayProgress) => void) | undefined;
  readonly resolve: (report: MachineReport) => void;
  readonly reject: (error: Error) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly machine: string;
  job: Job | undefined;
}

export class ReplayPool {
  readonly #options: PoolOptions;
  readonly #jobs: number;
  readonly #threads = new Set<Thread>();
  readonly #queue: Job[] = [];
  #isClosed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#jobs = Math.max(1, options.jobs ?? availableParallelism());
  }

  /**
   * Replays a trace file on one machine, when a thread is free.
   * @throws Error when the machine cannot be made, its thread fails, or the pool is closed. A trace that cannot be read
   * to its end is no error here: see `report.error`.
   */
  replay(path: string, machine: string, options: PoolReplayOptions = {}): Promise<MachineReport> {
    if (this.#isClosed) return Promise.reject(new Error('the pool is closed'));
    const { onProgress, memory, swap, cold, contents, huge, tlb, cost } = options;
    return new Promise((resolve, reject) => {
      const message = { path, machine, settings: { memory, swap, cold, contents, huge, tlb, cost } };
      this.#queue.push({ message, onProgress, resolve, reject });
      this.#start();
    });
  }

  /** Ends every thread; what is not finished fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = new Error('the pool is closed');
    for (const job of this.#queue.splice(0)) job.reject(closed);
    for (const { job } of this.#threads) job?.reject(closed);
    await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
  }

  /** Starts queued jobs while there is room, in order. */
  #start(): void {
    const running = [...this.#threads].filter(({ job }) => job !== undefined).length;
    for (const job of this.#queue.splice(0, Math.max(0, this.#jobs - running))) {
      const { machine } = job.message;
      const idle = [...this.#threads].find((thread) => thread.job === undefined && thread.machine === machine);
      const thread = idle ?? this.#open(machine);
      thread.job = job;
      thread.worker.postMessage(job.message);
    }
  }

  #open(machine: string): Thread {
    const worker = new Worker(this.#options.worker, { name: machine });
    const thread: Thread = { worker, machine, job: undefined };
    this.#threads.add(thread);
    worker.on('message', (message: WorkerMessage) => this.#take(thread, message));
    worker.on('error', (error) => this.#fail(thread, error));
    worker.on('exit', (status) => this.#fail(thread, new Error(`its thread ended with status ${status}`)));
    return thread;
  }

  #take(thread: Thread, message: WorkerMessage): void {
    switch (message.kind) {
      case 'progress':
        thread.job?.onProgress?.(message.progress);
        break;
      case 'bug':
        this.#options.onBug?.(message.stack);
        break;
      case 'report':
        this.#end(thread)?.resolve(message.report);
        break;
      case 'failure':
        this.#options.onBug?.(message.stack);
        this.#end(thread)?.reject(new Error(`${thread.machine}: ${message.message}`));
        break;
    }
  }

  #fail(thread: Thread, error: Error): void {
    this.#threads.delete(thread);
    if (error.stack !== undefined && thread.job !== undefined) this.#options.onBug?.(error.stack);
    this.#end(thread)?.reject(new Error(`${thread.machine}: ${error.message}`));
  }

  /** The thread's job, which is over. */
  #end(thread: Thread): Job | undefined {
    const { job } = thread;
    thread.job = undefined;
    if (!this.#isClosed) this.#start();
    return job;
  }
}
