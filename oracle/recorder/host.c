/*
 * What a scenario needs of the machine: mounts, swap, huge pages, and a kernel that does one page a fault. Mounts and SysV
 * segments live in namespaces of this process and go with it; the rest is put back by host_restore.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#define LOCK "/tmp/fourfold-recorder.lock"
#define FAULT_AROUND "/sys/kernel/debug/fault_around_bytes"
#define PAGE_CLUSTER "/proc/sys/vm/page-cluster"
#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
#define FREE_HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"
#define NR_HUGE_PAGES 8
#define SWAP_BYTES "67108864"

static pid_t owner;
static char root[] = "/tmp/recorder-XXXXXX";
static char fault_around[32], page_cluster[32], huge_pages[32];
static char swap_device[32];
static int zram = -1;

/* The first word of a file, or 0 when it cannot be read. */
static int get(const char *path, char *word, size_t size) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  int got = fgets(word, (int)size, file) != NULL;
  fclose(file);
  word[strcspn(word, " \n")] = 0;
  return got;
}

static int put(const char *path, const char *word) {
  int file = open(path, O_WRONLY | O_TRUNC);
  if (file < 0) return 0;
  int done = write(file, word, strlen(word)) == (ssize_t)strlen(word);
  close(file);
  return done;
}

static void directory(char *path, const char *name) {
  sprintf(path, "%s/%s", root, name);
  if (mkdir(path, 0700) < 0) die("%s: %s", path, strerror(errno));
}

/* Runs a command of the system quietly; whether it succeeded. */
static int run(const char *format, ...) {
  char command[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof command, format, arguments);
  va_end(arguments);
  return system(command) == 0;
}

/* Swap on a compressed memory disk of our own: its writes have ended when they return, so no page is under write-back. */
static void make_swap(void) {
  char number[16], path[64];
  if (!get("/sys/class/zram-control/hot_add", number, sizeof number)) die("no zram device for swap (zram-control/hot_add)");
  zram = atoi(number);
  sprintf(path, "/sys/block/zram%d/disksize", zram);
  sprintf(swap_device, "/dev/zram%d", zram);
  if (!put(path, SWAP_BYTES)) die("%s: %s", path, strerror(errno));
  for (int i = 0; access(swap_device, W_OK) < 0 && i < 100; i++) usleep(10000);
  if (!run("mkswap %s >/dev/null 2>&1", swap_device)) die("mkswap %s failed", swap_device);
  /* Before any other swap area. */
  if (swapon(swap_device, SWAP_FLAG_PREFER | 32767) < 0) die("swapon %s: %s", swap_device, strerror(errno));
}

static void make_disk(struct host *host) {
  directory(host->disk, "d");
  if (!run("truncate -s 64M %s/image && mkfs.ext2 -q -b 4096 %s/image && mount -o loop %s/image %s", root, root, root, host->disk))
    die("no disk file system (mkfs.ext2, mount -o loop)");
}

void host_prepare(struct host *host) {
  if (geteuid() != 0) die("the recorder must be root: it mounts, swaps and reads frame numbers");
  /* Two at once would put back what the other still needs. */
  int lock = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || flock(lock, LOCK_EX) < 0) die("%s: %s", LOCK, strerror(errno));
  owner = getpid();
  if (unshare(CLONE_NEWNS | CLONE_NEWIPC) < 0) die("no namespaces: %s", strerror(errno));
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) die("private mounts: %s", strerror(errno));
  if (mkdtemp(root) == NULL) die("%s: %s", root, strerror(errno));
  if (mount("recorder", root, "tmpfs", 0, NULL) < 0) die("a tmpfs: %s", strerror(errno));
  directory(host->tmp, "t");
  directory(host->huge, "h");
  if (mount("recorder", host->tmp, "tmpfs", 0, "size=0,nr_inodes=0") < 0) die("a tmpfs: %s", strerror(errno));
  if (mount("recorder", host->huge, "hugetlbfs", 0, "pagesize=2M") < 0) die("a hugetlbfs: %s", strerror(errno));
  char wanted[32], unused[32];
  if (!get(HUGE_PAGES, huge_pages, sizeof huge_pages) || !get(FREE_HUGE_PAGES, unused, sizeof unused))
    die("no huge pages of 2 MiB");
  /* So many that are free, whatever the machine has and uses. */
  sprintf(wanted, "%d", atoi(huge_pages) - atoi(unused) + NR_HUGE_PAGES);
  put(HUGE_PAGES, wanted);
  make_disk(host);
  make_swap();
  if (get(PAGE_CLUSTER, page_cluster, sizeof page_cluster)) put(PAGE_CLUSTER, "0");
  mount("recorder", "/sys/kernel/debug", "debugfs", 0, NULL);
  if (get(FAULT_AROUND, fault_around, sizeof fault_around)) host->fault_around_off = put(FAULT_AROUND, "4096");
  else fault_around[0] = 0;
}

/* Safe to call twice, and before host_prepare has ended. */
void host_restore(void) {
  if (getpid() != owner) return;
  owner = 0;
  if (fault_around[0]) put(FAULT_AROUND, fault_around);
  if (page_cluster[0]) put(PAGE_CLUSTER, page_cluster);
  if (swap_device[0]) swapoff(swap_device);
  if (zram >= 0) {
    char number[16];
    sprintf(number, "%d", zram);
    put("/sys/class/zram-control/hot_remove", number);
  }
  run("umount %s/d; umount %s/t; umount %s/h; umount %s; rmdir %s", root, root, root, root, root);
  /* Last: a huge page that a file still holds would stay. */
  if (huge_pages[0]) put(HUGE_PAGES, huge_pages);
}
