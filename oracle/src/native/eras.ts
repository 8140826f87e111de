/**
 * Where later kernels truly differ from the reference (docs/differences.md). A difference that one of these explains is not
 * counted: either the fault counts alone differ, or the line at which the two part is left out and the scenario run again.
 */
import {
  bytesOf,
  counts,
  type Difference,
  ERRNO,
  type Era,
  type Explanation,
  earlier,
  faultsOf,
  fileBytes,
  has,
  LOADS,
  LOOKS,
  line,
  meetsHuge,
  PAGE,
  STORES,
} from './era.js';
import type { ResultLine } from './result-line.js';

/** What is done otherwise by the very line at which the two part. */
const OWN: readonly Era[] = [
  line('growth keeps no gap to the area below', (difference) => {
    return has(difference, /growsdown/) && isUnmappedThere(difference.native.result, difference.ours.result);
  }),
  line('mlock does what comes before a hole, and makes less present', ({ native, ours }) => {
    return native.op === 'mlock' && native.result === 'ENOMEM' && /^(ENOMEM|EFAULT|EPERM|ok)$/.test(ours.result);
  }),
  line('a shrinking mremap never looks for an area', ({ native, ours, source }) => {
    const isRefused = native.result === 'EFAULT' || (native.result === 'EINVAL' && meetsHuge(native, source));
    return native.op === 'mremap' && isRefused && ours.result.startsWith('ok');
  }),
  line('mremap from length 0 of a private area', ({ native }) => {
    // What rounds up to nothing is nothing.
    return /^mremap \S+ (0|max|0xfffffffffffff001) /.test(native.text) && native.result === 'EINVAL';
  }),
  line('which of several errors mremap finds first', ({ native, ours }) => {
    return native.op === 'mremap' && /0x|max/.test(native.text) && ERRNO.test(native.result) && ERRNO.test(ours.result);
  }),
  line('mremap of several areas at once (6.17)', ({ native, ours }) => {
    return native.op === 'mremap' && /fixed/.test(native.text) && ours.result === 'EFAULT';
  }),
  line('madvise willneed without a file', ({ native, ours }) => native.op === 'madvise' && ours.result === 'EBADF'),
  line('a later populate takes every mapping, and what there is of a file', (difference) => {
    return populatesMore(difference.native, difference) && difference.native.result === difference.ours.result;
  }),
  line('remap_file_pages past the end of the file', (difference) => {
    const { native, ours } = difference;
    const isTaken = native.op === 'remap_file_pages' && native.result === 'ok' && ours.result === 'EINVAL';
    return isTaken && reachesPastAFile(difference);
  }),
  line('a later remap_file_pages forgets that nothing was reserved', (difference) => {
    const { native, ours } = difference;
    const isRefused = native.op === 'remap_file_pages' && native.result === 'EINVAL' && ours.result === 'ok';
    return isRefused && isRearranged(difference) && has(difference, /noreserve/);
  }),
  line('a shared area that grows down', ({ native }) => native.result === 'EINVAL' && /growsdown/.test(native.text)),
  line('rlimit data counts all that is private and writable', (difference) => {
    const { native, ours } = difference;
    const isRefused = /^(ENOMEM|refused)/.test(native.result) && ours.result.startsWith('ok');
    return has(difference, /rlimit data [^m]/) && (isRefused || isUnmappedThere(native.result, ours.result));
  }),
  line('segments of more than 32 MiB', ({ native, ours }) => {
    const bytes = bytesOf(native.text.split(' ')[2]);
    return native.op === 'shmget' && ours.result === 'EINVAL' && bytes > 32 * 2 ** 20;
  }),
  line('a tmpfs file as long as the kernel can count', ({ native, ours }) => {
    return /^(ftruncate|fwrite) t/.test(native.text) && native.result === 'ok' && ours.result === 'EFBIG';
  }),
  line('a hole in a disk file', ({ native, ours }) => native.op === 'fpunch' && ours.result === 'ENOSYS'),
  line('mincore of anonymous memory, private copies and huge pages', (difference) => {
    const isPrivate =
      difference.ours.result === 'ENOMEM' ||
      meetsHuge(difference.native, difference.source) ||
      has(difference, /mmap .*private\S* [td]\d/);
    return difference.native.op === 'mincore' && isPrivate;
  }),
  line('file offsets have limits', ({ native }) => native.op === 'mmap' && native.result === 'EOVERFLOW'),
  line('a removed segment is EIDRM', ({ ours }) => ours.result === 'EIDRM'),
  line('a segment of huge pages does not count its areas', (difference) => {
    const { native, ours } = difference;
    return /^shm(stat|at)$/.test(native.op) && isHugeSegment(difference) && /^(nattch=0|EINVAL)/.test(ours.result);
  }),
  line('a hint is rounded up, and huge areas anywhere', ({ native }) => {
    return (
      native.op === 'mmap' && !/fixed/.test(native.text) && /^mmap (\S+\+|0x)|any.* (\d{3,}|\d+h) /.test(native.text)
    );
  }),
  line('large areas begin where huge pages could (6.7)', ({ native, ours }) => {
    const isPlaced = native.result.startsWith('ok any:') && ours.result.startsWith('ok any:');
    const length = native.text.split(' ')[native.op === 'mremap' ? 3 : 2];
    return /^(mmap|mremap)$/.test(native.op) && isPlaced && bytesOf(length) >= 2 ** 21;
  }),
  line('huge pages of the time', ({ native, ours, source }) => {
    return meetsHuge(native, source) && (HUGE_ANSWERS[native.op]?.test(ours.result) ?? false);
  }),
  line('shmdt takes any huge pages whose file would begin there', (difference) => {
    const { native, ours } = difference;
    const isTaken = native.op === 'shmdt' && native.result === 'EINVAL' && ours.result === 'ok';
    return isTaken && has(difference, /mmap .*( h\d|huge)/);
  }),
  line('huge pages are set aside when they are mapped', ({ native, ours }) => {
    const isRefused = native.result === 'ENOMEM' && ours.result.startsWith('ok');
    return isRefused && /^(mmap|shmget) .*(huge| h\d)/.test(native.text);
  }),
  line('mlockall has locked what the agent needs for itself too', (difference) => {
    const { native, ours } = difference;
    const isLimited = has(difference, /mlockall current/) && has(difference, /rlimit memlock/);
    return isLimited && /^E(AGAIN|NOMEM)$/.test(native.result) && ours.result.startsWith('ok');
  }),
  line('brk over a heap with holes', (difference) => {
    const { native, ours } = difference;
    const isRefused = native.result.startsWith('refused') && ours.result.startsWith('ok');
    return native.op === 'brk' && isRefused && has(difference, /(munmap|mremap|mmap) brk:/);
  }),
  line('what madvise remove takes', ({ native, ours }) => {
    return / remove$/.test(native.text) && /^E(ACCES|NOSYS)$/.test(ours.result);
  }),
];

/** Fault counts, and what else of a line is known to be shown otherwise. */
const COUNTS: readonly Era[] = [
  counts('page tables are made late, and by mremap', (difference) => {
    const withoutTables = (text: string): string => text.replace(/ pt=-?\d+/, '');
    const { native, ours } = difference;
    const isOther =
      has(difference, /mremap|any|brk|growsdown|h\d/) || difference.before.some(({ result }) => /B/.test(result));
    return native.op === 'stat' && isOther && withoutTables(native.result) === withoutTables(ours.result);
  }),
  counts('a later populate faults', (difference) => {
    const { native, ours } = difference;
    const isPopulated = /^mmap.*populate/.test(native.text) && !populatesMore(native, difference);
    return isPopulated && native.result === ours.result && faultsOf(ours)[0] === 0;
  }),
  counts('a later remap_file_pages maps by faults', ({ native, ours }) => {
    return native.op === 'remap_file_pages' && native.result === 'ok' && ours.result === 'ok';
  }),
  counts('a later remap_file_pages makes areas', (difference) => {
    const { native, ours } = difference;
    return native.op.startsWith('maps') && isRearranged(difference) && samePages(native.result, ours.result);
  }),
  counts('what was thrown away of a rearranged area comes back by a major fault', (difference) => {
    return isRearranged(difference) && [...LOADS, ...STORES].includes(difference.native.op) && isMajorHere(difference);
  }),
  counts('a later fault on a page that was to be paged out reads ahead', (difference) => {
    const isLonger = has(difference, /^(fwrite|ftruncate) d/) && has(difference, /swapout/);
    const [here, there] = [faultsOf(difference.ours)[1], faultsOf(difference.native)[1]];
    return isLonger && LOADS.includes(difference.native.op) && isMajorHere(difference) && here === there + 1;
  }),
  counts('a later fault in an executable area reads what lies in the area alone (6.16)', (difference) => {
    const { native, ours } = difference;
    const isAccess = [...LOADS, ...STORES].includes(native.op) && native.result === ours.result;
    const isExecuted = has(difference, /fdrop d/) && has(difference, /mmap \S+ \S+ r?w?x \S+ d/);
    return isAccess && isExecuted && faultsOf(native)[1] > faultsOf(ours)[1];
  }),
  counts('a later fault of the kernel on a page that was to be paged out is made twice', (difference) => {
    const { native, ours } = difference;
    const [[minor, major], [ourMinor, ourMajor]] = [faultsOf(native), faultsOf(ours)];
    const isCopy = /^k(read|write)$/.test(native.op) && native.result === ours.result;
    const isOnDisk = has(difference, /swapout/) && has(difference, /mmap .* d\d/);
    return isCopy && isOnDisk && major > ourMajor && minor + major === ourMinor + ourMajor;
  }),
];

/** Lines that go well and leave behind what shows later. */
const CAUSES: readonly Era[] = [
  earlier('a fixed call that is refused has unmapped its target', (refused, { source }) => {
    const { op, text, result } = refused;
    const late = meetsHuge(refused, source) ? /^E/ : op === 'mremap' ? /^E(FAULT|NOMEM|AGAIN)$/ : /^E(NOMEM|AGAIN)$/;
    return (op === 'mremap' || op === 'mmap') && /fixed/.test(text) && late.test(result);
  }),
  earlier('mlock does what comes before a hole', ({ op, result }) => op === 'mlock' && result === 'ENOMEM'),
  earlier('a store past the end of a private file area makes it one that fork copies', ({ op, result }, difference) => {
    return (
      STORES.includes(op) && result.startsWith('BUS') && has(difference, /fork/) && LOOKS.includes(difference.native.op)
    );
  }),
  earlier('a hole takes private copies along', ({ op, text, result }, difference) => {
    const punches = op === 'fpunch' || / remove$/.test(text);
    return punches && result === 'ok' && has(difference, /private.* t\d/) && LOOKS.includes(difference.native.op);
  }),
  earlier('growth that ends in a signal keeps no gap to the area below', ({ op, result }, difference) => {
    const isSignal = [...LOADS, ...STORES].includes(op) && /^SEGV|\bS\b/.test(result);
    return isSignal && has(difference, /growsdown/) && /^(maps|stat)/.test(difference.native.op);
  }),
  earlier('what is locked already is made present once more', ({ op, result, number }, difference) => {
    const { native, source } = difference;
    const wasLocked = source.slice(0, number - 1).some((text) => /locked|mlock/.test(text));
    const isAgain = /^mlock(all)?$/.test(op) && result === 'ok' && wasLocked && has(difference, /fork/);
    return isAgain && [...LOOKS, ...STORES].includes(native.op);
  }),
  earlier('mprotect that lets locked memory be written makes it present', ({ op, text, result }, difference) => {
    const isLocked =
      op === 'mprotect' && / r?wx?$/.test(text) && /^(ok|ENOMEM)$/.test(result) && has(difference, /mlock|locked/);
    return isLocked && [...LOOKS, ...STORES].includes(difference.native.op);
  }),
  earlier('rlimit data counts all that is private and writable', ({ op, result, number }, { source }) => {
    const isLimited = source.slice(0, number).some((text) => /rlimit data [^m]/.test(text));
    return op === 'mprotect' && result === 'ENOMEM' && isLimited;
  }),
  earlier('a later populate takes every mapping, and what there is of a file', populatesMore),
  earlier('a later fork leaves rearranged pages to faults', ({ op }, difference) => {
    return op === 'fork' && isRearranged(difference) && [...LOOKS, ...STORES].includes(difference.native.op);
  }),
  earlier('a later fork leaves shared huge pages to faults', ({ op }, difference) => {
    return op === 'fork' && has(difference, /huge| h\d/) && [...LOOKS, ...STORES].includes(difference.native.op);
  }),
  earlier('what madvise remove takes', ({ text, result }) => / remove$/.test(text) && result === 'EACCES'),
];

/** Fault counts where no line alone is the cause. */
const SINCE: readonly Era[] = [
  counts('areas are joined by other rules', ({ native }) => native.op === 'maps'),
  counts('what is locked is made present at other times', (difference) => {
    const { native, ours } = difference;
    return (
      ['mmap', 'mremap', 'mprotect'].includes(native.op) &&
      native.result === ours.result &&
      has(difference, /locked|mlockall/)
    );
  }),
  counts(
    'a right that mprotect gave back, a page that a read swapped in; the first write to a shared page',
    (difference) => {
      const { native, ours } = difference;
      if (!STORES.includes(native.op) || native.result !== ours.result) return false;
      if (faultsOf(native)[1] !== faultsOf(ours)[1]) return false;
      const more = faultsOf(native)[0] - faultsOf(ours)[0];
      return more < 0 ? has(difference, /mprotect|swapout/) : has(difference, /shared|shmat/);
    },
  ),
  {
    what: 'the recorder cannot keep the kernel from mapping around a fault in an area that is read-only for good',
    explain({ native, ours, source }) {
      const isCount = LOADS.includes(native.op) && native.result === ours.result;
      if (!isCount && !['stat', 'pages', 'share'].includes(native.op)) return null;
      const at = source.findIndex((text) => /fdro|rdonly/.test(text));
      return at < 0 ? null : at + 1;
    },
  },
  earlier('nor around what a call makes present', (call, { native, ours }) => {
    const isPresent = call.op === 'remap_file_pages' && call.result === 'ok';
    return (isPresent || /^mmap .*shared.*populate/.test(call.text)) && showsMoreAround(call, native, ours);
  }),
  counts('an area that was joined to one with anonymous pages is copied by the next fork', (difference) => {
    const { native, ours, source } = difference;
    const forks = source.filter((text) => /\bfork\b/.test(text)).length;
    const [[minor, major], [ourMinor, ourMajor]] = [faultsOf(native), faultsOf(ours)];
    const isSaved = native.result === ours.result && ourMinor < minor && ourMajor === major;
    const isCopied = LOADS.includes(native.op) ? isSaved : showsMoreZeros(native, ours);
    return isCopied && forks > 1;
  }),
];

/** The first that explains a difference is its explanation. */
const ERAS: readonly Era[] = [...OWN, ...COUNTS, ...CAUSES, ...SINCE];

/** What calls answer here, and not later, where huge pages are mapped. */
const HUGE_ANSWERS: Readonly<Record<string, RegExp>> = {
  mmap: /^E(INVAL|NOMEM)$/,
  munmap: /^EINVAL$/,
  mprotect: /^E(ACCES|INVAL)$/,
  mremap: /^EINVAL$/,
  madvise: /^EINVAL$/,
  shmat: /^ENOMEM$/,
};

/** Whether an mmap with `populate` makes pages present that were not made present then. */
function populatesMore({ op, text, number }: ResultLine, { before }: Difference): boolean {
  const [, , length, prot, flags, file, offset] = text.split(' ');
  if (op !== 'mmap' || flags?.includes('populate') !== true) return false;
  if (/private|fdro/.test(flags) || prot === '-') return true;
  const results = before.filter((result) => result.number < number);
  const end = bytesOf(offset ?? '0') + bytesOf(length);
  return file !== undefined && end > Math.ceil(fileBytes(file, results) / PAGE) * PAGE;
}

/** Whether the line rearranges pages that lie past the end of some file or shared memory. */
function reachesPastAFile({ native, before, source }: Difference): boolean {
  const [, , length, , first] = native.text.split(' ');
  const sizes = ['t1', 't2', 'd1'].map((name) => fileBytes(name, before));
  for (const text of source) {
    const [, anonymous] = /mmap \S+ (\S+) \S+ shared,anon/.exec(text) ?? [];
    if (anonymous !== undefined) sizes.push(bytesOf(anonymous));
  }
  return Number(first) * PAGE + bytesOf(length) > Math.min(...sizes);
}

/** Whether the line names a segment that was made of huge pages. */
function isHugeSegment({ native, source }: Difference): boolean {
  const key = native.text.split(' ')[1];
  return source.some((text) => new RegExp(`shmget ${key} \\S+ huge`).test(text));
}

/** Whether remap_file_pages has changed something. */
function isRearranged({ before }: Difference): boolean {
  return before.some(({ op, result }) => op === 'remap_file_pages' && result === 'ok');
}

/** Same result, and major faults here that are minor ones there; a first write may be one minor fault more. */
function isMajorHere({ native, ours }: Difference): boolean {
  const [[minor, major], [ourMinor, ourMajor]] = [faultsOf(native), faultsOf(ours)];
  return native.result === ours.result && ourMajor > major && minor + major >= ourMinor + ourMajor;
}

/** Whether a line shows the same in both but that pages beside those of a call are present there and not here. */
function showsMoreAround(call: ResultLine, native: ResultLine, ours: ResultLine): boolean {
  const [first, end] = rangeOf(call);
  const [from, to] = rangeOf(native);
  const isBeside = (page: number): boolean => page < first || page >= end;
  if (native.op === 'share') return true;
  if (native.op === 'pages') {
    const isMore = (i: number): boolean => ours.result[i] === '.' && isBeside(from + i);
    return [...native.result].every((letter, i) => letter === ours.result[i] || isMore(i));
  }
  const files = / (file|shm)=\d+/g;
  if (native.op === 'stat') return native.result.replace(files, '') === ours.result.replace(files, '');
  const [[minor, major], [ourMinor, ourMajor]] = [faultsOf(native), faultsOf(ours)];
  const isFewer = native.result === ours.result && minor < ourMinor && major === ourMajor;
  return LOADS.includes(native.op) && isFewer && (isBeside(from) || isBeside(to - 1));
}

/** Whether the tables here have entries of the zero page besides, and nothing else is different. */
function showsMoreZeros({ op, result }: ResultLine, ours: ResultLine): boolean {
  const zero = / zero=\d+/;
  if (op === 'stat') return result.replace(zero, '') === ours.result.replace(zero, '');
  const isMore = (letter: string, i: number): boolean => letter === '.' && ours.result[i] === 'z';
  return op === 'pages' && [...result].every((letter, i) => letter === ours.result[i] || isMore(letter, i));
}

/** First page and end of what a line names by an address and a number of pages, one if it names none. */
function rangeOf({ text }: ResultLine): [first: number, end: number] {
  const [, at, length] = text.split(' ');
  const first = Math.floor(bytesOf(at) / PAGE);
  return [first, first + Math.max(1, Math.ceil(bytesOf(length ?? '1') / PAGE))];
}

/** Whether nothing differs but that something is mapped here and not there. */
function isUnmappedThere(there: string, here: string): boolean {
  const bytes = there.split(',');
  if (bytes.length === 1) return there.startsWith('SEGV') && !here.startsWith('SEGV_MAPERR');
  return here.split(',').every((byte, i) => byte === bytes[i] || bytes[i] === 'S');
}

/** Whether two lists of areas show the same of each page but for where it lies in its file, and that nothing is reserved. */
function samePages(one: string, other: string): boolean {
  const pages = (areas: string): string[] =>
    areas.split('; ').flatMap((area) => {
      const [, base, start, length, shown] = /^(\D*)(-?\d+)\+(\d+)(.*)$/.exec(area) ?? [];
      const kind = (shown as string).replace(/@\d+| \[nr\]/g, '');
      return Array.from({ length: Number(length) }, (_, i) => `${base}${Number(start) + i}${kind}`);
    });
  return String(pages(one)) === String(pages(other));
}

/** What explains a difference. */
export function explained(difference: Difference): Explanation {
  for (const era of ERAS) {
    const explanation = era.explain(difference);
    if (explanation !== null) return explanation;
  }
  return null;
}
