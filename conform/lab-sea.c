/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory errors where the host is a real kernel: the laboratory makes aborts, madvise(2) makes poison. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sea.h>

#include "case.h"

const char *conform_lab_sea(struct conform *conform, uint64_t gpa, unsigned flags)
{
	struct vmm_sea sea = {.text = "conform",
			      .gpa = gpa,
			      .times = 1,
			      .fnv = flags & CONFORM_SEA_FNV,
			      .insn = flags & CONFORM_SEA_INSN};
	static struct vmm_error error;
	int port = open(VMM_SEA_PORT, O_RDWR | O_CLOEXEC);
	bool good;

	if (port < 0)
		return "external aborts are made only in the laboratory, with --backend=lab";
	good = vmm_sea_request(port, &sea, VMM_SEA_PATIENCE, &error);
	close(port);
	return good ? NULL : error.text;
}

const char *conform_host_poison(struct conform *conform, void *page, size_t size)
{
	static char why[80];

	/* EBUSY: poisoned, but not taken out of use, as with a guest_memfd. */
	if (!madvise(page, size, MADV_HWPOISON) || errno == EBUSY)
		return NULL;
	if (errno == EPERM)
		return "madvise(MADV_HWPOISON) is root's";
	snprintf(why, sizeof(why), "madvise(MADV_HWPOISON): %s", conform_errno(errno));
	return why;
}
