/** What can stand between two nodes: relays for datagrams and streams, well-behaved or not. */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** What becomes of one datagram: how often it arrives, and what with. */
export type Mischief = (datagram: Buffer, towards: 'target' | 'caller') => readonly Buffer[];

export interface UdpRelay {
  /** Where callers send to. */
  readonly url: string;
  /** By default each datagram arrives once, as it is. */
  mischief: Mischief;
  /** Sends something to the target, as if the first caller had said it. */
  inject(datagram: Buffer): void;
  close(): void;
}

const passOn: Mischief = (datagram) => [datagram];

/** A relay to a URL `udp://host:port`. It ends with the test. */
export async function udpRelay(t: ExecutionContext, target: string): Promise<UdpRelay> {
  const { hostname, port } = new URL(target);
  const front = createSocket('udp4');
  /** By caller: the socket that speaks for it. */
  const backs = new Map<string, DatagramSocket>();
  const close = (): void => {
    for (const socket of [front, ...backs.values()]) socket.close();
    backs.clear();
  };
  let isOpen = true;
  const relay: UdpRelay = {
    get url() {
      return `udp://127.0.0.1:${front.address().port}`;
    },
    mischief: passOn,
    inject(datagram) {
      const [back] = backs.values();
      back?.send(datagram, Number(port), hostname);
    },
    close() {
      if (isOpen) close();
      isOpen = false;
    },
  };
  front.on('message', (datagram, caller) => {
    const name = `${caller.address}:${caller.port}`;
    let back = backs.get(name);
    if (back === undefined) {
      back = createSocket('udp4');
      backs.set(name, back);
      back.on('error', () => {});
      back.on('message', (answer) => {
        for (const each of relay.mischief(answer, 'caller')) {
          if (isOpen) front.send(each, caller.port, caller.address);
        }
      });
      back.bind(0, '127.0.0.1');
    }
    for (const each of relay.mischief(datagram, 'target')) {
      back.send(each, Number(port), hostname);
    }
  });
  front.on('error', () => {});
  front.bind(0, '127.0.0.1');
  await once(front, 'listening');
  t.teardown(() => relay.close());
  return relay;
}

export interface TcpRelay {
  readonly url: string;
  /** Breaks what is connected; with `refuse`, nobody gets through any more. */
  cut(refuse: boolean): void;
}

/** A relay to a URL `tcp://host:port`. It ends with the test. */
export async function tcpRelay(t: ExecutionContext, target: string): Promise<TcpRelay> {
  const { hostname, port } = new URL(target);
  const open = new Set<Socket>();
  let refuses = false;
  const server = createServer((caller) => {
    if (refuses) return void caller.destroy();
    const back = createConnection(Number(port), hostname);
    for (const [from, to] of [
      [caller, back],
      [back, caller],
    ] as const) {
      open.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  const cut = (refuse: boolean): void => {
    refuses = refuse;
    for (const socket of open) socket.destroy();
  };
  t.teardown(() => {
    cut(true);
    server.close();
  });
  return { url: `tcp://127.0.0.1:${address.port}`, cut };
}
