/* What a scenario looks at: stat, maps, pages, share, mark, and swapout, which prints what is left. */
#define _GNU_SOURCE
#include "scenario.h"

#include <ctype.h>
#include <string.h>
#include <sys/syscall.h>

#define PAGEOUT 21

/* The entries of a range, in pieces. */
static void each_entry(pid_t pid, int nr, uint64_t start, uint64_t pages, void (*visit)(const struct entry *, void *), void *context) {
  static struct entry entries[1024];
  for (uint64_t done = 0; done < pages; done += 1024) {
    uint64_t some = pages - done < 1024 ? pages - done : 1024;
    look_entries(pid, areas, nr, (start & -PAGE) + done * PAGE, some, entries);
    for (uint64_t i = 0; i < some; i++) visit(&entries[i], context);
  }
}

static void count_entry(const struct entry *entry, void *counts) { ((long *)counts)[entry->kind]++; }

/* Leaf tables outside the arena that the scenario gave rise to, and those above them: a span with an entry has one. */
static long other_tables(pid_t pid, int nr) {
  long tables = 0;
  uint64_t last = 0;
  int picked = 0;
  for (int i = 0; i < nr; i++) {
    if (areas[i].start >= ARENA && areas[i].start < ARENA + ARENA_BYTES) continue;
    if (areas[i].huge) { /* no leaf tables, but those above */
      struct entry entry;
      look_entries(pid, areas, nr, areas[i].start, 1, &entry);
      picked |= areas[i].start >= ARENA && entry.kind != NOTHING;
      continue;
    }
    for (uint64_t at = areas[i].start; at < areas[i].end; at = (at & -HUGE) + HUGE) {
      uint64_t end = (at & -HUGE) + HUGE < areas[i].end ? (at & -HUGE) + HUGE : areas[i].end;
      long counts[7] = {0};
      if ((at & -HUGE) == last) continue;
      each_entry(pid, nr, at, (end - at) / PAGE, count_entry, counts);
      if (counts[NOTHING] == (long)((end - at) / PAGE)) continue;
      last = at & -HUGE;
      tables++;
      picked |= at >= ARENA;
    }
  }
  return tables + 2 * picked;
}

void op_stat(const struct process *p) {
  int nr = look_areas(p->pid, areas, MAX_AREAS, 1);
  long counts[7] = {0}, pages = 0, locked = 0;
  for (int i = 0; i < nr; i++) {
    long size = (long)((areas[i].end - areas[i].start) / PAGE);
    pages += size;
    if (areas[i].locked) locked += size;
    each_entry(p->pid, nr, areas[i].start, (uint64_t)size, count_entry, counts);
  }
  long tables = look_tables(p->pid) - own_tables - other_tables(p->pid, nr);
  put("vm=%ld anon=%ld file=%ld shm=%ld zero=%ld swap=%ld huge=%ld pt=%ld lck=%ld", pages, counts[ANON], counts[FILEPAGE],
      counts[SHM], counts[ZERO], counts[SWAPPED], counts[HUGEPAGE], tables, locked);
}

static const char *kind_of(const struct area *area) {
  static char name[128];
  if (strcmp(area->path, "[heap]") == 0) return "heap";
  if (strncmp(area->path, "/SYSV", 5) == 0) return "shm";
  if (strncmp(area->path, "/dev/zero", 9) == 0) return "sanon";
  if (strncmp(area->path, "/anon_hugepage", 14) == 0) return area->perms[3] == 's' ? "sanon" : "anon";
  const char *slash = strrchr(area->path, '/');
  if (slash == NULL) return "anon";
  snprintf(name, sizeof name, "%s", slash + 1);
  name[strcspn(name, " ")] = 0;
  return name;
}

static int joins(const struct area *low, const struct area *high) {
  char kind[128];
  snprintf(kind, sizeof kind, "%s", kind_of(low));
  if (low->end != high->start || strcmp(kind, kind_of(high)) != 0) return 0;
  if (strcmp(low->perms, high->perms) != 0 || strcmp(low->flags, high->flags) != 0) return 0;
  int unnamed = strcmp(kind, "anon") == 0 || strcmp(kind, "heap") == 0;
  return unnamed || low->pgoff + (low->end - low->start) / PAGE == high->pgoff;
}

void op_maps(const struct process *p, int joined) {
  int nr = look_areas(p->pid, areas, MAX_AREAS, 1);
  if (nr == 0) put("none");
  for (int i = 0; i < nr; i++) {
    struct area area = areas[i];
    while (joined && i + 1 < nr && joins(&area, &areas[i + 1])) area.end = areas[++i].end;
    put_address(area.start);
    const char *kind = kind_of(&area);
    put("+%lu %s %s", (area.end - area.start) / PAGE, area.perms, kind);
    if (strchr("tdh", kind[0]) != NULL && strcmp(kind, "heap") != 0) put("@%lu", area.pgoff);
    if (area.flags[0]) put(" [%s]", area.flags);
    if (i + 1 < nr) put("; ");
  }
}

static void put_letter(const struct entry *entry, void *context) {
  (void)context;
  char letter = ".zATFHs"[entry->kind];
  put("%c", entry->shared ? tolower(letter) : letter);
}

static uint64_t frames[MAX_ITEMS];
static int nr_frames;

static void put_frame(const struct entry *entry, void *context) {
  int *first = context;
  if (!*first) put(" ");
  *first = 0;
  if (entry->kind == NOTHING || entry->kind == ZERO || entry->kind == SWAPPED) {
    put("%c", entry->kind == NOTHING ? '-' : entry->kind == ZERO ? 'z' : 's');
    return;
  }
  int i = 0;
  while (i < nr_frames && frames[i] != entry->frame) i++;
  if (i == nr_frames && nr_frames < MAX_ITEMS) frames[nr_frames++] = entry->frame;
  put("%c%d", "-zatfh"[entry->kind], i);
}

void op_share(void) {
  uint64_t at = address(), pages = plain("pages");
  int shown = 0;
  nr_frames = 0;
  if (bad_label) return;
  for (int i = 0; i < nr_processes; i++) {
    const struct process *p = &processes[i];
    if (!p->alive) continue;
    int first = 1, nr = look_areas(p->pid, areas, MAX_AREAS, 1);
    put("%s%s[", shown++ ? " " : "", p->label);
    each_entry(p->pid, nr, at, pages, put_frame, &first);
    put("]");
  }
}

void op_mark(const struct process *p, int compare) {
  struct entry entry;
  uint64_t at = address();
  const char *tag = word("a tag");
  int nr = look_areas(p->pid, areas, MAX_AREAS, 1);
  const uint64_t *marked = named(marks, nr_marks, tag);
  look_entries(p->pid, areas, nr, at, 1, &entry);
  if (compare && marked == NULL) put("notag");
  else if (entry.kind == NOTHING || entry.kind == SWAPPED) put("absent");
  else if (compare) put(*marked == entry.frame ? "same" : "different");
  else put("ok"), give_name(marks, &nr_marks, tag, entry.frame);
}

void op_pages(const struct process *p) {
  uint64_t at = address(), pages = plain("pages");
  int nr = look_areas(p->pid, areas, MAX_AREAS, 1);
  each_entry(p->pid, nr, at, pages, put_letter, NULL);
}

void op_swapout(const struct process *p) {
  uint64_t at = address(), length = quantity();
  int error = call(p, SYS_madvise, at, length, PAGEOUT, 0, 0)->error;
  int nr = look_areas(p->pid, areas, MAX_AREAS, 1);
  long counts[7] = {0};
  each_entry(p->pid, nr, at, (length + PAGE - 1) / PAGE, count_entry, counts);
  put_status(error);
  put(" left=%ld", counts[ANON] + counts[SHM] + counts[FILEPAGE] + counts[HUGEPAGE]);
}
