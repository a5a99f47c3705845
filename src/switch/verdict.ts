/** What a forwarding decision comes to (forwarding.ts). */

/** What to do with the frame. `count` egress ports are to be served in every case. */
export const Verdict = {
  /** Send it to the egress ports. */
  forward: 0,
  /** Hand it to the control side (BPDUs and their kin). */
  control: 1,
  /** It goes nowhere by itself; `reason` names the counter that rose. The mirror may still want it. */
  drop: 2,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];
