/* What the parts of the recorder share: the world of the scenario that runs, its words, and where results go. */
#ifndef SCENARIO_H
#define SCENARIO_H

#include "recorder.h"

#include <stdio.h>

#define KEY_BASE 0x4d4d0000
#define MAX_AREAS 4096
#define MAX_NAMES 256
#define MAX_WORDS 15

struct process {
  char label[4];
  pid_t pid;
  int channel;
  int alive;
};

struct name {
  char name[8];
  uint64_t value;
};

/* agents.c: the world, and talking to its processes */
extern struct host host;
extern struct process processes[MAX_NAMES];
extern int nr_processes, nr_channels;
extern struct name labels[MAX_NAMES], marks[MAX_NAMES], segments[MAX_NAMES];
extern int nr_labels, nr_marks, nr_segments;
extern uint64_t first_pick; /* any:0 */
extern long own_tables;     /* page tables that an agent needs for itself */
extern const char *file_name;
extern int line_number;
extern int bad_label; /* the line names a label that nothing bound */
extern struct reply reply; /* of the agent that was asked last */
extern FILE *result; /* what stands behind the arrow */
extern struct area areas[MAX_AREAS]; /* of the process that was looked at last */
_Noreturn void misuse(const char *expected, const char *came);
uint64_t *named(struct name *names, int nr, const char *name);
void give_name(struct name *names, int *nr, const char *name, uint64_t value);
struct process *process_of(const char *label);
const struct answer *tell(const struct process *process, const struct ask *ask);
const struct answer *call(const struct process *process, long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
const struct answer *ask(const struct process *process, enum what what, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
void wait_for_end(pid_t pid);
void start_first(void);
void stop_all(void);
void watch(const struct process *process, struct ask *ask, uint64_t start, uint64_t bytes);

/* words.c: the words of a line, from the left */
struct bits {
  const char *name;
  long bits;
};
extern char *words[MAX_WORDS + 1];
extern int nr_words, next_word;
/* Bits above those of mmap(2) tell how the file is open. */
enum { FDRO = 1 << 28, FDWO = 1 << 29, BADFD = 1 << 30 };
extern const struct bits MMAP_FLAGS[], MREMAP_FLAGS[], MSYNC_FLAGS[], MLOCKALL_FLAGS[], SHMAT_FLAGS[], SHMGET_FLAGS[], ADVICE[], LIMITS[];
char *word(const char *expected);
int more(void);
int is_number(const char *text, uint64_t *value);
uint64_t plain(const char *expected);
uint64_t plain_or(uint64_t otherwise);
int quantity_of(const char *text, uint64_t *bytes, int *raw);
uint64_t quantity(void);
uint64_t address(void);
int prot(void);
long bits_of(const char *text, const struct bits *table);
long list(const struct bits *table);

/* results.c */
extern const char *const ENDINGS[];
void put(const char *format, ...) __attribute__((format(printf, 1, 2)));
void put_status(int error);
void put_bytes(uint64_t bytes);
void put_address(uint64_t at);
void put_placed(const struct answer *answer, const char *label);

/* calls.c, views.c, files.c, line.c */
const char *binding(void);
void path_of(char *path, size_t size, const char *name);
void op_mmap(const struct process *p);
void op_range(const struct process *p, long nr);
void op_mremap(const struct process *p);
void op_brk(const struct process *p);
void op_loads(const struct process *p, int sums);
void op_fill(const struct process *p);
void op_mincore(const struct process *p);
void op_copy(const struct process *p, enum what what);
void op_fork(const struct process *p);
void op_exit(struct process *p);
void op_rlimit(const struct process *p);
void op_shmget(const struct process *p);
void op_shmat(const struct process *p);
void op_shmstat(void);
uint64_t segment_of(uint64_t key);
void op_stat(const struct process *p);
void op_maps(const struct process *p, int joined);
void op_share(void);
void op_mark(const struct process *p, int compare);
void op_pages(const struct process *p);
void op_swapout(const struct process *p);
void op_file(void);
void op_on_file(const char *op);
void run_line(char *line, FILE *to);

#endif
