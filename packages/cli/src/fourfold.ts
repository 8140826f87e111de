/** The commands and their options. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { listMachines } from './commands/arch-list.js';
import { showMachine } from './commands/arch-show.js';
import { decode } from './commands/decode.js';
import { image } from './commands/image.js';
import { DEFAULT_MEMORY, replay } from './commands/replay.js';
import { run } from './commands/run.js';
import { walkImage } from './commands/walk.js';
import type { Host } from './host.js';
import { complain, Failure, Misuse, reportBug, STATUS_FAILURE, STATUS_MISUSE, STATUS_OK } from './outcome.js';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

/** Carries out one command line (without program names) and answers its exit status. */
export async function fourfold(args: readonly string[], host: Host): Promise<number> {
  const ended = { status: STATUS_OK };
  try {
    await createProgram(host, ended).parseAsync([...args], { from: 'user' });
    return ended.status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? STATUS_OK : STATUS_MISUSE;
    if (!(error instanceof Misuse || error instanceof Failure)) return reportBug(error, host);
    complain(host, error.message);
    return error instanceof Misuse ? STATUS_MISUSE : STATUS_FAILURE;
  }
}

function createProgram(host: Host, ended: { status: number }): Command {
  const program = new Command('fourfold')
    .description('The Linux 2.6.15/16-rc memory manager over the real page-table formats of several machines.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => host.stdout.write(text),
      writeErr: (text) => host.stderr.write(text),
      getOutHelpWidth: () => host.stdout.columns ?? 80,
      getErrHelpWidth: () => host.stderr.columns ?? 80,
      outputError: (text) => complain(host, text.replace(/^error: /, '')),
    });

  program
    .command('replay')
    .description("Replays recorded traces on machines and compares what each machine's memory manager did.")
    .argument('<trace...>', 'text of valgrind --tool=lackey with system calls, plain or compressed by gzip')
    .option('--arch <names>', 'machines, separated by commas (default: all of them)', appendTo)
    .option('--json', 'print JSON instead of tables')
    .option('--out <dir>', 'also write one JSON file a trace into this folder')
    .option('--mem, --memory <size>', 'RAM of each machine, such as 64M', DEFAULT_MEMORY)
    .option('--swap <size>', 'swap of each machine, such as 64M (default: none)')
    .option('--cold', 'start with an empty page cache: first reads of files are major faults')
    .option('--no-contents', 'translate only: stores do not write into simulated memory')
    .option('--huge', 'put anonymous memory and the heap on huge pages, where the machine can')
    .option('--tlb <file>', "TLBs in the place of a machine's own (fourfold arch show NAME --tlb writes one)", collect)
    .option('--cost <file>', "costs in the place of a machine's own (fourfold arch show NAME --cost)", collect)
    .option('--jobs <n>', 'machines that run at once (default: one a processor)', parseJobs)
    .addHelpText(
      'after',
      '\nExit status: 0, 1 if a trace could not be read to its end (the results up to there are printed), 2 for misuse.',
    )
    .action(async (traces: string[], options) => {
      ended.status = await replay(traces, options, host);
    });

  program
    .command('run')
    .description('Runs a scenario: one operation a line, one result line each.')
    .argument('<file>', 'the scenario, a .mm file')
    .requiredOption('--arch <name>', 'machine that runs it')
    .option('--check', 'audit the machine after every operation, and watch its flushes and TLB hits')
    .option('--cpus <n>', 'CPUs; the processes are placed on them in turn (default: 1)', parseCpus)
    .option(
      '--tlb <file>',
      "TLBs in the place of the machine's own (fourfold arch show NAME --tlb writes one)",
      collect,
    )
    .option('--flushes', 'tell on stderr what each operation flushed, against what was owed')
    .action(async (file: string, options) => run(file, options, host));

  program
    .command('image')
    .description('Runs a scenario and writes the physical memory it leaves behind, and the registers to walk it by.')
    .argument('<file>', 'the scenario, a .mm file')
    .requiredOption('--arch <name>', 'machine that runs it')
    .requiredOption('--out <dir>', 'folder for memory.raw and image.json')
    .action(async (file: string, options) => image(file, options, host));

  program
    .command('walk')
    .description('Walks addresses through a memory dump, ours or that of any machine of the kind, entry by entry.')
    .argument('[address...]', 'virtual addresses: hexadecimal with 0x, else decimal')
    .requiredOption('--arch <name>', 'machine that the dump is of')
    .requiredOption('--image <file>', 'raw memory: the byte at physical address p has offset p')
    .option('--regs <file>', 'registers: image.json, a JSON object, or what an emulator prints (CR3=...)')
    .option('--root <address>', 'in the place of --regs: the root register alone (x86: cr3)')
    .option('--process <label>', 'process of image.json (default: the first)')
    .option('--from <file>', 'more addresses from a file, - for standard input')
    .option('--json', 'print one line of JSON an address')
    .action((addresses: string[], options) => walkImage(addresses, options, host));

  program
    .command('decode')
    .description('Takes a page-table entry apart, bit by bit.')
    .argument('<value>', 'the entry: hexadecimal with 0x, else decimal')
    .requiredOption('--arch <name>', 'machine whose entry it is')
    .option('--level <level>', 'table it is from: pte, pmd, pud or pgd', 'pte')
    .option('--json', 'print JSON')
    .action((value: string, options) => decode(value, options, host));

  const arch = program.command('arch').description('Tells what machines there are.');
  arch
    .command('list')
    .description('Lists the machines: page size, levels, who fills the TLB, how it is flushed.')
    .option('--json', 'print JSON')
    .action((options) => listMachines(options, host));
  arch
    .command('show')
    .description("Shows a machine's TLBs and costs.")
    .argument('<name>', 'the machine')
    .option('--tlb', 'print its TLBs as a file that --tlb takes')
    .option('--cost', 'print its costs as a file that --cost takes')
    .action((name: string, options) => showMachine(name, options, host));

  return program;
}

function appendTo(value: string, previous: string | undefined): string {
  return previous === undefined ? value : `${previous},${value}`;
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

function parseJobs(value: string): number {
  if (!/^[1-9][0-9]{0,3}$/.test(value)) throw new InvalidArgumentError('Expected a number from 1 to 9999.');
  return Number(value);
}

function parseCpus(value: string): number {
  const cpus = Number(value);
  if (!/^[0-9]{1,2}$/.test(value) || cpus < 1 || cpus > 31)
    throw new InvalidArgumentError('Expected a number from 1 to 31.');
  return cpus;
}
