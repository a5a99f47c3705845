/** All rows, in the order in which they run. */

import { fieldRows } from '../field/rows.ts';
import type { Row } from '../row.ts';
import { floodRows } from './flood.ts';
import { friendsRows } from './friends.ts';
import { handshakeRows } from './handshakes.ts';
import { idleRows } from './idle.ts';
import { localFeaturesRows } from './local-features.ts';
import { localSwitchingRows } from './local-switching.ts';
import { microFilteringRows } from './micro-filtering.ts';
import { microReplayRows } from './micro-replay.ts';
import { microSealRows } from './micro-seal.ts';
import { pingPongRows } from './ping-pong.ts';
import { rstpHealRows } from './rstp-heal.ts';

export const ROWS: readonly Row[] = [
  ...localSwitchingRows,
  ...localFeaturesRows,
  ...pingPongRows,
  ...friendsRows,
  ...floodRows,
  ...idleRows,
  ...rstpHealRows,
  ...microFilteringRows,
  ...microSealRows,
  ...microReplayRows,
  ...handshakeRows,
  ...fieldRows,
];
