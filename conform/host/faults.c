/* SPDX-License-Identifier: BSD-2-Clause */
/* Host memory that somebody else provides while the guest waits: userfaultfd(2). */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/userfaultfd.h>

#include "../case.h"

/* Since Linux 6.6; older headers have neither. */
struct poison_range {
	uint64_t start, length, mode;
	int64_t updated;
};
#define POISON         _IOWR(0xaa, 0x08, struct poison_range)
#define FEATURE_POISON (UINT64_C(1) << 14)

struct pager {
	int fd;
	size_t page;
	bool poison;
	unsigned served;
};

/*
 * Puts in a page that begins with RET, and has a number in every other place, until there is no more to do.
 */
static void *serve(void *opaque)
{
	static uint64_t content[0x10000 / 8];
	static const uint32_t ret = 0xd65f03c0;
	struct pager *pager = opaque;
	struct uffd_msg message;

	for (size_t i = 0; i < sizeof(content) / sizeof(*content); i++)
		content[i] = 0x5500 + i;
	memcpy(content, &ret, sizeof(ret));
	while (read(pager->fd, &message, sizeof(message)) == sizeof(message)) {
		uint64_t at = message.arg.pagefault.address & ~((uint64_t)pager->page - 1);
		struct uffdio_copy copy = {.dst = at, .src = (uintptr_t)content, .len = pager->page};
		struct poison_range poison = {.start = at, .length = pager->page};

		if (message.event != UFFD_EVENT_PAGEFAULT)
			continue;
		pager->served++;
		if (pager->poison ? ioctl(pager->fd, POISON, &poison) : ioctl(pager->fd, UFFDIO_COPY, &copy))
			break;
	}
	return NULL;
}

static void begin(struct conform *conform, struct pager *pager)
{
	struct conform_region *extra = &conform->regions[REGION_EXTRA];
	struct uffdio_api api = {.api = UFFD_API, .features = pager->poison ? FEATURE_POISON : 0};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	pthread_t thread;

	conform_start(conform);
	pager->page = (size_t)sysconf(_SC_PAGESIZE);
	pager->fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (pager->fd < 0)
		conform_skip(conform, "userfaultfd: %s", conform_errno(errno));
	if (ioctl(pager->fd, UFFDIO_API, &api))
		conform_skip(conform, "no UFFDIO_POISON");
	range.range.start = (uintptr_t)extra->host;
	range.range.len = extra->size;
	if (ioctl(pager->fd, UFFDIO_REGISTER, &range) || pthread_create(&thread, NULL, serve, pager))
		conform_die(conform, "userfaultfd: %s", conform_errno(errno));
	pthread_detach(thread);
}

static void paged(struct conform *conform)
{
	static struct pager pager;

	begin(conform, &pager);
	conform_drive(conform);
	conform_line(conform, "pages asked for: %u", pager.served);
}

static volatile sig_atomic_t signals, code;

static void note(int number, siginfo_t *info, void *context)
{
	signals++;
	code = info->si_code;
}

static void poisoned(struct conform *conform)
{
	static struct pager pager = {.poison = true};
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &action, NULL);
	begin(conform, &pager);
	conform_until(conform, CONFORM_FAILED);
	conform_line(conform, "signals: %d, %s", (int)signals,
		     code == BUS_MCEERR_AR ? "BUS_MCEERR_AR" : "another code");
	conform_say_pc(conform);
}

static const struct conform_case rows[] = {
	{.name = "paged_load",
	 .guest = "memory_load",
	 .host = paged,
	 .summary = "a page that userfaultfd(2) brings: the guest waits",
	 .expected = "register 0x5521\n"
		     "done\n"
		     "pages asked for: 1\n"},
	{.name = "paged_store",
	 .guest = "memory_store",
	 .host = paged,
	 .summary = "the same for a store",
	 .expected = "over\n"
		     "done\n"
		     "pages asked for: 1\n"},
	{.name = "paged_pair",
	 .guest = "memory_pair",
	 .host = paged,
	 .summary = "the same for a pair",
	 .expected = "registers 0x5521 0x5522\n"
		     "done\n"
		     "pages asked for: 1\n"},
	{.name = "paged_fetch",
	 .guest = "memory_fetch",
	 .host = paged,
	 .summary = "the same for a fetch",
	 .expected = "back\n"
		     "done\n"
		     "pages asked for: 1\n"},
	{.name = "paged_poison",
	 .flags = CASE_HOST,
	 .guest = "memory_load",
	 .host = poisoned,
	 .summary = "UFFDIO_POISON: SIGBUS to the vCPU's thread",
	 .expected = "run: EINTR\n"
		     "signals: 1, BUS_MCEERR_AR\n"
		     "pc insn\n"},
};

const struct conform_group conform_faults = CONFORM_GROUP(rows);
