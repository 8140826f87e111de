/**
 * Nothing a simulated program asks for may throw out of core: every call with edge values and random words answers a
 * value, and the audit is clean after each. The public methods throw nothing but what the program would see.
 */
import {
  DevMem,
  FrameBuffer,
  Machine,
  type MappedFile,
  MemoryFault,
  MmError,
  type Op,
  type Process,
  RingDevice,
  runToEnd,
} from '@fourfold/core';
import { tmpfs } from '@fourfold/tmpfs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MACHINES } from '../support/machines.js';

type Arch = (typeof MACHINES)[number];

const AT = 0x2000_0000n;
const TOPS = [32n, 39n, 43n, 44n, 46n, 47n, 61n, 63n, 64n].map((bits) => 1n << bits);
/** Around every border of an address space there is, and the small numbers. */
const EDGES = [
  0n,
  1n,
  1n << 31n,
  0x1000_0000n,
  AT,
  0xbfff_f000n,
  0xc000_0000n,
  0x1fff_fff0_0000_0000n,
  0xffff_f800_0000_0000n,
  0xffff_fffb_ffff_e000n,
  ...TOPS,
  ...TOPS.flatMap((top) => [top - 1n, top - 4096n, top - 65536n]),
];

/** What a run of calls works with. */
interface Setup {
  readonly machine: Machine;
  readonly process: Process;
  readonly files: readonly MappedFile[];
  readonly children: Process[];
}

interface Call {
  readonly text: string;
  run(s: Setup): Op<unknown>;
}

/** Calls of one kind, with their arguments drawn; a failure prints them. */
function call<A extends unknown[]>(
  name: string,
  args: fc.Arbitrary<A>,
  run: (s: Setup, ...args: A) => Op<unknown>,
): fc.Arbitrary<Call> {
  return args.map((drawn) => ({
    text: `${name}(${drawn.map(String).join(', ')})`,
    run: (s: Setup) => run(s, ...drawn),
    [fc.toStringMethod]() {
      return this.text;
    },
  }));
}

function calls(arch: Arch): fc.Arbitrary<Call> {
  const pageSize = BigInt(arch.geometry.pageSize);
  const inPages = (max: number): fc.Arbitrary<bigint> => fc.integer({ min: 0, max }).map((n) => BigInt(n) * pageSize);
  const skewed = inPages(40).chain((n) => fc.constantFrom(n - 1n, n + 1n, n + pageSize / 2n));
  const word = fc.oneof(
    { weight: 5, arbitrary: inPages(64).map((n) => AT + n) },
    { weight: 3, arbitrary: fc.constantFrom(...EDGES) },
    { weight: 1, arbitrary: skewed.map((n) => AT + n) },
    { weight: 1, arbitrary: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
  );
  const size = fc.oneof(
    { weight: 6, arbitrary: inPages(6) },
    { weight: 1, arbitrary: inPages(40) },
    { weight: 2, arbitrary: fc.constantFrom(...EDGES) },
    { weight: 1, arbitrary: skewed },
  );
  const small = fc.oneof({ weight: 3, arbitrary: inPages(40) }, { weight: 1, arbitrary: skewed });
  const bits = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.constantFrom(-1, 0x7fff_ffff, 8, 0x0100_0000, 0x0200_0000));
  const mapFlags = fc.oneof(
    fc.constantFrom(0x22, 0x32, 0x122, 0x4022, 0x8032, 0x02, 0x01, 0x11, 0x12, 0x21, 0x31, 0x8011, 0x18011, 0x2011),
    fc.constantFrom(0, 3, 0x7fff_ffff, 0x2032, 0x112),
    fc.nat(0xffff),
  );
  const which = fc.nat(7);
  const file = (s: Setup, n: number): MappedFile | null => s.files[n] ?? null;
  const count = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(-1, 1));
  return fc.oneof(
    {
      weight: 5,
      arbitrary: call(
        'mmap',
        fc.tuple(word, size, bits, mapFlags, which, word),
        (s, addr, length, prot, flags, f, offset) =>
          s.process.ops.mmap({ addr, length, prot, flags, file: file(s, f), offset }),
      ),
    },
    {
      weight: 5,
      arbitrary: call(
        'mmap of a file',
        fc.tuple(inPages(64), inPages(8), fc.nat(7), fc.boolean(), which, inPages(4)),
        (s, at, length, prot, shared, f, offset) =>
          s.process.ops.mmap({ addr: AT + at, length, prot, flags: shared ? 0x11 : 0x12, file: file(s, f), offset }),
      ),
    },
    call('munmap', fc.tuple(word, size), (s, ...args) => s.process.ops.munmap(...args)),
    call('mprotect', fc.tuple(word, size, bits), (s, ...args) => s.process.ops.mprotect(...args)),
    call('mremap', fc.tuple(word, size, size, fc.oneof(fc.nat(3), fc.constantFrom(-1, 4, 8)), word), (s, ...args) =>
      s.process.ops.mremap(...args),
    ),
    call('brk', fc.tuple(word), (s, to) => s.process.ops.brk(to)),
    call('madvise', fc.tuple(word, size, fc.oneof(fc.nat(12), fc.constantFrom(-1, 100))), (s, ...args) =>
      s.process.ops.madvise(...args),
    ),
    call('mlock', fc.tuple(word, size), (s, ...args) => s.process.ops.mlock(...args)),
    call('munlock', fc.tuple(word, size), (s, ...args) => s.process.ops.munlock(...args)),
    call('mlockall', fc.tuple(fc.oneof(fc.nat(4), fc.constant(-1))), (s, flags) => s.process.ops.mlockall(flags)),
    call('munlockall', fc.tuple(), (s) => s.process.ops.munlockall()),
    call('msync', fc.tuple(word, size, fc.oneof(fc.nat(8), fc.constant(-1))), (s, ...args) =>
      s.process.ops.msync(...args),
    ),
    call('mincore', fc.tuple(word, small), (s, addr, length) => s.process.ops.mincore(addr, length, [])),
    {
      weight: 3,
      arbitrary: call(
        'remap_file_pages',
        fc.tuple(
          word,
          size,
          fc.constantFrom(0, 0, 0, 1, -1),
          fc.oneof(fc.nat(10).map(BigInt), fc.constantFrom(...EDGES)),
          fc.constantFrom(0, 0x10000, -1),
        ),
        (s, ...args) => s.process.ops.remapFilePages(...args),
      ),
    },
    call('get_user_pages', fc.tuple(word, count, fc.boolean(), fc.boolean()), function* (s, addr, n, write, force) {
      const pages: number[] = [];
      const got = yield* s.process.ops.getUserPages(addr, n, write, force, pages);
      expect(pages.length).toBe(Math.max(0, got));
      s.machine.check();
      s.machine.unpin(pages);
    }),
    call('access_vm', fc.tuple(word, fc.constantFrom(0, 1, 3, 70_000), fc.boolean()), (s, addr, n, write) =>
      s.process.ops.accessVm(addr, new Uint8Array(n).fill(7), write),
    ),
    call(
      'shmget',
      fc.tuple(fc.integer({ min: -1, max: 3 }), size, fc.constantFrom(0, 0x3b6, 0x7b6, -1)),
      (s, ...args) => s.process.ops.shmget(...args),
    ),
    call(
      'shmat',
      fc.tuple(fc.integer({ min: -1, max: 40_000 }), word, fc.constantFrom(0, 0o10000, 0o20000, 0o40000, 0o60000, -1)),
      (s, ...args) => s.process.ops.shmat(...args),
    ),
    call('shmdt', fc.tuple(word), (s, addr) => s.process.ops.shmdt(addr)),
    call('shmctl', fc.tuple(fc.integer({ min: -1, max: 3 }), fc.constantFrom(0, 11, 12, 99, -1)), (s, ...args) =>
      s.process.ops.shmctl(...args),
    ),
    call('fork', fc.tuple(), function* (s) {
      const child = yield* s.process.ops.fork();
      if (typeof child !== 'number') s.children.push(child);
    }),
    call('exit of a child', fc.tuple(), (s) => (s.children.shift() ?? s.process.thread()).ops.exit()),
    { weight: 2, arbitrary: call('load', fc.tuple(word), (s, addr) => s.process.ops.load(addr, new Uint8Array(3))) },
    {
      weight: 3,
      arbitrary: call('store', fc.tuple(word), (s, addr) => s.process.ops.store(addr, Uint8Array.of(7, 7, 7))),
    },
    call('fetch', fc.tuple(word), (s, addr) => s.process.ops.fetch(addr)),
  );
}

function setUp(arch: Arch): Setup {
  const { pageShift, pageSize } = arch.geometry;
  const screen = { base: 2 ** (pageShift + 12), size: 8 * pageSize };
  const machine = new Machine({
    arch,
    memory: 2 ** (pageShift + 10),
    devices: [screen],
    mounts: { '/tmp': tmpfs() },
  });
  const k = machine.kernel;
  const disk = machine.createFile('d1', { size: 8 * pageSize });
  const shm = machine.open('/tmp/t1', { create: true });
  runToEnd(shm.inode.setSize(8 * pageSize));
  const files: MappedFile[] = [
    { inode: disk, readable: true, writable: true, refs: 1 },
    { inode: disk, readable: true, writable: false, refs: 1 },
    shm,
    new FrameBuffer(k, screen).open(),
    new DevMem(k).open(),
    new RingDevice(k, 4, 'insert').open(),
    new RingDevice(k, 4, 'nopage').open(),
  ];
  const process = machine.spawn();
  // Something of every kind to begin with, side by side: 8 pages each, of which the calls above see the first 64.
  const area = (n: number, flags: string, file?: MappedFile): void => {
    const addr = AT + BigInt(8 * n * pageSize);
    const pages = file === undefined || file.inode.name !== '/dev/ring' ? 8 : 4;
    process.mmap({ addr, length: pages * pageSize, prot: 'rw', flags, ...(file === undefined ? {} : { file }) });
  };
  area(0, 'private|anonymous|fixed');
  area(1, 'shared|fixed', files[0]);
  area(2, 'shared|fixed', files[2]);
  area(3, 'shared|anonymous|fixed');
  area(4, 'private|fixed', files[0]);
  area(5, 'private|fixed', files[3]);
  area(6, 'shared|fixed', files[5]);
  return { machine, process, files, children: [] };
}

describe.each(MACHINES.map((arch) => [arch.name, arch] as const))('%s', (_name, arch) => {
  test('no argument of any call throws out of core or breaks an invariant', () => {
    fc.assert(
      fc.property(fc.array(calls(arch), { minLength: 1, maxLength: 25, size: 'max' }), (list) => {
        const s = setUp(arch);
        for (const each of list) {
          runToEnd(each.run(s));
          s.machine.check();
        }
        for (const process of s.machine.processes) process.exit();
        s.machine.check();
        expect(s.files.map((file) => file.refs)).toEqual(s.files.map(() => 1));
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  test('the public methods throw what the program sees, and nothing else', () => {
    const word = fc.constantFrom(...EDGES, AT, AT + 1n, AT + BigInt(arch.geometry.pageSize));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(20), word, word), { maxLength: 20 }), (list) => {
        const { machine, process: p, files } = setUp(arch);
        p.mmap({ addr: AT, length: 2 * machine.pageSize, prot: 'rw', flags: 'private|anonymous|fixed' });
        for (const [which, a, b] of list) {
          const methods: (() => unknown)[] = [
            () => p.mmap({ addr: a, length: b, prot: 'rw', flags: 'private|anonymous' }),
            () => p.mmap({ addr: a, length: b, prot: 'r', flags: 'shared|fixed', file: files[2] as MappedFile }),
            () => p.munmap(a, b),
            () => p.mprotect(a, b, 'r'),
            () => p.mremap(a, b, a, 1),
            () => p.brk(a),
            () => p.madvise(a, b, 4),
            () => p.remapFilePages(a, b, a),
            () => p.shmat(Number(b & 7n), a),
            () => p.shmdt(a),
            () => machine.unpin(p.pin(a, 3, true)),
            () => p.peek(a, 9),
            () => p.poke(a, new Uint8Array(9)),
            () => p.load64(a),
            () => p.store64(a, b),
            () => p.fetch(a),
            () => p.read(a, 5),
            () => p.explain(a),
            () => p.status(),
            () => p.fork().exit(),
            () => p.write(a, new Uint8Array(5)),
          ];
          try {
            methods[which]?.();
          } catch (error) {
            if (!(error instanceof MmError || error instanceof MemoryFault)) throw error;
          }
          machine.check();
        }
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});
