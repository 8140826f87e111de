/*
 * An agent: one process of a scenario. It keeps every page of its own present and its own, so that the faults counted around an
 * operation are the operation's.
 */
#define _GNU_SOURCE
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef UFFD_FEATURE_WP_ASYNC /* Linux 6.7 */
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif

/* The last page of a program's own data, and where its code begins and ends (the linker's names). */
extern char __executable_start[], etext[], edata[], end[];
extern char __data_start[];

int channels[MAX_AGENTS][2];
int agent_guards; /* the kernel maps pages around a read fault, and nobody could turn that off */

static struct ask asked;
static struct reply reply;
static int channel, pipes[2];
static int guard_fd = -1;
static uint8_t buffer[65536];
static uint8_t alternate[65536];
static uint8_t scratch[8192];

/* --- signals ------------------------------------------------------------------------------------------------------- */

static sigjmp_buf out;
static volatile enum ending ending;
static volatile int steps;           /* instructions that have trapped since the jump there */
static volatile uint64_t fetch_from; /* the address that is about to be executed, 0 when none is */

static void on_fault(int signal, siginfo_t *info, void *context) {
  const ucontext_t *at = context;
  if (fetch_from != 0) {
    /* Whatever the instruction itself did, it had been fetched. */
    int is_fetch = (uint64_t)at->uc_mcontext.gregs[REG_RIP] == fetch_from &&
                   ((uint64_t)info->si_addr == fetch_from || fetch_from >> 47 != 0) && signal != SIGILL;
    fetch_from = 0;
    if (!is_fetch) {
      ending = DONE;
      siglongjmp(out, 1);
    }
  }
  ending = signal == SIGBUS ? ADRERR : info->si_code == SEGV_ACCERR ? ACCERR : MAPERR;
  siglongjmp(out, 1);
}

/* Single steps: the first trap comes before the instruction at fetch_from, the next one after it. */
static void on_step(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info;
  greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
  if ((uint64_t)regs[REG_RIP] == fetch_from && steps == 0) {
    steps = 1;
    /* What it does to memory it shall do here. */
    for (int reg = REG_R8; reg <= REG_RSP; reg++) regs[reg] = (greg_t)(scratch + sizeof scratch / 2);
    return;
  }
  steps = 0;
  if (fetch_from == 0) return;
  fetch_from = 0;
  ending = DONE;
  siglongjmp(out, 1);
}

static void catch_signals(void) {
  stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
  sigaltstack(&stack, NULL);
  struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigaction(SIGSEGV, &fault, NULL);
  sigaction(SIGBUS, &fault, NULL);
  sigaction(SIGILL, &fault, NULL);
  sigaction(SIGFPE, &fault, NULL);
  struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
  sigaction(SIGTRAP, &step, NULL);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
}

/* --- faults -------------------------------------------------------------------------------------------------------- */

static struct rusage before, after;

static void count_from_here(void) { getrusage(RUSAGE_SELF, &before); }

static void count_to_here(void) {
  getrusage(RUSAGE_SELF, &after);
  reply.answer.minor += (uint64_t)(after.ru_minflt - before.ru_minflt);
  reply.answer.major += (uint64_t)(after.ru_majflt - before.ru_majflt);
}

/* Makes every page of this program present, and its own where it can be written. */
static void settle(void) {
  for (volatile char *page = __executable_start; page < etext; page += PAGE) (void)*page;
  for (volatile char *page = (char *)((uint64_t)etext & -PAGE); page < __data_start; page += PAGE) (void)*page;
  for (volatile char *page = (char *)((uint64_t)__data_start & -PAGE); page < end; page += PAGE) *page = *page;
  char depth[65536];
  for (volatile char *page = depth; page < depth + sizeof depth; page += PAGE / 2) *page = 1;
  errno = 0;
  count_from_here();
  count_to_here();
}

/*
 * Where fault_around_bytes cannot be set: a file's area that a userfaultfd watches is given one page a fault, and nothing else about
 * it changes.
 */
static void guard(unsigned long request) {
  for (int i = 0; agent_guards && i < asked.nr_ranges; i++) {
    struct uffdio_register watch = {
        .range = {asked.ranges[i][0], asked.ranges[i][1] - asked.ranges[i][0]},
        .mode = UFFDIO_REGISTER_MODE_WP,
    };
    if (request == UFFDIO_REGISTER) ioctl(guard_fd, UFFDIO_REGISTER, &watch);
    else ioctl(guard_fd, UFFDIO_UNREGISTER, &watch.range);
  }
}

static void open_guard(void) {
  if (!agent_guards) return;
  close(guard_fd);
  guard_fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
  struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_WP_ASYNC};
  ioctl(guard_fd, UFFDIO_API, &api);
}

/* --- operations ---------------------------------------------------------------------------------------------------- */

static void result_of(long value) {
  reply.answer.value = value;
  reply.answer.error = value == -1 ? errno : 0;
}

static void do_call(void) {
  const uint64_t *a = asked.args;
  count_from_here();
  long value = syscall(asked.nr, a[0], a[1], a[2], a[3], a[4], a[5]);
  int error = errno;
  count_to_here();
  errno = error;
  result_of(value);
}

static void do_mmap(void) {
  int file = -1;
  if (asked.mode >= 0) {
    file = open(asked.path, asked.mode | O_CLOEXEC);
    if (file < 0) {
      reply.answer.open_failed = 1;
      result_of(-1);
      return;
    }
  }
  const uint64_t *a = asked.args;
  count_from_here();
  long value = syscall(SYS_mmap, a[0], a[1], a[2], a[3], file, a[5]);
  int error = errno;
  count_to_here();
  if (file >= 0) close(file);
  errno = error;
  result_of(value);
}

/* One byte's access between two counts; how it ended is in `ending`. */
static int try_load(uint64_t address) {
  volatile int byte = 0;
  ending = DONE;
  count_from_here();
  if (sigsetjmp(out, 0) == 0) byte = *(volatile uint8_t *)address;
  count_to_here();
  return byte;
}

static void try_store(uint64_t address, uint8_t value) {
  ending = DONE;
  count_from_here();
  if (sigsetjmp(out, 0) == 0) *(volatile uint8_t *)address = value;
  count_to_here();
}

static void do_loads(void) {
  const uint64_t *a = asked.args;
  for (uint64_t index = 0; index < a[1]; index += a[2]) {
    int byte = try_load(a[0] + index * PAGE);
    if (ending != DONE && a[3]) break;
    if (reply.answer.count < MAX_ITEMS) reply.items[reply.answer.count++] = (int16_t)(ending == DONE ? byte : -(int)ending);
  }
  reply.answer.ending = a[3] ? ending : DONE;
}

static void do_stores(void) {
  const uint64_t *a = asked.args;
  for (uint64_t index = 0; index < a[1] && ending == DONE; index += a[2]) {
    try_store(a[0] + index * PAGE, (uint8_t)(a[3] + index));
    if (ending == DONE) reply.answer.value++;
  }
  reply.answer.ending = ending;
}

static void do_rmw(void) {
  int byte = try_load(asked.args[0]);
  if (ending == DONE) try_store(asked.args[0], (uint8_t)(byte + 1));
  reply.answer.value = byte;
  reply.answer.ending = ending;
}

static void do_fetch(void) {
  static uint64_t target;
  target = asked.args[0];
  ending = DONE;
  count_from_here();
  if (sigsetjmp(out, 0) == 0) {
    steps = 0;
    fetch_from = target;
    /* The trap flag is up from the jump on. */
    __asm__ volatile("pushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tjmp *%0" : : "r"(target) : "memory", "cc");
  }
  count_to_here();
  reply.answer.ending = ending;
}

static void empty_pipe(void) {
  while (read(pipes[0], buffer, sizeof buffer) > 0) continue;
}

static void do_kread(void) {
  empty_pipe();
  count_from_here();
  long value = write(pipes[1], (void *)asked.args[0], asked.args[1]);
  int error = errno;
  count_to_here();
  errno = error;
  result_of(value);
  empty_pipe();
}

static void do_kwrite(void) {
  uint64_t length = asked.args[1] < 60000 ? asked.args[1] : 60000;
  empty_pipe();
  memset(buffer, (int)asked.args[2], length);
  if (length > 0 && write(pipes[1], buffer, length) < 0) die("a pipe: %s", strerror(errno));
  count_from_here();
  long value = read(pipes[0], (void *)asked.args[0], length);
  int error = errno;
  count_to_here();
  errno = error;
  result_of(value);
  empty_pipe();
}

static void do_mincore(void) {
  static uint8_t resident[MAX_ITEMS];
  const uint64_t *a = asked.args;
  count_from_here();
  long value = syscall(SYS_mincore, a[0], a[1], resident);
  int error = errno;
  count_to_here();
  errno = error;
  result_of(value);
  if (value < 0) return;
  reply.answer.count = (uint32_t)((a[1] + PAGE - 1) / PAGE);
  for (uint32_t i = 0; i < reply.answer.count; i++) reply.items[i] = resident[i] & 1;
}

static void open_pipe(void) {
  if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0) die("a pipe: %s", strerror(errno));
}

static void serve(void);

_Noreturn static void begin(void) {
  open_pipe();
  open_guard();
  settle();
  if (write(channel, "", 1) != 1) _exit(1); /* ready */
  for (;;) serve();
}

static void do_fork(void) {
  int next = (int)asked.args[0];
  pid_t child = fork();
  if (child == 0) {
    channel = channels[next][1];
    close(pipes[0]);
    close(pipes[1]);
    begin();
  }
  settle();
  result_of(child);
}

static void do_dropcaps(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  result_of(syscall(SYS_capset, &header, none));
}

static void serve(void) {
  if (read(channel, &asked, sizeof asked) != (ssize_t)sizeof asked) _exit(0);
  memset(&reply.answer, 0, sizeof reply.answer);
  ending = DONE;
  guard(UFFDIO_REGISTER);
  switch (asked.what) {
    case ASK_CALL: do_call(); break;
    case ASK_MMAP: do_mmap(); break;
    case ASK_MINCORE: do_mincore(); break;
    case ASK_LOADS: do_loads(); break;
    case ASK_STORES: do_stores(); break;
    case ASK_RMW: do_rmw(); break;
    case ASK_FETCH: do_fetch(); break;
    case ASK_KREAD: do_kread(); break;
    case ASK_KWRITE: do_kwrite(); break;
    case ASK_FORK: do_fork(); break;
    case ASK_DROPCAPS: do_dropcaps(); break;
    case ASK_EXIT: _exit(0);
  }
  guard(UFFDIO_UNREGISTER);
  size_t size = sizeof reply.answer + reply.answer.count * sizeof reply.items[0];
  if (asked.what == ASK_STORES) size = sizeof reply.answer;
  if (write(channel, &reply, size) < 0) _exit(1);
}

/* The break goes where the format has it; the program's own data does not count as data. */
static void place_break(void) {
  struct prctl_mm_map map = {
      .start_code = (uint64_t)__executable_start, .end_code = (uint64_t)etext,
      .start_data = (uint64_t)__data_start, .end_data = (uint64_t)__data_start,
      .start_brk = START_BRK, .brk = START_BRK,
      .start_stack = (uint64_t)__builtin_frame_address(0),
      .arg_start = (uint64_t)__builtin_frame_address(0), .arg_end = (uint64_t)__builtin_frame_address(0),
      .env_start = (uint64_t)__builtin_frame_address(0), .env_end = (uint64_t)__builtin_frame_address(0),
      .exe_fd = (uint32_t)-1,
  };
  if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0) < 0) die("the initial break: %s", strerror(errno));
}

_Noreturn void agent_main(int number) {
  channel = channels[number][1];
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  struct rlimit memlock = {8 << 20, RLIM_INFINITY};
  getrlimit(RLIMIT_MEMLOCK, &memlock);
  memlock.rlim_cur = 8 << 20;
  setrlimit(RLIMIT_MEMLOCK, &memlock);
  place_break();
  catch_signals();
  begin();
}
