import { expect, test } from 'vitest';
import { EventRing, FAULT, OPERATION, SET_PTE } from '../../src/events/ring.js';

test('events come out in order, each with the operation that caused it', () => {
  const ring = new EventRing();
  ring.listen(16);
  ring.emit(OPERATION, 7);
  ring.emit(FAULT, 1, 2, 3);
  ring.emit(OPERATION, 8);
  ring.emit(SET_PTE, 4, 5, 6);
  expect(ring.read().map((e) => [e.name, e.cause, e.a, e.b, e.c])).toEqual([
    ['operation', 0, 7, 0, 0],
    ['fault', 0, 1, 2, 3],
    ['operation', 2, 8, 0, 0],
    ['setPte', 2, 4, 5, 6],
  ]);
});

test('the ring keeps the last events when it runs over', () => {
  const ring = new EventRing();
  ring.listen(4);
  for (let i = 0; i < 10; i++) ring.emit(FAULT, i);
  expect(ring.read().map((e) => [e.sequence, e.a])).toEqual([
    [6, 6],
    [7, 7],
    [8, 8],
    [9, 9],
  ]);
});
