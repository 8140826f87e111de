/* One line of a scenario: what it says, done, as a result line. */
#define _GNU_SOURCE
#include "scenario.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

static int is(const char *op, const char *names) {
  size_t length = strlen(op);
  for (const char *found = names; (found = strstr(found, op)) != NULL; found++) {
    if ((found == names || found[-1] == ' ') && (found[length] == ' ' || found[length] == 0)) return 1;
  }
  return 0;
}

#define FILE_OPS "ftruncate fpunch fwrite fread fsize fblocks fdrop funlink"
#define UNCOUNTED "shmget shmrm shmstat pages mark same maps mapsc stat swapout fork exit mlockall"

static int world_operation(const char *op) {
  if (is(op, "share")) op_share();
  else if (is(op, "file")) op_file();
  else if (is(op, FILE_OPS)) op_on_file(op);
  else return 0;
  return 1;
}

static void operation(const char *op, struct process *p) {
  if (is(op, "mmap")) op_mmap(p);
  else if (is(op, "munmap")) op_range(p, SYS_munmap);
  else if (is(op, "mlock")) op_range(p, SYS_mlock);
  else if (is(op, "munlock")) op_range(p, SYS_munlock);
  else if (is(op, "mprotect")) {
    uint64_t at = address(), length = quantity();
    put_status(call(p, SYS_mprotect, at, length, (uint64_t)prot(), 0, 0)->error);
  } else if (is(op, "madvise")) {
    uint64_t at = address(), length = quantity();
    put_status(call(p, SYS_madvise, at, length, (uint64_t)bits_of(word("advice"), ADVICE), 0, 0)->error);
  } else if (is(op, "msync")) {
    uint64_t at = address(), length = quantity();
    put_status(call(p, SYS_msync, at, length, (uint64_t)list(MSYNC_FLAGS), 0, 0)->error);
  } else if (is(op, "remap_file_pages")) {
    uint64_t at = address(), length = quantity(), rights = (uint64_t)prot();
    put_status(call(p, SYS_remap_file_pages, at, length, rights, plain("a page offset"), 0)->error);
  } else if (is(op, "mremap")) op_mremap(p);
  else if (is(op, "brk")) op_brk(p);
  else if (is(op, "mlockall")) put_status(call(p, SYS_mlockall, (uint64_t)list(MLOCKALL_FLAGS), 0, 0, 0, 0)->error);
  else if (is(op, "munlockall")) put_status(call(p, SYS_munlockall, 0, 0, 0, 0, 0)->error);
  else if (is(op, "mincore")) op_mincore(p);
  else if (is(op, "read")) {
    const struct answer *answer = ask(p, ASK_LOADS, address(), 1, 1, 1);
    answer->ending == DONE ? put("ok %d", reply.items[0]) : put("%s", ENDINGS[answer->ending]);
  } else if (is(op, "write")) {
    uint64_t at = address();
    put("%s", ENDINGS[ask(p, ASK_STORES, at, 1, 1, plain_or(1))->ending]);
  } else if (is(op, "rmw")) {
    const struct answer *answer = ask(p, ASK_RMW, address(), 0, 0, 0);
    answer->ending == DONE ? put("ok %ld", answer->value) : put("%s", ENDINGS[answer->ending]);
  } else if (is(op, "call")) put("%s", ENDINGS[ask(p, ASK_FETCH, address(), 0, 0, 0)->ending]);
  else if (is(op, "fill")) op_fill(p);
  else if (is(op, "sum")) op_loads(p, 1);
  else if (is(op, "bytes")) op_loads(p, 0);
  else if (is(op, "kread")) op_copy(p, ASK_KREAD);
  else if (is(op, "kwrite")) op_copy(p, ASK_KWRITE);
  else if (is(op, "fork")) op_fork(p);
  else if (is(op, "exit")) op_exit(p);
  else if (is(op, "rlimit")) op_rlimit(p);
  else if (is(op, "dropcaps")) put_status(ask(p, ASK_DROPCAPS, 0, 0, 0, 0)->error);
  else if (is(op, "shmget")) op_shmget(p);
  else if (is(op, "shmat")) op_shmat(p);
  else if (is(op, "shmdt")) put_status(call(p, SYS_shmdt, address(), 0, 0, 0, 0)->error);
  else if (is(op, "shmrm")) put_status(call(p, SYS_shmctl, segment_of(plain("a key")), IPC_RMID, 0, 0, 0)->error);
  else if (is(op, "shmstat")) op_shmstat();
  else if (is(op, "stat")) op_stat(p);
  else if (is(op, "maps")) op_maps(p, 0);
  else if (is(op, "mapsc")) op_maps(p, 1);
  else if (is(op, "pages")) op_pages(p);
  else if (is(op, "mark")) op_mark(p, 0);
  else if (is(op, "same")) op_mark(p, 1);
  else if (is(op, "swapout")) op_swapout(p);
  else misuse("an operation", op);
}

void run_line(char *line, FILE *to) {
  char text[4096], label[8] = "A";
  int quiet = 0;
  line[strcspn(line, "#\r\n")] = 0;
  while (isspace((unsigned char)*line)) line++;
  if (line[0] == '~') quiet = 1, line++;
  while (isspace((unsigned char)*line)) line++;
  size_t first = strcspn(line, " \t");
  if (first > 0 && first <= 4 && line[first - 1] == ':') {
    snprintf(label, sizeof label, "%.*s", (int)first - 1, line);
    line += first;
    while (isspace((unsigned char)*line)) line++;
  }
  size_t length = strlen(line);
  while (length > 0 && isspace((unsigned char)line[length - 1])) line[--length] = 0;
  if (length == 0) return;
  snprintf(text, sizeof text, "%s", line);
  nr_words = next_word = 0;
  for (char *part = strtok(line, " \t"); part != NULL && nr_words < 15; part = strtok(NULL, " \t")) words[nr_words++] = part;
  words[nr_words] = NULL;
  const char *op = word("an operation");

  char *shown = NULL;
  size_t size;
  int counted = 0;
  bad_label = 0;
  memset(&reply.answer, 0, sizeof reply.answer);
  result = open_memstream(&shown, &size);
  struct process *p = process_of(label);
  if (world_operation(op)) counted = 0;
  else if (p == NULL) bad_label = 1;
  else if (!p->alive) put("noproc");
  else {
    counted = !quiet && !is(op, UNCOUNTED);
    operation(op, p);
  }
  fclose(result);
  fprintf(to, "%d %s %s -> %s", line_number, label, text, bad_label ? "badlabel" : shown);
  free(shown);
  if (bad_label && !quiet) fprintf(to, " | 0 0");
  else if (counted) fprintf(to, " | %lu %lu", reply.answer.minor, reply.answer.major);
  fprintf(to, "\n");
  fflush(to);
}
