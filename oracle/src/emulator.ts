/** Running an emulator as a child process. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** Longest a run may take. */
const TIMEOUT_MS = 120_000;
/** How often an emulator that cannot end itself is looked after. */
const POLL_MS = 20;

/** The emulator did not do what it was started for: no answer, which is neither agreement nor disagreement. */
export class EmulatorError extends Error {}

/** What an emulator calls itself, or null when it is not installed. */
export function versionOf(emulator: string): string | null {
  const { status, stdout } = spawnSync(emulator, ['--version'], { encoding: 'utf8' });
  return status === 0 ? ((stdout.split('\n')[0] as string).trim() ?? '') : null;
}

/** Runs an emulator to its end; its exit status. @throws EmulatorError with what it printed when it does not end in time */
export function runEmulator(emulator: string, args: readonly string[]): Promise<number> {
  return start(emulator, args, () => {});
}

/**
 * Runs an emulator until `isDone`, then ends it: what its guest wrote into a shared file stays.
 * @throws Error with what it printed when it says anything, ends by itself or takes too long
 */
export async function runEmulatorUntil(
  emulator: string,
  args: readonly string[],
  isDone: () => boolean,
): Promise<void> {
  let wasDone = false;
  await start(emulator, args, (child) => {
    const poll = setInterval(() => {
      wasDone = isDone();
      if (wasDone) child.kill('SIGKILL');
    }, POLL_MS);
    child.on('close', () => clearInterval(poll));
  });
  if (!wasDone) throw new Error(`${emulator} ended before its guest was done`);
}

function start(emulator: string, args: readonly string[], started: (child: ChildProcess) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(emulator, [...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    const hear = (chunk: Buffer): void => {
      said += chunk.toString('utf8');
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(
        new EmulatorError(`${emulator} did not end within ${TIMEOUT_MS / 1000} s; it said: ${said.slice(0, 2000)}`),
      );
    }, TIMEOUT_MS);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new EmulatorError(error.message));
    });
    child.on('exit', (status) => {
      clearTimeout(timer);
      if (said !== '') reject(new EmulatorError(`${emulator} ended with ${status} and said: ${said.slice(0, 2000)}`));
      else resolve(status ?? -1);
    });
    started(child);
  });
}
