/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads of guest memory that hurts: a file truncated behind its mapping, and signals that are not ours.
 * cmocka sets a handler of its own for each test, so each begins with sv_kvm_guard.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <salvage/kvm.h>

#include "kvm/vcpu.h"
#include "support/check.h"

#define PAGE 4096

/* A mapping of two pages, of which only the first is backed. */
static char *truncated(void)
{
	char path[] = "/tmp/salvage-guard-XXXXXX";
	int fd = mkstemp(path);
	char *memory;

	unlink(path);
	assert_int_equal(ftruncate(fd, 2 * PAGE), 0);
	memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 0x5a, 2 * PAGE);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	close(fd);
	return memory;
}

static void copies(void **state)
{
	char memory[32], data[16], expected[16];

	for (unsigned size = 1; size <= 8; size *= 2) {
		for (unsigned from = 0; from < 9; from++) {
			for (unsigned to = 0; to < 8; to++) {
				for (unsigned i = 0; i < sizeof(memory); i++)
					memory[i] = (char)(i * 7 + size);
				memset(data, 0, sizeof(data));
				memset(expected, 0, sizeof(expected));
				memcpy(expected + to, memory + from, size);
				assert_int_equal(sv_kvm_guarded_load(memory + from, size, data + to), SV_OK);
				assert_memory_equal(data, expected, sizeof(data));
				memset(memory, 0, sizeof(memory));
				assert_int_equal(sv_kvm_guarded_store(memory + from, size, expected + to),
						 SV_OK);
				assert_memory_equal(memory + from, expected + to, size);
			}
		}
	}
}

static void truncated_file(void **state)
{
	char *memory = truncated();
	uint64_t data = 0;

	assert_int_equal(sv_kvm_guard(), SV_OK);
	assert_int_equal(sv_kvm_guard(), SV_OK);
	/* More than once: the signal must not stay blocked. */
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned size = 1; size <= 8; size *= 2) {
			assert_int_equal(sv_kvm_guarded_load(memory + PAGE, size, &data), SV_FAULT);
			assert_int_equal(sv_kvm_guarded_load(memory + 2 * PAGE - size, size, &data),
					 SV_FAULT);
			assert_int_equal(sv_kvm_guarded_store(memory + PAGE, size, &data), SV_FAULT);
		}
		assert_int_equal(sv_kvm_guarded_load(memory + PAGE - 8, 8, &data), SV_OK);
		assert_int_equal(data, 0x5a5a5a5a5a5a5a5a);
	}
	munmap(memory, 2 * PAGE);
}

static void *in_thread(void *memory)
{
	uintptr_t failures = 0;
	uint64_t data;

	for (unsigned i = 0; i < 2000; i++) {
		failures += sv_kvm_guarded_load((char *)memory + PAGE, 8, &data) != SV_FAULT;
		failures += sv_kvm_guarded_load(memory, 8, &data) != SV_OK;
	}
	return (void *)failures;
}

static void threads(void **state)
{
	char *memory = truncated();
	pthread_t thread[4];

	assert_int_equal(sv_kvm_guard(), SV_OK);
	for (size_t i = 0; i < COUNT(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, in_thread, memory), 0);
	for (size_t i = 0; i < COUNT(thread); i++) {
		void *failures;

		pthread_join(thread[i], &failures);
		assert_null(failures);
	}
	munmap(memory, 2 * PAGE);
}

static void on_bus(int number)
{
	_exit(42);
}

/* In a process of its own: touches the bad page outside of a guarded access. Returns its wait status. */
static int child_with(void (*handler)(int))
{
	int status;
	pid_t child = fork();

	if (!child) {
		volatile char *memory = truncated();

		signal(SIGBUS, handler);
		/* Chains to the handler that is there when it is installed. */
		if (sv_kvm_guard())
			_exit(1);
		_exit(memory[PAGE]);
	}
	waitpid(child, &status, 0);
	return status;
}

static void other_signals_pass(void **state)
{
	int status = child_with(on_bus);

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
	status = child_with(SIG_DFL);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
}

/*
 * What ended the process without the guard does so with it: a signal that somebody sends, and a fault that
 * is ignored.
 */
static int child_ends(void (*handler)(int), bool sent)
{
	int status;
	pid_t child = fork();

	if (!child) {
		volatile char *memory = truncated();

		signal(SIGBUS, handler);
		if (sv_kvm_guard())
			_exit(1);
		alarm(60);
		if (sent)
			raise(SIGBUS);
		else
			(void)memory[PAGE];
		_exit(7);
	}
	waitpid(child, &status, 0);
	return status;
}

static void defaults_hold(void **state)
{
	int status = child_ends(SIG_DFL, true);

	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	status = child_ends(SIG_IGN, false);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	status = child_ends(SIG_IGN, true);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	status = child_ends(on_bus, true);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}

/* One that keeps what it replaced and calls it, as it should. */
static struct sigaction replaced;
static volatile unsigned calls, first_calls;

static void first_handler(int number)
{
	first_calls++;
}

static void chaining_handler(int number, siginfo_t *info, void *context)
{
	if (++calls > 100)
		_exit(3);
	replaced.sa_sigaction(number, info, context);
}

static void chains_do_not_loop(void **state)
{
	struct sigaction chaining = {.sa_sigaction = chaining_handler, .sa_flags = SA_SIGINFO};
	char *memory = truncated();
	uint64_t data;

	signal(SIGBUS, first_handler);
	/* Installed for the first time in this process, or who came first would be another test's. */
	assert_int_equal(sv_kvm_guard(), SV_OK);
	sigaction(SIGBUS, &chaining, &replaced);
	assert_int_equal(sv_kvm_guard(), SV_OK);
	for (unsigned i = 1; i <= 3; i++) {
		raise(SIGBUS);
		assert_int_equal(calls, i);
		assert_int_equal(first_calls, i);
		assert_int_equal(sv_kvm_guarded_load(memory + PAGE, 8, &data), SV_FAULT);
	}
	assert_int_equal(calls, 3);
	munmap(memory, 2 * PAGE);
}

/* Whoever is interrupted finds errno, and system calls that restart, as the handler before promised. */
static void changes_errno(int number)
{
	errno = EDOM;
}

static void is_a_good_guest(void **state)
{
	for (unsigned restart = 0; restart < 2; restart++) {
		struct sigaction action = {.sa_handler = changes_errno, .sa_flags = restart ? SA_RESTART : 0},
				 current;

		sigaction(SIGBUS, &action, NULL);
		assert_int_equal(sv_kvm_guard(), SV_OK);
		sigaction(SIGBUS, NULL, &current);
		assert_int_equal(current.sa_flags & SA_RESTART, action.sa_flags);
		assert_true(current.sa_flags & SA_ONSTACK);
		errno = EILSEQ;
		raise(SIGBUS);
		assert_int_equal(errno, EILSEQ);
	}
}

/*
 * While a guarded access waits in a handler of another signal, that handler meets an error of its own: the
 * guard must not jump out of it. The kernel lets a process send itself any siginfo.
 */
static char *waited_for;
static siginfo_t within;
static volatile unsigned seen;

static void on_other_error(int number)
{
	seen++;
}

static void on_access(int number)
{
	syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), SIGBUS, &within);
	mprotect(waited_for, PAGE, PROT_READ);
}

#define NOWHERE PTRDIFF_MAX

static void errors_elsewhere(void **state)
{
	static const struct {
		int code, lsb;
		ptrdiff_t offset; /* from the access, or NOWHERE */
		bool ours;
	} errors[] = {
		{BUS_ADRERR, 0, PAGE, false},      {BUS_ADRERR, 0, 0, true},
		{BUS_ADRERR, 0, 7, true},          {BUS_ADRERR, 0, 8, false},
		{BUS_ADRERR, 0, -1, false},        {BUS_MCEERR_AR, 12, PAGE, false},
		{BUS_MCEERR_AR, 12, -PAGE, false}, {BUS_MCEERR_AR, 12, -0x10, true},
		{BUS_MCEERR_AR, 12, 0x100, true},  {BUS_MCEERR_AR, 21, 0x1000, true},
		{BUS_MCEERR_AO, 12, 0, false},     {SI_QUEUE, 0, 0, false},
		{BUS_OBJERR, 0, NOWHERE, true},    {BUS_MCEERR_AO, 12, NOWHERE, false},
	};
	char *memory = mmap(NULL, 4 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *huge = (char *)(((uintptr_t)memory + (2 << 20) - 1) & -(uintptr_t)(2 << 20));

	signal(SIGBUS, on_other_error);
	assert_int_equal(sv_kvm_guard(), SV_OK);
	for (size_t i = 0; i < COUNT(errors); i++) {
		struct sigaction action = {.sa_handler = on_access, .sa_flags = SA_NODEFER}, old;
		uint64_t data = 1;
		enum sv_status status;

		waited_for = huge;
		assert_int_equal(mprotect(huge, PAGE, PROT_NONE), 0);
		within = (siginfo_t){.si_signo = SIGBUS, .si_code = errors[i].code};
		within.si_addr = errors[i].offset == NOWHERE ? NULL : huge + 0x10 + errors[i].offset;
		within.si_addr_lsb = (short)errors[i].lsb;
		seen = 0;
		sigaction(SIGSEGV, &action, &old);
		status = sv_kvm_guarded_load(huge + 0x10, 8, &data);
		sigaction(SIGSEGV, &old, NULL);
		if (status != (errors[i].ours ? SV_FAULT : SV_OK) || seen != !errors[i].ours)
			fail_msg("error %zu: status %d, seen %u", i, status, seen);
	}
	munmap(memory, 4 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chains_do_not_loop), cmocka_unit_test(other_signals_pass),
		cmocka_unit_test(defaults_hold),      cmocka_unit_test(errors_elsewhere),
		cmocka_unit_test(is_a_good_guest),    cmocka_unit_test(copies),
		cmocka_unit_test(truncated_file),     cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
