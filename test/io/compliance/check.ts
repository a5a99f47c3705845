/** One requirement on a BatchedIo: a title, and what shows that a rig meets it. */
import type { ExecutionContext } from 'ava';
import type { Rig } from '../rig.ts';

export type Check = (title: string, body: (t: ExecutionContext, rig: Rig) => void) => void;
