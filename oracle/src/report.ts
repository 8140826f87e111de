/** What came of an oracle, in a few lines. */
import type { Comparison, Verdict } from './oracle.js';

/** Disagreements printed in full. */
const SHOWN = 5;

/** Whether the emulator says what we say. */
export function agrees({ ours, theirs }: Comparison): boolean {
  return (['load', 'store', 'fetch', 'entries'] as const).every((what) => ours[what] === theirs[what]);
}

/** One line of counts; then the disagreements, each with both answers and our walk. */
export function reportOf(machine: string, seed: number, compared: readonly Comparison[]): string {
  const wrong = compared.filter((comparison) => !agrees(comparison));
  const mapped = compared.filter(({ ours }) => /^(?:byte|at) /.test(ours.load)).length;
  const processes = new Set(compared.map(({ process }) => process)).size;
  const share = compared.length === 0 ? 0 : ((compared.length - wrong.length) / compared.length) * 100;
  const head = `${machine}: ${compared.length} addresses of ${processes} processes, ${mapped} mapped, ${share === 100 ? 100 : share.toFixed(3)} % agree`;
  const details = wrong.slice(0, SHOWN).map((comparison) => detail(comparison));
  const more = wrong.length > SHOWN ? [`  and ${wrong.length - SHOWN} more`] : [];
  const again =
    wrong.length > 0 ? [`  the same again: npm run test:oracle -- --machine ${machine} --seed ${seed}`] : [];
  return [head, ...details, ...more, ...again].join('\n');
}

function detail({ process, as, address, ours, theirs, walk }: Comparison): string {
  const where = as === undefined ? process : `${process}, ${as}`;
  return `  process ${where}, 0x${address.toString(16)}: we say ${words(ours)}; the emulator ${words(theirs)}\n${walk()}`;
}

function words({ load, store, fetch, entries }: Verdict): string {
  return `load ${load}, store ${store}, fetch ${fetch}${entries === undefined ? '' : `, entries ${entries}`}`;
}
