/**
 * What the control server needs of the data plane: somewhere to plug a cable in.
 *
 * A system descriptor that was added belongs to the host, which closes it when
 * the endpoint is removed, or at its own end. When `addEndpoint` throws, the
 * descriptor is still the caller's.
 */
export interface EndpointHost {
  /**
   * Joins a connected, non-blocking Unix datagram socket to a port of the switch;
   * one port may have several. KithError when there is no room.
   * @returns a handle, which is not used again while the endpoint is there
   */
  addEndpoint(port: number, systemDescriptor: number): number;
  /** Unplugs it, closes the descriptor, and forgets the addresses of a port that has no endpoint left. */
  removeEndpoint(handle: number): void;
}
