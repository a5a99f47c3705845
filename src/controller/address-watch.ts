/**
 * Tells which addresses the switch has learnt and forgotten, for consoles that want
 * to hear of it (`debug/add hash`).
 *
 * The data plane does not report that, for it would cost every frame something. So
 * while somebody listens, and only then, the table is fetched again and again and
 * compared. An address that comes and goes between two looks is not told of.
 */
import type { FilteringEntry } from '../switch/filtering-database.ts';

/** Milliseconds between two looks. */
const INTERVAL = 500;

export interface AddressWatchOptions {
  addresses(): Promise<readonly FilteringEntry[]>;
  learnt(entry: FilteringEntry): void;
  forgotten(entry: FilteringEntry): void;
}

export class AddressWatch {
  readonly #options: AddressWatchOptions;
  #known: Map<string, FilteringEntry> | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** Which `start` a look belongs to. */
  #round = 0;

  constructor(options: AddressWatchOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#timer !== undefined;
  }

  /** What is there now is known; from here on changes are told. Does nothing when it runs. */
  start(): void {
    if (this.running) return;
    const round = ++this.#round;
    void this.#look(round);
    this.#timer = setInterval(() => void this.#look(round), INTERVAL);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#known = undefined;
    this.#round++;
  }

  async #look(round: number): Promise<void> {
    const entries = await this.#options.addresses();
    if (round !== this.#round) return;
    const before = this.#known;
    const now = new Map(entries.map((entry) => [`${entry.mac} ${entry.vlan}`, entry]));
    this.#known = now;
    if (before === undefined) return;
    for (const [key, entry] of before) if (!now.has(key)) this.#options.forgotten(entry);
    for (const [key, entry] of now) if (!before.has(key)) this.#options.learnt(entry);
  }
}
