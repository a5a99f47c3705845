/** Where the demo's facts go: a panel that is redrawn on a terminal, plain lines elsewhere. */
import {
  type DemoFacts,
  describeGuest,
  describeLink,
  describeNode,
  describeSecurity,
  renderPanel,
} from './demo-panel.ts';

export interface Display {
  /** Shows the facts as they are now. */
  show(facts: DemoFacts): void;
  /** Leaves the last picture standing; what is printed afterwards comes below it. */
  end(): void;
}

export function createDisplay(output: NodeJS.WriteStream): Display {
  return output.isTTY ? new PanelDisplay(output) : new LineDisplay(output);
}

/** Milliseconds between pictures; the clock in it shows seconds. */
const REDRAW = 500;

const HIDE_CURSOR = '\x1b[?25l';
const SHOW_CURSOR = '\x1b[?25h';
const TO_LINE_START = '\r';
const CLEAR_BELOW = '\x1b[J';
const up = (rows: number): string => (rows > 0 ? `\x1b[${rows}A` : '');

class PanelDisplay implements Display {
  readonly #output: NodeJS.WriteStream;
  readonly #start = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #onExit = (): void => {
    this.#output.write(SHOW_CURSOR);
  };
  #facts: DemoFacts | undefined;
  /** Rows of the terminal that the last picture took. */
  #drawn = 0;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
    output.write(HIDE_CURSOR);
    process.once('exit', this.#onExit);
    this.#timer = setInterval(() => this.#draw(), REDRAW);
  }

  show(facts: DemoFacts): void {
    this.#facts = facts;
    this.#draw();
  }

  end(): void {
    clearInterval(this.#timer);
    this.#draw();
    process.removeListener('exit', this.#onExit);
    this.#output.write(SHOW_CURSOR);
  }

  #draw(): void {
    if (this.#facts === undefined) return;
    const before = this.#drawn;
    const width = this.#output.columns || 80;
    const height = this.#output.rows || Number.POSITIVE_INFINITY;
    let picture = '';
    let rows = 0;
    this.#drawn = 0;
    for (const line of renderPanel(this.#facts, performance.now() - this.#start, width)) {
      // A line to be copied may be longer than the terminal is wide. What does not fit below is
      // left out: the cursor could not come back up over it.
      rows += Math.max(1, Math.ceil(line.length / width));
      if (rows >= height) break;
      picture += `${line}\n`;
      this.#drawn = rows;
    }
    this.#output.write(`${up(before)}${TO_LINE_START}${CLEAR_BELOW}${picture}`);
  }
}

/** Prints each fact when it is new or has changed. */
class LineDisplay implements Display {
  readonly #output: NodeJS.WriteStream;
  readonly #start = performance.now();
  readonly #told = new Map<string, string>();

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  show(facts: DemoFacts): void {
    this.#tell('phase', facts.phase);
    for (const node of facts.nodes) this.#tell(`node ${node.name}`, `node ${describeNode(node)}`);
    const { link } = facts;
    if (link !== undefined) {
      // The round trip changes all the time: the link is told once, and when its path changes.
      this.#tell(`link ${link.provider} ${link.remote}`, `link ${describeLink(link)}`, 'once');
      this.#tell('security', `link ${describeSecurity(link)}`);
    }
    if (facts.why !== undefined) this.#tell('why', `why: ${facts.why}`);
    if (facts.acceleration !== undefined) this.#tell('acceleration', facts.acceleration);
    for (const guest of facts.guests) {
      this.#tell(`guest ${guest.name}`, `guest ${describeGuest(guest)}`);
    }
    const [rtt, rate] = [facts.roundTrips.at(-1), facts.rates.at(-1)];
    if (rtt !== undefined) this.#tell('ping', `ping ${rtt.toFixed(2)} ms`);
    if (rate !== undefined) this.#tell('rate', `iperf3 ${rate.toFixed(0)} Mb/s`);
    if (facts.attach.length > 0 && !this.#told.has('attach')) {
      // Without the time before them, so that they can be pasted.
      this.#told.set('attach', '');
      this.#output.write(`${facts.attach.join('\n')}\n`);
    }
  }

  end(): void {}

  #tell(key: string, text: string, how: 'once' | 'changes' = 'changes'): void {
    const before = this.#told.get(key);
    if (before !== undefined && (how === 'once' || before === text)) return;
    this.#told.set(key, text);
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1).padStart(6);
    this.#output.write(`${seconds} s  ${text}\n`);
  }
}
