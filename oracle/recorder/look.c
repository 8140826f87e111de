/* What the kernel tells of a process from outside: its areas, and what each page-table entry points to. */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PM_PRESENT (1UL << 63)
#define PM_SWAP (1UL << 62)
#define PM_FILE (1UL << 61)
#define PM_FRAME ((1UL << 55) - 1)

static int counts = -1;
static uint64_t zero_frame;
static size_t disk_length, tmp_length;
static const struct host *files;

static int open_of(pid_t pid, const char *name) {
  char path[64];
  sprintf(path, "/proc/%d/%s", pid, name);
  return open(path, O_RDONLY | O_CLOEXEC);
}

void look_prepare(const struct host *host) {
  files = host;
  disk_length = strlen(host->disk);
  tmp_length = strlen(host->tmp);
  counts = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
  volatile char *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  (void)*page;
  uint64_t word = 0;
  int map = open_of(getpid(), "pagemap");
  if (pread(map, &word, 8, (off_t)((uint64_t)page / PAGE * 8)) != 8 || (word & PM_FRAME) == 0) die("frame numbers cannot be read");
  close(map);
  zero_frame = word & PM_FRAME;
}

static const char *const FLAG_NAMES[] = {"gd", "lo", "sr", "rr", "dc", "nr", "ht"};

static void read_flags(const char *line, struct area *area) {
  area->flags[0] = 0;
  for (size_t i = 0; i < sizeof FLAG_NAMES / sizeof *FLAG_NAMES; i++) {
    const char *found = strstr(line, FLAG_NAMES[i]);
    if (found == NULL || found[-1] != ' ' || found[2] != ' ') continue;
    if (area->flags[0]) strcat(area->flags, ",");
    strcat(area->flags, FLAG_NAMES[i]);
    if (i == 1) area->locked = 1;
    if (i == 6) area->huge = 1;
  }
}

/* The areas of a process that a scenario may see, in address order. Huge ones are known only with flags. */
int look_areas(pid_t pid, struct area *areas, int max, int with_flags) {
  char path[64], line[512];
  sprintf(path, "/proc/%d/%s", pid, with_flags ? "smaps" : "maps");
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  int nr = 0, shown = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    struct area area = {0};
    int named = 0;
    uint64_t offset, inode;
    if (sscanf(line, "%lx-%lx %4s %lx %*s %lu %n", &area.start, &area.end, area.perms, &offset, &inode, &named) == 5 && named > 0) {
      shown = area.start >= START_BRK && area.start < PICKS_END && nr < max;
      area.pgoff = offset / PAGE;
      area.file = inode != 0;
      line[strcspn(line, "\n")] = 0;
      snprintf(area.path, sizeof area.path, "%s", line + named);
      if (shown) areas[nr++] = area;
    } else if (shown && strncmp(line, "VmFlags:", 8) == 0) {
      read_flags(line, &areas[nr - 1]);
    }
  }
  fclose(file);
  return nr;
}

static const struct area *area_of(const struct area *areas, int nr, uint64_t address) {
  for (int i = 0; i < nr; i++) {
    if (address >= areas[i].start && address < areas[i].end) return &areas[i];
  }
  return NULL;
}

static int is_shared(uint64_t frame) {
  uint64_t count = 0;
  if (pread(counts, &count, 8, (off_t)(frame * 8)) != 8) die("/proc/kpagecount: %s", strerror(errno));
  return count > 1;
}

/* The entries of `pages` pages from `start`, by areas that were looked at with flags. */
void look_entries(pid_t pid, const struct area *areas, int nr, uint64_t start, uint64_t pages, struct entry *entries) {
  int map = open_of(pid, "pagemap");
  for (uint64_t i = 0; i < pages; i++) {
    uint64_t word = 0, address = start + i * PAGE;
    struct entry *entry = &entries[i];
    *entry = (struct entry){NOTHING, 0, 0};
    if (pread(map, &word, 8, (off_t)(address / PAGE * 8)) != 8) continue;
    if (word & PM_SWAP) entry->kind = SWAPPED;
    if (!(word & PM_PRESENT)) continue;
    const struct area *area = area_of(areas, nr, address);
    entry->frame = word & PM_FRAME;
    if (area != NULL && area->huge) {
      entry->kind = HUGEPAGE;
      entry->shared = is_shared(entry->frame);
      continue;
    }
    if (entry->frame == zero_frame) entry->kind = ZERO;
    else if (!(word & PM_FILE)) entry->kind = ANON;
    else entry->kind = area != NULL && strncmp(area->path, files->disk, disk_length) == 0 ? FILEPAGE : SHM;
    entry->shared = entry->kind != ZERO && is_shared(entry->frame);
  }
  close(map);
}

/* Pages of page tables, of every level but the root. */
long look_tables(pid_t pid) {
  char path[64], line[256];
  long kilobytes = 0;
  sprintf(path, "/proc/%d/status", pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL) sscanf(line, "VmPTE: %ld", &kilobytes);
  fclose(file);
  return kilobytes / 4;
}
