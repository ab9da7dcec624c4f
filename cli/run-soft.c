/* SPDX-License-Identifier: BSD-2-Clause */
/* softkvm as the reference VMM's kernel. */
#include <errno.h>
#include <string.h>

#include <salvage/softkvm.h>

#include "run.h"

static int soft_open(void *opaque, struct vmm_error *error)
{
	int fd = sv_soft_open(opaque);

	if (fd < 0)
		vmm_fail(error, VMM_UNAVAILABLE, "backend soft: %s", strerror(-fd));
	return fd;
}

static void *soft_map(void *opaque, int vcpu_fd, size_t size)
{
	void *run = sv_soft_run_page(opaque, vcpu_fd);

	if (!run)
		errno = EBADF;
	return run;
}

static void soft_unmap(void *opaque, void *run, size_t size)
{
}

static void soft_close(void *opaque, int fd)
{
	sv_soft_close(opaque, fd);
}

/* One that firmware claims is so for every access, of which instruction fetches are another kind. */
static bool soft_poison(void *opaque, int vm_fd, const struct vmm_sea *sea, struct vmm_error *error)
{
	struct sv_soft_poison poison = {.gpa = sea->gpa,
					.error = sea->claimed ? SV_SOFT_CLAIMED : SV_SOFT_SEA,
					.times = sea->times,
					.fetch = sea->insn,
					.fnv = sea->fnv};
	int rc = sv_soft_poison(opaque, vm_fd, &poison);

	if (!rc && sea->claimed) {
		poison.fetch = true;
		rc = sv_soft_poison(opaque, vm_fd, &poison);
	}
	return !rc || vmm_fail(error, VMM_UNAVAILABLE, "--sea=%s: %s: backend soft has room for %d bad pages",
			       sea->text, strerror(-rc), SV_SOFT_POISONED);
}

struct vmm_kernel run_soft_kernel(struct sv_soft *soft)
{
	return (struct vmm_kernel){
		.backend = {.ioctl = sv_soft_ioctl, .opaque = soft},
		.open = soft_open,
		.map = soft_map,
		.unmap = soft_unmap,
		.close = soft_close,
		.poison = soft_poison,
	};
}
