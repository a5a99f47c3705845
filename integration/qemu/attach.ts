/** How a person attaches a guest of their own to a running demo, ready to paste. */
import type { GuestSystem } from './guest.ts';
import type { KithNode } from './kith-node.ts';

/**
 * Two commands: one for an image of one's own, and one for another guest like
 * the demo's, with a shell on the terminal.
 */
export function attachLines(
  system: GuestSystem,
  first: KithNode,
  second: KithNode,
): readonly string[] {
  const card = (node: KithNode, number: number): string =>
    `-netdev vde,id=n0,sock=${node.switchDirectory} ` +
    `-device virtio-net-pci,netdev=n0,mac=02:6b:69:74:68:${String(number).padStart(2, '0')}`;
  const accelerator = system.accelerator === 'kvm' ? '-accel kvm -cpu host' : '-accel tcg -cpu max';
  return [
    `Attach your own guest to ${first.name}'s switch (give it an address such as 10.77.0.10/24):`,
    `  qemu-system-x86_64 ${accelerator} -m 1024 ${card(first, 10)} YOUR-DISK-IMAGE`,
    `Or one more guest like these to ${second.name}'s, with a shell on your terminal:`,
    `  qemu-system-x86_64 ${accelerator} -m 256 -nographic ${card(second, 11)} ` +
      `-kernel ${system.kernel.image} -initrd ${system.initramfs} ` +
      "-append 'console=ttyS0 quiet kith.name=mine kith.address=10.77.0.11/24 kith.shell'",
  ];
}
