/** `npm run test:oracle -- --native`: scenarios on the kernel of this machine, and on ours. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compared, compareAll, shrink } from './compare.js';
import { scenarioOf } from './generate.js';
import { CannotRecord, Recorder } from './recorder.js';

export interface NativeOptions {
  /** Scenario files to compare; none for random ones. */
  readonly files: readonly string[];
  /** First seed of random scenarios, and how many there are. */
  readonly seed: number;
  readonly count: number;
}

/** Scenarios that are recorded in one run of the recorder. */
const BATCH = 50;
/** Disagreements that are shown in full. */
const SHOWN = 5;

/**
 * Compares and prints what came of it.
 * @returns whether all agree; null when nothing can be recorded here, which is said
 */
export function compareNatively({ files, seed, count }: NativeOptions): boolean | null {
  const folder = mkdtempSync(join(tmpdir(), 'fourfold-recorder-'));
  try {
    const recorder = new Recorder(folder);
    const texts =
      files.length > 0
        ? files.map((file) => readFileSync(file, 'utf8'))
        : Array.from({ length: count }, (_, i) => scenarioOf(seed + i));
    const names = files.length > 0 ? files : texts.map((_, i) => `seed ${seed + i}`);
    let leftOut = 0;
    let wrong = 0;
    for (let at = 0; at < texts.length; at += BATCH) {
      compareAll(recorder, texts.slice(at, at + BATCH)).forEach((compared, i) => {
        leftOut += compared.leftOut;
        if (compared.disagreement === null) return;
        wrong++;
        if (wrong <= SHOWN) console.log(disagreementText(names[at + i] as string, shrink(recorder, compared)));
      });
    }
    const share = `${texts.length - wrong} of ${texts.length} scenarios agree`;
    console.log(`native: ${share}; ${leftOut} lines left out, which later kernels do otherwise (docs/differences.md)`);
    return wrong === 0;
  } catch (error) {
    if (!(error instanceof CannotRecord)) throw error;
    console.log(`native: nothing compared, ${error.message}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function disagreementText(name: string, { text, disagreement }: Compared): string {
  const lines = text.trimEnd().split('\n');
  const scenario = lines.map((line) => `    ${line}`).join('\n');
  return `${name}:\n${scenario}\n  the kernel: ${disagreement?.native}\n  ours:       ${disagreement?.ours}`;
}
