/**
 * Random scenarios from a seed. Each has a bent of its own (swap, locks, SysV segments, several processes ...) and keeps to
 * operations that the reference and later kernels treat alike as far as one line can tell; what remains is in eras.ts.
 */
import { Random } from '../random.js';

const BENTS = [
  'single',
  'fork',
  'forks',
  'swap',
  'swapfork',
  'shm',
  'any',
  'lock',
  'copies',
  'brk',
  'edge',
  'disk',
  'huge',
  'grow',
  'limits',
  'tables',
  'populate',
  'nonlinear',
  'refused',
] as const;
type Bent = (typeof BENTS)[number];

/** Pages that most addresses lie in, and those about the borders of page tables. */
const SPAN = 64;
const BORDERS = [0, 500, 1020, 1530, 2040, 4090];
/** A stack that grows down ends above here, with room below that no area takes: later kernels keep a gap. */
const STACK = 1040;
const MAX_PROCESSES = { forks: 8, other: 4 };
const FILES = ['t1', 't2', 'd1'];

/** The scenario of a seed. */
export function scenarioOf(seed: number): string {
  const random = new Random(seed);
  return new Generator(random, BENTS[seed % BENTS.length] as Bent).scenario(`# seed ${seed}`);
}

class Generator {
  readonly #random: Random;
  readonly #bent: Bent;
  readonly #lines: string[] = [];
  readonly #table: readonly (() => string)[];
  /** Whether holes are punched; private mappings of tmpfs are then left out, whose copies the eras treat otherwise. */
  readonly #punches: boolean;
  readonly #shares: boolean;
  #processes = ['A'];
  #forked = 0;
  #labels = 0;
  #keys = 0;
  #marks = 0;
  /** Where a file was mapped last to have its pages rearranged, or -1. */
  #lastShared = -1;

  constructor(random: Random, bent: Bent) {
    this.#random = random;
    this.#bent = bent;
    this.#punches = this.#chance(50) && bent !== 'nonlinear';
    this.#shares = this.#chance(75);
    this.#table = this.#operations();
  }

  scenario(title: string): string {
    this.#lines.push(title, 'file t1 12 fill', 'file t2 8', 'file d1 8 fill');
    if (this.#bent === 'huge') this.#lines.push('file h1 2h fill');
    // A page table that stays, whatever else goes.
    this.#lines.push('mmap 500 1 rw private,anon,fixed', 'write 500 1');
    const operations = 24 + this.#below(40);
    for (let i = 1; i <= operations && this.#processes.length > 0; i++) {
      const line = this.#random.pick(this.#table)();
      if (line !== '') this.#lines.push(line);
      if (i % 22 === 0 || i === operations) this.#look();
    }
    return `${this.#lines.join('\n')}\n`;
  }

  /** Operations, each as often as it shall come. */
  #operations(): (() => string)[] {
    const bent = this.#bent;
    const is = (...bents: Bent[]): boolean => bents.includes(bent);
    const forks = is('fork', 'forks', 'swapfork') || (!is('single', 'edge', 'limits') && this.#chance(40));
    const protects = this.#chance(65);
    const by =
      (line: () => string): (() => string) =>
      () =>
        `${this.#prefix()}${line()}`;
    const weighed: [times: number, line: () => string][] = [
      [14, by(() => this.#mmap())],
      [5, by(() => `munmap ${this.#address()} ${this.#length()}`)],
      [protects ? 7 : 0, by(() => `mprotect ${this.#address()} ${this.#length()} ${this.#rights()}`)],
      [8, by(() => `read ${this.#address()}`)],
      [8, by(() => `write ${this.#address()} ${this.#byte()}`)],
      [10, by(() => `fill ${this.#page()} ${this.#pages(7)} ${this.#byte()}${this.#chance(10) ? ' 2' : ''}`)],
      [2, by(() => `rmw ${this.#address()}`)],
      [1, by(() => `sum ${this.#page()} ${this.#pages(7)}`)],
      [is('single', 'edge') ? 2 : 0, by(() => `call ${this.#page()}`)],
      [(is('tables') && protects) || is('nonlinear') ? 0 : 7, by(() => this.#mremap())],
      [is('nonlinear') ? 14 : is('refused') ? 1 : 0, by(() => this.#remapFilePages())],
      [5, by(() => `madvise ${this.#address()} ${this.#shortLength()} dontneed`)],
      [is('nonlinear') ? 0 : 2, by(() => `madvise ${this.#address()} ${this.#shortLength()} ${this.#advice()}`)],
      [this.#punches ? 3 : 0, by(() => `madvise ${this.#address()} ${this.#shortLength()} remove`)],
      [
        this.#punches ? 2 : 0,
        () => `fpunch ${this.#random.pick(['t1', 't2'])} ${this.#offset(10)} ${this.#offset(5, 1)}`,
      ],
      [3, () => `fwrite ${this.#random.pick(FILES)} ${this.#offset(10)} ${this.#byte()}`],
      [2, () => `fread ${this.#random.pick(FILES)} ${this.#offset(13)}`],
      [2, () => `ftruncate ${this.#random.pick(is('disk') ? FILES : ['t1', 't2'])} ${this.#offset(12)}`],
      [is('disk') ? 2 : 0, () => 'fdrop d1'],
      [is('edge', 'refused') ? 4 : 0, () => this.#fileAtEdge()],
      [2, by(() => `msync ${this.#address()} ${this.#length()} ${this.#sync()}`)],
      [is('nonlinear') ? 0 : 1, by(() => `mincore ${this.#address()} ${this.#length()}`)],
      [2, by(() => this.#mark())],
      [is('brk') ? 16 : 1, by(() => `brk ${this.#chance(10) ? '?' : this.#offset(10)}`)],
      [is('copies') ? 18 : 1, by(() => this.#copy())],
      [
        is('swap', 'swapfork') ? 10 : is('shm', 'forks') ? 2 : 0,
        by(() => `swapout ${this.#page()} ${this.#pages(12)}`),
      ],
      [is('shm') ? 18 : is('huge') ? 5 : 0, by(() => this.#segment())],
      [is('lock') ? 14 : is('edge') ? 3 : 0, by(() => this.#lock())],
      [is('lock') ? 3 : 0, by(() => this.#lockAll())],
      [is('limits') ? 8 : 0, by(() => this.#limit())],
      [is('brk', 'limits') ? 2 : 0, by(() => `rlimit data ${this.#chance(10) ? 'max' : this.#below(12)}`)],
      [forks ? (is('forks') ? 7 : 3) : 0, () => this.#fork()],
      [forks ? 2 : 0, () => this.#exit()],
    ];
    return weighed.flatMap(([times, line]) => Array.from({ length: times }, () => line));
  }

  /** What shows that the two have done the same so far. */
  #look(): void {
    const spans = ['0 64'];
    if (this.#bent === 'tables') spans.push(...BORDERS.slice(1).map((page) => `${page} 40`));
    if (this.#bent === 'brk') spans.push('brk:0 10');
    if (this.#bent === 'any') spans.push('any:0 20');
    if (this.#bent === 'grow') spans.push(`${STACK - 20} 50`);
    for (const process of this.#processes) {
      const each = [`bytes ${spans[0]}`, 'mapsc', 'stat', ...spans.map((span) => `pages ${span}`)];
      if (this.#bent === 'brk' || this.#bent === 'any') each.push(`bytes ${spans[1]}`);
      this.#lines.push(...each.map((line) => `${prefixOf(process)}${line}`));
    }
    this.#lines.push('share 0 64', 'fblocks t1', 'fblocks t2', ...FILES.map((name) => `fsize ${name}`));
    for (let key = 1; key <= this.#keys; key++) this.#lines.push(`shmstat ${key}`);
  }

  #mmap(): string {
    if (this.#bent === 'grow' && this.#chance(30)) {
      return `mmap ${STACK + this.#below(20)} ${this.#pages(4)} ${this.#rights()} private,anon,fixed,growsdown`;
    }
    if (this.#bent === 'huge' && this.#chance(20)) return this.#mmapHuge();
    const picks = this.#bent === 'any' && this.#chance(60);
    const shared = (this.#shares && this.#chance(45)) || (this.#bent === 'nonlinear' && this.#chance(85));
    const anonymous = this.#chance(50);
    const flags = [shared ? 'shared' : 'private'];
    if (anonymous) flags.push('anon');
    if (!picks) flags.push('fixed');
    if (this.#chance(5)) flags.push('noreserve');
    if (this.#bent === 'lock' && anonymous && this.#chance(15)) flags.push('locked');
    if (this.#bent === 'populate' && this.#chance(5)) flags.push('locked');
    if (this.#bent === 'populate' && this.#chance(50)) flags.push('populate');
    const opened = this.#bent === 'refused' ? ['fdro', 'fdro', 'fdwo', 'badfd'] : ['fdro'];
    if (!anonymous && this.#chance(this.#bent === 'refused' ? 50 : 10)) flags.push(this.#random.pick(opened));
    const names = this.#bent === 'disk' ? ['d1', 't2'] : shared || !this.#punches ? FILES : ['d1'];
    const file = anonymous ? '' : ` ${this.#random.pick(names)} ${this.#fileOffset()}`;
    const label = this.#bent === 'any' && this.#chance(60) ? ` =L${this.#labels++ % 8}` : '';
    const place = picks ? 'any' : this.#place();
    if (this.#bent === 'nonlinear' && shared && this.#chance(60)) {
      this.#lastShared = Number(place);
      return `mmap ${place} ${6 + this.#below(3)} ${this.#rights()} ${flags.join(',')}${file}${label}`;
    }
    return `mmap ${place} ${this.#length()} ${this.#rights()} ${flags.join(',')}${file}${label}`;
  }

  #mmapHuge(): string {
    const rights = this.#chance(70) ? 'rw' : this.#rights();
    const sharing = this.#chance(85) ? 'shared' : 'private';
    const [flags, file] = this.#random.pick([
      [`${sharing},anon,huge,fixed`, ''],
      [`${sharing},fixed${this.#chance(15) ? ',fdro' : ''}`, ` h1 ${this.#random.pick(['0', '1h'])}`],
      [`${sharing},fixed`, ` h1 ${this.#random.pick(['0', '1h', '2h'])}`],
    ] as const);
    return `mmap ${this.#random.pick([512, 1024, 1536])} ${this.#pages(2)}h ${rights} ${flags}${file}`;
  }

  #mremap(): string {
    const flags = this.#random.pick(
      this.#bent === 'edge'
        ? ['maymove', 'maymove,fixed', 'fixed', '0', 'badflag', 'maymove,badflag']
        : ['maymove', 'maymove', 'maymove,fixed', 'maymove,fixed', '0'],
    );
    const to = flags.includes('fixed') ? ` ${this.#place()}` : '';
    const odd = this.#chance(3) ? '0' : this.#length();
    return `mremap ${this.#address()} ${this.#bent === 'edge' ? this.#length() : this.#pages(5)} ${odd} ${flags}${to}`;
  }

  #remapFilePages(): string {
    const prot = this.#chance(4) ? 'r' : '-';
    const at = this.#lastShared >= 0 && this.#chance(80) ? `${this.#lastShared + this.#below(4)}` : this.#address();
    const length = this.#chance(90) ? this.#pages(3) : this.#shortLength();
    return `remap_file_pages ${at} ${length} ${prot} ${this.#below(this.#chance(80) ? 6 : 12)}`;
  }

  /** A call on a file at an offset that few files reach, or that is none. */
  #fileAtEdge(): string {
    const edges = ['max', '0x8000000000000000', '0x7fffffffffffffff', '0x7ffffffffffff000', '0x4000000000000000'];
    const edge = this.#random.pick(edges);
    const file = this.#random.pick(FILES);
    const calls = [`ftruncate ${file} ${edge}`, `fwrite ${file} ${edge}`, `fread ${file} ${edge}`];
    if (this.#punches)
      calls.push(`fpunch t1 ${edge} ${this.#pages(3)}`, `fpunch t1 ${this.#offset(10)} ${edge}`, 'fpunch t1 3 0');
    return this.#random.pick(calls);
  }

  #segment(): string {
    if (this.#bent === 'huge' && this.#chance(40)) return this.#hugeSegment();
    if (this.#keys === 0 || (this.#keys < 3 && this.#chance(20))) {
      return `shmget ${++this.#keys} ${this.#random.pick(['4', '2', '3+100', '0', '6', '8193'])}`;
    }
    const key = 1 + this.#below(this.#keys);
    const flags = ['0', '0', 'remap', 'remap', 'rdonly', 'rdonly,remap', 'rnd', 'rnd,remap'];
    const attach = (): string =>
      `shmat ${key} ${this.#chance(10) ? 'any' : this.#address()} ${this.#random.pick(flags)}`;
    const detach = (): string => `shmdt ${this.#address()}`;
    const again = (): string => `shmget ${key} ${this.#random.pick(['1', '4', '9', '0'])}`;
    return this.#random.pick([attach, attach, attach, attach, detach, detach, again, () => `shmrm ${key}`])();
  }

  #hugeSegment(): string {
    if (this.#keys < 3 && (this.#keys === 0 || this.#chance(30))) {
      return `shmget ${++this.#keys} ${this.#random.pick(['1h', '2h', '1h', '9h'])} huge`;
    }
    const key = 1 + this.#below(this.#keys);
    const at = this.#random.pick([512, 1024, 1536]);
    return this.#random.pick([
      `shmat ${key} ${at} 0`,
      `shmat ${key} ${at} remap`,
      `shmat ${key} ${at} rdonly`,
      `shmdt ${at}`,
      `shmrm ${key}`,
    ]);
  }

  #lock(): string {
    if (this.#chance(8)) return this.#random.pick(['dropcaps', `rlimit memlock ${this.#below(10)}`]);
    return `${this.#random.pick(['mlock', 'mlock', 'munlock'])} ${this.#address()} ${this.#length()}`;
  }

  #lockAll(): string {
    const calls = ['mlockall current', 'mlockall future', 'mlockall current,future', 'munlockall', 'munlockall'];
    return this.#random.pick(calls);
  }

  #limit(): string {
    const limits = [`as +${this.#below(12)}`, 'as max', `memlock ${this.#below(10)}`, `stack ${4 + this.#below(30)}`];
    return this.#chance(20) ? 'dropcaps' : `rlimit ${this.#random.pick(limits)}`;
  }

  #copy(): string {
    const length = this.#chance(30) ? `${this.#below(5)}+${this.#below(4096)}` : this.#pages(6);
    return this.#chance(50)
      ? `kread ${this.#address(30)} ${length}`
      : `kwrite ${this.#address(30)} ${length} ${this.#byte()}`;
  }

  #mark(): string {
    if (this.#marks > 0 && this.#chance(60)) return `same ${this.#page()} x${this.#below(this.#marks)}`;
    return `mark ${this.#page()} x${this.#marks++}`;
  }

  #fork(): string {
    const most = this.#bent === 'forks' ? MAX_PROCESSES.forks : MAX_PROCESSES.other;
    if (this.#processes.length >= most || this.#forked === 12) return '';
    const line = `${this.#prefix()}fork ${'BCDEFGHIJKLM'[this.#forked]}`;
    this.#processes.push('BCDEFGHIJKLM'[this.#forked++] as string);
    return line;
  }

  #exit(): string {
    if (this.#processes.length < 2) return '';
    const process = this.#random.pick(this.#processes);
    this.#processes = this.#processes.filter((other) => other !== process);
    return `${prefixOf(process)}exit`;
  }

  #prefix(): string {
    return prefixOf(this.#random.pick(this.#processes));
  }

  #rights(): string {
    if (this.#bent === 'nonlinear') return this.#random.pick(['rw', 'rw', 'r', 'rx', 'rwx']);
    return this.#random.pick(['rw', 'rw', 'rw', 'r', 'r', '-', 'rx', 'rwx']);
  }

  #advice(): string {
    return this.#random.pick(['normal', 'random', 'sequential', 'dontfork', 'dofork', 'bad']);
  }

  #sync(): string {
    return this.#random.pick(['sync', 'async', 'invalidate', 'sync,invalidate', 'sync,async', 'bad', '0']);
  }

  /** Where something may be mapped. */
  #place(): string {
    if (this.#bent === 'brk' && this.#chance(50)) return `brk:${this.#below(10)}`;
    if (this.#bent === 'tables' && this.#chance(80)) return String(this.#random.pick(BORDERS) + this.#below(24));
    return String(this.#below(SPAN));
  }

  /** The first byte of a page that may be mapped. */
  #page(): string {
    if (this.#bent === 'grow' && this.#chance(35)) return String(STACK - 20 + this.#below(44));
    if (this.#bent === 'any' && this.#labels > 0 && this.#chance(50)) {
      return `L${this.#below(Math.min(this.#labels, 8))}:${this.#below(4)}`;
    }
    if (this.#bent === 'huge' && this.#chance(30)) return String(512 * (1 + this.#below(3)) + this.#below(2) * 200);
    return this.#place();
  }

  /** An address; some are no page's first byte, and at the edge some are nobody's. */
  #address(oddPercent: number = 4): string {
    if (this.#chance(oddPercent)) return `${this.#below(SPAN)}+${this.#random.pick([1, 100, 4095])}`;
    const edges = ['0x800000000000', '0xfffffffffffff000', 'max', '0x7ffffffffffff000'];
    return this.#bent === 'edge' && this.#chance(8) ? this.#random.pick(edges) : this.#page();
  }

  #length(): string {
    const edges = ['max', '0xfffffffffffff000', '0x7ffffffff000', '0xfffffffffffff001', '0x8000000000000000'];
    return this.#bent === 'edge' && this.#chance(8) ? this.#random.pick(edges) : this.#shortLength();
  }

  /** A length that stays in the arena: madvise goes on over holes, as far as the agent's own memory. */
  #shortLength(): string {
    if (this.#chance(3)) return '0';
    if (this.#chance(3)) return `${this.#below(4)}+${this.#random.pick([1, 100, 4095])}`;
    return this.#pages(6);
  }

  #pages(most: number): string {
    if (this.#bent === 'tables' && this.#chance(15))
      return String(this.#random.pick([500, 512, 520, 1024, 1030, 2000]));
    return String(1 + this.#below(most));
  }

  #offset(most: number, least: number = 0): string {
    return `${least + this.#below(most)}${this.#chance(15) ? `+${this.#below(4096)}` : ''}`;
  }

  #fileOffset(): string {
    if (this.#bent !== 'refused' || this.#chance(85)) return String(this.#below(6));
    return this.#random.pick(['1+1', '0+4095', '0x8000000000000000', '0xfffffffffffff000', 'max']);
  }

  #byte(): number {
    return this.#below(256);
  }

  #below(n: number): number {
    return this.#random.below(n);
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }
}

function prefixOf(process: string): string {
  return process === 'A' ? '' : `${process}: `;
}
