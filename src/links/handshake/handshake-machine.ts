/**
 * The handshake of a link, as two machines that do no I/O.
 *
 * Read first: docs/protocol/link.md; handshake-state.ts for the pattern.
 *
 *     initiator                                          responder
 *     waiting-response ── init (e) ──────────────────>   (gate, then respond)
 *                      <───────────── cookieReply ──     under load, no machine made
 *                      <─ response (e,ee,s,es + facts)   waiting-final
 *     waiting-confirm  ── final (s,se + facts, tags) ─>  established, or failed and said so
 *     established      <─ sealed CONFIRM (tags) ──────
 *     any of the waiting states ── time is over ─────>   failed
 *
 * A driver gives each machine the link messages for its index, ticks it at its
 * deadline and sends what `takeOutgoing` returns, after each call, to where the
 * last message came from.
 *
 * Error contract. Over datagrams nothing that is not authentic changes anything:
 * it is counted in `ignored`. Messages of another index, of an unwanted type or
 * for an earlier state are ignored too, except that a repeated message is
 * answered by the same answer once more. Authentic nonsense, a refusal by the
 * responder and the timeout end the handshake. So does, at the initiator, a well
 * formed answer by the wrong peer, but only after ANSWER_GRACE, since somebody on
 * the path could make one. On a stream any message that cannot be read ends it.
 * Nothing that a peer sends makes a method throw.
 */

import type { HandshakeRole } from './group-tags.ts';
import type { MachineState, Verdict } from './handshake-base.ts';
import type { InitiatorOptions, ResponderOptions } from './handshake-options.ts';
import type { HandshakeFailure, HandshakeSession } from './handshake-outcome.ts';
import { InitiatorMachine } from './initiator-machine.ts';
import { ResponderMachine } from './responder-machine.ts';

export interface HandshakeMachine {
  readonly role: HandshakeRole;
  /** The index in messages that come to this machine. */
  readonly localIndex: number;
  readonly state: MachineState;
  /** When `tick` wants to be called next; infinite when finished. */
  readonly deadline: number;
  /** Set once the state is `established`. */
  readonly result: HandshakeSession | undefined;
  /** Set once the state is `failed`. */
  readonly failure: HandshakeFailure | undefined;
  /** Messages that were of no use. */
  readonly ignored: number;
  /** The peer claimed to be the successor of somebody we know, and could not prove it. */
  readonly forgedSuccession: boolean;
  /**
   * Until when a finished machine should still be given messages: a responder
   * repeats message 4 for an initiator that missed it. The driver may forget it
   * earlier, when the first authentic record has come.
   */
  readonly lingerUntil: number;
  /** Takes one whole link message; reads it during the call only. */
  receive(message: Uint8Array, now: number): Verdict;
  tick(now: number): void;
  /** What has to be sent now, in order. Do not alter the octets: they may be sent again. */
  takeOutgoing(): Uint8Array[];
}

export const HandshakeMachine = {
  /** Starts a handshake; message 1 is in `takeOutgoing` at once. */
  initiate(options: InitiatorOptions, now: number): HandshakeMachine {
    return new InitiatorMachine(options, now);
  },

  /**
   * Answers a handshakeInit that the gate let through. If the message cannot be
   * read or is of another version the machine is `failed` from the start.
   */
  respond(options: ResponderOptions, init: Uint8Array, now: number): HandshakeMachine {
    return new ResponderMachine(options, init, now);
  },
} as const;
