/* Operations of a process, each as one ask to its agent. */
#define _GNU_SOURCE
#include "scenario.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The last word `=L`, taken away. */
const char *binding(void) { return nr_words > 0 && words[nr_words - 1][0] == '=' ? words[--nr_words] + 1 : NULL; }

void path_of(char *path, size_t size, const char *name) {
  const char *folder = name[0] == 't' ? host.tmp : name[0] == 'h' ? host.huge : host.disk;
  if (strchr("tdh", name[0]) == NULL) misuse("a file name that begins with t, d or h", name);
  snprintf(path, size, "%s/%s", folder, name);
}

void op_mmap(const struct process *p) {
  const char *label = binding();
  struct ask request = {.what = ASK_MMAP, .nr = SYS_mmap, .mode = -1};
  request.args[0] = address();
  request.args[1] = quantity();
  request.args[2] = (uint64_t)prot();
  long flags = list(MMAP_FLAGS);
  request.args[3] = (uint64_t)(flags & ~(FDRO | FDWO | BADFD));
  if (more()) {
    path_of(request.path, sizeof request.path, word("a file"));
    request.mode = flags & BADFD ? -1 : flags & FDRO ? O_RDONLY : flags & FDWO ? O_WRONLY : O_RDWR;
  }
  if (flags & MAP_ANONYMOUS) request.mode = -1;
  if (more()) request.args[5] = quantity();
  put_placed(tell(p, &request), label);
}

void op_range(const struct process *p, long nr) {
  uint64_t at = address(), length = quantity();
  put_status(call(p, nr, at, length, 0, 0, 0)->error);
}

void op_mremap(const struct process *p) {
  const char *label = binding();
  uint64_t old = address(), old_length = quantity(), length = quantity();
  uint64_t flags = (uint64_t)list(MREMAP_FLAGS), to = more() ? address() : 0;
  put_placed(call(p, SYS_mremap, old, old_length, length, flags, to), label);
}

void op_brk(const struct process *p) {
  const char *text = word("a break");
  uint64_t to = 0;
  int raw = 0;
  if (strcmp(text, "?") != 0) {
    if (!quantity_of(text, &to, &raw)) misuse("a break", text);
    if (!raw) to += START_BRK;
  }
  uint64_t now = (uint64_t)syscall(SYS_brk, 0);
  now = (uint64_t)call(p, SYS_brk, to, 0, 0, 0, 0)->value;
  put(now == to || to == 0 ? "ok brk:" : "refused brk:");
  put_bytes(now - START_BRK);
}

void op_loads(const struct process *p, int sums) {
  uint64_t at = address(), pages = plain("pages"), step = sums ? plain_or(1) : 1;
  const struct answer *answer = ask(p, ASK_LOADS, at, pages, step, (uint64_t)sums);
  if (!sums) {
    for (uint32_t i = 0; i < answer->count; i++) {
      if (i > 0) put(",");
      if (reply.items[i] < 0) put("%c", -reply.items[i] == ADRERR ? 'B' : 'S');
      else put("%d", reply.items[i]);
    }
    return;
  }
  if (answer->ending != DONE) {
    put("%s after %u", ENDINGS[answer->ending], answer->count);
    return;
  }
  uint32_t hash = 17;
  int same = 1;
  for (uint32_t i = 0; i < answer->count; i++) {
    hash = hash * 31 + (uint32_t)reply.items[i];
    same &= reply.items[i] == reply.items[0];
  }
  if (same) put("ok all=%d", answer->count == 0 ? 0 : reply.items[0]);
  else put("ok hash=%08x", hash);
}

void op_fill(const struct process *p) {
  uint64_t at = address(), pages = plain("pages"), value = plain_or(1), step = plain_or(1);
  const struct answer *answer = ask(p, ASK_STORES, at, pages, step, value);
  if (answer->ending == DONE) put("ok %ld", answer->value);
  else put("%s after %ld", ENDINGS[answer->ending], answer->value);
}

void op_mincore(const struct process *p) {
  uint64_t at = address(), length = quantity();
  if (length > MAX_ITEMS * PAGE && length < (1UL << 46)) misuse("a shorter length", "mincore");
  const struct answer *answer = ask(p, ASK_MINCORE, at, length, 0, 0);
  if (answer->error != 0) {
    put_status(answer->error);
    return;
  }
  put("ok ");
  for (uint32_t i = 0; i < answer->count; i++) put("%d", reply.items[i]);
}

void op_copy(const struct process *p, enum what what) {
  uint64_t at = address(), length = quantity(), value = what == ASK_KWRITE ? plain_or(1) : 0;
  if (length > 65536) length = 65536; /* a pipe holds no more */
  const struct answer *answer = ask(p, what, at, length, value, 0);
  if (answer->error != 0) put_status(answer->error);
  else put("ok %ld", answer->value);
}

void op_fork(const struct process *p) {
  const char *label = word("a process label");
  if (nr_channels >= MAX_AGENTS || nr_processes >= MAX_NAMES) misuse("fewer forks", label);
  const struct answer *answer = ask(p, ASK_FORK, (uint64_t)nr_channels, 0, 0, 0);
  put_status(answer->error);
  if (answer->error != 0) return;
  struct process child = {"", (pid_t)answer->value, nr_channels++, 1};
  snprintf(child.label, sizeof child.label, "%s", label);
  char ready;
  if (read(channels[child.channel][0], &ready, 1) != 1) die("process %s did not start", label);
  processes[nr_processes++] = child;
}

void op_exit(struct process *p) {
  struct ask request = {.what = ASK_EXIT};
  if (write(channels[p->channel][0], &request, sizeof request) < 0) die("agent %s is gone", p->label);
  wait_for_end(p->pid);
  p->alive = 0;
  put("ok");
}

void op_rlimit(const struct process *p) {
  long which = bits_of(word("a limit"), LIMITS);
  char *text = words[next_word];
  uint64_t present = 0;
  if (text != NULL && text[0] == '+') {
    char path[64];
    sprintf(path, "/proc/%d/statm", p->pid);
    FILE *file = fopen(path, "r");
    if (file == NULL || fscanf(file, "%lu", &present) != 1) die("%s", path);
    fclose(file);
    words[next_word]++;
  }
  uint64_t limit = quantity();
  struct rlimit old, limits;
  prlimit(p->pid, (enum __rlimit_resource)which, NULL, &old);
  limits = (struct rlimit){limit == ~0UL ? RLIM_INFINITY : limit + present * PAGE, old.rlim_max};
  /* Raising the other limit too would want one more capability. */
  if (limits.rlim_cur > limits.rlim_max) limits.rlim_cur = limits.rlim_max;
  put_status(prlimit(p->pid, (enum __rlimit_resource)which, &limits, NULL) < 0 ? errno : 0);
}

static key_t key_of(uint64_t key) { return (key_t)(KEY_BASE + key); }

uint64_t segment_of(uint64_t key) {
  char name[8];
  snprintf(name, sizeof name, "%u", (unsigned)key);
  const uint64_t *id = named(segments, nr_segments, name);
  return id == NULL ? (uint64_t)-1 : *id;
}

void op_shmget(const struct process *p) {
  uint64_t key = plain("a key"), size = quantity();
  long flags = more() ? list(SHMGET_FLAGS) : 0;
  const struct answer *answer = call(p, SYS_shmget, (uint64_t)key_of(key), size, (uint64_t)(IPC_CREAT | 0600 | flags), 0, 0);
  char name[8];
  snprintf(name, sizeof name, "%u", (unsigned)key);
  if (answer->error == 0) give_name(segments, &nr_segments, name, (uint64_t)answer->value);
  put_status(answer->error);
}

void op_shmat(const struct process *p) {
  const char *label = binding();
  uint64_t key = plain("a key"), at = address();
  long flags = list(SHMAT_FLAGS);
  put_placed(call(p, SYS_shmat, segment_of(key), at, (uint64_t)flags, 0, 0), label);
}

void op_shmstat(void) {
  struct shmid_ds segment;
  if (shmctl((int)segment_of(plain("a key")), IPC_STAT, &segment) < 0) put_status(errno);
  else put("nattch=%lu size=%lu", segment.shm_nattch, segment.shm_segsz);
}
