/**
 * The other worker, for a rehearsal: what crosses over for one session comes back as from
 * another, within the same thread.
 */
import type { BatchedIo } from '../io/contract.ts';
import { COMPLETE } from '../links/super-frame.ts';
import {
  allocateCrossing,
  allocateSleepers,
  Crossing,
  type CrossingMemory,
  type CrossingTarget,
  Sleeper,
} from './crossing.ts';
import { LandingStrip } from './memory.ts';

export class Mirror {
  readonly #io: BatchedIo;
  readonly #memory: CrossingMemory = allocateCrossing();
  readonly #sleepers = allocateSleepers(2);
  readonly #landing = new LandingStrip();
  readonly #end: Crossing;
  readonly #target: CrossingTarget;

  /** @param worker whose rehearsal it is: 0, or one that has sessions */
  constructor(io: BatchedIo, worker: number) {
    this.#io = io;
    this.#end = this.#crossing(worker === 0 ? 1 : 0, this.#landing);
    this.#target = {
      crossedFrame: (localIndex, ...frame) => {
        this.#end.frame(localIndex ^ 1, ...frame);
      },
      crossedPacket: () => {},
      crossedDatagram: () => {},
      crossedRecordLength: () => {},
    };
  }

  /** The end of the worker that rehearses, which lets go of what it takes within its turn. */
  crossing(worker: number, landing: LandingStrip): Crossing {
    return this.#crossing(worker, landing);
  }

  sleeper(worker: number): Sleeper {
    return new Sleeper(this.#sleepers, worker === 0 ? 0 : 1);
  }

  /** Sends a frame, as from nowhere, for a session of the worker that rehearses. */
  begin(localIndex: number, frame: Uint8Array): void {
    const at = this.#landing.take(frame.length);
    this.#io.slab.set(frame, at);
    this.#end.frame(localIndex, at, frame.length, COMPLETE, 0);
    this.#landing.clear();
    this.#end.publish();
  }

  /** Between two turns of that worker. */
  turn(): void {
    this.#end.receive(this.#target);
    this.#landing.clear();
    this.#end.publish();
  }

  #crossing(worker: number, landing: LandingStrip): Crossing {
    const { toSessions, toSwitch } = this.#memory;
    return new Crossing({
      io: this.#io,
      landing,
      incoming: worker === 0 ? toSwitch : toSessions,
      outgoing: worker === 0 ? toSessions : toSwitch,
      sleepers: this.#sleepers,
      other: worker === 0 ? 1 : 0,
      ring: () => {},
    });
  }
}
