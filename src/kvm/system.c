/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <sys/ioctl.h>

#include <salvage/kvm.h>

static int system_ioctl(void *opaque, int fd, unsigned long request, void *argument)
{
	int rc = ioctl(fd, request, argument);

	return rc < 0 ? -errno : rc;
}

const struct sv_kvm_backend sv_kvm_system = {.ioctl = system_ioctl};
