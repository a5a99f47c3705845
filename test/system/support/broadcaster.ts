/**
 * A host that says lines to all and prints the lines that it hears, each as often as it comes.
 *
 *   broadcaster ADDRESS BROADCAST-ADDRESS
 *
 * It binds to the wildcard and prints `ready`; what it says itself it does not print.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';

const PORT = 4793;

const [address = '', broadcast = ''] = process.argv.slice(2);
const socket = createSocket('udp4');
socket.on('message', (message, from) => {
  if (from.address !== address) console.log(message.toString());
});
// The network may be cut at the moment; that is what the tests are for.
socket.on('error', (error) => console.error(error.message));
socket.bind(PORT, () => {
  socket.setBroadcast(true);
  console.log('ready');
});
createInterface({ input: process.stdin }).on('line', (line) => {
  socket.send(line, PORT, broadcast, (error) => {
    if (error !== null) console.error(error.message);
  });
});
