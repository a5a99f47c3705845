/** One QEMU guest on a VDE switch, driven through its serial console. */
import { KithError } from '../../src/errors.ts';
import type { Accelerator } from './accelerator.ts';
import type { GuestKernel } from './kernel.ts';
import { Program } from './program.ts';
import { OFF_LINE, parseLine, runLine, stopLine } from './serial-protocol.ts';

/** Milliseconds within which a guest is up, or never; emulated and on a busy machine. */
const BOOT_TIMEOUT = 90_000;

/** Milliseconds a command in the guest may take unless told otherwise. */
const COMMAND_TIMEOUT = 60_000;

/** What a guest is booted from. */
export interface GuestSystem {
  readonly kernel: GuestKernel;
  /** Path of the built initramfs. */
  readonly initramfs: string;
  readonly accelerator: Accelerator;
}

export interface GuestCard {
  /** The switch's directory, or a vdeplug URL. */
  readonly switchDirectory: string;
  /** Hardware address, aa:bb:cc:dd:ee:ff. */
  readonly mac: string;
  /** IPv4 address with prefix length. */
  readonly address: string;
  /** Octets of the largest packet; by default Ethernet's 1,500. */
  readonly mtu?: number;
}

export interface GuestOptions {
  readonly name: string;
  readonly system: GuestSystem;
  /** Its network card; without one the guest is alone. */
  readonly card?: GuestCard;
  /** Memory in MiB; by default 256. */
  readonly memory?: number;
  /** Milliseconds to be up in. */
  readonly bootTimeout?: number;
}

export interface CommandResult {
  readonly status: number;
  /** What it printed, both outputs, lines joined by line feeds. */
  readonly output: string;
}

/** A command under way in a guest. */
export interface GuestCommand {
  readonly done: Promise<CommandResult>;
  /** SIGTERM to it and its children. */
  stop(): void;
}

interface Pending {
  readonly lines: string[];
  readonly onLine: ((line: string) => void) | undefined;
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: Error) => void;
}

const ACCELERATION: Readonly<Record<Accelerator, readonly string[]>> = {
  kvm: ['-accel', 'kvm', '-cpu', 'host'],
  tcg: ['-accel', 'tcg', '-cpu', 'max'],
};

/** The command line of a guest; exported to be shown and tested. */
export function qemuArguments(options: GuestOptions): readonly string[] {
  const { system, card } = options;
  const parameters = [
    'console=ttyS0 quiet loglevel=1 panic=-1',
    `kith.name=${options.name}`,
    ...(card === undefined ? [] : [`kith.address=${card.address}`]),
    ...(card?.mtu === undefined ? [] : [`kith.mtu=${card.mtu}`]),
  ];
  const mtu = card?.mtu === undefined ? '' : `,host_mtu=${card.mtu}`;
  return [
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-M', 'pc'],
    ...['-monitor', 'none', '-serial', 'stdio', '-m', String(options.memory ?? 256)],
    ...ACCELERATION[system.accelerator],
    ...['-kernel', system.kernel.image, '-initrd', system.initramfs],
    ...['-append', parameters.join(' ')],
    ...(card === undefined
      ? []
      : [
          ...['-netdev', `vde,id=n0,sock=${card.switchDirectory.replaceAll(',', ',,')}`],
          ...['-device', `virtio-net-pci,netdev=n0,mac=${card.mac},romfile=${mtu}`],
        ]),
  ];
}

export class Guest {
  readonly name: string;
  /** Milliseconds from start to ready. */
  readonly bootTime: number;
  readonly #program: Program;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;

  private constructor(name: string, program: Program, bootTime: number) {
    this.name = name;
    this.#program = program;
    this.bootTime = bootTime;
    program.onLine((line, source) => {
      if (source === 'stdout') this.#onLine(line);
    });
    void program.ended.then(() => {
      for (const pending of this.#pending.values()) pending.reject(this.#gone());
      this.#pending.clear();
    });
  }

  /** Starts a guest and returns when its network card is up. Throws KithError 'system' when it does not boot. */
  static async boot(options: GuestOptions): Promise<Guest> {
    const start = performance.now();
    const program = new Program('qemu-system-x86_64', qemuArguments(options), {
      name: `guest ${options.name}`,
    });
    let failure: string | undefined;
    const forget = program.onLine((line) => {
      const parsed = parseLine(line);
      if (parsed.kind === 'failed') failure ??= parsed.reason;
    });
    const timeout = options.bootTimeout ?? BOOT_TIMEOUT;
    try {
      await program.waitFor(/KITH-GUEST ready .*\r?\n/, timeout);
    } catch (cause) {
      const gaveUp = program.end !== undefined;
      await program.stop('SIGKILL');
      const complaint = program.stderr.trim().split('\n')[0];
      const what = gaveUp
        ? `QEMU gave up: ${complaint || program.lastWords()}`
        : `it was not up within ${timeout / 1000} s`;
      throw new KithError('system', `Guest ${options.name} did not boot: ${what}`, { cause });
    }
    forget();
    if (failure !== undefined) {
      await program.stop('SIGKILL');
      throw new KithError('system', `Guest ${options.name} failed ${failure}.`);
    }
    return new Guest(options.name, program, performance.now() - start);
  }

  /**
   * Starts a shell command in the guest. `done` fails only when the guest dies.
   * @param onLine called for each line as it comes
   */
  start(command: string, onLine?: (line: string) => void): GuestCommand {
    const id = this.#nextId++;
    const done = new Promise<CommandResult>((resolve, reject) => {
      if (this.#program.end !== undefined) {
        reject(this.#gone());
        return;
      }
      this.#pending.set(id, { lines: [], onLine, resolve, reject });
      this.#program.write(runLine(id, command));
    });
    return { done, stop: () => this.#program.write(stopLine(id)) };
  }

  /**
   * Runs a shell command in the guest to its end.
   * @throws KithError 'system' when the guest dies or `timeout` milliseconds pass
   */
  async run(
    command: string,
    options: { readonly timeout?: number; readonly onLine?: (line: string) => void } = {},
  ): Promise<CommandResult> {
    const timeout = options.timeout ?? COMMAND_TIMEOUT;
    const { done, stop } = this.start(command, options.onLine);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        stop();
        const seconds = timeout / 1000;
        reject(
          new KithError('system', `Guest ${this.name} took over ${seconds} s for: ${command}.`),
        );
      }, timeout);
    });
    // Whichever loses the race must not count as an unhandled failure.
    done.catch(() => {});
    return await Promise.race([done, late]).finally(() => clearTimeout(timer));
  }

  /** Settles when the guest is gone. */
  get ended(): Promise<unknown> {
    return this.#program.ended;
  }

  /** Powers off, or pulls the plug when that takes longer than `grace` milliseconds. */
  async stop(grace = 1500): Promise<void> {
    if (this.#program.end !== undefined) return;
    this.#program.write(OFF_LINE);
    const timer = setTimeout(() => this.#program.kill('SIGKILL'), grace);
    await this.#program.ended;
    clearTimeout(timer);
  }

  /** Pulls the plug, as a crash would. */
  async kill(): Promise<void> {
    await this.#program.stop('SIGKILL');
  }

  #onLine(line: string): void {
    const parsed = parseLine(line);
    if (parsed.kind === 'out') {
      const pending = this.#pending.get(parsed.id);
      pending?.lines.push(parsed.text);
      pending?.onLine?.(parsed.text);
    } else if (parsed.kind === 'end') {
      const pending = this.#pending.get(parsed.id);
      this.#pending.delete(parsed.id);
      pending?.resolve({ status: parsed.status, output: pending.lines.join('\n') });
    }
  }

  #gone(): KithError {
    return new KithError('system', `Guest ${this.name} is gone: ${this.#program.lastWords()}.`);
  }
}
