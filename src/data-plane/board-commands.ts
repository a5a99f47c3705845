/** The commands that concern nothing but the switch: each says to it what its name says. */
import type { Command } from './commands.ts';
import type { Switchboard } from './switchboard.ts';

type BoardCommand = Extract<
  Command,
  {
    readonly op:
      | 'send-frame'
      | 'forget-claims'
      | 'inject-frame'
      | 'listen-dhcp'
      | 'configure'
      | 'impair'
      | 'start-capture'
      | 'stop-capture'
      | 'listen-addresses'
      | 'flush-port';
  }
>;

export function executeOnBoard(board: Switchboard, command: BoardCommand): void {
  switch (command.op) {
    case 'send-frame':
      board.sendFrame(command.port, command.frame);
      return;
    case 'forget-claims':
      board.claims.portGone(command.port);
      return;
    case 'inject-frame':
      board.inject(command.port, command.frame);
      return;
    case 'listen-dhcp':
      board.outputs.dhcp.listen(command.port, command.on, command.address);
      return;
    case 'configure':
      board.configure(command.settings);
      return;
    case 'impair':
      board.impair(command.port, command.settings);
      return;
    case 'start-capture':
      board.recorder.start(command.id, command.ring, command);
      return;
    case 'stop-capture':
      board.recorder.stop(command.id);
      return;
    case 'listen-addresses':
      board.listenAddresses(command.on);
      return;
    case 'flush-port':
      board.flushPort(command.port);
      return;
  }
}
