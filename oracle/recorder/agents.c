/* The processes of the scenario that runs: starting them, asking them, ending them. */
#define _GNU_SOURCE
#include "scenario.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct host host;
struct process processes[MAX_NAMES];
int nr_processes, nr_channels;
struct name labels[MAX_NAMES], marks[MAX_NAMES], segments[MAX_NAMES];
int nr_labels, nr_marks, nr_segments;
uint64_t first_pick;
long own_tables;

const char *file_name;
int line_number;
int bad_label;
struct reply reply;
FILE *result; /* what stands behind the arrow */
struct area areas[MAX_AREAS];

_Noreturn void misuse(const char *expected, const char *came) {
  fflush(NULL);
  fprintf(stderr, "%s:%d: expected %s, came '%s'\n", file_name, line_number, expected, came ? came : "the end of the line");
  exit(2);
}

uint64_t *named(struct name *names, int nr, const char *name) {
  for (int i = 0; i < nr; i++) {
    if (strcmp(names[i].name, name) == 0) return &names[i].value;
  }
  return NULL;
}

void give_name(struct name *names, int *nr, const char *name, uint64_t value) {
  uint64_t *old = named(names, *nr, name);
  if (old != NULL) *old = value;
  else if (*nr < MAX_NAMES) {
    snprintf(names[*nr].name, sizeof names->name, "%s", name);
    names[(*nr)++].value = value;
  }
}

struct process *process_of(const char *label) {
  struct process *found = NULL;
  for (int i = 0; i < nr_processes; i++) {
    if (strcmp(processes[i].label, label) == 0) found = &processes[i];
  }
  return found;
}

const struct answer *tell(const struct process *process, const struct ask *ask) {
  int to = channels[process->channel][0];
  if (bad_label) { /* whatever the operation prints gives way to `badlabel` */
    reply.answer = (struct answer){.error = EINVAL};
    return &reply.answer;
  }
  if (write(to, ask, sizeof *ask) != (ssize_t)sizeof *ask) die("agent %s is gone: %s", process->label, strerror(errno));
  struct pollfd until = {.fd = to, .events = POLLIN};
  if (poll(&until, 1, 10000) != 1) die("agent %s hangs (line %d of %s)", process->label, line_number, file_name);
  ssize_t got = read(to, &reply, sizeof reply);
  if (got < (ssize_t)sizeof reply.answer) die("agent %s does not answer (line %d of %s)", process->label, line_number, file_name);
  return &reply.answer;
}

/* The file areas that overlap a range: an ask that may read there names them. */
void watch(const struct process *process, struct ask *ask, uint64_t start, uint64_t bytes) {
  if (host.fault_around_off) return;
  int nr = look_areas(process->pid, areas, MAX_AREAS, 1);
  uint64_t end = start + bytes < start ? ~0UL : start + bytes;
  for (int i = 0; i < nr && ask->nr_ranges < MAX_RANGES; i++) {
    if (!areas[i].file || areas[i].huge || areas[i].end <= start || areas[i].start >= end) continue;
    ask->ranges[ask->nr_ranges][0] = areas[i].start;
    ask->ranges[ask->nr_ranges++][1] = areas[i].end;
  }
}

const struct answer *call(const struct process *process, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e) {
  struct ask ask = {.what = ASK_CALL, .nr = nr, .args = {a, b, c, d, e}};
  if (nr == SYS_mlock || nr == SYS_madvise || nr == SYS_remap_file_pages) watch(process, &ask, a & -PAGE, b + PAGE);
  if (nr == SYS_mlockall) watch(process, &ask, START_BRK, PICKS_END - START_BRK);
  return tell(process, &ask);
}

const struct answer *ask(const struct process *process, enum what what, uint64_t a, uint64_t b, uint64_t c, uint64_t d) {
  struct ask ask = {.what = what, .args = {a, b, c, d}};
  if (what == ASK_LOADS) watch(process, &ask, a, b * PAGE);
  if (what == ASK_RMW || what == ASK_FETCH) watch(process, &ask, a, 1);
  if (what == ASK_KREAD) watch(process, &ask, a, b < 65536 ? b : 65536);
  return tell(process, &ask);
}

void wait_for_end(pid_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) return;
  struct pollfd until = {.fd = fd, .events = POLLIN};
  poll(&until, 1, 5000);
  close(fd);
}

void start_first(void) {
  for (int i = 0; i < MAX_AGENTS; i++) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) die("channels: %s", strerror(errno));
    channels[i][0] = pair[0];
    channels[i][1] = FIRST_CHANNEL + i;
    if (dup2(pair[1], channels[i][1]) < 0) die("channels: %s", strerror(errno));
    close(pair[1]);
  }
  pid_t pid = fork();
  if (pid == 0) {
    personality(ADDR_COMPAT_LAYOUT | ADDR_NO_RANDOMIZE);
    execl("/proc/self/exe", "recorder", host.fault_around_off ? "--agent" : "--guarded-agent", NULL);
    _exit(4);
  }
  char ready;
  if (read(channels[0][0], &ready, 1) != 1) die("the first process did not start");
  processes[0] = (struct process){"A", pid, 0, 1};
  nr_processes = nr_channels = 1;
  const struct process *first = &processes[0];
  /* What the kernel mapped where it will pick (the vdso) is in the way, and the agent does without. */
  int nr = look_areas(pid, areas, MAX_AREAS, 0);
  for (int i = 0; i < nr; i++) call(first, SYS_munmap, areas[i].start, areas[i].end - areas[i].start, 0, 0, 0);
  const struct answer *answer = call(first, SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1);
  first_pick = (uint64_t)answer->value;
  call(first, SYS_munmap, first_pick, PAGE, 0, 0, 0);
  own_tables = look_tables(pid);
}

void stop_all(void) {
  if (nr_processes == 0) return;
  for (int i = 0; i < nr_processes; i++) {
    if (!processes[i].alive) continue;
    kill(processes[i].pid, SIGKILL);
    wait_for_end(processes[i].pid);
  }
  while (waitpid(-1, NULL, WNOHANG) > 0) continue;
  for (int i = 0; i < MAX_AGENTS; i++) close(channels[i][0]), close(channels[i][1]);
  nr_processes = 0;
}
