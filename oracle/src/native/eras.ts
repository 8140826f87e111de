/**
 * Where later kernels truly differ from the reference (docs/differences.md). A difference that one of these explains is not
 * counted: either the fault counts alone differ, or the line at which the two part is left out and the scenario run again.
 */
import type { ResultLine } from './result-line.js';

/** The first line that differs, and what led to it. */
export interface Difference {
  readonly native: ResultLine;
  readonly ours: ResultLine;
  /** Native results before it. */
  readonly before: readonly ResultLine[];
  /** The scenario's lines up to it. */
  readonly source: readonly string[];
}

/** The number of the line to leave out, `counts` when the line agrees but for what is known to differ, or null. */
export type Explanation = number | 'counts' | null;

interface Era {
  readonly what: string;
  explain(difference: Difference): Explanation;
}

const STORES = ['write', 'fill', 'rmw', 'kwrite'];
const LOADS = ['read', 'bytes', 'sum', 'kread', 'call', 'mlock'];
const ERRNO = /^E[A-Z]+$/;
const LOOKS = [...LOADS, 'pages', 'share', 'stat'];

/** Leaves the line itself out when the test holds. */
function line(what: string, holds: (difference: Difference) => boolean): Era {
  return { what, explain: (difference) => (holds(difference) ? difference.native.number : null) };
}

function counts(what: string, holds: (difference: Difference) => boolean): Era {
  return { what, explain: (difference) => (holds(difference) ? 'counts' : null) };
}

/** Leaves out a line before, to which the difference goes back. */
function earlier(what: string, isCause: (result: ResultLine, difference: Difference) => boolean): Era {
  return {
    what,
    explain: (difference) => difference.before.find((result) => isCause(result, difference))?.number ?? null,
  };
}

function has({ source }: Difference, pattern: RegExp): boolean {
  return source.some((text) => pattern.test(text));
}

function usesHuge(difference: Difference): boolean {
  return has(difference, /\bh\d|huge/);
}

const ERAS: readonly Era[] = [
  earlier('a fixed call that is refused has unmapped its target', ({ op, text, result }, difference) => {
    const late = usesHuge(difference) ? /^E/ : op === 'mremap' ? /^E(FAULT|NOMEM|AGAIN)$/ : /^E(NOMEM|AGAIN)$/;
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
  line('growth keeps no gap to the area below', (difference) => {
    return /^SEGV|\bS\b/.test(difference.native.result) && has(difference, /growsdown/);
  }),
  line('mlock does what comes before a hole, and makes less present', ({ native, ours }) => {
    return native.op === 'mlock' && native.result === 'ENOMEM' && /^(ENOMEM|EFAULT|EPERM|ok)$/.test(ours.result);
  }),
  line('a shrinking mremap never looks for an area', ({ native, ours }) => {
    return native.op === 'mremap' && native.result === 'EFAULT' && ours.result.startsWith('ok');
  }),
  line('mremap from length 0 of a private area', ({ native }) => {
    return /^mremap \S+ 0 /.test(native.text) && native.result === 'EINVAL';
  }),
  line('which of several errors mremap finds first', ({ native, ours }) => {
    return native.op === 'mremap' && /0x|max/.test(native.text) && ERRNO.test(native.result) && ERRNO.test(ours.result);
  }),
  line(
    'mremap of several areas at once (6.17)',
    ({ native, ours }) => native.op === 'mremap' && ours.result === 'EFAULT',
  ),
  line('madvise willneed without a file', ({ native, ours }) => native.op === 'madvise' && ours.result === 'EBADF'),
  line('what populate makes present', ({ native }) => native.op === 'mmap' && /populate/.test(native.text)),
  earlier('remap_file_pages makes areas', ({ op }) => op === 'remap_file_pages'),
  line('remap_file_pages makes areas', ({ native }) => native.op === 'remap_file_pages'),
  line('a shared area that grows down', ({ native }) => native.result === 'EINVAL' && /growsdown/.test(native.text)),
  earlier('rlimit data counts all that is private and writable', ({ text }) => text.startsWith('rlimit data')),
  line('segments of more than 32 MiB', ({ native, ours }) => native.op === 'shmget' && ours.result === 'EINVAL'),
  counts('areas are joined by other rules', ({ native }) => native.op === 'maps'),
  line('a hole in a disk file', ({ native, ours }) => native.op === 'fpunch' && ours.result === 'ENOSYS'),
  line('mincore of anonymous memory, private copies and huge pages', (difference) => {
    const isPrivate =
      difference.ours.result === 'ENOMEM' || usesHuge(difference) || has(difference, /mmap .*private\S* [td]\d/);
    return difference.native.op === 'mincore' && isPrivate;
  }),
  line('file offsets have limits', ({ native }) => native.result === 'EOVERFLOW'),
  line('a removed segment is EIDRM', ({ ours }) => ours.result === 'EIDRM'),
  line('a hint is rounded up, and huge areas anywhere', ({ native }) => {
    return (
      native.op === 'mmap' && !/fixed/.test(native.text) && /^mmap (\S+\+|0x)|any.* (\d{3,}|\d+h) /.test(native.text)
    );
  }),
  line('huge pages of the time', (difference) => {
    const calls = ['mprotect', 'madvise', 'mmap', 'munmap', 'mlock', 'msync', 'mremap'];
    return (
      usesHuge(difference) &&
      calls.includes(difference.native.op) &&
      (ERRNO.test(difference.native.result) || ERRNO.test(difference.ours.result))
    );
  }),
  earlier('a later fork leaves shared huge pages to faults', ({ op }, difference) => {
    return op === 'fork' && usesHuge(difference) && [...LOOKS, ...STORES].includes(difference.native.op);
  }),
  line('brk over a heap with holes', ({ native, ours }) => {
    return native.op === 'brk' && native.result.startsWith('refused') && ours.result.startsWith('ok');
  }),
  line('huge pages are neither thrown away nor removed', (difference) => {
    const { native, ours } = difference;
    return / (remove|dontneed)$/.test(native.text) && ours.result === 'EINVAL' && usesHuge(difference);
  }),
  line('what madvise remove takes', ({ native, ours }) => {
    return / remove$/.test(native.text) && /^E(ACCES|NOSYS)$/.test(ours.result);
  }),
  counts('page tables are made late, and by mremap', (difference) => {
    const withoutTables = (text: string): string => text.replace(/ pt=-?\d+/, '');
    const { native, ours } = difference;
    const isOther =
      has(difference, /mremap|any|brk|growsdown|h\d/) || difference.before.some(({ result }) => /B/.test(result));
    return native.op === 'stat' && isOther && withoutTables(native.result) === withoutTables(ours.result);
  }),
  counts('an area that was joined to one with anonymous pages is copied by the next fork', (difference) => {
    const { native, ours, source } = difference;
    const forks = source.filter((text) => /\bfork\b/.test(text)).length;
    return LOADS.includes(native.op) && native.result === ours.result && forks > 1;
  }),
  counts('what is locked is made present at other times', (difference) => {
    const { native, ours } = difference;
    return (
      ['mmap', 'mremap', 'mprotect'].includes(native.op) &&
      native.result === ours.result &&
      has(difference, /locked|mlockall/)
    );
  }),
  counts('a right that mprotect gave back; the first write to a shared page', (difference) => {
    const { native, ours } = difference;
    if (!STORES.includes(native.op) || native.result !== ours.result) return false;
    const more = (native.faults?.[0] ?? 0) - (ours.faults?.[0] ?? 0);
    return more < 0 ? has(difference, /mprotect/) : has(difference, /shared|shmat/);
  }),
  {
    what: 'the recorder cannot keep the kernel from mapping around a fault in an area that is read-only for good',
    explain({ native, ours, source }) {
      const isCount = LOADS.includes(native.op) && native.result === ours.result;
      if (!isCount && !['stat', 'pages', 'share'].includes(native.op)) return null;
      const at = source.findIndex((text) => /fdro|rdonly/.test(text));
      return at < 0 ? null : at + 1;
    },
  },
];

/** What explains a difference. */
export function explained(difference: Difference): Explanation {
  for (const era of ERAS) {
    const explanation = era.explain(difference);
    if (explanation !== null) return explanation;
  }
  return null;
}
