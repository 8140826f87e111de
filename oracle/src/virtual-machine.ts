/**
 * A virtual machine with a monitor to ask: started, stopped and questioned over QMP, the emulator's protocol of one JSON
 * object a line, which carries the commands of the monitor for people too.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { EmulatorError } from './emulator.js';

/** Longest an answer, or the start, may take. */
const TIMEOUT_MS = 120_000;

interface Answer {
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

export class VirtualMachine {
  readonly #child: ChildProcess;
  readonly #waiting: ((answer: Answer) => void)[] = [];
  #socket: Socket | null = null;
  /** What came since the last whole line. */
  readonly #rest: string[] = [];
  /** What it printed: the guest's serial line and the emulator's complaints. */
  printed = '';
  /** Why it ended; empty while it runs. */
  #ended = '';

  private constructor(emulator: string, args: readonly string[]) {
    this.#child = spawn(emulator, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = (chunk: Buffer): void => {
      this.printed += chunk.toString('latin1');
    };
    this.#child.stdout?.on('data', hear);
    this.#child.stderr?.on('data', hear);
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (status, signal) => {
      this.#end(`${emulator} ended with ${signal ?? status}: ${this.printed.trim().slice(-500)}`);
    });
  }

  /** Starts an emulator whose serial line is its standard output. @param socket path of the monitor's socket, not there yet */
  static async start(emulator: string, args: readonly string[], socket: string): Promise<VirtualMachine> {
    const vm = new VirtualMachine(emulator, [...args, '-serial', 'stdio', '-qmp', `unix:${socket},server=on,wait=off`]);
    await vm.#connect(socket);
    await vm.execute('qmp_capabilities');
    return vm;
  }

  /** Waits until it has printed `text`. @throws EmulatorError with the end of what it printed */
  async prints(text: string): Promise<void> {
    await this.#until(() => this.printed.includes(text), `expected the guest to print "${text}"`);
  }

  /** Runs a command of QMP. */
  async execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#ended !== '') throw new EmulatorError(`${command}: ${this.#ended}`);
    const { return: value, error } = await new Promise<Answer>((resolve) => {
      this.#waiting.push(resolve);
      this.#socket?.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
    if (error !== undefined) throw new EmulatorError(`${command}: ${error.desc}`);
    return value;
  }

  /** Runs a command of the monitor for people; its text. */
  async ask(line: string): Promise<string> {
    return String(await this.execute('human-monitor-command', { 'command-line': line })).replaceAll('\r', '');
  }

  /** Ends the machine. */
  kill(): void {
    this.#socket?.destroy();
    this.#child.kill('SIGKILL');
  }

  async #connect(path: string): Promise<void> {
    await this.#until(async () => {
      const socket = createConnection(path);
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      if (!isOpen) return false;
      this.#socket = socket;
      socket.on('data', (chunk: Buffer) => this.#receive(chunk.toString('utf8')));
      return true;
    }, 'expected the monitor to answer');
  }

  async #until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const end = performance.now() + TIMEOUT_MS;
    while (!(await holds())) {
      if (this.#ended !== '' || performance.now() > end) {
        throw new EmulatorError(`${what}; ${this.#ended || `time is up, it printed: ${this.printed.slice(-500)}`}`);
      }
      await sleep(20);
    }
  }

  /** An answer may have megabytes in one line, so pieces are joined once. */
  #receive(text: string): void {
    this.#rest.push(text);
    if (!text.includes('\n')) return;
    const lines = this.#rest.splice(0).join('').split('\n');
    this.#rest.push(lines.pop() as string);
    for (const line of lines) {
      const message = JSON.parse(line) as Answer;
      if ('return' in message || 'error' in message) this.#waiting.shift()?.(message);
    }
  }

  #end(why: string): void {
    this.#ended = why;
    for (const take of this.#waiting.splice(0)) take({ error: { desc: why } });
  }
}
