/**
 * Switches and links in virtual time.
 *
 * Deterministic: the same seed takes the same course. Frames of one direction of
 * a link keep their order. After every change of a port state the network looks
 * for a forwarding loop, so none can hide between two events.
 *
 * A link forwards while it is up and both of its ends forward.
 */

import type { SpanningTreeEvent } from '../../src/stp/output.ts';
import type { PortState } from '../../src/stp/port.ts';
import type { NewPort } from '../../src/stp/spanning-tree.ts';
import { SpanningTree, type SpanningTreeOptions } from '../../src/stp/spanning-tree.ts';

/** A small seeded generator (mulberry32): numbers from 0 up to 1. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A binary heap of events; those of one moment run in the order they were planned. */
class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;

  get next(): number {
    return this.#heap.length === 0 ? Number.POSITIVE_INFINITY : this.#heap[0].at;
  }

  plan(at: number, run: () => void): void {
    const event = { at, order: this.#order++, run };
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = event;
  }

  take(): Event {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop() as Event;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child += 1;
      if (!before(heap[child], last)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

export interface End {
  readonly node: Node;
  readonly port: number;
}

export interface LinkOptions {
  /** Milliseconds one way. Default 1. */
  readonly delay?: number;
  /** Up to so many milliseconds more. Default 0. */
  readonly jitter?: number;
  /** Share of frames lost. Default 0. */
  readonly loss?: number;
  /** Port Path Cost at both ends. Default 20,000. */
  readonly cost?: number;
  readonly portOptions?: Partial<NewPort>;
  /** Default true. */
  readonly up?: boolean;
}

export class Link {
  readonly ends: readonly [End, End];
  readonly delay: number;
  readonly jitter: number;
  loss: number;
  cost: number;
  up = false;
  /** Rises with every cut, so that frames of an earlier life do not arrive. */
  life = 0;
  readonly lastArrival: [number, number] = [0, 0];

  constructor(ends: readonly [End, End], options: LinkOptions) {
    this.ends = ends;
    this.delay = options.delay ?? 1;
    this.jitter = options.jitter ?? 0;
    this.loss = options.loss ?? 0;
    this.cost = options.cost ?? 20_000;
  }

  get forwarding(): boolean {
    return (
      this.up &&
      this.ends.every((end) => end.node.alive && end.node.stateOf(end.port) === 'forwarding')
    );
  }

  other(node: Node, port: number): End {
    const [a, b] = this.ends;
    return a.node === node && a.port === port ? b : a;
  }
}

export class Node {
  readonly index: number;
  readonly tree: SpanningTree;
  readonly links = new Map<number, Link>();
  readonly states = new Map<number, PortState>();
  readonly flushed: number[] = [];
  readonly events: SpanningTreeEvent[] = [];
  alive = true;
  timerAt = Number.POSITIVE_INFINITY;

  constructor(index: number, tree: SpanningTree) {
    this.index = index;
    this.tree = tree;
  }

  stateOf(port: number): PortState {
    return this.states.get(port) ?? 'discarding';
  }

  freePort(): number {
    return this.links.size + 1;
  }
}

export class Network {
  readonly seed: number;
  readonly random: () => number;
  readonly nodes: Node[] = [];
  readonly links: Link[] = [];
  now = 0;
  /** Frames handed to links. */
  sent = 0;
  /** Moments at which a loop closed. */
  readonly loops: string[] = [];
  /** Whether a loop fails the run at once. */
  strict = true;
  readonly #queue = new EventQueue();

  constructor(seed: number) {
    this.seed = seed;
    this.random = random(seed);
  }

  /** The address ends in the index plus one, so that of equal priorities node 0 wins. */
  addNode(options: Partial<SpanningTreeOptions> = {}): Node {
    const index = this.nodes.length;
    const id = index + 1;
    const bridgeAddress = Uint8Array.of(2, 0, 0, 0, id >> 8, id & 0xff);
    const node = new Node(index, new SpanningTree({ bridgeAddress, ...options }));
    this.nodes.push(node);
    return node;
  }

  addNodes(count: number, options: Partial<SpanningTreeOptions> = {}): Node[] {
    return Array.from({ length: count }, () => this.addNode(options));
  }

  /** Joins two nodes, or two ports of one, by a link that is up at once. */
  connect(a: Node, b: Node, options: LinkOptions = {}): Link {
    const endA = { node: a, port: a.freePort() };
    const endB = { node: b, port: b.freePort() + (a === b ? 1 : 0) };
    const link = new Link([endA, endB], options);
    this.links.push(link);
    for (const { node, port } of link.ends) {
      node.links.set(port, link);
      const portOptions = {
        pathCost: link.cost,
        pointToPoint: true,
        ...options.portOptions,
        enabled: false,
      };
      this.act(node, () => node.tree.addPort(port, portOptions, this.now));
    }
    if (options.up ?? true) this.restore(link);
    return link;
  }

  cut(link: Link): void {
    if (!link.up) return;
    link.up = false;
    link.life += 1;
    for (const { node, port } of link.ends) {
      if (node.alive) this.act(node, () => node.tree.setPortEnabled(port, false, this.now));
    }
  }

  restore(link: Link): void {
    if (link.up) return;
    link.up = true;
    for (const { node, port } of link.ends) {
      if (node.alive) this.act(node, () => node.tree.setPortEnabled(port, true, this.now));
    }
  }

  setCost(link: Link, cost: number): void {
    link.cost = cost;
    for (const { node, port } of link.ends) {
      this.act(node, () => node.tree.setPortCost(port, cost, this.now));
    }
  }

  /** The node falls silent; its neighbours see their links go down, or have to find out. */
  kill(node: Node, detected = true): void {
    node.alive = false;
    for (const link of node.links.values()) {
      if (detected) this.cut(link);
      else link.life += 1;
    }
  }

  /** Calls into a node, then carries out what it wants, in the order it asks for. */
  act(node: Node, call: () => void): void {
    call();
    const output = node.tree.takeOutput();
    for (const { port, state } of output.states) {
      node.states.set(port, state);
      if (state === 'forwarding') this.#lookForLoop(node, port);
    }
    node.flushed.push(...output.flush);
    node.events.push(...output.events);
    for (const { port, frame } of output.bpdus) this.#send(node, port, frame);
    const deadline = node.tree.nextDeadline();
    if (deadline < node.timerAt) this.#arm(node, deadline);
  }

  #arm(node: Node, at: number): void {
    node.timerAt = at;
    this.#queue.plan(at, () => {
      if (node.timerAt !== at) return;
      node.timerAt = Number.POSITIVE_INFINITY;
      if (node.alive) this.act(node, () => node.tree.tick(this.now));
    });
  }

  #send(node: Node, port: number, frame: Uint8Array): void {
    const link = node.links.get(port);
    if (link === undefined || !link.up) return;
    this.sent += 1;
    if (link.loss > 0 && this.random() < link.loss) return;
    const to = link.other(node, port);
    const direction = link.ends[0] === to ? 0 : 1;
    const jitter = link.jitter === 0 ? 0 : this.random() * link.jitter;
    const arrival = Math.max(this.now + link.delay + jitter, link.lastArrival[direction]);
    link.lastArrival[direction] = arrival;
    const { life } = link;
    this.#queue.plan(arrival, () => {
      if (link.life !== life || !to.node.alive) return;
      this.act(to.node, () => to.node.tree.receive(to.port, frame, this.now));
    });
  }

  /** Plans something for later. */
  at(time: number, run: () => void): void {
    this.#queue.plan(time, run);
  }

  /** Runs all events of the next `milliseconds`. */
  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    while (this.#queue.next <= end) {
      const event = this.#queue.take();
      this.now = event.at;
      event.run();
    }
    this.now = end;
  }

  /** Runs until `done` holds at the end of an event. @returns milliseconds it took, or null after `limit` */
  runUntil(done: () => boolean, limit: number): number | null {
    const start = this.now;
    while (!done()) {
      if (this.#queue.next > start + limit) return null;
      const event = this.#queue.take();
      this.now = event.at;
      event.run();
    }
    return this.now - start;
  }

  /** A link that has begun to forward closes a loop if its ends were joined already. */
  #lookForLoop(node: Node, port: number): void {
    const link = node.links.get(port);
    if (link === undefined || !link.forwarding) return;
    const [from, to] = link.ends;
    if (!this.#joined(from.node, to.node, link)) return;
    const sentence = `seed ${this.seed}: loop at ${this.now} ms through ${from.node.index}-${to.node.index}`;
    this.loops.push(sentence);
    if (this.strict) throw new Error(sentence);
  }

  #joined(from: Node, to: Node, except: Link): boolean {
    const seen = new Set<Node>([from]);
    const stack = [from];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node === to) return true;
      for (const [port, link] of node.links) {
        if (link === except || !link.forwarding) continue;
        const next = link.other(node, port).node;
        if (seen.has(next)) continue;
        seen.add(next);
        stack.push(next);
      }
    }
    return false;
  }

  /** Nodes reachable over `usable` links, by node. */
  #component(start: Node, usable: (link: Link) => boolean): Set<Node> {
    const seen = new Set<Node>([start]);
    for (const node of seen) {
      for (const [port, link] of node.links) {
        const next = link.other(node, port).node;
        if (usable(link) && node.alive && next.alive) seen.add(next);
      }
    }
    return seen;
  }

  /** Why the network is not one spanning tree per component, rooted where it should be; null if it is. */
  fault(): string | null {
    const left = new Set(this.nodes.filter((node) => node.alive));
    for (const start of left) {
      const members = this.#component(start, (link) => link.up);
      for (const member of members) left.delete(member);
      const reached = this.#component(start, (link) => link.forwarding);
      if (reached.size !== members.size) return `${reached.size} of ${members.size} are joined`;
      const fault = faultOfRoots(this, members);
      if (fault !== null) return fault;
      const inside = this.links.filter((link) => link.forwarding && members.has(link.ends[0].node));
      if (inside.length !== members.size - 1) {
        return `${inside.length} links forward among ${members.size}`;
      }
    }
    return null;
  }

  /** Frames between all pairs along the tree: the mean of their delays, one way. */
  meanPathDelay(): number {
    let sum = 0;
    let pairs = 0;
    for (const start of this.nodes) {
      const delays = new Map<Node, number>([[start, 0]]);
      for (const [node, delay] of delays) {
        for (const [port, link] of node.links) {
          const next = link.other(node, port).node;
          if (link.forwarding && !delays.has(next)) delays.set(next, delay + link.delay);
        }
      }
      for (const delay of delays.values()) sum += delay;
      pairs += delays.size - 1;
    }
    return sum / pairs;
  }
}

/** Checks the root each member sees, and its Root Path Cost against shortest paths. */
function faultOfRoots(network: Network, members: Set<Node>): string | null {
  const snapshots = new Map(
    [...members].map((node) => [node, node.tree.snapshot(network.now)] as const),
  );
  const identifiers = [...snapshots.values()].map((snapshot) => snapshot.bridgeIdentifier).sort();
  const distances = new Map<Node, number>();
  for (const [node, snapshot] of snapshots) {
    if (snapshot.rootIdentifier !== identifiers[0]) {
      return `node ${node.index} follows ${snapshot.rootIdentifier}`;
    }
    distances.set(node, snapshot.isRoot ? 0 : Number.POSITIVE_INFINITY);
  }
  // Bellman and Ford: simple, and unlike anything in the tree itself.
  for (let changed = true; changed; ) {
    changed = false;
    for (const link of network.links) {
      if (!link.up || !link.ends.every((end) => members.has(end.node))) continue;
      const [a, b] = [link.ends[0].node, link.ends[1].node];
      for (const [from, to] of [
        [a, b],
        [b, a],
      ]) {
        const through = (distances.get(from) as number) + link.cost;
        if (through < (distances.get(to) as number)) {
          distances.set(to, through);
          changed = true;
        }
      }
    }
  }
  for (const [node, snapshot] of snapshots) {
    if (snapshot.rootPathCost !== distances.get(node)) {
      return `node ${node.index} counts ${snapshot.rootPathCost}, not ${distances.get(node)}`;
    }
  }
  return null;
}
