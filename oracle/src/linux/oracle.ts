/**
 * Dumps of a stock Linux: a virtual machine boots a kernel, is stopped in user and in kernel mode, and `fourfold walk` walks its
 * memory from its registers. The emulator is asked for each address too (gva2gpa), and what user mode may do there (info mem).
 *
 * With page-table isolation, which is switched on, the two stops have different tables. The memory is a file that the
 * emulator shares with us, below 3 GiB so that a physical address is an offset, large enough for pages of 1 GiB.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { execPath } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { x86_64 } from '@fourfold/arch-x86';
import { EmulatorError } from '../emulator.js';
import type { Comparison, Oracle } from '../oracle.js';
import { Random } from '../random.js';
import { VirtualMachine } from '../virtual-machine.js';
import { kernelVersionOf, type MappedRange, pagesOf, physicalOf, privilegeOf, rangeAt, rangesOf } from './answers.js';

const EMULATOR = 'qemu-system-x86_64';
const MEMORY_MIB = 2560;
/** How long the first program runs before the machine is stopped. */
const SETTLE_MS = 2000;
/** Stops to look for a privilege level. */
const STOPS = 400;

/** The oracles of a kernel: with four levels of tables and with five. */
export function linuxOracles(kernel: string, initrd: string): Oracle[] {
  return [
    { name: 'x86_64-linux', cpu: 'qemu64,+pdpe1gb', addressBits: 48n },
    { name: 'x86_64-linux-la57', cpu: 'qemu64,+pdpe1gb,+la57', addressBits: 57n },
  ].map(({ name, cpu, addressBits }) => ({
    arch: x86_64,
    name,
    emulator: EMULATOR,
    debianPackage: 'qemu-system-x86',
    run: (seed, addresses, folder) => run({ kernel, initrd, cpu, addressBits, folder }, seed, addresses),
  }));
}

interface Guest {
  readonly kernel: string;
  readonly initrd: string;
  readonly cpu: string;
  readonly addressBits: bigint;
  readonly folder: string;
}

async function run(guest: Guest, seed: number, addresses: number): Promise<Comparison[]> {
  const { folder, kernel, initrd, cpu } = guest;
  const random = new Random(seed);
  const memory = join(folder, 'memory.raw');
  const vm = await VirtualMachine.start(
    EMULATOR,
    [
      ...['-M', 'pc,memory-backend=ram', '-m', `${MEMORY_MIB}M`, '-cpu', cpu, '-accel', 'tcg'],
      ...['-object', `memory-backend-file,id=ram,size=${MEMORY_MIB}M,mem-path=${memory},share=on`],
      ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 pti=on'],
      ...['-nodefaults', '-display', 'none', '-no-reboot'],
    ],
    join(folder, 'monitor'),
  );
  try {
    await vm.prints('Run /init as init process');
    await sleep(SETTLE_MS);
    const compared: Comparison[] = [];
    for (const privilege of [3, 0]) {
      const registers = await stopAt(vm, privilege);
      const label = `${kernelVersionOf(vm.printed)} at CPL ${privilege}`;
      compared.push(...(await compare(vm, guest, label, registers, random, Math.ceil(addresses / 2))));
      await vm.execute('cont');
    }
    return compared;
  } finally {
    vm.kill();
  }
}

/** Stops the machine when its CPU is at a privilege level; its registers. @throws EmulatorError when it never is */
async function stopAt(vm: VirtualMachine, privilege: number): Promise<string> {
  for (let i = 0; i < STOPS; i++) {
    await vm.execute('stop');
    const registers = await vm.ask('info registers');
    if (privilegeOf(registers) === privilege) return registers;
    await vm.execute('cont');
    await sleep(1 + (i % 7));
  }
  throw new EmulatorError(`the CPU was not at CPL ${privilege} in ${STOPS} stops`);
}

async function compare(
  vm: VirtualMachine,
  guest: Guest,
  label: string,
  registers: string,
  random: Random,
  count: number,
): Promise<Comparison[]> {
  const listed = rangesOf(await vm.ask('info mem'));
  // With five levels QEMU 7.2 lists nothing here; then rights are not compared.
  const ranges = listed.length > 0 ? listed : pagesOf(await vm.ask('info tlb'));
  const addresses = addressesOf(ranges, random, count, guest.addressBits);
  const walks = walkDump(guest.folder, registers, addresses);
  const compared: Comparison[] = [];
  for (const [i, address] of addresses.entries()) {
    const physical = physicalOf(await vm.ask(`gva2gpa 0x${address.toString(16)}`));
    const walk = walks[i] as JsonWalk;
    compared.push({
      process: label,
      address,
      ours: verdict(walk.physical === null ? null : BigInt(walk.physical), listed.length > 0 ? walk.rights : null),
      theirs: verdict(physical, listed.length > 0 ? rightsIn(rangeAt(listed, address)) : null),
      walk: () => walk.steps.map(({ what, value, says }) => `    ${what}: ${value} ${says}`).join('\n'),
    });
  }
  return compared;
}

interface Rights {
  readonly read: boolean;
  readonly write: boolean;
}

/** What user mode may do in a range. */
function rightsIn(range: MappedRange | null): Rights {
  return range === null ? { read: false, write: false } : { read: range.user, write: range.user && range.write };
}

function verdict(physical: bigint | null, rights: Rights | null): Comparison['ours'] {
  const user = rights === null ? '-' : `user ${rights.read ? (rights.write ? 'writes' : 'reads') : 'has no access'}`;
  return { load: physical === null ? 'nothing' : `at 0x${physical.toString(16)}`, store: user, fetch: '-' };
}

/** From this length on a range is a long one: of the kernel's image, its linear map, its vmemmap. */
const LONG = 0x10_0000n;

/**
 * Addresses of the user's ranges, of long ones, of any (most are the short ones of espfix), from near the end of one, and from
 * anywhere. With five levels all are canonical: gva2gpa does not ask.
 */
function addressesOf(ranges: readonly MappedRange[], random: Random, count: number, bits: bigint): bigint[] {
  const user = ranges.filter((range) => range.user);
  const long = ranges.filter(({ start, end }) => end - start >= LONG);
  const inside = [user, long, ranges].map((some) => (some.length > 0 ? some : ranges));
  return Array.from({ length: count }, (_, i) => {
    const { start, end } = random.pick(inside[i % 3] as MappedRange[]);
    const kind = i % 5;
    if (kind < 3) return start + (random.word() % (end - start));
    if (kind === 3) return BigInt.asUintN(64, end + (random.word() % 0x40_0000n) - 0x1000n);
    const word = random.word();
    return bits === 57n || random.below(2) === 0 ? BigInt.asUintN(64, BigInt.asIntN(Number(bits), word)) : word;
  });
}

/** A line of `fourfold walk --json`. */
interface JsonWalk {
  readonly physical: string | null;
  readonly rights: Rights;
  readonly steps: readonly { readonly what: string; readonly value: string; readonly says: string }[];
}

/** Walks the dump by the command that people use. */
function walkDump(folder: string, registers: string, addresses: readonly bigint[]): JsonWalk[] {
  const cli = dirname(createRequire(import.meta.url).resolve('@fourfold/cli/package.json'));
  const regs = join(folder, 'registers.txt');
  const from = join(folder, 'addresses.txt');
  writeFileSync(regs, registers);
  writeFileSync(from, addresses.map((address) => `0x${address.toString(16)}`).join('\n'));
  const args = ['walk', '--arch', 'x86_64', '--image', join(folder, 'memory.raw'), '--regs', regs, '--from', from];
  const printed = execFileSync(execPath, [join(cli, 'bin/fourfold.js'), ...args, '--json'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
  });
  return printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonWalk);
}
