/** Processes and what they may do: fork, exit, rlimit, dropcaps. */
import { errnoName, runToEnd } from '@fourfold/core';
import { counted, type Operations, uncounted } from '../operation.js';

const LIMITS = { memlock: 'memlock', as: 'as', data: 'data', stack: 'stack' } as const;

export const processOps: Operations = {
  fork: uncounted((args) => {
    const label = args.label('a process label');
    args.end();
    return (world, process) => {
      if (world.process(label)?.alive) throw args.wrong('a process label that no living process has', label);
      const child = runToEnd(process.ops.fork());
      if (typeof child === 'number') return errnoName(child);
      world.adopt(label, child);
      return 'ok';
    };
  }),

  exit: uncounted((args) => {
    args.end();
    return (_world, process) => {
      runToEnd(process.ops.exit());
      return 'ok';
    };
  }),

  rlimit: counted((args) => {
    const which = args.oneOf('limit', LIMITS);
    const word = args.word('a limit (a number, or +N above the present size for as)');
    const above = word.startsWith('+');
    if (above && which !== 'as') throw args.wrong(`a number as limit of ${which}`, word);
    const limit = args.reread(above ? word.slice(1) : word).quantity('a limit');
    args.end();
    return (world, process) => {
      const { mm } = process;
      const bytes = Number(world.bytes(limit));
      const present = above ? mm.totalVm * world.machine.pageSize : 0;
      mm.rlimits[which] = limit.kind === 'max' ? Infinity : present + bytes;
      return 'ok';
    };
  }),

  dropcaps: counted((args) => {
    args.end();
    return (_world, process) => {
      process.mm.capIpcLock = false;
      process.mm.capSysAdmin = false;
      return 'ok';
    };
  }),
};
