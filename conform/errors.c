/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory errors on purpose: a kernel that is a model makes them itself; for a real one the laboratory makes
 * aborts (docs/laboratory.md), and madvise(2) makes poison.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sea.h>

#include "case.h"

static struct vmm_error error;

static const char *by_kernel(struct conform *conform, const struct vmm_sea *sea)
{
	const struct vmm_kernel *kernel = conform->kernel;

	return kernel->poison(kernel->backend.opaque, conform->vm, sea, &error) ? NULL : error.text;
}

const char *conform_sea(struct conform *conform, uint64_t gpa, unsigned flags)
{
	struct vmm_sea sea = {.text = "conform",
			      .gpa = gpa,
			      .times = 1,
			      .fnv = flags & CONFORM_SEA_FNV,
			      .insn = flags & CONFORM_SEA_INSN};
	bool good;
	int port;

	if (conform->kernel->poison)
		return by_kernel(conform, &sea);
	port = open(VMM_SEA_PORT, O_RDWR | O_CLOEXEC);
	if (port < 0)
		return "external aborts are made only with --backend=lab and --backend=soft";
	good = vmm_sea_request(port, &sea, VMM_SEA_PATIENCE, &error);
	close(port);
	return good ? NULL : error.text;
}

const char *conform_poison(struct conform *conform, uint64_t gpa, void *page, size_t size)
{
	struct vmm_sea sea = {.text = "conform", .gpa = gpa, .times = 1, .claimed = true};
	static char why[80];

	if (conform->kernel->poison)
		return by_kernel(conform, &sea);
	if (!conform->backend->poison)
		return "it takes a page of this host's memory, for good: --poison";
	/* EBUSY: poisoned, but not taken out of use, as with a guest_memfd. */
	if (!madvise(page, size, MADV_HWPOISON) || errno == EBUSY)
		return NULL;
	snprintf(why, sizeof(why), "madvise(MADV_HWPOISON): %s%s", conform_errno(errno),
		 errno == EPERM ? ", it is root's" : "");
	return why;
}
