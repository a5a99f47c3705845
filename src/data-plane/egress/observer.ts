/** What the worker hears of frames that could not leave, and is asked for. */
import type { Endpoint } from '../endpoint.ts';
import type { LinkSession } from '../remote-session.ts';

export interface EgressObserver {
  /** A frame for an endpoint of `port` was dropped for want of room. */
  endpointFull(port: number, length: number): void;
  /** A frame has to wait for the endpoint. */
  endpointWaits(endpoint: Endpoint): void;
  /** Frames that waited for the endpoint have left. */
  endpointDrained(endpoint: Endpoint): void;
  /** The session that a link port sends through. */
  sessionOf(port: number): LinkSession | undefined;
}
