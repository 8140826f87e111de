/*
 * recorder FILE.mm ... : runs scenarios on the kernel of this machine (x86-64 Linux, as root) and prints their result lines; with
 * --out FOLDER each into FOLDER/NAME.expected. The format is that of `fourfold run`.
 */
#define _GNU_SOURCE
#include "scenario.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <unistd.h>

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "recorder: ");
  vfprintf(stderr, format, arguments);
  fprintf(stderr, "\n");
  va_end(arguments);
  exit(4);
}

static void empty_folder(const char *folder) {
  DIR *directory = opendir(folder);
  char path[512];
  for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
    snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
    if (entry->d_type == DT_REG) unlink(path);
  }
  if (directory != NULL) closedir(directory);
}

static void record(const char *path, FILE *to) {
  FILE *file = fopen(path, "r");
  if (file == NULL) die("%s: %s", path, strerror(errno));
  file_name = path;
  line_number = bad_label = 0;
  nr_labels = nr_marks = nr_segments = 0;
  start_first();
  char line[4096];
  while (fgets(line, sizeof line, file) != NULL) {
    line_number++;
    run_line(line, to);
  }
  fclose(file);
  stop_all();
  for (int i = 0; i < nr_segments; i++) shmctl((int)segments[i].value, IPC_RMID, NULL);
  empty_folder(host.disk), empty_folder(host.tmp), empty_folder(host.huge);
}

/* A second signal must not keep the host from being put back. */
static void on_signal(int number) {
  signal(SIGINT, SIG_IGN), signal(SIGTERM, SIG_IGN), signal(SIGHUP, SIG_IGN);
  exit(128 + number);
}

static void end(void) {
  stop_all();
  host_restore();
}


int main(int argc, char **argv) {
  extern int agent_guards;
  if (argc == 2 && (strcmp(argv[1], "--agent") == 0 || strcmp(argv[1], "--guarded-agent") == 0)) {
    for (int i = 0; i < MAX_AGENTS; i++) channels[i][1] = FIRST_CHANNEL + i;
    agent_guards = strcmp(argv[1], "--guarded-agent") == 0;
    agent_main(0);
  }
  const char *out = argc > 2 && strcmp(argv[1], "--out") == 0 ? argv[2] : NULL;
  int first = out == NULL ? 1 : 3;
  if (argc <= first) {
    fprintf(stderr, "expected recorder [--out FOLDER] FILE.mm ...\n");
    return 2;
  }
  atexit(end);
  signal(SIGINT, on_signal), signal(SIGTERM, on_signal), signal(SIGHUP, on_signal);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  /* One CPU: pages that wait in a CPU's batch are then seen by whoever drains it. */
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(sched_getcpu(), &here);
  sched_setaffinity(0, sizeof here, &here);
  host_prepare(&host);
  look_prepare(&host);
  for (int i = first; i < argc; i++) {
    FILE *to = stdout;
    if (out != NULL) {
      char path[4096], name[256];
      const char *slash = strrchr(argv[i], '/');
      snprintf(name, sizeof name, "%s", slash ? slash + 1 : argv[i]);
      if (strlen(name) > 3 && strcmp(name + strlen(name) - 3, ".mm") == 0) name[strlen(name) - 3] = 0;
      snprintf(path, sizeof path, "%s/%s.expected", out, name);
      to = fopen(path, "w");
      if (to == NULL) die("%s: %s", path, strerror(errno));
    }
    record(argv[i], to);
    if (to != stdout) fclose(to);
  }
  return 0;
}
