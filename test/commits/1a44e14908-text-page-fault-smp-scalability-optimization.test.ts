/** A fault on an entry that has all it needs stores nothing and calls no hook; only a write flushes the one page. */
import type { Bench } from './support/commit.js';
import { commit } from './support/commit.js';
import { fault, map, pageAt, plantPte, pteOf, run, vpnAt } from './support/memory.js';

const HOOKS = ['setPte', 'accessFlags', 'flushPage', 'updateMmuCache', 'lazyMmuProtUpdate'] as const;

/** Events of a fault on a page that a store made present, writable, dirty and young; made old before if `old`. */
function faultOn({ machine: make }: Bench, write: boolean, old: boolean): string[] {
  const machine = make();
  const process = machine.spawn();
  const f = machine.arch.pteFormat;
  map(process, 1);
  process.store8(pageAt(machine, 0), 1);
  const pte = pteOf(process, 0);
  if (pte === null) throw new Error('no entry');
  if (old) {
    plantPte(process, 0, (pte.hi & f.mkold.keepHi) | f.mkold.setHi, (pte.lo & f.mkold.keepLo) | f.mkold.setLo);
  }
  const spy = machine.spy();
  run(fault(process, 0, write));
  const events = spy.of(...HOOKS);
  for (const event of events) if (event.name === 'flushPage' && event.vpn !== vpnAt(machine, 0)) return ['wrong page'];
  // Whether and how ptep_set_access_flags stores is the machine's affair.
  const names = events.map((event) => event.name as string).filter((name) => name !== 'setPte');
  const hook = names.indexOf('accessFlags');
  return hook < 0 ? names : names.filter((name, i) => name !== 'flushPage' || i < hook);
}

export default commit({
  commits: ['1a44e14908'],
  outcomes: {
    'hooks of a read fault on a young entry': {
      run: (bench) => faultOn(bench, false, false),
      expected: [],
      without: ['accessFlags', 'updateMmuCache', 'lazyMmuProtUpdate'],
    },
    'hooks of a write fault on a writable, dirty, young entry': {
      run: (bench) => faultOn(bench, true, false),
      expected: ['flushPage'],
      without: ['accessFlags', 'updateMmuCache', 'lazyMmuProtUpdate'],
    },
    'hooks of a write fault on an old entry': {
      run: (bench) => faultOn(bench, true, true),
      expected: ['accessFlags', 'updateMmuCache', 'lazyMmuProtUpdate'],
    },
    'hooks of a read fault on an old entry': {
      run: (bench) => faultOn(bench, false, true),
      expected: ['accessFlags', 'updateMmuCache', 'lazyMmuProtUpdate'],
    },
  },
});
