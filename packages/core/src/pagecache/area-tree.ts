/**
 * The areas that map a file, found by file page (the kernel's i_mmap priority tree): a treap by first page in which each node
 * knows how far its subtree reaches. Finding costs the logarithm of the number of areas and what is found; heights
 * come from a fixed sequence, so a run is deterministic.
 *
 * An area is kept under the file pages it had when it was added: who moves its bounds takes it out and adds it again.
 */
import type { Vma } from '../vma/vma.js';

class Node {
  readonly vma: Vma;
  /** First and last file page, and the last one of the subtree. */
  readonly first: number;
  readonly last: number;
  reach: number;
  /** Order among areas of the same first page, and the height in the treap. */
  readonly serial: number;
  readonly height: number;
  left: Node | null = null;
  right: Node | null = null;

  constructor(vma: Vma, serial: number, height: number) {
    this.vma = vma;
    this.first = vma.pgoff;
    this.last = vma.pgoff + vma.pages - 1;
    this.reach = this.last;
    this.serial = serial;
    this.height = height;
  }
}

/** A set of areas. Iterates in the order they were added. */
export class AreaTree {
  readonly #nodes = new Map<Vma, Node>();
  #root: Node | null = null;
  #serial = 0;
  #random = 1;

  get size(): number {
    return this.#nodes.size;
  }

  has(vma: Vma): boolean {
    return this.#nodes.has(vma);
  }

  [Symbol.iterator](): IterableIterator<Vma> {
    return this.#nodes.keys();
  }

  add(vma: Vma): void {
    if (this.#nodes.has(vma)) return;
    // xorshift32
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    const node = new Node(vma, this.#serial++, x);
    this.#nodes.set(vma, node);
    this.#root = insert(this.#root, node);
  }

  /** Takes an area out; false when it was not there. */
  delete(vma: Vma): boolean {
    const node = this.#nodes.get(vma);
    if (node === undefined) return false;
    this.#nodes.delete(vma);
    this.#root = remove(this.#root as Node, node);
    return true;
  }

  /** vma_prio_tree_foreach: the areas that map some file page of [first, last]. */
  overlapping(first: number, last: number): Vma[] {
    const found: Vma[] = [];
    if (this.#root !== null) collect(this.#root, first, last, found);
    return found;
  }

  /** Says what is wrong with the tree, for the audit: an area that was moved without it, an order or a reach that is off. */
  check(): string | null {
    for (const { vma, first, last } of this.#nodes.values()) {
      if (vma.pgoff !== first || vma.pgoff + vma.pages - 1 !== last) {
        return `area [${vma.start}, ${vma.end}) is listed under file pages ${first} to ${last}, not ${vma.pgoff}`;
      }
    }
    return checkNode(this.#root) === this.#nodes.size ? null : 'the tree of areas is out of order';
  }
}

function before(a: Node, b: Node): boolean {
  return a.first !== b.first ? a.first < b.first : a.serial < b.serial;
}

function settle(node: Node): Node {
  node.reach = Math.max(node.last, node.left?.reach ?? -1, node.right?.reach ?? -1);
  return node;
}

function insert(tree: Node | null, node: Node): Node {
  if (tree === null) return node;
  if (node.height > tree.height) {
    [node.left, node.right] = split(tree, node);
    return settle(node);
  }
  if (before(node, tree)) tree.left = insert(tree.left, node);
  else tree.right = insert(tree.right, node);
  return settle(tree);
}

/** What comes before `at`, and what comes behind it. */
function split(tree: Node | null, at: Node): [Node | null, Node | null] {
  if (tree === null) return [null, null];
  if (before(tree, at)) {
    const [low, high] = split(tree.right, at);
    tree.right = low;
    return [settle(tree), high];
  }
  const [low, high] = split(tree.left, at);
  tree.left = high;
  return [low, settle(tree)];
}

function remove(tree: Node, node: Node): Node | null {
  if (tree === node) return join(node.left, node.right);
  if (before(node, tree)) tree.left = remove(tree.left as Node, node);
  else tree.right = remove(tree.right as Node, node);
  return settle(tree);
}

function join(low: Node | null, high: Node | null): Node | null {
  if (low === null) return high;
  if (high === null) return low;
  if (low.height > high.height) {
    low.right = join(low.right, high);
    return settle(low);
  }
  high.left = join(low, high.left);
  return settle(high);
}

function collect(tree: Node, first: number, last: number, found: Vma[]): void {
  if (tree.left !== null && tree.left.reach >= first) collect(tree.left, first, last, found);
  if (tree.first > last) return;
  if (tree.last >= first) found.push(tree.vma);
  if (tree.right !== null && tree.right.reach >= first) collect(tree.right, first, last, found);
}

/** Nodes of a subtree that is in order, or -1. */
function checkNode(tree: Node | null): number {
  if (tree === null) return 0;
  const { left, right } = tree;
  const ordered = (left === null || before(left, tree)) && (right === null || before(tree, right));
  const low = checkNode(left);
  const high = checkNode(right);
  const reach = Math.max(tree.last, left?.reach ?? -1, right?.reach ?? -1);
  return ordered && low >= 0 && high >= 0 && reach === tree.reach ? low + high + 1 : -1;
}
