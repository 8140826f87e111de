/** Progress of all replays as one bar on the terminal: how much is done, at what rate, and the time left. */
import type { ReplayProgress } from '@fourfold/replay/node';
import { Presets, SingleBar } from 'cli-progress';
import type { Host } from '../host.js';
import { perSecond } from '../text/number.js';

const FORMAT = '{bar} {percentage}%  {rate}  {eta_formatted} left  {running}';

export class Progress {
  readonly #bar: SingleBar | undefined;
  readonly #totalBytes: number;
  readonly #jobs = new Map<string, ReplayProgress>();
  readonly #startedAt = performance.now();
  #isShown = false;

  /** Shown only where stderr is a terminal. */
  constructor(host: Host, traceBytes: readonly number[], nrMachines: number) {
    this.#totalBytes = traceBytes.reduce((sum, n) => sum + n, 0) * nrMachines;
    if (host.stderr.isTTY !== true || this.#totalBytes === 0) return;
    this.#bar = new SingleBar(
      {
        stream: host.stderr as NodeJS.WriteStream,
        format: FORMAT,
        barsize: 24,
        clearOnComplete: true,
        // Leave the terminal as it is, so that ending by a signal at any moment leaves it right.
        linewrap: true,
        gracefulExit: false,
      },
      Presets.legacy,
    );
    this.resume();
  }

  update(trace: number, machine: number, progress: ReplayProgress): void {
    if (this.#bar === undefined) return;
    this.#jobs.set(`${trace} ${machine}`, progress);
    if (this.#isShown) this.#bar.update(this.#consumed(), this.#payload());
  }

  /** Takes the bar away, for something to be printed. */
  pause(): void {
    if (this.#bar === undefined || !this.#isShown) return;
    this.#isShown = false;
    this.#bar.stop();
  }

  resume(): void {
    if (this.#bar === undefined || this.#isShown || this.#consumed() >= this.#totalBytes) return;
    this.#isShown = true;
    this.#bar.start(this.#totalBytes, this.#consumed(), this.#payload());
  }

  #consumed(): number {
    return [...this.#jobs.values()].reduce((sum, { consumedBytes }) => sum + consumedBytes, 0);
  }

  #payload(): { readonly rate: string; readonly running: string } {
    const jobs = [...this.#jobs.values()];
    const records = jobs.reduce((sum, job) => sum + job.records, 0);
    const seconds = Math.max(0.001, (performance.now() - this.#startedAt) / 1000);
    const running = jobs.filter(({ consumedBytes, totalBytes }) => consumedBytes < totalBytes);
    return { rate: perSecond(records / seconds), running: running.map(({ machine }) => machine).join(' ') };
  }
}
