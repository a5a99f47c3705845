/*
 * A client of libvdemgmt: opens a console, prints what the library made of it,
 * carries out commands, and waits for one event.
 *
 *   vde-management SOCKET EVENT COMMAND...
 *
 * Ends with 0 when the event has come; whoever runs this causes it after "waiting".
 */
#include <poll.h>
#include <stdio.h>

/* It uses size_t without saying where from. */
#include <libvdemgmt.h>

static int heard = 0;

static void on_event(const char *event, const int tag, const char *data) {
  printf("event %s: %s\n", event, data);
  (void)tag;
  heard = 1;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  struct vdemgmt *console = vdemgmt_open(argv[1]);
  if (console == NULL) {
    fprintf(stderr, "the console does not open\n");
    return 3;
  }
  printf("version %s\n", vdemgmt_getversion(console));
  char **commands = vdemgmt_commandlist(console);
  for (int i = 0; commands != NULL && commands[i] != NULL; i++) printf("knows %s\n", commands[i]);
  vdemgmt_freecommandlist(commands);
  for (int i = 3; i < argc; i++) {
    struct vdemgmt_out out = {NULL, 0};
    const int status = vdemgmt_sendcmd(console, argv[i], &out);
    printf("%s: %d\n", argv[i], status);
    /* Each line is followed by a NUL. */
    for (size_t at = 0; at < out.sz; at++) {
      if (out.buf[at] != '\0') putchar(out.buf[at]);
    }
    vdemgmt_rstout(&out);
  }
  printf("listening: %d\n", vdemgmt_asyncreg(console, argv[2], on_event));
  printf("waiting\n");
  fflush(stdout);
  struct pollfd wait = {vdemgmt_getfd(console), POLLIN, 0};
  while (!heard && poll(&wait, 1, 20000) > 0) vdemgmt_asyncrecv(console);
  vdemgmt_close(console);
  printf("closed\n");
  return heard ? 0 : 4;
}
