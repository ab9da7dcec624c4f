/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User space of the Linux of `make demo-sea`: a process loads from a page that goes bad. If only that process
 * dies, the rest is put to the test and the machine powered off; any other end of this program is a panic.
 *
 * Where the page is the kernel hands on from its command line: what it does not know becomes our
 * environment (Documentation/admin-guide/kernel-parameters.rst). It lies above what mem= leaves to the
 * kernel, which would else touch the page first, to clear it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PAGE_SIZE 4096u
#define OFFSET    0x128u /* of the load in its page */
#define OTHERS    (16u << 20)
#define MULTIPLE  0x9e3779b97f4a7c15u

static volatile uint64_t *map(uint64_t page)
{
	int memory = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	void *place = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)page);

	if (memory < 0 || place == MAP_FAILED) {
		printf("init: /dev/mem: %s\n", strerror(errno));
		_exit(1);
	}
	close(memory);
	return place;
}

static bool holds(volatile uint64_t *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		words[i] = i * MULTIPLE;
	for (size_t i = 0; i < count; i++)
		if (words[i] != i * MULTIPLE)
			return false;
	return true;
}

/* Does nothing about signals, so that what ends it is what Linux does. */
static void victim(uint64_t page)
{
	volatile uint64_t *words = map(page);

	printf("victim: loads from %p, the guest's page at 0x%llx\n",
	       (void *)(words + OFFSET / sizeof(*words)), (unsigned long long)page);
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	(void)words[OFFSET / sizeof(*words)];
	printf("victim: there was no error\n");
	fflush(stdout);
	_exit(0);
}

/* Whether SIGBUS was the end of the process. As its tracer this one sees what the signal says. */
static bool died(pid_t process)
{
	int status;

	while (waitpid(process, &status, 0) == process && WIFSTOPPED(status)) {
		siginfo_t info = {0};

		ptrace(PTRACE_GETSIGINFO, process, NULL, &info);
		printf("init: %s: si_code %d%s, si_addr %p\n", strsignal(WSTOPSIG(status)), info.si_code,
		       info.si_signo == SIGBUS && info.si_code == BUS_OBJERR ? " (BUS_OBJERR)" : "",
		       info.si_addr);
		ptrace(PTRACE_CONT, process, NULL, (void *)(intptr_t)WSTOPSIG(status));
	}
	if (WIFSIGNALED(status))
		printf("init: the process was killed by signal %d\n", WTERMSIG(status));
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS;
}

static bool succeeds(uint64_t page)
{
	pid_t process = fork();
	int status;

	if (!process)
		_exit(!holds(map(page), PAGE_SIZE / sizeof(uint64_t)));
	return waitpid(process, &status, 0) == process && WIFEXITED(status) && !WEXITSTATUS(status);
}

static bool others_hold(void)
{
	void *place = mmap(NULL, OTHERS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return place != MAP_FAILED && holds(place, OTHERS / sizeof(uint64_t));
}

int main(void)
{
	const char *text = getenv("bad_page");
	uint64_t page = text ? strtoull(text, NULL, 0) : 0;
	pid_t process;

	if (!page || (mknod("/dev/mem", S_IFCHR | 0600, makedev(1, 1)) && errno != EEXIST))
		return 1;
	process = fork();
	if (!process)
		victim(page);
	if (process < 0 || !died(process))
		return 1;
	if (!others_hold())
		return 1;
	printf("init: 16 MiB of other memory hold what is written\n");
	if (!succeeds(page + PAGE_SIZE))
		return 1;
	printf("init: another process uses the next page\n");
	printf("init: powers off\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 1;
}
