/* SPDX-License-Identifier: BSD-2-Clause */
/* Poison as the host enforces it: on memory like a guest's, where this host lets us. */
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <salvage/poison.h>

#include "ras/uapi.h"
#include "support/check.h"

#ifdef UFFDIO_POISON
_Static_assert(UFFDIO_POISON == SV_UFFDIO_POISON, "UFFDIO_POISON");
_Static_assert(UFFD_FEATURE_POISON == SV_UFFD_FEATURE_POISON, "UFFD_FEATURE_POISON");
#endif

static sigjmp_buf escape;
static siginfo_t caught;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	caught = *info;
	siglongjmp(escape, 1);
}

/* 0 if the byte can be read, else the signal's code. */
static int touch(volatile const char *at)
{
	struct sigaction action = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO}, old;
	volatile int code = 0;

	sigaction(SIGBUS, &action, &old);
	if (sigsetjmp(escape, 1))
		code = caught.si_code;
	else
		(void)*at;
	sigaction(SIGBUS, &old, NULL);
	return code;
}

static char *guest_memory(int *fd, size_t size)
{
	char *memory;

	*fd = memfd_create("ram", MFD_CLOEXEC);
	assert_int_equal(ftruncate(*fd, (off_t)size), 0);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 0x5a, size);
	return memory;
}

static void marked(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd;
	char *memory = guest_memory(&fd, 8 * page), *again;
	/* Without CONFIG_MEMORY_FAILURE the host's own accesses get the plain code. */
	bool memory_failure = !access("/sys/devices/system/memory/hard_offline_page", F_OK);
	int bad = memory_failure ? BUS_MCEERR_AR : BUS_ADRERR;

	assert_int_equal(sv_poison_mark(memory + 2 * page, page), SV_OK);
	/* Twice: a page may be reported again. */
	assert_int_equal(sv_poison_mark(memory + 2 * page, page), SV_OK);
	assert_int_equal(sv_poison_mark(memory + 5 * page, 2 * page), SV_OK);
	for (unsigned i = 0; i < 8; i++) {
		int code = touch(memory + i * page + 17);

		assert_int_equal(code, i == 2 || i == 5 || i == 6 ? bad : 0);
		if (!code)
			assert_int_equal(memory[i * page], 0x5a);
	}
	/* A page that was never touched is left to the kernel, not to a userfaultfd that is gone. */
	assert_int_equal(madvise(memory, page, MADV_DONTNEED), 0);
	assert_int_equal(touch(memory), 0);
	/* As poison.h says: another mapping does not see it, and it can be cleared. */
	again = mmap(NULL, 8 * page, PROT_READ, MAP_SHARED, fd, 0);
	assert_int_equal(touch(again + 2 * page), 0);
	assert_int_equal(madvise(memory + 2 * page, page, MADV_DONTNEED), 0);
	assert_int_equal(touch(memory + 2 * page), 0);
	/* Not a page. */
	assert_int_equal(sv_poison_mark(memory + 1, page), SV_SYSTEM);
	munmap(memory, 8 * page);
	munmap(again, 8 * page);
	close(fd);
}

static void hardware(void **state)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory;
	int fd;

	memory = guest_memory(&fd, 2 * page);
	assert_int_equal(sv_poison_mark_hardware(memory + page, page), SV_OK);
	assert_int_equal(touch(memory), 0);
	assert_int_equal(touch(memory + page), BUS_MCEERR_AR);
	munmap(memory, 2 * page);
	close(fd);
}

/* Whether this host lets us, asked with memory of its own. */
static bool can_mark(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd;
	char *memory = guest_memory(&fd, page);
	bool can = sv_poison_mark(memory, page) != SV_UNSUPPORTED;

	munmap(memory, page);
	close(fd);
	return can;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(marked)};
	const struct CMUnitTest more[] = {cmocka_unit_test(marked), cmocka_unit_test(hardware)};

	if (!can_mark()) {
		puts("1..0 # SKIP no UFFDIO_POISON on this kernel, or not for this user");
		return 0;
	}
	/* The other takes a page of this machine away until it is booted again: only by wish. */
	return getenv("SALVAGE_TEST_HWPOISON") ? cmocka_run_group_tests(more, NULL, NULL)
					       : cmocka_run_group_tests(tests, NULL, NULL);
}
