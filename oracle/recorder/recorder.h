/*
 * What the recorder and its agents say to each other. The recorder reads a scenario and resolves every address; an agent is
 * one process of the scenario and does what it is asked, one ask at a time, so that nothing but the operation itself
 * touches its memory.
 */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdint.h>
#include <sys/types.h>

#define PAGE 4096UL
#define ARENA 0x20000000UL
#define ARENA_BYTES 0x10000000UL
/* The initial break of every agent: 64 KiB-aligned, 256 MiB below the arena's first byte. */
#define START_BRK 0x10000000UL
/* The agent's own stack and what the kernel maps beside it lie above. */
#define PICKS_END 0x700000000000UL
/* Bytes of a huge page. */
#define HUGE (2UL << 20)

#define MAX_AGENTS 24
#define FIRST_CHANNEL 100 /* the agents' ends keep these numbers across exec */
#define MAX_ITEMS 65536
#define MAX_RANGES 64

enum what {
  ASK_CALL,     /* system call `nr` with `args` */
  ASK_MMAP,     /* mmap of a file: opens `path` as `mode` says, maps, closes */
  ASK_MINCORE,  /* args: address, length; items: a byte a page */
  ASK_LOADS,    /* args: address, pages, step, whether a signal ends it; items: bytes or -signal */
  ASK_STORES,   /* args: address, pages, step, value: stores value + index */
  ASK_RMW,      /* args: address; value: the byte before */
  ASK_FETCH,    /* args: address: runs one instruction there */
  ASK_KREAD,    /* args: address, length: write(2) from there into a pipe */
  ASK_KWRITE,   /* args: address, length, value: read(2) to there from a pipe */
  ASK_FORK,     /* args: the channel that the child answers on; value: its pid */
  ASK_DROPCAPS,
  ASK_EXIT,
};

struct ask {
  enum what what;
  long nr;
  uint64_t args[6];
  int mode; /* open(2) flags; -1: a descriptor that is not open */
  int nr_ranges; /* areas of files that it may read: one page a fault, please */
  uint64_t ranges[MAX_RANGES][2];
  char path[96];
};

/* How an access ended. */
enum ending { DONE, MAPERR, ACCERR, ADRERR };

struct answer {
  int64_t value;
  int error; /* errno of a system call that failed, or of open(2) when `open_failed` */
  int open_failed;
  enum ending ending;
  uint64_t minor, major; /* faults that the operation itself took */
  uint32_t count;        /* items that follow, or accesses done */
};

struct reply {
  struct answer answer;
  int16_t items[MAX_ITEMS];
};

/* agent.c */
extern int channels[MAX_AGENTS][2]; /* [0] the recorder's end, [1] the agent's */
_Noreturn void agent_main(int channel);

/* host.c */
struct host {
  char disk[64], tmp[64], huge[64]; /* where files of each kind lie */
  int fault_around_off;             /* 0: agents must keep the kernel from mapping pages around a fault */
};
void host_prepare(struct host *host);
void host_restore(void);

/* look.c */
struct area {
  uint64_t start, end, pgoff;
  char perms[5];
  char path[128];
  int file, locked, huge;
  char flags[40]; /* gd lo sr rr dc nr ht, joined by commas */
};
enum kind { NOTHING, ZERO, ANON, SHM, FILEPAGE, HUGEPAGE, SWAPPED };
struct entry {
  enum kind kind;
  uint64_t frame;
  int shared; /* mapped more than once */
};
void look_prepare(const struct host *host);
int look_areas(pid_t pid, struct area *areas, int max, int with_flags);
void look_entries(pid_t pid, const struct area *areas, int nr, uint64_t start, uint64_t pages, struct entry *entries);
long look_tables(pid_t pid);

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
