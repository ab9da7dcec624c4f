/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User space of the Linux that an unmodified VMM runs. It touches a device from EL0 with instructions that
 * KVM cannot decode, and then has a process whose page goes bad: that process dies, and nothing else.
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
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define PAGE_SIZE 4096u
#define OFFSET    0x128u
#define ABOVE \
	UINT64_C(0x5c000000) /* memory that mem=384M keeps the kernel from: it would use a bad page again */
#define GPIO      0x09030000 /* of QEMU's machine "virt": a PL061, which no driver has */
#define DIRECTION 0x400u
#define IDS       0xfe0u

static void end(void)
{
	fflush(stdout);
	tcdrain(STDOUT_FILENO);
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void check(const char *what, uint64_t is, uint64_t wanted)
{
	if (is == wanted)
		return;
	printf("init: %s is %#llx, not %#llx\n", what, (unsigned long long)is, (unsigned long long)wanted);
	end();
}

/* In a child: without help its end is what this is about. */
static void devices(void)
{
	int memory = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	char *gpio = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, GPIO), *base;
	uint64_t first, second, low, high;

	if (memory < 0 || gpio == MAP_FAILED) {
		printf("init: /dev/mem: %s\n", strerror(errno));
		_exit(1);
	}
	base = gpio + IDS;
	__asm__ volatile("ldp %w0, %w1, [%2], #8" : "=&r"(first), "=&r"(second), "+&r"(base) : : "memory");
	check("the base after ldp", (uint64_t)base, (uint64_t)gpio + IDS + 8);
	check("the first identification", first, 0x61);
	check("the second identification", second, 0x10);
	/* Aligned, as Device memory wants it. */
	base = gpio + IDS;
	__asm__ volatile("ldr q0, [%2], #16\n\tmov %0, v0.d[0]\n\tmov %1, v0.d[1]"
			 : "=r"(low), "=r"(high), "+&r"(base)
			 :
			 : "v0", "memory");
	check("the base after ldr", (uint64_t)base, (uint64_t)gpio + IDS + 16);
	check("the lower half", low, UINT64_C(0x0000001000000061));
	check("the upper half", high, 0x04);
	base = gpio + DIRECTION;
	__asm__ volatile("str %w1, [%0], #4" : "+&r"(base) : "r"(0x5a) : "memory");
	check("the base after str", (uint64_t)base, (uint64_t)gpio + DIRECTION + 4);
	check("the direction", *(volatile uint32_t *)(gpio + DIRECTION), 0x5a);
	base = gpio + DIRECTION;
	__asm__ volatile("stp %w1, wzr, [%0]" : : "r"(base), "r"(0) : "memory");
	check("the direction", *(volatile uint32_t *)(gpio + DIRECTION), 0);
	printf("init: the device was used from user space\n");
	fflush(stdout);
	_exit(0);
}

static void bus_error(int signal, siginfo_t *info, void *context)
{
	char text[100];
	int length = snprintf(text, sizeof(text), "victim: SIGBUS, si_code %d, si_addr %p\n", info->si_code,
			      info->si_addr);

	(void)!write(STDOUT_FILENO, text, (size_t)length);
	tcdrain(STDOUT_FILENO);
	sigaction(SIGBUS, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	raise(SIGBUS);
	/* It is blocked in here. */
	sigprocmask(SIG_UNBLOCK, &(sigset_t){{1ul << (SIGBUS - 1)}}, NULL);
	_exit(1);
}

static void victim(const char *how, uint64_t page)
{
	struct sigaction action = {.sa_sigaction = bus_error, .sa_flags = SA_SIGINFO};
	int memory = open("/dev/mem", O_RDWR | O_CLOEXEC);
	volatile uint64_t *words =
		mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)page);
	char answer[64];

	if (memory < 0 || words == MAP_FAILED) {
		printf("victim: /dev/mem: %s\n", strerror(errno));
		_exit(1);
	}
	sigaction(SIGBUS, &action, NULL);
	words[OFFSET / 8] = 0x600d;
	printf("victim: loads from %p\n@%s %#llx\n", (void *)(words + OFFSET / 8), how,
	       (unsigned long long)page);
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin) || strncmp(answer, "done", 4)) {
		printf("victim: the host says %s", answer);
		_exit(77);
	}
	printf("victim: there was no error, it holds %#llx\n", (unsigned long long)words[OFFSET / 8]);
	fflush(stdout);
	_exit(0);
}

static void in_child(const char *name, uint64_t page)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		if (page)
			victim(name, page);
		devices();
	}
	if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		printf("init: %s was killed by signal %d\n", name, WTERMSIG(status));
	else
		printf("init: %s ended with status %d\n", name, WEXITSTATUS(status));
}

/* What the kernel does not know on its command line becomes our environment: STEPS=devices,hard,sea. */
int main(void)
{
	char *steps = getenv("STEPS"), *step;
	struct termios raw;

	mkdir("/proc", 0755);
	mkdir("/dev", 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	/* What the host answers is not to be echoed. */
	if (!tcgetattr(STDIN_FILENO, &raw)) {
		raw.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	printf("init: up, %ld CPUs\n", sysconf(_SC_NPROCESSORS_ONLN));
	for (uint64_t page = ABOVE; (step = strsep(&steps, ",")); page += PAGE_SIZE)
		in_child(step, strcmp(step, "devices") ? page : 0);
	/* The rest of the machine goes on. */
	for (unsigned i = 0; i < 16; i++) {
		char *memory = malloc(1u << 20);

		memset(memory, (int)i, 1u << 20);
		check("other memory", (uint8_t)memory[12345], i);
	}
	printf("init: all else goes on\n");
	end();
}
