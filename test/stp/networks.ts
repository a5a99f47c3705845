/** Networks that a seed draws, for the simulator. */
import { Network } from './simulator.ts';

/**
 * A connected network of 2 to 14 switches with links of up to 120 ms one way, which come up one
 * by one within three seconds. Some are parallel, some lead from a switch to itself.
 * @param density links beyond those that a tree needs, for each switch
 */
export function randomNetwork(seed: number, density = 1): Network {
  const network = new Network(seed);
  const size = 2 + Math.floor(network.random() * 13);
  const nodes = network.addNodes(size);
  const join = (a: number, b: number) => {
    const link = network.connect(nodes[a], nodes[b], {
      delay: 1 + network.random() * 100,
      jitter: network.random() * 20,
      cost: 1_000 + Math.floor(network.random() * 200_000),
      up: false,
    });
    network.at(network.random() * 3_000, () => network.restore(link));
  };
  for (let i = 1; i < size; i++) join(i, Math.floor(network.random() * i));
  for (let i = 0; i < size * density; i++) {
    join(Math.floor(network.random() * size), Math.floor(network.random() * size));
  }
  return network;
}

/** `size` switches with at most `degree` links each, a ring among them, up within a second. */
export function regularNetwork(seed: number, size: number, degree: number): Network {
  const network = new Network(seed);
  const nodes = network.addNodes(size);
  const joined = new Set<string>();
  const join = (a: number, b: number) => {
    const name = a < b ? `${a}-${b}` : `${b}-${a}`;
    if (a === b || joined.has(name)) return;
    if (nodes[a].links.size >= degree || nodes[b].links.size >= degree) return;
    joined.add(name);
    const link = network.connect(nodes[a], nodes[b], {
      delay: 1 + network.random() * 50,
      jitter: 5,
      up: false,
    });
    network.at(network.random() * 1_000, () => network.restore(link));
  };
  for (let i = 0; i < size; i++) join(i, (i + 1) % size);
  for (let i = 0; i < size * degree * 4; i++) {
    join(Math.floor(network.random() * size), Math.floor(network.random() * size));
  }
  return network;
}

export const EVENTS = ['start', 'cut', 'restore', 'cost', 'churn', 'death'] as const;
export type EventKind = (typeof EVENTS)[number];

/** What happened to a network, and how often. */
export interface Trial {
  readonly kind: EventKind;
  readonly events: number;
  /** Moments at which a loop closed. */
  readonly loops: number;
}

/**
 * Does one kind of thing to a network that has come to rest, each as often as is worth while,
 * and lets it come to rest again. `cut` includes `restore`.
 * @throws with the seed, unless the network ends as the one right tree
 */
export function* tryNetwork(network: Network, kind: EventKind): Generator<Trial> {
  network.strict = false;
  const loopsOf = (run: () => void) => {
    const before = network.loops.length;
    run();
    return network.loops.length - before;
  };
  const pick = () => network.links[Math.floor(network.random() * network.links.length)];
  const anyCost = () => 1_000 + Math.floor(network.random() * 200_000);
  const start = loopsOf(() => network.run(20_000));
  if (kind === 'start') yield { kind, events: 1, loops: start };
  if (kind === 'cut' || kind === 'restore') {
    for (let i = 0; i < 4; i++) {
      const link = pick();
      network.cut(link);
      yield { kind: 'cut', events: 1, loops: loopsOf(() => network.run(40_000)) };
      network.restore(link);
      yield { kind: 'restore', events: 1, loops: loopsOf(() => network.run(20_000)) };
    }
  }
  if (kind === 'cost') {
    for (let i = 0; i < 6; i++) {
      network.setCost(pick(), anyCost());
      yield { kind, events: 1, loops: loopsOf(() => network.run(40_000)) };
    }
  }
  if (kind === 'churn') {
    const loops = loopsOf(() => {
      for (let i = 0; i < 20; i++) {
        const link = pick();
        if (network.random() < 0.3) network.setCost(link, anyCost());
        else if (link.up) network.cut(link);
        else network.restore(link);
        network.run(network.random() * 1000);
      }
      network.run(60_000);
    });
    yield { kind, events: 20, loops };
  }
  if (kind === 'death') {
    // The root, and then the one that took over.
    for (const node of network.nodes.slice(0, 2)) {
      network.kill(node);
      yield { kind, events: 1, loops: loopsOf(() => network.run(60_000)) };
    }
  }
  const fault = network.fault();
  if (fault !== null) throw new Error(`seed ${network.seed}, ${kind}: ${fault}`);
}
